"""What is claimed: ``claims.toml``, read into types, with every rule it breaks named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLAIMS = Path(__file__).with_name("claims.toml")


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a run, and what it must be."""

    says: str
    source: str
    key: str
    """A pattern (``*``, ``?``); of all figures it names, ``take`` says which counts."""
    take: str = "max"
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether the figure is what was promised. NaN never is."""
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most) and value == value


@dataclass(frozen=True, slots=True)
class Invariant:
    """One of I1 to I16."""

    id: str
    name: str
    claim: str
    how: str
    tests: tuple[str, ...]
    commands: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table of published figures."""

    name: str
    target: str
    command: str
    note: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One run: its command, and the paths whose change makes its figures old."""

    name: str
    command: str
    what: str
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """All of the file."""

    invariants: tuple[Invariant, ...]
    targets: tuple[Target, ...]
    sources: tuple[Source, ...]


def read(path: Path = CLAIMS) -> Claims:
    """The claims as written."""
    table = tomllib.loads(path.read_text("utf-8"))
    return Claims(
        tuple(_invariant(each) for each in table["invariant"]),
        tuple(_target(each) for each in table["target"]),
        tuple(_source(each) for each in table["source"]),
    )


def mistakes(claims: Claims, root: Path) -> Iterator[str]:
    """Every test that does not exist, every source nobody describes, every target that nothing could miss."""
    known = {source.name for source in claims.sources}
    for invariant in claims.invariants:
        for test in invariant.tests:
            if not exists(test, root):
                yield f"{invariant.id}: there is no test {test}"
    for owner, parts in _parts(claims):
        for part in parts:
            if part.source not in known:
                yield f"{owner}: there is no source {part.source}"
    for target in claims.targets:
        if all(part.at_most is None and part.at_least is None for part in target.parts):
            yield f"{target.name}: without a bound it cannot be missed"


def exists(test: str, root: Path) -> bool:
    """``path::name`` is a function, or a name in a list of tests, in that file; a path alone is a file or a folder."""
    path, _, name = test.partition("::")
    if not name:
        return (root / path).exists()
    if not (root / path).is_file():
        return False
    return re.search(rf"(?m)\b(fn|def) {re.escape(name)}\b|^\s*{re.escape(name)}: ", (root / path).read_text("utf-8")) is not None


def _parts(claims: Claims) -> Iterator[tuple[str, tuple[Part, ...]]]:
    yield from ((each.id, each.parts) for each in claims.invariants)
    yield from ((each.name, each.parts) for each in claims.targets)


def _invariant(table: dict[str, Any]) -> Invariant:
    lists = {field: tuple(table.get(field, ())) for field in ("tests", "commands")}
    return Invariant(
        id=table["id"],
        name=table["name"],
        claim=_text(table["claim"]),
        how=_text(table["how"]),
        parts=_several(table),
        **lists,
    )


def _target(table: dict[str, Any]) -> Target:
    return Target(table["name"], table["target"], table.get("command", ""), _text(table.get("note", "")), _several(table))


def _source(table: dict[str, Any]) -> Source:
    return Source(table["name"], table["command"], table["what"], tuple(table.get("scope", ())))


def _several(table: dict[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(**part) for part in table.get("part", ()))


def _text(text: str) -> str:
    return " ".join(text.split())
