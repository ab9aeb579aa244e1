"""However a process ends, the guard lets go and the venue cancels; and a forked child can neither use the guard nor keep
its socket open. Each program below runs by itself, against a venue in this process.
"""

from __future__ import annotations

import os
import signal
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

def ready():
    print("ready", flush=True)
"""


@pytest.fixture
def deribit() -> Iterator[Exchange]:
    with Exchange("deribit", factor=0.1) as running:
        yield running


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise ZeroDivisionError", 1),
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.abort()", -signal.SIGABRT),
        ("del guard; gc.collect(); threading.Event().wait(1); os._exit(0)", 0),
        ("guard.stop(); os._exit(0)", 0),
    ],
)
def test_an_end_of_the_process_lets_go(deribit: Exchange, ending: str, code: int) -> None:
    with program(deribit, f"guard = armed(); ready(); {ending}") as process:
        assert process.wait(20) == code
    assert_tripped(deribit)


def test_an_interrupt_inside_asyncio_lets_go(deribit: Exchange) -> None:
    body = """
async def main():
    async with Guard(venue) as guard:
        await guard.request(*ORDER)
        ready()
        await asyncio.Event().wait()
asyncio.run(main())
"""
    with program(deribit, body) as process:
        assert_ready(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
    assert_tripped(deribit)


def test_an_interrupt_ends_a_blocking_wait(deribit: Exchange) -> None:
    body = "guard = armed(); ready(); guard.wait_phase(Phase.TRIPPED, 60)"
    with program(deribit, body) as process:
        assert_ready(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(5) != 0
    assert_tripped(deribit)


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
        guard.rearm, guard.abandon, guard.stop,
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


def test_a_child_that_lives_on_does_not_keep_the_link_open(deribit: Exchange) -> None:
    body = """
guard = armed()
if os.fork() == 0:
    ready()
    sys.stdin.read()
    print("child ends", flush=True)
    os._exit(0)
threading.Event().wait(0.5)
os._exit(0)
"""
    with program(deribit, body) as process:
        assert_ready(process)
        assert process.wait(20) == 0
        assert_tripped(deribit)
        # Only now is the child, which reads until its input ends, let go of.
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        assert process.stdout.readline() == "child ends\n"


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
        [sys.executable, "-c", PROLOGUE + body], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def assert_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def assert_tripped(exchange: Exchange) -> None:
    exchange.wait_for(JournalKind.TRIPPED, timeout_s=3)
    assert exchange.open_order_count() == 0
