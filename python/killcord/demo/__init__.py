"""``killcord demo``: four guards on four embedded venues, broken one thing at a time, and each promise measured.

What is measured is what the venues saw: their journals, on the guard's own clock. The bound beside it is what the guard
publishes (its exposure), or one of the figures of ``promises``, with its source. Nothing here knows a result beforehand.

What is where: ``promises`` (what is promised), ``parties`` (the four accounts), ``scene`` (a venue with an armed guard
and resting orders), one module for each thing that is broken (``begin``, ``hold``, ``cut``, ``death``, ``refusal``),
``measure`` (from records to numbers), ``board`` (what has been found), ``show`` (how it looks), ``run`` (the order).
"""

from __future__ import annotations


def main(*, as_json: bool = False) -> int:
    """Runs it and returns the exit status: 0 when every promise was held. Needs the extra ``cli``."""
    # The child process of ``death`` imports this package too, and shows nothing.
    from .run import run

    return run(as_json=as_json)
