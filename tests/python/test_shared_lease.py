"""Shared leases with real processes: who renews, who is gone and how, and what a page may look like before it is used."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from guarded import FACTOR, guard_of

from killcord import (
    AttachedLease,
    ConfigError,
    Event,
    Guard,
    KillEnded,
    LeaseDoubted,
    LeaseLapsed,
    LeaseTaken,
    NotApplicable,
    PageFault,
    Phase,
    PhaseTimeout,
    SharedLease,
)
from killcord.sim import Exchange

ROOT = Path(__file__).parents[2]
BUDGET_S = 0.3
SLACK_NS = 50_000_000
"""A lapse is noticed this soon after the budget, the time between two looks included."""

OWNER = """
import sys
from killcord import SharedLease
with SharedLease(sys.argv[1], "quoter").claim() as owner:
    print(owner.took_over.value if owner.took_over else "nobody", flush=True)
    for line in sys.stdin:
        print(owner.renew(int(line)), flush=True)
"""
"""Claims the page, then renews with each number it is told."""


@pytest.fixture
def path() -> Iterator[Path]:
    """Where files live in memory, as the documents advise."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder) / "quoter.lease"


@pytest.fixture
def guard() -> Iterator[Guard]:
    """Armed, without asyncio."""
    with Exchange("deribit", factor=FACTOR) as exchange:
        guard = guard_of(exchange)
        guard.start()
        guard.wait_phase(Phase.ARMED, 20)
        yield guard
        guard.stop()


class Owner:
    """Another process that claims the page and renews on command."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.found = self.said()

    def said(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def renew(self, progress: int) -> bool:
        """Renews once, and says whether it was written."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{progress}\n")
        self.process.stdin.flush()
        return self.said() == "True"

    def end(self) -> None:
        """Lets it leave its ``with`` block."""
        self.process.communicate(timeout=20)


@contextmanager
def owner_of(path: Path) -> Iterator[Owner]:
    """An owner that is gone at the end."""
    owner = Owner(path)
    try:
        yield owner
    finally:
        owner.process.kill()
        owner.process.communicate()


def renew_until_permitted(guard: Guard, owner: Owner) -> None:
    """The first look only remembers, so one renewal is not enough."""
    progress = count(1)

    def permitted() -> bool:
        assert owner.renew(next(progress))
        state = guard.snapshot
        return state.permit and all(lease.renewed_at_ns is not None for lease in state.leases) and len(state.leases) > 0

    wait_for(permitted)


def wait_for(happened: Callable[[], bool], patience_s: float = 20) -> None:
    """Looks until it has."""
    end = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < end, "not within the patience of this test"
        threading.Event().wait(0.001)


def told_until(guard: Guard, kind: type[Event]) -> list[Event]:
    """Everything up to the first event of this kind."""
    told: list[Event] = []
    while not any(isinstance(event, kind) for event in told):
        fresh = guard.drain_events(timeout_s=20)
        assert fresh, told
        told += fresh
    return told


def doubts(told: list[Event]) -> list[PageFault]:
    """Why the page proved nothing."""
    return [event.why for event in told if isinstance(event, LeaseDoubted)]


# Who is gone, and how.


def test_a_snapshot_shows_every_lease(guard: Guard, path: Path) -> None:
    assert list(guard.snapshot.leases) == []
    own = guard.lease("hedger", budget_s=5)
    guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    assert own.renew(1)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        hedger, quoter = guard.snapshot.leases
        assert (hedger.name, hedger.budget_s, hedger.lapsed, hedger.doubt) == ("hedger", 5, False, None)
        assert hedger.renewed_at_ns is not None
        assert hedger.due_ns == hedger.renewed_at_ns + 5_000_000_000
        assert (quoter.name, quoter.budget_s) == ("quoter", BUDGET_S)
    told_until(guard, LeaseLapsed)
    wait_for(lambda: guard.snapshot.leases[1].lapsed)
    assert guard.snapshot.leases[1].doubt is PageFault.OWNER_DIED and not guard.snapshot.leases[0].lapsed


