"""Every line of the fault matrix, in its order: played here, played by tests elsewhere, or not at all and why."""

from __future__ import annotations

from faults import healing as healing
from faults import network as network
from faults import peer as peer
from faults.scenario import SCENARIOS, Elsewhere, Entry, NotHere

LINES: tuple[Elsewhere | NotHere, ...] = ()


def catalogue() -> dict[str, Entry]:
    """All of it, by id."""
    entries: dict[str, Entry] = dict(SCENARIOS)
    for line in LINES:
        assert line.id not in entries, f"{line.id} is there twice"
        entries[line.id] = line
    return dict(sorted(entries.items()))
