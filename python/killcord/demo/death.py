"""The process that holds the guards is killed. It is a child of this one, the venues are here: nobody is left who could
say anything to them, and the kernel ends what the child had open.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack, suppress

from ..model import VenueName
from ..sim import Exchange
from .board import Board, NotShownError, each
from .measure import MS
from .parties import ORDERS, PARTIES, Party
from .promises import DEATH_CANCEL, DEATH_LEFT, Stage
from .scene import PATIENCE_S, now_ns, switch_cancelled

CHILD = "killcord.demo.holder"
READY_S = 12.0
"""For an interpreter to start and four guards to arm on a busy machine."""


async def death(board: Board) -> None:
    """Has a child arm all four, kills it, and measures from the kill."""
    async with AsyncExitStack() as stack:
        exchanges = {
            party.name: await stack.enter_async_context(Exchange(party.name, factor=Stage.DEATH.factor))
            for party in PARTIES
        }
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", CHILD, stdin=PIPE, stdout=PIPE)
        try:
            said = await _ready(child, exchanges)
            killed_ns = now_ns()
        finally:
            with suppress(ProcessLookupError):  # it ended by itself, which its status tells
                child.kill()
            status = await child.wait()

        async def show(party: Party) -> None:
            if status != -signal.SIGKILL:
                raise NotShownError(f"the child ended by itself with status {status}")
            await _measure(board, exchanges[party.name], said.get(party.name, {}), killed_ns)

        await each(board, Stage.DEATH, show)


async def _ready(child: Process, exchanges: dict[VenueName, Exchange]) -> dict[VenueName, dict[str, str]]:
    """Tells the child where the venues are, and waits for a line about each."""
    assert child.stdin is not None and child.stdout is not None, "both were asked for"
    child.stdin.write(json.dumps([_where(exchange) for exchange in exchanges.values()]).encode() + b"\n")
    said = {}
    try:
        async with asyncio.timeout(READY_S):
            for _ in exchanges:
                line = json.loads(await child.stdout.readline() or "{}")
                if not line:
                    raise NotShownError("the child ended before its guards were armed")
                said[VenueName(line["venue"])] = line
    except TimeoutError:
        raise NotShownError(f"the child's guards were not armed within {READY_S:.0f} s") from None
    return said


def _where(exchange: Exchange) -> dict[str, str | float | None]:
    return {
        "venue": exchange.venue.value,
        "key": exchange.account.key,
        "secret": exchange.account.secret,
        "guard_url": exchange.guard_url,
        "http_url": exchange.http_url,
        "trade_url": exchange.trade_url,
        "ca_pem": exchange.ca_pem,
        "time_factor": Stage.DEATH.factor,
    }


async def _measure(board: Board, exchange: Exchange, said: dict[str, str], killed_ns: int) -> None:
    if "error" in said:
        raise NotShownError(said["error"])
    bound_ms = float(said["bound_ms"])
    first, left = await switch_cancelled(exchange, 0, bound_ms / 1e3 + PATIENCE_S)
    if first.at_ns < killed_ns:
        raise NotShownError("orders were cancelled before the process was killed")
    board.put(DEATH_CANCEL, exchange.venue, bound_ms, (first.at_ns - killed_ns) / MS, f"{ORDERS} orders had rested")
    board.put(DEATH_LEFT, exchange.venue, 0, left)
