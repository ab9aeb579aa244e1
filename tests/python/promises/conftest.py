"""One list of figures for the whole run, printed at its end, and written down when all of it was run."""

from __future__ import annotations

from pathlib import Path

import pytest
from promises.desk import REPETITIONS, SEED
from promises.figures import Figures
from proof import record

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


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Writes ``target/proof/promises.json``. Part of a run would only hide what an earlier, whole one found."""
    ran = {item.path for item in session.items}
    everything = set(Path(__file__).parent.glob("test_*.py"))
    whole = everything <= ran and not session.config.option.keyword and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    if whole and _FIGURES.record():
        run = {"repetitions": REPETITIONS, "seed": SEED, "failed": session.testsfailed, "figures": _FIGURES.record()}
        record.write("promises", run)
