"""What ``killcord journal`` shows: a timeline, or the intervals nothing covered. Needs the extra ``cli``."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .journal import JournalLine, TornLine, Uncovered, read, uncovered
from .model import Json

WIDE = 400
"""Columns where nobody looks: whatever reads it should not have to put lines together again."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COLOURS = {
    "switch_armed": "green",
    "gap_closed": "green",
    "gap_opened": "red",
    "tripped": "bold red",
    "link_dead": "red",
    "kill_started": "bold red",
    "kill_ended": "bold red",
    "lost": "bold yellow",
    "torn": "yellow",
    "error": "red",
    "refused": "red",
}


def since_of(text: str, now: datetime) -> datetime:
    """``10m`` before now, or a date and time; without a zone it is UTC, as everything in a journal.

    >>> since_of("2026-11-20T12:00", datetime.now(timezone.utc)).isoformat()
    '2026-11-20T12:00:00+00:00'
    >>> since_of("90s", datetime(2026, 11, 20, 12, 0, 0, tzinfo=timezone.utc)).isoformat()
    '2026-11-20T11:58:30+00:00'
    """
    short = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if short is not None:
        return now - timedelta(seconds=int(short[1]) * UNITS[short[2]])
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        rule = "neither a length such as 10m, 2h, 1d nor a time such as 2026-11-20T12:00"
        raise ValueError(f"--since {text!r} is {rule}") from None
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)


def show(path: Path, since: datetime | None, *, gaps: bool, as_json: bool) -> None:
    """Writes to standard output. Raises ``OSError`` when the journal cannot be read."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    if gaps:
        _show_gaps(console, path, since, as_json)
    else:
        _show_timeline(console, path, since, as_json)


def _show_timeline(console: Console, path: Path, since: datetime | None, as_json: bool) -> None:
    for line in read(path):
        if isinstance(line, TornLine):
            torn = f"{line.path.name}: {line.length} bytes at {line.offset} are not a line of a journal"
            if as_json:
                _say({"torn": line.path.name, "offset": line.offset, "bytes": line.length})
            else:
                console.print(Text(torn, "yellow"), soft_wrap=True)
        elif since is None or line.wall >= since:
            if as_json:
                print(line.text)
            else:
                console.print(_row(line), soft_wrap=True)


def _row(line: JournalLine) -> Text:
    guard = f"{line.venue}/{line.account}" if line.venue is not None else "journal"
    row = Text(f"{_stamp(line.wall)}  {_plain(guard):<20} ")
    row.append(f"{_plain(line.kind):<14}", COLOURS.get(line.kind, "bold"))
    said = [_said(name, value) for name, value in line.fields.items() if value not in (None, "")]
    return row.append(" " + "  ".join(said))


def _show_gaps(console: Console, path: Path, since: datetime | None, as_json: bool) -> None:
    lines = list(read(path))
    found = [each for each in uncovered(lines) if since is None or each.end is None or each.end >= since]
    lost = sum(_count(line) for line in lines if isinstance(line, JournalLine) and (since is None or line.wall >= since))
    total = sum(each.seconds for each in found)
    if as_json:
        for each in found:
            _say(_as_json(each))
        _say({"intervals": len(found), "total_s": total, "events_lost": lost})
        return
    console.print(_table(found) if found else "no interval without protection", soft_wrap=True)
    if found:
        noun = "interval" if len(found) == 1 else "intervals"
        console.print(f"{len(found)} {noun}, {total:.3f} s in all")
    if lost:
        console.print(Text(f"{lost} events are not in this journal; intervals among them would not be listed", "yellow"))


def _table(found: list[Uncovered]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("guard", "from (UTC)", "to", "seconds", "why"):
        table.add_column(name, justify="right" if name == "seconds" else "left", no_wrap=name != "why")
    for each in found:
        end = "not over" if each.end is None else _until(each.begin, each.end)
        guard = _plain(f"{each.venue}/{each.account}")
        table.add_row(Text(guard), _stamp(each.begin), end, f"{each.seconds:.3f}", Text(_plain(each.why)))
    return table


def _as_json(each: Uncovered) -> dict[str, Json]:
    end = None if each.end is None else each.end.isoformat()
    return {
        "venue": each.venue,
        "account": each.account,
        "begin": each.begin.isoformat(),
        "end": end,
        "seconds": each.seconds,
        "why": each.why,
    }


def _count(line: JournalLine) -> int:
    count = line.fields.get("count")
    return count if line.kind == "lost" and isinstance(count, int) else 0


def _say(value: dict[str, Json]) -> None:
    print(json.dumps(value))


def _said(name: str, value: Json) -> str:
    return f"{name}={_plain(value if isinstance(value, str) else json.dumps(value))}"


def _plain(text: str) -> str:
    """Escapes what a terminal would act on: a journal is read by people who did not write it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _until(begin: datetime, end: datetime) -> str:
    """The day only where it is another one."""
    return _stamp(end) if end.date() != begin.date() else _stamp(end).split()[1]


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

