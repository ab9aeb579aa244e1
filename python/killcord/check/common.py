"""What is looked at in the same way at every venue: can it be reached, what time is it there, how far away is it, what rests,
and what is published. Only public calls and the list of open orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._desk import Answer, Book, ClockReading, Desk, DeskError
from ..config import Policy
from ..model import Coverage, CoverageScope
from .line import Line, right, unknown, wrong

UPGRADED = 101
FORBIDDEN = 403
NOT_FOUND = 404


def link(desk: Desk) -> Line:
    """Dials the guarding websocket and logs in nowhere: a connection without a login arms nothing and fires nothing."""
    _, host, port, _ = desk.writer.guard
    evidence = f"a websocket upgrade at {host}:{port}, without a login"
    try:
        status, seconds, tls = desk.knock()
    except DeskError as error:
        return wrong("link", str(error), evidence, error.advice)
    if status == UPGRADED:
        return right("link", f"reached in {seconds * 1e3:.0f} ms ({tls})", evidence)
    advice = {
        FORBIDDEN: "the venue turns this address away: check its country and address rules",
        NOT_FOUND: "check host and path: there is no websocket here",
    }.get(status, "check that the address is the venue's websocket; try again")
    return wrong("link", f"the upgrade was answered with HTTP {status}", evidence, advice)


def clock(reading: ClockReading | None, tolerance_ms: tuple[float, float]) -> Line:
    """Whether what is signed with this machine's time is accepted."""
    low, high = tolerance_ms
    bounds = f"{low / 1e3:+.0f} to {high / 1e3:+.0f} s"
    if reading is None:
        advice = "check that this machine's clock is not being set, and try again"
        return wrong("clock", "the venue's time could not be read", "its answers named no time, or contradicted", advice)
    finding = f"{_offset(reading)} (venue minus this machine)"
    evidence = f"{reading.source}; accepted are {bounds}"
    if low < reading.middle_ms < high:
        return right("clock", finding, evidence)
    advice = "set this machine's clock (NTP); killcord corrects its own requests, yours and the journal's times are off"
    return wrong("clock", finding, evidence, advice)


def round_trip(answers: Sequence[Answer]) -> Line:
    """How far away the venue's HTTP front is."""
    times = sorted(answer.round_trip_s for answer in answers)
    if not times:
        return unknown("round trip", "not measured", "no call was answered")
    finding = f"{times[0] * 1e3:.1f} ms at best, {times[-1] * 1e3:.1f} ms at worst of {len(times)}"
    evidence = "public calls on one open HTTP connection; the link's own is in snapshot.round_trip_s once it is armed"
    limit_s = Policy().step_deadline_s
    if times[-1] < limit_s:
        return right("round trip", finding, evidence)
    return wrong("round trip", finding, evidence, f"a step of arming may take {limit_s:.0f} s: find a shorter route")


def orders(desk: Desk, book: Book) -> Line:
    """What rests, as far as the key may see it."""
    evidence = "the venue's list of open orders, read once"
    try:
        count = len(book.resting(desk))
    except DeskError as error:
        advice = "without this list neither a kill nor a drill can be proven; allow the key to read orders"
        return wrong("open orders", str(error), evidence, advice)
    if not book.account_wide:
        return right("open orders", f"{count} rest; the switch covers only what its own connection creates", evidence)
    if count == 0:
        return right("open orders", "none rest", evidence)
    advice = "the switch would cancel them too, whoever sent them" if count else ""
    return right("open orders", f"{count} rest where the switch covers everybody's", evidence, advice)


def published(desk: Desk) -> Iterator[Line]:
    """Bound and coverage, as docs/promises.md derives them."""
    exposure = desk.writer.exposure
    finding = f"{exposure.bound_s:.1f} s at most until the venue begins to cancel"
    factor = 1.0 if desk.venue.custom is None else desk.venue.custom.time_factor
    scaled = "" if factor == 1.0 else f", all of it times {factor:g} here"
    yield right("exposure", finding, exposure.because + scaled)
    yield right("coverage", covered(desk.writer.coverage), "published by the venue; docs/promises.md")


def covered(coverage: Coverage) -> str:
    """Coverage in words."""
    match coverage.scope:
        case CoverageScope.CONNECTION:
            return "orders created on the guarding connection after arming, and no others"
        case CoverageScope.ACCOUNT:
            return "every order of the account, whoever sent it"
        case CoverageScope.PRODUCTS:
            return f"active orders of {', '.join(coverage.products)}, whoever sent them"
        case CoverageScope.NOTHING:
            return "nothing"


def _offset(reading: ClockReading) -> str:
    middle, within = reading.middle_ms, max(reading.within_ms, 0.1)
    if abs(middle) >= 1000 or within >= 100:
        return f"{middle / 1e3:+.2f} s ± {within / 1e3:.2f} s"
    return f"{middle:+.1f} ms ± {within:.1f} ms"
