"""What is said on the socket: one line of JSON for a request, one or two for its answer. Every line has a bound.

::

    {"version": 1, "do": "status"}                                  {"version": 1, ...the state}
    {"version": 1, "do": "rearm", "accounts": ["desk"], "acknowledge": "…"}
                                                                    {"version": 1, "accounts": ["desk"]}
    {"version": 1, "do": "kill", "accounts": null, "reason": "…"}   {"version": 1, "accepted": ["desk", "spot"]} at once
                                                                    {"version": 1, "results": {"desk": {…}}} when it is over

``accounts`` may be null: all of them. What cannot be done is answered ``{"version": 1, "error": "…"}``.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import cast

from ..model import Json

VERSION = 1
LINE_BYTES_MAX = 4 * 1024 * 1024
"""A kill that leaves a thousand orders on each of 64 accounts fits."""
REQUEST_BYTES_MAX = 64 * 1024


class Garbled(Exception):
    """The other end said something that is no line of this protocol."""


def write_line(connection: socket.socket, said: Mapping[str, Json]) -> None:
    """Says one line."""
    connection.sendall(json.dumps({"version": VERSION, **said}, separators=(",", ":")).encode() + b"\n")


class LineReader:
    """Reads lines from one connection."""

    def __init__(self, connection: socket.socket, bytes_max: int = LINE_BYTES_MAX) -> None:
        self._connection = connection
        self._bytes_max = bytes_max
        self._unread = b""

    def next(self, within_s: float) -> dict[str, Json] | None:
        """The next line; None at the end. Raises ``TimeoutError`` when it is not complete in time, and ``Garbled``."""
        deadline = time.monotonic() + within_s
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
            data = self._connection.recv(65536)
            if not data:
                return None
            self._unread += data
            if len(self._unread) > self._bytes_max:
                raise Garbled(f"a line of more than {self._bytes_max} bytes")
        line, self._unread = self._unread.split(b"\n", 1)
        return _object(line)


def _object(line: bytes) -> dict[str, Json]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise Garbled("not JSON") from None
    if not isinstance(said, dict) or said.get("version") != VERSION:
        raise Garbled(f"not a JSON object of version {VERSION}")
    return cast(dict[str, Json], said)
