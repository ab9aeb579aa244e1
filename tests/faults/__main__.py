"""``python -m faults``: plays what was chosen and prints every figure beside its target.

Ends with 0 when something was played and every target was met, or missed for a reason that is stated; with 1 when one was
missed; with 2 when nothing could be played, which is no success.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from proof.record import RUNS, commit, write

from faults.catalogue import catalogue
from faults.elsewhere import play_elsewhere
from faults.field import missing
from faults.report import Report, Row, document, lines, merged, read, table
from faults.scenario import Elsewhere, Entry, NotHere, Scenario

TIMES = 3
TRIES = 3
"""A time that a busy machine spoiled is measured again. What must never be is judged in every try."""


def main() -> int:
    """From the command line to the exit status."""
    options = parsed()
    entries = chosen(catalogue(), options.only, gate=options.gate)
    if options.list:
        print("\n".join(f"{entry.id}  {kind(entry):<9}  {entry.title}" for entry in entries))
        return 0
    if not entries:
        print(f"faults: nothing is called {options.only}", file=sys.stderr)
        return 2
    without = missing()
    began = time.monotonic()
    reports: list[Report] = []
    for jobs, some in ((options.jobs, [e for e in entries if not is_alone(e)]), (1, [e for e in entries if is_alone(e)])):
        with ThreadPoolExecutor(jobs) as pool:
            for report in pool.map(lambda entry: played(entry, options.runs, without), some):
                reports.append(report)
                print("\n".join(table(report.rows)), flush=True)
    rows = [row for report in reports for row in report.rows]
    for finding in [finding for report in reports for finding in report.findings]:
        print(f"\n{finding}", file=sys.stderr)
    keep(rows, options.name)
    print(closing(rows, entries, time.monotonic() - began))
    return status(rows)


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--only", default="", help="ids or groups, with commas: N07, or N,P01")
    parser.add_argument("--gate", action="store_true", help="those of every `make test`")
    parser.add_argument("--runs", type=int, default=TIMES, help="how often each fault is made")
    parser.add_argument("--jobs", type=int, default=2, help="how many scenarios are played side by side")
    parser.add_argument("--list", action="store_true", help="what there is, and play nothing")
    parser.add_argument("--name", default="faults", help="figures go to target/proof/NAME.json and NAME.jsonl")
    return parser.parse_args()


def keep(rows: Sequence[Row], name: str) -> None:
    """Beside what was found earlier at the same commit, so that a run may be made in parts."""
    path = RUNS / f"{name}.jsonl"
    all_rows = merged(rows, read(path, commit()))
    write(name, document(all_rows))
    path.write_text(lines(all_rows, commit()))


def chosen(entries: dict[str, Entry], only: str, *, gate: bool) -> list[Entry]:
    """What is to be played."""
    words = [word.strip().upper() for word in only.split(",") if word.strip()]
    found = [entry for id, entry in entries.items() if not words or any(matches(id, word) for word in words)]
    return [entry for entry in found if not gate or (not isinstance(entry, NotHere) and entry.gate)]


def matches(id: str, word: str) -> bool:
    """A group is a word without digits."""
    return id == word or (word.isalpha() and id.rstrip("0123456789") == word)


def is_alone(entry: Entry) -> bool:
    """Whether nothing may be played beside it."""
    return isinstance(entry, Scenario) and entry.alone


def kind(entry: Entry) -> str:
    """How it is played."""
    match entry:
        case Scenario():
            return "here"
        case Elsewhere():
            return "test"
        case NotHere():
            return "not here"


def played(entry: Entry, runs: int, without: str) -> Report:
    """One entry, whatever happens in it. Played again when a time was missed, and nothing but times."""
    report = Report(entry.id, entry.title)
    for _ in range(TRIES):
        report = Report(entry.id, entry.title)
        try:
            play(entry, report, runs, without)
        except Exception:
            report.break_off(traceback.format_exc())
        if not is_worth_another_try(report):
            break
    return report


def play(entry: Entry, report: Report, runs: int, without: str) -> None:
    """Once."""
    match entry:
        case Scenario():
            if entry.needs_network and without:
                report.skip(without)
            else:
                entry.play(report, runs)
        case Elsewhere():
            play_elsewhere(entry, report)
        case NotHere():
            report.skip(entry.reason)


def is_worth_another_try(report: Report) -> bool:
    """Only milliseconds were missed."""
    missed = [row for row in report.rows if row.verdict == "missed"]
    return bool(missed) and all(row.unit == "ms" and row.figure is not None for row in missed)


def closing(rows: Sequence[Row], entries: Sequence[Entry], took_s: float) -> str:
    """The last line, for whoever reads only that."""
    count = {word: sum(row.verdict == word for row in rows) for word in ("held", "missed", "admitted", "reported")}
    skipped = [row.id for row in rows if row.skipped]
    words = [f"{count['held']} held", f"{count['missed']} missed"]
    words += [f"{count['admitted']} missed for a stated reason"] if count["admitted"] else []
    words += [f"{count['reported']} only reported"] if count["reported"] else []
    words += [f"skipped: {' '.join(skipped)}"] if skipped else []
    verdict = {0: "passed", 1: "FAILED", 2: "NOTHING WAS PLAYED"}[status(rows)]
    return f"faults: {verdict}: {len(entries)} scenarios in {took_s:.0f} s: {', '.join(words)}"


def status(rows: Sequence[Row]) -> int:
    """What the process ends with."""
    verdicts = {row.verdict for row in rows}
    if "missed" in verdicts:
        return 1
    return 0 if verdicts - {"skipped"} else 2


if __name__ == "__main__":
    sys.exit(main())
