"""What the promises share: a guarded account at an embedded venue, waiting for what is told, and doing it at several venues
at once.

Nothing here waits by sleeping: it waits for events of the guard or for the venue's journal, and gives up after a deadline
that is far above anything promised.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from guarded import guard_of
from resting import ORDER as ORDER

from killcord import Event, Phase, PhaseTimeout, Policy, Snapshot, VenueName
from killcord.sim import Account, Exchange, JournalEntry, JournalKind

PATIENCE_S = 30.0
"""Far above what anything here takes; reached only when it does not happen at all."""
REPETITIONS = int(os.environ.get("KILLCORD_REPETITIONS", "1"))
"""How many times as many samples as in the default run."""
SEED = int(os.environ.get("KILLCORD_SEED", random.SystemRandom().randrange(1_000_000)))
"""Decides the moments at which faults happen. Printed at the end of a run."""

Told = TypeVar("Told", bound=Event)
Given = TypeVar("Given")
Result = TypeVar("Result")


class Desk:
    """A guarded account at an embedded venue, driven from one thread. Every event is kept."""

    def __init__(self, exchange: Exchange, policy: Policy | None = None, account: Account | None = None) -> None:
        self.exchange = exchange
        self.guard = guard_of(exchange, policy, account=account)
        self.events: list[Event] = []
        self._seen = 0

    def __enter__(self) -> Self:
        self.guard.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.guard.stop()

    def armed(self, within_s: float = PATIENCE_S) -> Snapshot:
        """Waits until the guard is armed."""
        return self.guard.wait_phase(Phase.ARMED, within_s)

    def told(
        self, kind: type[Told], since_ns: int, when: Callable[[Told], bool] = lambda _: True, within_s: float = PATIENCE_S
    ) -> Told:
        """The first event of this kind at or after ``since_ns`` for which ``when`` holds."""
        deadline_ns = self.exchange.now_ns() + int(within_s * 1e9)
        looked = 0
        while True:
            for event in self.events[looked:]:
                if isinstance(event, kind) and event.at_ns >= since_ns and when(event):
                    return event
            looked = len(self.events)
            left_s = (deadline_ns - self.exchange.now_ns()) / 1e9
            assert left_s > 0, f"{self.exchange.venue.value}: no {kind.__name__} within {within_s} s: {self.story()}"
            self.events += self.guard.drain_events(timeout_s=min(left_s, 0.5))

    def stays(self, phases: Iterable[Phase], for_s: float) -> None:
        """Lets time pass in which the guard must not leave these phases."""
        others = [phase for phase in Phase if phase not in set(phases)]
        try:
            state = self.guard.wait_phase(others, for_s)
        except PhaseTimeout:
            return
        raise AssertionError(f"{self.exchange.venue.value}: became {state.phase.value}: {self.story()}")

    def happened(self, kind: JournalKind, since: int = 0, detail: str | None = None) -> JournalEntry:
        """Waits for an entry of the venue's journal."""
        return self.exchange.wait_for(kind, since=since, detail=detail, timeout_s=PATIENCE_S)

    def story(self) -> str:
        """What was told and what the venue knows of it: the last of each, for the reader of a failed test."""
        self.events += self.guard.drain_events(most=4096)
        told = [f"  {event.at_ns / 1e9:.3f} {event}" for event in self.events[-25:]]
        noted = [
            f"  {entry.at_ns / 1e9:.3f} {entry.kind.value} {entry.connection} {entry.detail}"
            for entry in self.exchange.journal()[-25:]
        ]
        return "\n".join(["", "events:", *told, "journal:", *noted, f"state: {self.guard.snapshot!r}"])


def at_once(work: Callable[[Given], Result], over: Iterable[Given]) -> list[Result]:
    """Does the work for all of them side by side, each in a thread of its own."""
    given = list(over)
    with ThreadPoolExecutor(len(given)) as pool:
        return list(pool.map(work, given))


def milliseconds(from_ns: int, to_ns: int) -> float:
    """The length of an interval on the guard's clock."""
    return (to_ns - from_ns) / 1e6


def now_of(exchange: Exchange) -> int:
    """The next number in the venue's journal: waiting from there sees only what happens from now on."""
    journal = exchange.journal()
    return journal[-1].number + 1 if journal else 0
