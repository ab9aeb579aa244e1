"""The rows that were selected run side by side, five at a time, from the moment the first is asked for: most of their
time passes waiting for countdowns. At the end of the run the table is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from exits.row import Outcome, Row, Venues, run
from exits.table import lines
from proof import record

from killcord import VenueName
from killcord.sim import Exchange

FACTOR = 0.05
"""Kraken's countdown of a minute takes three seconds."""
AT_ONCE = 5

_RUN: dict[str, Outcome] = {}

Measured = Callable[[Row], Outcome]


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Runs a row, or has run it already."""
    directory = tmp_path_factory.mktemp("exits")
    with ExitStack() as stack:
        shared = {venue: stack.enter_context(Exchange(venue, factor=FACTOR)) for venue in VenueName}
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))

        def work(row: Row) -> Outcome:
            venues: Venues = shared if row.venues is None else row.venues()
            outcome = run(row, venues, directory)
            _RUN[row.id] = outcome
            return outcome

        rows = [item.callspec.params.get("row") for item in request.session.items if hasattr(item, "callspec")]
        futures: dict[str, Future[Outcome]] = {row.id: pool.submit(work, row) for row in rows if isinstance(row, Row)}
        yield lambda row: futures[row.id].result()
        for future in futures.values():
            future.cancel()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each row and venue."""
    if _RUN:
        terminalreporter.section("exit table")
        for line in lines([_RUN[key] for key in sorted(_RUN)]):
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes ``target/proof/exits.json`` when all of the table was run, in milliseconds."""
    everything = set(Path(__file__).parent.glob("test_*.py"))
    if not everything <= {item.path for item in session.items} or session.config.option.keyword or not _RUN:
        return
    table = {
        row: {venue.value: {"ended_ms": seen.ended_ms, "tripped_ms": seen.tripped_ms} for venue, seen in outcome.seen.items()}
        for row, outcome in sorted(_RUN.items())
    }
    over = {row: max(seen.ended_ms - outcome.row.target_ms for seen in outcome.seen.values()) for row, outcome in _RUN.items() if outcome.seen}
    late = sum(value > 0 for value in over.values())
    record.write("exits", {"failed": session.testsfailed, "rows": len(table), "rows_over_their_target": late, "exits": table})
