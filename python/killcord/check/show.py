"""A report as a table on a terminal, as plain lines where there is none."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .line import Line, Report, Status

_STYLE = {Status.RIGHT: "green", Status.WRONG: "bold red", Status.UNKNOWN: "yellow", Status.NOTE: "dim"}
_WIDTH = 118
"""Where there is no terminal."""


def show(report: Report, console: Console | None = None) -> None:
    """Prints it."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH, file=console.file)
    who = f"{report.venue.value}, {report.environment.value}{f', {report.account}' if report.account else ''}"
    console.print(Text.assemble(("killcord check", "bold"), f"  {who}"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    table.add_column("what", no_wrap=True, style="bold")
    table.add_column("found", ratio=5)
    table.add_column("known from", ratio=4, style="dim")
    for line in report.lines:
        table.add_row(Text(line.status.value, style=_STYLE[line.status]), line.name, _found(line), Text(line.evidence))
    console.print(table)
    console.print(_verdict(report))


def _found(line: Line) -> Text:
    text = Text(line.finding)
    if line.advice:
        text.append(f"\n{line.advice}", style="italic" if line.status is Status.WRONG else "dim italic")
    return text


def _verdict(report: Report) -> Text:
    count = sum(line.status is Status.WRONG for line in report.lines)
    unknown = sum(line.status is Status.UNKNOWN for line in report.lines)
    rest = f"; {unknown} cannot be known by asking" if unknown else ""
    if count:
        return Text(f"{count} not right{rest}", style="bold red")
    return Text(f"nothing wrong was found{rest}", style="bold green")
