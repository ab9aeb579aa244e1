"""nautilus_trader's websocket client: written in Rust (tokio), with a handler in Python, as its adapters use it."""

from __future__ import annotations

import asyncio
import time

from job import HEARTBEAT, HELLO, Job, answer, read_job, run
from nautilus_trader.core.nautilus_pyo3 import WebSocketClient, WebSocketConfig


async def main(job: Job) -> None:
    """One job. The handler is called on the loop or on a thread of tokio, depending on the release; both are served."""
    loop = asyncio.get_running_loop()
    begin = asyncio.Event()
    clients: list[WebSocketClient] = []
    tasks: set[asyncio.Future[None]] = set()

    def send(line: str) -> None:
        task = asyncio.ensure_future(clients[0].send_text(line.encode()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def handler(raw: bytes) -> None:
        at = time.monotonic_ns()
        if HEARTBEAT in raw:
            loop.call_soon_threadsafe(send, answer(raw))
        elif b'"go":1' in raw:
            loop.call_soon_threadsafe(begin.set)
        else:
            job.note_delivery(at, raw)

    config = WebSocketConfig(job.url, handler, [], reconnect_delay_initial_ms=60_000, reconnect_delay_max_ms=60_000)
    clients.append(await WebSocketClient.connect(config))
    await clients[0].send_text(HELLO.encode())
    job.begin_stalls()
    if job.name == "order":
        await begin.wait()
        await job.send_orders(send)
    while clients[0].is_active() and not clients[0].is_reconnecting():
        tick: asyncio.Future[None] = loop.create_future()
        loop.call_later(0.1, tick.set_result, None)
        await tick
    job.write()
    # Its runtime goes on trying to connect; there is nothing left to wait for.
    import os

    os._exit(0)


if __name__ == "__main__":
    run(read_job(), main)
