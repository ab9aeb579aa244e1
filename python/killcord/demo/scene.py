"""A venue with an armed guard and three resting orders: where most stages begin. Waits are for records of the venue or
events of the guard, each with a deadline; nothing here waits for time to pass.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from ..events import Event, SwitchArmed
from ..guard import Guard
from ..sim import CancelCause, Exchange, JournalEntry, JournalKind, OrderState
from .board import NotShownError
from .parties import ORDERS, Party

E = TypeVar("E", bound=Event)

PATIENCE_S = 5.0
"""For what takes milliseconds: reached only when it does not happen at all."""
TURN_S = 0.25
"""How long a wait for a venue may outlive whoever asked for it."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Scene:
    """One venue and the guard that protects an account there."""

    def __init__(self, party: Party, exchange: Exchange, guard: Guard, began_ns: int) -> None:
        self.party = party
        self.exchange = exchange
        self.guard = guard
        self.began_ns = began_ns
        """Before the first dial, on the guard's clock."""
        self.events: list[Event] = []
        """All that the guard has told so far."""
        self._told = asyncio.Condition()

    @property
    def bound_ms(self) -> float:
        """The guard's published exposure."""
        return self.guard.snapshot.exposure.bound_s * 1e3

    @property
    def resting(self) -> int:
        """How many orders rest at the venue."""
        return self.exchange.open_order_count()

    def mark(self) -> int:
        """The number that the venue's next record will have."""
        journal = self.exchange.journal()
        return journal[-1].number + 1 if journal else 0

    async def told(self, kind: type[E], since_ns: int, matches: Callable[[E], bool] = lambda event: True) -> E:
        """The first event of this kind at or after ``since_ns``. Raises ``NotShownError``."""

        def found() -> E | None:
            fresh = (event for event in self.events if isinstance(event, kind) and event.at_ns >= since_ns)
            return next((event for event in fresh if matches(event)), None)

        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), self._told:
                await self._told.wait_for(lambda: found() is not None)
        event = found()
        if event is None:
            raise NotShownError(f"the guard told no {kind.__name__} within {PATIENCE_S:.0f} s")
        return event

    async def recorded(self, kind: JournalKind, since: int, within_s: float = PATIENCE_S) -> JournalEntry:
        """The venue's first record of this kind from number ``since`` on. Raises ``NotShownError``."""
        return await recorded(self.exchange, kind, since, within_s)

    async def listen(self) -> None:
        """Takes in what the guard tells, until it ends."""
        async for event in self.guard.events():
            async with self._told:
                self.events.append(event)
                self._told.notify_all()


def now_ns() -> int:
    """What time it is on the clock that guards and venues share, which is the same in every process."""
    return time.clock_gettime_ns(_CLOCK)


@asynccontextmanager
async def armed(party: Party, factor: float) -> AsyncIterator[Scene]:
    """Arms a guard at a venue of its own and rests the orders. Raises ``NotShownError`` unless the venue has them, and
    stands behind *armed* with the evidence it can give.
    """
    async with Exchange(party.name, factor=factor) as exchange:
        guard = Guard(party.account(exchange.credentials, exchange.endpoints))
        scene = Scene(party, exchange, guard, now_ns())
        async with guard:
            listener = asyncio.create_task(scene.listen())
            try:
                await scene.told(SwitchArmed, scene.began_ns)
                await rest_orders(guard, party)
                _require(scene)
                yield scene
            finally:
                listener.cancel()
                await asyncio.wait([listener])


async def rest_orders(guard: Guard, party: Party) -> None:
    """Sends the orders through the guard; the venue's answers have arrived when this returns."""
    for _ in range(ORDERS):
        await guard.request(party.method, party.order)


async def recorded(exchange: Exchange, kind: JournalKind, since: int, within_s: float) -> JournalEntry:
    """A venue's first record of this kind from number ``since`` on. Raises ``NotShownError``."""
    deadline_ns = now_ns() + int(within_s * 1e9)
    while (left_s := (deadline_ns - now_ns()) / 1e9) > 0:
        with suppress(TimeoutError):
            return await asyncio.to_thread(exchange.wait_for, kind, since=since, timeout_s=min(left_s, TURN_S))
    raise NotShownError(f"the venue recorded no {kind.value.replace('_', ' ')} within {within_s:.1f} s")


async def switch_cancelled(exchange: Exchange, since: int, within_s: float) -> tuple[JournalEntry, int]:
    """Waits until the venue starts to cancel, and a little for the rest: the first cancel, and how many orders are left.
    Raises ``NotShownError`` when nothing is cancelled, or by somebody else than the switch.
    """
    first = await recorded(exchange, JournalKind.ORDER_CANCELLED, since, within_s)
    entry = first
    with suppress(NotShownError):
        for _ in range(ORDERS - 1):
            entry = await recorded(exchange, JournalKind.ORDER_CANCELLED, entry.number + 1, 1.0)
    causes = {order.cause for order in exchange.orders() if order.state is OrderState.CANCELLED}
    if causes != {CancelCause.SWITCH}:
        raise NotShownError("orders were cancelled, but not by the switch")
    return first, exchange.open_order_count()


def _require(scene: Scene) -> None:
    evidence = scene.guard.snapshot.evidence
    if evidence is not scene.party.evidence:
        raise NotShownError(f"armed on {evidence.value}, and {scene.party.evidence.value} was to be had")
    if scene.resting != ORDERS:
        raise NotShownError(f"{scene.resting} of {ORDERS} orders rest at the venue")
