"""python-kraken-sdk against the embedded Kraken, over HTTP and websocket v2."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("kraken", reason="needs the client libraries of the `peers` extra")

import kraken.exceptions
from kraken.spot import Market, SpotWSClient, Trade, User

from killcord.sim import CancelCause, Exchange, JournalEntry, JournalKind

from .conftest import Trust

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

FAR: dict[str, Any] = {"order_type": "limit", "side": "buy", "order_qty": 0.01, "limit_price": 1000, "symbol": "BTC/USD"}


@pytest.fixture
def exchange(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    with Exchange("kraken", factor=0.02) as running:
        # aiohttp makes its context when it is imported; the variables come too late for it.
        context = ssl.create_default_context(cafile=trust(running))
        monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)
        yield running


@pytest.fixture
def trade(exchange: Exchange) -> Trade:
    return Trade(key=exchange.account.key, secret=exchange.account.secret, url=exchange.http_url)


@pytest.fixture
def user(exchange: Exchange) -> User:
    return User(key=exchange.account.key, secret=exchange.account.secret, url=exchange.http_url)


def test_public_questions_are_answered(exchange: Exchange) -> None:
    market = Market(url=exchange.http_url)
    assert market.get_system_status()["status"] == "online"
    assert "XBTUSD" in {pair["altname"] for pair in market.get_asset_pairs().values()}


def test_an_order_rests_is_listed_and_is_cancelled_over_http(exchange: Exchange, trade: Trade, user: User) -> None:
    placed = trade.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume=0.01, price=1000)
    (name,) = placed["txid"]
    listed = user.get_open_orders()["open"]
    assert list(listed) == [name]
    assert (listed[name]["status"], listed[name]["descr"]["type"]) == ("open", "buy")
    assert trade.cancel_order(name)["count"] == 1
    assert user.get_open_orders()["open"] == {}
    (order,) = exchange.orders()
    assert (order.id, order.cause, order.connection) == (name, CancelCause.USER, None)


def test_all_orders_are_cancelled_over_http(exchange: Exchange, trade: Trade) -> None:
    for price in (1000, 1001):
        trade.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume=0.01, price=price)
    assert trade.cancel_all_orders()["count"] == 2
    assert exchange.open_order_count() == 0


def test_the_countdown_set_over_http_fires(exchange: Exchange, trade: Trade) -> None:
    trade.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume=0.01, price=1000)
    told = trade.cancel_all_orders_after_x(timeout=20)
    assert told["triggerTime"] > told["currentTime"]
    exchange.wait_for(JournalKind.TRIPPED, account=exchange.account)
    assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]


def test_a_countdown_is_taken_off_over_http(exchange: Exchange, trade: Trade) -> None:
    trade.cancel_all_orders_after_x(timeout=3600)
    assert exchange.would_trip_by_ns(exchange.account) is not None
    trade.cancel_all_orders_after_x(timeout=0)
    assert exchange.would_trip_by_ns(exchange.account) is None


def test_wrong_keys_and_signatures_are_told_apart(exchange: Exchange) -> None:
    nobody = User(key="bm9ib2R5", secret=exchange.account.secret, url=exchange.http_url)
    with pytest.raises(kraken.exceptions.KrakenInvalidAPIKeyError):
        nobody.get_account_balance()
    forger = User(key=exchange.account.key, secret="d3Jvbmc=", url=exchange.http_url)
    with pytest.raises(kraken.exceptions.KrakenInvalidSignatureError):
        forger.get_account_balance()


def test_a_key_without_permission_is_refused(exchange: Exchange, trade: Trade) -> None:
    exchange.restrict(exchange.account, ["modify-trades"])
    with pytest.raises(kraken.exceptions.KrakenPermissionDeniedError):
        trade.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume=0.01, price=1000)


async def test_an_order_is_placed_told_and_cancelled_over_the_websocket(exchange: Exchange) -> None:
    async with connected(exchange) as (client, heard):
        await client.subscribe(params={"channel": "executions", "snap_orders": True, "snap_trades": False})
        await hear(heard, lambda m: m.get("channel") == "executions" and m["type"] == "snapshot")
        await client.send_message({"method": "add_order", "params": dict(FAR), "req_id": 1})
        placed = await hear(heard, lambda m: m.get("method") == "add_order")
        assert placed["success"] is True
        name = placed["result"]["order_id"]
        told = await hear(heard, lambda m: m.get("channel") == "executions" and m["type"] == "update")
        assert told["data"][0]["order_id"] == name
        await client.send_message({"method": "cancel_order", "params": {"order_id": [name]}, "req_id": 2})
        assert (await hear(heard, lambda m: m.get("method") == "cancel_order"))["success"] is True
        assert [order.cause for order in exchange.orders()] == [CancelCause.USER]


async def test_the_countdown_set_over_the_websocket_fires_and_is_told(exchange: Exchange) -> None:
    async with connected(exchange) as (client, heard):
        await client.subscribe(params={"channel": "executions", "snap_orders": True, "snap_trades": False})
        await client.send_message({"method": "add_order", "params": dict(FAR)})
        await client.send_message({"method": "cancel_all_orders_after", "params": {"timeout": 20}})
        answer = await hear(heard, lambda m: m.get("method") == "cancel_all_orders_after")
        assert answer["success"] is True
        assert answer["result"]["triggerTime"] > answer["result"]["currentTime"]
        await journal(exchange, JournalKind.TRIPPED)
        assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]
        await hear(heard, lambda m: any(row.get("exec_type") == "canceled" for row in m.get("data", [])))


async def test_all_orders_are_cancelled_over_the_websocket(exchange: Exchange) -> None:
    async with connected(exchange) as (client, heard):
        for price in (1000, 1001):
            await client.send_message({"method": "add_order", "params": {**FAR, "limit_price": price}})
            await hear(heard, lambda m: m.get("method") == "add_order")
        await client.send_message({"method": "cancel_all"})
        assert (await hear(heard, lambda m: m.get("method") == "cancel_all"))["result"]["count"] == 2


async def test_a_batch_is_placed_and_cancelled_over_the_websocket(exchange: Exchange) -> None:
    order = {name: value for name, value in FAR.items() if name != "symbol"}
    async with connected(exchange) as (client, heard):
        orders = [{**order, "limit_price": price} for price in (1000, 1001)]
        await client.send_message({"method": "batch_add", "params": {"symbol": "BTC/USD", "orders": orders}})
        placed = await hear(heard, lambda m: m.get("method") == "batch_add")
        names = [one["order_id"] for one in placed["result"]]
        assert [order.id for order in exchange.orders()] == names
        await client.send_message({"method": "batch_cancel", "params": {"orders": names}})
        await hear(heard, lambda m: m.get("method") == "batch_cancel")
        assert exchange.open_order_count() == 0


async def test_the_ping_is_answered_and_status_and_heartbeats_come(exchange: Exchange) -> None:
    async with connected(exchange) as (client, heard):
        await hear(heard, lambda m: m.get("channel") == "status")
        await hear(heard, lambda m: m.get("method") == "pong")
        await client.subscribe(params={"channel": "executions"})
        await hear(heard, lambda m: m.get("channel") == "heartbeat")


async def test_expired_tokens_are_refused(exchange: Exchange) -> None:
    async with connected(exchange) as (client, heard):
        exchange.expire_tokens()
        await client.send_message({"method": "add_order", "params": dict(FAR)})
        answer = await hear(heard, lambda m: m.get("method") == "add_order")
        assert answer["success"] is False and "token" in answer["error"]


Message = dict[str, Any]


@asynccontextmanager
async def connected(exchange: Exchange) -> AsyncIterator[tuple[SpotWSClient, asyncio.Queue[Message]]]:
    """A client on the authenticated websocket, and what it hears."""
    heard: asyncio.Queue[Message] = asyncio.Queue()
    base = exchange.guard_url.removesuffix("/v2")
    client = SpotWSClient(
        key=exchange.account.key,
        secret=exchange.account.secret,
        callback=heard.put,
        no_public=True,
        rest_url=exchange.http_url,
        ws_url=base,
        auth_ws_url=base,
    )
    async with client:
        yield client, heard


async def hear(heard: asyncio.Queue[Message], wanted: Callable[[Message], bool]) -> Message:
    async def find() -> Message:
        while not wanted(message := await heard.get()):
            pass
        return message

    return await asyncio.wait_for(find(), 5)


async def journal(exchange: Exchange, kind: JournalKind) -> JournalEntry:
    return await asyncio.to_thread(exchange.wait_for, kind)
