"""The venues as a process of their own, which can be stopped and killed as a venue's host can. Run inside the far network:
``python -m faults.host FACTOR``. Says where the venues are, a line of JSON each; a line on standard input asks for what fired.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from promises.desk import PATIENCE_S

from faults.field import THERE, Line
from faults.namespace import Namespace
from killcord import Credentials, Endpoints, VenueName
from killcord.sim import Exchange, JournalEntry, JournalKind

TESTS = Path(__file__).resolve().parents[1]


def main() -> None:
    """Serves until its input ends."""
    factor = float(sys.argv[1])
    venues = [Exchange(venue, factor=factor, host=THERE, certificate_hosts=(THERE,)) for venue in VenueName]
    for venue in venues:
        where = [venue.guard_url, venue.http_url, venue.trade_url, venue.ca_pem]
        print(json.dumps([venue.venue.value, where, venue.account.key, venue.account.secret]), flush=True)
    for _ in sys.stdin:
        fired = [[v.venue.value, n.at_ns, n.detail] for v in venues for n in v.journal() if n.kind is JournalKind.TRIPPED]
        print(json.dumps(fired), flush=True)


@dataclass(frozen=True, slots=True)
class Remote:
    """A venue in another process: as much of an exchange as a desk needs. Its journal cannot be read."""

    venue: VenueName
    endpoints: Endpoints
    credentials: Credentials

    def now_ns(self) -> int:
        """The clock is the machine's, the same in every process."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def journal(self) -> list[JournalEntry]:
        """Nothing that could be had from here."""
        return []


class Host:
    """That process."""

    def __init__(self, far: Namespace, factor: float) -> None:
        path = os.pathsep.join([str(TESTS), str(TESTS / "python")])
        with far.inside():
            self.process = subprocess.Popen(
                [sys.executable, "-m", "faults.host", str(factor)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
            )
        self.exchanges: dict[VenueName, Exchange] = {}
        assert self.process.stdout is not None
        for _ in VenueName:
            word, (guard, http, trade, ca_pem), key, secret = json.loads(self.process.stdout.readline())
            where = Endpoints(guard, http, trade, ca_pem, factor)
            remote = Remote(VenueName(word), where, Credentials.values(key=key, secret=secret))
            # A desk asks for nothing that this has not.
            self.exchanges[remote.venue] = cast(Exchange, remote)

    def signal(self, number: signal.Signals) -> int:
        """Sends a signal, and says when that was."""
        at_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.process.send_signal(number)
        return at_ns

    def fired(self) -> list[str]:
        """What every switch that fired gave as its reason."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"fired\n")
        self.process.stdin.flush()
        return [f"{venue}: {detail}" for venue, _, detail in json.loads(self.process.stdout.readline())]

    def close(self) -> None:
        """Ends it, however it is."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()


@contextmanager
def hosted(factor: float, **settings: float) -> Iterator[tuple[Namespace, Line, Host]]:
    """The guards' network, the wire, and that process at its far end."""
    near, far = Namespace(), Namespace()
    try:
        line = Line(near, far)
        line.set(**settings)
        try:
            host = Host(far, factor)
            try:
                yield near, line, host
            finally:
                host.close()
        finally:
            line.close()
    finally:
        near.close()
        far.close()


if __name__ == "__main__":
    main()
