"""The process that is killed: ``python -m killcord.demo.holder``. It reads one line that says where the venues are, arms a
guard at each, rests the orders, says so, one line for each venue, and then does nothing until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TypedDict

from .._killcord import Credentials
from ..config import Endpoints
from ..errors import KillcordError
from ..guard import Guard
from ..model import VenueName
from .parties import party_of
from .scene import rest_orders


class Where(TypedDict):
    """One venue, as ``death`` describes it."""

    venue: str
    key: str
    secret: str
    guard_url: str
    http_url: str
    trade_url: str | None
    ca_pem: str | None
    time_factor: float


async def keep(where: Where, until: asyncio.Event) -> None:
    """Holds a guard until told to stop."""
    party = party_of(VenueName(where["venue"]))
    endpoints = Endpoints(
        where["guard_url"], where["http_url"], where["trade_url"], where["ca_pem"], where["time_factor"]
    )
    credentials = Credentials.values(key=where["key"], secret=where["secret"])
    try:
        async with Guard(party.account(credentials, endpoints)) as guard:
            await rest_orders(guard, party)
            say({"venue": where["venue"], "bound_ms": guard.snapshot.exposure.bound_s * 1e3})
            await until.wait()
    except KillcordError as error:
        say({"venue": where["venue"], "error": f"{type(error).__name__}: {error}"})


def say(line: dict[str, str | float]) -> None:
    """One line for the parent."""
    print(json.dumps(line), flush=True)


async def main() -> None:
    """Holds all of them until the parent is gone, or has killed this process."""
    venues: list[Where] = json.loads(sys.stdin.readline())
    until = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for where in venues:
            tasks.create_task(keep(where, until))
        await asyncio.to_thread(sys.stdin.read)
        until.set()


if __name__ == "__main__":
    asyncio.run(main())
