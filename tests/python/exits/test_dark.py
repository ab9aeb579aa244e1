"""X14, loss of power: the machine goes dark, and nothing that its kernel still held arrives when the cable is back."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from exits.conftest import FACTOR
from exits.dark import HERE, Dark, dark, no_dark_network
from exits.holder import now_ns
from exits.row import OF_A_SWITCH, Row, Scene

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


def test_nothing_arrives_of_a_machine_that_went_dark(cable: Dark, tmp_path: Path) -> None:
    row = Row("X14", "power loss: unplugged, killed, plugged in again", SUSPECTS, command=cable.command)
    with Scene(row, cable.exchanges, tmp_path) as scene:
        bounds = scene.begin()
        cable.unplug()
        unplugged_ns = now_ns()
        scene.waits_for("suspect")
        held = queued(scene.process.pid)
        scene.process.kill()
        scene.process.wait()
        killed_ns = now_ns()
        assert any(held), f"nothing was queued, so that nothing could have arrived: {held}"
        cable.plug_in()
        for venue, exchange in cable.exchanges.items():
            account, bound_s = scene.accounts[venue], bounds[venue]
            tripped = exchange.wait_for(JournalKind.TRIPPED, account=account, timeout_s=bound_s + 5)
            assert 0 < tripped.at_ns - unplugged_ns <= bound_s * 1e9, f"{venue}: {tripped} {unplugged_ns}"
            print(f"X14 {venue.value}: fired {(tripped.at_ns - unplugged_ns) / 1e6:.0f} ms after the cut, {bound_s * 1e3:.0f} at most")
        for venue, exchange in cable.exchanges.items():
            left_s = USER_TIMEOUT_S - (now_ns() - killed_ns) / 1e9
            journal = exchange.journal()
            with pytest.raises(TimeoutError):
                exchange.wait_for(JournalKind.SWITCH_SET, since=journal[-1].number + 1, timeout_s=max(left_s, 0.0))
            late = [note for note in exchange.journal() if note.kind in OF_A_SWITCH and note.at_ns >= unplugged_ns]
            assert not late, f"{venue}: arrived after the end: {late}"


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
                cable.unplug()
                plain.stdin.write(b"go\n")
                plain.stdin.flush()
                assert plain.stdout.readline() == b"sent\n"
                plain.kill()
                plain.wait()
                cable.plug_in()
                link.settimeout(10)
                assert link.recv(16) == b"stale"
