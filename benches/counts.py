"""Instructions per cycle of the pure core, counted by valgrind: the same on every run, whatever else the machine does.

Prints the table every time and fails when a cycle has grown by more than 3 % over ``counts.json``.

    python benches/counts.py            compare
    python benches/counts.py --write    make what was counted the new baseline
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "benches" / "counts.json"
BUILD = ROOT / "target" / "counts"
GROWTH_MAX = 0.03
"""Less is noise of the compiler's: the same source, another path or order of units."""


def main() -> int:
    """0 when nothing has grown, 1 when something has, 2 when it could not be counted."""
    if not shutil.which("valgrind") or not shutil.which("callgrind_annotate"):
        print("instruction counts: NOT COUNTED, valgrind is missing (Debian and Ubuntu: apt-get install valgrind)")
        return 2
    counts, compiler = count(), compiler_version()
    if "--write" in sys.argv:
        BASELINE.write_text(json.dumps({"compiler": compiler, "instructions": counts}, indent=1) + "\n")
    baseline = json.loads(BASELINE.read_text())
    grown = compare(counts, baseline["instructions"])
    if grown:
        print(f"grown by more than {GROWTH_MAX:.0%} over benches/counts.json: {', '.join(grown)}")
        print(f"baseline by {baseline['compiler']}, this by {compiler}; if it is meant: python benches/counts.py --write")
    return 1 if grown else 0


def count() -> dict[str, int]:
    """Instructions per cycle, by its name."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--profile", "counts", "--features", "counts", "--bin", "counts"],
        check=True,
        cwd=ROOT,
    )
    out = BUILD / "callgrind.out"
    watched = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(BUILD / "counts")]
    said = subprocess.run(watched, check=True, capture_output=True, text=True).stdout
    table = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)]
    lines = subprocess.run(table, check=True, capture_output=True, text=True).stdout
    totals = {name: int(total.replace(",", "")) for total, name in re.findall(r"([\d,]+) \(.*?counts::(cycle_\d\d)\b", lines)}
    found = {}
    for line in said.splitlines():
        function, rounds, name = line.split(" ", 2)
        found[name] = round(totals[function] / int(rounds))
    return found


def compare(counts: dict[str, int], baseline: dict[str, int]) -> list[str]:
    """Prints the table; the names of those that have grown, or that nobody has a baseline for."""
    print(f"{'instructions per cycle':42} {'baseline':>9} {'now':>9}  growth")
    grown = []
    for name, now in counts.items():
        before = baseline.get(name)
        growth = (now - before) / before if before else 1.0
        print(f"{name:42} {before or '-':>9} {now:>9}  {growth:+.1%}")
        if growth > GROWTH_MAX:
            grown.append(name)
    return grown


def compiler_version() -> str:
    """Another compiler counts differently."""
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
