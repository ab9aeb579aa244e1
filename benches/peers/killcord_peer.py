"""killcord through its public Python face. Heartbeats are none of this program's business: the engine answers them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from job import Job, read_job, run
from killcord import Credentials, CryptoCom, Endpoints, Engine, Guard, Wait
from killcord.events import LinkDead, LinkLost, LinkUp, Suspected

# Nothing listens there: the meter speaks no HTTP, and a guard does without as long as nobody asks for a kill.
NO_HTTP = "http://127.0.0.1:1"


def guard_of(job: Job, **more: object) -> Guard:
    """A guard that takes the meter for Crypto.com."""
    authority = Path(job.authority).read_text() if job.authority else None
    endpoints = Endpoints(job.url, NO_HTTP, ca_pem=authority, time_factor=0.2 if job.name == "drop" and not job.pings else 1.0)
    venue = CryptoCom(Credentials.values(key="KEY", secret="SECRET"), custom=endpoints)
    spins = "--spin" in job.extra
    engine = Engine(wait=Wait.SPIN, cpu=int(job.extra[job.extra.index("--spin") + 1])) if spins else Engine()
    return Guard(venue, engine=engine, **more)  # type: ignore[arg-type]


async def main(job: Job) -> None:
    """One job."""
    begin = asyncio.Event()

    def on_message(message: object) -> None:
        at = time.monotonic_ns()
        raw = message.raw  # type: ignore[attr-defined]
        if b'"go":1' in raw:
            begin.set()
        else:
            job.note_delivery(at, raw)

    async with guard_of(job, on_message=on_message) as guard:
        job.begin_stalls()
        if job.name == "order":
            await begin.wait()
            await job.send_orders(guard.send)
        await note_losses(job, guard)


async def note_losses(job: Job, guard: Guard) -> None:
    """Returns when the meter has ended the link as often as it should."""
    up: set[int] = set()
    async for event in guard.events():
        if job.pings and isinstance(event, Suspected | LinkDead):
            job.note_loss()
            if isinstance(event, LinkDead):
                return
        if isinstance(event, LinkUp):
            up.add(event.link_epoch)
        elif isinstance(event, LinkLost) and event.link_epoch in up:
            if job.name != "drop":
                return
            job.note_loss()
            if len(job.samples) == job.count:
                return


if __name__ == "__main__":
    run(read_job(), main)
