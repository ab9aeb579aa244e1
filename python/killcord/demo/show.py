"""How it looks: one table that fills while things are broken, on a terminal; plain lines, and the table at the end, where
there is none.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from .board import Board, Row
from .parties import PARTIES, Party, party_of
from .promises import Promise, Stage, Unit

WIDTH = 118
PROMISE_WIDTH = 35
CELL_WIDTH = 18
LIVE_WIDTH = 112
LIVE_HEIGHT = 23
"""A terminal smaller than this gets lines: a table that is cut off or folded shows less than they do."""
INTRO = (
    "[bold]killcord demo[/bold]: four guards arm on four venues that are embedded in this program, and things are broken "
    "one by one. Each cell is [bold]measured ≤ bound[/bold]: what the venue recorded or the guard told, both on one clock, "
    "and what killcord promises. [cyan]Venue clock ×5[/cyan] means that the venue's own periods, and with them its bounds, "
    "last a fifth as long: a heartbeat of 30 s comes every 6 s. The guards' own figures are never shortened."
)
NOTES = (
    "Deribit asks for a sign of life only after an interval of silence. At true timing the guard's own probes come first; "
    "at ×25 it does ask, and is answered. Kraken cannot be asked whether its switch is on: its acknowledgement is the "
    "evidence. The others were read back. A dead link to Crypto.com or Deribit is kept, because closing it is the trip; "
    "elsewhere a new one is dialled. Healing delivers what was held back, so that no dial has to be repeated; on a "
    "real path the next one may be up to a second away. After a kill the kernel ends the connections, which a venue sees "
    "at once; a silent cut is the worst case. These venues are written from the venues' documents and are not the venues: "
    "rehearse on a test environment too."
)


class Show:
    """Shows a board while it fills."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH + 2)
        self._signs = Signs(self._console.encoding)
        self._spinner = Spinner(self._signs.spinner, style="cyan")
        self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=8)
        self._stage: Stage | None = None
        roomy = self._console.width >= LIVE_WIDTH and self._console.height >= LIVE_HEIGHT
        self._lively = self._console.is_terminal and roomy

    def __enter__(self) -> Self:
        self._print(INTRO)
        if self._lively:
            self._board.changed = lambda row: self._live.refresh()
            self._live.start()
        else:
            self._board.changed = self._say
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def conclude(self, took_s: float) -> None:
        """What is left to say once everything was done."""
        if not self._lively:
            self._console.print(self._table())
        if self._board.refusals:
            self._console.print(self._refusals())
        self._print(f"[dim]{NOTES}[/dim]\n")
        for line in self._broken():
            self._console.print(Text(line, style="red"))
        rows = self._board.rows()
        count = sum(not row.held for row in rows)
        if self._board.held:
            self._print(f"[bold green]All {len(rows)} promises were held[/bold green], in {took_s:.0f} s.")
        else:
            self._print(f"[bold red]{count} of {len(rows)} promises were not held[/bold red], in {took_s:.0f} s.")

    def _broken(self) -> list[str]:
        """A line for each promise that was broken, and one for each place where nothing could be measured."""
        lines = []
        for row in self._board.rows():
            where = f"{self._signs.no} {party_of(row.venue).title}. {row.promise.stage.title}"
            if row.measured is None:
                lines.append(f"{where}: {row.detail}")
            elif not row.held:
                why = f" ({row.detail})" if row.detail else ""
                lines.append(f"{where}; {row.promise.text}: {self._signs.words(row).strip()}{why}")
        return list(dict.fromkeys(lines))

    def _print(self, text: str) -> None:
        self._console.print(self._signs.plain(text), width=min(WIDTH, self._console.width))

    def _say(self, row: Row | None) -> None:
        """A line for what has just been found."""
        stage = self._board.stage
        if stage is not None and stage is not self._stage:
            self._stage = stage
            self._print(f"\n{stage.title}{_clock(stage)}")
        if row is not None:
            verdict = "held" if row.held else "NOT HELD"
            title = party_of(row.venue).title
            self._print(f"  {verdict:9}{title:12} {row.promise.text:{PROMISE_WIDTH}} {self._signs.words(row)}")
        sys.stdout.flush()

    def _table(self) -> RenderableType:
        lines: list[RenderableType] = ["", self._head()]
        for stage in Stage:
            lines.append(self._title(stage))
            lines += [self._line(promise) for promise in stage.promises]
        return Group(*lines)

    def _head(self) -> RenderableType:
        return _row("", *(Text(party.title, style="bold") for party in PARTIES))

    def _title(self, stage: Stage) -> RenderableType:
        now = stage is self._board.stage
        title = Text(stage.title, style="bold cyan" if now else "bold")
        title.append(_clock(stage), style="cyan")
        if now and self._board.standing_still:
            title.append("   and now this table stands still too", style="bold yellow")
        line = Table.grid(padding=(0, 1))
        line.add_row(self._spinner if now else Text(" "), title)
        return line

    def _line(self, promise: Promise) -> RenderableType:
        return _row(promise.text, *(self._cell(promise, party) for party in PARTIES))

    def _cell(self, promise: Promise, party: Party) -> Text:
        row = self._board.row(promise, party.name)
        if row is None:
            return Text(self._signs.waiting, style="cyan" if promise.stage is self._board.stage else "dim")
        if row.held:
            return Text.assemble((self._signs.yes, "green"), " ", self._signs.words(row))
        return Text.assemble((self._signs.no, "bold red"), " ", (self._signs.words(row), "red"))

    def _refusals(self) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(max_width=WIDTH - 24)
        for party in PARTIES:
            if party.name in self._board.refusals:
                table.add_row(f"  {party.title}", Text(self._board.refusals[party.name]))
        return Group("", Text("What the guards said when they were refused", style="bold"), table, "")


