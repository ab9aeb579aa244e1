"""What only arming can show, and only when it was asked for: a guard arms, says on what evidence, and ends.

What that does to orders differs. On Crypto.com and Deribit the switch covers orders created on the guard's own connection,
and none are. On Bybit ending the guard starts the window of the whole account when nobody else is subscribed; on Kraken the
countdown of the whole account is started and taken off again. There it is done only while no order rests.
"""

from __future__ import annotations

from .._desk import Book, Desk, DeskError
from ..errors import KillcordError, PhaseTimeout
from ..guard import ARMED, HOPELESS, Guard
from ..model import DeribitScope
from ..venues import Bybit, Deribit, Kraken
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
            error = state.last_error
            return [wrong("armed", f"{state.phase.value}: {error}", EVIDENCE, "do what the sentence says")]
        found = [right("armed", f"{state.evidence.value.replace('_', ' ')}; {state.coverage.scope.value}", EVIDENCE)]
        if state.round_trip_s is not None:
            told = f"{state.round_trip_s * 1e3:.1f} ms on the armed link"
            found.append(right("link round trip", told, "protocol pings of that guard"))
        return [*found, *_quietly(guard)]
    except PhaseTimeout as late:
        error = late.snapshot.last_error or late
        return [wrong("armed", f"not within {ARM_S:.0f} s: {error}", EVIDENCE, "do what the sentence says")]
    finally:
        guard.stop()


def _quietly(guard: Guard) -> list[Line]:
    """Takes a countdown off again before the guard ends. The others end without a trace, or cannot be taken off."""
    if not isinstance(guard.venue, Kraken):
        return []
    finding = "the venue did not confirm that the countdown is off"
    try:
        if guard.farewell_blocking(reason="killcord check is over").confirmed:
            return [right("taken off", "the countdown is off again", "the venue confirmed timeout 0")]
    except KillcordError as error:
        finding = f"the countdown could not be taken off: {error}"
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
        return None
    does = "its end would start the window" if isinstance(venue, Bybit) else "it would start the account's countdown"
    finding = f"not armed: {len(resting)} orders rest, and {does}"
    return Line("armed", Status.UNKNOWN, finding, "the venue's list of open orders", "try again while none rests")
