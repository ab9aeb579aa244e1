"""The exit table as text: one line per row, the times of four venues side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exits.row import Outcome

from killcord import VenueName

HEAD = (
    f"{'id':<6}{'exit':<58}{'target':>7}  {'exit to FIN or RST: Crypto.com, Deribit, Bybit, Kraken':<56}"
    "exit to firing: the same"
)


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """All of it. Milliseconds."""
    yield f"{HEAD} (ms)"
    for outcome in outcomes:
        row = outcome.row
        order = [outcome.seen[venue] for venue in VenueName if venue in outcome.seen]
        ended = "".join(f"{seen.ended_ms:>10.2f}" for seen in order)
        fired = "".join(f"{seen.tripped_ms:>10.1f}" for seen in order)
        yield f"{row.id:<6}{row.what:<58}{row.target_ms:>7g}  {ended:<56}{fired}"
