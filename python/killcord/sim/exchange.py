"""A venue on loopback that can be broken on purpose."""

from __future__ import annotations

import asyncio
import base64
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Literal, Self, TypeAlias

from .. import _killcord
from .._killcord import Credentials
from ..config import Endpoints
from ..errors import ConfigError, NotApplicable
from ..model import VenueName
from .records import (
    Account,
    CancelCause,
    Connection,
    JournalEntry,
    JournalKind,
    Knob,
    Order,
    OrderState,
    Sockets,
    Where,
)

Venue: TypeAlias = VenueName | Literal["crypto_com", "deribit", "bybit", "kraken"]
KnobValue: TypeAlias = str | int | bool

_ON_ALL = Sockets.ALL
_ALPHANUMERIC = string.ascii_letters + string.digits


class Exchange:
    """An embedded venue: websocket and HTTP on one port of loopback, behind TLS with a throw-away authority, with login by
    real signatures, resting orders, and its switch with true timing. It serves from the moment it is built until
    ``stop()``, the end of its ``with``, or garbage collection. It runs on a thread of its own; calls here are short, come
    from any thread, have taken effect when they return, and release the GIL.

    ``venue``: which one. ``factor``: how long the venue's own periods last compared to the real venue, 0.001 to 1; 0.1 is
    ten times as fast. ``accounts``: names of accounts to begin with; the first is ``account``. ``knobs``: settings of the
    venue by name, see ``knobs()``. ``plaintext``: no TLS. ``host``: an address, not a name. ``port``: 0 takes a free one.
    ``certificate_hosts``: what the certificate is good for. ``certificate_expired``: it ended in 2020.

    Raises ``ConfigError`` for a value that is not possible, and ``OSError`` when the port cannot be listened on.

    >>> with Exchange("bybit", factor=0.1) as bybit:
    ...     bybit.guard_url.endswith("/v5/private"), bybit.open_order_count()
    (True, 0)
    """

    def __init__(
        self,
        venue: Venue,
        *,
        factor: float = 1.0,
        accounts: Sequence[str] = ("main",),
        knobs: Mapping[str, KnobValue] | None = None,
        plaintext: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate_hosts: Sequence[str] = ("localhost", "127.0.0.1", "::1"),
        certificate_expired: bool = False,
    ) -> None:
        word = venue.value if isinstance(venue, VenueName) else venue
        names = list(certificate_hosts)
        self._native = _killcord.Exchange(word, factor, host, port, names, certificate_expired, plaintext)
        self._venue = VenueName(word)
        self._factor = factor
        try:
            for name, value in (knobs or {}).items():
                self.set_knob(name, value)
        except ConfigError:
            self.stop()
            raise
        self._accounts = [self.add_account(name) for name in accounts]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """Stops listening and ends every connection. Journal and orders can still be read. Twice is harmless."""
        self._native.stop()

    # Where it is and who may come in.

    @property
    def venue(self) -> VenueName:
        """Which venue it is."""
        return self._venue

    @property
    def guard_url(self) -> str:
        """The websocket whose life the venue watches."""
        return self._native.guard_url

    @property
    def trade_url(self) -> str | None:
        """The order-entry websocket, where the venue has a separate one (Bybit)."""
        return self._native.trade_url

    @property
    def http_url(self) -> str:
        """Prefix of HTTP calls, without a path."""
        return self._native.http_url

    @property
    def ca_pem(self) -> str | None:
        """The certificate authority to trust, PEM text; None without TLS."""
        return self._native.ca_pem

    @property
    def endpoints(self) -> Endpoints:
        """All of these as a guard wants them: ``Kraken(exchange.credentials, custom=exchange.endpoints)``."""
        return Endpoints(self.guard_url, self.http_url, self.trade_url, self.ca_pem, self._factor)

    @property
    def account(self) -> Account:
        """The first account. Raises ``IndexError`` when the venue was built without any."""
        return self._accounts[0]

    @property
    def credentials(self) -> Credentials:
        """The first account's key pair."""
        return self.account.credentials

    def add_account(self, name: str = "main", *, key: str | None = None, secret: str | None = None) -> Account:
        """Adds a key, with values made up in the venue's form unless given. Keys of one name share orders and switch."""
        made_key, made_secret = _make_keys(self._venue)
        account = Account(name, made_key if key is None else key, made_secret if secret is None else secret)
        self._native.add_account(account.key, account.secret, account.name)
        return account

    def revoke(self, account: Account) -> None:
        """Takes a key's validity away. Raises ``ConfigError`` when the venue does not know it."""
        self._native.revoke(account.key)

    def restrict(self, account: Account, lacks: Iterable[str]) -> None:
        """Takes permissions away from a key, in the venue's spelling; an empty list gives them back."""
        self._native.restrict(account.key, list(lacks))

    # What it knows.

    def knobs(self) -> dict[str, Knob]:
        """Every knob by its name."""
        return {name: Knob(name, value, doc) for name, value, doc in self._native.knobs()}

    def set_knob(self, name: str, value: KnobValue) -> None:
        """Sets a knob. Raises ``ConfigError`` when there is no such knob or it cannot have that value."""
        self._native.set_knob(name, str(value).lower() if isinstance(value, bool) else str(value))

    def journal(self, since: int = 0) -> list[JournalEntry]:
        """What happened, oldest first, from entry number ``since`` on. The venue keeps the last 100 000 entries."""
        return [_entry(fields) for fields in self._native.journal(since)]

    def wait_for(
        self,
        kind: JournalKind | None = None,
        *,
        account: Account | None = None,
        detail: str | None = None,
        since: int = 0,
        timeout_s: float = 5.0,
    ) -> JournalEntry:
        """Waits for a journal entry of this kind, of this account, whose detail contains this text, and returns the first
        from number ``since`` on. Blocks the calling thread; an interrupt ends it. Raises ``TimeoutError``.
        """
        word, name = kind.value if kind else None, account.name if account else None
        found = self._native.wait_journal(since, word, name, detail, timeout_s)
        if found is None:
            raise TimeoutError(f"no {word or 'entry'} in the journal of {self._venue.value} within {timeout_s} s")
        return _entry(found)

    def orders(self) -> list[Order]:
        """Every order the venue has ever accepted, oldest first."""
        return [
            Order(*head, *terms, OrderState(state), CancelCause(cause) if cause else None, *times)
            for head, terms, (state, cause), times in self._native.orders()
        ]

    def open_order_count(self) -> int:
        """How many orders rest."""
        return self._native.open_order_count()

    def connections(self) -> list[Connection]:
        """The open websockets, oldest first."""
        return [Connection(*fields) for fields in self._native.connections()]

    def would_trip_by_ns(self, account: Account) -> int | None:
        """If nothing more arrived from the websockets this account has logged in: by when, on the guard's clock, would the
        venue have started to cancel what its switch covers? None: never. The truth, whatever was acknowledged.
        """
        return self._native.would_trip_by(account.name)

    def now_ns(self) -> int:
        """What time it is on the guard's clock."""
        return self._native.now()[0]

    def wall_ns(self) -> int:
        """What time it is on the venue's wall clock, skew included."""
        return self._native.now()[1]

    # What an exchange does wrong. ``step`` is a method or operation in the venue's spelling, ``"*"`` is every request,
    # ``times=None`` is for ever.

    def refuse(self, step: str, code: str | None = None, times: int | None = 1) -> None:
        """Answers the next ``times`` requests of this step with an error; ``code`` replaces the venue's usual one."""
        self._native.refuse(step, code, times)

    def lose_request(self, step: str, times: int | None = 1) -> None:
        """Loses the next ``times`` requests of this step on the way in: nothing happens and nothing is answered."""
        self._native.lose_request(step, times)

    def lose_answer(self, step: str, times: int | None = 1) -> None:
        """Acts on the next ``times`` requests of this step and loses the answers."""
        self._native.lose_answer(step, times)

    def late(self, step: str, by_s: float, times: int | None = 1) -> None:
        """Acts on the next ``times`` requests of this step and answers ``by_s`` seconds (real time) later."""
        self._native.late(step, by_s, times)

    def silence_pings(self) -> None:
        """Leaves pings of both kinds unanswered, until healed."""
        self._native.silence_pings()

    def stop_heartbeats(self) -> None:
        """Stops the venue's own heartbeats, until healed."""
        self._native.stop_heartbeats()

    def dishonour(self) -> None:
        """Acknowledges everything and lets the switch do nothing, until healed."""
        self._native.dishonour()

    def maintenance(self) -> None:
        """Takes the venue down for maintenance, until healed."""
        self._native.maintenance()

    def expire_tokens(self) -> None:
        """Ends the life of every token given out so far. Raises ``NotApplicable`` on venues without tokens."""
        if "invalidate_tokens" not in self.knobs():
            why = f"{self._venue.value} gives out no tokens"
            raise NotApplicable(f"expire_tokens is not possible: {why}", call="expire_tokens", why=why)
        self.set_knob("invalidate_tokens", True)

    # What a network or a host does wrong.

    def cut(self, on: Where = _ON_ALL) -> None:
        """Lets nothing pass either way and ends nothing, until healed: no FIN, no reset. Befalls new sockets too. What was
        sent meanwhile waits and is delivered after healing. The venue's own timers go on.
        """
        self._native.cut(_on(on))

    def stop_reading(self, on: Where = _ON_ALL) -> None:
        """Stops reading and goes on sending, until healed. Befalls new sockets too."""
        self._native.stop_reading(_on(on))

    def drip(self, pause_s: float, on: Where = _ON_ALL) -> None:
        """Lets one byte out, then none for ``pause_s`` seconds, and so on, until healed. Befalls new sockets too."""
        self._native.drip(_on(on), pause_s)

    def inject(self, data: bytes, on: Where = _ON_ALL) -> None:
        """Sends these bytes on the websockets there are as they are, inside TLS but outside any message: whatever a broken
        or hostile peer might say. ``b"\\x81\\x02hi"`` is a text message.
        """
        self._native.inject(_on(on), data)

    def reset(self, on: Where = _ON_ALL) -> None:
        """Resets the connections there are (RST)."""
        self._native.reset(_on(on))

    def fin(self, on: Where = _ON_ALL) -> None:
        """Ends the connections there are with a bare FIN: no close frame, no TLS close_notify."""
        self._native.fin(_on(on))

    def close(self, code: int = 1001, reason: str = "", on: Where = _ON_ALL) -> None:
        """Closes the websockets there are with a close frame. Raises ``ConfigError`` for a code that may not be sent."""
        self._native.close(_on(on), code, reason)

    def freeze(self) -> None:
        """Stops the whole venue, timers included, until healed."""
        self._native.freeze()

    def refuse_dials(self) -> None:
        """Refuses new connections, until healed. The port is kept."""
        self._native.refuse_dials()

    def slow_accept(self, by_s: float) -> None:
        """Says nothing on a new connection for ``by_s`` seconds, until healed."""
        self._native.slow_accept(by_s)

    def heal(self) -> None:
        """Takes back every fault that lasts. Knobs, keys and the clock stay as they are."""
        self._native.heal()

    def set_clock_skew(self, skew_ms: int) -> None:
        """Sets the venue's wall clock this many milliseconds ahead of the machine's; behind when negative."""
        self._native.set_clock_skew(skew_ms)


def _entry(fields: tuple[int, int, int, str, int | None, str, str]) -> JournalEntry:
    number, at_ns, wall_ns, account, connection, kind, detail = fields
    return JournalEntry(number, at_ns, wall_ns, account, connection, JournalKind(kind), detail)


def _on(where: Where) -> tuple[str, int | None, str | None]:
    match where:
        case Sockets():
            return where.value, None, None
        case Connection():
            return "", where.number, None
        case Account():
            return "", None, where.name


def _make_keys(venue: VenueName) -> tuple[str, str]:
    """A key and a secret in the form of the venue's own; Kraken's secret is base64 of 64 bytes."""
    match venue:
        case VenueName.CRYPTO_COM:
            return _letters(22), f"cxakp_{_letters(22)}"
        case VenueName.DERIBIT:
            return _letters(8), _letters(43)
        case VenueName.BYBIT:
            return _letters(18), _letters(36)
        case VenueName.KRAKEN:
            return base64.b64encode(secrets.token_bytes(42)).decode(), base64.b64encode(secrets.token_bytes(64)).decode()


def _letters(length: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))
