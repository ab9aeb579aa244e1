"""The library ``picows``: callbacks from Cython, no coroutine between the wire and the user."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from job import HEARTBEAT, HELLO, PING_EVERY_S, PONG_WITHIN_S, Job, answer, read_job, run
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect


class Listener(WSListener):
    """Answers in the callback."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.begin: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, HELLO.encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        at = time.monotonic_ns()
        if frame.msg_type != WSMsgType.TEXT:
            return
        raw = frame.get_payload_as_bytes()
        if HEARTBEAT in raw:
            transport.send(WSMsgType.TEXT, answer(raw).encode())
        elif b'"go":1' in raw:
            self.begin.set_result(None)
        else:
            self.job.note_delivery(at, raw)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.job.name == "drop":
            self.job.note_loss()


def pinging(job: Job) -> dict[str, Any]:
    """Its own pings, when they are wanted."""
    if not job.pings:
        return {}
    # It wants no longer time for the answer than between pings.
    within = (PING_EVERY_S + PONG_WITHIN_S) / 2
    return {"enable_auto_ping": True, "auto_ping_idle_timeout": within, "auto_ping_reply_timeout": within}


async def main(job: Job) -> None:
    """One job."""
    for _ in range(job.count if job.name == "drop" else 1):
        transport, listener = await ws_connect(lambda: Listener(job), job.url, ssl_context=job.ssl, **pinging(job))
        if job.name != "drop":
            job.begin_stalls()
        if job.name == "order":
            await listener.begin
            await job.send_orders(lambda line: transport.send(WSMsgType.TEXT, line.encode()))
        await transport.wait_disconnected()


if __name__ == "__main__":
    run(read_job(), main)
