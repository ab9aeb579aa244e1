"""What the tests of `killcord run`, `status` and `kill` share: files for embedded venues, and the commands as processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from killcord import Guard, Json, Kraken, Phase
from killcord._commands import app
from killcord.daemon.client import Call
from killcord.sim import Exchange

PATIENCE_S = 20.0
KRAKEN_ORDER: dict[str, Json] = {"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "limit_price": 1000, "order_qty": 0.001}


class Desk:
    """A folder with a configuration file and what it names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "killcord.toml"
        self.socket = folder / "own" / "k.sock"
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("NOTIFY_", "WATCHDOG_"))}
        self._text = f'[run]\nsocket = "{self.socket}"\n'
        self.write("")

    def account(self, name: str, exchange: Exchange, more: str = "", http_url: str | None = None) -> None:
        """One more account, its secrets in a file of its own."""
        assert exchange.ca_pem is not None
        (self.folder / f"{name}.pem").write_text(exchange.ca_pem)
        key_file = self.folder / f"{name}.key"
        key_file.write_text(f"KEY={exchange.account.key}\nSECRET={exchange.account.secret}\n")
        key_file.chmod(0o600)
        trade = "" if exchange.trade_url is None else f'trade_url = "{exchange.trade_url}", '
        self.write(
            f'\n[[account]]\nname = "{name}"\nvenue = "{exchange.venue.value}"\ncredentials = {{ file = "{name}.key" }}\n'
            f'endpoints = {{ guard_url = "{exchange.guard_url}", http_url = "{http_url or exchange.http_url}", {trade}'
            f'ca_file = "{name}.pem", time_factor = 0.1 }}\n{more}\n'
        )

    def write(self, more: str) -> None:
        """Appends to the file."""
        self._text += more
        self.config.write_text(self._text)
        self.config.chmod(0o600)

    def command(self, word: str, *more: str) -> Result:
        """Runs a command in this process: the same code, without another interpreter's start."""
        return CliRunner().invoke(app, [word, "--config", str(self.config), *more], prog_name="killcord")

    def process(self, *words: str, within_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end as a process of its own."""
        return subprocess.run(
            self.line(*words), env=self.environment, capture_output=True, text=True, check=False, timeout=within_s
        )

    def line(self, *words: str) -> list[str]:
        """``killcord WORD --config FILE …``."""
        return [sys.executable, "-m", "killcord", words[0], "--config", str(self.config), *words[1:]]

    def status(self) -> dict[str, Any]:
        """What the running service says."""
        with Call(self.socket) as call:
            return dict(call.ask({"do": "status"}, PATIENCE_S))

    def state(self, name: str) -> dict[str, Any]:
        """The same of one account."""
        return next(account for account in self.status()["accounts"] if account["name"] == name)


class Told:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.heard: list[str] = []

    def wait(self, wanted: str, within_s: float = PATIENCE_S) -> None:
        """Waits for a line that begins so, from now on."""
        deadline = time.monotonic() + within_s
        while not any(line.startswith(wanted) for line in self.next(max(deadline - time.monotonic(), 0.001))):
            pass

    def next(self, within_s: float) -> list[str]:
        """The lines of the next datagram. Raises ``TimeoutError``."""
        self._socket.settimeout(within_s)
        lines = self._socket.recv(65536).decode().split("\n")
        self.heard += lines
        return lines

    def drain(self) -> None:
        """Forgets what was said so far."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65536)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Hears no more."""
        self._socket.close()


@contextmanager
def desk() -> Iterator[Desk]:
    """A folder with a short name: the address of a unix socket has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kc") as folder:
        yield Desk(Path(folder))


@contextmanager
def running(desk: Desk, told: Told, *, ready: bool = True, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """``killcord run``, ready unless said otherwise; told to let go at the end, if it is still there."""
    process = subprocess.Popen(
        desk.line("run"),
        env={**desk.environment, "NOTIFY_SOCKET": str(told.path), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if ready:
            told.wait("READY=1")
        yield process
    finally:
        for number in (signal.SIGCONT, signal.SIGTERM):
            process.send_signal(number)
        try:
            process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def rest_orders(exchange: Exchange, count: int) -> None:
    """Orders of the account that rest at an embedded Kraken, whose timer somebody else feeds."""
    guard = Guard(Kraken(exchange.credentials, account="helper", window_s=15, cadence_s=5, custom=exchange.endpoints))
    guard.start()
    try:
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
        for _ in range(count):
            guard.request_blocking("add_order", KRAKEN_ORDER, timeout_s=5)
    finally:
        guard.stop()
    assert exchange.open_order_count() == count


def words(process: subprocess.Popen[str], until: Sequence[str]) -> list[str]:
    """Lines of standard error up to one that holds all of ``until``."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if all(word in line for word in until):
            return lines
    raise AssertionError(f"never said {until}: {lines}")
