"""The list of figures: what was promised, what was measured, and how often. A figure that misses its target fails its test."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Figure:
    """One promise in numbers."""

    name: str
    unit: str
    at_most: float
    samples: list[float] = field(default_factory=list)

    def line(self, width: int) -> str:
        """Name, target, median, maximum, number of samples."""
        median, worst = statistics.median(self.samples), max(self.samples)
        target, unit = f"{self.at_most:g}", self.unit
        return f"{self.name:<{width}}  target {target:>6} {unit}  median {median:>8.3f}  max {worst:>8.3f}  n {len(self.samples)}"


class Figures:
    """Every figure of a run, in the order in which they were first taken."""

    def __init__(self) -> None:
        self._by_name: dict[str, Figure] = {}

    def take(self, name: str, samples: Iterable[float], at_most: float, unit: str = "ms") -> None:
        """Adds samples to a figure, and fails when one of them misses the target or when there are none."""
        figure = self._by_name.setdefault(name, Figure(name, unit, at_most))
        assert (figure.unit, figure.at_most) == (unit, at_most), f"{name}: two targets"
        fresh = list(samples)
        figure.samples += fresh
        assert fresh, f"{name}: nothing was measured"
        missed = [sample for sample in fresh if not sample <= at_most]
        assert not missed, f"{name}: {missed} {unit}, and {at_most:g} {unit} was promised (all: {fresh})"

    def record(self) -> list[dict[str, object]]:
        """One entry per figure, for a file."""
        return [
            {
                "name": figure.name,
                "unit": figure.unit,
                "at_most": figure.at_most,
                "median": statistics.median(figure.samples),
                "max": max(figure.samples),
                "over": max(0.0, max(figure.samples) - figure.at_most),
                "n": len(figure.samples),
            }
            for figure in self._by_name.values()
            if figure.samples
        ]

    def lines(self) -> list[str]:
        """One per figure."""
        width = max((len(name) for name in self._by_name), default=0)
        return [figure.line(width) for figure in self._by_name.values() if figure.samples]
