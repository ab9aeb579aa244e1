"""A drill's result as a table on a terminal, as plain lines where there is none."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .result import Result, Verdict
from .verdict import expectation

WIDTH = 118
STYLES = {
    Verdict.HELD: "bold green",
    Verdict.LATE: "bold red",
    Verdict.UNDECIDED: "bold yellow",
    Verdict.NOT_CANCELLED: "bold red",
    Verdict.OTHERWISE: "bold red",
}


def show(result: Result, console: Console) -> None:
    """Prints it."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows(result):
        table.add_row(name, Text(value))
    console.print()
    console.print(table)
    console.print(Text.assemble((headline(result), STYLES[result.verdict]), f"; {result.why}" if result.why else ""))
    if result.left:
        console.print(Text(f"LEFT RESTING: {', '.join(result.left)}. Cancel them by hand.", style="bold red"))


def headline(result: Result) -> str:
    """The verdict in a few words."""
    match result.verdict:
        case Verdict.HELD:
            return "HELD: the venue began to cancel within the published bound"
        case Verdict.LATE:
            return "LATE: the venue cancelled, later than published"
        case Verdict.UNDECIDED:
            return "UNDECIDED"
        case Verdict.NOT_CANCELLED:
            return "NOT CANCELLED"
        case Verdict.OTHERWISE:
            return "NOT BY THE SWITCH"


def rows(result: Result) -> list[tuple[str, str]]:
    """The figures, each with how it is known."""
    count = len(result.fates)
    first = result.first.words if result.first else f"not within {_waited(result):.1f} s"
    last = result.last.words if result.last else "not all"
    stamped = result.stamped.words if result.stamped else "it gives none"
    price = f"{count} × {result.side} {result.size:f} {result.instrument} at {result.price:f}"
    end = f"{len(result.left)} could not be shown to be gone" if result.left else "none, read back from the venue"
    if result.cleared:
        end += f"; {result.cleared} were cancelled by the drill, by id"
    return [
        ("orders", f"{price} (together {result.notional:f} {result.currency})"),
        ("armed", f"{result.evidence.replace('_', ' ')}; covers: {result.scope}"),
        ("cut", f"{result.cut.words}"),
        ("expected", expectation(result.venue, result.cut)),
        ("published bound", f"{result.bound_s:.2f} s: {result.because}"),
        ("first order gone", f"{first} after the cut, seen over HTTP every {result.look_every_s:.2f} s"),
        ("by the venue's stamp", stamped),
        ("all gone", last),
        ("reason given", _reasons(result)),
        ("left at the end", end),
        *([("others' orders", f"{result.foreign} rested where the switch reaches")] if result.foreign else []),
    ]


def _reasons(result: Result) -> str:
    words = sorted({f"{fate.state} {fate.reason}".strip() for fate in result.fates})
    return ", ".join(words)


def _waited(result: Result) -> float:
    after = [look.heard_ns for look in result.looks if look.heard_ns > result.cut_ns]
    return (max(after) - result.cut_ns) / 1e9 if after else 0.0
