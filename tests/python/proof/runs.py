"""What the runs found: JSON files as flat figures, and whether they speak of this commit."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from proof.claims import Claims, Source
from proof.record import ROOT, RUNS, commit, git

KEPT = ROOT / "docs" / "proof"
"""The runs the committed page was made from."""
PAGE = "page"
"""The name of the file that says when, where and of which commit."""
#: Changes here make no figure old: nothing that runs reads them.
WORDS = (":(exclude)docs", ":(exclude)*.md")

Value = float | str


@dataclass(frozen=True, slots=True)
class Run:
    """One file, and how it stands to the commit of the page."""

    name: str
    commit: str
    changed: int
    """Files in its scope that differ between its commit and the page's; -1 when that cannot be said."""
    figures: Mapping[str, Value] = field(default_factory=dict)

    @property
    def is_current(self) -> bool:
        """Nothing that it built on has changed since."""
        return self.changed == 0


@dataclass(frozen=True, slots=True)
class Page:
    """What the page says of itself."""

    commit: str
    cores: int
    kernel: str
    machine: str
    runs: Mapping[str, Mapping[str, object]]


def collect(claims: Claims, runs: Sequence[Path] = (RUNS,), kept: Path = KEPT) -> None:
    """Copies every run from ``target/proof`` and writes down how each stands to the commit of now. Where several folders have
    it, the one whose figures are least out of date is taken.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for source in claims.sources:
        found = [path for folder in (*runs, kept) if (path := folder / f"{source.name}.json").is_file()]
        best = min(found, key=lambda path: _age(path, source), default=None)
        if best is not None and best.parent != kept:
            shutil.copyfile(best, kept / best.name)
    standing = {}
    for source in claims.sources:
        figures = _load(kept, source.name)
        if figures:
            at = str(figures.get("commit", ""))
            standing[source.name] = {"commit": at, "changed": changed_since(at, source)}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    kernel = f"{platform.system()} {platform.release().split('-')[0]}"
    page = Page(commit(), cores, kernel, platform.machine(), standing)
    (kept / f"{PAGE}.json").write_text(json.dumps(asdict(page), indent=1) + "\n", "utf-8")


def changed_since(at: str, source: Source) -> int:
    """How many files in the scope of a run changed since its commit; -1 when nobody can say."""
    if not at or at.endswith("-dirty") or not git("rev-parse", "--verify", "--quiet", f"{at}^{{commit}}"):
        return -1
    return len(git("diff", "--name-only", at, "--", *(source.scope or (".",)), *WORDS).splitlines())


def load(claims: Claims, kept: Path = KEPT) -> tuple[Page, dict[str, Run]]:
    """The page's own file and every run beside it. A run that the page does not know was not collected, and is left out."""
    page = Page(**json.loads((kept / f"{PAGE}.json").read_text("utf-8")))
    found = {}
    for source in claims.sources:
        standing = page.runs.get(source.name)
        if standing is not None:
            changed = standing["changed"]
            assert isinstance(changed, int)
            found[source.name] = Run(source.name, str(standing["commit"]), changed, _load(kept, source.name))
    return page, found


def flat(value: object, name: str = "") -> dict[str, Value]:
    """Every number and word of a JSON value by its path: ``a.b``; an item of a list by its ``name`` or ``id``, else its place."""
    if isinstance(value, bool):
        return {name: float(value)}
    if isinstance(value, int | float):
        return {name: float(value)}
    if isinstance(value, str):
        return {name: value}
    inner: dict[str, Value] = {}
    if isinstance(value, dict):
        for key, each in value.items():
            inner |= flat(each, f"{name}.{key}" if name else str(key))
    if isinstance(value, list):
        for place, each in enumerate(value):
            called = (each.get("name") or each.get("id")) if isinstance(each, dict) else None
            inner |= flat(each, f"{name}.{called or place}")
    return inner


def find(run: Run, pattern: str, take: str) -> float | None:
    """The figure a pattern names: of several the largest, the smallest, or their sum. None when there is none."""
    found = [value for key, value in run.figures.items() if fnmatchcase(key, pattern) and isinstance(value, float)]
    if not found:
        return None
    return {"max": max(found), "min": min(found), "sum": sum(found)}[take]


def _age(path: Path, source: Source) -> tuple[bool, int, float]:
    """Files changed since, what nobody can tell last; of equals the newest."""
    changed = changed_since(str(_load(path.parent, source.name).get("commit", "")), source)
    return changed < 0, changed, -path.stat().st_mtime


def _load(folder: Path, name: str) -> dict[str, Value]:
    path = folder / f"{name}.json"
    return flat(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
