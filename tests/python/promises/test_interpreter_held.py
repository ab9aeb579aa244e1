"""While a C call holds the interpreter for five seconds, no heartbeat is answered late and no feed is late; afterwards
messages and events go on, and not one of them is missing.

The venues' own time runs twenty to fifty times as fast, so that several periods of each fall into the hold.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from guarded import LOOPS, guard_of
from promises.desk import PATIENCE_S, milliseconds
from promises.figures import Figures

from killcord import Event, Guard, Message, Phase, PhaseChanged, Stalled, VenueName
from killcord.sim import Exchange, JournalEntry, JournalKind

HELD_S = 5.0
LATE_MS = 50
PERIODS_MIN = 4
LINES = 30
"""Below what the venues' rate rules leave to the application."""


@dataclass(frozen=True, slots=True)
class Case:
    """A venue, how quickly its time runs, and what it wants to hear."""

    venue: VenueName
    factor: float
    asks: str | None
    """What its demand for a sign of life is called in its journal; None where the guard speaks by itself."""
    sign: str
    """How the journal calls the sign of life that counts."""
    every_s: float
    """The period of the guard's own feeds or pings, scaled; without meaning where the venue asks."""
    line: str
    """A harmless request that is answered with its number."""


CASES = (
    Case(VenueName.CRYPTO_COM, 0.02, "", "respond-heartbeat", 0, '{"id":%d,"method":"private/get-open-orders","params":{},"nonce":1}'),
    Case(VenueName.DERIBIT, 0.05, "test_request", "public/test", 0, '{"jsonrpc":"2.0","id":%d,"method":"public/test","params":{}}'),
    Case(VenueName.BYBIT, 0.05, None, "ping", 10 * 0.05, '{"req_id":"%d","op":"ping"}'),
    Case(VenueName.KRAKEN, 0.05, None, "timeout 60", 15 * 0.05, '{"method":"ping","req_id":%d}'),
)


@dataclass(slots=True)
class Held:
    """One guard, and everything that reached Python of it."""

    case: Case
    exchange: Exchange
    guard: Guard
    messages: list[Message]
    events: list[Event] = field(default_factory=list)


@pytest.mark.parametrize("loop", LOOPS)
def test_nothing_is_late_and_nothing_is_lost_while_the_interpreter_is_held(loop: str, figures: Figures) -> None:
    async def work() -> None:
        async with AsyncExitStack() as stack, asyncio.timeout(2 * PATIENCE_S):
            held = await asyncio.gather(*[stack.enter_async_context(armed(case)) for case in CASES])
            await asyncio.gather(*[one.guard.request(*QUESTION[one.case.venue]) for one in held])
            for one in held:
                say_many(one)
            began_ns = held[0].exchange.now_ns()
            hold_interpreter(HELD_S)
            ended_ns = held[0].exchange.now_ns()
            assert ended_ns - began_ns >= HELD_S * 1e9
            for one in held:
                check_lateness(one, began_ns, ended_ns, loop, figures)
                assert one.guard.snapshot.claim
            for one in held:
                await check_what_came(one, began_ns)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(work())


QUESTION = {
    VenueName.CRYPTO_COM: ("private/get-open-orders", None),
    VenueName.DERIBIT: ("public/test", None),
    VenueName.BYBIT: ("ping", None),
    VenueName.KRAKEN: ("ping", None),
}


@asynccontextmanager
async def armed(case: Case) -> AsyncIterator[Held]:
    """A venue and a guard for it that is armed."""
    messages: list[Message] = []
    async with Exchange(case.venue, factor=case.factor) as exchange:
        async with guard_of(exchange, on_message=messages.append) as guard:
            yield Held(case, exchange, guard, messages)


def say_many(one: Held) -> None:
    """Hands over many lines and waits for none of them: their answers come while the interpreter is held."""
    for number in range(LINES):
        one.guard.send(one.case.line % number)


def hold_interpreter(seconds: float) -> None:
    """Unlike ``time.sleep``, a call through ``PyDLL`` keeps every other Python thread from running."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def check_lateness(one: Held, began_ns: int, ended_ns: int, loop: str, figures: Figures) -> None:
    """What the venue heard, and when, by its own journal."""
    journal = [entry for entry in one.exchange.journal() if began_ns - 2e9 <= entry.at_ns <= ended_ns]
    signs = [entry for entry in journal if entry.kind is JournalKind.LIFE_SIGN and one.case.sign in entry.detail]
    if one.case.asks is None:
        late, what = list(late_feeds(signs, one.case.every_s, began_ns)), "feed or ping late by"
    else:
        asked = [entry for entry in journal if asks(entry, one.case) and entry.at_ns <= ended_ns - LATE_MS * 1e6]
        late, what = list(late_answers(asked, signs, began_ns)), "heartbeat to answer"
    assert len(late) >= PERIODS_MIN, f"only {len(late)} periods fell into the hold"
    figures.take(f"{what}, interpreter held {HELD_S:g} s, {one.case.venue.value}, {loop}", late, LATE_MS)


def asks(entry: JournalEntry, case: Case) -> bool:
    """True for the venue's demand for a sign of life."""
    return entry.kind is JournalKind.HEARTBEAT and case.asks in ("", entry.detail)


def late_answers(asked: list[JournalEntry], signs: list[JournalEntry], since_ns: int) -> Iterator[float]:
    """From each demand to the sign of life after it."""
    for demand in asked:
        if demand.at_ns >= since_ns:
            answered_ns = next((sign.at_ns for sign in signs if sign.number > demand.number), None)
            yield float("inf") if answered_ns is None else milliseconds(demand.at_ns, answered_ns)


def late_feeds(signs: list[JournalEntry], every_s: float, since_ns: int) -> Iterator[float]:
    """How much longer than its period each interval between two signs of life was. Those that were much shorter are the
    application's own lines, and no period.
    """
    for before, after in itertools.pairwise(signs):
        interval_ms = milliseconds(before.at_ns, after.at_ns)
        if after.at_ns >= since_ns and interval_ms > every_s * 500:
            yield max(0.0, interval_ms - every_s * 1000)


async def check_what_came(one: Held, began_ns: int) -> None:
    """Every answer reached ``on_message``, in order; every event is there, and none of them is a complaint."""
    await one.guard.request(*QUESTION[one.case.venue])
    numbers = [number for message in one.messages if (number := number_of(message)) is not None]
    assert numbers == list(range(LINES))
    async for event in one.guard.events():
        one.events.append(event)
        if event.seq >= one.guard.snapshot.seq:
            break
    assert [event.seq for event in one.events] == list(range(1, len(one.events) + 1))
    assert not [event for event in one.events if isinstance(event, Stalled | PhaseChanged) and event.at_ns >= began_ns]
    assert one.guard.snapshot.phase is Phase.ARMED


def number_of(message: Message) -> int | None:
    """The number of the line that a message answers; None for what the venue says by itself."""
    body = message.json()
    assert isinstance(body, dict)
    number = body.get("id", body.get("req_id"))
    return int(number) if isinstance(number, int | str) and str(number).isdigit() else None
