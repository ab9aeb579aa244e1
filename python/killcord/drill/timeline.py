"""The drawing of one drill: what the link did, what rested, every look, the bound, and the measured time. Inline SVG made of
what happened; colours come from the page's style sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from .result import Result, Span, Verdict

WIDTH, HEIGHT = 980, 330
LEFT, RIGHT = 142, 24
TOP, AXIS = 58, 268
LANES = {"link": 92, "orders": 142, "looks": 192}
BAR = 22
LOOKS_MAX = 400
"""More dots than this would be a line anyway; evenly thinned."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From seconds after the cut to the drawing."""

    first_s: float
    last_s: float

    def x(self, seconds: float) -> float:
        """Where that moment is; moments outside lie on the edge."""
        part = (min(max(seconds, self.first_s), self.last_s) - self.first_s) / (self.last_s - self.first_s)
        return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)

    def ticks(self) -> list[float]:
        """Round moments for the axis, about eight.

        >>> Scale(-0.4, 2.6).ticks()
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
        """
        length = self.last_s - self.first_s
        step = next((each for each in _STEPS if length / each <= 8), _STEPS[-1])
        count = int(self.last_s / step) + 1
        before = int(-self.first_s / step)
        return [round(number * step, 6) for number in range(-before, count) if number * step <= self.last_s]


_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


def timeline(result: Result) -> str:
    """The SVG."""
    scale = _scale(result)
    parts = [
        *_bound(result, scale),
        *_axis(scale),
        *_link(result, scale),
        *_orders(result, scale),
        *_looks(result, scale),
        *_cut(scale),
        *_measured(result, scale),
    ]
    title = escape(f"Timeline of a drill at {result.venue.value}")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}" xmlns="http://www.w3.org/2000/svg">'
        + "".join(parts)
        + "</svg>"
    )


def _scale(result: Result) -> Scale:
    moments = [(look.heard_ns - result.cut_ns) / 1e9 for look in result.looks]
    end = max([result.bound_s, *moments])
    before = min([0.0, *((mark.at_ns - result.cut_ns) / 1e9 for mark in result.marks)])
    # What came before the cut is context: it never takes more than a quarter of the drawing.
    return Scale(max(before, -end / 3) - end * 0.05, end * 1.04)


def _bound(result: Result, scale: Scale) -> Iterator[str]:
    left, right = scale.x(0), scale.x(result.bound_s)
    yield f'<rect class="exposed" x="{left}" y="{TOP}" width="{round(right - left, 1)}" height="{AXIS - TOP}"/>'
    yield f'<line class="bound" x1="{right}" y1="{TOP - 8}" x2="{right}" y2="{AXIS}"/>'
    yield _text(right, TOP - 14, f"published bound {result.bound_s:.2f} s", "bound-label", _anchor(right))


def _axis(scale: Scale) -> Iterator[str]:
    yield f'<line class="axis" x1="{LEFT}" y1="{AXIS}" x2="{WIDTH - RIGHT}" y2="{AXIS}"/>'
    for tick in scale.ticks():
        x = scale.x(tick)
        yield f'<line class="axis" x1="{x}" y1="{AXIS}" x2="{x}" y2="{AXIS + 5}"/>'
        yield _text(x, AXIS + 20, f"{tick:g} s", "tick")
    yield _text(WIDTH - RIGHT, AXIS + 42, "seconds from the cut", "caption", "end")


def _link(result: Result, scale: Scale) -> Iterator[str]:
    y = LANES["link"]
    armed = [mark for mark in result.marks if mark.lane == "guard" and mark.words.startswith("armed on")]
    start = (armed[0].at_ns - result.cut_ns) / 1e9 if armed else scale.first_s
    yield _label(y, "link")
    yield _bar("alive", scale, start, 0.0, y)
    yield f'<line class="dead" x1="{scale.x(0)}" y1="{y}" x2="{scale.x(scale.last_s)}" y2="{y}"/>'


def _orders(result: Result, scale: Scale) -> Iterator[str]:
    y = LANES["orders"]
    rests = [mark for mark in result.marks if mark.lane == "venue" and " rest: " in mark.words]
    start = (rests[0].at_ns - result.cut_ns) / 1e9 if rests else scale.first_s
    yield _label(y, "orders at the venue")
    if result.first is None:
        ended = max((look.heard_ns for look in result.looks if look.resting), default=result.cut_ns)
        yield _bar("resting", scale, start, (ended - result.cut_ns) / 1e9, y)
        return
    yield _bar("resting", scale, start, result.first.low_s, y)
    yield _bar("going", scale, result.first.low_s, result.last.high_s if result.last else scale.last_s, y)


def _looks(result: Result, scale: Scale) -> Iterator[str]:
    y = LANES["looks"]
    yield _label(y, "looks from outside")
    every = max(1, -(-len(result.looks) // LOOKS_MAX))
    count = len(result.fates)
    before = None
    for at, look in enumerate(result.looks):
        changed, before = look.resting != before, look.resting
        if at % every and not changed:
            continue
        kind = "failed" if look.resting is None else "all" if look.resting == count else "some" if look.resting else "none"
        x = scale.x(((look.sent_ns + look.heard_ns) / 2 - result.cut_ns) / 1e9)
        yield f'<circle class="look {kind}" cx="{x}" cy="{y}" r="3.2"/>'


def _cut(scale: Scale) -> Iterator[str]:
    x = scale.x(0)
    yield f'<line class="cut" x1="{x}" y1="{TOP - 8}" x2="{x}" y2="{AXIS}"/>'
    yield _text(x, TOP - 14, "cut", "cut-label")


def _measured(result: Result, scale: Scale) -> Iterator[str]:
    y = 232
    yield _label(y, "measured")
    span = _best(result)
    if span is None:
        yield _text(scale.x(0) + 8, y + 5, "no order was cancelled by the venue", "verdict bad", "start")
        return
    left, right = scale.x(0), scale.x(span.high_s)
    tone = "good" if result.verdict is Verdict.HELD else "bad"
    yield f'<line class="measure {tone}" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'
    for x in (left, right):
        yield f'<line class="measure {tone}" x1="{x}" y1="{y - 6}" x2="{x}" y2="{y + 6}"/>'
    beside = right + 8 if right < WIDTH - 240 else left + 8
    lower = y + 5 if right < WIDTH - 240 else y - 8
    yield _text(beside, lower, f"{span.words} to the first cancel", f"verdict {tone}", "start")


def _best(result: Result) -> Span | None:
    """The narrower of what was seen and what the venue stamped."""
    spans = [span for span in (result.first, result.stamped) if span is not None]
    return min(spans, key=lambda span: span.high_s - span.low_s) if spans else None


def _bar(kind: str, scale: Scale, start_s: float, end_s: float, y: float) -> str:
    left, right = scale.x(start_s), scale.x(end_s)
    width = max(round(right - left, 1), 1.5)
    return f'<rect class="{kind}" x="{left}" y="{y - BAR / 2}" width="{width}" height="{BAR}" rx="3"/>'


def _label(y: float, words: str) -> str:
    return _text(LEFT - 12, y + 4, words, "lane", "end")


def _text(x: float, y: float, words: str, kind: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _anchor(x: float) -> str:
    return "end" if x > WIDTH - 150 else "middle"
