"""Group N: what a network does. Every scenario breaks the wire, or the guards' machine, under four armed guards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from exits.holder import now_ns
from exits.row import OF_A_SWITCH, Row, Scene
from promises.desk import Desk, milliseconds

from faults.field import SESSION_BOUND, Field, fields, machines, pass_until
from faults.report import Report
from faults.scenario import scenario
from faults.wire import UP
from killcord import Dialling, LinkDead, LinkLost, LinkRole, Suspected, VenueName
from killcord.sim import JournalKind

SUSPECT_MS, DEAD_MS, ARMED_MS = 700.0, 1500.0, 1300.0
CUT_S = 2.2
"""Long enough for a link to be called dead, shorter than any venue's own patience at a tenth of its time."""
FACTOR = 0.1
PAUSE_MS = {VenueName.CRYPTO_COM: 1000 * FACTOR, VenueName.DERIBIT: 0.0, VenueName.BYBIT: 10_000 * FACTOR, VenueName.KRAKEN: 0.0}
"""What the venue itself makes a new link wait, at that factor."""

KEPT = "a link that was kept lives again when the venue's kernel sends again: up to as long after the outage as that was"
"""Why healing may take longer where closing is the trip. Our own kernel sends again every second."""
AS_KEPT = dict.fromkeys(SESSION_BOUND, KEPT)

Break = Callable[[Field], int]


def rearm_target(extra_ms: float = 0.0, pauses: dict[VenueName, float] | None = None) -> dict[VenueName, float]:
    """From healing to armed: the promise, and what the venue itself makes a new link wait."""
    return {venue: ARMED_MS + extra_ms + pause for venue, pause in (pauses or PAUSE_MS).items()}


def outages(
    report: Report,
    runs: int,
    breaks: Break,
    heals: Break = Field.heal,
    *,
    round_trip_ms: float = 0.0,
    suspect_ms: float = SUSPECT_MS,
    note: str = "",
    what: str = "",
) -> None:
    """Breaks, waits until every link is called dead, heals, waits until armed, and so on."""
    suspect = per_venue()
    dead = per_venue()
    armed = per_venue()
    own_closes: list[str] = []
    with fields(FACTOR, delay=round_trip_ms / 2000) as field:
        for _ in range(runs):
            field.armed()
            field.phase(0.3)
            marks = field.marks()
            broken_ns = breaks(field)
            for venue, (first, second) in field.each(lambda desk: fell_silent(desk, broken_ns)).items():
                suspect[venue].append(first)
                dead[venue].append(second)
            pass_until(broken_ns + int(CUT_S * 1e9))
            own_closes += fired_by_us(field, marks)
            healed_ns = heals(field)
            for venue, took_ms in field.rearmed(healed_ns).items():
                armed[venue].append(took_ms)
        # The promise is for 20 ms and less. Silence is judged one round trip later, and arming takes five.
        more_ms = max(0.0, round_trip_ms - 20)
        report.take(f"cut to suspect{what}", suspect, suspect_ms + more_ms, note=note)
        report.take(f"cut to dead{what}", dead, DEAD_MS + more_ms)
        report.take(f"healed to armed{what}", armed, rearm_target(5 * more_ms), note=AS_KEPT)
        report.never(f"closes of ours where closing is the trip{what}", own_closes, of=runs)
        truth(report, field, what)


def per_venue() -> dict[VenueName, list[float]]:
    """An empty list for each."""
    return {venue: [] for venue in VenueName}


def fell_silent(desk: Desk, since_ns: int) -> tuple[float, float]:
    """From the fault to *suspect* and to *dead*. A link that is called dead at once was never suspected."""
    dead = desk.told(LinkDead, since_ns)
    told = [event for event in desk.events if isinstance(event, Suspected) and event.at_ns >= since_ns]
    first_ns = min([event.at_ns for event in told] + [dead.at_ns])
    return milliseconds(since_ns, first_ns), milliseconds(since_ns, dead.at_ns)


def was_lost(desk: Desk, since_ns: int) -> float:
    """From the fault to the event that says that the guarding link ended."""
    lost = desk.told(LinkLost, since_ns, lambda event: event.loss.role is LinkRole.GUARD)
    return milliseconds(since_ns, lost.at_ns)


def fired_by_us(field: Field, marks: dict[VenueName, int]) -> list[str]:
    """Switches of session-bound venues that fired because we ended the connection, not because the venue's patience did."""
    return [
        f"{venue.value}: {note.detail}"
        for venue, desk in field.desks.items()
        if venue in SESSION_BOUND
        for note in desk.exchange.journal(marks[venue])
        if note.kind is JournalKind.TRIPPED and note.detail.startswith("client")
    ]


