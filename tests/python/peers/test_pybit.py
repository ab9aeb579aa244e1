"""pybit, the venue's own Python client, against the embedded Bybit."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

pytest.importorskip("pybit", reason="needs the client libraries of the `peers` extra")

from pybit import _websocket_trading, unified_trading
from pybit.exceptions import InvalidRequestError

from killcord.sim import CancelCause, Exchange, JournalKind, OrderState

from .conftest import Eventually, Trust

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

FAR = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "1000"}


@pytest.fixture
def exchange(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """Protection settings act at once and the window is short; the rest is as published."""
    with Exchange("bybit", factor=0.1, knobs={"propagation_ms": 0}) as running:
        trust(running)
        # pybit files a request after it has sent it; an answer as quick as loopback's would find nothing filed.
        running.late("*", by_s=0.02, times=None)
        monkeypatch.setattr(unified_trading, "PRIVATE_WSS", running.guard_url)
        monkeypatch.setattr(_websocket_trading, "TRADE_WSS", running.trade_url)
        yield running


@pytest.fixture
def http(exchange: Exchange, trust: Trust) -> Any:
    session = unified_trading.HTTP(api_key=exchange.account.key, api_secret=exchange.account.secret)
    session.endpoint = exchange.http_url
    session.client.verify = trust(exchange)
    return session


@pytest.fixture
def trading(exchange: Exchange) -> Iterator[Any]:
    key, secret = exchange.account.key, exchange.account.secret
    socket = unified_trading.WebSocketTrading(testnet=False, api_key=key, api_secret=secret)
    yield socket
    socket.exit()


@pytest.fixture
def private(exchange: Exchange) -> Iterator[Any]:
    socket = unified_trading.WebSocket(
        testnet=False, channel_type="private", api_key=exchange.account.key, api_secret=exchange.account.secret
    )
    yield socket
    socket.exit()


def test_the_time_is_read(exchange: Exchange, http: Any) -> None:
    told = http.get_server_time()
    assert abs(int(told["result"]["timeNano"]) - exchange.wall_ns()) < 10**10


def test_an_order_rests_is_listed_and_is_cancelled_over_http(exchange: Exchange, http: Any) -> None:
    placed = http.place_order(**FAR, orderLinkId="mine")["result"]
    (listed,) = http.get_open_orders(category="linear", symbol="BTCUSDT")["result"]["list"]
    assert (listed["orderId"], listed["orderLinkId"], listed["price"]) == (placed["orderId"], "mine", "1000")
    http.cancel_order(category="linear", symbol="BTCUSDT", orderId=placed["orderId"])
    assert http.get_open_orders(category="linear", symbol="BTCUSDT")["result"]["list"] == []
    (order,) = exchange.orders()
    assert (order.state, order.cause, order.connection) == (OrderState.CANCELLED, CancelCause.USER, None)


def test_cancel_all_takes_every_order_of_the_settlement_coin(exchange: Exchange, http: Any) -> None:
    for _ in range(3):
        http.place_order(**FAR)
    cancelled = http.cancel_all_orders(category="linear", settleCoin="USDT")["result"]["list"]
    assert len(cancelled) == 3
    assert exchange.open_order_count() == 0


def test_a_wrong_secret_is_refused(exchange: Exchange, http: Any) -> None:
    http.api_secret = "wrong"
    with pytest.raises(InvalidRequestError) as refused:
        http.get_open_orders(category="linear", symbol="BTCUSDT")
    assert refused.value.status_code == 10004


def test_the_protection_window_is_set_and_read_back(http: Any) -> None:
    http.set_dcp(product="DERIVATIVES", timeWindow=40)
    infos = http.query_dcp_info()["result"]["dcpInfos"]
    assert {"product": "DERIVATIVES", "dcpStatus": "ON", "timeWindow": "40"} in infos


def test_a_product_that_is_not_switched_on_is_not_listed(exchange: Exchange, http: Any) -> None:
    exchange.set_knob("dcp_products", "SPOT")
    assert [info["product"] for info in http.query_dcp_info()["result"]["dcpInfos"]] == ["SPOT"]
    with pytest.raises(InvalidRequestError):
        http.set_dcp(product="DERIVATIVES", timeWindow=40)


def test_an_order_is_placed_and_cancelled_over_the_trade_socket(
    exchange: Exchange, trading: Any, eventually: Eventually
) -> None:
    answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
    eventually(lambda: trading.auth)
    trading.place_order(answers.put, **FAR)
    placed = answers.get(timeout=5)
    (order,) = exchange.orders()
    assert (placed["retCode"], placed["data"]["orderId"]) == (0, order.id)
    assert order.connection is not None
    trading.cancel_order(answers.put, category="linear", symbol="BTCUSDT", orderId=order.id)
    assert answers.get(timeout=5)["retCode"] == 0
    assert exchange.open_order_count() == 0


def test_an_error_on_the_trade_socket_reaches_the_error_callback(
    exchange: Exchange, trading: Any, eventually: Eventually
) -> None:
    errors: SimpleQueue[dict[str, Any]] = SimpleQueue()
    eventually(lambda: trading.auth)
    trading.cancel_order(print, errors.put, category="linear", symbol="BTCUSDT", orderId="no-such-order")
    assert errors.get(timeout=5)["retCode"] == 110001


def test_order_updates_arrive_on_the_private_socket(
    exchange: Exchange, private: Any, http: Any, eventually: Eventually
) -> None:
    updates: SimpleQueue[dict[str, Any]] = SimpleQueue()
    eventually(lambda: private.auth)
    private.order_stream(updates.put)
    # The JSON ping is answered after the subscription was heard.
    private._send_custom_ping()
    exchange.wait_for(JournalKind.LIFE_SIGN)
    placed = http.place_order(**FAR)["result"]
    (row,) = updates.get(timeout=5)["data"]
    assert (row["orderId"], row["orderStatus"]) == (placed["orderId"], "New")
    http.cancel_all_orders(category="linear", settleCoin="USDT")
    (row,) = updates.get(timeout=5)["data"]
    assert (row["orderId"], row["orderStatus"], row["cancelType"]) == (placed["orderId"], "Cancelled", "CancelByUser")


def test_protection_held_by_a_private_connection_fires_after_it_is_gone(
    exchange: Exchange, private: Any, http: Any, eventually: Eventually
) -> None:
    eventually(lambda: private.auth)
    http.set_dcp(product="DERIVATIVES", timeWindow=3)
    http.place_order(**FAR)
    # pybit has no method for this topic; a topic it does not know, it fills with symbols.
    private.subscribe("dcp.future", print, symbol="")
    exchange.wait_for(JournalKind.SWITCH_SET, detail="dcp.future")
    assert exchange.would_trip_by_ns(exchange.account) is not None
    private.exit()
    gone = exchange.wait_for(JournalKind.ENDED)
    tripped = exchange.wait_for(JournalKind.TRIPPED, account=exchange.account)
    assert tripped.at_ns - gone.at_ns >= 3 * 0.1 * 1e9
    assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]
    (told,) = http.get_order_history(category="linear", symbol="BTCUSDT")["result"]["list"]
    assert told["cancelType"] == "CancelByDCP"


def test_a_login_with_a_wrong_secret_is_told(exchange: Exchange, eventually: Eventually) -> None:
    socket = unified_trading.WebSocketTrading(testnet=False, api_key=exchange.account.key, api_secret="wrong")
    exchange.wait_for(JournalKind.REFUSED)
    assert not socket.auth
    socket.exit()
