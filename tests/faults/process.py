"""Groups T and R: what happens to the guards' process, its share of the machine and what it may have of it."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from promises.desk import Desk, milliseconds

from exits.holder import now_ns
from exits.row import Row, Scene
from faults.field import fields, pass_time, pass_until
from faults.network import FACTOR, per_venue, rearm_target, truth
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkLost, LinkRole, VenueName
from killcord.sim import Exchange, JournalEntry, JournalKind

GROUPS = Path("/sys/fs/cgroup")

LOOKS = """
made = armed()
say("ready")
for line in sys.stdin:
    for guard in made:
        told = guard.drain_events(most=4096)
        say("told", venue=guard.snapshot.venue.value, phase=guard.snapshot.phase.value, events=[
            [type(event).__name__, event.at_ns, getattr(event, "after", None) and event.after.value] for event in told
        ])
"""
"""A program that tells its events when it is asked."""


@contextmanager
def looking(factor: float, id: str) -> Iterator[tuple[Scene, dict[VenueName, Exchange]]]:
    """That program with four armed guards, over loopback."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        exchanges = {venue: stack.enter_context(Exchange(venue, factor=factor)) for venue in VenueName}
        scene = stack.enter_context(Scene(Row(id, id, LOOKS), exchanges, folder))
        scene.begin()
        scene.waits_for("ready")
        yield scene, exchanges


def told(scene: Scene) -> dict[VenueName, list[tuple[str, int, str | None]]]:
    """The events since the last time."""
    scene.tell("look")
    found = {}
    for _ in VenueName:
        line = scene.waits_for("told")
        events = json.loads(json.dumps(line["events"]))
        found[VenueName(str(line["venue"]))] = [(name, at_ns, after) for name, at_ns, after in events]
    return found


def pauses(report: Report, runs: int, id: str, stops: Callable[[int], None], goes_on: Callable[[int], None]) -> None:
    """The process stands still at the venues' own pace, for longer and shorter than the limit of 0.5 s."""
    for length_s in (0.3, 1.0, 3.0) if runs > 1 else (1.0,):
        rearmed = per_venue()
        trips: list[str] = []
        late_withdrawal: list[str] = []
        with looking(1.0, id) as (scene, exchanges):
            for _ in range(runs):
                told(scene)
                marks = {venue: len(exchange.journal()) for venue, exchange in exchanges.items()}
                stops(scene.process.pid)
                pass_time(length_s)
                on_ns = now_ns()
                goes_on(scene.process.pid)
                pass_until(on_ns + 2_500_000_000)
                for venue, events in told(scene).items():
                    after = [event for event in events if event[1] >= on_ns]
                    if length_s > 0.5:
                        late_withdrawal += [] if withdraws(after) else [f"{venue.value}: {after[:3]}"]
                        again = [at_ns for name, at_ns, phase in after if name == "PhaseChanged" and phase == "armed"]
                        rearmed[venue] += [milliseconds(on_ns, again[0])] if again else []
                    notes = exchanges[venue].journal(marks[venue])
                    trips += [f"{venue.value}: {note.detail}" for note in notes if note.kind is JournalKind.TRIPPED]
        what = f", stopped for {length_s:g} s"
        report.never(f"switches that fired{what}", trips, of=runs)
        if length_s > 0.5:
            report.never(f"first words that did not withdraw the claim{what}", late_withdrawal, of=runs * len(VenueName))
            report.take(f"going on to armed{what}", rearmed, {**rearm_target(), VenueName.BYBIT: 1300.0})


def withdraws(events: list[tuple[str, int, str | None]]) -> bool:
    """The phase leaves what claims before anything but its reason is told."""
    for name, _, phase in events:
        if name == "PhaseChanged":
            return phase not in ("armed", "suspect")
        if name not in ("Stalled", "GapOpened", "Permit"):
            return False
    return False


@scenario("T01", "the guards' process is stopped by a signal, and goes on", gate=True, needs_network=False)
def stopped_by_signal(report: Report, runs: int) -> None:
    pauses(report, runs, "T01", lambda pid: os.kill(pid, signal.SIGSTOP), lambda pid: os.kill(pid, signal.SIGCONT))


@contextmanager
def group(kind: str) -> Iterator[Path]:
    """A control group of our own, taken away afterwards."""
    path = GROUPS / kind / f"killcord-faults-{os.getpid()}-{time.monotonic_ns()}"
    path.mkdir()
    try:
        yield path
    finally:
        for _ in range(100):
            if not (path / "tasks").read_text().split():
                break
            pass_time(0.05)
        path.rmdir()


