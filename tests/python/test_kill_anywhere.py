"""A kill in every phase, from a signal handler, a second one, behind ten thousand lines, and with the venue's limit used up."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import pytest
from guarded import FACTOR, ORDER, guard_of, runner

from killcord import Guard, KillEnded, KillReport, Phase, Throttled, TooManyPending, WrongLoop
from killcord.sim import Exchange, Sockets

PATIENCE_S = 20.0
SENT = 10_000
CANCEL_ALL_MS = 250.0
"""From the call to the acknowledgement, however much waits before it."""
TRIES = 4


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """Deribit, which has a step for every phase."""
    with Exchange("deribit", factor=FACTOR) as embedded:
        yield embedded


def connecting(exchange: Exchange, guard: Guard) -> None:
    exchange.cut(Sockets.WEBSOCKETS)
    guard.start()


def authenticating(exchange: Exchange, guard: Guard) -> None:
    exchange.lose_request("public/auth", times=None)
    guard.start()


def arming(exchange: Exchange, guard: Guard) -> None:
    exchange.lose_request("private/enable_cancel_on_disconnect", times=None)
    guard.start()


def armed(_: Exchange, guard: Guard) -> None:
    guard.start()


def suspect(exchange: Exchange, guard: Guard) -> None:
    guard.start()
    guard.wait_phase(Phase.ARMED, PATIENCE_S)
    exchange.cut(Sockets.WEBSOCKETS)


def degraded(exchange: Exchange, guard: Guard) -> None:
    """The link is dead, and kept because closing it is the trip."""
    suspect(exchange, guard)


def tripped(exchange: Exchange, guard: Guard) -> None:
    guard.start()
    guard.wait_phase(Phase.ARMED, PATIENCE_S)
    lease = guard.lease("quoter", budget_s=0.05)
    lease.renew(1)


PHASES: dict[Phase, Callable[[Exchange, Guard], None]] = {
    Phase.STOPPED: lambda exchange, guard: None,
    Phase.CONNECTING: connecting,
    Phase.AUTHENTICATING: authenticating,
    Phase.ARMING: arming,
    Phase.ARMED: armed,
    Phase.SUSPECT: suspect,
    Phase.DEGRADED: degraded,
    Phase.TRIPPED: tripped,
}


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.value)
def test_a_kill_is_proven_in_every_phase(exchange: Exchange, phase: Phase) -> None:
    with rested(exchange):
        guard = guard_of(exchange)
        PHASES[phase](exchange, guard)
        try:
            assert guard.wait_phase(phase, PATIENCE_S).phase is phase
            if phase is Phase.TRIPPED:
                ended(guard)
            assert_empty(exchange, guard.kill_blocking("red button"))
        finally:
            guard.stop()


@pytest.mark.skipif("KILLCORD_FIGURES" not in os.environ, reason="make figures: it is given up after half a minute")
def test_a_kill_of_an_account_that_the_venue_refuses_is_not_called_proven(exchange: Exchange) -> None:
    """With a key that is not good any more nothing can be cancelled or read."""
    with rested(exchange):
        exchange.revoke(exchange.account)
        guard = guard_of(exchange)
        guard.start()
        try:
            guard.wait_phase(Phase.REFUSED, PATIENCE_S)
            report = guard.kill_blocking("red button")
            assert not report.proven and report.refusal is not None and report.listed_ns is None, report
            assert exchange.open_order_count() == 1
        finally:
            guard.stop()


def blocked_in_killcord(guard: Guard, over: Callable[[], bool]) -> None:
    while not over():
        guard.drain_messages(timeout_s=5)


def asleep(_: Guard, over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not over() and time.monotonic() < deadline:
        time.sleep(1)


@pytest.mark.parametrize("busy", [blocked_in_killcord, asleep])
def test_a_signal_handler_can_kill_whatever_the_main_thread_waits_for(
    exchange: Exchange, busy: Callable[[Guard, Callable[[], bool]], None]
) -> None:
    reports: list[KillReport] = []
    with rested(exchange) as guard, handler(lambda: reports.append(guard.kill_blocking("from a handler"))):
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        busy(guard, lambda: bool(reports))
        assert_empty(exchange, reports[0])


def test_a_handler_of_the_loop_kills_and_one_of_the_interpreter_has_killed_when_it_is_told_not_to_block(
    exchange: Exchange,
) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            await guard.request(*ORDER)
            refused: list[WrongLoop] = []

            def kill() -> None:
                try:
                    guard.kill_blocking("from a handler of the interpreter")
                except WrongLoop as error:
                    refused.append(error)

            with handler(kill):
                signal.raise_signal(signal.SIGUSR1)
            assert len(refused) == 1
            async for event in guard.events():
                if isinstance(event, KillEnded):
                    assert_empty(exchange, event.report)
                    break
            loop = asyncio.get_running_loop()
            report: asyncio.Future[KillReport] = loop.create_future()
            killing: list[asyncio.Task[None]] = []

            async def kill_again() -> None:
                report.set_result(await guard.kill("from a handler of the loop"))

            loop.add_signal_handler(signal.SIGUSR1, lambda: killing.append(loop.create_task(kill_again())))
            signal.raise_signal(signal.SIGUSR1)
            assert_empty(exchange, await report)
            loop.remove_signal_handler(signal.SIGUSR1)

    runner("asyncio")(work())


def test_a_second_kill_joins_the_first_and_one_after_it_is_its_own(exchange: Exchange) -> None:
    with rested(exchange) as guard:
        reports: list[KillReport] = []
        threads = [
            threading.Thread(target=lambda reason=reason: reports.append(guard.kill_blocking(reason)))
            for reason in ("first", "second", "third")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert len(reports) == 3 and len({report.began_ns for report in reports}) <= 3
        for report in reports:
            assert_empty(exchange, report)
        after = guard.kill_blocking("after them")
        assert after.reason == "after them" and after.began_ns > max(report.ended_ns for report in reports)
        assert_empty(exchange, after)


@pytest.mark.parametrize("path", ["link", "http"])
def test_a_kill_is_said_before_ten_thousand_lines_that_wait_and_with_no_limit_left(exchange: Exchange, path: str) -> None:
    """The lines are more than the venue's limit allows, so that most of them are refused: the reserve is for this."""
    took = min(behind_many(path) for _ in range(TRIES))
    print(f"{SENT} lines handed over, then kill: {took:.1f} ms to the acknowledgement, {path}")
    assert took <= CANCEL_ALL_MS


