"""Group N, the rest: what happens to the guards' own network, and what routers do over time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from promises.desk import milliseconds

from exits.holder import now_ns
from faults.field import DEVICE, HERE, SESSION_BOUND, THERE, Field, fields, pass_time, pass_until
from faults.network import (
    FACTOR,
    SUSPECT_MS,
    Break,
    dials_between,
    fired_by_us,
    outages,
    per_venue,
    rearm_target,
    truth,
)
from faults.report import Report
from faults.scenario import scenario
from faults.wire import UP
from killcord import Fed, LinkDead, LinkLost, LinkRole, Suspected, VenueName
from killcord.sim import JournalKind

AT_ONCE_MS = 20.0
QUEUED = "a kernel that is kept waiting by a full queue gives up after the user timeout, 5 s unless set otherwise"
"""Why a line this bad may cost a link: what was written must not stay deliverable for longer."""
NO_EVENTS = f"killcord does not watch devices and routes; a ping that stays away tells it, within {SUSPECT_MS:g} ms"
"""Why a fault of the machine itself is not suspected at once."""
SECOND_NS = 1_000_000_000


def by_ip(*words: str, near: bool = True) -> Break:
    """Breaks by an ``ip`` command on one of the two machines."""

    def breaks(field: Field) -> int:
        at_ns = now_ns()
        (field.near if near else field.far).ip(*words)
        return at_ns

    return breaks


def restored(field: Field) -> int:
    """Device, address and route as they were, on both machines. When the last command was given."""
    at_ns = now_ns()
    for namespace, address in ((field.near, HERE), (field.far, THERE)):
        at_ns = now_ns()
        namespace.ip("link", "set", DEVICE, "up")
        with suppress(OSError):
            namespace.ip("address", "add", f"{address}/32", "dev", DEVICE)
        namespace.ip("route", "replace", "default", "dev", DEVICE)
    return at_ns


def own_fault(report: Report, runs: int, *words: str) -> None:
    """A fault that the guards' own machine knows of at once."""
    outages(report, runs, by_ip(*words), restored, suspect_ms=AT_ONCE_MS, note=NO_EVENTS)


@scenario("N01", "the device of the guards' machine is switched off")
def device_down(report: Report, runs: int) -> None:
    own_fault(report, runs, "link", "set", DEVICE, "down")


@scenario("N03", "the device of the venue's machine is switched off")
def far_device_down(report: Report, runs: int) -> None:
    outages(report, runs, by_ip("link", "set", DEVICE, "down", near=False), restored)


@scenario("N04", "the address of the guards' machine is taken away, and given back")
def address_gone(report: Report, runs: int) -> None:
    own_fault(report, runs, "address", "del", f"{HERE}/32", "dev", DEVICE)


@scenario("N05", "the default route of the guards' machine is deleted")
def route_gone(report: Report, runs: int) -> None:
    own_fault(report, runs, "route", "del", "default")


@scenario("N06", "the default route of the guards' machine leads nowhere")
def route_blackholed(report: Report, runs: int) -> None:
    own_fault(report, runs, "route", "replace", "blackhole", "default")


@scenario("N11", "the router answers: no such host")
def unreachable(report: Report, runs: int) -> None:
    outages(report, runs, lambda field: field.line.set(UP, refuse="unreachable"))


@scenario("N12", "a firewall answers: prohibited")
def prohibited(report: Report, runs: int) -> None:
    outages(report, runs, lambda field: field.line.set(UP, refuse="icmp"))


