"""Leases: what a program observes of its own renewals, and a helper that renews for an asyncio loop.

``guard.lease(name, budget_s=…)`` takes one; renew it from the loop that decides, with a number that changes as it gets
on. Half the budget without a renewal is a ``LeaseWarning``; the whole budget is a ``LeaseLapsed``: nothing is said to the
venue any more that keeps its switch from firing, and the guard kills. Only ``guard.rearm(…)`` and then a first renewal of
every lease begin again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

from ._killcord import Lease

__all__ = ["KeepRenewed", "LeaseGaps", "keep_renewed"]


@dataclass(frozen=True, slots=True)
class LeaseGaps:
    """The observed times between renewals that changed the token, late ones included."""

    buckets: tuple[tuple[float, int], ...]
    """Seconds and how many gaps were no longer than that and longer than the bucket before. At most an eighth too long."""
    longest_s: float
    """The longest gap, exactly."""

    @property
    def count(self) -> int:
        """How many gaps there were."""
        return sum(number for _, number in self.buckets)

    def quantile_s(self, share: float) -> float:
        """No more than this for that share of the gaps: ``quantile_s(0.9999)``. 0 when nothing was observed.

        >>> LeaseGaps(buckets=((0.001, 98), (0.002, 1), (0.5, 1)), longest_s=0.46).quantile_s(0.99)
        0.002
        """
        wanted, seen = share * self.count, 0
        for bound, number in self.buckets:
            seen += number
            if seen >= wanted:
                return min(bound, self.longest_s)
        return self.longest_s


class KeepRenewed:
    """Renews a lease from the loop's own turns until it is stopped; a context manager. Made by :func:`keep_renewed`."""

    __slots__ = ("_every_s", "_lease", "_loop", "_next", "_turns")

    def __init__(self, lease: Lease, every_s: float) -> None:
        self._lease = lease
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._turns = count(1)
        self._next = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """No more renewals: the lease lapses unless somebody else renews it, or it is closed."""
        self._next.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _turn(self) -> None:
        self._lease.renew(next(self._turns))
        self._next = self._loop.call_later(self._every_s, self._turn)


def keep_renewed(lease: Lease, every_s: float | None = None) -> KeepRenewed:
    """Renews ``lease`` from the running loop, every eighth of its budget unless ``every_s`` says otherwise.

    Weaker than renewing from the decisions themselves: it proves that the loop turns, not that the strategy gets on. A
    blocked loop lapses; a task that waits for ever does not. Use it where nothing better can be renewed from.
    """
    return KeepRenewed(lease, lease.budget_s / 8 if every_s is None else every_s)
