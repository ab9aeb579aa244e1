"""What a drill found: times with their bounds, what became of each order, what is left, and what happened when."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, unique

from ..model import Environment, Json, VenueName
from .plan import Cut


@unique
class Verdict(Enum):
    """Whether the switch did what is published."""

    HELD = "held"
    """The venue began to cancel within the bound."""
    LATE = "late"
    """It cancelled, and later than the bound."""
    UNDECIDED = "undecided"
    """It cancelled between two looks, and the bound lies between them too."""
    NOT_CANCELLED = "not cancelled"
    """Orders still rested when the drill gave up waiting."""
    OTHERWISE = "otherwise"
    """Orders went, but not by the switch: cancelled by somebody else, or filled."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time from the cut that is certain to lie between two values."""

    low_s: float
    high_s: float

    @property
    def words(self) -> str:
        """For people.

        >>> Span(1.25, 1.5).words, Span(3.0, 3.0).words
        ('1.25 to 1.50 s', '3.00 s')
        """
        low, high = f"{max(self.low_s, 0.0):.2f}", f"{max(self.high_s, 0.0):.2f}"
        return f"{low} s" if low == high else f"{low} to {high} s"


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of the open orders on a connection of its own."""

    sent_ns: int
    heard_ns: int
    resting: int | None
    """How many of the drill's orders; None when the reading failed."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one order, in the venue's own words."""

    order_id: str
    state: str
    reason: str
    by_switch: bool | None
    filled: bool
    cancelled: Span | None
    """By the venue's own stamp of the order's last change; None when it gives none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened."""

    at_ns: int
    lane: str
    """``guard``, ``drill`` or ``venue``."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One drill."""

    venue: VenueName
    environment: Environment
    cut: Cut
    instrument: str
    side: str
    price: Decimal
    size: Decimal
    currency: str
    notional: Decimal
    evidence: str
    scope: str
    bound_s: float
    because: str
    verdict: Verdict
    why: str
    """The verdict in a sentence, with what to do when it is a bad one."""
    first: Span | None
    """From the cut until the first order was gone, as seen from outside."""
    last: Span | None
    """Until the last one was."""
    stamped: Span | None
    """Until the first cancel by the venue's own stamp."""
    look_every_s: float
    cut_ns: int
    wall_ns: int
    """The cut on the wall clock."""
    fates: tuple[Fate, ...]
    left: tuple[str, ...]
    """Ids of the drill's orders that could not be shown to be gone at the end."""
    cleared: int
    """How many the drill had to cancel itself."""
    foreign: int
    """Orders of others that rested where the switch reaches."""
    looks: tuple[Look, ...]
    marks: tuple[Mark, ...]

    @property
    def good(self) -> bool:
        """The switch did what is published, and nothing is left."""
        return self.verdict is Verdict.HELD and not self.left

    def document(self) -> Json:
        """As JSON has it; the schema is in docs/check-and-drill.md. Times are seconds from the cut."""
        return {
            "schema": 1,
            "venue": self.venue.value,
            "environment": self.environment.value,
            "cut": self.cut.value,
            "instrument": self.instrument,
            "side": self.side,
            "price": f"{self.price:f}",
            "size": f"{self.size:f}",
            "notional": f"{self.notional:f}",
            "currency": self.currency,
            "evidence": self.evidence,
            "scope": self.scope,
            "bound_s": self.bound_s,
            "because": self.because,
            "verdict": self.verdict.value,
            "good": self.good,
            "why": self.why,
            "first_gone_s": _span(self.first),
            "all_gone_s": _span(self.last),
            "first_stamped_s": _span(self.stamped),
            "look_every_s": self.look_every_s,
            "cut_wall_ns": self.wall_ns,
            "orders": [
                {
                    "id": fate.order_id,
                    "state": fate.state,
                    "reason": fate.reason,
                    "by_switch": fate.by_switch,
                    "filled": fate.filled,
                    "cancelled_s": _span(fate.cancelled),
                }
                for fate in self.fates
            ],
            "left": list(self.left),
            "cancelled_by_drill": self.cleared,
            "foreign": self.foreign,
            "looks": [
                {"sent_s": self._s(look.sent_ns), "heard_s": self._s(look.heard_ns), "resting": look.resting, "error": look.error}
                for look in self.looks
            ],
            "timeline": [{"at_s": self._s(mark.at_ns), "lane": mark.lane, "words": mark.words} for mark in self.marks],
        }

    def _s(self, at_ns: int) -> float:
        return round((at_ns - self.cut_ns) / 1e9, 6)


def _span(span: Span | None) -> Json:
    return None if span is None else [round(span.low_s, 6), round(span.high_s, 6)]
