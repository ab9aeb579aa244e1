"""Bybit's two links: the private one carries the protection, the order link carries orders; each dies alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from guarded import FACTOR, Run, guard_of, lives_on, runner
from test_bulk import lost_the_claim
from test_kill import ORDERS, rest, resting

from killcord import (
    Event,
    FateUnknown,
    Guard,
    Latched,
    LinkLost,
    LinkRole,
    LinkUp,
    NotConnected,
    NotProtected,
    Phase,
)
from killcord.sim import CancelCause, Connection, Exchange, JournalKind

METHOD, ORDER = ORDERS["bybit"]
PATHS = {LinkRole.GUARD: "/v5/private", LinkRole.TRADE: "/v5/trade"}


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """Bybit."""
    with Exchange("bybit", factor=FACTOR) as embedded:
        yield embedded


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


def link(exchange: Exchange, role: LinkRole) -> Connection:
    """The only open websocket of this kind."""
    (found,) = (each for each in exchange.connections() if each.path.startswith(PATHS[role]))
    return found


async def until(guard: Guard, kind: type[Event], role: LinkRole) -> list[Event]:
    """The events up to this one of this link."""
    heard = list[Event]()
    async for event in guard.events():
        heard.append(event)
        of = event.loss.role if isinstance(event, LinkLost) else event.role if isinstance(event, LinkUp) else None
        if isinstance(event, kind) and of is role:
            break
    return heard


async def sent_again(guard: Guard, number: int) -> None:
    """An order passes as soon as the order link carries orders again; until then each is refused as not connected."""
    while True:
        try:
            reply = await guard.request(METHOD, ORDER(number))
            assert b'"retCode":0' in reply.raw
            return
        except NotConnected:
            assert guard.snapshot.claim
            await asyncio.sleep(0)


def test_the_loss_of_the_order_link_costs_no_claim_and_no_order_and_it_is_dialled_again(
    exchange: Exchange, run: Run
) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            await until(guard, LinkUp, LinkRole.TRADE)
            before, private = guard.snapshot.epoch, link(exchange, LinkRole.GUARD)
            exchange.refuse_dials()
            exchange.reset(link(exchange, LinkRole.TRADE))
            heard = await until(guard, LinkLost, LinkRole.TRADE)
            with pytest.raises(NotConnected):
                await guard.request(METHOD, ORDER(77))
            # Longer than the venue's window: whatever watched the order link would have fired.
            await lives_on(exchange, 1.5)
            with pytest.raises(NotConnected):
                await guard.request(METHOD, ORDER(78))
            assert guard.snapshot.phase is Phase.ARMED
            exchange.heal()
            heard += await until(guard, LinkUp, LinkRole.TRADE)
            await sent_again(guard, 79)
            assert lost_the_claim(heard) == []
            assert guard.snapshot.claim and guard.snapshot.epoch == before and not guard.snapshot.latched
            assert link(exchange, LinkRole.GUARD) == private
            assert len(resting(exchange)) == 6

    run(work())


@pytest.mark.parametrize("lose", [Exchange.reset, Exchange.cut], ids=lambda lose: lose.__name__)
def test_a_request_that_waits_on_the_lost_order_link_ends_as_an_unknown_fate(
    lose: Callable[[Exchange, Connection], None], exchange: Exchange, run: Run
) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            seen = len(exchange.journal())
            exchange.lose_answer(METHOD)
            reply = asyncio.ensure_future(guard.request(METHOD, ORDER(77)))
            await asyncio.to_thread(exchange.wait_for, JournalKind.ORDER_OPENED, since=seen)
            lose(exchange, link(exchange, LinkRole.TRADE))
            with pytest.raises(FateUnknown):
                await reply
            await sent_again(guard, 78)
            assert guard.snapshot.claim
            # It was not sent a second time.
            assert [each.client_id for each in resting(exchange)].count("kill-77") == 1

    run(work())


def test_a_short_loss_of_the_private_link_ends_the_claim_at_once_and_leaves_the_order_link_alone(
    exchange: Exchange, run: Run
) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            before, orders = guard.snapshot.epoch, link(exchange, LinkRole.TRADE)
            seen = len(exchange.journal())
            exchange.lose_answer(METHOD)
            waits = asyncio.ensure_future(guard.request(METHOD, ORDER(77)))
            await asyncio.to_thread(exchange.wait_for, JournalKind.ORDER_OPENED, since=seen)
            exchange.late("auth", 0.3)
            exchange.reset(link(exchange, LinkRole.GUARD))
            await until(guard, LinkLost, LinkRole.GUARD)
            assert not guard.snapshot.claim
            with pytest.raises(NotProtected):
                await guard.request(METHOD, ORDER(78))
            cancelled = await guard.request("order.cancel", {**named(0), "category": "linear"})
            assert b'"retCode":0' in cancelled.raw
            await guard.wait(Phase.ARMED, timeout_s=10)
            assert guard.snapshot.epoch > before and not guard.snapshot.latched
            assert link(exchange, LinkRole.TRADE) == orders
            assert not waits.done(), "its link lives: an answer may still come"
            # Shorter than the window: nothing fired.
            assert len(resting(exchange)) == 5
            waits.cancel()

    run(work())


def test_a_long_loss_of_the_private_link_trips_while_the_order_link_lives(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            orders, seen = link(exchange, LinkRole.TRADE), len(exchange.journal())
            exchange.refuse_dials()
            exchange.reset(link(exchange, LinkRole.GUARD))
            await asyncio.to_thread(exchange.wait_for, JournalKind.TRIPPED, since=seen, timeout_s=10)
            with pytest.raises(NotProtected):
                await guard.request(METHOD, ORDER(77))
            assert resting(exchange) == []
            assert {each.cause for each in exchange.orders()} == {CancelCause.SWITCH}
            exchange.heal()
            await guard.wait(Phase.ARMED, timeout_s=10)
            with pytest.raises(Latched):
                await guard.request(METHOD, ORDER(78))
            assert link(exchange, LinkRole.TRADE) == orders
            guard.rearm(acknowledge="seen by the test")
            await sent_again(guard, 79)

    run(work())


def named(number: int) -> dict[str, str]:
    """An order by what it was sent as."""
    order = ORDER(number)
    return {"symbol": str(order["symbol"]), "orderLinkId": str(order["orderLinkId"])}
