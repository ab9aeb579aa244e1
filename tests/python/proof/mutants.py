"""The pure core with one thing changed at a time: does a test notice? ``python -m proof.mutants [FILE=...] [ONLY=...]
[QUICK=1]
[ALL=1]``.

cargo-mutants changes and runs; here is which files are wanted, in which order, what is made of the outcomes, and which
survivors are excused (``tests/mutants/survivors.toml``, each with its reason). What the tests of its own floor let pass is
tried once more against all unit tests and a few seconds of simulation (not with ``QUICK=1``, which may thus tell of
survivors that are none). Outcomes are kept per file, for as long as its code (not its tests) is what it was: of such a
file only the survivors are tried again, all of it with ``ALL=1``. A file that was not run is said to be not run.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from proof import record
from proof.record import ROOT
from proof.scratch import Scratch

FOLDER = ROOT / "target" / "mutants"
#: What a floor may use is on the floors below it, so its own tests need no more than these.
QUICK = {
    "parts": Scratch(FOLDER / "parts", ("model", "parts")),
    "session": Scratch(FOLDER / "session", ("model", "parts", "venue", "session")),
    "venue": Scratch(FOLDER / "session", ("model", "parts", "venue", "session")),
}
WHOLE = Scratch(FOLDER / "whole")
KEPT = FOLDER / "outcomes"
CONFIG = ROOT / ".cargo" / "mutants.toml"
SURVIVORS = ROOT / "tests" / "mutants" / "survivors.toml"
#: Of each venue, for what the unit tests let pass. An unoptimised build runs them in a few seconds.
SCHEDULES = "40"
HOURS_S = 12 * 3600.0
CAUGHT, MISSED, TIMEOUT, UNVIABLE = "CaughtMutant", "MissedMutant", "Timeout", "Unviable"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutation that no test notices, and why none needs to."""

    path: str
    mutation: str
    reason: str
    times: int = 1


@dataclass(slots=True)
class Outcomes:
    """What became of the mutations of one file."""

    path: str
    commit: str
    content: str
    """Hash of the file when it was run."""
    whole: bool
    """Every mutation of it was tried."""
    of: dict[str, str] = field(default_factory=dict)
    by_the_whole: int = 0

    def missed(self) -> list[str]:
        """With line numbers, as cargo-mutants names them."""
        return sorted(name for name, outcome in self.of.items() if outcome == MISSED)


def main(words: Sequence[str]) -> int:
    """The exit status: 1 when a mutation survived that is not excused, or one is excused that no longer survives."""
    asked = dict(word.split("=", 1) for word in words if not word.endswith("="))
    files = [asked["FILE"]] if "FILE" in asked else wanted()
    kept = read_kept()
    if "REPORT" not in asked:
        for path in files:
            before = kept.get(path) if "ALL" not in asked and "ONLY" not in asked else None
            kept[path] = examine(path, asked.get("ONLY"), "QUICK" in asked, before)
            keep(kept[path])
            print(f"{path}: {line(kept[path])}", flush=True)
    return report(read_kept())


def wanted() -> list[str]:
    """The files of the configuration, in its order."""
    patterns = tomllib.loads(CONFIG.read_text("utf-8"))["examine_globs"]
    return [path.relative_to(ROOT).as_posix() for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path.name != "mod.rs"]


def examine(path: str, only: str | None, quick: bool, before: Outcomes | None) -> Outcomes:
    """Tries mutations of a file against the tests of its floor, and what is left against everything."""
    told = Outcomes(path, record.commit(), content(path), only is None)
    tried = [only] if only else []
    if before is not None and before.whole and before.content == told.content:
        told.of, told.by_the_whole, tried = dict(before.of), before.by_the_whole, exactly(before.missed())
        if not tried:
            return told
    told.of |= attempt(QUICK[path.split("/")[1]], path, tried, config(everything=False))
    if told.missed() and not quick:
        again = attempt(WHOLE, path, exactly(told.missed()), config(everything=True))
        noticed = [name for name, outcome in again.items() if outcome in (CAUGHT, TIMEOUT)]
        told.by_the_whole += len(noticed)
        told.of |= {name: CAUGHT for name in noticed}
    return told


def exactly(names: Sequence[str]) -> list[str]:
    """Expressions that mean these mutations and no other."""
    return [f"^{re.escape(name)}$" for name in names]


