"""What the four venues have in common when orders are looked at and placed from outside a guard. Each is a file beside this
one; every method they name is in the venue's own pages, as docs/venues lists them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ..model import Json
from ..venues import Bybit, CryptoCom, Deribit, Kraken, Venue
from .connection import Answer, Desk
from .node import Node
from .offset import ClockReading


@dataclass(frozen=True, slots=True)
class Resting:
    """An open order, as the venue lists it."""

    order_id: str
    client_id: str
    instrument: str
    handle: Mapping[str, str]
    """What the venue wants named to cancel or trace it."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the venue says became of one order."""

    state: str
    """In the venue's word."""
    reason: str
    """Why it was cancelled, in the venue's word; empty when it does not say."""
    at_ms: float | None
    """The venue's own time of the last change, Unix milliseconds."""
    filled: bool
    """Something of it was filled."""
    by_switch: bool | None
    """True or False when the reason names the switch or somebody else; None when the venue does not tell."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What must be known to place a small order far from the market."""

    name: str
    last: Decimal
    price_step: Decimal
    size_step: Decimal
    size_least: Decimal
    """The smallest order."""
    value_least: Decimal
    """The smallest price times size; 0 when the venue names none."""
    currency: str
    """What the notional is counted in."""
    inverse: bool
    """The size itself is the notional."""


class Book(Protocol):
    """One venue's orders and times, over a desk."""

    default_instrument: str
    account_wide: bool
    """The switch cancels orders that this connection did not make."""
    poll_every_s: float
    """The shortest time between two lists of open orders that the published limits allow for minutes."""
    clock_tolerance_ms: tuple[float, float]
    """Between which offsets of its clock (venue minus ours) the venue accepts what is signed with ours."""

    def clock(self, desk: Desk) -> tuple[ClockReading | None, list[Answer]]:
        """The venue's clock, and the answers it was read from."""
        ...

    def exact_clock(self, desk: Desk, rounds: int) -> ClockReading | None:
        """The same; where the venue tells whole seconds, each round takes one and halves what is not known."""
        ...

    def refusal(self, answer: Node) -> str:
        """Why an answer, over HTTP or on the link, is a no; empty when it is a yes."""
        ...

    def resting(self, desk: Desk, instrument: str | None = None) -> list[Resting]:
        """The open orders that the switch would or could cancel, or those of one instrument. Raises ``DeskError``."""
        ...

    def cancel(self, desk: Desk, order: Resting) -> str:
        """Cancels one order by its id. Returns the refusal; empty when it was accepted. Raises ``DeskError``."""
        ...

    def trace(self, desk: Desk, order: Resting) -> Trace | None:
        """What became of an order; None when the venue does not know it any more. Raises ``DeskError``."""
        ...

    def instrument(self, desk: Desk, name: str) -> Instrument:
        """Raises ``DeskError`` when there is none of that name."""
        ...

    def order(
        self, instrument: Instrument, side: str, price: Decimal, size: Decimal, client_id: str
    ) -> tuple[str, Mapping[str, Json]]:
        """Method and parameters of a resting limit order, as a guard sends it."""
        ...


def book_of(venue: Venue) -> Book:
    """The one of this venue."""
    from .bybit import BybitBook
    from .crypto_com import CryptoComBook
    from .deribit import DeribitBook
    from .kraken import KrakenBook

    match venue:
        case CryptoCom():
            return CryptoComBook()
        case Deribit():
            return DeribitBook()
        case Bybit():
            return BybitBook(venue.products)
        case Kraken():
            return KrakenBook()


def repeated(desk: Desk, times: int, step: str, **params: str) -> Sequence[Answer]:
    """The same public call several times on one connection; the first, which may dial, is not among the answers."""
    desk.ask(step, **params)
    return [desk.ask(step, **params) for _ in range(times)]
