"""A strategy that is stuck, in a process of its own with a guard and a lease at each of the four venues: however it hangs, the
venues hear no sign of life after the budget, and its orders go.

A process that is stopped as a whole can do nothing; then only the venues' own switches act. When it goes on, the lapse is
judged before anything else, so that nothing it says then keeps a switch.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from exits.holder import now_ns
from exits.row import OF_A_SWITCH, Row, Scene
from promises.desk import milliseconds
from promises.figures import Figures

from killcord import VenueName
from killcord.sim import CancelCause, Exchange, JournalKind, Order, OrderState

ALL = "KILLCORD_FIGURES" in os.environ
FACTOR = 0.05
BUDGET_S = 0.7
LAST_LIFE_MS = 50.0
CANCEL_MS = 100.0
TRIES = 4
"""A time that a busy machine spoiled is measured again; what must never be is judged in every try."""

BEGIN = f"""
import itertools, re, time
made = armed()
leases = [guard.lease("quoter", budget_s={BUDGET_S}) for guard in made]
def renew(turns):
    for token in turns:
        time.sleep(0.02)
        for lease in leases:
            lease.renew(token)
renew(range(20))
"""
HANGS = {
    "regex of 4 s and more": 'say("stuck"); re.match(r"(a+)+$", "a" * 40 + "b")',
    "while True": 'say("stuck")\nwhile True: pass',
    "await for ever": 'say("stuck"); asyncio.run(asyncio.Event().wait())',
    "deadlock of two locks": """
one, two, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
def take(first, second):
    with first:
        both.wait()
        with second: pass
threading.Thread(target=take, args=(two, one), daemon=True).start()
say("stuck"); take(one, two)
""",
    "helper renews with one token": """
def helper():
    while True:
        for lease in leases: lease.renew(19)
        time.sleep(0.01)
threading.Thread(target=helper, daemon=True).start()
say("stuck"); asyncio.run(asyncio.Event().wait())
""",
}
LIVES = 'say("lives")\nrenew(itertools.count(100))'
STOPPED_S = {"for 1.1 s": 1.1, "for 4.5 s, longer than every bound": 4.5}


@pytest.fixture
def exchanges() -> Iterator[dict[VenueName, Exchange]]:
    """All four."""
    with ExitStack() as stack:
        yield {venue: stack.enter_context(Exchange(venue, factor=FACTOR)) for venue in VenueName}


@pytest.mark.skipif(not ALL, reason="make figures")
@pytest.mark.parametrize("hang", HANGS)
def test_a_stuck_strategy_keeps_no_switch_and_its_orders_go(
    hang: str, exchanges: dict[VenueName, Exchange], tmp_path: Path, figures: Figures
) -> None:
    seen: dict[VenueName, tuple[float, float]] = {}
    for number in range(TRIES):
        seen = stuck(hang, number, exchanges, tmp_path)
        if all(life <= LAST_LIFE_MS and cancel <= CANCEL_MS for life, cancel in seen.values()):
            break
    for venue, (life, cancel) in seen.items():
        figures.take(f"{hang}: budget to last life sign, {venue.value}", [life], LAST_LIFE_MS)
        figures.take(f"{hang}: budget to first cancel, {venue.value}", [cancel], CANCEL_MS)


def stuck(
    hang: str, number: int, exchanges: dict[VenueName, Exchange], directory: Path
) -> dict[VenueName, tuple[float, float]]:
    """For each venue: last sign of life, first cancel, in milliseconds from the end of the budget."""
    with scene(f"stuck-{number}", BEGIN + HANGS[hang], exchanges, directory) as at:
        at.begin()
        stuck_ns = at.waits_for("stuck")["at_ns"]
        assert isinstance(stuck_ns, int)
        end_ns = stuck_ns + int(BUDGET_S * 1e9)
        seen = {}
        for venue, exchange in exchanges.items():
            account = at.accounts[venue]
            cancelled = exchange.wait_for(JournalKind.ORDER_CANCELLED, account=account, timeout_s=20)
            exchange.wait_for(JournalKind.ENDED, account=account, timeout_s=5)
            life_ns = max(each.at_ns for each in exchange.journal() if each.account == account.name and each.kind in OF_A_SWITCH)
            assert life_ns < cancelled.at_ns + 50_000_000, f"{venue.value}: a sign of life after the lapse"
            (order,) = orders(at, venue)
            assert (order.state, order.cause) == (OrderState.CANCELLED, CancelCause.USER), f"{venue.value}: {order}"
            seen[venue] = milliseconds(end_ns, life_ns), milliseconds(end_ns, cancelled.at_ns)
        return seen


@pytest.mark.parametrize("stopped", [each for each in STOPPED_S if ALL or STOPPED_S[each] < 2])
def test_a_process_that_was_stopped_for_longer_than_the_budget_says_nothing_that_keeps_a_switch(
    stopped: str, exchanges: dict[VenueName, Exchange], tmp_path: Path, figures: Figures
) -> None:
    with scene("stopped", BEGIN + LIVES, exchanges, tmp_path) as at:
        at.begin()
        at.waits_for("lives")
        at.signal(signal.SIGSTOP)
        stopped_ns = now_ns()
        pass_time(exchanges, STOPPED_S[stopped])
        on_ns = now_ns()
        before = {venue: orders(at, venue)[0] for venue in exchanges}
        at.signal(signal.SIGCONT)
        for venue, exchange in exchanges.items():
            account = at.accounts[venue]
            cancelled = exchange.wait_for(JournalKind.ORDER_CANCELLED, account=account, timeout_s=20)
            if before[venue].state is OrderState.OPEN:
                assert orders(at, venue)[0].cause is CancelCause.USER, f"{venue.value}: {orders(at, venue)}"
                took = milliseconds(on_ns, cancelled.at_ns)
                figures.take(f"stopped {stopped}: going on to first cancel, {venue.value}", [took], 1_000)
            else:
                assert before[venue].cause is CancelCause.SWITCH, f"{venue.value}: {before[venue]}"
                took = milliseconds(stopped_ns, cancelled.at_ns)
                figures.take(f"stopped {stopped}: stop to the venue's own cancel, {venue.value}", [took], 5_000)
        pass_time(exchanges, 1.0)
        for venue, exchange in exchanges.items():
            journal = [each for each in exchange.journal() if each.account == at.accounts[venue].name]
            kept = [each for each in journal if each.kind in OF_A_SWITCH and each.at_ns > stopped_ns + 50_000_000]
            assert kept == [], f"{venue.value}: said after the stop"


def pass_time(exchanges: dict[VenueName, Exchange], seconds: float) -> None:
    """What must not happen cannot be waited for."""
    with pytest.raises(TimeoutError):
        exchanges[VenueName.KRAKEN].wait_for(detail="never written", timeout_s=seconds)


def orders(at: Scene, venue: VenueName) -> list[Order]:
    """Those of the stuck program."""
    return [order for order in at.exchanges[venue].orders() if order.account == at.accounts[venue].name]


def scene(name: str, program: str, exchanges: dict[VenueName, Exchange], directory: Path) -> Scene:
    """A program with four guards, in a directory of its own."""
    own = directory / name
    own.mkdir()
    return Scene(Row(id=name, what=name, program=program, code=None), exchanges, own)