class Signs:
    """The signs of the table, in what the terminal can show."""

    def __init__(self, encoding: str) -> None:
        try:
            "✓✗≤×…".encode(encoding)
        except UnicodeEncodeError:
            self.yes, self.no, self.most, self.waiting, self.spinner, self._rich = "+", "!", "<=", "..", "line", False
        else:
            self.yes, self.no, self.most, self.waiting, self.spinner, self._rich = "✓", "✗", "≤", "…", "dots", True

    def plain(self, text: str) -> str:
        """The text without what cannot be shown."""
        return text if self._rich else text.replace("×", "x").replace("≤", "<=")

    def words(self, row: Row) -> str:
        """What was measured, beside what was promised."""
        if row.measured is None or row.bound is None:
            return "not shown"
        match row.promise.unit:
            case Unit.MS:
                return f"{_length(row.measured):>6} {self.most if row.held else '>'} {_length(row.bound)}"
            case Unit.ORDERS:
                return f"{row.measured:.0f} orders" if row.measured else "none"
            case Unit.CLAIMS:
                return f"{row.measured:.0f} times" if row.measured else "never"


def _length(length_ms: float) -> str:
    """Three digits say enough.

    >>> [_length(each) for each in (0.66, 3.14, 47.9, 447.9, 999.9, 2311.2, 24100.0)]
    ['0.7 ms', '3.1 ms', '48 ms', '448 ms', '1.00 s', '2.31 s', '24.1 s']
    """
    if length_ms < 10:
        return f"{length_ms:.1f} ms"
    if length_ms < 999.5:
        return f"{length_ms:.0f} ms"
    return f"{length_ms / 1e3:.{2 if length_ms < 9995 else 1}f} s"


def _clock(stage: Stage) -> str:
    return "" if stage.factor == 1 else f"   venue clock ×{1 / stage.factor:.0f}"


def _row(first: str, *cells: Text) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2)
    table.add_column(width=PROMISE_WIDTH)
    for _ in cells:
        table.add_column(width=CELL_WIDTH)
    table.add_row("", first, *cells)
    return table