def no_group(kind: str) -> str:
    """Why there is none; empty when there is."""
    try:
        with group(kind) as path:
            return "" if (path / "tasks").exists() else f"no control group of the first version for {kind}"
    except OSError as error:
        return f"no control group for {kind}: {error.strerror}"


@scenario("T02", "the guards' process is frozen by a control group, and thawed", needs_network=False)
def frozen(report: Report, runs: int) -> None:
    if why := no_group("freezer"):
        report.skip(why)
        return
    with group("freezer") as path:

        def freeze(pid: int) -> None:
            (path / "cgroup.procs").write_text(str(pid))
            (path / "freezer.state").write_text("FROZEN")

        pauses(report, runs, "T02", freeze, lambda pid: void((path / "freezer.state").write_text("THAWED")))


def void(_: object) -> None:
    """For where nothing is to be returned."""


@scenario("T08", "a fifth of a core, shared with a program that takes all it can", needs_network=False)
def throttled(report: Report, runs: int) -> None:
    """Nothing may fire, and heartbeats are answered in the venue's time."""
    if why := no_group("cpu"):
        report.skip(why)
        return
    trips: list[str] = []
    waited: dict[VenueName, list[float]] = {VenueName.CRYPTO_COM: [], VenueName.DERIBIT: []}
    with group("cpu") as path, looking(0.1, "T08") as (scene, exchanges):
        (path / "cpu.cfs_period_us").write_text("100000")
        (path / "cpu.cfs_quota_us").write_text("20000")
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as hog:
            try:
                marks = {venue: len(exchange.journal()) for venue, exchange in exchanges.items()}
                for pid in (hog.pid, scene.process.pid):
                    (path / "cgroup.procs").write_text(str(pid))
                pass_time(10.0 * runs)
                (path / "cpu.cfs_quota_us").write_text("-1")
            finally:
                hog.kill()
        for venue, exchange in exchanges.items():
            notes = exchange.journal(marks[venue])
            trips += [f"{venue.value}: {note.detail}" for note in notes if note.kind is JournalKind.TRIPPED]
            if venue in waited:
                waited[venue] += answers_ms(notes)
        scene.process.kill()
        scene.process.wait()
    report.never("switches that fired", trips, of=runs)
    report.take("heartbeat request to answer", waited, 150.0)


def answers_ms(notes: list[JournalEntry]) -> list[float]:
    """How long each heartbeat request waited for a sign of life."""
    waits: list[float] = []
    asked_ns: int | None = None
    for note in notes:
        if note.kind is JournalKind.HEARTBEAT and asked_ns is None:
            asked_ns = note.at_ns
        elif note.kind is JournalKind.LIFE_SIGN and asked_ns is not None:
            waits.append(milliseconds(asked_ns, note.at_ns))
            asked_ns = None
    return waits


HUNGRY = """
import resource
made = armed()
for guard in made:
    guard.drain_events(most=4096)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
held = []
try:
    while True:
        held.append(os.dup(0))
except OSError:
    pass
say("hungry", held=len(held))
sys.stdin.readline()
for number in held:
    os.close(number)
say("fed")
stay()
"""


@scenario("R04", "the application has used up every descriptor, and the links end", needs_network=False)
def no_descriptors(report: Report, runs: int) -> None:
    """While there is none a link cannot be made; once there is, it is."""
    meanwhile: dict[VenueName, list[float]] = per_venue()
    after = per_venue()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        exchanges = {venue: stack.enter_context(Exchange(venue, factor=FACTOR)) for venue in VenueName}
        with Scene(Row("R04", "no descriptors", HUNGRY), exchanges, folder) as scene:
            scene.begin()
            scene.waits_for("hungry")
            marks = {venue: len(exchange.journal()) for venue, exchange in exchanges.items()}
            for exchange in exchanges.values():
                exchange.reset()
            pass_time(3.0)
            for venue, exchange in exchanges.items():
                kinds = [note.kind for note in exchange.journal(marks[venue])]
                meanwhile[venue].append(float(JournalKind.SWITCH_SET in kinds))
            scene.tell("go on")
            fed = scene.waits_for("fed")
            fed_ns = int(str(fed["at_ns"]))
            for venue, exchange in exchanges.items():
                entry = exchange.wait_for(JournalKind.SWITCH_SET, since=marks[venue], timeout_s=30)
                after[venue].append(max(0.0, milliseconds(fed_ns, entry.at_ns)))
    report.take("armed again with no descriptor left (1: yes)", meanwhile, None, unit="")
    report.take("descriptors free to switch set", after, rearm_target())