def test_another_process_renews_and_orders_wait_for_it(guard: Guard, path: Path) -> None:
    attached = guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    assert (attached.name, attached.budget_s, attached.lapsed) == ("quoter", BUDGET_S, False)
    assert "not renewed yet" in repr(attached)
    wait_for(lambda: not guard.snapshot.permit)
    with owner_of(path) as owner:
        assert owner.found == "nobody"
        renew_until_permitted(guard, owner)
        progress = count(1_000_000)
        over = time.monotonic() + 2 * BUDGET_S
        wait_for(lambda: owner.renew(next(progress)) and time.monotonic() > over)
        assert guard.snapshot.permit and not attached.lapsed and attached.gaps.count > 0
        attached.close("the day is over")
        owner.end()
        with pytest.raises(PhaseTimeout):
            guard.wait_phase(set(Phase) - {Phase.ARMED}, 2 * BUDGET_S)


def test_an_owner_that_is_killed_is_found_dead_and_its_lease_lapses(guard: Guard, path: Path) -> None:
    guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        killed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        owner.process.send_signal(signal.SIGKILL)
        told = told_until(guard, KillEnded)
        assert doubts(told) == [PageFault.OWNER_DIED]
        (lapsed_ns,) = (event.at_ns for event in told if isinstance(event, LeaseLapsed))
        assert lapsed_ns - killed_ns <= BUDGET_S * 1e9 + SLACK_NS
        guard.wait_phase(Phase.TRIPPED, 20)
    with owner_of(path) as successor:
        assert successor.found == "owner_died"
        guard.wait_phase(Phase.TRIPPED, 20)
        guard.rearm(acknowledge="seen")
        renew_until_permitted(guard, successor)


def test_a_stopped_owner_lapses_and_is_never_revived(guard: Guard, path: Path) -> None:
    attached = guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        owner.process.send_signal(signal.SIGSTOP)
        told = told_until(guard, LeaseLapsed)
        assert doubts(told) == [], "it lives, it only does not get on"
        owner.process.send_signal(signal.SIGCONT)
        for progress in range(1000, 1100):
            owner.renew(progress)
        assert attached.lapsed and not guard.snapshot.permit


def test_a_constant_progress_does_not_count(guard: Guard, path: Path) -> None:
    attached = guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        assert owner.renew(7_000)
        while not attached.lapsed:
            assert not owner.renew(7_000)
        assert doubts(told_until(guard, LeaseLapsed)) == []


def test_an_owner_that_gives_the_page_up_is_not_called_dead(guard: Guard, path: Path) -> None:
    guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        owner.end()
        assert doubts(told_until(guard, LeaseLapsed)) == [PageFault.RELEASED]


def test_a_number_that_belongs_to_another_process_now_is_not_the_owner(guard: Guard, path: Path) -> None:
    shared = SharedLease(path, "quoter")
    with owner_of(path) as owner:
        owner.renew(1)
        rewrite(path, 24, (started(owner.process.pid) - 1).to_bytes(8, sys.byteorder))
        attached = guard.attach(shared, budget_s=BUDGET_S)
        assert wait_for_doubt(guard) is PageFault.PID_REUSED
        assert not guard.snapshot.permit and not attached.lapsed
    with owner_of(path) as successor:
        assert successor.found in ("pid_reused", "owner_died")
        renew_until_permitted(guard, successor)


def test_a_process_that_really_got_the_number_of_a_dead_owner_is_not_the_owner(path: Path) -> None:
    last_pid = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last_pid, os.W_OK):
        pytest.skip("needs to choose the number of the next process (ns_last_pid)")
    SharedLease(path, "quoter")
    with owner_of(path) as owner:
        number = owner.process.pid
        owner.process.kill()
        owner.process.wait()
    # Start times are told in hundredths of a second: the next process must not be started in the same one.
    over = time.monotonic() + 0.02
    wait_for(lambda: time.monotonic() > over)
    for _ in range(200):
        last_pid.write_text(str(number - 1))
        other = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        try:
            if other.pid == number:
                with SharedLease(path, "quoter").claim() as successor:
                    assert successor.took_over is PageFault.PID_REUSED
                return
        finally:
            other.communicate()
    pytest.skip("on a busy machine another process got the number first, 200 times")


