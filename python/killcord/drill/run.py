"""One drill from beginning to end. Whatever happens on the way, its own orders are cancelled by their ids at the end, and it
is read back that they are gone. It never cancels anything else: what the switch does is the venue's.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from typing import TypeAlias

from .._access import Access
from .._desk import Book, ClockReading, Desk, DeskError, Instrument, Node, Resting, book_of, now_ns
from .._desk.bybit import BybitBook
from .._desk.kraken import KrakenBook
from ..check.run import name_of
from ..venues import Bybit
from .child import Holder, HolderError
from .plan import Plan
from .result import Fate, Look, Mark, Result, Span
from .verdict import judge
from .watch import Watch, spans

ARM_S = 60.0
LISTED_S = 15.0
"""Until the venue lists an order it has acknowledged."""
ORDER_S = 15.0
CLEAR_TRIES = 5
BEHIND_MS = 250


_Terms: TypeAlias = tuple[Decimal, Decimal, Decimal]
"""Price and size of each order, and what all are worth together."""


class DrillRefused(Exception):
    """The drill did not begin, or was called off before the cut. Says what to do."""


@dataclass(slots=True)
class _Field:
    """What everything below works with."""

    plan: Plan
    desk: Desk
    book: Book
    tag: str
    tell: Callable[[str], None]
    marks: list[Mark]
    clock: ClockReading | None = None

    def note(self, lane: str, words: str, at_ns: int | None = None) -> None:
        """Takes down what happened and tells it."""
        self.marks.append(Mark(now_ns() if at_ns is None else at_ns, lane, words))
        self.tell(words)

    def ours(self, order: Resting) -> bool:
        """Whether the drill made it."""
        return order.client_id.startswith(self.tag)


def drill(access: Access, plan: Plan, tell: Callable[[str], None] = lambda words: None) -> Result:
    """Rests orders through a guard in a process of its own, cuts its link, and measures the venue from outside.

    ``tell`` hears what is being done. Raises ``DrillRefused``, ``ConfigError``; ``HolderError`` when the guard does not
    arm or the venue refuses an order; ``DeskError`` when the venue cannot be asked.
    """
    desk, book = Desk(plan.venue), book_of(plan.venue)
    field = _Field(plan, desk, book, f"kcd{secrets.token_hex(4)}-", tell, [])
    try:
        field.clock = book.exact_clock(desk, plan.clock_rounds)
        if field.clock is not None:
            desk.clock_offset_ms = round(field.clock.middle_ms) - BEHIND_MS
        instrument = book.instrument(desk, plan.instrument or book.default_instrument)
        terms = plan.sized(instrument)
        foreign = _foreign(field)
        _changes_nothing(field)
        with Holder(access) as holder:
            return _run(field, holder, instrument, terms, len(foreign))
    finally:
        desk.close()


@dataclass(slots=True)
class _Found:
    """What one run brought to light, piece by piece."""

    armed: Node = Node(None)
    bound_s: float = 0.0
    cut_ns: int | None = None
    wall_ns: int = 0
    resting: list[Resting] = dataclass_field(default_factory=list)
    """The drill's orders, as the venue listed them before the cut."""
    still: list[Resting] = dataclass_field(default_factory=list)
    """Those that rested when it was given up."""
    looks: int = 0
    """How many looks there were by then. Later ones see what the drill itself cancels."""
    fates: list[Fate] = dataclass_field(default_factory=list)


def _run(field: _Field, holder: Holder, instrument: Instrument, terms: _Terms, foreign: int) -> Result:
    watch = Watch(field.desk, field.book, instrument.name, field.book.poll_every_s * _factor(field))
    found = _Found()
    try:
        _measure(field, holder, watch, instrument, terms, found)
    except BaseException as error:
        if found.cut_ns is None:
            _call_off(field, holder, error)
        raise
    finally:
        cleared, remains = _clear(field, watch, found.resting)
    holder.drain()
    _observed(field, watch.looks, found.cut_ns, len(found.resting))
    _guards_marks(field, holder)
    return _result(field, watch, instrument, terms, found, foreign=foreign, cleared=cleared, remains=remains)


