"""What every client under test has in common: its orders, the words of the venue, and what keeps Python busy meanwhile.

A client is a small program of its own, written as a competent user of that library would write it. It dials the meter,
says ``HELLO``, and does one job: ``answer`` heartbeats, send ``order`` messages on time, note when messages are
``deliver`` ed to its callback, or note when a link was lost (``drop``) and dial again.

    python NAME.py JOB PORT COUNT RATE OUT [--stall thread|gil|loop MS] [--loop asyncio|uvloop] [more of its own]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

HELLO = '{"id":1,"method":"public/auth"}'
HEARTBEAT = b"public/heartbeat"
PING_EVERY_S, PONG_WITHIN_S = 0.25, 0.8
GAP_S = 0.005
"""Between two stalls Python gets this long to catch up."""


@dataclass
class Job:
    """One run of one client."""

    name: str
    port: int
    count: int
    rate: float
    out: str
    stall: str
    stall_s: float
    loop: str
    tls: str
    pings: bool
    """Ping every :data:`PING_EVERY_S`, and take a pong that does not come within :data:`PONG_WITHIN_S` for the end."""
    extra: list[str]
    samples: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the meter listens."""
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/"

    @property
    def authority(self) -> str | None:
        """The file with the authority of the meter's certificate."""
        return f"{self.tls}/ca.pem" if self.tls else None

    @property
    def ssl(self) -> ssl.SSLContext | None:
        """The standard library's default, with that authority."""
        return ssl.create_default_context(cafile=self.authority) if self.tls else None

    def note_delivery(self, at: int, raw: bytes) -> None:
        """A message reached the callback ``at`` this moment; those without a time of sending are passed over."""
        start = raw.find(b'"t0":')
        if start >= 0:
            self.samples.append(at - int(raw[start + 5 : raw.index(b",", start)]))

    def note_loss(self) -> None:
        """The client's own word that the link is gone."""
        self.samples.append(time.monotonic_ns())

    def write(self) -> None:
        """Hands the samples to the runner."""
        with open(self.out, "w", encoding="ascii") as out:
            out.writelines(f"{sample}\n" for sample in self.samples)

    def begin_stalls(self) -> None:
        """Keeps Python busy from a thread, or the loop from within, until the program ends."""
        if self.stall in ("thread", "gil"):
            busy = compute if self.stall == "thread" else hold_gil(self.stall_s)
            threading.Thread(target=stall_for_ever, args=(busy, self.stall_s), daemon=True).start()
        elif self.stall == "loop":
            asyncio.get_running_loop().call_later(GAP_S, self._block_loop)

    def _block_loop(self) -> None:
        threading.Event().wait(self.stall_s)
        asyncio.get_running_loop().call_later(GAP_S, self._block_loop)

    def send_orders(self, send: Callable[[str], None]) -> asyncio.Future[None]:
        """Calls ``send`` with one order after the other, from the running loop, on time."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        start = loop.time() + 0.05

        def next_order(index: int) -> None:
            if index == self.count:
                done.set_result(None)
                return
            send(order(index))
            loop.call_at(start + (index + 1) / self.rate, next_order, index + 1)

        loop.call_at(start, next_order, 0)
        return done


def read_job() -> Job:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["answer", "order", "deliver", "drop"])
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("out")
    parser.add_argument("--stall", nargs=2, default=["none", "0"])
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--tls", default="")
    parser.add_argument("--pings", type=int, default=0)
    known, extra = parser.parse_known_args()
    stall, length = known.stall
    return Job(
        known.job, known.port, known.count, known.rate, known.out, stall, float(length) / 1e3, known.loop, known.tls, bool(known.pings), extra
    )


def run(job: Job, main: Callable[[Job], Coroutine[Any, Any, None]]) -> None:
    """Runs an asyncio client on the loop it was told to use, then writes what it noted."""
    gc.freeze()
    if job.loop == "uvloop":
        import uvloop

        uvloop.run(main(job))
    else:
        asyncio.run(main(job))
    job.write()


def answer(raw: bytes | str) -> str:
    """The answer to a heartbeat, read and written with the standard library as most users do."""
    return json.dumps({"id": json.loads(raw)["id"], "method": "public/respond-heartbeat"})


def order(index: int) -> str:
    """A cancel that says when it was handed in: new orders would be held to the venue's 120 a second, cancels never are."""
    return (
        f'{{"id":{index},"method":"private/cancel-order","params":{{"instrument_name":"BTC_USD","order_id":"{index:019d}",'
        f'"client_oid":"{index:036d}","pad":"xxxxxxxxxxxxxxxxxxxx","t0":{time.monotonic_ns()}}}}}'
    )


def stall_for_ever(busy: Callable[[float], None], length_s: float) -> None:
    """Busy, a short gap, busy again."""
    gap = threading.Event()
    while True:
        busy(length_s)
        gap.wait(GAP_S)


def compute(length_s: float) -> None:
    """Python code that computes; the interpreter takes the GIL from it every few milliseconds."""
    end = time.monotonic() + length_s
    number = 0
    while time.monotonic() < end:
        number = (number * 1103515245 + 12345) % 2147483648


def hold_gil(length_s: float) -> Callable[[float], None]:
    """One call into C that computes for about ``length_s`` without giving the GIL away, as many extensions do."""
    trial = 2_000_000
    quickest = min(timed(trial) for _ in range(3))
    steps = int(trial * length_s / quickest)
    return lambda _length_s: timed(steps) and None


def timed(steps: int) -> float:
    """How long ``steps`` of summing take."""
    began = time.perf_counter()
    sum(range(steps))
    return time.perf_counter() - began
