"""A guard that nobody holds any more, and the one deliberate end that keeps orders."""

from __future__ import annotations

import pytest
from exits.conftest import Measured
from exits.row import Outcome, Row

from killcord import VenueName
from killcord.sim import JournalKind, OrderState


def was_loud(outcome: Outcome) -> None:
    """Nobody asked for warnings or set up logging, and it is said on stderr all the same, once for each guard."""
    assert outcome.errors.count("a running guard was dropped and let go") == len(outcome.exchanges), outcome.errors


def kept_where_possible(outcome: Outcome) -> None:
    """Orders rest where the venue can be told to keep them, nothing fired there, and the guard's own record says why."""
    for venue in (VenueName.DERIBIT, VenueName.KRAKEN):
        notes = outcome.journal(venue)
        assert [note for note in notes if note.kind is JournalKind.SWITCH_OFF], notes
        assert not [note for note in notes if note.kind is JournalKind.TRIPPED], notes
        account = outcome.accounts[venue].name
        states = [order.state for order in outcome.exchanges[venue].orders() if order.account == account]
        assert states == [OrderState.OPEN], states
    said = {line["venue"]: line for line in outcome.said("farewell")}
    for name in ("deribit", "kraken"):
        assert said[name]["confirmed"] is True and said[name]["reason"] == "handing over", said
    for name in ("crypto_com", "bybit"):
        assert said[name]["confirmed"] == "NotApplicable", said
    journal = (outcome.directory / "journal").read_text()
    assert journal.count("handing over") >= 2, journal


FAREWELL = """
made = armed()
for guard in made:
    name = guard.snapshot.venue.value
    try:
        told = guard.farewell_blocking(reason="handing over")
        say("farewell", venue=name, confirmed=told.confirmed, reason=told.reason)
    except NotApplicable as error:
        say("farewell", venue=name, confirmed=type(error).__name__)
leaving()
"""

DROPPED = "made = armed(); leaving(); made.clear(); gc.collect(); stay()"
CYCLE = """
class Desk: pass
made = armed()
for guard in made:
    desk = Desk(); desk.guard = guard; desk.itself = desk
del guard, desk
made.clear()
leaving()
gc.collect()
stay()
"""

ROWS = [
    Row("X06a", "last reference dropped, the process lives", DROPPED, code=None, check=was_loud),
    Row("X06b", "dropped inside a cycle, found by gc", CYCLE, code=None, check=was_loud),
    Row("X04a", "farewell(reason): kept on Deribit and Kraken only", FAREWELL, ends=False, check=kept_where_possible),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_handle(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)