def _measure(
    field: _Field, holder: Holder, watch: Watch, instrument: Instrument, terms: _Terms, found: _Found
) -> None:
    """From arming to the last look; what is found is there also when it ends half way."""
    armed = found.armed = holder.wait("armed", ARM_S)
    found.bound_s = float(armed.at("bound_s").number or 0)
    field.note("guard", f"armed on {armed.at('evidence').text.replace('_', ' ')}", int(armed.at("at_ns").number or 0))
    found.resting = _rest(field, holder, watch, instrument, terms)
    _foreign(field)  # once more: who came meanwhile must not be hit
    watch.look(field.ours)
    found.cut_ns, found.wall_ns = holder.cut(field.plan.cut), time.time_ns()
    field.note("drill", f"cut: {field.plan.cut.words}", found.cut_ns)
    patience_s = field.plan.patience_s or found.bound_s * 1.1 + max(2 * watch.every_s, 2.0)
    found.still = watch.until(field.ours, 0, patience_s)
    found.looks = len(watch.looks)
    still = {order.order_id for order in found.still}
    found.fates = [_fate(field, order, found.cut_ns, order.order_id in still) for order in found.resting]


def _result(
    field: _Field,
    watch: Watch,
    instrument: Instrument,
    terms: _Terms,
    found: _Found,
    *,
    foreign: int,
    cleared: int,
    remains: list[Resting],
) -> Result:
    cut_ns, name = found.cut_ns, name_of(field.plan.venue)
    assert cut_ns is not None, "what was measured was cut"
    first, last = spans(watch.looks[: found.looks], cut_ns, field.plan.orders)
    stamps = [fate.cancelled for fate in found.fates if fate.cancelled is not None]
    stamped = min(stamps, key=lambda span: span.low_s) if stamps else None
    verdict, why = judge(name, found.bound_s, first, stamped, found.fates, len(found.still))
    return Result(
        venue=name,
        environment=field.plan.venue.environment,
        cut=field.plan.cut,
        instrument=instrument.name,
        side=field.plan.side,
        price=terms[0],
        size=terms[1],
        currency=instrument.currency,
        notional=terms[2],
        evidence=found.armed.at("evidence").text,
        scope=found.armed.at("scope").text,
        bound_s=found.bound_s,
        because=found.armed.at("because").text,
        verdict=verdict,
        why=why,
        first=first,
        last=last,
        stamped=stamped,
        look_every_s=watch.every_s,
        cut_ns=cut_ns,
        wall_ns=found.wall_ns,
        fates=tuple(found.fates),
        left=tuple(order.order_id for order in remains),
        cleared=cleared,
        foreign=foreign,
        looks=tuple(watch.looks),
        marks=tuple(sorted(field.marks, key=lambda mark: mark.at_ns)),
    )


def _rest(
    field: _Field, holder: Holder, watch: Watch, instrument: Instrument, terms: _Terms
) -> list[Resting]:
    """Sends the orders through the guard; returns once the venue lists all of them from outside."""
    price, size, _ = terms
    for number in range(field.plan.orders):
        client_id = f"{field.tag}{number}"
        holder.order(*field.book.order(instrument, field.plan.side, price, size, client_id))
        said = holder.wait("order", ORDER_S)
        problem = said.at("error").text or field.book.refusal(said.at("reply"))
        if problem:
            raise HolderError(f"the venue did not take an order of {size} {instrument.name} at {price}: {problem}")
    listed = watch.until(field.ours, field.plan.orders, LISTED_S)
    if len(listed) != field.plan.orders:
        raise HolderError(f"{len(listed)} of {field.plan.orders} orders are listed: they do not rest, and nothing is measured")
    words = f"{len(listed)} orders rest: {field.plan.side} {size:f} {instrument.name} at {price:f}"
    field.note("venue", words)
    return listed


def _foreign(field: _Field) -> list[Resting]:
    """Others' orders where the switch reaches. Raises ``DrillRefused`` when one is not named."""
    if not field.book.account_wide:
        return []
    orders = [order for order in field.book.resting(field.desk) if not field.ours(order)]
    unnamed = [order.order_id for order in orders if order.order_id not in field.plan.may_cancel]
    if unnamed:
        shown = ", ".join(unnamed[:5]) + (f" and {len(unnamed) - 5} more" if len(unnamed) > 5 else "")
        why = f"the switch here cancels everybody's orders, and {len(unnamed)} rest that are not the drill's: {shown}"
        raise DrillRefused(f"{why}. Cancel them first, or name each with --may-cancel")
    return orders


def _changes_nothing(field: _Field) -> None:
    """Bybit keeps the window it is given, for the whole account: none is changed by the way. Raises ``DrillRefused``."""
    venue = field.plan.venue
    if isinstance(field.book, BybitBook) and isinstance(venue, Bybit):
        differ = field.book.would_change(field.desk, venue.window_s)
        if differ:
            why = f"a guard would set the account's window to {venue.window_s} s, for good (now {differ})"
            raise DrillRefused(f"{why}. Name the one in force with --window")


