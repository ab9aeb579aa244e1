"""What has been found: one row for each promise and venue, and whether it was held. Nothing here measures or shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from ..model import VenueName
from .parties import PARTIES, Party
from .promises import PROMISES, Promise, Stage

EACH_S = 24.0
"""The longest any stage may take at one venue: the longest exposure, the waits around it, and some patience."""


class NotShownError(Exception):
    """A stage did not come to the point where it can be measured; says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One promise at one venue, as it turned out."""

    promise: Promise
    venue: VenueName
    bound: float | None
    """In the promise's unit; None when it was not reached."""
    measured: float | None
    """In the promise's unit; None when it could not be measured."""
    detail: str = ""
    """On what grounds, or why not."""

    @property
    def held(self) -> bool:
        """Whether the promise was held. What was not measured was not held."""
        return is_held(self.measured, self.bound)


def is_held(measured: float | None, bound: float | None) -> bool:
    """The verdict, for every promise alike: measured, and at most the bound. Not a number is not held.

    >>> is_held(49.9, 50.0), is_held(50.1, 50.0), is_held(None, 50.0), is_held(float("nan"), 50.0)
    (True, False, False, False)
    """
    return measured is not None and bound is not None and measured <= bound


class Board:
    """Every row so far, and what is being done. ``changed`` is called after each change."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Promise, VenueName], Row] = {}
        self.stage: Stage | None = None
        self.standing_still = False
        """True while Python, and with it the table, is about to stand still on purpose."""
        self.refusals: dict[VenueName, str] = {}
        """What the guards said when the venues refused."""
        self.changed: Callable[[Row | None], None] = lambda row: None

    def enter(self, stage: Stage) -> None:
        """This is being done now."""
        self.stage = stage
        self.changed(None)

    def stand_still(self) -> None:
        """Python is about to stand still: whoever shows this says so first."""
        self.standing_still = True
        self.changed(None)
        self.standing_still = False

    def put(self, promise: Promise, venue: VenueName, bound: float, measured: float, detail: str = "") -> None:
        """Something was measured."""
        self._put(Row(promise, venue, bound, measured, detail))

    def fail(self, stage: Stage, venue: VenueName, why: str) -> None:
        """The stage went wrong here: what it has not measured yet was not held, for this reason."""
        for promise in stage.promises:
            if (promise, venue) not in self._rows:
                self._put(Row(promise, venue, None, None, why))

    def row(self, promise: Promise, venue: VenueName) -> Row | None:
        """What was found, if anything was yet."""
        return self._rows.get((promise, venue))

    def rows(self) -> list[Row]:
        """All that was found, in the order of the table."""
        found = (self.row(promise, party.name) for promise in PROMISES for party in PARTIES)
        return [row for row in found if row is not None]

    @property
    def held(self) -> bool:
        """Whether every promise was held at every venue. A row that is missing was not."""
        rows = self.rows()
        return len(rows) == len(PROMISES) * len(PARTIES) and all(row.held for row in rows)

    def _put(self, row: Row) -> None:
        self._rows[row.promise, row.venue] = row
        self.changed(row)


async def each(
    board: Board, stage: Stage, work: Callable[[Party], Awaitable[None]], parties: Iterable[Party] = PARTIES
) -> None:
    """Does this to the venues, all at the same time. What goes wrong at one stops nothing at the others."""

    async def one(party: Party) -> None:
        try:
            async with asyncio.timeout(EACH_S):
                await work(party)
        except TimeoutError as error:
            board.fail(stage, party.name, str(error) or f"not done within {EACH_S:.0f} s")
        except Exception as error:
            # The border between what is shown and what shows it: whatever went wrong belongs into the row.
            board.fail(stage, party.name, _said(error))

    await asyncio.gather(*(one(party) for party in parties))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, NotShownError) else f"{type(error).__name__}: {error}"
