"""Whether engines truly run: each is woken and must have made a turn by the next look. It reads no state that an engine
published before it stopped.
"""

from __future__ import annotations

from ..guard import Guard


class Pulse:
    """The turns of one guard's engine, looked at from time to time."""

    __slots__ = ("_guard", "_turns", "alive", "at_ns")

    def __init__(self, guard: Guard, now_ns: int) -> None:
        self._guard = guard
        self._turns = guard._handle.pulse()
        self.alive = True
        """It made a turn between the last two looks."""
        self.at_ns = now_ns
        """The last look that found a turn, on the guard's clock."""

    @property
    def ended(self) -> bool:
        """The guard is over, so that there is nothing to run."""
        return self._guard._handle.has_ended()

    def look(self, now_ns: int) -> None:
        """Compares with the look before, and wakes the engine for the next one."""
        turns = self._guard._handle.pulse()
        self.alive = turns != self._turns
        if self.alive:
            self._turns, self.at_ns = turns, now_ns
