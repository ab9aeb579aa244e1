"""Kill through the public face, on every embedded venue: resting orders, proof, latch, and what is said when it fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from guarded import FACTOR, Run, guard_of, runner

from killcord import Guard, Json, KillcordError, KillEnded, KillReport, KillStarted, Latched, NotConnected, Phase
from killcord.sim import Exchange, Order, OrderState

ORDERS: dict[str, tuple[str, Callable[[int], dict[str, Json]]]] = {
    "crypto_com": (
        "private/create-order",
        lambda n: {
            "instrument_name": "BTC_USD",
            "side": "BUY",
            "type": "LIMIT",
            "price": "1000",
            "quantity": "0.001",
            "client_oid": f"kill-{n}",
        },
    ),
    "deribit": (
        "private/buy",
        lambda n: {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000, "label": f"k{n}"},
    ),
    "bybit": (
        "order.create",
        lambda n: {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.01",
            "price": "1000",
            "orderLinkId": f"kill-{n}",
        },
    ),
    "kraken": (
        "add_order",
        lambda n: {
            "order_type": "limit",
            "side": "buy",
            "symbol": "BTC/USD",
            "limit_price": 1000.0 + n,
            "order_qty": 0.001,
        },
    ),
}
"""An order per venue that rests far away."""

RESTING = 5


@pytest.fixture(params=sorted(ORDERS))
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """Every venue in turn."""
    with Exchange(request.param, factor=FACTOR) as embedded:
        yield embedded


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


def resting(exchange: Exchange) -> list[Order]:
    """What is open at the venue."""
    return [order for order in exchange.orders() if order.state is OrderState.OPEN]


async def rest(guard: Guard, exchange: Exchange) -> None:
    """Orders rest at the venue."""
    method, order = ORDERS[exchange.venue.value]
    for number in range(RESTING):
        await guard.request(method, order(number))
    assert len(resting(exchange)) == RESTING


async def refused(guard: Guard, exchange: Exchange) -> KillcordError:
    """Why no order is sent. A kill drops Bybit's order link, which comes back a moment after the guarding link is armed."""
    method, order = ORDERS[exchange.venue.value]
    while True:
        try:
            await guard.request(method, order(99))
        except NotConnected:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()
        except KillcordError as why:
            return why


def assert_proven(report: KillReport) -> None:
    """The venue itself says that nothing is left."""
    assert report.proven, report
    assert report.left == () and report.proven_ns is not None
    acknowledged = [path.acknowledged_ns for path in (report.link, report.http) if path.acknowledged_ns is not None]
    assert acknowledged, report
    assert report.began_ns < min(acknowledged) < report.proven_ns <= report.ended_ns


def test_a_kill_is_proven_by_the_venue_and_latches(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            report = await guard.kill("red button")
            assert_proven(report)
            assert report.reason == "red button"
            assert resting(exchange) == []
            await guard.wait(Phase.ARMED, timeout_s=20)
            assert isinstance(await refused(guard, exchange), Latched)

    run(work())


def test_a_kill_works_from_another_thread_and_is_told(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            reports: list[KillReport] = []
            thread = threading.Thread(target=lambda: reports.append(guard.kill_blocking("from a thread")))
            thread.start()
            told: list[str] = []
            async for event in guard.events():
                if isinstance(event, KillStarted):
                    told.append(event.reason)
                if isinstance(event, KillEnded):
                    assert_proven(event.report)
                    break
            thread.join()
            assert told == ["from a thread"]
            assert_proven(reports[0])

    run(work())


def test_a_kill_works_before_the_guard_was_started(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            assert_proven(await guard_of(exchange).kill("nothing else is running"))

    run(work())


def test_what_a_latched_guard_refuses_uses_nothing_up(exchange: Exchange, run: Run) -> None:
    """A strategy that goes on trying must still be able to take off what rests."""

    async def work() -> None:
        async with guard_of(exchange) as guard:
            assert (await guard.kill("red button")).proven
            await guard.wait(Phase.ARMED, timeout_s=20)
            assert isinstance(await refused(guard, exchange), Latched)
            kinds = {type(await refused(guard, exchange)) for _ in range(1_100)}
            assert kinds == {Latched}

    run(work())