def _call_off(field: _Field, holder: Holder, error: BaseException) -> None:
    """Ends a guard that was not cut, without harm to anybody else: the drill's orders are cancelled by id first."""
    holder.drain()
    began = any(line.at("words").text == "step acknowledged: switch" for line in holder.heard)
    if not began:
        return
    _clear_ours(field)
    if isinstance(field.book, KrakenBook):
        off = False
        with suppress(HolderError):
            off = holder.farewell()
        if not off:
            with suppress(DeskError):
                off = not field.book.take_off(field.desk)
        field.note("drill", "called off; the countdown " + ("is off again" if off else "could NOT be taken off"))
    elif isinstance(field.book, BybitBook) and _others_rest(field):
        field.note("drill", "called off; the end of the guard starts the window, and others' orders rest")
        if not isinstance(error, KeyboardInterrupt):
            _hold_on(field)


def _hold_on(field: _Field) -> None:
    """Keeps Bybit's guard until nobody's order would go with it. Ctrl-C ends that too, and lets the window run."""
    field.tell("waiting until they are gone; Ctrl-C ends the guard, and the window with it cancels them")
    watch = Watch(field.desk, field.book, "", field.book.poll_every_s * 5)
    while _others_rest(field):
        watch.pause(watch.every_s)


def _others_rest(field: _Field) -> bool:
    try:
        _foreign(field)
    except (DrillRefused, DeskError):
        return True
    return False


def _clear_ours(field: _Field) -> None:
    with suppress(DeskError):
        for order in filter(field.ours, field.book.resting(field.desk)):
            field.book.cancel(field.desk, order)


def _fate(field: _Field, order: Resting, cut_ns: int, rests: bool) -> Fate:
    try:
        trace = field.book.trace(field.desk, order)
    except DeskError:
        trace = None
    if trace is None:
        return Fate(order.order_id, "rests" if rests else "unknown to the venue", "", None, False, None)
    span = None if rests or trace.at_ms is None else _since(field.clock, trace.at_ms, cut_ns)
    reason = "" if rests else trace.reason
    return Fate(order.order_id, trace.state, reason, None if rests else trace.by_switch, trace.filled, span)


def _since(clock: ClockReading | None, at_ms: float, cut_ns: int) -> Span | None:
    """From the cut to a venue's stamp, by what is known of its clock. Stamps are cut down to milliseconds at best."""
    if clock is None:
        return None
    ours_ns = time.time_ns() - now_ns()
    """The wall clock minus the guard's clock, now."""
    low_ns, high_ns = (at_ms - clock.high_ms) * 1e6 - ours_ns, (at_ms + 1 - clock.low_ms) * 1e6 - ours_ns
    return Span((low_ns - cut_ns) / 1e9, (high_ns - cut_ns) / 1e9)


def _clear(field: _Field, watch: Watch, known: list[Resting]) -> tuple[int, list[Resting]]:
    """Cancels by id what is left of ours, until a list shows none of it: how many, and what could not be shown to be gone."""
    cleared: set[str] = set()
    remains = known
    for attempt in range(CLEAR_TRIES):
        found = watch.look(field.ours)
        if found is not None:
            remains = found
        if not remains:
            return len(cleared), []
        for order in remains:
            with suppress(DeskError):
                if not field.book.cancel(field.desk, order):
                    cleared.add(order.order_id)
        if attempt == 0:
            field.note("drill", f"{len(remains)} of its own orders still rest: cancelled by id")
        watch.pause(watch.every_s)
    return len(cleared), remains


def _observed(field: _Field, looks: list[Look], cut_ns: int | None, count: int) -> None:
    """What the looks saw change."""
    before = count
    for look in looks:
        if look.heard_ns < (cut_ns or 0) or look.resting is None or look.resting == before:
            continue
        gone = "all gone" if look.resting == 0 else f"{look.resting} of {count} still listed"
        field.marks.append(Mark(look.heard_ns, "venue", f"seen from outside: {gone}"))
        before = look.resting


def _guards_marks(field: _Field, holder: Holder) -> None:
    """What the guard told while it could."""
    for line in holder.heard:
        if line.at("kind").text == "event":
            at_ns = int(line.at("event_ns").number or 0)
            field.marks.append(Mark(at_ns, "guard", line.at("words").text))


def _factor(field: _Field) -> float:
    custom = field.plan.venue.custom
    return 1.0 if custom is None else custom.time_factor
