"""The promises, seen true: on real sockets, through the public interface, each with a figure."""