def behind_many(path: str) -> float:
    """From the kill to the acknowledgement of cancel-all, in milliseconds."""
    with Exchange("deribit", factor=FACTOR) as exchange, rested(exchange) as guard:
        line = '{"jsonrpc":"2.0","id":1,"method":"public/test","params":{}}'
        outcomes: list[BaseException] = []
        called: list[int] = []

        async def work() -> KillReport:
            handed = []
            for _ in range(SENT):
                # At most 8192 wait at once, and a kill has room of its own beside them.
                with suppress(TooManyPending):
                    handed.append(guard.send(line))
            called.append(exchange.now_ns())
            killed = await guard.kill("red button")
            outcomes.extend(each for each in await asyncio.gather(*handed, return_exceptions=True) if each is not None)
            return killed

        report = asyncio.run(work())
        assert any(isinstance(each, Throttled) for each in outcomes), "the limit was never reached: nothing was shown"
        assert_empty(exchange, report)
        said = report.link if path == "link" else report.http
        if said.acknowledged_ns is None:
            # A session-bound link is dropped as soon as the other path was acknowledged.
            assert path == "link" and report.dropped_ns is not None, report
            return (report.dropped_ns - called[0]) / 1e6
        return (said.acknowledged_ns - called[0]) / 1e6


@contextmanager
def rested(exchange: Exchange) -> Iterator[Guard]:
    """An order rests, and the venue's own switch will not cancel it: whatever goes, a kill took off."""
    exchange.dishonour()
    guard = guard_of(exchange)
    guard.start()
    try:
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
        guard.request_blocking(*ORDER, timeout_s=PATIENCE_S)
        assert exchange.open_order_count() == 1
        yield guard
    finally:
        guard.stop()


@contextmanager
def handler(act: Callable[[], None]) -> Iterator[None]:
    """What a signal does."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        act()

    before = signal.signal(signal.SIGUSR1, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def ended(guard: Guard) -> None:
    """Waits until the kill of a lapse is over, so that the next one is its own."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(isinstance(event, KillEnded) for event in guard.drain_events(timeout_s=0.5)):
        assert time.monotonic() < deadline, "the lapse did not kill"


def assert_empty(exchange: Exchange, report: KillReport) -> None:
    """Proven, and true."""
    assert report.proven and report.left == (), report
    assert exchange.open_order_count() == 0
