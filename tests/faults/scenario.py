"""What a scenario is, and the list of all there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from faults.report import Report

Play = Callable[[Report, int], None]
"""Plays a scenario so many times and writes down what it measured."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One line of the fault matrix that is played here."""

    id: str
    title: str
    play: Play
    gate: bool
    """Whether it is one of those of every `make test`."""
    needs_network: bool
    """Whether it needs networks of its own, and with them root."""
    alone: bool = False
    """Whether it counts what this process has, so that no other may be played beside it."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One line that tests elsewhere play; they are run from here, and their outcome taken."""

    id: str
    title: str
    pytest: tuple[str, ...] = ()
    """Node ids, beginning below ``tests/python``, and perhaps ``-k`` with a word."""
    cargo: tuple[str, ...] = ()
    """``<test binary>::<beginning of names>``; the binary ``lib`` has the tests beside the code."""
    gate: bool = False


@dataclass(frozen=True, slots=True)
class NotHere:
    """One line that nothing plays, and why."""

    id: str
    title: str
    reason: str


Entry = Scenario | Elsewhere | NotHere

SCENARIOS: dict[str, Scenario] = {}


def scenario(
    id: str, title: str, *, gate: bool = False, needs_network: bool = True, alone: bool = False
) -> Callable[[Play], Play]:
    """Puts a function on the list."""

    def put(play: Play) -> Play:
        assert id not in SCENARIOS, id
        SCENARIOS[id] = Scenario(id, title, play, gate, needs_network, alone)
        return play

    return put
