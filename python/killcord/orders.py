"""Orders by name: what the venue's list said when it was compared with what a guard sent, and the events about it.

No prices, no quantities, no positions: killcord keeps no book. At most 100 of a kind are named; the counts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from .errors import Refusal
from .events import Event

__all__ = [
    "CancelledBy",
    "CancelledOrder",
    "ForeignOrder",
    "GoneOrder",
    "KeptOrder",
    "Occasion",
    "OrderRef",
    "OrdersCancelled",
    "Reconciled",
    "Resolution",
    "SubscriptionLost",
    "UnknownOrder",
    "Unreconciled",
]


@unique
class Occasion(Enum):
    """Why the venue's open orders were compared with what was sent."""

    AUDIT = "audit"
    """Every minute, or sooner after something was left to be settled. Told only when there is something new."""
    START = "start"
    """The guard starts, and its switch covers whatever rests, whoever sent it (Bybit, Kraken): it goes when that fires."""
    ARMED = "armed"
    """A new link was armed."""
    REARMED = "rearmed"
    """The application called ``rearm()``."""


@unique
class CancelledBy(Enum):
    """Who cancelled an order, as far as there is evidence."""

    SWITCH = "switch"
    """The venue's switch."""
    KILL = "kill"
    """A kill of this guard."""
    USER = "user"
    """Somebody who may: the application through this guard, another program, a person at the website."""
    VENUE = "venue"
    """The venue, for reasons of its own."""
    UNKNOWN = "unknown"
    """Nobody said. It may as well have been filled."""


@unique
class Resolution(Enum):
    """What the list says of an order whose answer was never heard."""

    RESTING = "resting"
    """It rests: the venue lists its client id."""
    NOT_RESTING = "not_resting"
    """The venue does not list its client id: it never arrived, was refused, or is done already."""
    UNDECIDED = "undecided"
    """It had no client id by which it could be recognised."""


@dataclass(frozen=True, slots=True)
class OrderRef:
    """An order's names."""

    order_id: str
    """The venue's id; empty when it was never told."""
    client_id: str
    """The client's id (client order id, label, link id); empty when it has none."""
    instrument: str
    """The instrument as the venue spelled it; empty when it was not said."""


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """Ours, and still resting."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    covered: bool
    """False when the switch of this epoch does not cover it: it was sent on a link that is gone."""


@dataclass(frozen=True, slots=True)
class GoneOrder:
    """Ours, and not resting any more. A list does not tell a fill from a cancellation."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    cancelled_by: CancelledBy
    """If it was cancelled rather than filled: by whom."""
    evidence: str
    """What speaks for that."""


@dataclass(frozen=True, slots=True)
class UnknownOrder:
    """Ours, sent, and never answered."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    resolution: Resolution
    """What the list says of it."""


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """Resting, and not sent through this guard."""

    order: OrderRef
    covered: bool
    """True when the switch covers it all the same, because it covers the account: it goes when that fires."""


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """One of ours that the venue said it cancelled."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    cancelled_by: CancelledBy
    """Who."""
    evidence: str
    """The venue's own word for it."""


@dataclass(frozen=True, slots=True)
class Reconciled(Event):
    """The venue's open orders were read, and compared with what this guard sent and heard acknowledged.

    After every arming and after ``rearm()``; then every minute, told only when something is new. At most 100 orders of a
    kind are named.
    """

    occasion: Occasion
    """Why."""
    asked_ns: int
    """When the list was asked for, on the guard's clock."""
    kept: tuple[KeptOrder, ...]
    """Ours, still resting."""
    kept_count: int
    gone: tuple[GoneOrder, ...]
    """Ours, resting no more."""
    gone_count: int
    unknown: tuple[UnknownOrder, ...]
    """Ours, sent and never answered; each with what the list says of it."""
    unknown_count: int
    foreign: tuple[ForeignOrder, ...]
    """Resting, and not sent through this guard."""
    foreign_count: int
    uncovered_count: int
    """Resting orders that the switch of this epoch does not cover: of a link that is gone, or foreign."""
    unsettled_count: int
    """Too young to be judged by this list; they are in the next one."""
    forgotten_count: int
    """Orders of this guard that it could not name or remember. Where not 0, a foreign order may be one of ours."""


@dataclass(frozen=True, slots=True)
class Unreconciled(Event):
    """The venue's open orders could not be read. Nothing is concluded from that, and they are asked for again."""

    refusal: Refusal | None
    """What the venue said; None when it did not answer in time."""
    again_s: float
    """In how many seconds they are asked for again."""


@dataclass(frozen=True, slots=True)
class OrdersCancelled(Event):
    """The venue said that it cancelled orders of ours. What the application cancelled itself is not told."""

    orders: tuple[CancelledOrder, ...]
    """At most 100, with who and what says so."""
    count: int


@dataclass(frozen=True, slots=True)
class SubscriptionLost(Event):
    """A sticky subscription was not accepted again on a new link. The guard is armed all the same: no switch hangs on it.

    It is said again on the next link.
    """

    method: str
    why: str
    """What the venue said, or that it did not answer."""
