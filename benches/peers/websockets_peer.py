"""The library ``websockets``, its asyncio client."""

from __future__ import annotations

import time

import websockets
from job import HEARTBEAT, HELLO, PING_EVERY_S, PONG_WITHIN_S, Job, answer, read_job, run
from websockets.asyncio.client import ClientConnection, connect


async def dial(job: Job) -> ClientConnection:
    """Connected and introduced."""
    every, within = (PING_EVERY_S, PONG_WITHIN_S) if job.pings else (None, None)
    # Without the last it would wait 10 s for a dead peer to say goodbye.
    pings = {"ping_interval": every, "ping_timeout": within, "close_timeout": 0.05}
    link = await connect(job.url, compression=None, max_queue=None, ssl=job.ssl, **pings)
    await link.send(HELLO)
    return link


async def read(job: Job, link: ClientConnection) -> None:
    """Until the link is lost."""
    try:
        while True:
            raw = await link.recv(decode=False)
            at = time.monotonic_ns()
            if HEARTBEAT in raw:
                await link.send(answer(raw))
            elif b'"go":1' in raw:
                await send_orders(job, link)
            else:
                job.note_delivery(at, raw)
    except websockets.ConnectionClosed:
        return


async def send_orders(job: Job, link: ClientConnection) -> None:
    """``send`` is a coroutine: started by the loop as soon as it may run."""
    import asyncio

    tasks: set[asyncio.Task[None]] = set()

    def send(line: str) -> None:
        task = asyncio.eager_task(link.send(line)) if hasattr(asyncio, "eager_task") else asyncio.ensure_future(link.send(line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    await job.send_orders(send)


async def main(job: Job) -> None:
    """One job."""
    if job.name == "drop":
        for _ in range(job.count):
            await read(job, await dial(job))
            job.note_loss()
        return
    link = await dial(job)
    job.begin_stalls()
    await read(job, link)


if __name__ == "__main__":
    run(read_job(), main)