@scenario("R07", "the machine has no local port left, and the links end")
def no_ports(report: Report, runs: int) -> None:
    armed = per_venue()
    local: list[str] = []
    with fields(FACTOR) as field:
        ports = "/proc/sys/net/ipv4/ip_local_port_range"
        for _ in range(runs):
            field.armed()
            with field.near.inside():
                before = Path(ports).read_text()
                # Two that nobody may have: everything below 1024 is too, so that no other is tried.
                Path(ports).write_text("1024 1025")
            field.near.run("sh", "-c", "echo 1024-1025 > /proc/sys/net/ipv4/ip_local_reserved_ports")
            broken_ns = now_ns()
            for desk in field.desks.values():
                desk.exchange.reset()
            field.each(lambda desk: desk.told(LinkLost, broken_ns, lambda event: event.loss.role is LinkRole.GUARD))
            pass_until(broken_ns + 3_000_000_000)
            for venue, desk in field.desks.items():
                desk.events += desk.guard.drain_events(most=4096)
                causes = {event.loss.cause.value for event in desk.events if isinstance(event, LinkLost) and event.at_ns > broken_ns}
                local += [] if "local" in causes else [f"{venue.value}: {causes}"]
            healed_ns = now_ns()
            field.near.run("sh", "-c", "echo > /proc/sys/net/ipv4/ip_local_reserved_ports")
            with field.near.inside():
                Path(ports).write_text(before)
            for venue, took_ms in field.rearmed(healed_ns).items():
                armed[venue].append(took_ms)
        report.never("guards that did not say that ports are missing", local, of=runs * len(field.desks))
        report.take("ports free to armed", armed, rearm_target())
        truth(report, field)


CROWDED = """
import traceback
made = guards()
try:
    open(sys.argv[-1] + "/pids.max", "w").write(str(len(open(sys.argv[-1] + "/tasks").read().split())))
    more = Guard(made[0].venue)
    more.start()
    say("started")
except BaseException as error:
    say("refused", error=type(error).__name__)
open(sys.argv[-1] + "/pids.max", "w").write("max")
stay()
"""


@scenario("R08", "no thread can be started when a guard is built", needs_network=False)
def no_threads(report: Report, runs: int) -> None:
    if why := no_group("pids"):
        report.skip(why)
        return
    found: list[str] = []
    with ExitStack() as stack:
        path = stack.enter_context(group("pids"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        exchanges = {venue: stack.enter_context(Exchange(venue, factor=FACTOR)) for venue in VenueName}
        program = CROWDED.replace("sys.argv[-1]", repr(str(path)))
        with Scene(Row("R08", "no threads", program), exchanges, folder) as scene:
            (path / "cgroup.procs").write_text(str(scene.process.pid))
            scene.tell(json.dumps(scene._where))
            try:
                word = scene.waits_for("refused")
                found += [] if word["error"] == "StartFailed" else [f"was refused as {word['error']}"]
            except AssertionError as error:
                found.append(str(error)[-500:])
    report.never("starts that did not end as StartFailed", found, of=1)


def resident_kb() -> int:
    """What this process has in memory."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


RECONNECTS = 15
"""With each of several venues: more would meet the limit of dials, which a guard keeps. The matrix asks for 2,000 in all."""
VENUES = 4
"""Per run."""


@scenario("R09", "one link after another: memory, descriptors, threads", needs_network=False, alone=True)
def reconnects(report: Report, runs: int) -> None:
    reconnected()
    gc.collect()
    kb, descriptors, tasks = resident_kb(), count("fd"), count("task")
    links = sum(reconnected() for _ in range(VENUES * runs))
    gc.collect()
    report.take("memory per link, venue's side included", [max(0.0, resident_kb() - kb) / links], 8.0, unit="KiB")
    report.take("descriptors more", [float(count("fd") - descriptors)], 0.0, unit="")
    report.take("threads more", [float(count("task") - tasks)], 0.0, unit="")
    report.take("links", [float(links)], None, unit="")


def reconnected() -> int:
    """A guard and its venue, through so many links."""
    with Exchange(VenueName.KRAKEN, factor=0.01) as exchange, Desk(exchange) as desk:
        for _ in range(RECONNECTS):
            desk.armed()
            since_ns = desk.exchange.now_ns()
            desk.exchange.reset()
            desk.told(LinkLost, since_ns)
        desk.armed()
    return RECONNECTS


def count(what: str) -> int:
    """How many descriptors or threads this process has."""
    return len(os.listdir(f"/proc/self/{what}"))
