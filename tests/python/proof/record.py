"""Writes what a run found: ``target/proof/<name>.json``, with the commit it was found at.

From Python ``write("fuzz", {"targets": 8, "crashes": 0})``; from a shell ``python -m proof record fuzz targets=8 crashes=0``
with ``tests/python`` on the path. A run that did not come to its end writes nothing: no figure is better than half of one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RUNS = ROOT / "target" / "proof"
"""What runs wrote on this machine; never committed."""


def write(name: str, figures: Mapping[str, object], runs: Path = RUNS) -> Path:
    """Writes one run, whole or not at all."""
    runs.mkdir(parents=True, exist_ok=True)
    path = runs / f"{name}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"commit": commit(), **figures}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    fresh.replace(path)
    return path


def commit() -> str:
    """The commit of the tree, with ``-dirty`` when what is run is not what is committed (the page itself left out)."""
    changed = [line for line in git("status", "--porcelain").splitlines() if not line[3:].startswith("docs/proof")]
    return git("rev-parse", "--short=9", "HEAD") + ("-dirty" if changed else "")


def git(*words: str) -> str:
    """What git says, or nothing where there is no repository."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.rstrip() if done.returncode == 0 else ""
