"""Sticky subscriptions, bulk sends, and the exact fate of what was sent."""

from __future__ import annotations

import asyncio

import pytest
from guarded import FACTOR, ORDER, Run, guard_of, runner
from test_kill import ORDERS

from killcord import FateUnknown, Json, NotSendable, Phase, SubscriptionLost, SwitchArmed, Throttled, TooManyPending
from killcord.sim import Exchange, JournalKind

CHANNEL: dict[str, Json] = {"channels": ["user.trades.any.any.raw"]}


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


def test_a_subscription_is_said_again_on_a_new_link(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                assert b'"result"' in (await guard.subscribe("private/subscribe", CHANNEL)).raw
                with pytest.raises(NotSendable):
                    await guard.subscribe(*ORDER)
                before = guard.snapshot.epoch
                exchange.reset()
                async for event in guard.events():
                    assert not isinstance(event, SubscriptionLost)
                    if isinstance(event, SwitchArmed) and event.epoch > before:
                        break

    run(work())


def test_an_answer_lost_with_the_link_is_an_unknown_fate(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                exchange.lose_answer("private/buy")
                reply = asyncio.ensure_future(guard.request(*ORDER))
                await asyncio.to_thread(exchange.wait_for, JournalKind.ORDER_OPENED)
                exchange.reset()
                with pytest.raises(FateUnknown):
                    await reply

    run(work())


def test_ten_thousand_sends_delay_neither_a_keepalive_nor_a_kill(run: Run) -> None:
    """P11: what is too much is refused by name, and everything that matters goes before it."""

    async def work() -> None:
        with Exchange("kraken", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                method, order = ORDERS["kraken"]
                sends = [asyncio.ensure_future(guard.request(method, order(number))) for number in range(10_000)]
                outcomes = await asyncio.gather(*sends, return_exceptions=True)
                failed = [each for each in outcomes if isinstance(each, BaseException)]
                assert all(isinstance(each, Throttled | TooManyPending) for each in failed)
                assert 5_000 <= len(failed) < 10_000
                assert guard.snapshot.phase is Phase.ARMED
                report = await guard.kill("enough")
                assert report.proven
                assert report.link.sent_ns is not None and report.link.acknowledged_ns is not None
                assert report.link.acknowledged_ns - report.began_ns < 200_000_000

    run(work())