@scenario("N19", "the line flaps: 300 ms down, 300 ms up, for a minute")
def flapping(report: Report, runs: int) -> None:
    """At the venues' real pace, where a countdown is a minute long."""
    dials = per_venue()
    trips = per_venue()
    refused: list[str] = []
    armed = per_venue()
    with fields(1.0, delay=0.01) as field:
        marks, began_ns = field.marks(), now_ns()
        while now_ns() < began_ns + 60 * SECOND_NS:
            pass_until(field.line.cut() + 300_000_000)
            pass_until(field.line.heal() + 300_000_000)
        healed_ns = now_ns()
        field.armed()
        for venue, desk in field.desks.items():
            desk.events += desk.guard.drain_events(most=4096)
            notes = desk.exchange.journal(marks[venue])
            dials[venue].append(dials_between(desk, began_ns, healed_ns))
            trips[venue].append(float(sum(note.kind is JournalKind.TRIPPED for note in notes)))
            refused += [f"{venue.value}: {note.detail}" for note in notes if note.kind is JournalKind.REFUSED]
            armed[venue].append(max(0.0, milliseconds(healed_ns, now_ns())))
        report.take("switches that fired", trips, 0.0, unit="")
        report.take("dials", dials, None, unit="")
        report.never("refusals by the venue, a ban among them", refused, of=1)
        truth(report, field)


@scenario("N21", "connections cannot be opened, and those there are end")
def no_openings(report: Report, runs: int) -> None:
    armed = per_venue()
    with fields(FACTOR, delay=0.01) as field:
        for _ in range(runs):
            field.armed()
            field.line.set(UP, cut_opening=True)
            broken_ns = now_ns()
            for desk in field.desks.values():
                desk.exchange.reset()
            field.each(lambda desk: desk.told(LinkLost, broken_ns, lambda event: event.loss.role is LinkRole.GUARD))
            pass_until(broken_ns + int(field.chance.uniform(4.0, 7.0) * 1e9))
            for venue, took_ms in field.rearmed(field.line.heal()).items():
                armed[venue].append(took_ms)
        report.take("healed to armed", armed, rearm_target())
        truth(report, field)


@scenario("N23", "a router forgets a flow that was silent for 5 s, and the application is silent for 20 s")
def forgetful_router(report: Report, runs: int) -> None:
    with fields(1.0, delay=0.01) as field:
        field.line.set(UP, forget_after=5.0)
        marks, began_ns = field.marks(), now_ns()
        pass_time(20.0 * runs)
        undisturbed(report, field, marks, began_ns, runs)


@scenario("N24", "256 kbit/s, shared with a bulk transfer that fills two seconds of queue")
def narrow_line(report: Report, runs: int) -> None:
    with fields(1.0, venues=SESSION_BOUND, delay=0.01) as field:
        field.line.set(UP, rate=32_000.0, queue=2.0)
        marks = field.marks()
        with bulk(field) as sent:
            pass_time(15.0 * runs)
            report.take("bulk sent", [sent() / 1000], None, unit="kB")
        fired = [float(len(fired_by_us(field, marks)))]
        report.take("closes of ours where closing is the trip", fired, 0.0, unit="", note=QUEUED)
        tripped = [
            f"{venue.value}: {note.detail}"
            for venue, desk in field.desks.items()
            for note in desk.exchange.journal(marks[venue])
            if note.kind is JournalKind.TRIPPED and not note.detail.startswith("client")
        ]
        report.never("switches that fired by themselves", tripped, of=runs)
        truth(report, field)


