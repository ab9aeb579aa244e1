"""What the tests of the guard share: an embedded venue, a guard for it, an order on it, and a loop of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import uvloop

from killcord import Bybit, CryptoCom, Deribit, Endpoints, Guard, Json, Kraken, Message, Policy, Venue, VenueName
from killcord.sim import Account, Exchange, JournalKind

FACTOR = 0.1
"""Ten times as fast as life."""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

Run = Callable[[Coroutine[None, None, None]], None]


def runner(loop: str) -> Run:
    """Runs a test to its end on a loop of this kind, and for half a minute at most."""

    def run(work: Coroutine[None, None, None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await work

        with asyncio.Runner(loop_factory=LOOPS[loop]) as with_loop:
            with_loop.run(bounded())

    return run


def venue_of(exchange: Exchange, endpoints: Endpoints | None = None, account: Account | None = None) -> Venue:
    """The account of an embedded venue, or another one of it, as a guard wants it; perhaps by another way."""
    kinds: dict[VenueName, type[CryptoCom] | type[Deribit] | type[Bybit] | type[Kraken]] = {
        VenueName.CRYPTO_COM: CryptoCom,
        VenueName.DERIBIT: Deribit,
        VenueName.BYBIT: Bybit,
        VenueName.KRAKEN: Kraken,
    }
    credentials = exchange.credentials if account is None else account.credentials
    return kinds[exchange.venue](credentials, account="desk", custom=endpoints or exchange.endpoints)


def guard_of(
    exchange: Exchange,
    policy: Policy | None = None,
    on_message: Callable[[Message], None] | None = None,
    arm_timeout_s: float = 20.0,
    account: Account | None = None,
) -> Guard:
    """A guard of that account."""
    return Guard(venue_of(exchange, account=account), policy, on_message=on_message, arm_timeout_s=arm_timeout_s)


async def lives_on(exchange: Exchange, for_s: float) -> None:
    """Waits for a sign of life that the venue hears so much later."""
    seen, until_ns = len(exchange.journal()), exchange.now_ns() + int(for_s * 1e9)
    while exchange.now_ns() < until_ns:
        heard = await asyncio.to_thread(exchange.wait_for, JournalKind.LIFE_SIGN, since=seen)
        seen = heard.number + 1


ORDER: tuple[str, dict[str, Json]] = (
    "private/buy",
    {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000},
)
"""An order on Deribit that rests far away."""
