"""Lines of the matrix that tests elsewhere play: they are run as they are, and their outcome is the figure."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from pathlib import Path

from faults.report import Report
from faults.scenario import Elsewhere

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 600.0


def play_elsewhere(entry: Elsewhere, report: Report) -> None:
    """Runs its tests. A test that was skipped proves nothing, and none found is a failure."""
    if entry.pytest:
        by_pytest(entry, report)
    binaries: dict[str, list[str]] = {}
    for test in entry.cargo:
        binary, _, name = test.partition("::")
        binaries.setdefault(binary, []).append(name)
    for binary, names in binaries.items():
        by_cargo(binary, names, report)


def by_pytest(entry: Elsewhere, report: Report) -> None:
    """All of them in one go."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        nodes = [f"tests/python/{word}" if ".py" in word else word for word in entry.pytest]
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={results}", *nodes]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if not results.exists():
            report.break_off(done.stdout[-3000:] + done.stderr[-3000:])
            return
        cases = list(xml.etree.ElementTree.parse(results).iter("testcase"))
    skipped = [case for case in cases if case.find("skipped") is not None]
    failed = [name(case) for case in cases if case.find("failure") is not None or case.find("error") is not None]
    if skipped and len(skipped) == len(cases):
        why = skipped[0].find("skipped")
        report.skip(why.get("message", "skipped") if why is not None else "skipped")
        return
    report.never("tests that failed (pytest)", failed, of=len(cases) - len(skipped))
    if failed:
        report.findings.append(done.stdout[-6000:])


def by_cargo(binary: str, names: list[str], report: Report) -> None:
    """One test binary, and every test of it whose name begins, or contains, one of these."""
    which = ["--lib"] if binary == "lib" else ["--test", binary]
    words = [os.environ.get("CARGO", "cargo"), "test", "--locked", "--features", "driver", *which, "--", *names]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    passed = [line for line in done.stdout.splitlines() if line.startswith("test ") and line.endswith("... ok")]
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.endswith("... FAILED")]
    if done.returncode and not failed:
        failed = [f"cargo ended with {done.returncode}: {done.stderr[-2000:]}"]
    missing = [name for name in names if not any(name in line for line in [*passed, *failed])]
    failed += [f"no test is called {name}" for name in missing if name]
    report.never(f"tests that failed ({binary})", failed, of=len(passed) + len(failed))


def name(case: xml.etree.ElementTree.Element) -> str:
    """As pytest spells it."""
    return f"{case.get('classname')}::{case.get('name')}"
