"""Group H: outages that heal. What is short must cost nothing, and what heals must be used again."""

from __future__ import annotations

import os
from contextlib import ExitStack

from promises.desk import Desk, milliseconds

from faults.field import Field, fields, pass_time, pass_until
from faults.machine import undisturbed
from faults.network import AS_KEPT, FACTOR, fired_by_us, per_venue, rearm_target, truth
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkDead, LinkLost, LinkRole, Suspected, VenueName
from killcord.sim import JournalKind

ROUND_TRIP_MS = 20.0
RESENT = "what was lost is sent again by the kernels, up to as long after the outage as that was; until then nothing is heard"
GIVEN_UP = "the user timeout is 5 s unless set otherwise, and an outage as long as that may meet it"
SLOW_REPAIR = "a kernel sends one lost packet again after about 300 ms, and 250 ms more than the round trip is suspect"
HALF_S = ROUND_TRIP_MS / 2000


def blip(report: Report, runs: int, length_s: float) -> None:
    """An outage so short that nothing may come of it."""
    fired: list[str] = []
    lost: list[str] = []
    dead = per_venue()
    suspected = per_venue()
    late = per_venue()
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
                lost += [f"{venue.value}: {event}" for event in told if isinstance(event, LinkLost) and is_guarding(event)]
                dead[venue].append(float(sum(isinstance(event, LinkDead) for event in told)))
                suspected[venue].append(float(sum(isinstance(event, Suspected) for event in told)))
                late[venue].append(last_suspicion_ms(desk, cut_ns, healed_ns))
        report.never("closes of ours where closing is the trip", fired, of=runs)
        if length_s < 0.2:
            report.never("guarding links lost", lost, of=runs)
        report.take("links called dead", dead, 0.0, unit="", note=RESENT)
        report.take("suspicions", suspected, 0.0 if length_s < 0.2 else 1.0, unit="", note=RESENT)
        report.take("last suspicion after healing", late, ROUND_TRIP_MS, note=RESENT)
        truth(report, field)


def is_guarding(event: LinkLost) -> bool:
    """Not a dial that was given up, and not the order link."""
    return event.loss.role is LinkRole.GUARD and event.link_epoch == event.epoch


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


@scenario("H03", "an outage of 1.5 s")
def cut_1500_ms(report: Report, runs: int) -> None:
    kept(report, runs, 1.5)


@scenario("H04", "an outage of 5 s")
def cut_5_s(report: Report, runs: int) -> None:
    kept(report, runs, 5.0)


def kept(report: Report, runs: int, length_s: float) -> None:
    """At the venues' own pace, where all of them wait longer than that. Nothing may be cancelled: where closing is the trip the
    old link goes on.
    """
    armed = per_venue()
    fired: list[str] = []
    tripped: list[str] = []
    with fields(1.0, delay=HALF_S) as field:
        for _ in range(runs):
            field.armed()
            field.phase()
            marks = field.marks()
            cut_ns = field.line.cut()
            pass_until(cut_ns + int(length_s * 1e9))
            healed_ns = field.line.heal()
            for venue, took_ms in field.rearmed(healed_ns).items():
                armed[venue].append(took_ms)
            fired += fired_by_us(field, marks)
            tripped += trips(field, marks)
        report.take("closes of ours where closing is the trip", [float(len(fired))], 0.0, unit="", note=GIVEN_UP)
        tripped = [what for what in tripped if what not in fired]
        report.never("switches that fired by themselves", tripped, of=runs)
        targets = {**rearm_target(), VenueName.BYBIT: rearm_target()[VenueName.KRAKEN]}
        report.take("healed to armed", armed, targets, note=AS_KEPT)
        truth(report, field)


def trips(field: Field, marks: dict[VenueName, int]) -> list[str]:
    """Every switch that fired since then."""
    return [
        f"{venue.value}: {note.detail}"
        for venue, desk in field.desks.items()
        for note in desk.exchange.journal(marks[venue])
        if note.kind is JournalKind.TRIPPED
    ]


MINUTES = float(os.environ.get("KILLCORD_FAULT_MINUTES", "1"))
"""How long the scenarios that count per hour are played, per run. The matrix asks for 10, and for 10 connection-hours in H07."""
EACH = 8
"""So many guards at each venue in H07, so that an hour of the clock is many connection-hours."""


def counted(field: Field, report: Report, marks: dict[VenueName, int], since_ns: int, minutes: float) -> None:
    """What happened on a bad line, per hour of a connection."""
    for name, kind in (("links called dead", LinkDead), ("suspicions", Suspected)):
        rates = {}
        for venue, desk in field.desks.items():
            desk.events += desk.guard.drain_events(most=4096)
            count = sum(isinstance(event, kind) and event.at_ns >= since_ns for event in desk.events)
            rates[venue] = [count / minutes * 60]
        report.take(f"{name}, per hour", rates, None, unit="/h")
    report.never("closes of ours where closing is the trip", fired_by_us(field, marks), of=1)
    truth(report, field)


