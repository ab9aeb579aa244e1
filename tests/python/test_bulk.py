"""P11: ten thousand orders delay neither a keepalive nor a kill, and cost no order of the book, on every venue."""

from __future__ import annotations

import asyncio
import json
from itertools import count

import pytest
from guarded import FACTOR, Run, guard_of, lives_on, runner
from test_kill import ORDERS, RESTING, resting, rest

from killcord import Event, Guard, Phase, PhaseChanged, Throttled, TooManyPending, Tripped, VenueName
from killcord.sim import Exchange

SENDS = 5_000
"""Fewer than the 8,192 that may wait to be handed over; what is beyond them is refused before that."""
WAVES = (9_000, 500, 500)
"""The first is more than may wait to be handed over; the others find a pool that has refilled meanwhile."""


@pytest.fixture(params=sorted(ORDERS))
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Every venue in turn."""
    return Exchange(request.param, factor=FACTOR)


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


async def flood(guard: Guard, exchange: Exchange) -> tuple[int, list[float]]:
    """How many of so many orders passed, and the round trips that were seen on the link meanwhile."""
    method, order = ORDERS[exchange.venue.value]
    passed, trips, numbers = 0, list[float](), count(1_000)
    for wave in WAVES:
        sends = [asyncio.ensure_future(guard.request(method, order(next(numbers)))) for _ in range(wave)]
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        assert all(isinstance(each, Throttled | TooManyPending) for each in failed), failed[:3]
        passed += len(outcomes) - len(failed)
        trips.append(guard.snapshot.round_trip_s or 0.0)
        await lives_on(exchange, 0.5)
    return passed, trips


async def listen(guard: Guard, heard: list[Event]) -> None:
    """Keeps every event."""
    async for event in guard.events():
        heard.append(event)


def lost_the_claim(events: list[Event]) -> list[Event]:
    """What says that the guard did not stay armed."""
    fell = [event for event in events if isinstance(event, PhaseChanged) and event.before is Phase.ARMED]
    return [*fell, *(event for event in events if isinstance(event, Tripped))]


def test_ten_thousand_orders_cost_no_order_of_the_book_and_delay_no_kill(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        with exchange:
            async with guard_of(exchange) as guard:
                await rest(guard, exchange)
                book = {order.id for order in resting(exchange)}
                before = guard.snapshot.epoch
                heard = list[Event]()
                listening = asyncio.ensure_future(listen(guard, heard))
                passed, trips = await flood(guard, exchange)
                listening.cancel()
                assert 0 < passed < sum(WAVES)
                assert lost_the_claim(heard) == []
                assert guard.snapshot.claim and guard.snapshot.epoch == before
                assert book <= {order.id for order in resting(exchange)} and len(book) == RESTING
                report = await guard.kill("enough")
                heard_ns = [path.acknowledged_ns for path in (report.link, report.http) if path.acknowledged_ns]
                assert report.proven and heard_ns
                # Bybit has no cancel-all on a link, and a session-bound link is dropped once either path has answered.
                assert report.link.acknowledged_ns or exchange.venue is not VenueName.KRAKEN
                took_ms = (min(heard_ns) - report.began_ns) / 1e6
                figures = {"passed": passed, "round_trip_ms": max(trips) * 1e3, "kill_acknowledged_ms": took_ms}
                print(exchange.venue.value, figures)
                assert max(trips) < 0.25, "a ping that waited behind the orders"
                assert took_ms < 200

    run(work())


def test_sends_without_an_answer_are_held_back_all_the_same(run: Run) -> None:
    """On Deribit, where one order too many ends the session and so cancels the book."""

    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                method, order = ORDERS["deribit"]
                lines = [json.dumps({"id": n, "method": method, "params": order(n)}) for n in range(SENDS)]
                outcomes = await asyncio.gather(*(guard.send(line) for line in lines), return_exceptions=True)
                failed = [each for each in outcomes if isinstance(each, BaseException)]
                assert all(isinstance(each, Throttled) and 0 < each.again_s <= 4 for each in failed), failed[:3]
                await lives_on(exchange, 1)
                assert len(resting(exchange)) == SENDS - len(failed) == 16
                assert guard.snapshot.claim and guard.snapshot.epoch == 1

    run(work())


def test_cancels_too_leave_the_session_alive(run: Run) -> None:
    """A program that takes a hundred orders off one by one on Deribit is held back and not cut off."""

    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                await rest(guard, exchange)
                cancels = (guard.request("private/cancel", {"order_id": f"none-{n}"}) for n in range(100))
                outcomes = await asyncio.gather(*cancels, return_exceptions=True)
                assert any(isinstance(each, Throttled) for each in outcomes)
                assert len(resting(exchange)) == RESTING
                assert guard.snapshot.claim and guard.snapshot.epoch == 1

    run(work())
