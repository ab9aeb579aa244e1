"""What a drill is to do, checked before anything is dialled: where, how the link is cut, how many orders of what size.

A drill rests real orders. At a production address it must be asked for twice: by ``production`` and by a limit.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_UP, Decimal
from enum import Enum, unique
from urllib.parse import urlsplit

from .._desk import Instrument
from ..errors import ConfigError
from ..model import Environment
from ..venues import Venue

ORDERS_MAX = 20
"""Enough to see in which order a venue cancels; few enough for every venue's burst limit."""


@unique
class Cut(Enum):
    """How the link ends."""

    CLOSE = "close"
    """A websocket close frame, answered: a client that says goodbye."""
    RST = "rst"
    """A reset: what a guard does when it lets go."""
    FIN = "fin"
    """A bare FIN, and nothing more: the socket is shut down for writing and the process stops."""
    FREEZE = "freeze"
    """Silence: the process is stopped (SIGSTOP), its sockets stay open and its kernel goes on acknowledging."""
    KILL = "kill"
    """The process is killed (SIGKILL) and its kernel ends the connections."""

    @property
    def words(self) -> str:
        """What was done, for people."""
        return {
            Cut.CLOSE: "the link is closed with a close frame",
            Cut.RST: "the link is reset",
            Cut.FIN: "the link's sockets are shut down for writing, then silence",
            Cut.FREEZE: "the process that holds the link stops; its sockets stay open and nothing is said",
            Cut.KILL: "the process that holds the link is killed with SIGKILL",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Raises ``ConfigError`` when something is not possible or not allowed."""

    venue: Venue
    cut: Cut
    orders: int = 3
    instrument: str | None = None
    side: str = "buy"
    price: Decimal | None = None
    size: Decimal | None = None
    distance: Decimal = Decimal("0.3")
    """How far from the last price, as a part of it."""
    production: bool = False
    max_notional: Decimal | None = None
    """The most that all orders together may be worth at their price."""
    may_cancel: frozenset[str] = frozenset()
    """Ids of orders that are not the drill's and may be cancelled by it."""
    patience_s: float | None = None
    """How long to wait for the cancel; None: the bound and a little more."""
    clock_rounds: int = 5
    """Seconds spent on reading the clock of a venue that tells whole seconds only (Crypto.com, Kraken)."""

    def __post_init__(self) -> None:
        if not 1 <= self.orders <= ORDERS_MAX:
            raise _impossible("orders", str(self.orders), f"must be from 1 to {ORDERS_MAX}")
        if self.side not in ("buy", "sell"):
            raise _impossible("side", self.side, "must be buy or sell")
        if not Decimal("0.02") <= self.distance <= Decimal("0.95"):
            raise _impossible("distance", str(self.distance), "must be from 0.02 to 0.95 of the last price")
        if self.max_notional is not None and self.max_notional <= 0:
            raise _impossible("max_notional", str(self.max_notional), "must be more than 0")
        if self.needs_production:
            if not self.production:
                rule = "rests real orders and cuts their protection: say so with --production"
                raise _impossible("production", "not given", f"a drill at {_where(self.venue)} {rule}")
            if self.max_notional is None:
                raise _impossible("max_notional", "not given", "a drill with real orders needs a limit: --max-notional")

    @property
    def needs_production(self) -> bool:
        """Real orders, or an address of which nobody can say that they are not."""
        environment = self.venue.environment
        return environment is Environment.PRODUCTION or (environment is Environment.CUSTOM and not _loopback(self.venue))

    def sized(self, instrument: Instrument) -> tuple[Decimal, Decimal, Decimal]:
        """Price and size of each order, and what all are worth together. Raises ``ConfigError``."""
        price = self.price if self.price is not None else self._far(instrument)
        size = self.size if self.size is not None else smallest(instrument, price)
        if price <= 0 or size <= 0:
            raise _impossible("price", f"{price}, size {size}", "must both be more than 0")
        if self.side == "buy" and price >= instrument.last or self.side == "sell" and price <= instrument.last:
            raise _impossible("price", str(price), f"would trade: the last price of {instrument.name} is {instrument.last}")
        notional = (size if instrument.inverse else price * size) * self.orders
        if self.max_notional is not None and notional > self.max_notional:
            rule = f"{self.orders} orders of {size} at {price} are worth {notional:f} {instrument.currency}"
            raise _impossible("max_notional", str(self.max_notional), rule)
        return price, size, notional

    def _far(self, instrument: Instrument) -> Decimal:
        factor = 1 - self.distance if self.side == "buy" else 1 + self.distance
        rounding = ROUND_DOWN if self.side == "buy" else ROUND_UP
        return (instrument.last * factor / instrument.price_step).to_integral_value(rounding) * instrument.price_step


def smallest(instrument: Instrument, price: Decimal) -> Decimal:
    """The smallest size that the venue takes at this price.

    >>> least = Instrument("X", Decimal(10), Decimal("0.1"), Decimal("0.1"), Decimal("0.2"), Decimal(5), "USD", False)
    >>> smallest(least, Decimal(7))
    Decimal('0.8')
    """
    by_value = instrument.value_least / price if not instrument.inverse else Decimal(0)
    least = max(instrument.size_least, by_value)
    return (least / instrument.size_step).to_integral_value(ROUND_CEILING) * instrument.size_step


def _loopback(venue: Venue) -> bool:
    if venue.custom is None:
        return False
    return all(_is_loopback(urlsplit(url).hostname or "") for url in (venue.custom.guard_url, venue.custom.http_url))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _where(venue: Venue) -> str:
    return "this address" if venue.custom is not None else "production"


def _impossible(field: str, value: str, rule: str) -> ConfigError:
    return ConfigError(f"{field} = {value} is not possible: {rule}", field=field, value=value, rule=rule)
