"""Children: none of them, in whatever way it was made, holds a guard's link open when its parent dies, and none of them
ends what its parent guards when it dies itself. And a process that becomes another program.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from exits.conftest import Measured
from exits.row import Line, Outcome, Row, Scene

from killcord.sim import JournalKind

CHILD = """
import multiprocessing, subprocess
def child():
    say("child")
    threading.Event().wait(60)
    os._exit(0)
"""
START = (
    CHILD
    + """
made = armed()
{start}
stay()
"""
)
# What spawn and forkserver run is found by its name, and the name of a program given by -c is not: so it is a module's.
MULTIPROCESSING = """
import multiprocessing
from exits import orphan
made = armed()
multiprocessing.get_context({method!r}).Process(target=orphan.live).start()
stay()
"""
SUBPROCESS = (
    CHILD
    + """
made = armed()
subprocess.Popen([sys.executable, "-c", "from exits.orphan import live; live()"], close_fds=False, stdin=subprocess.DEVNULL)
stay()
"""
)


def kills_the_parent(scene: Scene) -> int:
    """Once a child lives, and shares no connection with its parent."""
    child = scene.waits_for("child")
    pid = child["pid"]
    assert isinstance(pid, int) and pid != scene.process.pid
    shared = connections(scene.process.pid) & connections(pid)
    assert connections(scene.process.pid), "the parent has no connections"
    assert not shared, f"{scene.row}: the child holds {shared}"
    return scene.signal(signal.SIGKILL)


def connections(pid: int) -> set[str]:
    """The TCP connections of a process, by inode."""
    tcp = {line.split()[9] for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]}
    held = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = os.readlink(entry)
        except FileNotFoundError:  # closed meanwhile
            continue
        if name.startswith("socket:["):
            held.add(name[8:-1])
    return held & tcp


def child_outlived(outcome: Outcome) -> None:
    """The child was there all the while, or the row proves nothing."""
    pid = child_of(outcome.said("child"))
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    assert state not in "ZX", f"{outcome.row}: the child ended first"


def child_of(lines: list[Line]) -> int:
    """Its number."""
    pid = lines[0]["pid"]
    assert isinstance(pid, int)
    return pid


def orphaned(id: str, what: str, program: str) -> Row:
    """A row in which the parent is killed and the child lives on."""
    return Row(id, what, program, kills_the_parent, -signal.SIGKILL, check=child_outlived)


EXEC = "made = armed(); leaving(); os.execv(sys.executable, [sys.executable, '-c', 'from exits.orphan import live; live()'])"

ROWS = [
    orphaned(
        "X09a", "os.fork, the child lives, the parent is killed", START.format(start="if os.fork() == 0: child()")
    ),
    orphaned("X09b", "multiprocessing fork, the same", MULTIPROCESSING.format(method="fork")),
    orphaned("X09c", "multiprocessing spawn, the same", MULTIPROCESSING.format(method="spawn")),
    orphaned("X09d", "multiprocessing forkserver, the same", MULTIPROCESSING.format(method="forkserver")),
    orphaned("X09e", "subprocess with close_fds=False, the same", SUBPROCESS),
    Row("X15", "exec of a new image", EXEC, code=None, check=child_outlived),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_child_holds_no_link_open(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)


INHERITED = """
made = armed()
def through_the_interpreter():
    {end}
if os.fork() == 0:
    through_the_interpreter()
_, status = os.wait()
leaving()
assert os.waitstatus_to_exitcode(status) == {code}, status
for guard in made:
    guard.wait_phase([Phase.TRIPPED, Phase.SUSPECT, Phase.DEGRADED, Phase.CONNECTING], 1.0)
"""
REFUSED = """
made = armed()
pid = os.fork()
if pid == 0:
    refused = 0
    for guard in made:
        calls = (lambda: guard.snapshot, lambda: guard.rearm(acknowledge='x'), guard.stop, lambda: guard.kill_blocking("x"))
        for call in calls:
            try:
                call()
            except Forked:
                refused += 1
    sys.exit(refused)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 16, status
"""


def stays_armed(outcome: Outcome) -> None:
    """Nothing ended and nothing fired before the parent left, and the venues heard of it after the child was gone."""
    (left,) = outcome.said("still")
    at_ns = left["at_ns"]
    assert isinstance(at_ns, int)
    for venue in outcome.exchanges:
        before = [note for note in outcome.journal(venue) if note.at_ns < at_ns]
        assert not [note for note in before if note.kind in (JournalKind.ENDED, JournalKind.TRIPPED)], before


ALIVE = """
_, status = os.wait()
assert os.waitstatus_to_exitcode(status) == {code}, status
begin = now_ns()
while now_ns() - begin < 700_000_000:
    for guard in made:
        assert guard.snapshot.claim, guard.snapshot
        guard.drain_events(timeout_s=0.05)
say("still")
leaving()
"""
SURVIVORS = [
    Row(
        "X09f",
        "a forked child ends, the parent stays armed",
        "made = armed()\nif os.fork() == 0: sys.exit(5)" + ALIVE.format(code=5),
        check=stays_armed,
    ),
    Row(
        "X09g",
        "a forked child drops the guards, the same",
        "made = armed()\nif os.fork() == 0:\n    guard = None; made.clear(); gc.collect(); sys.exit(5)"
        + ALIVE.format(code=5),
        check=stays_armed,
    ),
    Row(
        "X09h",
        "a forked child is killed, the same",
        "made = armed()\nif os.fork() == 0: os.kill(os.getpid(), 9)" + ALIVE.format(code=-9),
        check=stays_armed,
    ),
    Row(
        "X09i",
        "a forked child uses the guards: Forked, the same",
        REFUSED.split("_, status")[0] + ALIVE.format(code=16),
        check=stays_armed,
    ),
]


@pytest.mark.parametrize("row", SURVIVORS, ids=lambda row: row.id)
def test_a_child_that_ends_ends_nothing_else(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)
