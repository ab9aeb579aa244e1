"""What a check says: one line per thing that was looked at, and the report of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, unique

from ..model import Environment, Json, VenueName


@unique
class Status(Enum):
    """What was found."""

    RIGHT = "right"
    """As it must be, and the evidence says so."""
    WRONG = "wrong"
    """Not as it must be. One such line makes the whole check wrong."""
    UNKNOWN = "unknown"
    """Cannot be known by asking; the advice says how it can be."""
    NOTE = "note"
    """Neither right nor wrong, and worth knowing before trading."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding."""

    name: str
    status: Status
    finding: str
    evidence: str
    """How it is known: which call said so."""
    advice: str = ""
    """What to do; empty when there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about one account."""

    venue: VenueName
    environment: Environment
    account: str
    lines: tuple[Line, ...]

    @property
    def right(self) -> bool:
        """True when no line is wrong. What is unknown does not count: it is said, not hidden."""
        return all(line.status is not Status.WRONG for line in self.lines)

    def line(self, name: str) -> Line:
        """The first line of that name. Raises ``KeyError``."""
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)

    def document(self) -> Json:
        """As JSON has it; the schema is in docs/check-and-drill.md."""
        return {
            "schema": 1,
            "venue": self.venue.value,
            "environment": self.environment.value,
            "account": self.account,
            "right": self.right,
            "lines": [
                {
                    "name": line.name,
                    "status": line.status.value,
                    "finding": line.finding,
                    "evidence": line.evidence,
                    "advice": line.advice,
                }
                for line in self.lines
            ],
        }


def right(name: str, finding: str, evidence: str, advice: str = "") -> Line:
    """A line that is as it must be."""
    return Line(name, Status.RIGHT, finding, evidence, advice)


def wrong(name: str, finding: str, evidence: str, advice: str) -> Line:
    """A line that is not."""
    return Line(name, Status.WRONG, finding, evidence, advice)


def unknown(name: str, finding: str, evidence: str, advice: str = "") -> Line:
    """A line that asking cannot settle."""
    return Line(name, Status.UNKNOWN, finding, evidence, advice)


def notes(name: str, findings: Iterable[str], evidence: str) -> list[Line]:
    """Several things worth knowing."""
    return [Line(name, Status.NOTE, finding, evidence) for finding in findings]