@scenario("H05", "a tenth of all packets is lost, both ways")
def loses_a_tenth(report: Report, runs: int) -> None:
    minutes = MINUTES * runs
    with fields(1.0, delay=HALF_S) as field:
        field.line.set(loss=0.1)
        marks, began_ns = field.marks(), next(iter(field.desks.values())).exchange.now_ns()
        pass_time(minutes * 60)
        field.line.set(loss=0.0)
        counted(field, report, marks, began_ns, minutes)


@scenario("H06", "three tenths of all packets are lost, both ways")
def loses_a_third(report: Report, runs: int) -> None:
    """How often the phase changes, and that the venue refuses nothing."""
    minutes = MINUTES * runs
    with fields(1.0, delay=HALF_S) as field:
        field.line.set(loss=0.3)
        marks, began_ns = field.marks(), next(iter(field.desks.values())).exchange.now_ns()
        pass_time(minutes * 60)
        field.line.set(loss=0.0)
        flaps = {}
        refused: list[str] = []
        for venue, desk in field.desks.items():
            desk.events += desk.guard.drain_events(most=4096)
            told = [event for event in desk.events if event.at_ns >= began_ns]
            flaps[venue] = [sum(isinstance(event, LinkDead) for event in told) / minutes]
            notes = desk.exchange.journal(marks[venue])
            refused += [f"{venue.value}: {note.detail}" for note in notes if note.kind is JournalKind.REFUSED]
        report.take("links called dead, per minute", flaps, 6.0, unit="/min")
        report.never("refusals by the venue, a ban among them", refused, of=1)
        truth(report, field)


@scenario("H07", "round trip 50 ms, 10 ms more or less, one packet in a hundred lost")
def ordinary_bad_line(report: Report, runs: int) -> None:
    """Many guards at each venue, each with an account of its own."""
    minutes = MINUTES * runs
    dead: list[str] = []
    lost: list[str] = []
    suspicions = 0
    with fields(1.0, delay=0.02, jitter=0.01) as field, ExitStack() as stack:
        desks = list(field.desks.values())
        for desk in list(desks):
            for number in range(EACH - 1):
                with field.near.inside():
                    account = desk.exchange.add_account(f"more {number}")
                    desks.append(stack.enter_context(Desk(desk.exchange, account=account)))
        for desk in desks:
            desk.armed()
        field.line.set(loss=0.01)
        began_ns = desks[0].exchange.now_ns()
        for _ in range(max(1, round(minutes * 6))):
            pass_time(10.0)
            for desk in desks:
                desk.events += desk.guard.drain_events(most=4096)
        for desk in desks:
            told = [event for event in desk.events if event.at_ns >= began_ns]
            dead += [f"{desk.exchange.venue.value}: {event}" for event in told if isinstance(event, LinkDead)]
            lost += [f"{desk.exchange.venue.value}: {event}" for event in told if isinstance(event, LinkLost)]
            suspicions += sum(isinstance(event, Suspected) for event in told)
        hours = (desks[0].exchange.now_ns() - began_ns) / 3.6e12 * len(desks)
        report.never("links called dead that were not", dead, of=len(desks))
        report.never("links lost", lost, of=len(desks))
        report.take("connection-hours", [hours], None, unit="h")
        report.take("suspicions, per hour", [suspicions / hours], 10.0, unit="/h", note=SLOW_REPAIR)
        truth(report, field)


@scenario("H08", "the round trip steps from 20 to 300 ms, and back")
def steps(report: Report, runs: int) -> None:
    with fields(1.0, delay=HALF_S) as field:
        marks, began_ns = field.marks(), next(iter(field.desks.values())).exchange.now_ns()
        for _ in range(runs):
            field.line.set(delay=0.15)
            pass_time(5.0 + field.chance.random())
            field.line.set(delay=HALF_S)
            pass_time(5.0 + field.chance.random())
        undisturbed(report, field, marks, began_ns, runs)


@scenario("H12", "one packet in a hundred comes twice, one in twenty overtakes others")
def twice_and_out_of_order(report: Report, runs: int) -> None:
    with fields(1.0, delay=HALF_S, jitter=0.005) as field:
        field.line.set(duplicate=0.01, reorder=0.05)
        marks, began_ns = field.marks(), next(iter(field.desks.values())).exchange.now_ns()
        pass_time(20.0 * runs)
        undisturbed(report, field, marks, began_ns, runs)
