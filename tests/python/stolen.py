"""What a machine takes away from a thread that is ready to run: a core that its host lends to others, or one that is busy."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

STEAL = 8
"""The column of ``/proc/stat``, whose first word is ``cpu``."""
LOOK_S = 0.02


def stolen_ms() -> float:
    """By the host, since the machine started, over all cores, in steps of a clock tick. Zero for ever where it does not tell."""
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[STEAL]
    return int(ticks) * 1000 / os.sysconf("SC_CLK_TCK")


class Waits:
    """Watches for how long the network threads of a process at a time were ready, and had no core. A context manager."""

    def __init__(self, process: int) -> None:
        self.longest_ms = 0.0
        """The longest wait of any of them so far."""
        self._tasks = Path(f"/proc/{process}/task")
        self._waited_ns: dict[Path, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Waits:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            # A thread, or the process, may end at any time.
            with suppress(OSError):
                for task in self._tasks.iterdir():
                    with suppress(OSError):
                        self._look(task)

    def _look(self, task: Path) -> None:
        if not (task / "comm").read_text().startswith("killcord-"):
            return
        # A wait is added when it is over, in one piece.
        waited_ns = int((task / "schedstat").read_text().split()[1])
        longer_ns = waited_ns - self._waited_ns.get(task, waited_ns)
        self._waited_ns[task] = waited_ns
        self.longest_ms = max(self.longest_ms, longer_ns / 1e6)
