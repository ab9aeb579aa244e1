"""The wire: cut for good, and the guard must notice while the venue cancels; cut for a short while, and nothing may
happen to the orders.
"""

from __future__ import annotations

from ..events import GapOpened, LinkDead, PhaseChanged, Suspected
from ..model import Phase
from ..sim import JournalKind
from .board import Board, NotShownError, each
from .measure import MS, cancels
from .parties import Party
from .promises import (
    ARMED_AGAIN,
    CUT_CANCEL,
    CUT_LEFT,
    DEAD,
    DEAD_MS,
    OUTAGE_CANCELS,
    SUSPECT,
    SUSPECT_MS,
    Stage,
    arm_bound_ms,
)
from .scene import PATIENCE_S, Scene, armed, now_ns, switch_cancelled

AFTERWARDS_S = 2.5
"""After an outage the orders are watched for this long: Bybit's window, counted anew, as it lasts here."""


async def cut(board: Board) -> None:
    """Cuts the wire for good."""

    async def show(party: Party) -> None:
        async with armed(party, Stage.CUT.factor) as scene:
            await _for_good(board, scene)

    await each(board, Stage.CUT, show)


async def outage(board: Board) -> None:
    """Cuts the wire and heals it as soon as the guard calls the link dead."""

    async def show(party: Party) -> None:
        async with armed(party, Stage.OUTAGE.factor) as scene:
            await _for_a_while(board, scene)

    await each(board, Stage.OUTAGE, show)


async def _for_good(board: Board, scene: Scene) -> None:
    name, bound_ms, since = scene.party.name, scene.bound_ms, scene.mark()
    cut_ns = now_ns()
    scene.exchange.cut()

    suspected = await scene.told(Suspected, cut_ns)
    layer = suspected.layer.value.replace("_", " ")
    board.put(SUSPECT, name, SUSPECT_MS, (suspected.at_ns - cut_ns) / MS, f"noticed by {layer}")

    dead = await scene.told(LinkDead, cut_ns)
    silent = await scene.told(GapOpened, cut_ns)
    what = "kept, because closing it is the trip" if dead.kept else "given up, because that costs nothing"
    board.put(DEAD, name, DEAD_MS, (max(dead.at_ns, silent.at_ns) - cut_ns) / MS, f"the old link is {what}")

    first, left = await switch_cancelled(scene.exchange, since, bound_ms / 1e3 + PATIENCE_S)
    because = scene.guard.snapshot.exposure.because
    board.put(CUT_CANCEL, name, bound_ms, (first.at_ns - cut_ns) / MS, f"bound: {because}")
    if scene.guard.snapshot.claim:
        raise NotShownError("the guard claims again although nothing passes")
    board.put(CUT_LEFT, name, 0, left)


async def _for_a_while(board: Board, scene: Scene) -> None:
    name, since, epoch = scene.party.name, scene.mark(), scene.guard.snapshot.epoch
    cut_ns = now_ns()
    scene.exchange.cut()
    await scene.told(LinkDead, cut_ns)
    healed_ns = now_ns()
    scene.exchange.heal()

    again = await scene.told(PhaseChanged, healed_ns, lambda event: event.after is Phase.ARMED)
    lasted_s = (healed_ns - cut_ns) / 1e9
    link = "the same link" if again.epoch == epoch else "a new link"
    detail = f"on {link}, after an outage of {lasted_s:.2f} s"
    board.put(ARMED_AGAIN, name, arm_bound_ms(name, Stage.OUTAGE), (again.at_ns - healed_ns) / MS, detail)

    try:
        await scene.recorded(JournalKind.ORDER_CANCELLED, since, AFTERWARDS_S)
    except NotShownError:
        pass
    gone = cancels(scene.exchange.journal(since))
    board.put(OUTAGE_CANCELS, name, 0, len(gone), f"{scene.resting} orders rest {AFTERWARDS_S} s later")
