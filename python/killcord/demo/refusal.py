"""The venue refuses to arm. The guard must never call itself armed, must let no order through, and must say why and what
to do.
"""

from __future__ import annotations

import asyncio

from ..errors import NotConnected, NotProtected, Refusal
from ..guard import Guard
from ..model import Phase
from ..sim import Exchange
from .board import Board, NotShownError, each
from .measure import claims
from .parties import Party
from .promises import CLAIMS, Stage
from .scene import PATIENCE_S

EVENTS_MAX = 4096
"""As many as a guard keeps unread."""


async def refusal(board: Board) -> None:
    """Asks each venue for what it will not give."""

    async def show(party: Party) -> None:
        async with Exchange(party.name, factor=Stage.REFUSAL.factor) as exchange:
            party.make_refuse(exchange)
            said, claimed = await asyncio.to_thread(_try, party, exchange)
            board.refusals[party.name] = said
            board.put(CLAIMS, party.name, 0, claimed, said)

    await each(board, Stage.REFUSAL, show)


def _try(party: Party, exchange: Exchange) -> tuple[str, int]:
    """Starts a guard, without asyncio: what it says about the refusal, and how often it called itself armed."""
    guard = Guard(party.account(exchange.credentials, exchange.endpoints))
    guard.start()
    try:
        refused = guard.wait_phase(Phase.REFUSED, PATIENCE_S).last_error
        if not isinstance(refused, Refusal) or not refused.advice or not (refused.code or refused.text):
            raise NotShownError(f"the guard does not say why, or not what to do: {refused!r}")
        _require_no_orders(party, exchange, guard)
        return str(refused), claims(guard.drain_events(EVENTS_MAX)) + guard.snapshot.claim
    finally:
        guard.stop()


def _require_no_orders(party: Party, exchange: Exchange, guard: Guard) -> None:
    try:
        guard.request_blocking(party.method, party.order, timeout_s=PATIENCE_S)
    except (NotProtected, NotConnected):
        pass
    else:
        raise NotShownError("an order was let through without protection")
    if exchange.orders():
        raise NotShownError("an order reached the venue without protection")
