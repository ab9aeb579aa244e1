"""ccxt over HTTP, one interface to all four embedded venues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("ccxt", reason="needs the client libraries of the `peers` extra")

import ccxt

from killcord import VenueName
from killcord.sim import CancelCause, Exchange, JournalKind, OrderState

from .conftest import Trust, pointed_at

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

FACTOR = 0.1


@dataclass(frozen=True, slots=True)
class Peer:
    """What ccxt calls a venue, and an order far from the market there."""

    venue: VenueName
    name: str
    symbol: str
    amount: float


PEERS = [
    Peer(VenueName.CRYPTO_COM, "cryptocom", "BTC/USD", 0.01),
    Peer(VenueName.CRYPTO_COM, "cryptocom", "BTC/USD:USD", 0.01),
    Peer(VenueName.DERIBIT, "deribit", "BTC/USD:BTC", 10),
    Peer(VenueName.BYBIT, "bybit", "BTC/USDT", 0.01),
    Peer(VenueName.BYBIT, "bybit", "BTC/USDT:USDT", 0.01),
    Peer(VenueName.KRAKEN, "kraken", "BTC/USD", 0.01),
]


@pytest.fixture(params=PEERS, ids=lambda peer: f"{peer.name}-{peer.symbol}")
def peer(request: pytest.FixtureRequest) -> Peer:
    found: Peer = request.param
    return found


@pytest.fixture
def exchange(peer: Peer) -> Iterator[Exchange]:
    with Exchange(peer.venue, factor=FACTOR) as running:
        yield running


@pytest.fixture
def client(peer: Peer, exchange: Exchange, trust: Trust) -> Any:
    trust(exchange)
    made = pointed_at(exchange, getattr(ccxt, peer.name), requests_trust_env=True, enableRateLimit=False)
    if peer.venue is VenueName.DERIBIT:
        made.nonce = each_once(made.milliseconds)
    return made


def each_once(milliseconds: Callable[[], int]) -> Callable[[], int]:
    """Deribit takes a nonce once; ccxt's is the millisecond, and on loopback two calls fit into one."""
    last = 0

    def nonce() -> int:
        nonlocal last
        last = max(last + 1, milliseconds())
        return last

    return nonce


def test_markets_and_balance_are_read(peer: Peer, client: Any) -> None:
    assert peer.symbol in client.load_markets()
    assert client.fetch_balance()["total"]


def test_an_order_rests_is_listed_and_is_cancelled(peer: Peer, exchange: Exchange, client: Any) -> None:
    placed = client.create_order(peer.symbol, "limit", "buy", peer.amount, 1000)
    (listed,) = client.fetch_open_orders(peer.symbol)
    assert (listed["id"], listed["status"], listed["side"]) == (placed["id"], "open", "buy")
    assert (listed["price"], listed["amount"], listed["filled"]) == (1000, peer.amount, 0)
    client.cancel_order(placed["id"], peer.symbol)
    assert client.fetch_open_orders(peer.symbol) == []
    (order,) = exchange.orders()
    assert (order.id, order.state, order.cause) == (placed["id"], OrderState.CANCELLED, CancelCause.USER)


def test_a_cancelled_order_is_told_as_cancelled(peer: Peer, client: Any) -> None:
    placed = client.create_order(peer.symbol, "limit", "sell", peer.amount, 900_000)
    client.cancel_order(placed["id"], peer.symbol)
    # ccxt wants to hear that we know: Bybit lists the last 500 orders only.
    known = {"acknowledged": True} if peer.venue is VenueName.BYBIT else {}
    told = client.fetch_order(placed["id"], peer.symbol, known)
    assert (told["id"], told["status"], told["filled"]) == (placed["id"], "canceled", 0)


def test_all_orders_are_cancelled_at_once(peer: Peer, exchange: Exchange, client: Any) -> None:
    for price in (1000, 1001):
        client.create_order(peer.symbol, "limit", "buy", peer.amount, price)
    # Kraken's cancels all markets or none.
    client.cancel_all_orders(None if peer.venue is VenueName.KRAKEN else peer.symbol)
    assert exchange.open_order_count() == 0
    assert {order.cause for order in exchange.orders()} == {CancelCause.USER}


def test_an_order_that_must_be_filled_at_once_never_rests(peer: Peer, exchange: Exchange, client: Any) -> None:
    client.create_order(peer.symbol, "limit", "buy", peer.amount, 1000, {"timeInForce": "IOC"})
    assert client.fetch_open_orders(peer.symbol) == []
    assert [order.cause for order in exchange.orders()] == [CancelCause.VENUE]


