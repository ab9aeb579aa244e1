"""The library ``websocket-client``, on which pybit and many exchange clients are built: a thread and blocking reads."""

from __future__ import annotations

import threading
import time

import websocket
from job import HEARTBEAT, HELLO, Job, answer, order, read_job


def dial(job: Job) -> websocket.WebSocket:
    """Connected and introduced."""
    link = websocket.create_connection(job.url, sockopt=((6, 1, 1),), sslopt={"ca_certs": job.authority})
    link.send(HELLO)
    return link


def read(job: Job, link: websocket.WebSocket) -> None:
    """Until the link is lost."""
    try:
        while True:
            raw = link.recv()
            at = time.monotonic_ns()
            if not raw:
                return
            raw = raw.encode()
            if HEARTBEAT in raw:
                link.send(answer(raw))
            elif b'"go":1' in raw:
                send_orders(job, link)
            else:
                job.note_delivery(at, raw)
    except (websocket.WebSocketException, OSError):
        return


def send_orders(job: Job, link: websocket.WebSocket) -> None:
    """On time, from this thread."""
    pause = threading.Event()
    start = time.monotonic() + 0.05
    for index in range(job.count):
        pause.wait(max(0.0, start + index / job.rate - time.monotonic()))
        link.send(order(index))


def main(job: Job) -> None:
    """One job."""
    if job.name == "drop":
        for _ in range(job.count):
            read(job, dial(job))
            job.note_loss()
        return
    link = dial(job)
    job.begin_stalls()
    read(job, link)


if __name__ == "__main__":
    the_job = read_job()
    main(the_job)
    the_job.write()
