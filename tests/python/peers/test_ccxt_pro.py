"""ccxt over websockets: login, order updates, orders, and the switch where it can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("ccxt", reason="needs the client libraries of the `peers` extra")

import ccxt.pro

from killcord import VenueName
from killcord.sim import CancelCause, Exchange, JournalEntry, JournalKind, OrderState

from .conftest import Trust, pointed_at

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

Connect = Callable[[Exchange], Any]
PEERS = [
    ("crypto_com", "cryptocom", "BTC/USD", 0.01),
    ("deribit", "deribit", "BTC/USD:BTC", 10),
    ("bybit", "bybit", "BTC/USDT:USDT", 0.01),
    ("kraken", "kraken", "BTC/USD", 0.01),
]


@pytest.mark.parametrize(("venue", "name", "symbol", "amount"), PEERS)
async def test_order_updates_arrive(trust: Trust, venue: Any, name: str, symbol: str, amount: float) -> None:
    with embedded(venue) as exchange:
        async with connected(exchange, name, trust) as client:
            watching = asyncio.ensure_future(client.watch_orders(symbol))
            await journal(exchange, JournalKind.LOGGED_IN)
            placed: list[str] = []
            # Nothing tells from outside when the subscription is on: place orders until one is told.
            while not watching.done() and len(placed) < 20:
                placed.append((await client.create_order(symbol, "limit", "buy", amount, 1000))["id"])
                await asyncio.wait([watching], timeout=0.25)
            update = (await asyncio.wait_for(watching, 5))[-1]
            assert update["id"] in placed
            assert (update["symbol"], update["status"]) == (symbol, "open")


@pytest.mark.parametrize(("venue", "name", "symbol", "amount"), [peer for peer in PEERS if peer[0] != "deribit"])
async def test_an_order_is_placed_and_cancelled_over_the_websocket(
    trust: Trust, venue: Any, name: str, symbol: str, amount: float
) -> None:
    with embedded(venue) as exchange:
        async with connected(exchange, name, trust) as client:
            placed = await asyncio.wait_for(client.create_order_ws(symbol, "limit", "buy", amount, 1000), 5)
            (order,) = exchange.orders()
            assert (order.id, order.state) == (placed["id"], OrderState.OPEN)
            assert order.connection is not None
            let_ask_again(client)
            cancel = client.cancel_order_ws(placed["id"], None if venue == "kraken" else symbol)
            await asyncio.wait_for(cancel, 5)
            assert [order.cause for order in exchange.orders()] == [CancelCause.USER]


@pytest.mark.parametrize("venue", ["crypto_com", "kraken"])
async def test_all_orders_are_cancelled_over_the_websocket(trust: Trust, venue: Any) -> None:
    with embedded(venue) as exchange:
        async with connected(exchange, venue.replace("_", ""), trust) as client:
            for price in (1000, 1001):
                await asyncio.wait_for(client.create_order_ws("BTC/USD", "limit", "buy", 0.01, price), 5)
                let_ask_again(client)
            await asyncio.wait_for(client.cancel_all_orders_ws(), 5)
            assert [order.cause for order in exchange.orders()] == [CancelCause.USER] * 2


@pytest.mark.parametrize(("venue", "name", "symbol", "amount"), PEERS)
async def test_a_wrong_secret_is_not_logged_in(
    trust: Trust, venue: Any, name: str, symbol: str, amount: float
) -> None:
    with embedded(venue) as exchange:
        async with connected(exchange, name, trust) as client:
            client.secret = "d3Jvbmc="
            watching = asyncio.ensure_future(client.watch_orders(symbol))
            await journal(exchange, JournalKind.REFUSED)
            watching.cancel()
            assert [entry for entry in exchange.journal() if entry.kind is JournalKind.LOGGED_IN] == []


async def test_crypto_coms_switch_fires_when_ccxts_connection_closes(trust: Trust) -> None:
    with embedded("crypto_com") as exchange:
        async with connected(exchange, "cryptocom", trust) as client:
            await asyncio.wait_for(client.create_order_ws("BTC/USD", "limit", "buy", 0.01, 1000), 5)
            request = {"id": 1, "method": "private/set-cancel-on-disconnect", "params": {"scope": "CONNECTION"}}
            await send(client, exchange, request)
            assert (await journal(exchange, JournalKind.SWITCH_SET)).connection == exchange.connections()[0].number
            assert exchange.open_order_count() == 1
        await journal(exchange, JournalKind.TRIPPED)
        assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]


async def test_deribits_switch_fires_when_ccxts_connection_closes(trust: Trust) -> None:
    with embedded("deribit") as exchange:
        async with connected(exchange, "deribit", trust) as client:
            await client.authenticate()
            params: dict[str, object] = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000}
            switch = {"scope": "connection"}
            calls = [("private/enable_cancel_on_disconnect", switch), ("private/buy", params)]
            for number, (method, fields) in enumerate(calls, start=1001):
                await send(client, exchange, {"jsonrpc": "2.0", "id": number, "method": method, "params": fields})
            await journal(exchange, JournalKind.ORDER_OPENED)
            assert exchange.orders()[0].connection == exchange.connections()[0].number
        await journal(exchange, JournalKind.TRIPPED)
        assert [order.cause for order in exchange.orders()] == [CancelCause.SWITCH]


async def test_without_the_switch_orders_outlive_ccxts_connection(trust: Trust) -> None:
    with embedded("crypto_com", cancel_delay_ms=0) as exchange:
        async with connected(exchange, "cryptocom", trust) as client:
            await asyncio.wait_for(client.create_order_ws("BTC/USD", "limit", "buy", 0.01, 1000), 5)
        await journal(exchange, JournalKind.ENDED)
        assert exchange.open_order_count() == 1


async def test_ccxt_keeps_the_connection_alive_through_heartbeats(trust: Trust) -> None:
    with embedded("crypto_com", factor=0.01) as exchange:
        async with connected(exchange, "cryptocom", trust) as client:
            await client.authenticate()
            for _ in range(3):
                beat = await journal(exchange, JournalKind.HEARTBEAT, since=len(exchange.journal()))
                await journal(exchange, JournalKind.LIFE_SIGN, since=beat.number)
            assert len(exchange.connections()) == 1


def embedded(venue: str, factor: float = 1.0, **knobs: int) -> Exchange:
    """A venue, and Crypto.com with a whole second's requests in the second of a connect: ccxt does not wait for the next one,
    as the venue asks, so that what was left for it would be chance.
    """
    if venue == "crypto_com":
        knobs["opening_second_prorated"] = False
    return Exchange(VenueName(venue), factor=factor, knobs=knobs)


@asynccontextmanager
async def connected(exchange: Exchange, name: str, trust: Trust) -> AsyncIterator[Any]:
    client = pointed_at(exchange, getattr(ccxt.pro, name), cafile=trust(exchange), enableRateLimit=False)
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


async def journal(exchange: Exchange, kind: JournalKind, since: int = 0) -> JournalEntry:
    return await asyncio.to_thread(exchange.wait_for, kind, since=since)


async def send(client: Any, exchange: Exchange, request: dict[str, object]) -> None:
    """Says something for which ccxt has no method, on ccxt's own connection."""
    await client.clients[exchange.guard_url].send(request)


def let_ask_again(client: Any) -> None:
    """ccxt files every private request to Crypto.com under one subscription, and sends what is filed already only once."""
    for connection in client.clients.values():
        connection.subscriptions.pop(True, None)
