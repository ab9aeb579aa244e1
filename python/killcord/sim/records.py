"""What an embedded venue tells about itself: enums and frozen records. Nothing here acts.

A point in time ends in ``_ns``: ``at_ns`` and its like count on the guard's own clock (``CLOCK_BOOTTIME``), the same that
guards' events carry; ``wall_ns`` is the venue's wall clock, skew included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, unique
from typing import TypeAlias

from .._killcord import Credentials


@unique
class JournalKind(Enum):
    """What kind of thing happened at the venue."""

    OPENED = "opened"
    """A websocket was accepted."""
    ENDED = "ended"
    """A websocket ended; the detail says who ended it and how."""
    LOGGED_IN = "logged_in"
    """A login was accepted."""
    REFUSED = "refused"
    """A request was refused."""
    SWITCH_SET = "switch_set"
    """The switch was set, subscribed or fed."""
    SWITCH_OFF = "switch_off"
    """The switch was taken off."""
    LIFE_SIGN = "life_sign"
    """What counts as a sign of life of the client arrived: a heartbeat answer, a feed, a ping."""
    HEARTBEAT = "heartbeat"
    """The venue sent its own heartbeat or test request."""
    TRIPPED = "tripped"
    """The switch fired."""
    ORDER_OPENED = "order_opened"
    """An order was accepted."""
    ORDER_CANCELLED = "order_cancelled"
    """An order was cancelled; the detail says by whom."""
    FAULT_APPLIED = "fault_applied"
    """A fault of the venue was applied."""


@unique
class OrderState(Enum):
    """Where an order stands."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"


@unique
class CancelCause(Enum):
    """Who cancelled an order. A venue may not tell its clients; the journal tells tests."""

    USER = "user"
    """A client asked."""
    SWITCH = "switch"
    """The switch fired."""
    VENUE = "venue"
    """The venue itself, for maintenance and the like."""


@unique
class Sockets(Enum):
    """Many sockets at once, for faults of the wire."""

    ALL = "all"
    """Every socket."""
    WEBSOCKETS = "websockets"
    """Those that are or become websockets; plain HTTP goes on."""
    HTTP = "http"
    """Those that carry plain HTTP; websockets go on."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One thing that happened at the venue."""

    number: int
    """Counts from 0 for the life of the venue."""
    at_ns: int
    wall_ns: int
    account: str
    """The account's name; empty when unknown."""
    connection: int | None
    """The websocket; None over HTTP or when the venue acted by itself."""
    kind: JournalKind
    detail: str
    """Particulars: a method, an order id, a close code."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order the venue accepted."""

    number: int
    id: str
    """In the venue's spelling, as are the other texts."""
    account: str
    connection: int | None
    """The websocket that created it; None when it came over HTTP."""
    client_id: str
    """Empty when the client gave none."""
    instrument: str
    category: str
    """Product line; empty where the venue has none."""
    side: str
    price: str
    quantity: str
    state: OrderState
    cause: CancelCause | None
    """Who cancelled it; None unless it is cancelled."""
    created_ns: int
    updated_ns: int


@dataclass(frozen=True, slots=True)
class Connection:
    """One open websocket."""

    number: int
    path: str
    """What it asked for, with query."""
    account: str | None
    """The account that logged in on it, once one has."""
    opened_ns: int
    reads: bool
    """Whether bytes reach the venue."""
    writes: bool
    """Whether bytes leave the venue."""


@dataclass(frozen=True, slots=True)
class Account:
    """One API key of an embedded venue. It opens nothing anywhere else, so its secret may be read here."""

    name: str
    """Keys of the same name share orders and switch."""
    key: str
    secret: str = field(repr=False)

    @property
    def credentials(self) -> Credentials:
        """The key pair as a guard wants it."""
        return Credentials.values(key=self.key, secret=self.secret)


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting of an embedded venue: what may be varied, and where the venue's documentation does not say."""

    name: str
    value: str
    doc: str
    """What it does, its unit and its range."""


Where: TypeAlias = Sockets | Connection | Account
"""On which sockets a fault of the wire falls. An account means the websockets that it has logged in."""
