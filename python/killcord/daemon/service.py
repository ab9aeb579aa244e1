"""The process that guards the accounts of a file until it is told to let go.

Everything that can be wrong is found before anything is dialled: the file, every account's secrets, the fence, the socket,
the journal, the pages of shared leases. From the first dial on nothing here ends the process but a signal or the end of
every guard: ending it lets go of every account, and a trouble of one must not cancel the orders of the others.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import __version__
from .._killcord import SharedLease
from ..errors import KillcordError
from ..events import (
    ErrorReported,
    Event,
    GapClosed,
    GapOpened,
    KillEnded,
    KillStarted,
    LeaseLapsed,
    LeaseWarning,
    LetGo,
    Overflow,
    PhaseChanged,
    Rearmed,
    Refused,
    Stalled,
    Tripped,
)
from ..guard import Guard
from ..journal import Journal
from ..model import Json, SwitchKind
from ..settings import AccountSettings, Settings
from .facts import account_facts, report_facts
from .fence import Fence
from .notify import Notifier
from .pulse import LOOK_AGAIN_S, Pulse, running
from .server import Server

TURN_S = 0.25
"""Between two looks at signals, engines and events. Nothing a guard does waits for it."""
KILL_WITHIN_S = 40.0
REARMED_WITHIN_S = 1.0
"""A latch that comes off does so at the guard's next turn. Whoever asked is not told so before it has."""
ENGINE_WITHIN_S = 0.5
"""An engine that was woken and made no turn by then is said not to run."""
END_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
SIGNALS = END_SIGNALS | {signal.SIGHUP}
HANGUP_REFUSED = (
    "SIGHUP refused, nothing was reloaded: a changed file is read at the next start only, and restarting lets go of "
    "every account, so that the venues cancel"
)

ONLY_ITS_OWN = (
    "this venue's switch covers orders created on the guarded connection only, and this service creates none; orders of "
    "other programs are cancelled by a kill, not by the switch"
)

Say = Callable[[str], None]


class StillLatched(KillcordError):
    """A rearm took no latch off."""


class Kept:
    """One account under guard."""

    def __init__(self, settings: AccountSettings, guard: Guard, pages: Sequence[SharedLease]) -> None:
        self.settings = settings
        self.guard = guard
        self.pages = pages
        self.claimed = False
        """It has claimed protection at least once."""

    @property
    def name(self) -> str:
        """The user's own name for it."""
        return self.settings.name

    def start(self) -> None:
        """Dials, and takes the leases."""
        self.guard.start()
        self.pulse = Pulse(self.guard)
        for lease, page in zip(self.settings.leases, self.pages, strict=True):
            self.guard.attach(page, budget_s=lease.budget_s)


