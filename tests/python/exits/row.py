"""One row of the exit table: a program with a guard at each of four venues, how it ends, and what the venues saw.

The venues are in this process and the guards in another one; both read the same clock, so that an end at a venue minus the
exit is a measured time. Nothing here sleeps: it waits for lines of the program and for entries of the venues' journals.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import quote_from_bytes

from exits.holder import PATIENCE_S, Where, now_ns

from killcord import VenueName
from killcord.sim import Account, CancelCause, Exchange, JournalEntry, JournalKind, OrderState

TESTS = Path(__file__).resolve().parents[1]
PROLOGUE = (
    "import asyncio, atexit, gc, os, signal, sys, threading\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    "from killcord import *\nfrom exits.holder import *\n"
)
"""Whoever runs the tests may ignore signals (`nohup`, a job in the background), and children inherit that."""
OF_A_SWITCH = (JournalKind.LIFE_SIGN, JournalKind.SWITCH_SET)
"""What keeps a switch from firing."""
TRIES = 4
"""A time that a busy machine spoiled is measured again; what must never be is judged in every try."""

Venues: TypeAlias = Mapping[VenueName, Exchange]
Line: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to end."""

    id: str
    what: str
    program: str
    """Runs after ``PROLOGUE``. Unless ``end`` ends it, it calls ``leaving()`` right before it ends itself."""
    end: Callable[[Scene], int] | None = None
    """Ends the process from outside, and returns when it did."""
    code: int | None = 0
    """The exit status; None where the process lives on."""
    target_ms: float = 10.0
    """From the exit to the end of every link at its venue."""
    over_s: float = 1.0
    """From the exit to the end of the process, in all."""
    flags: Sequence[str] = ()
    venues: Callable[[], Venues] | None = None
    """Venues of its own, where the shared ones will not do."""
    command: Sequence[str] = ()
    """What the interpreter is started with."""
    check: Callable[[Outcome], None] | None = None
    """What else must be true."""
    ends: bool = True
    """Whether links end and switches fire at all; otherwise ``check`` says what does happen."""

    def __str__(self) -> str:
        return f"{self.id} {self.what}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one venue saw of an exit, in milliseconds from it."""

    ended_ms: float
    how: str
    last_life_ms: float
    """The last thing that keeps the switch; negative when it came before the exit."""
    tripped_ms: float
    bound_ms: float


@dataclass(slots=True)
class Outcome:
    """A row that was run."""

    row: Row
    left_ns: int
    lasted_s: float
    code: int | None
    errors: str
    lines: list[Line]
    directory: Path
    exchanges: Venues
    accounts: Mapping[VenueName, Account]
    seen: dict[VenueName, Seen] = field(default_factory=dict)

    @property
    def worst_ms(self) -> float:
        """The end of the last link."""
        return max((seen.ended_ms for seen in self.seen.values()), default=0.0)

    def is_in_time(self) -> bool:
        """Whether its times are what the row promises."""
        return self.worst_ms <= self.row.target_ms and self.lasted_s <= self.row.over_s

    def said(self, word: str) -> list[Line]:
        """The lines with this word."""
        return [line for line in self.lines if line["word"] == word]

    def journal(self, venue: VenueName) -> list[JournalEntry]:
        """What this venue noted of this row's account."""
        name = self.accounts[venue].name
        return [entry for entry in self.exchanges[venue].journal() if entry.account == name]


