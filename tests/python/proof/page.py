"""Writes the page. A figure counts as held only when its run speaks of the page's own commit; everything else says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from proof.claims import Claims, Invariant, Part, Target
from proof.runs import Page, Run, Value, find

#: One field of one figure of one scenario at one venue, or over all.
SCENARIO = re.compile(r"found\.([A-Z]\d+)\.(.+)\.([a-z_]+)\.(figure|median|unit|target|held|runs|note|verdict)$")
#: Of one run so many figures are shown; the file has them all.
SHOWN_MAX = 60


class Verdict(StrEnum):
    """What can be said of a figure, best first."""

    HELD = "held"
    EARLIER = "held earlier"
    TOO_FEW = "too few"
    NOT_RUN = "not run"
    MISSED = "**missed**"


def write(claims: Claims, page: Page, runs: Mapping[str, Run]) -> str:
    """The whole page."""
    lines = [*_opening(page), *_table(claims, runs)]
    lines += ["", "## The invariants", ""]
    for invariant in claims.invariants:
        lines += [*_invariant(invariant, runs), ""]
    lines += [*_sources(claims, runs), *_scenarios(runs.get("faults")), *_everything(claims, runs)]
    return "\n".join(lines).rstrip() + "\n"


def judge(part: Part, runs: Mapping[str, Run]) -> tuple[Verdict, str]:
    """The verdict on one figure, and the words for it."""
    run = runs.get(part.source)
    if run is None:
        return Verdict.NOT_RUN, f"{part.says}: not run"
    value = find(run, part.key, part.take)
    if value is None:
        return Verdict.NOT_RUN, f"{part.says}: not in `{part.source}`"
    said = f"{part.says}: {number(value)}{' ' + part.unit if part.unit else ''}"
    if not run.is_current:
        said = f"{said} (at {run.commit or 'an unknown commit'})"
    if not part.holds(value):
        too_few = part.at_least is not None and value < part.at_least
        return (Verdict.TOO_FEW, f"{said}, of {number(part.at_least)}") if too_few and part.at_least else (Verdict.MISSED, said)
    return (Verdict.HELD if run.is_current else Verdict.EARLIER), said


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """A row is as good as its worst part."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.NOT_RUN)


def number(value: float) -> str:
    """Whole numbers with separators, others with as many digits as say something."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _opening(page: Page) -> Iterator[str]:
    yield "# Proof"
    yield ""
    yield "Made by `make proof` from what the last runs wrote down; not typed. What each invariant means for a user is in"
    yield "[promises.md](promises.md), how the tests are built in [testing.md](testing.md)."
    yield ""
    yield f"Commit `{page.commit}`. Machine: {page.cores} cores, {page.machine}, {page.kernel}."
    yield ""
    yield "* *held*: measured at this commit, and what was promised. A run counts for this commit when nothing that it builds on"
    yield "  has changed since it was made."
    yield "* *held earlier*: what was promised, at another commit, which is named. That is not proof of this one."
    yield "* *too few*: nothing is wrong in what was run, and it is less than what would prove it."
    yield "* *missed*: the figure is worse than promised. *not run*: there is no figure, whatever the reason."
    yield ""


def _table(claims: Claims, runs: Mapping[str, Run]) -> Iterator[str]:
    yield "## Figures"
    yield ""
    yield "| figure | target | found | | again with |"
    yield "|---|---|---|---|---|"
    for target in claims.targets:
        yield _row(target, runs)


def _row(target: Target, runs: Mapping[str, Run]) -> str:
    judged = [judge(part, runs) for part in target.parts]
    found = "; ".join(words for _, words in judged)
    note = f"{'; ' if found and target.note else ''}{target.note}"
    command = f"`{target.command}`" if target.command else ""
    return f"| {target.name} | {target.target} | {found}{note} | {worst(verdict for verdict, _ in judged).value} | {command} |"


def _invariant(invariant: Invariant, runs: Mapping[str, Run]) -> Iterator[str]:
    yield f"### {invariant.id} {invariant.name}"
    yield ""
    yield f"**Claimed.** {invariant.claim}"
    yield ""
    yield f"**Tested.** {invariant.how}"
    yield ""
    for test in invariant.tests:
        path, _, name = test.partition("::")
        yield f"* `{path}`{': ' + name if name else ''}"
    judged = [judge(part, runs) for part in invariant.parts]
    if judged:
        yield ""
        yield "**Last figures.** " + "; ".join(_told(*each) for each in judged) + "."
    yield ""
    yield "**Again with** " + ", ".join(f"`{command}`" for command in invariant.commands) + "."


def _told(verdict: Verdict, words: str) -> str:
    return words if verdict is Verdict.NOT_RUN else f"{words} ({verdict.value})"


def _sources(claims: Claims, runs: Mapping[str, Run]) -> Iterator[str]:
    yield "## Runs"
    yield ""
    yield "| run | what | commit | |"
    yield "|---|---|---|---|"
    for source in claims.sources:
        run = runs.get(source.name)
        at = "" if run is None else run.commit or "not stated"
        yield f"| `{source.command}` | {source.what} | {at} | {_standing(run)} |"


def _standing(run: Run | None) -> str:
    if run is None:
        return "not run"
    if run.is_current:
        return "speaks of this commit"
    if run.changed < 0:
        return "of a tree that is no commit"
    return f"older: {run.changed} file{'s' if run.changed != 1 else ''} it builds on changed since"


def _scenarios(run: Run | None) -> Iterator[str]:
    """Every figure of the fault matrix: the worst of the venues, its target, and what the run itself made of it."""
    found: dict[str, dict[str, list[Value]]] = {}
    for key, value in run.figures.items() if run else ():
        if named := SCENARIO.match(key):
            found.setdefault(f"{named[1]} {named[2]}", {}).setdefault(named[4], []).append(value)
    if run is None or not found:
        return
    yield ""
    yield "## The fault matrix"
    yield ""
    yield f"Worst of the venues, by the run at `{run.commit}`, in its own words."
    yield ""
    yield "| scenario | found | target | |"
    yield "|---|---|---|---|"
    for name, fields in found.items():
        figures = [value for value in fields.get("figure", []) if isinstance(value, float)]
        targets = [value for value in fields.get("target", []) if isinstance(value, float)]
        unit = "".join(sorted({f" {unit}" for unit in fields.get("unit", []) if unit}))
        said = ", ".join(sorted({str(verdict) for verdict in fields.get("verdict", [])}))
        target = f"{number(max(targets))}{unit}" if targets else ""
        yield f"| {_cell(name)} | {number(max(figures)) if figures else '-'}{unit} | {target} | {_cell(said)} |"


def _everything(claims: Claims, runs: Mapping[str, Run]) -> Iterator[str]:
    yield ""
    yield "## Everything that was written down"
    for source in claims.sources:
        run = runs.get(source.name)
        told = {} if run is None else run.figures
        figures = {key: value for key, value in told.items() if key != "commit" and not SCENARIO.match(key)}
        if not figures:
            continue
        yield ""
        yield f"`docs/proof/{source.name}.json`"
        yield ""
        yield "| figure | |"
        yield "|---|---|"
        for key, value in list(figures.items())[:SHOWN_MAX]:
            yield f"| {_cell(key)} | {number(value) if isinstance(value, float) else _cell(value)} |"
        if len(figures) > SHOWN_MAX:
            yield f"| and {len(figures) - SHOWN_MAX} more in the file | |"


def _cell(text: str) -> str:
    """Without what would end the cell."""
    return text.replace("|", "\\|").replace("\n", " ")