def test_an_order_is_changed_and_keeps_resting(peer: Peer, exchange: Exchange, client: Any) -> None:
    placed = client.create_order(peer.symbol, "limit", "buy", peer.amount, 1000)
    client.edit_order(placed["id"], peer.symbol, "limit", "buy", peer.amount * 2, 1001)
    (listed,) = client.fetch_open_orders(peer.symbol)
    assert (listed["price"], listed["amount"]) == (1001, peer.amount * 2)


def test_several_orders_are_placed_in_one_request(peer: Peer, exchange: Exchange, client: Any) -> None:
    if not client.has["createOrders"]:
        pytest.skip(f"ccxt has no batches for {peer.name}")
    order = {"symbol": peer.symbol, "type": "limit", "side": "buy", "amount": peer.amount}
    placed = client.create_orders([{**order, "price": price} for price in (1000, 1001)])
    assert [one["id"] for one in placed] == [one.id for one in exchange.orders()]
    assert exchange.open_order_count() == 2


def test_a_market_order_is_filled_and_its_trade_is_told(peer: Peer, client: Any) -> None:
    placed = client.create_order(peer.symbol, "market", "sell", peer.amount)
    (trade,) = client.fetch_my_trades(peer.symbol)
    assert (trade["order"], trade["symbol"], trade["side"]) == (placed["id"], peer.symbol, "sell")
    assert (trade["amount"], trade["price"]) == (peer.amount, 60_000)


def test_an_order_that_is_gone_cannot_be_cancelled(peer: Peer, client: Any) -> None:
    placed = client.create_order(peer.symbol, "limit", "buy", peer.amount, 1000)
    client.cancel_order(placed["id"], peer.symbol)
    with pytest.raises(ccxt.ExchangeError):
        client.cancel_order(placed["id"], peer.symbol)


def test_a_wrong_secret_is_an_authentication_error(peer: Peer, exchange: Exchange, client: Any) -> None:
    client.secret = "d3Jvbmc="
    # Kraken's text for it, "EAPI:Invalid signature", is not on ccxt's list of authentication errors.
    expected = ccxt.ExchangeError if peer.venue is VenueName.KRAKEN else ccxt.AuthenticationError
    with pytest.raises(expected, match="(?i)signature|sign|unauthorized|credentials"):
        client.fetch_balance()
    exchange.wait_for(JournalKind.REFUSED)


def test_an_unknown_key_is_an_authentication_error(client: Any) -> None:
    client.apiKey = "nobody"
    with pytest.raises(ccxt.AuthenticationError):
        client.fetch_balance()


def test_krakens_countdown_fires_when_it_is_not_fed(trust: Trust) -> None:
    with Exchange("kraken", factor=0.02) as exchange:
        trust(exchange)
        client = pointed_at(exchange, ccxt.kraken, requests_trust_env=True, enableRateLimit=False)
        client.create_order("BTC/USD", "limit", "buy", 0.01, 1000)
        assert exchange.would_trip_by_ns(exchange.account) is None
        fed_ns = exchange.now_ns()
        client.cancel_all_orders_after(20_000)
        tripped = exchange.wait_for(JournalKind.TRIPPED, account=exchange.account)
        assert tripped.at_ns - fed_ns >= 20 * 0.02 * 1e9
        assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]


def test_krakens_countdown_is_taken_off_with_zero(trust: Trust) -> None:
    with Exchange("kraken") as exchange:
        trust(exchange)
        client = pointed_at(exchange, ccxt.kraken, requests_trust_env=True, enableRateLimit=False)
        client.cancel_all_orders_after(60_000)
        assert exchange.would_trip_by_ns(exchange.account) is not None
        client.cancel_all_orders_after(0)
        assert exchange.would_trip_by_ns(exchange.account) is None
        exchange.wait_for(JournalKind.SWITCH_OFF)


def test_ccxts_cancel_all_after_only_sets_bybits_window(trust: Trust) -> None:
    # The specification, section 19: on Bybit this starts no countdown and guards nothing by itself.
    with Exchange("bybit", knobs={"propagation_ms": 0}) as exchange:
        trust(exchange)
        client = pointed_at(exchange, ccxt.bybit, requests_trust_env=True, enableRateLimit=False)
        client.cancel_all_orders_after(40_000, {"product": "DERIVATIVES"})
        infos = client.private_get_v5_account_query_dcp_info()["result"]["dcpInfos"]
        assert {"product": "DERIVATIVES", "dcpStatus": "ON", "timeWindow": "40"} in infos
        assert exchange.would_trip_by_ns(exchange.account) is None
