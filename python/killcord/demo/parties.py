"""The four accounts, and what is particular to each: its order, its evidence, and how it comes to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._killcord import Credentials
from ..config import Endpoints
from ..model import BybitProduct, Evidence, Json, VenueName
from ..sim import Exchange
from ..venues import Bybit, CryptoCom, Deribit, Kraken, Venue

ORDERS = 3
"""How many orders rest at each venue."""


@dataclass(frozen=True, slots=True)
class Party:
    """One venue of the four."""

    name: VenueName
    title: str
    account: Callable[[Credentials, Endpoints], Venue]
    """What to protect, with the defaults of :mod:`killcord.venues`."""
    method: str
    order: Mapping[str, Json]
    """An order that rests far from any market."""
    evidence: Evidence
    """What must stand behind *armed*: the venue's own word, asked again wherever it can be asked."""
    make_refuse: Callable[[Exchange], None]
    """Brings the venue to refuse, in a way that only a person can change."""


def _crypto_com(credentials: Credentials, endpoints: Endpoints) -> Venue:
    return CryptoCom(credentials, custom=endpoints)


def _deribit(credentials: Credentials, endpoints: Endpoints) -> Venue:
    return Deribit(credentials, custom=endpoints)


def _bybit(credentials: Credentials, endpoints: Endpoints) -> Venue:
    return Bybit(credentials, products=(BybitProduct.DERIVATIVES,), custom=endpoints)


def _kraken(credentials: Credentials, endpoints: Endpoints) -> Venue:
    return Kraken(credentials, custom=endpoints)


def _no_trading(exchange: Exchange) -> None:
    exchange.restrict(exchange.account, ["trade"])


def _no_scope(exchange: Exchange) -> None:
    exchange.restrict(exchange.account, ["trade:read_write"])


def _not_entitled(exchange: Exchange) -> None:
    exchange.set_knob("dcp_products", "")


def _no_permission(exchange: Exchange) -> None:
    exchange.restrict(exchange.account, ["modify-trades", "close-trades"])


PARTIES = (
    Party(
        VenueName.CRYPTO_COM,
        "Crypto.com",
        _crypto_com,
        "private/create-order",
        {"instrument_name": "BTC_USD", "side": "BUY", "type": "LIMIT", "price": "1000.00", "quantity": "0.0010"},
        Evidence.READ_BACK,
        _no_trading,
    ),
    Party(
        VenueName.DERIBIT,
        "Deribit",
        _deribit,
        "private/buy",
        {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000, "post_only": True},
        Evidence.READ_BACK,
        _no_scope,
    ),
    Party(
        VenueName.BYBIT,
        "Bybit",
        _bybit,
        "order.create",
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.001",
            "price": "1000",
            "timeInForce": "PostOnly",
        },
        Evidence.READ_BACK,
        _not_entitled,
    ),
    Party(
        VenueName.KRAKEN,
        "Kraken Spot",
        _kraken,
        "add_order",
        {
            "order_type": "limit",
            "side": "buy",
            "symbol": "BTC/USD",
            "limit_price": 1000,
            "order_qty": 0.001,
            "post_only": True,
        },
        Evidence.ACKNOWLEDGED,
        _no_permission,
    ),
)


def party_of(name: VenueName) -> Party:
    """The one at this venue."""
    return next(party for party in PARTIES if party.name is name)
