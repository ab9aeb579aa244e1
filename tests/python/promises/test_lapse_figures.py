"""How soon after the end of a lease's budget the venue heard the last sign of life, and how soon it began to cancel.

The venues ask often for signs of life, and nobody acknowledges cancel-all to the guard, so that its links stay, muted, for as
long as they ever do: what the venue asks then must stay unanswered.
"""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from guarded import venue_of
from promises.desk import PATIENCE_S, at_once, milliseconds
from promises.figures import Figures
from relay import Relay, port_of
from resting import ORDER

from killcord import Endpoints, Guard, LeaseLapsed, Phase, VenueName
from killcord.sim import CancelCause, Exchange, JournalEntry, JournalKind, KnobValue

ALL = "KILLCORD_FIGURES" in os.environ
BUDGET_S = 0.3
RENEWED_S = 0.5
"""Long enough for signs of life to be said while all is well."""
LAST_LIFE_MS = 50.0
CANCEL_MS = {0: 100.0, 50: 250.0}
"""By round trip, in milliseconds."""
TRIES = 4
"""A time that a busy machine spoiled is measured again; what must never be is judged in every try."""
FACTOR = 0.02
"""Feeds of Kraken every 0.3 s, pings of Bybit every 0.2 s."""
KNOBS: dict[VenueName, dict[str, KnobValue]] = {
    VenueName.CRYPTO_COM: {"first_heartbeat_ms": 5_000, "heartbeat_every_ms": 5_000, "cut_after_ms": 100_000},
    VenueName.DERIBIT: {"first_test_request_extra_ms": 0, "test_request_extra_ms": 0},
    VenueName.BYBIT: {},
    VenueName.KRAKEN: {},
}
ASKS = {VenueName.CRYPTO_COM: "", VenueName.DERIBIT: "test_request"}
"""How the journal calls a demand for a sign of life, at the venues that ask."""
CANCEL_ALL = {VenueName.CRYPTO_COM: "private/cancel-all-orders", VenueName.DERIBIT: "private/cancel_all"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the venue saw of one lapse, in milliseconds from the end of the budget."""

    last_life_ms: float
    """Negative: before it."""
    cancel_ms: float
    asked: int
    """How often the venue asked for a sign of life in vain."""


@pytest.mark.parametrize("round_trip_ms", [0, pytest.param(50, marks=pytest.mark.skipif(not ALL, reason="make figures"))])
def test_after_a_lapse_no_sign_of_life_reaches_the_venue_and_it_cancels_in_time(
    round_trip_ms: int, figures: Figures
) -> None:
    venues = list(VenueName)
    for venue, seen in zip(venues, at_once(lambda venue: best(venue, round_trip_ms), venues), strict=True):
        where = f"{venue.value}, round trip {round_trip_ms} ms"
        figures.take(f"budget to last life sign at {where}", [seen.last_life_ms], LAST_LIFE_MS)
        figures.take(f"budget to first cancel at {where}", [seen.cancel_ms], CANCEL_MS[round_trip_ms])
        if venue in ASKS:
            figures.take(f"asked in vain (at least 1) by {where}", [float(seen.asked)], 100, "times")


def best(venue: VenueName, round_trip_ms: int) -> Seen:
    """The first try whose times are as promised, or the last one."""
    for number in itertools.count(1):
        seen = lapse(venue, round_trip_ms)
        asked = venue not in ASKS or seen.asked > 0
        if asked and seen.last_life_ms <= LAST_LIFE_MS and seen.cancel_ms <= CANCEL_MS[round_trip_ms]:
            return seen
        if number == TRIES:
            assert asked, f"{venue.value} never asked after the lapse: nothing was shown"
            return seen
    raise AssertionError("counting does not end")


def lapse(venue: VenueName, round_trip_ms: int) -> Seen:
    """A strategy renews for a while, and then no more."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(venue, factor=FACTOR, knobs=KNOBS[venue]))
        ends = exchange.endpoints
        if round_trip_ms:
            relay = stack.enter_context(Relay(port_of(ends.http_url), delay_s=round_trip_ms / 2e3))
            ends = relayed(ends, relay)
        guard = Guard(venue_of(exchange, ends))
        guard.start()
        stack.callback(guard.stop)
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
        guard.request_blocking(*ORDER[venue], timeout_s=PATIENCE_S)
        if venue in CANCEL_ALL:
            exchange.lose_answer(CANCEL_ALL[venue], times=None)
        renewed_ns = renew(guard, exchange)
        end_ns = renewed_ns + int(BUDGET_S * 1e9)
        cancelled = exchange.wait_for(JournalKind.ORDER_CANCELLED, timeout_s=PATIENCE_S)
        guard.wait_phase(Phase.TRIPPED, PATIENCE_S)
        if venue in CANCEL_ALL:
            exchange.wait_for(JournalKind.ENDED, timeout_s=PATIENCE_S)
        (order,) = exchange.orders()
        assert order.cause is CancelCause.USER, "the lapse itself cancels, before any switch"
        lapsed = [event for event in guard.drain_events(4_096) if isinstance(event, LeaseLapsed)]
        return judged(exchange, end_ns, lapsed[0].at_ns + round_trip_ms * 500_000, cancelled)


def renew(guard: Guard, exchange: Exchange) -> int:
    """When the lease was renewed for the last time."""
    lease = guard.lease("quoter", budget_s=BUDGET_S)
    began_ns = exchange.now_ns()
    for token in itertools.count():
        assert lease.renew(token)
        if exchange.now_ns() - began_ns > RENEWED_S * 1e9:
            break
        guard.drain_messages(timeout_s=0.01)
    return exchange.now_ns()


def judged(exchange: Exchange, end_ns: int, lapsed_ns: int, cancelled: JournalEntry) -> Seen:
    """``lapsed_ns``: when what was said at the moment the guard noticed arrives. After it nothing may, however busy the machine."""
    journal = exchange.journal()
    signs = [entry for entry in journal if entry.kind is JournalKind.LIFE_SIGN]
    assert signs, "the venue never heard a sign of life: nothing was shown"
    late = [entry for entry in signs if entry.at_ns > lapsed_ns + int(LAST_LIFE_MS * 1e6)]
    assert late == []
    word = ASKS.get(exchange.venue)
    asked = [
        entry
        for entry in journal
        if entry.kind is JournalKind.HEARTBEAT and entry.at_ns > lapsed_ns and word in ("", entry.detail)
    ]
    answered = [sign for sign in signs if asked and sign.number > asked[0].number]
    assert answered == []
    return Seen(milliseconds(end_ns, signs[-1].at_ns), milliseconds(end_ns, cancelled.at_ns), len(asked))


def relayed(ends: Endpoints, relay: Relay) -> Endpoints:
    """The same venue at the other end of the relay."""
    at, through = f":{port_of(ends.http_url)}", f":{relay.port}"
    trade = None if ends.trade_url is None else ends.trade_url.replace(at, through)
    return replace(
        ends, guard_url=ends.guard_url.replace(at, through), http_url=ends.http_url.replace(at, through), trade_url=trade
    )
