"""Group H: outages that heal. What is short must cost nothing, and what heals must be used again."""

from __future__ import annotations

from promises.desk import Desk, milliseconds

from faults.field import fields, pass_until
from faults.network import FACTOR, fired_by_us, rearm_target, truth
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkDead, LinkLost, Suspected, VenueName

ROUND_TRIP_MS = 20.0
HALF_S = ROUND_TRIP_MS / 2000


def blip(report: Report, runs: int, length_s: float) -> None:
    """An outage so short that nothing may come of it."""
    dead: list[str] = []
    fired: list[str] = []
    lost: list[str] = []
    suspected: dict[VenueName, list[float]] = {venue: [] for venue in VenueName}
    late: dict[VenueName, list[float]] = {venue: [] for venue in VenueName}
    with fields(FACTOR, delay=HALF_S) as field:
        for _ in range(runs):
            field.armed()
            field.phase()
            marks = field.marks()
            cut_ns = field.line.cut()
            pass_until(cut_ns + int(length_s * 1e9))
            healed_ns = field.line.heal()
            pass_until(healed_ns + 1_500_000_000)
            fired += fired_by_us(field, marks)
            for venue, desk in field.desks.items():
                desk.events += desk.guard.drain_events(most=4096)
                told = [event for event in desk.events if event.at_ns >= cut_ns]
                dead += [f"{venue.value}: {event}" for event in told if isinstance(event, LinkDead)]
                lost += [f"{venue.value}: {event}" for event in told if isinstance(event, LinkLost)]
                suspected[venue].append(float(sum(isinstance(event, Suspected) for event in told)))
                late[venue].append(last_suspicion_ms(desk, cut_ns, healed_ns))
        report.never("links called dead", dead, of=runs)
        report.never("switches fired by us", fired, of=runs)
        report.take("suspicions", suspected, 0.0 if length_s < 0.2 else 1.0, unit="")
        report.take("last suspicion after healing", late, ROUND_TRIP_MS)
        truth(report, field)


def last_suspicion_ms(desk: Desk, cut_ns: int, healed_ns: int) -> float:
    """How long after healing the guard still began to suspect; 0 when it did not."""
    times = [event.at_ns for event in desk.events if isinstance(event, Suspected) and event.at_ns >= cut_ns]
    return max([milliseconds(healed_ns, at_ns) for at_ns in times] + [0.0])


@scenario("H01", "an outage of 150 ms")
def cut_150_ms(report: Report, runs: int) -> None:
    blip(report, runs, 0.15)


@scenario("H02", "an outage of 500 ms", gate=True)
def cut_500_ms(report: Report, runs: int) -> None:
    blip(report, runs, 0.5)
