"""The core with one known hazard built in at a time: does the named test notice? ``python -m proof.known_bad [ONLY=name]``.

Each file in ``tests/mutants/known_bad`` is a patch with a head: the numbers of the hazards (U: unprotected while believed
protected, C: an unwanted mass cancel), what was done in words, and the tests that must fail. A variant that no test notices, a patch that no longer applies, one that does not build,
and a test that fails without any patch, are all failures of this command.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proof import record
from proof.record import ROOT
from proof.scratch import Scratch

PATCHES = ROOT / "tests" / "mutants" / "known_bad"
FOLDER = ROOT / "target" / "known-bad"
QUICK = Scratch(FOLDER / "quick", ("model", "parts", "venue", "session"))
WHOLE = Scratch(FOLDER / "whole")
#: Of one venue, in an unoptimised build, where a variant says nothing else.
SCHEDULES = "200"
BUILD_S = 3600.0
#: A few minutes in all, so it need not wait for everybody else.
NICE = 5
HEAD = re.compile(r"(?m)^(hazard|what|test|schedules): (.+)$")


@dataclass(frozen=True, slots=True)
class Variant:
    """One patch."""

    name: str
    hazards: tuple[str, ...]
    what: str
    tests: tuple[str, ...]
    schedules: str
    patch: str

    @property
    def is_quick(self) -> bool:
        """Its tests need no dialect's tests and no simulation."""
        return all(test.startswith(("model::", "parts::", "session::")) for test in self.tests)

    @property
    def scratch(self) -> Scratch:
        """Where it is built."""
        return QUICK if self.is_quick else WHOLE


def main(words: Sequence[str]) -> int:
    """The exit status: 0 when every variant was noticed by every test it names."""
    asked = dict(word.split("=", 1) for word in words if not word.endswith("="))
    every = [read(path) for path in sorted(PATCHES.glob("*.patch"))]
    variants = [each for each in every if asked.get("ONLY", "") in each.name]
    broken = [f"{name}: fails without any patch" for name in unwell(variants)]
    said = {}
    for variant in variants:
        said[variant.name] = try_out(variant)
        print(f"{variant.name}: {said[variant.name] or 'noticed by ' + ', '.join(variant.tests)}", flush=True)
    survived = [f"{name}: {why}" for name, why in said.items() if why] + broken
    print(f"{len(variants)} variants, {len(variants) - sum(map(bool, said.values()))} noticed")
    if len(variants) == len(every) and every:
        listed = {each.name: entry(each, said[each.name]) for each in variants}
        counts = {"variants": len(variants), "noticed": len(variants) - len(survived), "survived": len(survived)}
        record.write("known_bad", {**counts, "known_bad": listed})
    return 1 if survived or not variants else 0


def read(path: Path) -> Variant:
    """A patch with its head."""
    text = path.read_text("utf-8")
    head, mark, patch = text.partition("--- a/")
    said: dict[str, list[str]] = {}
    for key, value in HEAD.findall(head):
        said.setdefault(key, []).append(value.strip())
    assert mark and said.keys() >= {"hazard", "what", "test"}, f"{path.name}: hazard, what, test, then the patch"
    hazards = tuple(said["hazard"][0].replace(",", " ").split())
    return Variant(path.stem, hazards, said["what"][0], tuple(said["test"]), said.get("schedules", [SCHEDULES])[0], mark + patch)


def unwell(variants: Sequence[Variant]) -> list[str]:
    """Tests that do not pass in the tree as it is: what they say of a variant would mean nothing."""
    found = []
    for scratch in (QUICK, WHOLE):
        mine = [each for each in variants if each.scratch == scratch]
        if mine:
            scratch.refresh()
            schedules = max((each.schedules for each in mine), key=int)
            passed = outcomes(scratch, sorted({test for each in mine for test in each.tests}), schedules)
            found += [name for name, ok in passed.items() if ok is not True]
    return found


def try_out(variant: Variant) -> str:
    """Nothing when every test noticed; else what is wrong."""
    scratch = variant.scratch
    scratch.refresh()
    applied = subprocess.run(
        ["patch", "-p1", "--no-backup-if-mismatch", "--fuzz=2"], cwd=scratch.tree, input=variant.patch, capture_output=True, text=True, check=False
    )
    if applied.returncode != 0:
        scratch.refresh()
        return f"the patch does not apply: {applied.stdout.strip().splitlines()[-1]}"
    found = outcomes(scratch, variant.tests, variant.schedules)
    scratch.refresh()
    if None in found.values():
        return "it does not build, or a test is not there: " + ", ".join(name for name, ok in found.items() if ok is None)
    return "not noticed by " + ", ".join(name for name, ok in found.items() if ok) if any(found.values()) else ""


def outcomes(scratch: Scratch, tests: Sequence[str], schedules: str) -> dict[str, bool | None]:
    """Each test: passed, failed, or (None) never run. Those of the simulation are called ``simulation::…``."""
    found: dict[str, bool | None] = dict.fromkeys(tests)
    for kind in ("--lib", "--test=simulation"):
        mine = [test for test in tests if test.startswith("simulation::") == (kind != "--lib")]
        if mine:
            names = [test.removeprefix("simulation::") for test in mine]
            words = ["cargo", "test", "--locked", kind, "--no-fail-fast", "--", "--exact", *names]
            try:
                done = scratch.run(words, BUILD_S, {"KILLCORD_SCHEDULES": schedules}, NICE)
            except subprocess.TimeoutExpired:
                continue
            ended = dict(re.findall(r"(?m)^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)$", done.stdout))
            found |= {test: ended[name] == "ok" for test, name in zip(mine, names, strict=True) if name in ended}
    return found


def entry(variant: Variant, why: str) -> str:
    """One variant, in a line."""
    return f"{why or 'noticed'}; {' '.join(variant.hazards)}: {variant.what}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
