"""What a program of the exit table begins with: it runs in a process of its own, arms one guard at each of four venues,
rests an order at each, and then ends in its own way.

Secrets come through a pipe, so that neither the environment nor anything that Python has read holds one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import TypedDict

from resting import ORDER

from killcord import Bybit, Credentials, CryptoCom, Deribit, Endpoints, Guard, Kraken, Phase, Venue, VenueName

PATIENCE_S = 30.0


class Where(TypedDict):
    """One venue, as the row describes it."""

    venue: str
    secret_fd: int
    guard_url: str
    http_url: str
    trade_url: str | None
    ca_pem: str | None
    factor: float


def venues() -> list[Venue]:
    """Reads where the venues are: one line from the test."""
    told: list[Where] = json.loads(sys.stdin.readline())
    return [_venue(where) for where in told]


def guards() -> list[Guard]:
    """One for each venue, not started. Their journal is in the directory of the row."""
    return [Guard(venue, journal="journal") for venue in venues()]


def armed() -> list[Guard]:
    """The same, started, armed, with an order resting at each."""
    made = guards()
    for guard in made:
        guard.start()
    rest(made)
    return made


def rest(started: Sequence[Guard]) -> None:
    """Waits until each is armed, rests an order at each, tells the test, and waits until that has looked."""
    for guard in started:
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
    for guard in started:
        guard.request_blocking(*ORDER[guard.snapshot.venue], timeout_s=PATIENCE_S)
    say("armed", bounds={guard.snapshot.venue.value: guard.snapshot.exposure.bound_s for guard in started})
    assert sys.stdin.readline() == "go\n", "the test is gone"


def say(word: str, **fields: object) -> None:
    """One line for the test. A single write, so that a child of this process can say something as well."""
    line = json.dumps({"word": word, "at_ns": now_ns(), "pid": os.getpid(), **fields})
    os.write(1, line.encode() + b"\n")


def leaving() -> None:
    """What follows is the end; the clock runs from here."""
    say("leaving")


def now_ns() -> int:
    """The clock of the guards and of the venues' journals."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def stay() -> None:
    """Until the test is done with this process, or is gone itself."""
    sys.stdin.read()


def _venue(where: Where) -> Venue:
    credentials = Credentials.from_fd(where["secret_fd"])
    os.close(where["secret_fd"])
    endpoints = Endpoints(where["guard_url"], where["http_url"], where["trade_url"], where["ca_pem"], where["factor"])
    match VenueName(where["venue"]):
        case VenueName.CRYPTO_COM:
            return CryptoCom(credentials, custom=endpoints)
        case VenueName.DERIBIT:
            return Deribit(credentials, custom=endpoints)
        case VenueName.BYBIT:
            return Bybit(credentials, custom=endpoints)
        case VenueName.KRAKEN:
            return Kraken(credentials, custom=endpoints)
