"""The four venues, each as one frozen description of an account to protect.

All of them take ``credentials`` first and, by keyword, ``account`` (your own name for it, shown in events; not secret),
``environment`` and, for addresses of your own, ``custom``. Whatever the venue would refuse is refused here, when the
object is built, with a :class:`~killcord.errors.ConfigError`.

>>> credentials = Credentials.values(key="KILLCORD0001", secret="never-in-a-program")
>>> Deribit(credentials, account="desk", heartbeat_s=5)
Traceback (most recent call last):
    ...
killcord.errors.ConfigError: heartbeat_s = 5 is not possible: must be between 10 and 3600 seconds
>>> Bybit(credentials, products=(BybitProduct.SPOT,), environment=Environment.TEST).window_s
10
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ._killcord import Credentials, EndpointsSpec, VenueSpec
from .config import Endpoints
from .errors import ConfigError
from .model import BybitProduct, DeribitScope, Environment


@dataclass(frozen=True, slots=True)
class CryptoCom:
    """Crypto.com Exchange: session-bound. Covers the orders created on the guarded link, and no others.

    There is nothing to tune: its cancel-on-disconnect is per connection, and cannot be taken off again.
    """

    credentials: Credentials
    account: str = field(default="", kw_only=True)
    environment: Environment = field(default=Environment.PRODUCTION, kw_only=True)
    custom: Endpoints | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _settle_environment(self)
        self._spec()

    def _spec(self) -> VenueSpec:
        return VenueSpec.crypto_com(self.credentials, self.account, self.environment.value, _own(self.custom))


@dataclass(frozen=True, slots=True)
class Deribit:
    """Deribit: session-bound. Covers the orders created on the guarded link."""

    credentials: Credentials
    heartbeat_s: int = field(default=10, kw_only=True)
    """Interval of the venue's heartbeat, in seconds, 10 to 3600. The exposure grows with it."""
    scope: DeribitScope = field(default=DeribitScope.CONNECTION, kw_only=True)
    """``ACCOUNT`` also makes it the account's default for connections opened later."""
    matching_rate: int = field(default=5, kw_only=True)
    """Orders, edits and cancels a second that the account's tier allows (``private/get_account_summary``:
    ``limits.matching_engine.trading.total``). Running out of them ends the session, and with it the orders; so the guard
    refuses before, and the default is the lowest tier's. Never say more than the account has."""
    matching_burst: int = field(default=20, kw_only=True)
    """The same at once."""
    account: str = field(default="", kw_only=True)
    environment: Environment = field(default=Environment.PRODUCTION, kw_only=True)
    custom: Endpoints | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _settle_environment(self)
        self._spec()

    def _spec(self) -> VenueSpec:
        return VenueSpec.deribit(
            self.credentials,
            self.account,
            self.environment.value,
            _own(self.custom),
            self.heartbeat_s,
            self.scope.value,
            self.matching_rate,
            self.matching_burst,
        )


@dataclass(frozen=True, slots=True)
class Bybit:
    """Bybit: grace after drop. Covers every active order of the account in the product lines named."""

    credentials: Credentials
    products: tuple[BybitProduct, ...] = field(default=(BybitProduct.DERIVATIVES, BybitProduct.SPOT), kw_only=True)
    """Which product lines must be protected. Bybit must have switched each of them on for the account."""
    window_s: int = field(default=10, kw_only=True)
    """Seconds from the noticed drop until Bybit cancels, 3 to 300."""
    max_active_time_s: int = field(default=30, kw_only=True)
    """Seconds of silence after which Bybit gives a connection up, 30 to 600. Shorter is safer."""
    trade_link: bool = field(default=True, kw_only=True)
    """Whether a second link (``/v5/trade``) carries orders."""
    account: str = field(default="", kw_only=True)
    environment: Environment = field(default=Environment.PRODUCTION, kw_only=True)
    custom: Endpoints | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "products", tuple(self.products))
        _settle_environment(self)
        self._spec()

    def _spec(self) -> VenueSpec:
        return VenueSpec.bybit(
            self.credentials,
            self.account,
            self.environment.value,
            _own(self.custom),
            [product.value for product in self.products],
            self.window_s,
            self.max_active_time_s,
            self.trade_link,
        )


@dataclass(frozen=True, slots=True)
class Kraken:
    """Kraken Spot: a countdown. Covers every order of the account, and runs out silently.

    The secret is the base64 text that Kraken shows. There is no test environment.
    """

    credentials: Credentials
    window_s: int = field(default=60, kw_only=True)
    """Seconds that one feed grants, 5 to 86399."""
    cadence_s: float = field(default=15.0, kw_only=True)
    """Seconds between feeds, at least 1 and at most a third of the window."""
    account: str = field(default="", kw_only=True)
    environment: Environment = field(default=Environment.PRODUCTION, kw_only=True)
    custom: Endpoints | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _settle_environment(self)
        self._spec()

    def _spec(self) -> VenueSpec:
        return VenueSpec.kraken(
            self.credentials, self.account, self.environment.value, _own(self.custom), self.window_s, self.cadence_s
        )


Venue: TypeAlias = CryptoCom | Deribit | Bybit | Kraken
"""What a :class:`killcord.Guard` can protect."""


def _own(custom: Endpoints | None) -> EndpointsSpec | None:
    return None if custom is None else custom._spec()


def _settle_environment(venue: Venue) -> None:
    """Own addresses are the custom environment, whether or not it is named; they are no other one."""
    if venue.custom is None:
        return
    if venue.environment is Environment.TEST:
        rule = "must be left out, or custom, when custom addresses are given"
        message = f"environment = test is not possible: {rule}"
        raise ConfigError(message, field="environment", value="test", rule=rule)
    object.__setattr__(venue, "environment", Environment.CUSTOM)
