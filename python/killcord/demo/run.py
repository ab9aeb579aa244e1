"""The order of things, and who is told: a table, plain lines, or one JSON document."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .. import __version__
from .begin import begin
from .board import Board, Row
from .cut import cut, outage
from .death import death
from .hold import hold
from .parties import PARTIES
from .promises import Stage
from .refusal import refusal
from .show import Show

BUDGET_S = 58.0
"""Longer than this it may not take, whatever goes wrong; it takes about half."""

STAGES: tuple[tuple[Stage, Callable[[Board], Awaitable[None]]], ...] = (
    (Stage.BEGIN, begin),
    (Stage.HOLD, hold),
    (Stage.CUT, cut),
    (Stage.OUTAGE, outage),
    (Stage.DEATH, death),
    (Stage.REFUSAL, refusal),
)


def run(*, as_json: bool) -> int:
    """Everything; returns the exit status."""
    board = Board()
    began_s = time.monotonic()
    if as_json:
        asyncio.run(perform(board))
        print(json.dumps(document(board, time.monotonic() - began_s), indent=2, ensure_ascii=False))
    else:
        with Show(board) as show:
            asyncio.run(perform(board))
        show.conclude(time.monotonic() - began_s)
    return status(board)


async def perform(board: Board) -> None:
    """One stage after the other. A stage that goes wrong is told in its rows, and the next one begins."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BUDGET_S):
            for stage, work in STAGES:
                board.enter(stage)
                await _guarded(board, stage, work)
    board.stage = None
    _fail_rest(board, f"not reached within {BUDGET_S:.0f} s")


def status(board: Board) -> int:
    """The exit status: 0 when every promise was held at every venue."""
    return 0 if board.held else 1


def document(board: Board, took_s: float) -> dict[str, object]:
    """All that was found, for programs. Numbers have their unit in their name."""
    return {
        "killcord": __version__,
        "held": board.held,
        "took_ms": round(took_s * 1e3),
        "rows": [_described(row) for row in board.rows()],
    }


def _described(row: Row) -> dict[str, object]:
    unit = row.promise.unit.value
    return {
        "venue": row.venue.value,
        "stage": row.promise.stage.value,
        "promise": row.promise.name,
        "text": row.promise.text,
        "time_factor": row.promise.stage.factor,
        f"bound_{unit}": None if row.bound is None else round(row.bound, 3),
        f"measured_{unit}": None if row.measured is None else round(row.measured, 3),
        "held": row.held,
        "detail": row.detail,
    }


async def _guarded(board: Board, stage: Stage, work: Callable[[Board], Awaitable[None]]) -> None:
    try:
        await work(board)
    except Exception as error:
        # What concerns all four at once: the child would not start, the GIL could not be held.
        why = str(error) or type(error).__name__
        for party in PARTIES:
            board.fail(stage, party.name, why)


def _fail_rest(board: Board, why: str) -> None:
    for stage in Stage:
        for party in PARTIES:
            board.fail(stage, party.name, why)
