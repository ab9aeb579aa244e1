//! Floor 5: sockets, clock, threads, HTTP.