class Scene:
    """A row while it runs."""

    def __init__(self, row: Row, exchanges: Venues, directory: Path) -> None:
        self.row = row
        self.exchanges = exchanges
        self.directory = directory
        name = f"{row.id}-{directory.name}"
        self.accounts = {venue: exchange.add_account(name) for venue, exchange in exchanges.items()}
        self.lines: list[Line] = []
        self._fresh: queue.Queue[Line | None] = queue.Queue()
        self._errors = directory / "stderr"
        self.process = self._start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        for line in self.lines:
            if line["word"] == "child":
                with suppress(ProcessLookupError):
                    os.kill(_number(line["pid"]), signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None and self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self._reader.join(PATIENCE_S)
        self.process.stdout.close()

    def run(self) -> Outcome:
        """From the start of the process to what the venues saw of its end."""
        bounds = self.begin()
        left_ns = self.row.end(self) if self.row.end else _number(self.waits_for("leaving")["at_ns"])
        code = None if self.row.code is None else self.process.wait(PATIENCE_S)
        lasted_s = (now_ns() - left_ns) / 1e9
        outcome = Outcome(
            self.row, left_ns, lasted_s, code, "", self.lines, self.directory, self.exchanges, self.accounts
        )
        if self.row.ends:
            for venue in self.exchanges:
                outcome.seen[venue] = self._seen(venue, left_ns, bounds[venue] * 1e3)
        if self.row.code is not None and not outcome.said("child"):
            self._reader.join(PATIENCE_S)
        outcome.errors = self._errors.read_text(errors="replace")
        return outcome

    def begin(self) -> dict[VenueName, float]:
        """Until every guard is armed with an order at rest; the published bounds, in seconds."""
        self.tell(json.dumps(self._where))
        bounds = self.waits_for("armed")["bounds"]
        assert isinstance(bounds, dict)
        self._links = {venue: self._links_at(venue) for venue in self.exchanges}
        self.tell("go")
        return {venue: float(bounds[venue.value]) for venue in self.exchanges}

    def tell(self, line: str) -> None:
        """One line for the program."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def waits_for(self, word: str) -> Line:
        """The next line of the program with this word."""
        while True:
            try:
                line = self._fresh.get(timeout=PATIENCE_S)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.row}: not {word!r}: {self.lines} {self._errors.read_text()}")
            if line["word"] == word:
                return line

    def signal(self, number: signal.Signals) -> int:
        """Sends a signal to the program; when that was."""
        at_ns = now_ns()
        self.process.send_signal(number)
        return at_ns

    def _start(self) -> subprocess.Popen[bytes]:
        fds = []
        self._where: list[Where] = []
        for venue, exchange in self.exchanges.items():
            reader, writer = os.pipe()
            account = self.accounts[venue]
            os.write(writer, json.dumps({"key": account.key, "secret": account.secret}).encode())
            os.close(writer)
            fds.append(reader)
            self._where.append(
                Where(
                    venue=venue.value,
                    secret_fd=reader,
                    guard_url=exchange.guard_url,
                    http_url=exchange.http_url,
                    trade_url=exchange.trade_url,
                    ca_pem=exchange.ca_pem,
                    factor=exchange.endpoints.time_factor,
                )
            )
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONUNBUFFERED": "1"}
        try:
            with self._errors.open("wb") as errors:
                return subprocess.Popen(
                    [*self.row.command, sys.executable, *self.row.flags, "-c", PROLOGUE + self.row.program],
                    env=environment,
                    cwd=self.directory,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=fds,
                )
        finally:
            for fd in fds:
                os.close(fd)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self.lines.append(line)
            self._fresh.put(line)
        self._fresh.put(None)

    def _links_at(self, venue: VenueName) -> set[int]:
        account = self.accounts[venue].name
        links = {link.number for link in self.exchanges[venue].connections() if link.account == account}
        assert links, f"{self.row}: no link at {venue.value}"
        return links

    def _seen(self, venue: VenueName, left_ns: int, bound_ms: float) -> Seen:
        exchange, account = self.exchanges[venue], self.accounts[venue]
        patience_s = bound_ms / 1e3 + 5.0
        ended: dict[int | None, JournalEntry] = {}
        since = 0
        while not self._links[venue] <= set(ended):
            entry = exchange.wait_for(JournalKind.ENDED, account=account, since=since, timeout_s=patience_s)
            ended[entry.connection] = entry
            since = entry.number + 1
        tripped = exchange.wait_for(JournalKind.TRIPPED, account=account, timeout_s=patience_s)
        entries = [entry for entry in exchange.journal() if entry.account == account.name]
        last = max(ended.values(), key=lambda entry: entry.at_ns)
        life = max(entry.at_ns for entry in entries if entry.kind in OF_A_SWITCH)
        return Seen(
            ended_ms=(last.at_ns - left_ns) / 1e6,
            how=last.detail,
            last_life_ms=(life - left_ns) / 1e6,
            tripped_ms=(tripped.at_ns - left_ns) / 1e6,
            bound_ms=bound_ms,
        )


def run(row: Row, exchanges: Venues, directory: Path) -> Outcome:
    """Runs a row, again while only its times are wrong, and judges it."""
    for number in itertools.count(1):
        place = directory / f"{row.id}-{number}"
        place.mkdir()
        with Scene(row, exchanges, place) as scene:
            outcome = scene.run()
            judge(outcome)
            if row.check is not None:
                row.check(outcome)
        if outcome.is_in_time() or number == TRIES:
            return outcome
    raise AssertionError("counting does not end")


def judge(outcome: Outcome) -> None:
    """What must be true of every exit, however busy the machine is."""
    row = outcome.row
    assert not secrets_in(outcome), f"{row}: secrets in {secrets_in(outcome)}"
    assert outcome.code == row.code, f"{row}: status {outcome.code}: {outcome.errors}"
    for venue, seen in outcome.seen.items():
        where = f"{row} at {venue.value}: {seen}"
        notes = outcome.journal(venue)
        assert not [note for note in notes if note.kind is JournalKind.SWITCH_OFF], f"{where}: disarmed"
        assert seen.ended_ms > 0 or row.end is None, f"{where}: a link ended before the exit"
        assert seen.last_life_ms <= max(seen.ended_ms, 0.0), f"{where}: a sign of life after the end of the link"
        assert seen.tripped_ms <= seen.bound_ms, f"{where}: fired later than published"
        orders = [order for order in outcome.exchanges[venue].orders() if order.account == outcome.accounts[venue].name]
        assert orders, f"{where}: no order rested"
        for order in orders:
            assert (order.state, order.cause) == (OrderState.CANCELLED, CancelCause.SWITCH), f"{where}: {order}"


def secrets_in(outcome: Outcome) -> list[str]:
    """The files a row left behind, its output among them, that hold a secret in any spelling. A core is no such file."""
    said = outcome.directory / "stdout"
    said.write_text("\n".join(json.dumps(line) for line in outcome.lines))
    secrets = [account.secret for account in outcome.accounts.values()]
    files = [path for path in outcome.directory.iterdir() if path.is_file() and not path.name.startswith("core")]
    assert {"stdout", "stderr", "journal"} <= {path.name for path in files}, files
    return [path.name for path in files if any(found in path.read_bytes() for found in spellings(secrets))]


def spellings(secrets: Sequence[str]) -> list[bytes]:
    """Each secret as it is, decoded, and in base64, hexadecimal and the spelling of URLs."""
    plain = [secret.encode() for secret in secrets]
    decoded = [base64.b64decode(secret) for secret in secrets if secret.endswith("=")]
    return [
        spelling
        for each in plain + decoded
        for spelling in (
            each,
            base64.b64encode(each),
            each.hex().encode(),
            each.hex().upper().encode(),
            quote_from_bytes(each, safe="").encode(),
        )
    ]


def _number(value: object) -> int:
    assert isinstance(value, int), value
    return value
