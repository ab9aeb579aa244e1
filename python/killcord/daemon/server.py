"""The service's end of its socket. It takes callers whose uid is its own or root's, hands what they ask to the service,
and never stands in the way of a guard: each caller has a thread, a deadline, and no say in anything but what ``wire`` lists.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ..errors import KillcordError
from ..model import Json
from .place import is_welcome, own_folder, peer_of
from .wire import REQUEST_BYTES_MAX, Garbled, LineReader, write_line

REQUEST_WITHIN_S = 2.0
"""A caller that says nothing for so long is hung up on."""
ANSWER_WITHIN_S = 5.0
CALLERS_MAX = 16
RETRY_S = 0.1


class Service(Protocol):
    """What can be asked over the socket."""

    def status(self) -> dict[str, Json]:
        """The state of every guard."""

    def rearm(self, accounts: list[str], acknowledge: str) -> None:
        """Acknowledges a trip."""

    def kill(self, accounts: list[str], reason: str) -> dict[str, Json]:
        """Cancels everything; returns when that is over."""

    def names(self) -> list[str]:
        """The accounts there are."""


class SocketTaken(KillcordError):
    """Another process answers at the socket."""


class Server:
    """A listening socket, and its callers' threads."""

    def __init__(self, path: Path) -> None:
        """Takes the path. Raises ``SocketTaken``, ``ConfigError`` and ``OSError``."""
        own_folder(path)
        self.path = path
        self._lock = _locked(path)
        # Whoever had the lock is gone; what it left behind answers nobody.
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)
            try:
                self._listener.bind(str(path))
            finally:
                os.umask(before)
            self._listener.listen(CALLERS_MAX)
        except OSError:
            self._listener.close()
            os.close(self._lock)
            raise
        self._closed = threading.Event()
        self._callers = threading.BoundedSemaphore(CALLERS_MAX)

    def serve(self, service: Service) -> None:
        """Answers from now on, in threads of its own."""
        threading.Thread(target=self._accept, args=(service,), name="killcord-socket", daemon=True).start()

    def close(self) -> None:
        """Hangs up, and takes the socket away."""
        self._closed.set()
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        os.close(self._lock)

    def _accept(self, service: Service) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                # Closed, or out of descriptors for now.
                self._closed.wait(RETRY_S)
                continue
            if not self._callers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._answer, args=(service, connection), name="killcord-caller", daemon=True).start()

    def _answer(self, service: Service, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(ANSWER_WITHIN_S)
                peer = peer_of(connection)
                if not is_welcome(peer):
                    write_line(connection, {"error": f"uid {peer.uid} may not ask this: only root and uid {os.geteuid()}"})
                    return
                try:
                    _converse(service, connection)
                except Garbled as error:
                    write_line(connection, {"error": str(error)})
                except KillcordError as error:
                    write_line(connection, {"error": f"{type(error).__name__}: {error}"})
        finally:
            self._callers.release()


def _converse(service: Service, connection: socket.socket) -> None:
    request = LineReader(connection, REQUEST_BYTES_MAX).next(REQUEST_WITHIN_S)
    if request is None:
        return
    connection.settimeout(ANSWER_WITHIN_S)
    match request.get("do"):
        case "status":
            write_line(connection, service.status())
        case "rearm":
            acknowledge = request.get("acknowledge")
            if not isinstance(acknowledge, str):
                raise Garbled("a rearm needs the text acknowledge")
            accounts = _known(service, request)
            service.rearm(accounts, acknowledge)
            write_line(connection, {"accounts": accounts})
        case "kill":
            reason = request.get("reason")
            if not isinstance(reason, str):
                raise Garbled("a kill needs a reason")
            accounts = _known(service, request)
            # A caller who is gone by now wanted the kill all the same.
            with suppress(OSError):
                write_line(connection, {"accepted": accounts})
            write_line(connection, {"results": service.kill(accounts, reason)})
        case _:
            raise Garbled("do must be status, rearm or kill")


def _known(service: Service, request: Mapping[str, Json]) -> list[str]:
    """The accounts meant that are here; those that are not are told by being absent from the answer."""
    wanted, names = request.get("accounts"), service.names()
    if wanted is None:
        return names
    if not isinstance(wanted, list):
        raise Garbled("accounts must be an array of names, or null")
    return [name for name in names if name in _texts(wanted)]


def _texts(values: Iterable[Json]) -> set[str]:
    return {value for value in values if isinstance(value, str)}


def _locked(path: Path) -> int:
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SocketTaken(f"another killcord run has the socket {path}") from None
    return lock
