"""What only arming can show, and only when it was asked for: a guard arms, says on what evidence, and ends.

What that does to orders differs. On Crypto.com and Deribit the switch covers orders created on the guard's own connection,
and none are. On Bybit ending the guard starts the window of the whole account when nobody else is subscribed; on Kraken the
countdown of the whole account is started and taken off again. There it is done only while no order rests.
"""

from __future__ import annotations

from contextlib import suppress

from .._desk import Book, Desk, DeskError
from .._desk.bybit import BybitBook
from .._desk.kraken import KrakenBook
from ..errors import KillcordError, PhaseTimeout
from ..events import StepDone
from ..guard import ARMED, HOPELESS, Guard
from ..model import DeribitScope, Step
from ..venues import Bybit, Deribit
from .line import Line, Status, right, wrong

ARM_S = 45.0
"""Bybit alone may take 10 s to let a window come into force."""
EVIDENCE = "a guard of its own: login, switch and read-back on the link"


def arm(desk: Desk, book: Book) -> list[Line]:
    """Arms and ends again, where that can cancel nothing."""
    why_not = _forbidden(desk, book)
    if why_not is not None:
        return [why_not]
    guard = Guard(desk.venue)
    guard.start()
    try:
        state = guard.wait_phase(ARMED | HOPELESS, ARM_S)
        if state.phase not in ARMED:
            told = f"{state.phase.value}: {state.last_error}"
            return [wrong("armed", told, EVIDENCE, "do what the sentence says"), *_undone(guard, desk, book)]
        found = [right("armed", f"{state.evidence.value.replace('_', ' ')}; {state.coverage.scope.value}", EVIDENCE)]
        if state.round_trip_s is not None:
            told = f"{state.round_trip_s * 1e3:.1f} ms on the armed link"
            found.append(right("link round trip", told, "protocol pings of that guard"))
        return [*found, *_undone(guard, desk, book)]
    except PhaseTimeout as late:
        told = f"not within {ARM_S:.0f} s: {late.snapshot.last_error or late}"
        return [wrong("armed", told, EVIDENCE, "do what the sentence says"), *_undone(guard, desk, book)]
    except BaseException:
        _undone(guard, desk, book)
        raise
    finally:
        guard.stop()


def _undone(guard: Guard, desk: Desk, book: Book) -> list[Line]:
    """Takes a countdown off again that was started here. The others end without a trace, or cannot be taken off."""
    started = any(isinstance(event, StepDone) and event.step is Step.SWITCH for event in guard.drain_events(4096))
    if not isinstance(book, KrakenBook) or not started:
        return []
    finding = "the venue did not confirm that the countdown is off"
    try:
        if guard.farewell_blocking(reason="killcord check is over").confirmed:
            return [right("taken off", "the countdown is off again", "the venue confirmed timeout 0")]
    except KillcordError as error:
        finding = f"the countdown could not be taken off on the link: {error}"
    with suppress(DeskError):
        if not book.take_off(desk):
            return [right("taken off", "the countdown is off again", "CancelAllOrdersAfter with timeout 0 over HTTP")]
    advice = "it runs out within its window and cancels every order that rests by then: send none for that long"
    return [wrong("taken off", finding, "the answer to timeout 0", advice)]


def _forbidden(desk: Desk, book: Book) -> Line | None:
    """Why arming could do harm here; None when it cannot."""
    venue = desk.venue
    if isinstance(venue, Deribit) and venue.scope is DeribitScope.ACCOUNT:
        finding = "not armed: scope account would change the default of every later connection of the account"
        return Line("armed", Status.UNKNOWN, finding, "the configured scope", "a guard started for real will show it")
    if not book.account_wide:
        return None
    try:
        resting = book.resting(desk)
    except DeskError as error:
        return wrong("armed", f"not armed: {error}", "the venue's list of open orders", error.advice)
    if not resting:
        return _would_change(desk, book)
    does = "its end would start the window" if isinstance(venue, Bybit) else "it would start the account's countdown"
    finding = f"not armed: {len(resting)} orders rest, and {does}"
    return Line("armed", Status.UNKNOWN, finding, "the venue's list of open orders", "try again while none rests")


def _would_change(desk: Desk, book: Book) -> Line | None:
    """Bybit keeps the window it is given, for the whole account: none is changed by the way."""
    if not isinstance(book, BybitBook) or not isinstance(desk.venue, Bybit):
        return None
    try:
        differ = book.would_change(desk, desk.venue.window_s)
    except DeskError as error:
        return wrong("armed", f"not armed: {error}", "GET /v5/account/query-dcp-info", error.advice)
    if not differ:
        return None
    finding = f"not armed: a guard would set the account's window to {desk.venue.window_s} s (now {differ})"
    return Line("armed", Status.UNKNOWN, finding, "GET /v5/account/query-dcp-info", "name the one in force: --window")
