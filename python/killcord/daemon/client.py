"""The caller's end of the socket: asks one thing, waits a stated time, and tells apart nobody there, nobody answering, and
a refusal.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..model import Json
from .place import Peer, is_welcome, peer_of
from .wire import Garbled, LineReader, write_line

CONNECT_WITHIN_S = 1.0


class NobodyThere(Exception):
    """Nothing listens at the socket."""


class NoAnswer(Exception):
    """Something listens, and says nothing usable in time."""


class Denied(Exception):
    """The service, or the rights of its socket, do not let this user in."""


class Call:
    """One connection to the service. A context manager."""

    def __init__(self, path: Path) -> None:
        """Connects. Raises ``NobodyThere``, ``NoAnswer`` and ``Denied``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_WITHIN_S)
        try:
            self._socket.connect(str(path))
            self.peer = peer_of(self._socket)
            _check_owner(path, self.peer)
        except BaseException as error:
            self._socket.close()
            raise _translated(path, error) from None
        self._reader = LineReader(self._socket)

    def ask(self, request: Mapping[str, Json], within_s: float) -> dict[str, Json]:
        """Asks, and returns the first line of the answer. Raises ``NoAnswer`` and ``Denied``."""
        self._socket.settimeout(within_s)
        # A service that hangs up while it is asked has said why before.
        with suppress(OSError):
            write_line(self._socket, request)
        return self.next(within_s)

    def next(self, within_s: float) -> dict[str, Json]:
        """The next line of the answer. Raises ``NoAnswer`` and ``Denied``."""
        who = f"process {self.peer.pid}"
        try:
            answer = self._reader.next(within_s)
        except TimeoutError:
            raise NoAnswer(f"{who} has the socket and does not answer within {within_s:g} s") from None
        except (OSError, Garbled) as error:
            raise NoAnswer(f"{who} has the socket and does not answer as killcord does: {error}") from None
        if answer is None:
            raise NoAnswer(f"{who} hung up without an answer")
        if "error" in answer:
            raise Denied(f"{who}: {answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


def _check_owner(path: Path, peer: Peer) -> None:
    """Who listens must be somebody whose word counts: this user, root, or, for root, the owner of the folder."""
    if is_welcome(peer) or (os.geteuid() == 0 and peer.uid == path.parent.stat().st_uid):
        return
    raise Denied(f"{path} is answered by uid {peer.uid}, who is neither root nor this user")


def _translated(path: Path, error: BaseException) -> BaseException:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return NobodyThere(f"no killcord run answers at {path}")
    if isinstance(error, PermissionError):
        return Denied(f"{path}: this user may not reach it")
    if isinstance(error, TimeoutError | BlockingIOError):
        return NoAnswer(f"{path} takes no more callers")
    if isinstance(error, OSError):
        return NobodyThere(f"no killcord run can be reached at {path}: {error.strerror or error}")
    return error
