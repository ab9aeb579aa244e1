"""What ``killcord status`` and ``killcord kill`` print for people. Needs the extra ``cli``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..model import Json
from .killing import Killing, Outcome

OLD_S = 1.0
"""An answer that was on its way for longer says how things were, not how they are."""
WIDE = 400
"""Columns where nobody looks: whatever reads it should not have to put lines together again."""


def answer_age_s(state: Mapping[str, Json]) -> float:
    """How long ago the service said this, on the clock both share."""
    at_ns = state.get("at_ns")
    now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return (now_ns - at_ns) / 1e9 if isinstance(at_ns, int) else float("inf")


def status(state: Mapping[str, Json], age_s: float) -> None:
    """The table, and below it what needs more room."""
    _status(_console(), cast(Mapping[str, Any], state), age_s)


def _status(console: Console, state: Mapping[str, Any], age_s: float) -> None:
    console.print(
        Text(f"killcord {state['killcord']}, process {state['pid']}, for {_span(state['running_s'])}, of {state['config']}"),
        soft_wrap=True,
    )
    if age_s > OLD_S:
        console.print(Text(f"THIS ANSWER IS OLD: it is from {_span(age_s)} ago", "bold red"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("account", "venue", "claims", "phase", "covers", "evidence", "bound", "trips in", "permit", "leases"):
        table.add_column(heading, no_wrap=True)
    for account in state["accounts"]:
        table.add_row(*_row(account))
    console.print(table)
    for account in state["accounts"]:
        for line in _remarks(account):
            console.print(Text(f"{account['name']}: {line}"), soft_wrap=True)


def kill(killing: Killing) -> None:
    """Each account with what every attempt did."""
    console = _console()
    for note in killing.notes:
        console.print(Text(note, "yellow"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("account", "proven empty", "by", "link", "http", "dropped", "proven", "left"):
        table.add_column(heading, no_wrap=True)
    for outcome in killing.outcomes:
        for attempt in outcome.attempts:
            table.add_row(*_attempt(outcome, attempt))
    console.print(table)
    for outcome in killing.outcomes:
        for line in _why(outcome):
            console.print(Text(f"{outcome.name}: {line}", "red"), soft_wrap=True)


def _row(account: Mapping[str, Any]) -> list[Text | str]:
    claims = Text("yes", "green") if account["claim"] else Text("NO", "bold red")
    coverage = account["coverage"]
    evidence = str(account["evidence"]).replace("_", " ")
    if account["evidence_age_s"] is not None:
        evidence += f", {_span(account['evidence_age_s'])} ago"
    trips = account["trips_in_s"]
    permit = "latched" if account["latched"] else "yes" if account["permit"] else "no"
    return [
        Text(account["name"]),
        account["venue"],
        claims,
        account["phase"],
        " ".join([coverage["scope"], *coverage["products"]]),
        evidence,
        f"{account['exposure']['bound_s']:g} s",
        "" if trips is None else f"{trips['earliest']:.1f} to {trips['latest']:.1f} s",
        Text(permit, "green" if permit == "yes" else "yellow"),
        ", ".join(_lease(lease) for lease in account["leases"]) or "none",
    ]


def _lease(lease: Mapping[str, Any]) -> str:
    if lease["lapsed"]:
        return f"{lease['name']} LAPSED"
    doubt = "" if lease["doubt"] is None else f" ({lease['doubt']})"
    if lease["renewed_age_s"] is None:
        return f"{lease['name']} waits{doubt}"
    return f"{lease['name']} {lease['renewed_age_s']:.3f} of {lease['budget_s']:g} s{doubt}"


def _remarks(account: Mapping[str, Any]) -> list[str]:
    found = []
    if account["ended"]:
        found.append("its guard has ended: nothing is kept")
    elif not account["engine_runs"]:
        found.append("ITS ENGINE DOES NOT RUN: it was woken and made no turn")
    if account["gap_s"] is not None:
        found.append(f"not covered for {_span(account['gap_s'])}")
    if account["maintenance"]:
        found.append("maintenance")
    if not account["claim"]:
        found.append(f"waits for {account['waiting_for']}")
    if account["last_error"] is not None:
        found.append(f"last error: {account['last_error']}")
    return found


def _attempt(outcome: Outcome, attempt: Mapping[str, Any]) -> list[Text | str]:
    if "error" in attempt:
        return [Text(outcome.name), Text("NO", "bold red"), attempt["by"], "", "", "", "", "unknown"]
    return [
        Text(outcome.name),
        Text("yes", "green") if attempt["proven"] else Text("NO", "bold red"),
        attempt["by"],
        _path(attempt["link"]),
        _path(attempt["http"]),
        _millis(attempt["dropped_s"]),
        _millis(attempt["proven_s"]),
        "none" if attempt["proven"] else str(len(attempt["left"])) if attempt["left"] else "unknown",
    ]


def _path(path: Mapping[str, Any]) -> str:
    if path["sent_s"] is None:
        return "not used"
    if path["acknowledged_s"] is None:
        return "no answer"
    count = "" if path["cancelled"] is None else f", {path['cancelled']} cancelled"
    return f"{_millis(path['acknowledged_s'])}{count}"


def _why(outcome: Outcome) -> list[str]:
    found = []
    for attempt in outcome.attempts:
        if "error" in attempt:
            found.append(f"{attempt['by']}: {attempt['error']}")
        elif not outcome.proven:
            found += [f"{attempt['by']}: {attempt['refusal'] or 'not proven in time'}"]
            left = attempt["left"]
            found += [f"still open: {order['instrument']} {order['order_id']}" for order in _orders(left)]
        if "note" in attempt:
            found.append(str(attempt["note"]))
    return found


def _orders(left: object) -> Sequence[Mapping[str, Any]]:
    return left if isinstance(left, list) else []


def _millis(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    return console
