"""The thread that guards run on: how it waits, where it runs, and which guards share it: :class:`Engine`.

The thread parks by default: it sleeps in the kernel until something arrives, costs nothing meanwhile, and pays for a
wake-up every time. Spinning, it asks again and again: it takes a whole core and answers several times as quickly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ._killcord import EngineSpec


class Wait(Enum):
    """How the thread waits for the world."""

    PARK = "park"
    """Asleep in the kernel."""
    SPIN = "spin"
    """By asking again and again, which takes a whole core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A thread for guards, how it waits and where it runs. Raises ``ConfigError`` for what is no core.

    A guard without one has a thread of its own. Guards that are given the same ``Engine`` share its thread, which is what
    hundreds of guards want and a spinning thread needs; an equal one is another one.

    >>> Engine(wait=Wait.SPIN, cpu=1).cpu
    1
    """

    wait: Wait = Wait.PARK
    cpu: int | None = None
    """The only core the thread may use; any when ``None``. Pin a thread that spins, and keep everything else off that core:
    the isolation is the operator's to make. A core that this process may not use is refused when the guard is built,
    with ``StartFailed``."""
    _made: EngineSpec = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_made", EngineSpec(self.wait.value, self.cpu))

    def _spec(self) -> EngineSpec:
        return self._made
