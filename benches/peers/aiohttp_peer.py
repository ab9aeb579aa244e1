"""The websocket client of ``aiohttp``."""

from __future__ import annotations

import time

import aiohttp
from job import HEARTBEAT, HELLO, PONG_WITHIN_S, Job, answer, order, read_job, run


async def read(job: Job, link: aiohttp.ClientWebSocketResponse) -> None:
    """Until the link is lost."""
    await link.send_str(HELLO)
    async for message in link:
        at = time.monotonic_ns()
        if message.type is not aiohttp.WSMsgType.TEXT:
            break
        raw = message.data.encode()
        if HEARTBEAT in raw:
            await link.send_str(answer(raw))
        elif b'"go":1' in raw:
            await send_orders(job, link)
        else:
            job.note_delivery(at, raw)


async def send_orders(job: Job, link: aiohttp.ClientWebSocketResponse) -> None:
    """Awaited in one task after the other; nothing else runs meanwhile."""
    import asyncio

    loop = asyncio.get_running_loop()
    start = loop.time() + 0.05
    for index in range(job.count):
        pause: asyncio.Future[None] = loop.create_future()
        loop.call_at(start + index / job.rate, pause.set_result, None)
        await pause
        await link.send_str(order(index))


async def main(job: Job) -> None:
    """One job."""
    async with aiohttp.ClientSession() as session:
        if job.name == "drop":
            # It gives a pong half as long as there is between pings.
            heartbeat = 2 * PONG_WITHIN_S if job.pings else None
            for _ in range(job.count):
                await read(job, await session.ws_connect(job.url, autoping=True, compress=0, ssl=job.ssl or True, heartbeat=heartbeat))
                job.note_loss()
            return
        link = await session.ws_connect(job.url, compress=0, ssl=job.ssl or True)
        job.begin_stalls()
        await read(job, link)


if __name__ == "__main__":
    run(read_job(), main)
