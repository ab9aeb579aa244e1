"""The parts of `killcord run`, each alone: fence, lines on the socket, sd_notify, what is printed of an answer that is old."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from killcord import ConfigError, Credentials, Deribit, Environment, Json, Settings
from killcord.daemon import show
from killcord.daemon.fence import AlreadyGuarded, Fence
from killcord.daemon.notify import Notifier
from killcord.daemon.place import socket_path
from killcord.daemon.wire import Garbled, LineReader, write_line

ROOT = Path(__file__).parents[2]


def test_an_account_is_fenced_once_and_free_again_afterwards() -> None:
    with Fence() as fence:
        fence.take(account("KEY-A"))
        with pytest.raises(AlreadyGuarded, match=f"process {os.getpid()} of uid {os.geteuid()}") as refused:
            Fence().take(account("KEY-A", name="other"))
        assert refused.value.account == "other"
    with Fence() as fence:
        fence.take(account("KEY-A"))


def test_another_key_or_environment_is_another_account() -> None:
    with Fence() as fence:
        fence.take(account("KEY-B"))
        fence.take(account("KEY-C"))
        fence.take(account("KEY-B", environment=Environment.TEST))


def test_an_identity_does_not_show_the_key() -> None:
    identity = account("KEYCANARY0001")._spec().identity()
    assert "CANARY" not in identity and identity.startswith("deribit-")


def test_a_line_that_never_ends_is_bounded_in_time_and_size() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 100)
        with pytest.raises(TimeoutError):
            LineReader(ours).next(0.05)
        theirs.sendall(b"y" * 2000)
        with pytest.raises(Garbled, match="more than 1000 bytes"):
            LineReader(ours, 1000).next(1)


def test_two_lines_in_one_packet_are_two_answers() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_line(theirs, {"accepted": ["a"]})
        write_line(theirs, {"results": {}})
        theirs.close()
        reader = LineReader(ours)
        assert [reader.next(1), reader.next(1), reader.next(1)] == [
            {"version": 1, "accepted": ["a"]},
            {"version": 1, "results": {}},
            None,
        ]


@pytest.mark.parametrize("line", [b"[" * 100_000, b"null", b'{"version": 7}', b"{", b"\xff"])
def test_what_is_no_line_of_the_protocol_is_garbled(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(line + b"\n")
        with pytest.raises(Garbled):
            LineReader(ours).next(1)


def test_a_notifier_speaks_to_abstract_sockets_and_to_nobody() -> None:
    Notifier({}).tell("READY=1")
    Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}).tell("READY=1")
    name = f"killcord-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        systemd.settimeout(1)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).tell("READY=1", "STATUS=1 of 1 armed")
        assert systemd.recv(100) == b"READY=1\nSTATUS=1 of 1 armed"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_for_whom_it_is_meant(environment: dict[str, str], wanted: float | None) -> None:
    assert Notifier(environment).watchdog_s == wanted


def test_an_answer_that_is_old_is_called_old(capsys: pytest.CaptureFixture[str]) -> None:
    state: dict[str, Json] = {"killcord": "1", "pid": 1, "running_s": 1.0, "config": "x", "accounts": []}
    state["at_ns"] = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5_000_000_000
    assert show.answer_age_s(state) == pytest.approx(5.0, abs=0.5)
    show.status(state, show.answer_age_s(state))
    assert "THIS ANSWER IS OLD: it is from 5.0 s ago" in capsys.readouterr().out
    show.status(state, 0.1)
    assert "OLD" not in capsys.readouterr().out


def test_a_socket_path_no_address_can_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="107 bytes at most"):
        socket_path(None, Path("/" + "x" * 120))


def test_the_example_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BYBIT", "KRAKEN"):
        monkeypatch.setenv(f"{name}_KEY", "KEY")
        monkeypatch.setenv(f"{name}_SECRET", "AAAA")
    path = tmp_path / "killcord.toml"
    path.write_text((ROOT / "examples" / "killcord.toml").read_text())
    path.chmod(0o600)
    (tmp_path / "deribit.key").write_text("KEY=k\nSECRET=s\n")
    (tmp_path / "deribit.key").chmod(0o600)
    assert [venue.account for venue in Settings.read(path).venues()] == ["deribit-options", "bybit-perps", "kraken-spot"]


def account(key: str, *, name: str = "desk", environment: Environment = Environment.PRODUCTION) -> Deribit:
    return Deribit(Credentials.values(key=key, secret="s"), account=name, environment=environment)
