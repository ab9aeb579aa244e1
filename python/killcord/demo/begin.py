"""The start, at the venues' true timing: dial, log in, arm, rest three orders; then the venue is asked what it would do."""

from __future__ import annotations

from ..events import SwitchArmed
from .board import Board, NotShownError, each
from .measure import MS
from .parties import ORDERS, Party
from .promises import ARMED, DARK, Stage, arm_bound_ms
from .scene import Scene, armed, now_ns


async def begin(board: Board) -> None:
    """Measures how long arming takes, and by when each venue would cancel if everything went dark."""

    async def show(party: Party) -> None:
        async with armed(party, Stage.BEGIN.factor) as scene:
            await _measure(board, scene)

    await each(board, Stage.BEGIN, show)


async def _measure(board: Board, scene: Scene) -> None:
    name = scene.party.name
    switch = await scene.told(SwitchArmed, scene.began_ns)
    took_ms = (switch.at_ns - scene.began_ns) / MS
    evidence = switch.evidence.value.replace("_", " ")
    board.put(ARMED, name, arm_bound_ms(name, Stage.BEGIN), took_ms, f"{evidence}; {scene.resting} orders rest")

    asked_ns = now_ns()
    would_by_ns = scene.exchange.would_trip_by_ns(scene.exchange.account)
    if would_by_ns is None:
        raise NotShownError(f"the guard says armed, and the venue would never cancel the {ORDERS} orders")
    board.put(DARK, name, scene.bound_ms, (would_by_ns - asked_ns) / MS, "as the venue itself foretells it")
