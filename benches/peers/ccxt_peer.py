"""ccxt (its former ``pro`` half): the exchange class answers heartbeats by itself; here it only has to be logged in."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import ccxt.pro
from job import Job, read_job, run


async def main(job: Job) -> None:
    """Logs in through ccxt's own code, and then lets ccxt do its work until the link is lost."""
    exchange = ccxt.pro.cryptocom({"apiKey": "key", "secret": "secret", "enableRateLimit": False})
    exchange.urls["api"]["ws"]["private"] = job.url
    try:
        for _ in range(job.count if job.name == "drop" else 1):
            with suppress(Exception):
                await exchange.authenticate()
            job.begin_stalls()
            with suppress(Exception):
                await exchange.watch(job.url, "nothing that ever comes")
            job.note_loss()
    finally:
        await exchange.close()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(None)
    run(read_job(), main)
