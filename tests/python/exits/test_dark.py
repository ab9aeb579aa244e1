"""X14, loss of power: the machine goes dark and its program dies; what its kernel still held must not arrive later than
the stated limit once the network is back, and of what was still in a socket nothing arrives at all.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from exits.conftest import FACTOR
from exits.dark import HERE, Dark, dark, no_dark_network
from exits.holder import now_ns
from exits.row import OF_A_SWITCH, Row, Scene

from killcord import VenueName
from killcord.sim import JournalKind

pytestmark = pytest.mark.skipif(bool(no_dark_network()), reason=f"X14: {no_dark_network()}")

USER_TIMEOUT_S = 5.0
"""The default of ``Policy.user_timeout_s``: after this no kernel delivers anything of ours, whatever was queued."""

SUSPECTS = """
made = armed()
for guard in made:
    guard.wait_phase(Phase.SUSPECT, 30)
say("suspect")
stay()
"""


@pytest.fixture
def cable() -> Iterator[Dark]:
    """A machine that can go dark."""
    with dark(FACTOR) as machine:
        yield machine


def queued(pid: int) -> list[int]:
    """Bytes that the kernel holds and the peer has not acknowledged, for each connection to a venue."""
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    established = "01"
    return [int(line[4].split(":")[0], 16) for line in lines if line[3] == established]


def test_nothing_arrives_of_a_machine_behind_a_cut(cable: Dark, tmp_path: Path) -> None:
    """The reset that the kernel sent at the end was lost, and it sends nothing again, whenever the cut heals."""
    watched_s = USER_TIMEOUT_S + 0.5
    late_s = arrivals(cable, cable.cut, tmp_path, "X14a", "power loss behind a cut that heals at once", watched_s)
    assert late_s == []


def test_what_a_kernel_without_carrier_kept_arrives_within_the_limit_or_never(cable: Dark, tmp_path: Path) -> None:
    """What had left its socket waits for the neighbour's address, up to three seconds, where no option of a socket reaches
    it. What may follow it is the reset.
    """
    late_s = arrivals(cable, cable.unplug, tmp_path, "X14b", "power loss with the cable out, in again at once")
    assert all(after_s <= USER_TIMEOUT_S for after_s in late_s), late_s


def arrivals(
    cable: Dark, breaks: Callable[[], None], directory: Path, id: str, what: str, watched_s: float = 0.0
) -> list[float]:
    """When, in seconds after the death of the process, anything arrived that keeps a switch. Until every switch has fired,
    and at least for so long.
    """
    with Scene(Row(id, what, SUSPECTS, command=cable.command), cable.exchanges, directory) as scene:
        bounds = scene.begin()
        breaks()
        broken_ns = now_ns()
        scene.waits_for("suspect")
        held = queued(scene.process.pid)
        scene.process.kill()
        scene.process.wait()
        killed_ns = now_ns()
        assert any(held), f"nothing was queued, so that nothing could have arrived: {held}"
        cable.heal()
        for venue, exchange in cable.exchanges.items():
            account, bound_s = scene.accounts[venue], bounds[venue]
            tripped = exchange.wait_for(JournalKind.TRIPPED, account=account, timeout_s=bound_s + 5)
            fired_s = (tripped.at_ns - broken_ns) / 1e9
            print(f"{id} {what}, {venue.value}: fired {fired_s:.2f} s after the cut, {bound_s:.2f} s at most")
            assert 0 < fired_s <= bound_s, f"{id} {venue}: {tripped} {broken_ns}"
        left_s = watched_s - (now_ns() - killed_ns) / 1e9
        if left_s > 0:
            last, account = cable.exchanges[VenueName.KRAKEN], scene.accounts[VenueName.KRAKEN]
            with suppress(TimeoutError):
                last.wait_for(JournalKind.LIFE_SIGN, account=account, since=len(last.journal()), timeout_s=left_s)
        notes = [
            note
            for venue, exchange in cable.exchanges.items()
            for note in exchange.journal()
            if note.kind in OF_A_SWITCH and note.account == scene.accounts[venue].name and note.at_ns > killed_ns
        ]
        return [(note.at_ns - killed_ns) / 1e9 for note in notes]


PLAIN = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.readline()
link.send(b"stale")
print("sent", flush=True)
sys.stdin.read()
"""


def test_of_a_plain_socket_it_would_arrive(cable: Dark) -> None:
    with socket.create_server((HERE, 0)) as server:
        server.settimeout(10)
        words = [*cable.command, sys.executable, "-c", PLAIN, HERE, str(server.getsockname()[1])]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as plain:
            assert plain.stdin is not None and plain.stdout is not None
            link, _ = server.accept()
            with link:
                assert plain.stdout.readline() == b"connected\n"
                cable.cut()
                plain.stdin.write(b"go\n")
                plain.stdin.flush()
                assert plain.stdout.readline() == b"sent\n"
                plain.kill()
                plain.wait()
                cable.heal()
                link.settimeout(10)
                assert link.recv(16) == b"stale"
