"""Group Z, what needs real sockets: floods. What is single frames and certificates is tested beside the code."""

from __future__ import annotations

import time
from pathlib import Path

from promises.desk import Desk
from promises.test_rest import processor_ns, threads

from faults.field import pass_time
from faults.process import resident_kb
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkDead, LinkLost, VenueName
from killcord.sim import Exchange, Sockets

FLOOD_S = 3.0
PER_SECOND = 100_000
BATCH = 1_000
BUSY = "a ping is read, told and answered: two system calls each where they come one by one"


def flood(report: Report, runs: int, first: int, what: str) -> None:
    """Frames of 125 bytes, so many a second; what the guard's thread uses, and that nothing grows."""
    frames = bytes([first, 125]) + bytes(125)
    used: list[float] = []
    grown: list[float] = []
    sent: list[float] = []
    lost: list[str] = []
    with Exchange(VenueName.KRAKEN) as exchange:
        before = threads()
        with Desk(exchange) as desk:
            (thread,) = [each for each in threads() - before if (each / "comm").read_text().startswith("killcord-engine")]
            for _ in range(runs):
                desk.armed()
                pass_time(0.5)
                kb, ran_ns, began_ns = resident_kb(), processor_ns(thread), time.monotonic_ns()
                batches = 0
                while (passed_s := (time.monotonic_ns() - began_ns) / 1e9) < FLOOD_S:
                    if batches * BATCH < passed_s * PER_SECOND:
                        exchange.inject(frames * BATCH, Sockets.WEBSOCKETS)
                        batches += 1
                    else:
                        pass_time(0.001)
                pass_time(0.5)
                used.append(100 * (processor_ns(thread) - ran_ns) / (time.monotonic_ns() - began_ns))
                sent.append(batches * BATCH / FLOOD_S)
                grown.append(max(0.0, resident_kb() - kb) / 1024)
                lost += [str(event) for event in desk.guard.drain_events(most=4096) if isinstance(event, LinkLost | LinkDead)]
    report.take(f"share of a core while {what} come", used, 30.0, unit="%", note=BUSY)
    report.take(f"{what} per second", sent, None, unit="/s")
    report.take(f"memory grown ({what}), venue included", grown, 32.0, unit="MiB")
    report.never(f"links lost or called dead ({what})", lost, of=runs)


@scenario("Z07", "a flood of pings, and of pongs nobody asked for", needs_network=False, alone=True)
def pings(report: Report, runs: int) -> None:
    assert Path("/proc/self/task").is_dir()
    flood(report, runs, 0x89, "pings")
    flood(report, runs, 0x8A, "pongs")
