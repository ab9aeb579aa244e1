"""The shell commands as a shell runs them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import killcord
import killcord.sim
from killcord import Credentials, Deribit, Endpoints


def test_help_lists_commands_that_exist_and_no_others() -> None:
    shown = killcord_command("--help")
    assert shown.returncode == 0
    for present in ("check", "drill", "journal", "kill", "rearm", "run", "sim", "status"):
        assert present in shown.stdout
    for planned in ("bench",):
        assert planned not in shown.stdout


def test_the_version_is_told() -> None:
    assert killcord_command("--version").stdout == f"killcord {killcord.__version__}\n"


def test_an_embedded_venue_is_described_so_that_a_script_can_use_it_and_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "killcord", "sim", "deribit", "--factor", "0.1", "--account", "desk"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = dict(process.stdout.readline().split() for _ in range(5))
        authority = Path(said["authority"])
        endpoints = Endpoints(said["websocket"], said["http"], ca_pem=authority.read_text(), time_factor=0.1)
        Deribit(Credentials.values(key=said["desk.key"], secret=said["desk.secret"]), custom=endpoints)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not authority.exists()


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with killcord.sim.Exchange("deribit") as taken:
        port = taken.http_url.rsplit(":", 1)[1]
        refused = killcord_command("sim", "deribit", "--port", port)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1


def test_a_missing_extra_is_named_with_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from killcord.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "killcord's commands need typer, which is not installed: pip install 'killcord[cli]'\n"


def killcord_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "killcord", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
