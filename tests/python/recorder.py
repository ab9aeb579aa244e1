"""A listener that keeps every byte a client sent, whatever it does with them: pass them on, answer once, or say nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

#: What is done with a connection after its first bytes came.
Answer = Callable[[socket.socket, bytes, bytearray], None]

#: A TLS record of application data (RFC 8446, 5.1). An alert that is encrypted looks like one, and is this long:
#: its two bytes, the true type, and the cipher's tag of 16.
APPLICATION_DATA, ENCRYPTED_ALERT = 23, 19
HANDSHAKE, CHANGE_CIPHER, ALERT = 22, 20, 21


class Recorder:
    """Listens on loopback, each connection on a thread of its own."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._ended = 0
        self.heard: list[bytearray] = []
        """What each connection sent, in the order in which they were made."""
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def wait_ended(self, count: int, within_s: float = 10.0) -> None:
        """Waits until so many connections were made and have ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended >= count, within_s), f"{self._ended} of {count} connections"

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                kept = bytearray()
                self.heard.append(kept)
                thread = threading.Thread(target=self._serve, args=(client, kept), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, client: socket.socket, kept: bytearray) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(10)
            first = client.recv(65536)
            kept += first
            if first:
                self._answer(client, first, kept)
        with self._changed:
            self._ended += 1
            self._changed.notify_all()


def saying(answer: bytes) -> Answer:
    """Says this once and listens to what is still said."""

    def answered(client: socket.socket, first: bytes, kept: bytearray) -> None:
        client.sendall(answer)
        while more := client.recv(65536):
            kept += more

    return answered


def passing_on(port: int) -> Answer:
    """Passes everything on to the one who listens there, and back."""

    def relayed(client: socket.socket, first: bytes, kept: bytearray) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as venue:
            venue.sendall(first)
            back = threading.Thread(target=_pump, args=(venue, client), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while more := client.recv(65536):
                    kept += more
                    venue.sendall(more)
            venue.shutdown(socket.SHUT_RDWR)
            back.join(10)

    return relayed


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


def records(heard: bytes) -> list[tuple[int, int]]:
    """Type and length of every TLS record in what a client sent; the rest of one that was cut counts as whole."""
    found, at = [], 0
    while at + 5 <= len(heard):
        length = int.from_bytes(heard[at + 3 : at + 5], "big")
        found.append((heard[at], length))
        at += 5 + length
    return found