def test_a_page_from_an_earlier_boot_has_no_owner(guard: Guard, path: Path) -> None:
    shared = SharedLease(path, "quoter")
    with owner_of(path) as owner:
        owner.renew(1)
        rewrite(path, 32, bytes(range(16)))
        guard.attach(shared, budget_s=BUDGET_S)
        assert wait_for_doubt(guard) is PageFault.EARLIER_BOOT
    with owner_of(path) as successor:
        assert successor.found == "earlier_boot"
        renew_until_permitted(guard, successor)


def test_there_is_one_owner_at_a_time(path: Path) -> None:
    shared = SharedLease(path, "quoter")
    with owner_of(path) as owner:
        with pytest.raises(LeaseTaken) as taken:
            shared.claim()
        assert taken.value.pid == owner.process.pid
        owner.end()
    with shared.claim() as ours:
        assert ours.took_over is None and ours.renew(1)
        with pytest.raises(LeaseTaken):
            shared.claim()
    with shared.claim():
        assert not ours.renew(2), "it was closed"


def test_a_second_owner_that_forces_its_way_in_is_told_and_counts_for_nothing(guard: Guard, path: Path) -> None:
    attached = guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        rewrite(path, 32, bytes(16))
        with owner_of(path) as intruder:
            assert intruder.found == "earlier_boot"
            assert not owner.renew(1_000_000), "the first learns that the page is not its own any more"
            progress = 1
            while not attached.lapsed:
                intruder.renew(progress := progress + 1)
            assert doubts(told_until(guard, LeaseLapsed)) in ([PageFault.TWO_OWNERS], [PageFault.EARLIER_BOOT])


def test_a_forked_child_cannot_renew_for_its_parent(path: Path) -> None:
    owner = SharedLease(path, "quoter").claim()
    assert owner.renew(1)
    child = os.fork()
    if child == 0:
        renewed = owner.renew(2)
        owner.close()
        os._exit(1 if renewed else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert owner.renew(3), "what the child closed is still its parent's"
    owner.close()


# What a page may look like.


@pytest.mark.parametrize("damage", [lambda page: os.truncate(page, 10), lambda page: os.truncate(page, 0)])
def test_a_page_that_is_cut_short_under_the_guard_is_damaged_and_stops_nobody_else(
    guard: Guard, path: Path, damage: Callable[[Path], None]
) -> None:
    guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        owner.process.send_signal(signal.SIGSTOP)
        damage(path)
        assert doubts(told_until(guard, LeaseLapsed)) == [PageFault.DAMAGED]
    with pytest.raises(ConfigError, match="bytes and not 64"):
        SharedLease(path, "quoter")


def test_a_page_that_is_removed_is_told_before_the_lapse(guard: Guard, path: Path) -> None:
    guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    with owner_of(path) as owner:
        renew_until_permitted(guard, owner)
        path.unlink()
        assert doubts(told_until(guard, LeaseLapsed)) == [PageFault.REMOVED]


def test_what_cannot_be_trusted_is_refused_with_the_reason(path: Path) -> None:
    def refused(because: str) -> None:
        with pytest.raises(ConfigError, match=because) as error:
            SharedLease(path, "quoter")
        assert error.value.field == "path" and error.value.value == str(path)

    other = path.with_name("other")
    SharedLease(other, "quoter")
    assert other.stat().st_mode & 0o7777 == 0o600 and other.stat().st_size == 64
    assert sorted(each.name for each in path.parent.iterdir()) == ["other"], "nothing is left beside it"
    path.symlink_to(other)
    refused("symbolic link")
    path.unlink()
    os.mkfifo(path, 0o600)
    refused("not a regular file")
    path.unlink()
    path.mkdir()
    refused("directory")
    path.rmdir()
    SharedLease(path, "quoter")
    path.chmod(0o640)
    refused("0640")
    path.chmod(0o600)
    path.write_bytes(b"#!/bin/sh\n".ljust(64))
    refused("not the page of this lease")
    path.unlink()
    SharedLease(path, "hedger")
    refused("another lease's")
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
        refused("belongs to user 65534")


def test_a_name_or_budget_that_is_not_possible_is_refused(guard: Guard, path: Path) -> None:
    with pytest.raises(ConfigError):
        SharedLease(path, "")
    shared = SharedLease(path, "quoter")
    for budget_s in (0.001, float("nan"), -1.0, 4000.0):
        with pytest.raises(ConfigError):
            guard.attach(shared, budget_s=budget_s)
    attached: AttachedLease = guard.attach(shared, budget_s=1)
    with pytest.raises(NotApplicable):
        attached.extend(1)


# Other languages.


@pytest.mark.parametrize("compiler", ["cc -std=c11", "c++ -x c++ -std=c++17"])
def test_the_example_in_c_renews_a_guards_lease(guard: Guard, path: Path, compiler: str) -> None:
    command = compiler.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]}")
    program = compiled(path, command)
    attached = guard.attach(SharedLease(path, "quoter"), budget_s=BUDGET_S)
    strategy = subprocess.Popen([program, path, "quoter", "400"])
    wait_for(lambda: guard.snapshot.permit)
    assert strategy.wait(20) == 0
    assert not attached.lapsed and attached.gaps.longest_s < BUDGET_S
    assert doubts(told_until(guard, LeaseLapsed)) == [PageFault.RELEASED]


