"""Whether engines truly run: each is woken and must have made a turn by the next look. It reads no state that an engine
published before it stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ..guard import Guard

LOOK_AGAIN_S = 0.002


class Pulse:
    """The turns of one guard's engine, looked at from time to time."""

    __slots__ = ("_guard", "_turns", "alive")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._turns = guard._handle.pulse()
        self.alive = True
        """It made a turn between the last two looks."""

    @property
    def ended(self) -> bool:
        """The guard is over, so that there is nothing to run."""
        return self._guard._handle.has_ended()

    def look(self) -> None:
        """Compares with the look before, and wakes the engine for the next one."""
        turns = self._guard._handle.pulse()
        self.alive = turns != self._turns
        self._turns = turns


def running(guards: Sequence[Guard], within_s: float) -> list[bool]:
    """Of each guard, whether its engine makes a turn now, once woken. Waits no longer than that for all of them."""
    before = [guard._handle.pulse() for guard in guards]
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        turned = [guard._handle.pulse() != turns for guard, turns in zip(guards, before, strict=True)]
        if all(turned) or time.monotonic() > deadline:
            return turned
        pause.wait(LOOK_AGAIN_S)