@contextmanager
def bulk(field: Field) -> Iterator[Callable[[], int]]:
    """A transfer that takes all the room there is, as an ordinary program's would. Gives how many bytes were handed over."""
    with field.far.inside():
        listener = socket.create_server((THERE, 0))
    with field.near.inside():
        sender = socket.create_connection(listener.getsockname())
    receiver, _ = listener.accept()
    over, count = threading.Event(), [0]
    # What fills a queue. The other common one backs off before it does.
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    sender.settimeout(0.2)
    receiver.settimeout(0.2)

    def send() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                count[0] += sender.send(bytes(16384))

    def receive() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                receiver.recv(65536)

    threads = [threading.Thread(target=send, daemon=True), threading.Thread(target=receive, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: count[0]
    finally:
        over.set()
        for thread in threads:
            thread.join()
        for each in (sender, receiver, listener):
            each.close()


@scenario("N25", "a cut as long as the countdown, a little less, a little more")
def countdown_edge(report: Report, runs: int) -> None:
    """The countdown, six seconds here: whether it fires, and when, lies inside what the guard published at the cut."""
    window_s, every_s = 60 * FACTOR, 15 * FACTOR
    outside: list[str] = []
    fired, judged = 0, 0
    for length_s in (window_s - 2 * every_s, window_s - every_s, window_s - 0.1, window_s, window_s + 0.1, window_s + 1.0):
        with fields(FACTOR, venues=[VenueName.KRAKEN]) as field:
            desk = field.desks[VenueName.KRAKEN]
            for _ in range(runs):
                field.armed()
                field.phase(every_s)
                marks, cut_ns = field.marks(), field.line.cut()
                pass_until(cut_ns + 200_000_000)
                bounds = desk.guard.snapshot.trip_bounds
                assert bounds is not None, desk.story()
                pass_until(cut_ns + int(length_s * 1e9))
                healed_ns = field.line.heal()
                field.rearmed(healed_ns)
                fed_ns = desk.told(Fed, healed_ns).at_ns
                trips = [n for n in desk.exchange.journal(marks[VenueName.KRAKEN]) if n.kind is JournalKind.TRIPPED]
                judged += 1
                fired += bool(trips)
                late_ns = int(field.desks[VenueName.KRAKEN].exchange.endpoints.time_factor * SECOND_NS)
                if trips and not bounds.earliest_ns <= trips[0].at_ns <= bounds.latest_ns + late_ns:
                    outside.append(f"fired at {trips[0].at_ns}, outside {bounds}")
                if not trips and fed_ns > bounds.latest_ns + late_ns:
                    outside.append(f"never fired, and was fed only at {fed_ns}, after {bounds}")
            truth(report, field, f", cut of {length_s:g} s")
    report.never("outcomes outside the published interval", outside, of=judged)
    report.take("cuts after which it had fired", [float(fired)], None, unit="")


@scenario("N26", "packets longer than 1280 bytes vanish without a word")
def short_packets_only(report: Report, runs: int) -> None:
    """A link that is up is not touched, and one that ends is opened again: a resumed TLS session needs no long packet."""
    armed = per_venue()
    with fields(FACTOR, delay=0.01) as field:
        field.line.set(longest=1280)
        marks, began_ns = field.marks(), now_ns()
        pass_time(5.0)
        undisturbed(report, field, marks, began_ns, 1)
        for _ in range(runs):
            reset_ns = now_ns()
            for desk in field.desks.values():
                desk.exchange.reset()
            for venue, took_ms in field.rearmed(reset_ns).items():
                armed[venue].append(took_ms)
        report.take("link reset to armed, on a resumed session", armed, rearm_target())
        truth(report, field, ", over all")


def undisturbed(report: Report, field: Field, marks: dict[VenueName, int], since_ns: int, of: int) -> None:
    """Nothing was called dead, no link was lost, no switch fired."""
    dead: list[str] = []
    lost: list[str] = []
    tripped: list[str] = []
    suspected = per_venue()
    for venue, desk in field.desks.items():
        desk.events += desk.guard.drain_events(most=4096)
        told = [event for event in desk.events if event.at_ns >= since_ns]
        dead += [f"{venue.value}: {event}" for event in told if isinstance(event, LinkDead)]
        lost += [f"{venue.value}: {event}" for event in told if isinstance(event, LinkLost)]
        suspected[venue].append(float(sum(isinstance(event, Suspected) for event in told)))
        notes = desk.exchange.journal(marks[venue])
        tripped += [f"{venue.value}: {note.detail}" for note in notes if note.kind is JournalKind.TRIPPED]
    report.never("links called dead", dead, of=of)
    report.never("links lost", lost, of=of)
    report.never("switches that fired", tripped, of=of)
    report.take("suspicions", {venue: ones for venue, ones in suspected.items() if venue in field.desks}, None, unit="")
    truth(report, field)
