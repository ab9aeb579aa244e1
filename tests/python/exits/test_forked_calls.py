"""What a forked child may do: none of its parent's guards, whatever it calls, and one of its own. Each program below runs
by itself, against a venue in this process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from killcord.sim import Exchange, JournalKind

PROLOGUE = """
import asyncio, gc, multiprocessing, os, signal, sys, threading, warnings
from killcord import *
venue = Deribit(
    Credentials.from_env("DERIBIT"),
    custom=Endpoints(os.environ["GUARD_URL"], os.environ["HTTP_URL"], ca_pem=os.environ["CA_PEM"], time_factor=0.1),
)
ORDER = ("private/buy", {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000})

def armed():
    guard = Guard(venue)
    guard.start()
    guard.wait_phase(Phase.ARMED, 10)
    guard.request_blocking(*ORDER, timeout_s=5)
    return guard
"""


@pytest.fixture
def deribit() -> Iterator[Exchange]:
    with Exchange("deribit", factor=0.1) as running:
        yield running


def test_every_call_in_a_forked_child_is_refused_and_the_parent_stays_armed(deribit: Exchange) -> None:
    body = """
guard = armed()
def refused(call):
    try:
        call()
    except Forked:
        return True
    return False
def child():
    calls = [
        lambda: guard.snapshot,
        lambda: guard.request_blocking("public/test", timeout_s=1),
        lambda: guard.send_blocking("{}"),
        lambda: guard.drain_events(),
        lambda: guard.drain_messages(),
        lambda: guard.wait_phase(Phase.ARMED, 1),
        lambda: guard.farewell_blocking(reason="x"),
        lambda: guard.maintenance_blocking(begin=True, reason="x"),
        lambda: asyncio.run(anext(guard.events())),
        lambda: asyncio.run(guard.request("public/test")),
        lambda: asyncio.run(guard.aclose()),
        lambda: guard.kill_blocking('x'),
        lambda: guard.lease('x', budget_s=1),
        lambda: guard.rearm(acknowledge='x'),
        guard.abandon, guard.stop,
    ]
    return [number for number, call in enumerate(calls) if not refused(call)]
pid = os.fork()
if pid == 0:
    accepted = child()
    print("accepted", accepted, flush=True)
    os._exit(len(accepted))
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, "a call was accepted in the child"
assert guard.snapshot.claim
guard.request_blocking("public/test", timeout_s=5)
guard.stop()
"""
    with program(deribit, body) as process:
        assert process.wait(30) == 0
    assert_tripped(deribit)


def test_a_forked_child_can_have_a_guard_of_its_own(deribit: Exchange) -> None:
    body = """
guard = armed()
pid = os.fork()
if pid == 0:
    own = armed()
    own.stop()
    os._exit(0)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert guard.snapshot.claim
"""
    with program(deribit, body) as process:
        assert process.wait(30) == 0


def program(exchange: Exchange, body: str) -> subprocess.Popen[str]:
    assert exchange.ca_pem is not None
    environment = {
        **os.environ,
        "DERIBIT_KEY": exchange.account.key,
        "DERIBIT_SECRET": exchange.account.secret,
        "GUARD_URL": exchange.guard_url,
        "HTTP_URL": exchange.http_url,
        "CA_PEM": exchange.ca_pem,
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + body],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def assert_tripped(exchange: Exchange) -> None:
    exchange.wait_for(JournalKind.TRIPPED, timeout_s=3)
    assert exchange.open_order_count() == 0
