"""Leases on embedded venues: however a strategy hangs, nothing keeps the switch after the budget and its orders go."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from guarded import FACTOR, Run, guard_of, runner
from test_kill import rest, resting

from killcord import (
    ConfigError,
    Event,
    Guard,
    KillEnded,
    Lease,
    LeaseLapsed,
    LeaseNotRenewed,
    LeaseRenewed,
    LeaseWarning,
    NotApplicable,
    Phase,
    keep_renewed,
)
from killcord.sim import Exchange, JournalKind

BUDGET_S = 0.3
SLACK_NS = 50_000_000
"""A lapse is noticed this soon after the budget."""

Hang = Callable[[Lease], Awaitable[None]]


@pytest.fixture
def run() -> Run:
    """On asyncio's own loop."""
    return runner("asyncio")


@pytest.fixture(params=["bybit", "crypto_com", "deribit", "kraken"])
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """Every venue in turn."""
    with Exchange(request.param, factor=FACTOR) as embedded:
        yield embedded


async def busy_loop(_: Lease) -> None:
    """``while True: pass``, for as long as the test can afford."""
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        pass


async def catastrophic_regex(_: Lease) -> None:
    """Backtracking holds the GIL inside one call into C."""
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        assert re.match(r"(a+)+$", "a" * 22 + "b") is None


async def endless_await(_: Lease) -> None:
    """The loop turns; the strategy does not get on."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.2):
            await asyncio.Event().wait()


async def constant_token(lease: Lease) -> None:
    """A helper thread renews with a token that never changes."""
    over = threading.Event()

    def helper() -> None:
        while not over.wait(0.01):
            lease.renew(2)

    thread = threading.Thread(target=helper)
    thread.start()
    await endless_await(lease)
    over.set()
    thread.join()


@pytest.mark.parametrize("hang", [busy_loop, catastrophic_regex, endless_await, constant_token])
def test_a_hung_strategy_lapses_nothing_keeps_the_switch_and_its_orders_go(
    exchange: Exchange, run: Run, hang: Hang
) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await rest(guard, exchange)
            lease = guard.lease("quoter", budget_s=BUDGET_S)
            assert lease.renew(1) and lease.renew(2)
            renewed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            await hang(lease)
            told = await until(guard, KillEnded)
            assert lease.lapsed and not lease.renew(3)
            late = [event.late_s for event in told if isinstance(event, LeaseLapsed)]
            assert len(late) == 1 and late[0] < 0.05
            end_ns = renewed_ns + int(BUDGET_S * 1e9) + SLACK_NS
            kept = [entry for entry in exchange.journal() if entry.kind is JournalKind.LIFE_SIGN]
            assert [entry for entry in kept if entry.at_ns > end_ns] == []
            assert resting(exchange) == []
            state = guard.snapshot
            assert state.phase is Phase.TRIPPED and state.latched and not state.permit

    run(work())


def test_orders_wait_for_the_first_renewal_and_rearm_for_another_of_every_lease(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                leases = [guard.lease(name, budget_s=BUDGET_S) for name in ("quoter", "hedger")]
                assert all(lease.gaps.count == 0 for lease in leases)
                leases[0].renew(1)
                with pytest.raises(LeaseNotRenewed, match="not renewed"):
                    await rest(guard, exchange)
                leases[1].renew(1)
                leases[0].renew(2)
                await until(guard, KillEnded)
                guard.rearm(acknowledge="seen")
                for turn in range(2, 400):
                    for lease in leases:
                        lease.renew(turn + 1)
                    if guard.snapshot.permit:
                        break
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await asyncio.Event().wait()
                await rest(guard, exchange)

    run(work())


def test_half_the_budget_warns_an_announced_stall_does_not_and_nonsense_is_refused(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                with pytest.raises(ConfigError):
                    guard.lease("quick", budget_s=0.009)
                with pytest.raises(ConfigError):
                    guard.lease("nothing", budget_s=float("nan"))
                lease = guard.lease("quoter", budget_s=BUDGET_S)
                with pytest.raises(NotApplicable):
                    lease.extend(1)
                lease.renew(1)
                told = await until(guard, LeaseWarning)
                assert lease.renew(2)
                told += await until(guard, LeaseRenewed)
                lease.extend(3)
                await endless_await(lease)
                assert not lease.lapsed and lease.renew(3)
                assert not any(isinstance(event, LeaseLapsed) for event in told)
                assert 1.2 <= lease.gaps.longest_s < 2.5 and lease.gaps.count == 2
                lease.close("the day is over")
                await endless_await(lease)
                assert guard.snapshot.phase is Phase.ARMED

    run(work())


def test_the_helper_renews_while_the_loop_turns_and_lapses_when_it_does_not(run: Run) -> None:
    async def work() -> None:
        with Exchange("deribit", factor=FACTOR) as exchange:
            async with guard_of(exchange) as guard:
                lease = guard.lease("loop", budget_s=BUDGET_S)
                with keep_renewed(lease):
                    await endless_await(lease)
                    assert not lease.lapsed and guard.snapshot.permit
                    await busy_loop(lease)
                    assert lease.lapsed

    run(work())


async def until(guard: Guard, kind: type[Event]) -> list[Event]:
    """Everything told up to the first of this kind."""
    told: list[Event] = []
    async for event in guard.events():
        told.append(event)
        if isinstance(event, kind):
            return told
    raise AssertionError(f"the guard ended without {kind.__name__}: {told}")
