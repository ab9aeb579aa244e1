"""Group V: a venue that says one thing and does another. Over loopback, except where a network is cut."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from promises.desk import Desk, at_once, milliseconds

from exits.holder import now_ns
from faults.field import fields, mark_of, pass_time
from faults.network import per_venue
from faults.report import Report
from faults.scenario import scenario
from killcord import Policy, VenueName
from killcord.sim import Exchange, JournalKind

FACTOR = 0.05
STEPS: dict[VenueName, tuple[str, ...]] = {
    VenueName.CRYPTO_COM: ("public/auth", "private/set-cancel-on-disconnect", "private/get-cancel-on-disconnect"),
    VenueName.DERIBIT: (
        "public/set_heartbeat",
        "public/auth",
        "private/enable_cancel_on_disconnect",
        "private/get_cancel_on_disconnect",
    ),
    VenueName.BYBIT: ("auth", "subscribe:dcp.future", "subscribe:dcp.spot", "GET /v5/account/query-dcp-info"),
    VenueName.KRAKEN: ("cancel_all_orders_after",),
}
"""What has to be acknowledged before a guard may say that it is armed."""
WATCHED_S = 3.0


def never_armed(report: Report, breaks: Callable[[Exchange, str], None]) -> None:
    """Each step of each venue in turn: the guard must not claim, as long as one is missing."""
    cases = [(venue, step) for venue, steps in STEPS.items() for step in steps]
    claims: list[str] = []

    def watched(case: tuple[VenueName, str]) -> list[str]:
        venue, step = case
        with Exchange(venue, factor=FACTOR) as exchange:
            breaks(exchange, step)
            with Desk(exchange) as desk:
                until_ns, found = now_ns() + int(WATCHED_S * 1e9), []
                while now_ns() < until_ns:
                    state = desk.guard.snapshot
                    if state.claim or state.permit:
                        found.append(f"{venue.value} without {step}: {state!r}")
                    pass_time(0.002)
                heard = [note for note in exchange.journal() if note.kind is not JournalKind.FAULT_APPLIED]
                # A guard that asked for nothing would prove nothing.
                assert heard, f"{venue.value}: nothing happened: {desk.story()}"
                return found

    for found in at_once(watched, cases):
        claims += found
    report.never("claims and permits with a step missing", claims, of=len(cases))


@scenario("V01", "each step of arming in turn is acted upon and never acknowledged", needs_network=False)
def unacknowledged(report: Report, runs: int) -> None:
    never_armed(report, lambda exchange, step: exchange.lose_answer(step, times=None))


@scenario("V02", "each step of arming in turn is refused", needs_network=False)
def refused(report: Report, runs: int) -> None:
    never_armed(report, lambda exchange, step: exchange.refuse(step, times=None))


READ_BACK_S = 5.0
"""The shortest that a policy may ask for."""


@scenario("V06", "the venue stops honouring its switch, and says so only when it is asked", needs_network=False)
def dishonoured(report: Report, runs: int) -> None:
    """Kraken has nothing that could be asked, and of Bybit nobody knows how such an answer would differ."""
    venues = (VenueName.CRYPTO_COM, VenueName.DERIBIT)
    withdrawn: dict[VenueName, list[float]] = {venue: [] for venue in venues}
    with ExitStack() as stack:
        exchanges = [stack.enter_context(Exchange(venue, factor=FACTOR)) for venue in venues]
        desks = [stack.enter_context(Desk(exchange, Policy(read_back_every_s=READ_BACK_S))) for exchange in exchanges]
        for _ in range(runs):
            for desk in desks:
                desk.armed()
                desk.exchange.set_knob("dishonour_reads_back", False)
                desk.exchange.dishonour()
            began_ns = now_ns()

            def until_withdrawn(desk: Desk, since_ns: int = began_ns) -> float:
                while desk.guard.snapshot.claim and now_ns() < since_ns + 30_000_000_000:
                    pass_time(0.002)
                return milliseconds(since_ns, now_ns())

            for venue, took_ms in zip(venues, at_once(until_withdrawn, desks), strict=True):
                withdrawn[venue].append(took_ms)
            for desk in desks:
                desk.exchange.heal()
    report.take("claim withdrawn (a read-back period and 1 s)", withdrawn, 1000 * (READ_BACK_S + 1))


@scenario("V16", "cuts at random moments; when the venue really begins to cancel")
def exposure(report: Report, runs: int) -> None:
    """The published bound against what the venue did: as a share of it, and never more."""
    share = per_venue()
    for _ in range(2 * runs):
        with fields(FACTOR) as field:
            field.phase(15 * FACTOR)
            marks = {venue: mark_of(desk.exchange) for venue, desk in field.desks.items()}
            bounds = {venue: desk.guard.snapshot.exposure.bound_s for venue, desk in field.desks.items()}
            cut_ns = field.line.cut()

            def fired(desk: Desk, cut_ns: int = cut_ns, marks: dict[VenueName, int] = marks) -> int:
                venue = desk.exchange.venue
                return desk.exchange.wait_for(JournalKind.TRIPPED, since=marks[venue], timeout_s=30).at_ns - cut_ns

            for venue, took_ns in field.each(fired).items():
                share[venue].append(took_ns / 1e9 / bounds[venue])
    report.take("cut to first cancel, of the published bound", share, 1.0, unit="")