def truth(report: Report, field: Field, what: str = "") -> None:
    """What the witness saw: the invariant over everything."""
    report.never(f"claims that were not true{what}", field.witness.false_claims, of=field.witness.looks)


@scenario("N07", "the router drops everything, both ways", gate=True)
def dropped_both_ways(report: Report, runs: int) -> None:
    outages(report, runs, lambda field: field.line.cut(), round_trip_ms=20)
    if runs > 1:
        outages(report, runs, lambda field: field.line.cut(), round_trip_ms=200, what=", round trip 200 ms")


@scenario("N08", "only what we say is dropped; the venue's data goes on arriving", gate=True)
def dropped_one_way(report: Report, runs: int) -> None:
    outages(report, runs, lambda field: field.line.cut(UP))


@scenario("N13", "a firewall refuses everything with resets", gate=True)
def refused_with_resets(report: Report, runs: int) -> None:
    lost, armed, attempts = per_venue(), per_venue(), per_venue()
    with fields(FACTOR) as field:
        for _ in range(runs):
            field.armed()
            field.phase()
            broken_ns = field.line.set(UP, refuse="reset")
            for venue, took_ms in field.each(lambda desk: was_lost(desk, broken_ns)).items():
                lost[venue].append(took_ms)
            pass_until(broken_ns + 3_000_000_000)
            healed_ns = field.line.heal()
            for venue, took_ms in field.rearmed(healed_ns).items():
                armed[venue].append(took_ms)
            for venue, desk in field.desks.items():
                attempts[venue].append(dials_between(desk, broken_ns, healed_ns))
        report.take("refusal to event (a probe and 50 ms)", lost, 300.0)
        report.take("healed to armed", armed, rearm_target())
        report.take("dials within 3 s of refusals", attempts, 12.0, unit="")
        truth(report, field)


def dials_between(desk: Desk, since_ns: int, until_ns: int) -> float:
    """How many dials of the guarding link began."""
    return float(
        sum(
            isinstance(event, Dialling) and event.role is LinkRole.GUARD and since_ns <= event.at_ns < until_ns
            for event in desk.events
        )
    )


SUSPECTS = """
made = armed()
for guard in made:
    guard.wait_phase(Phase.SUSPECT, 30)
say("suspect")
stay()
"""
D_S = 5.0
"""The default of ``Policy.user_timeout_s``: the longest time a written keepalive may remain deliverable."""


@scenario("N20", "cut, then kill -9 with data in the socket, healed before and after the kernel's limit", gate=True)
def killed_behind_a_cut(report: Report, runs: int) -> None:
    """A machine of its own for each time of healing, side by side. The kernel that holds the data lives on."""
    for heal_after_s in (3.0, 6.5):
        late = per_venue()
        for _ in range(runs):
            for venue, ones in arrivals_after_death(heal_after_s).items():
                late[venue] += ones
        within = D_S if heal_after_s < D_S else 0.0
        count = {venue: [float(len(ones))] for venue, ones in late.items()}
        latest = {venue: ones or [0.0] for venue, ones in late.items()}
        report.take(f"last keepalive after death, healed after {heal_after_s:g} s", latest, within, unit="s")
        report.take(f"keepalives after death, healed after {heal_after_s:g} s", count, None, unit="")


def arrivals_after_death(heal_after_s: float) -> dict[VenueName, list[float]]:
    """When anything arrived that keeps a switch, in seconds after the death of the process."""
    with machines(0.3) as made, tempfile.TemporaryDirectory() as folder, made.near.inside():
        with Scene(Row("N20", "killed behind a cut", SUSPECTS), made.exchanges, Path(folder)) as scene:
            scene.begin()
            made.line.cut()
            scene.waits_for("suspect")
            scene.process.kill()
            scene.process.wait()
            killed_ns = now_ns()
            pass_until(killed_ns + int(heal_after_s * 1e9))
            made.line.heal()
            pass_until(killed_ns + int((heal_after_s + 2.0) * 1e9))
            return {
                venue: [
                    (note.at_ns - killed_ns) / 1e9
                    for note in exchange.journal()
                    if note.kind in OF_A_SWITCH and note.account == scene.accounts[venue].name and note.at_ns > killed_ns
                ]
                for venue, exchange in made.exchanges.items()
            }
