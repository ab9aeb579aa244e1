"""A guard at rest costs next to nothing: its thread's processor time at true timing and default policy, with the venue in
another process.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from promises.desk import PATIENCE_S, at_once
from promises.figures import Figures
from stolen import stolen_ms

from killcord import Bybit, Credentials, CryptoCom, Deribit, Endpoints, Guard, Kraken, Phase, PhaseTimeout, VenueName

AT_REST_S = 12.0
OF_A_CORE = 0.5
"""Percent."""
TRIES_MAX = 3
KINDS = {
    VenueName.CRYPTO_COM: CryptoCom,
    VenueName.DERIBIT: Deribit,
    VenueName.BYBIT: Bybit,
    VenueName.KRAKEN: Kraken,
}


def test_a_guard_at_rest_uses_little_of_a_core(figures: Figures) -> None:
    with ExitStack() as stack:
        guards = {venue: stack.enter_context(running(venue)) for venue in VenueName}
        for guard, thread in guards.values():
            guard.wait_phase(Phase.ARMED, PATIENCE_S)
            assert (thread / "comm").read_text().startswith("killcord-engine")
        # What the host takes away counts as run time of whoever had the core: looked at again, when it took that much.
        used, tries, taken_ms = list[float](), 0, math.inf
        while tries < TRIES_MAX and 0 < too_long_ms(used) <= taken_ms:
            tries, before_ms = tries + 1, stolen_ms()
            used = at_once(lambda guard: share_of_a_core(*guard), guards.values())
            taken_ms = stolen_ms() - before_ms
        for venue, percent in zip(guards, used, strict=True):
            figures.take(f"a guard at rest, share of a core over {AT_REST_S:g} s, {venue.value}", [percent], OF_A_CORE, "%")


def too_long_ms(used: list[float]) -> float:
    """By how much the busiest ran longer than promised; for ever, before the first look."""
    return (max(used, default=math.inf) - OF_A_CORE) / 100 * AT_REST_S * 1000


def test_a_busy_thread_is_seen_to_be_busy() -> None:
    """The measure is able to fail."""
    thread = Path("/proc/thread-self").resolve()
    before_ns, began_ns = processor_ns(thread), time.monotonic_ns()
    while time.monotonic_ns() - began_ns < 100_000_000:
        pass
    assert processor_ns(thread) - before_ns > 10_000_000


def share_of_a_core(guard: Guard, thread: Path) -> float:
    """The percentage of a core that the thread used while the guard stayed armed."""
    before_ns, began_ns = processor_ns(thread), time.monotonic_ns()
    with pytest.raises(PhaseTimeout):
        guard.wait_phase(set(Phase) - {Phase.ARMED}, AT_REST_S)
    return 100 * (processor_ns(thread) - before_ns) / (time.monotonic_ns() - began_ns)


def processor_ns(thread: Path) -> int:
    """How long a thread has run."""
    return int((thread / "schedstat").read_text().split()[0])


@contextmanager
def running(venue: VenueName) -> Iterator[tuple[Guard, Path]]:
    """A started guard of a venue in a process of its own, and the guard's thread."""
    program = [sys.executable, "-m", "killcord", "sim", venue.value]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = said_by(process, until="main.secret")
            own = Endpoints(said["websocket"], said["http"], said.get("orders"), Path(said["authority"]).read_text())
            credentials = Credentials.values(key=said["main.key"], secret=said["main.secret"])
            before = threads()
            guard = Guard(KINDS[venue](credentials, custom=own))
            (thread,) = threads() - before
            guard.start()
            try:
                yield guard, thread
            finally:
                guard.stop()
        finally:
            process.terminate()


def said_by(process: subprocess.Popen[str], until: str) -> dict[str, str]:
    """The ``name value`` lines of ``killcord sim``, to the last one."""
    assert process.stdout is not None
    said: dict[str, str] = {}
    while until not in said:
        line = process.stdout.readline()
        assert line, "killcord sim ended"
        name, _, value = line.strip().partition(" ")
        said[name] = value
    return said


def threads() -> set[Path]:
    """The threads of this process."""
    return set(Path("/proc/self/task").iterdir())
