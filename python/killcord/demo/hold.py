"""Python stands still: a C call that does not let the GIL go, for several of the venues' periods. Guards and venues run on
threads of their own that never need it, so the venues' records show whether every answer, ping and feed came in time.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import AsyncExitStack

from ..model import VenueName
from ..sim import JournalEntry, JournalKind
from ..venues import Bybit, CryptoCom, Deribit, Kraken
from .board import Board, NotShownError, each
from .measure import MS, answer_delays_ns, cancels, latenesses_ns
from .parties import PARTIES, Party
from .promises import ANSWER_MS, HELD_CANCELS, LATE, Stage
from .scene import Scene, armed, now_ns

HOLD_S = 5.0
PERIODS_MIN = 3
"""Fewer would show nothing."""
PINGS_PER_LIMIT = 3
"""A JSON ping to Bybit every third of ``max_active_time_s``. docs/venues/bybit.md, "How it is kept"."""


async def hold(board: Board) -> None:
    """Arms all four, lets Python stand still, and reads what the venues have recorded meanwhile."""
    scenes: dict[VenueName, Scene] = {}
    async with AsyncExitStack() as stack:

        async def prepare(party: Party) -> None:
            scenes[party.name] = await stack.enter_async_context(armed(party, Stage.HOLD.factor))

        async def show(party: Party) -> None:
            _measure(board, scenes[party.name], held)

        await each(board, Stage.HOLD, prepare)
        board.stand_still()
        held = hold_gil()
        await each(board, Stage.HOLD, show, [party for party in PARTIES if party.name in scenes])


def hold_gil(length_s: float = HOLD_S) -> tuple[int, int]:
    """Holds the GIL in one C call and returns from when to when, on the guard's clock. Raises ``NotShownError`` when another
    thread of Python ran meanwhile, for then nothing was held.
    """
    c = ctypes.PyDLL(None)  # unlike CDLL it keeps the GIL during the call
    c.usleep.argtypes = (ctypes.c_uint,)
    ran_ns: list[int] = []
    over = threading.Event()

    def witness() -> None:
        while not over.wait(0.01):
            ran_ns.append(now_ns())

    watching = threading.Thread(target=witness)
    watching.start()
    since_ns = now_ns()
    c.usleep(int(length_s * 1e6))
    until_ns = now_ns()
    over.set()
    watching.join()
    if any(since_ns < moment < until_ns - 50 * MS for moment in ran_ns):
        raise NotShownError("another thread of Python ran while the GIL was to be held")
    return since_ns, until_ns


def _measure(board: Board, scene: Scene, held: tuple[int, int]) -> None:
    name = scene.party.name
    entries = scene.exchange.journal()
    late_ns, what = _lateness(scene, entries, held)
    if len(late_ns) < PERIODS_MIN:
        raise NotShownError(f"only {len(late_ns)} {what} while Python stood still")
    board.put(LATE, name, ANSWER_MS, max(late_ns) / MS, f"latest of {len(late_ns)} {what}")
    gone = [entry for entry in cancels(entries) if entry.at_ns >= held[0]]
    board.put(HELD_CANCELS, name, 0, len(gone), f"{scene.resting} orders rest")


def _lateness(scene: Scene, entries: list[JournalEntry], held: tuple[int, int]) -> tuple[list[int], str]:
    """By how much everything that fell due was late, and what it was."""
    since_ns, until_ns = held
    during = [entry for entry in entries if since_ns <= entry.at_ns <= until_ns]
    match scene.guard.venue:
        case CryptoCom():
            return answer_delays_ns(during, until_ns), "heartbeat answers"
        case Deribit():
            # A heartbeat of Deribit's wants no answer; a test request does.
            wanted = [entry for entry in during if entry.kind is not JournalKind.HEARTBEAT or "test" in entry.detail]
            return answer_delays_ns(wanted, until_ns), "test requests answered"
        case Bybit(max_active_time_s=active_s):
            guarding = next(each for each in scene.exchange.connections() if each.path.startswith("/v5/private"))
            signs = [entry.at_ns for entry in _life(entries) if entry.connection == guarding.number]
            return _rhythm(signs, active_s / PINGS_PER_LIMIT, held), "pings"
        case Kraken(cadence_s=cadence_s):
            feeds = [entry.at_ns for entry in _life(entries) if entry.detail.startswith("timeout")]
            return _rhythm(feeds, cadence_s, held), "feeds"


def _life(entries: list[JournalEntry]) -> list[JournalEntry]:
    return [entry for entry in entries if entry.kind is JournalKind.LIFE_SIGN]


def _rhythm(moments_ns: list[int], period_s: float, held: tuple[int, int]) -> list[int]:
    """What fell due while Python stood still, counted from the last one before."""
    since_ns, until_ns = held
    before = [moment for moment in moments_ns if moment < since_ns][-1:]
    during = [moment for moment in moments_ns if since_ns <= moment <= until_ns]
    return latenesses_ns(before + during, int(period_s * Stage.HOLD.factor * 1e9), until_ns)
