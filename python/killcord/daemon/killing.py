"""The red button from a shell. A guard that runs is told, so that it latches; where none runs, or none answers in time, this
process cancels by itself: over HTTP first, and over a link of its own when HTTP does not prove it soon.

Its own link comes second because a venue's switch has to be armed on it: it must not fight for the session of a guard that
only did not answer, and on Kraken the countdown fires once more after it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ..errors import KillcordError
from ..guard import ARMED, HOPELESS, Guard
from ..model import Json, VenueName
from ..settings import AccountSettings
from ..venues import Venue
from .client import Call, Denied, NoAnswer, NobodyThere
from .facts import report_facts

ACCEPT_WITHIN_S = 1.0
"""A running guard that has not said yes by then is not waited for."""
REPORT_WITHIN_S = 45.0
HTTP_ALONE_S = 3.0
"""So long HTTP has to prove the kill before a link is dialled as well."""
LINK_WITHIN_S = 10.0
KILL_WITHIN_S = 40.0


@dataclass(slots=True)
class Outcome:
    """What became of one account."""

    name: str
    attempts: list[dict[str, Json]] = field(default_factory=list)
    """Each with ``by``, who did it, and either a report or an ``error``."""
    latched: bool = False
    """A running guard has killed, and so is latched."""

    @property
    def proven(self) -> bool:
        """Some attempt saw the venue list no open order any more."""
        return any(attempt.get("proven") is True for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class Killing:
    """The whole of it."""

    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]
    """What a person must know beside the reports."""

    @property
    def proven(self) -> bool:
        """Every account was proven empty."""
        return all(outcome.proven for outcome in self.outcomes)


def kill(accounts: list[AccountSettings], reason: str, socket: Path | None) -> Killing:
    """Kills these accounts. Raises nothing: what fails is in the outcome."""
    outcomes = {account.name: Outcome(account.name) for account in accounts}
    with ThreadPoolExecutor(len(accounts) * 2 + 1, "killcord-kill") as threads:
        told = _Told(accounts, reason, socket)
        own: list[Future[None]] = []
        telling = threads.submit(told.tell, outcomes)
        # Known within the deadline whichever way it goes: what the guard does not have is begun here at once.
        told.settled.wait()
        for account in accounts:
            if account.name not in told.accepted:
                own.append(threads.submit(_kill_here, account, reason, outcomes[account.name]))
        wait([telling, *own])
        # No report, a guard that has ended, or no proof: another process with connections of its own may do better.
        left = [account for account in accounts if account.name in told.accepted and not outcomes[account.name].proven]
        list(threads.map(lambda account: _kill_here(account, reason, outcomes[account.name]), left))
    return Killing(tuple(outcomes.values()), tuple(told.notes))


class _Told:
    """The running guard's part."""

    def __init__(self, accounts: list[AccountSettings], reason: str, socket: Path | None) -> None:
        self._names = [account.name for account in accounts]
        self._reason = reason
        self._socket = socket
        self.accepted: set[str] = set()
        self.notes: list[str] = []
        self.settled = threading.Event()

    def tell(self, outcomes: dict[str, Outcome]) -> None:
        try:
            self._tell(outcomes)
        except NobodyThere as error:
            self.notes.append(f"{error}: cancelled without it")
        except (NoAnswer, Denied) as error:
            unlatched = "" if self.accepted else "; if a guard runs there it is not latched"
            self.notes.append(f"{error}: cancelled without it{unlatched}")
        finally:
            self.settled.set()

    def _tell(self, outcomes: dict[str, Outcome]) -> None:
        if self._socket is None:
            raise NobodyThere("no socket is known")
        request: dict[str, Json] = {"do": "kill", "accounts": list(self._names), "reason": self._reason}
        with Call(self._socket) as call:
            answer = call.ask(request, ACCEPT_WITHIN_S).get("accepted")
            named = cast(list[Json], answer) if isinstance(answer, list) else []
            self.accepted = {name for name in named if isinstance(name, str)} & set(self._names)
            for name in self._names:
                if name not in self.accepted:
                    self.notes.append(f"the killcord run of process {call.peer.pid} does not guard {name}: cancelled without it")
            self.settled.set()
            if self.accepted:
                self._reports(call, outcomes)

    def _reports(self, call: Call, outcomes: dict[str, Outcome]) -> None:
        results = call.next(REPORT_WITHIN_S).get("results")
        if not isinstance(results, dict):
            raise NoAnswer(f"process {call.peer.pid} gave no report")
        for name in self.accepted:
            report = results.get(name)
            if isinstance(report, dict):
                outcomes[name].latched = "error" not in report
                outcomes[name].attempts.append({"by": f"the running guard, process {call.peer.pid}", **report})


def _kill_here(account: AccountSettings, reason: str, outcome: Outcome) -> None:
    try:
        venue = account.venue()
        guard = Guard(venue, account.policy)
    except (KillcordError, OSError) as error:
        outcome.attempts.append({"by": "this command", "error": str(error)})
        return
    proven = threading.Event()
    with ThreadPoolExecutor(2, "killcord-kill") as threads:
        http = threads.submit(_attempt, guard, reason, "this command, over HTTP")
        http.add_done_callback(lambda done: proven.set() if done.result().get("proven") is True else None)
        link = threads.submit(_over_own_link, venue, account, reason, proven)
    outcome.attempts.append(http.result())
    over_link = link.result()
    if over_link is not None:
        outcome.attempts.append(over_link)


def _over_own_link(
    venue: Venue, account: AccountSettings, reason: str, proven: threading.Event
) -> dict[str, Json] | None:
    if proven.wait(HTTP_ALONE_S):
        return None
    by = "this command, over a link of its own"
    try:
        guard = Guard(venue, account.policy)
        guard.start()
        try:
            state = guard.wait_phase(ARMED | HOPELESS, LINK_WITHIN_S)
            if state.phase not in ARMED:
                return {"by": by, "error": str(state.last_error or f"the guard is {state.phase.value}")}
            return {**_attempt(guard, reason, by), **_aftermath(account)}
        finally:
            guard.stop()
    except KillcordError as error:
        return {"by": by, "error": str(error)}


def _aftermath(account: AccountSettings) -> dict[str, Json]:
    if account.venue_name is not VenueName.KRAKEN:
        return {}
    return {"note": "Kraken's countdown was switched on for it, and cancels once more when its window is over"}


def _attempt(guard: Guard, reason: str, by: str) -> dict[str, Json]:
    try:
        return {"by": by, **report_facts(guard.kill_blocking(reason, timeout_s=KILL_WITHIN_S))}
    except KillcordError as error:
        return {"by": by, "error": str(error)}