class Daemon:
    """The guards of one file. ``run`` returns the exit status."""

    def __init__(self, settings: Settings, socket: Path, notifier: Notifier | None = None, say: Say | None = None) -> None:
        """Makes everything, and dials nothing. Raises ``KillcordError`` and ``OSError``; nothing is left behind then."""
        self._settings = settings
        self._say = say or _to_stderr
        self._notifier = notifier or Notifier()
        self._started_ns = _now_ns()
        self._ready = False
        self._said_status = ""
        with ExitStack() as undo:
            # Before any thread is made, each of which inherits it: a signal is for the wait below and for nobody else. An
            # engine's thread that took one would end the process on the spot.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            undo.callback(signal.pthread_sigmask, signal.SIG_SETMASK, before)
            venues = settings.venues()
            fence = undo.enter_context(Fence())
            for venue in venues:
                fence.take(venue)
            self._server = Server(socket)
            undo.callback(self._server.close)
            journal = None if settings.journal is None else Journal(settings.journal)
            self._accounts = [
                Kept(
                    account,
                    Guard(venue, account.policy, journal=journal),
                    [SharedLease(lease.page, lease.name) for lease in account.leases],
                )
                for account, venue in zip(settings.accounts, venues, strict=True)
            ]
            self._held = undo.pop_all()

    def run(self) -> int:
        """Guards until SIGTERM or SIGINT, or until every guard has ended by itself: then 5, else 0."""
        try:
            for account in self._accounts:
                account.start()
            self._server.serve(self)
            self._say(f"killcord {__version__} guards {', '.join(self.names())}; status at {self._server.path}")
            for account in self._accounts:
                if account.guard.snapshot.kind is SwitchKind.SESSION_BOUND:
                    self._say(f"{account.name}: {ONLY_ITS_OWN}")
            return self._until_told()
        finally:
            self._leave()

    # What can be asked over the socket, on its threads.

    def names(self) -> list[str]:
        """The accounts, in the order of the file."""
        return [account.name for account in self._accounts]

    def status(self) -> dict[str, Json]:
        """The state of every guard, at this moment."""
        kept = [account for account in self._accounts if not account.pulse.ended]
        runs = running([account.guard for account in kept], ENGINE_WITHIN_S)
        turning = {account.name for account, turned in zip(kept, runs, strict=True) if turned}
        now_ns = _now_ns()
        accounts: list[Json] = []
        for account in self._accounts:
            facts = account_facts(account.name, account.guard.snapshot, now_ns)
            facts["ended"] = account.pulse.ended
            facts["engine_runs"] = account.name in turning
            accounts.append(facts)
        return {
            "killcord": __version__,
            "pid": os.getpid(),
            "uid": os.geteuid(),
            "config": str(self._settings.path),
            "at_ns": now_ns,
            "running_s": round((now_ns - self._started_ns) / 1e9, 3),
            "ready": self._ready,
            "accounts": accounts,
        }

    def rearm(self, accounts: list[str], acknowledge: str) -> None:
        """Acknowledges a trip of these accounts. Raises what :meth:`Guard.rearm` raises, and ``StillLatched``."""
        chosen = self._named(accounts)
        for account in chosen:
            account.guard.rearm(acknowledge=acknowledge)
        until_s, pause = time.monotonic() + REARMED_WITHIN_S, threading.Event()
        while latched := [account.name for account in chosen if account.guard.snapshot.latched]:
            if time.monotonic() > until_s:
                raise StillLatched(f"{', '.join(latched)}: not rearmed: a kill is under way, or it tripped again; see status")
            pause.wait(LOOK_AGAIN_S)

    def kill(self, accounts: list[str], reason: str) -> dict[str, Json]:
        """Kills these accounts at once, each in a thread; returns when all are over."""
        chosen = self._named(accounts)
        with ThreadPoolExecutor(max(len(chosen), 1), "killcord-kill") as threads:
            results = list(threads.map(lambda account: _killed(account, reason), chosen))
        return dict(zip(accounts, results, strict=True))

    def _named(self, names: list[str]) -> list[Kept]:
        return [account for account in self._accounts if account.name in names]

    # The service's own thread.

    def _until_told(self) -> int:
        watchdog_s = self._notifier.watchdog_s
        turn_s = TURN_S if watchdog_s is None else min(TURN_S, watchdog_s / 4)
        while True:
            got = signal.sigtimedwait(SIGNALS, turn_s)
            if got is not None and got.si_signo in END_SIGNALS:
                self._say(f"{signal.Signals(got.si_signo).name}: letting go of every account; the venues cancel")
                return 0
            if got is not None:
                self._say(HANGUP_REFUSED)
                continue
            self._look()
            if all(account.pulse.ended for account in self._accounts):
                self._say("every guard has ended")
                return 5

    def _look(self) -> None:
        for account in self._accounts:
            account.pulse.look()
            for event in account.guard.drain_events(4096):
                told = _told(event)
                if told is not None:
                    self._say(f"{account.name}: {told}")
        lines = [*self._readiness(), *self._status_line()]
        if all(account.pulse.alive or account.pulse.ended for account in self._accounts):
            lines.append("WATCHDOG=1")
        if lines:
            self._notifier.tell(*lines)

    def _readiness(self) -> list[str]:
        if self._ready:
            return []
        for account in self._accounts:
            account.claimed = account.claimed or account.guard.snapshot.claim
        self._ready = all(account.claimed for account in self._accounts)
        return ["READY=1"] if self._ready else []

    def _status_line(self) -> list[str]:
        states = [(account.name, account.guard.snapshot) for account in self._accounts]
        claiming = sum(state.claim for _, state in states)
        parts = [f"{claiming} of {len(states)} armed"]
        parts += [f"{name} {state.phase.value}" for name, state in states if not state.claim]
        parts += [f"{name} latched" for name, state in states if state.claim and state.latched]
        status = "; ".join(parts)
        if status == self._said_status:
            return []
        self._said_status = status
        return [f"STATUS={status}"]

    def _leave(self) -> None:
        """Lets go of all at once, and then waits for each."""
        self._notifier.tell("STOPPING=1", "STATUS=letting go")
        for account in self._accounts:
            with suppress(KillcordError):
                account.guard._handle.let_go()
        for account in self._accounts:
            try:
                account.guard.stop()
            except KillcordError as error:
                self._say(f"{account.name}: {error}")
        self._held.close()


def _killed(account: Kept, reason: str) -> Json:
    try:
        return report_facts(account.guard.kill_blocking(reason, timeout_s=KILL_WITHIN_S))
    except KillcordError as error:
        return {"error": str(error)}


def _told(event: Event) -> str | None:
    """What is worth a line in the log of the machine; the journal has everything."""
    match event:
        case PhaseChanged(before=before, after=after, why=why):
            return f"{before.value} -> {after.value}: {why}"
        case Tripped(how=how):
            return f"tripped: {how}"
        case GapOpened(why=why):
            return f"not covered: {why}"
        case GapClosed(seconds=seconds):
            return f"covered again after {seconds:.3f} s"
        case KillStarted(reason=reason):
            return f"kill: {reason}"
        case KillEnded(report=report):
            left = "proven empty" if report.proven else f"NOT PROVEN, {len(report.left)} orders known to be left"
            return f"kill ended: {left}"
        case Rearmed(acknowledge=acknowledge):
            return f"rearmed: {acknowledge}"
        case LeaseWarning(lease=lease, silent_s=silent_s):
            return f"lease {lease}: no renewal for {silent_s:.3f} s"
        case LeaseLapsed(lease=lease):
            return f"lease {lease} lapsed: killing"
        case Refused(refusal=refusal):
            return str(refusal)
        case Stalled(late_s=late_s):
            return f"the engine was late by {late_s:.3f} s"
        case ErrorReported(error=error):
            return str(error)
        case Overflow(lost=lost):
            return f"{lost} events were not read"
        case LetGo():
            return "let go"
        case _:
            return None


def _to_stderr(line: str) -> None:
    # Whoever reads standard error may be gone; the guards stay.
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