def test_the_example_in_c_keeps_the_rules_of_claiming(path: Path) -> None:
    program = compiled(path, ["cc", "-std=c11"])

    def refused(name: str = "quoter") -> str:
        ended = subprocess.run([program, path, name, "1"], capture_output=True, text=True, check=False)
        assert ended.returncode == 1, ended
        return str(re.findall(r"claimed: (-\d)", ended.stderr)[0])

    assert refused() == "-1", "there is no page"
    shared = SharedLease(path, "quoter")
    assert refused("hedger") == "-3"
    with shared.claim() as owner:
        assert refused() == "-4"
        strategy = path.with_name("link")
        strategy.symlink_to(path)
        assert owner.renew(1)
    path.chmod(0o660)
    assert refused() == "-2"
    path.chmod(0o600)
    with owner_of(path) as dead:
        dead.process.kill()
        dead.process.wait()
    assert subprocess.run([program, path, "quoter", "1"], check=False).returncode == 0
    stopped = subprocess.Popen([program, path, "quoter", "100000"])
    wait_for(lambda: int.from_bytes(path.read_bytes()[20:24], sys.byteorder) == stopped.pid)
    with pytest.raises(LeaseTaken) as taken:
        shared.claim()
    assert taken.value.pid == stopped.pid
    stopped.kill()
    stopped.wait()
    with shared.claim() as owner:
        assert owner.took_over is PageFault.OWNER_DIED


def test_the_header_the_document_and_the_code_give_the_same_layout() -> None:
    places = {"name": 8, "generation": 16, "pid": 20, "start time": 24, "boot id": 32, "renewed at": 48, "progress": 56}
    rows = re.findall(r"^\| (\d+) \| \d+ \| ([\w ]+)", (ROOT / "docs" / "leases.md").read_text(), re.MULTILINE)
    assert {name.strip(): int(at) for at, name in rows if name.strip() != "magic"} == places
    model = (ROOT / "src" / "model" / "lease_page.rs").read_text()
    told = dict(re.findall(r"pub const (\w+)_AT: usize = (\d+)", model))
    assert [int(place) for place in told.values()] == list(places.values())
    header = (ROOT / "include" / "killcord_lease.h").read_text()
    comment = re.findall(r"(?:^ \*|  ) +(\d+) +\d+  (\w+)", header.split("*/")[0], re.MULTILINE)
    assert sorted(int(at) for at, _ in comment) == [0, *places.values()]


def compiled(path: Path, compiler: list[str]) -> Path:
    """The example as a program beside the page."""
    program = path.with_name("strategy")
    source = ROOT / "examples" / "shared_lease.c"
    assert len(source.read_text().splitlines()) < 40
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    subprocess.run([*compiler, *flags, source, "-o", program], check=True)
    return program


def wait_for_doubt(guard: Guard) -> PageFault:
    """Why the page proves nothing, once that is told."""
    while True:
        fresh = guard.drain_events(timeout_s=20)
        assert fresh, "no doubt was told"
        if found := doubts(fresh):
            return found[0]


def started(pid: int) -> int:
    """Field 22."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def rewrite(path: Path, at: int, data: bytes) -> None:
    """Changes a page behind everybody's back."""
    with path.open("r+b", buffering=0) as page:
        page.seek(at)
        page.write(data)
