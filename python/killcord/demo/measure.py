"""From what venues and guards wrote down to numbers. Pure: no clock, no waiting, nothing but the records given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..events import Event, PhaseChanged, SwitchArmed
from ..sim import JournalEntry, JournalKind

MS = 1_000_000
"""Nanoseconds in a millisecond."""


def answer_delays_ns(entries: Iterable[JournalEntry], until_ns: int) -> list[int]:
    """For each heartbeat or test request the venue sent: how long until the next sign of life on that connection. One that
    is still unanswered at ``until_ns`` counts as late as that.
    """
    asked: dict[int | None, int] = {}
    delays = []
    for entry in entries:
        if entry.at_ns > until_ns:
            break
        if entry.kind is JournalKind.HEARTBEAT:
            asked.setdefault(entry.connection, entry.at_ns)
        elif entry.kind is JournalKind.LIFE_SIGN and entry.connection in asked:
            delays.append(entry.at_ns - asked.pop(entry.connection))
    return delays + [until_ns - at_ns for at_ns in asked.values()]


def latenesses_ns(moments_ns: Sequence[int], period_ns: int, until_ns: int) -> list[int]:
    """For something that should come every ``period_ns``: by how much each was later than that after the one before, never
    less than zero. What is overdue at ``until_ns`` and has not come counts with what it is late by then.

    >>> latenesses_ns([0, 100, 210], 100, until_ns=290)
    [0, 10]
    >>> latenesses_ns([0, 100], 100, until_ns=450)
    [0, 250]
    """
    until = [moment for moment in moments_ns if moment <= until_ns]
    late = [max(0, after - before - period_ns) for before, after in pairwise(until)]
    overdue = [until_ns - moment - period_ns for moment in until[-1:]]
    return late + [each for each in overdue if each > 0]


def cancels(entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    """The cancels among these entries."""
    return [entry for entry in entries if entry.kind is JournalKind.ORDER_CANCELLED]


def claims(events: Iterable[Event]) -> int:
    """How often the guard began to say that the promise holds."""
    return sum(
        1
        for event in events
        if isinstance(event, SwitchArmed)
        or (isinstance(event, PhaseChanged) and event.after.claims and not event.before.claims)
    )
