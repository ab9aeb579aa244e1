"""Sticky subscriptions, and the exact fate of what was sent."""

from __future__ import annotations

import asyncio

import pytest
from guarded import FACTOR, ORDER, Run, guard_of, runner

from killcord import FateUnknown, Json, NotSendable, SubscriptionLost, SwitchArmed
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
