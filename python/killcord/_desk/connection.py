"""One HTTP connection to a venue, kept open, with the time of every question and answer. Signed by the dialect's own code;
sent by the standard library, so that it shares neither socket nor thread with a guard.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass

from .._killcord import CallWriter
from ..venues import Venue
from .node import Node

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_BODY_BYTES_MAX = 16 << 20
"""Far more than any list of instruments; bounds what a broken peer can make us read."""


def now_ns() -> int:
    """What time it is on the guard's clock, which is the same in every process."""
    return time.clock_gettime_ns(_CLOCK)


class DeskError(Exception):
    """No answer came. Says what to do."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue said to one call."""

    step: str
    status: int
    body: Node
    """The JSON document; nothing when the body was none."""
    date: str | None
    """The ``Date`` header."""
    sent_ns: int
    """When the call was handed over, on the guard's clock."""
    heard_ns: int
    """When the answer was complete."""
    wall_sent_ns: int
    wall_heard_ns: int

    @property
    def round_trip_s(self) -> float:
        """From the first to the last of it."""
        return (self.heard_ns - self.sent_ns) / 1e9


class Desk:
    """Asks one venue for one account."""

    def __init__(self, venue: Venue, timeout_s: float = 5.0) -> None:
        self.venue = venue
        self.writer = CallWriter(venue._spec())
        self.clock_offset_ms = 0
        """Venue's clock minus ours; what is signed is stamped with the venue's time."""
        self._timeout_s = timeout_s
        self._tls = _tls_context(self.writer.ca_pem) if self.writer.http[0] or self.writer.guard[0] else None
        self._connection: http.client.HTTPConnection | None = None

    @property
    def address(self) -> str:
        """Where calls go, for people."""
        tls, host, port = self.writer.http
        return f"{'https' if tls else 'http'}://{host}:{port}"

    def ask(self, step: str, **params: str) -> Answer:
        """One call and its answer. ``step`` is in the venue's spelling. Raises ``DeskError`` when no answer came.

        What was sent on a connection that the venue had closed meanwhile is written and sent once more: nothing that goes
        through here creates an order.
        """
        kept = self._connection is not None
        try:
            return self._ask(step, params)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            self.close()
            if not kept:
                raise DeskError(f"{self.address} ended the connection without an answer", _BEHIND_PORT) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _told(error, self.address) from error
        try:
            return self._ask(step, params)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _told(error, self.address) from error

    def knock(self) -> tuple[int, float, str]:
        """Dials the guarding websocket, upgrades, logs in nowhere and hangs up: status, seconds, TLS version.

        Raises ``DeskError``.
        """
        tls, host, port, path = self.writer.guard
        began_ns = now_ns()
        connection = self._connect(tls, host, port)
        try:
            connection.putrequest("GET", path or "/", skip_accept_encoding=True)
            key = base64.b64encode(os.urandom(16)).decode()
            for name, value in {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key,
                "User-Agent": "killcord-check",
            }.items():
                connection.putheader(name, value)
            connection.endheaders()
            version = connection.sock.version() or "" if isinstance(connection.sock, ssl.SSLSocket) else "plaintext"
            status = connection.getresponse().status
            return status, (now_ns() - began_ns) / 1e9, version
        except (OSError, http.client.HTTPException) as error:
            raise _told(error, f"{host}:{port}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Ends the connection; the next call makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, step: str, params: dict[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._connect(*self.writer.http)
            self._connection.connect()
        method, path, headers, body = self.writer.write(step, list(params.items()), self.clock_offset_ms)
        sent_ns, wall_sent_ns = now_ns(), time.time_ns()
        self._connection.request(method, path, body=body.encode() or None, headers=dict(headers))
        response = self._connection.getresponse()
        text = response.read(_BODY_BYTES_MAX)
        heard_ns, wall_heard_ns = now_ns(), time.time_ns()
        if response.will_close:
            self.close()
        times = (sent_ns, heard_ns, wall_sent_ns, wall_heard_ns)
        return Answer(step, response.status, _read(text), response.getheader("Date"), *times)

    def _connect(self, tls: bool, host: str, port: int) -> http.client.HTTPConnection:
        if tls:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


_BEHIND_PORT = "check that the address is the venue's and that HTTP is spoken there"


def _tls_context(ca_pem: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_pem is not None:
        context.load_verify_locations(cadata=ca_pem)
    return context


def _read(text: bytes) -> Node:
    try:
        return Node(json.loads(text))
    except ValueError:
        return Node(None)


def _told(error: Exception, address: str) -> DeskError:
    """Which of the ways in which no answer comes it was, and what to do."""
    match error:
        case ssl.SSLCertVerificationError():
            why = error.verify_message or "not accepted"
            advice = "check the address, the authorities (--ca) and this machine's clock"
            return DeskError(f"{address}: the certificate was not accepted ({why})", advice)
        case ssl.SSLError():
            return DeskError(f"{address}: TLS failed ({error.reason or error})", "check that TLS is spoken at this address")
        case socket.gaierror():
            return DeskError(f"{address}: the name was not found", "check the spelling and this machine's name server")
        case ConnectionRefusedError():
            return DeskError(f"{address} refused the connection", "nothing listens there, or a firewall says so")
        case TimeoutError():
            return DeskError(f"{address} did not answer in time", "check route and firewall; try again")
        case _:
            return DeskError(f"{address}: {type(error).__name__}: {error}", _BEHIND_PORT)