def attempt(scratch: Scratch, path: str, only: list[str], chosen: Path) -> dict[str, str]:
    """One run of cargo-mutants: mutation to outcome."""
    scratch.refresh()
    out = scratch.folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    words = ["cargo", "mutants", "--in-place", "--no-shuffle", "--timeout=60", "--config", str(chosen)]
    words += ["--output", str(out), "--file", path, *(word for expression in only for word in ("--re", expression))]
    done = scratch.run(words, HOURS_S, {"KILLCORD_SCHEDULES": SCHEDULES})
    outcomes = out / "mutants.out" / "outcomes.json"
    if done.returncode not in (0, 2, 3) or not outcomes.is_file():
        sys.exit(f"cargo mutants failed on {path}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    found = json.loads(outcomes.read_text("utf-8"))["outcomes"]
    return {each["scenario"]["Mutant"]["name"]: each["summary"] for each in found if isinstance(each["scenario"], dict)}


def config(everything: bool) -> Path:
    """The configuration without its list of files, which would be added to the one asked for; with the simulation or not."""
    path = FOLDER / ("everything.toml" if everything else "quick.toml")
    text = re.sub(r"(?ms)^examine_globs = \[.*?^\]\n", "", CONFIG.read_text("utf-8"))
    if everything:
        text = text.replace('["--lib"]', '["--lib", "--test=simulation"]')
    assert ("--test=simulation" in text) == everything and "--lib" in text, "the configuration names the tests in another way"
    path.write_text(text, "utf-8")
    return path


def report(kept: dict[str, Outcomes]) -> int:
    """Prints and writes what is known now."""
    run = [each for path in wanted() if (each := kept.get(path)) and each.whole and each.content == content(path)]
    unexplained, needless = compare(run, survivors())
    for name in unexplained:
        print(f"survived: {name}")
    for survivor in needless:
        print(f"excused, and does not survive: {survivor.path}: {survivor.mutation}")
    not_run = [path for path in wanted() if path not in {each.path for each in run}]
    totals = count(run)
    print(f"{totals}, {len(unexplained)} without a reason; {len(not_run)} files not run")
    totals |= {"unexplained": len(unexplained), "excused": totals["missed"] - len(unexplained)}
    totals |= {"files_run": len(run), "files_not_run": len(not_run), "files_run_percent": 100 * len(run) // len(wanted())}
    record.write("mutants", {**totals, "run": {each.path: line(each) for each in run}, "not_run": ", ".join(not_run)})
    return 1 if unexplained or needless else 0


def compare(run: list[Outcomes], excused: list[Survivor]) -> tuple[list[str], list[Survivor]]:
    """Survivors without a reason, and reasons without a survivor. Line numbers do not count: they move."""
    left = Counter({(each.path, each.mutation): each.times for each in excused})
    unexplained = []
    for outcomes in run:
        for name in outcomes.missed():
            key = (outcomes.path, mutation(name))
            if left[key] > 0:
                left[key] -= 1
            else:
                unexplained.append(name)
    ran = {each.path for each in run}
    return unexplained, [each for each in excused if each.path in ran and left[each.path, each.mutation] > 0]


def survivors() -> list[Survivor]:
    """The excused ones."""
    return [Survivor(**each) for each in tomllib.loads(SURVIVORS.read_text("utf-8")).get("survivor", [])]


def mutation(name: str) -> str:
    """``replace < with <= in Switch::expire`` of ``src/parts/switch.rs:83:16: replace …``."""
    return re.sub(r"^\S+?:\d+:\d+: ", "", name)


def count(outcomes: Sequence[Outcomes]) -> dict[str, int]:
    """What became of the mutations of some files. Those that do not build were not tried."""
    counted = Counter(outcome for each in outcomes for outcome in each.of.values())
    return {
        "tried": counted.total() - counted[UNVIABLE],
        "caught": counted[CAUGHT],
        "timeout": counted[TIMEOUT],
        "missed": counted[MISSED],
        "unviable": counted[UNVIABLE],
        "by_the_whole": sum(each.by_the_whole for each in outcomes),
    }


def line(outcomes: Outcomes) -> str:
    """One file, in words."""
    counts = count([outcomes])
    return ", ".join(f"{counts[key]} {key}" for key in ("tried", "caught", "timeout", "missed", "unviable")) + f"; at {outcomes.commit}"


def content(path: str) -> str:
    """What the code of the file is now; its tests may grow."""
    code = (ROOT / path).read_text("utf-8").partition("\n#[cfg(test)]\nmod ")[0]
    return hashlib.sha256(code.encode("utf-8")).hexdigest()[:16]


def keep(outcomes: Outcomes) -> None:
    """One file for each, so that two runs at once disturb nobody."""
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{outcomes.path.replace('/', '.')}.json").write_text(json.dumps(asdict(outcomes), indent=1), "utf-8")


def read_kept() -> dict[str, Outcomes]:
    """What earlier runs found."""
    found = [Outcomes(**json.loads(path.read_text("utf-8"))) for path in sorted(KEPT.glob("*.json"))]
    return {each.path: each for each in found}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
