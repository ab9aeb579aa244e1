"""`killcord run`, `status` and `rearm` as processes, against embedded venues: what is said, who may ask, how it ends."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serviced import Desk, Told, desk as make_desk, rest_orders, running, words

from killcord import SharedLease
from killcord.sim import Exchange, JournalKind

KRAKEN_QUICK = "window_s = 15\ncadence_s = 5"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def deribit() -> Iterator[Exchange]:
    with Exchange("deribit", factor=0.1) as venue:
        yield venue


@pytest.fixture
def kraken() -> Iterator[Exchange]:
    with Exchange("kraken", factor=0.1) as venue:
        yield venue


def test_every_account_is_armed_before_it_says_ready_and_status_shows_all_of_it(
    desk: Desk, told: Told, deribit: Exchange, kraken: Exchange
) -> None:
    desk.account("desk", deribit)
    desk.account("spot", kraken, KRAKEN_QUICK)
    desk.write('[policy]\ndead_margin_s = 1.5\n')
    with running(desk, told):
        state = json.loads(desk.command("status", "--json").stdout)
        table = desk.command("status")
        # Asked of the venues, not of the guard.
        assert all(venue.would_trip_by_ns(venue.account) is not None for venue in (deribit, kraken))
    assert state["ready"] is True and state["old"] is False
    first, second = state["accounts"]
    assert (first["name"], first["phase"], first["claim"], first["evidence"]) == ("desk", "armed", True, "read_back")
    assert first["coverage"] == {"scope": "connection", "products": []} and first["exposure"]["bound_s"] > 0
    assert second["coverage"]["scope"] == "account" and second["trips_in_s"]["earliest"] > 0
    assert second["permit"] is True and second["last_error"] is None
    assert (second["ended"], second["engine_runs"]) == (False, True)
    assert table.exit_code == 0
    assert "desk" in table.stdout and "armed" in table.stdout and "read back" in table.stdout
    assert "STATUS=2 of 2 armed" in told.heard


def test_sigterm_lets_go_and_the_venue_cancels(desk: Desk, told: Told, kraken: Exchange) -> None:
    desk.account("spot", kraken, KRAKEN_QUICK)
    with running(desk, told) as process:
        rest_orders(kraken, 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        told.wait("STOPPING=1", 1)
        assert not desk.socket.exists()
        kraken.wait_for(JournalKind.TRIPPED, timeout_s=10)
    assert kraken.open_order_count() == 0


def test_no_thread_but_the_one_that_waits_takes_a_signal(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told) as process:
        wanted = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
        engine = Path(f"/proc/{process.pid}/task/{thread_named(process.pid, 'killcord-engine')}/status").read_text()
        blocked = int(next(line for line in engine.splitlines() if line.startswith("SigBlk")).split()[1], 16)
        assert blocked & wanted == wanted


def test_sighup_is_refused_with_a_reason_and_nothing_changes(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told) as process:
        before = desk.state("desk")["epoch"]
        desk.write("nonsense = 1\n")
        process.send_signal(signal.SIGHUP)
        assert "restarting lets go" in words(process, ["SIGHUP refused"])[-1]
        desk.config.write_text(desk.config.read_text().replace("nonsense = 1\n", ""))
        after = desk.state("desk")
        assert (after["epoch"], after["claim"]) == (before, True)


def test_the_same_account_twice_on_a_host_is_refused_and_the_first_stays_armed(
    desk: Desk, told: Told, deribit: Exchange
) -> None:
    desk.account("desk", deribit)
    with make_desk() as other, running(desk, told) as process:
        other.account("another-name", deribit)
        second = other.process("run")
        assert second.returncode == 3
        assert f"process {process.pid} of uid {os.geteuid()} on this host already guards this account" in second.stderr
        assert len(deribit.connections()) == 1 and desk.state("desk")["claim"] is True


def test_a_socket_that_is_taken_is_refused(desk: Desk, told: Told, deribit: Exchange, kraken: Exchange) -> None:
    desk.account("desk", deribit)
    with make_desk() as other, running(desk, told):
        other.account("spot", kraken)
        second = other.process("run", "--socket", str(desk.socket))
        assert second.returncode == 3 and "another killcord run has the socket" in second.stderr
        assert desk.state("desk")["claim"] is True


def test_a_socket_left_behind_by_a_killed_service_is_no_obstacle(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told) as process:
        process.kill()
        process.wait(10)
        assert desk.socket.exists()
        left = desk.command("status")
        assert left.exit_code == 3 and "no killcord run answers" in left.stderr
    with running(desk, told):
        assert desk.state("desk")["claim"] is True


@pytest.mark.parametrize("mistake", ["window_s = 1", "colour = 1", 'credentials = { env = "NOT_SET_ANYWHERE" }'])
def test_one_bad_account_and_nothing_starts(desk: Desk, deribit: Exchange, kraken: Exchange, mistake: str) -> None:
    desk.account("desk", deribit)
    desk.account("spot", kraken, mistake)
    if mistake.startswith("credentials"):
        desk.config.write_text(desk.config.read_text().replace('credentials = { file = "spot.key" }\n', ""))
    result = desk.process("run")
    assert result.returncode == 2
    assert result.stderr.startswith(f"{desk.config}:") and "account.spot" in result.stderr
    assert len(result.stderr.splitlines()) == 1 and "Traceback" not in result.stderr
    assert not desk.socket.exists()
    assert deribit.connections() == [] and not any(entry.kind is JournalKind.OPENED for entry in deribit.journal())


def test_nothing_running_is_said_and_not_guessed(desk: Desk, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    shown = desk.command("status")
    assert shown.exit_code == 3 and "no killcord run answers" in shown.stderr
    assert "error" in json.loads(desk.command("status", "--json").stdout)


def test_a_service_that_does_not_answer_is_told_apart_from_none(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told) as process:
        process.send_signal(signal.SIGSTOP)
        shown = desk.command("status")
        assert shown.exit_code == 4
        assert f"process {process.pid} has the socket and does not answer" in shown.stderr


def test_only_its_owner_reaches_the_socket(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told):
        assert stat.S_IMODE(desk.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(desk.socket.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_is_kept_out_by_the_rights_and_behind_them_by_the_uid(
    desk: Desk, told: Told, deribit: Exchange
) -> None:
    desk.account("desk", deribit)
    with running(desk, told):
        assert "PermissionError" in asked_as(65534, desk.socket)
        # Somebody opens everything: the service still looks who calls.
        for path, mode in ((desk.folder, 0o755), (desk.socket.parent, 0o755), (desk.socket, 0o666)):
            path.chmod(mode)
        answer = json.loads(asked_as(65534, desk.socket))
        assert answer == {"version": 1, "error": "uid 65534 may not ask this: only root and uid 0"}


def test_a_folder_others_can_reach_into_is_refused(desk: Desk, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    desk.socket.parent.mkdir(0o755)
    desk.socket.parent.chmod(0o755)
    result = desk.process("run")
    assert result.returncode == 2 and "has mode 0755" in result.stderr
    assert deribit.connections() == []


def test_nonsense_on_the_socket_is_answered_and_harms_nobody(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told):
        for said in (b"\n", b"[]\n", b'{"version":1,"do":"farewell"}\n', b"\xff\xfe\n", b'{"version":2,"do":"status"}\n'):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(5)
                caller.connect(str(desk.socket))
                caller.sendall(said)
                assert b'"error"' in caller.recv(4096), said
        assert desk.state("desk")["claim"] is True


def test_a_rearm_without_words_is_refused_on_the_socket_too(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told):
        for words in ("", ',"acknowledge":null', ',"acknowledge":" "'):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(5)
                caller.connect(str(desk.socket))
                caller.sendall(b'{"version":1,"do":"rearm","accounts":null%s}\n' % words.encode())
                said = caller.recv(4096)
                assert b'"error"' in said and b"acknowledge" in said, (words, said)


def test_the_watchdog_is_fed_only_while_every_engine_runs(desk: Desk, told: Told, deribit: Exchange) -> None:
    desk.account("desk", deribit)
    with running(desk, told, WATCHDOG_USEC="800000") as process:
        told.wait("WATCHDOG=1", 2)
        engine = thread_named(process.pid, "killcord-engine")
        with halted(engine):
            told.drain()
            # One sign of life may have been due for a turn made before.
            with pytest.raises(TimeoutError):
                for _ in range(3):
                    told.wait("WATCHDOG=1", 0.8)
            account = desk.state("desk")
            assert account["claim"] is False and account["engine_runs"] is False
            assert "ITS ENGINE DOES NOT RUN" in desk.command("status").stdout
        told.wait("WATCHDOG=1", 5)


def test_a_shared_lease_of_the_file_is_needed_and_its_lapse_kills(desk: Desk, told: Told, kraken: Exchange) -> None:
    page = desk.folder / "own" / "quoter"
    lease = f'[[account.lease]]\nname = "quoter"\nbudget_s = 1\npage = "{page}"'
    desk.account("spot", kraken, f"{KRAKEN_QUICK}\n{lease}")
    with running(desk, told) as process:
        waiting = desk.state("spot")
        assert (waiting["claim"], waiting["permit"], waiting["leases"][0]["renewed_age_s"]) == (True, False, None)
        with SharedLease(page, "quoter").claim() as owner:
            assert owner.renew(1)
            words(process, ["lease quoter: no renewal"])
            words(process, ["lease quoter lapsed"])
            words(process, ["kill ended: proven empty"])
        lapsed = desk.state("spot")
        assert (lapsed["claim"], lapsed["latched"], lapsed["leases"][0]["lapsed"]) == (False, True, True)


def test_the_example_unit_starts_what_exists() -> None:
    unit = (ROOT / "examples" / "killcord.service").read_text()
    for line in ("Type=notify", "WatchdogSec=", "RuntimeDirectory=killcord", "RuntimeDirectoryMode=0700", "killcord run --config"):
        assert line in unit


def asked_as(uid: int, path: Path) -> str:
    code = (
        "import os, socket, sys\n"
        f"os.setgroups([]); os.setgid({uid}); os.setuid({uid})\n"
        "with socket.socket(socket.AF_UNIX) as caller:\n"
        "    try:\n"
        f"        caller.connect({str(path)!r})\n"
        "        print(caller.recv(65536).decode())\n"
        "    except OSError as error:\n"
        "        print(type(error).__name__)\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20).stdout


def thread_named(pid: int, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


class halted:
    """One thread of another process stands still, and only that one."""

    ATTACH, DETACH, ALL_THREADS = 16, 17, 0x40000000

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> None:
        if self.libc.ptrace(self.ATTACH, self.thread, None, None) != 0:
            pytest.skip(f"no leave to halt a thread (ptrace: {os.strerror(ctypes.get_errno())})")
        os.waitpid(self.thread, self.ALL_THREADS)

    def __exit__(self, *raised: object) -> None:
        self.libc.ptrace(self.DETACH, self.thread, None, None)
