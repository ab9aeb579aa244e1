"""How far a venue's clock is from ours, with bounds that are certain: the venue read its clock between our question and
its answer, and rounds it in a way we know. Several answers narrow it down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .connection import Answer

SECOND_MS = 1000.0


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The venue's clock minus ours, in milliseconds."""

    low_ms: float
    high_ms: float
    source: str
    """Which field it was read from."""

    @property
    def middle_ms(self) -> float:
        """The estimate."""
        return (self.low_ms + self.high_ms) / 2

    @property
    def within_ms(self) -> float:
        """It is off by this much at most."""
        return (self.high_ms - self.low_ms) / 2


def measure(
    answers: Sequence[Answer], venue_ms: Callable[[Answer], float | None], step_ms: float, source: str
) -> ClockReading | None:
    """From answers that each hold a time, cut down to ``step_ms``. None when none does, or when they contradict each other
    because a clock was set meanwhile.
    """
    low, high = float("-inf"), float("inf")
    for answer in answers:
        told = venue_ms(answer)
        if told is not None:
            low = max(low, told - answer.wall_heard_ns / 1e6)
            high = min(high, told + step_ms - answer.wall_sent_ns / 1e6)
    return ClockReading(low, high, source) if float("-inf") < low <= high < float("inf") else None


def narrowed(
    reading: ClockReading, ask: Callable[[], Answer], venue_ms: Callable[[Answer], float | None], rounds: int
) -> ClockReading:
    """The same, much more exactly, for a clock that is told in whole seconds: asks at the moment at which, by the middle of
    what is known, the venue's second begins. Whether it has begun halves what is not known. Takes a second a round.
    """
    for _ in range(rounds):
        venue_now_ms = time.time_ns() / 1e6 + reading.middle_ms
        threading.Event().wait((SECOND_MS - venue_now_ms % SECOND_MS) / 1e3)
        answer = ask()
        fresh = measure([answer], venue_ms, SECOND_MS, reading.source)
        if fresh is None:
            continue
        low, high = max(reading.low_ms, fresh.low_ms), min(reading.high_ms, fresh.high_ms)
        if low <= high:
            reading = ClockReading(low, high, reading.source)
    return reading
