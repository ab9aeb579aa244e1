"""One list of figures for the whole run, printed at its end."""

from __future__ import annotations

import pytest
from promises.desk import REPETITIONS, SEED
from promises.figures import Figures

_FIGURES = Figures()


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Where measured values go."""
    return _FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per figure, whether or not its target was met."""
    lines = _FIGURES.lines()
    if lines:
        terminalreporter.section(f"figures (KILLCORD_REPETITIONS={REPETITIONS} KILLCORD_SEED={SEED})")
        for line in lines:
            terminalreporter.write_line(line)
