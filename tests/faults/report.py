"""What a run says: one figure per thing measured and venue, beside its target, as a table and as lines of JSON.

Nothing here raises: a figure that misses its target is a finding, and the run goes on to the next one.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from killcord import VenueName

Verdict = Literal["held", "missed", "admitted", "skipped", "reported"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. A scenario that could not run is one row with ``skipped`` and no figure."""

    id: str
    title: str
    measure: str
    venue: str
    figure: float | None
    """The worst of all runs; the smallest where ``target`` is a least."""
    median: float | None
    unit: str
    target: float | None
    """At most this. None: only reported."""
    held: bool | None
    """None: nothing was promised, or nothing was measured."""
    runs: int
    skipped: str = ""
    note: str = ""
    """Why a target is known to be missed, or what the figure does not say."""

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        if self.skipped:
            return "skipped"
        if self.held is None:
            return "reported"
        if self.held:
            return "held"
        return "admitted" if self.note else "missed"


class Report:
    """The figures of one scenario, as they come."""

    def __init__(self, id: str, title: str) -> None:
        self.id = id
        self.title = title
        self.rows: list[Row] = []
        self.findings: list[str] = []
        """What the reader of a failure wants to know."""

    def take(
        self,
        measure: str,
        samples: Mapping[VenueName, Sequence[float]] | Sequence[float],
        at_most: float | Mapping[VenueName, float] | None,
        unit: str = "ms",
        note: str | Mapping[VenueName, str] = "",
    ) -> None:
        """Adds a figure, or one for each venue. Without samples it is not held, whatever the target. A note says why a
        miss is expected; it does not make it one that is not shown.
        """
        each = samples.items() if isinstance(samples, Mapping) else [(None, samples)]
        for venue, ones in each:
            target = at_most[venue] if isinstance(at_most, Mapping) and venue is not None else at_most
            assert target is None or isinstance(target, int | float)
            said = note if isinstance(note, str) else note.get(venue, "") if venue is not None else ""
            self.rows.append(self._row(measure, venue, list(ones), target, unit, said))

    def never(self, measure: str, found: Iterable[str], of: int, unit: str = "") -> None:
        """Something that must not be: how often it was, in so many looks. No look is no proof."""
        what = list(found)
        held = not what and of > 0
        self.rows.append(Row(self.id, self.title, measure, "all", float(len(what)), None, unit, 0.0, held, of))
        if not held:
            self.findings.append(f"{self.id} {measure}: {'; '.join(what[:3]) or 'nothing was looked at'}")

    def skip(self, reason: str) -> None:
        """The whole scenario, with the reason."""
        self.rows = [Row(self.id, self.title, "", "", None, None, "", None, None, 0, skipped=reason)]

    def break_off(self, reason: str) -> None:
        """The scenario itself failed."""
        self.rows.append(Row(self.id, self.title, "the scenario ran to its end", "all", None, None, "", None, False, 0))
        self.findings.append(f"{self.id}: {reason}")

    def _row(
        self, measure: str, venue: VenueName | None, samples: list[float], target: float | None, unit: str, note: str
    ) -> Row:
        worst = max(samples) if samples else None
        middle = statistics.median(samples) if samples else None
        held: bool | None = None
        if target is not None or not samples:
            # A comparison that is false for what is not a number.
            held = worst is not None and target is not None and worst <= target
        note = "" if held or not samples else note
        name = "all" if venue is None else venue.value
        return Row(self.id, self.title, measure, name, worst, middle, unit, target, held, len(samples), note=note)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """One line per figure, the scenarios' titles between them."""
    width = max((len(row.measure) for row in rows), default=0)
    last = ""
    for row in rows:
        if row.id != last:
            yield f"{row.id}  {row.title}" + (f"  SKIPPED: {row.skipped}" if row.skipped else "")
            last = row.id
        if row.skipped:
            continue
        figure = "-" if row.figure is None else f"{row.figure:.4g}"
        target = "" if row.target is None else f"<= {row.target:g}"
        line = f"      {row.measure:<{width}}  {row.venue:<10}  {figure:>8} {row.unit:<3} {target:>9}  n={row.runs:<5} {row.verdict}"
        yield line + (f" ({row.note})" if row.note else "")


def document(rows: Sequence[Row]) -> dict[str, object]:
    """The same by id, measure and venue, as one document."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    skipped: dict[str, str] = {}
    for row in rows:
        if row.skipped:
            skipped[row.id] = row.skipped
            continue
        figures = {name: value for name, value in asdict(row).items() if name in FIGURES and value is not None}
        found.setdefault(row.id, {}).setdefault(row.measure, {})[row.venue] = {**figures, "verdict": row.verdict}
    return {"found": found, "skipped": skipped}


def merged(rows: Sequence[Row], older: Sequence[Row]) -> list[Row]:
    """What was played now, and of before what was not played now."""
    fresh = {row.id for row in rows}
    return sorted([*rows, *(row for row in older if row.id not in fresh)], key=lambda row: row.id)


def lines(rows: Sequence[Row], commit: str) -> str:
    """A line of JSON for each figure."""
    return "".join(json.dumps({"commit": commit, **asdict(row), "verdict": row.verdict}) + "\n" for row in rows)


def read(path: Path, commit: str) -> list[Row]:
    """Those of the same commit; nothing when there are none."""
    if not path.is_file():
        return []
    found = [json.loads(line) for line in path.read_text().splitlines()]
    names = Row.__slots__
    return [Row(**{name: line[name] for name in names}) for line in found if line["commit"] == commit]


FIGURES = ("figure", "median", "unit", "target", "held", "runs", "note")
