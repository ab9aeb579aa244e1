"""After every arming the venue's open orders are compared with what the guard sent, on every embedded venue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from guarded import FACTOR, Run, guard_of, lives_on, runner
from test_kill import ORDERS, rest, resting

from killcord import CancelledBy, Event, Guard, Occasion, OrdersCancelled, Phase, Reconciled, SwitchArmed, Tripped
from killcord.sim import Exchange, JournalKind

SESSION_BOUND = {"crypto_com", "deribit"}


@pytest.fixture(params=sorted(ORDERS))
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """Every venue in turn."""
    with Exchange(request.param, factor=FACTOR) as embedded:
        yield embedded


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


async def reconciled(guard: Guard, *occasions: Occasion) -> Reconciled:
    """The next comparison for one of these."""
    events = guard.events()
    return await anext(each async for each in events if isinstance(each, Reconciled) and each.occasion in occasions)


def test_what_was_sent_and_still_rests_is_kept_and_what_was_not_is_foreign(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            async with guard_of(exchange) as other:
                method, order = ORDERS[exchange.venue.value]
                await other.request(method, order(77))
                assert len(resting(exchange)) == 6
                guard.rearm(acknowledge="seen")
                found = await reconciled(guard, Occasion.REARMED)
                ours = {each.order.order_id for each in found.kept}
                assert (found.kept_count, found.foreign_count, found.gone_count) == (5, 1, 0)
                assert {each.order.order_id for each in found.foreign} | ours == {o.id for o in resting(exchange)}
                assert all(each.covered for each in found.kept)
                by_connection = exchange.venue.value in SESSION_BOUND
                assert found.foreign[0].covered is not by_connection
                assert found.uncovered_count == int(by_connection)

    run(work())


def test_after_a_lost_link_what_the_switch_took_is_gone_and_the_rest_is_kept(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            await reconciled(guard, Occasion.ARMED)
            exchange.reset()
            found = await reconciled(guard, Occasion.ARMED)
            while found.unsettled_count or (exchange.venue.value in SESSION_BOUND and found.kept_count):
                found = await reconciled(guard, Occasion.AUDIT)
            open_now = {each.id for each in resting(exchange)}
            assert {each.order.order_id for each in found.kept} == open_now
            if exchange.venue.value in SESSION_BOUND:
                assert open_now == set()
                assert found.gone_count == 5
                assert {each.cancelled_by for each in found.gone} == {CancelledBy.UNKNOWN}
            else:
                assert found.kept_count == 5

    run(work())


def test_an_order_that_a_trip_left_behind_is_named_within_five_seconds_and_not_cancelled(run: Run) -> None:
    """V23, on Deribit: the venue's switch forgets one of five orders."""

    async def work() -> None:
        with Exchange("deribit", factor=FACTOR, knobs={"cod_partial_failure": 1}) as exchange:
            async with guard_of(exchange) as guard:
                await rest(guard, exchange)
                await reconciled(guard, Occasion.ARMED)
                seen = len(exchange.journal())
                exchange.cut()
                for _ in range(4):
                    cancelled = await asyncio.to_thread(
                        exchange.wait_for, JournalKind.ORDER_CANCELLED, since=seen, timeout_s=10
                    )
                    seen = cancelled.number + 1
                exchange.heal()
                (left,) = resting(exchange)
                heard = await up_to_the_comparison_after_a_trip(guard)
                armed = next(event for event in heard if isinstance(event, SwitchArmed))
                found = heard[-1]
                assert isinstance(found, Reconciled)
                assert [(each.order.order_id, each.covered) for each in found.kept] == [(left.id, False)]
                assert (found.gone_count, found.uncovered_count, found.foreign_count) == (4, 1, 0)
                assert found.at_ns - armed.at_ns < 5e9
                assert guard.snapshot.claim and guard.snapshot.latched
                # It is told, and left alone: only a kill takes it.
                await lives_on(exchange, 1.5)
                assert [each.id for each in resting(exchange)] == [left.id]
                assert (await guard.kill("take it")).proven
                assert resting(exchange) == []

    run(work())


def test_what_rests_before_the_guard_starts_is_told(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as other:
            method, order = ORDERS[exchange.venue.value]
            await other.request(method, order(1))
            async with guard_of(exchange) as guard:
                found = await reconciled(guard, Occasion.START, Occasion.ARMED)
                assert found.foreign_count == 1
                assert found.foreign[0].covered is (exchange.venue.value not in SESSION_BOUND)

    run(work())


def test_after_a_kill_and_rearm_the_orders_are_gone_by_the_kill(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            report = await guard.kill("red button")
            assert report.proven
            guard.rearm(acknowledge="seen")
            await guard.wait(Phase.ARMED, timeout_s=20)
            found = await told_of_all(guard)
            assert found == {CancelledBy.KILL: 5}

    run(work())


def test_orders_cancelled_by_somebody_else_are_told_with_the_venues_word(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard, guard_of(exchange) as other:
                await rest(guard, exchange)
                await other.request("private/cancel_all", {})
                cancelled: list[tuple[CancelledBy, str]] = []
                async for event in guard.events():
                    if isinstance(event, OrdersCancelled):
                        cancelled += [(each.cancelled_by, each.evidence) for each in event.orders]
                    if len(cancelled) == 5:
                        break
                assert set(cancelled) == {(CancelledBy.USER, "cancel_reason user_request")}

    run(work())


async def up_to_the_comparison_after_a_trip(guard: Guard) -> list[Event]:
    """What is told from the trip to the first comparison after it in which nothing was too young to be judged."""
    heard = list[Event]()
    async for event in guard.events():
        if heard or isinstance(event, Tripped):
            heard.append(event)
        if heard and isinstance(event, Reconciled) and not event.unsettled_count:
            break
    return heard


async def told_of_all(guard: Guard) -> dict[CancelledBy, int]:
    """How the five orders went: from messages about them, and from comparisons."""
    by: dict[CancelledBy, int] = {}
    async for event in guard.events():
        for one in ended(event):
            by[one] = by.get(one, 0) + 1
        if sum(by.values()) >= 5:
            break
    return by


def ended(event: Event) -> list[CancelledBy]:
    match event:
        case Reconciled(gone=gone):
            return [each.cancelled_by for each in gone]
        case OrdersCancelled(orders=orders):
            return [each.cancelled_by for each in orders]
        case _:
            return []
