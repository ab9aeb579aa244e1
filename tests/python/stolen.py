"""What the host of a virtual machine took away: time in which a thread was ready, had its core, and did not run."""

from __future__ import annotations

import os
from pathlib import Path

STEAL = 8
"""The column of ``/proc/stat``, whose first word is ``cpu``."""


def stolen_ms() -> float:
    """Since the machine started, over all cores, in steps of a clock tick. Zero for ever where the host does not tell."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[STEAL]
    return int(ticks) * 1000 / os.sysconf("SC_CLK_TCK")
