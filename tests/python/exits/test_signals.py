"""Signals, and a process that ends without asking Python."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from exits.conftest import Measured
from exits.row import Row, Scene

ASYNC = """
import contextlib
async def main():
    async with contextlib.AsyncExitStack() as stack:
        made = guards()
        for guard in made:
            await stack.enter_async_context(guard)
        await asyncio.to_thread(rest, made)
        say("ready")
        await asyncio.Event().wait()
asyncio.run(main())
"""
SYNC = "made = armed(); say('ready'); made[0].wait_phase(Phase.FAULTED, 60)"
EXITS = "def handler(number, frame): sys.exit(7)\nsignal.signal(signal.SIGTERM, handler)\n" + SYNC


def sends(number: signal.Signals) -> Callable[[Scene], int]:
    """Sends a signal once the program waits."""

    def send(scene: Scene) -> int:
        scene.waits_for("ready")
        return scene.signal(number)

    return send


ROWS = [
    Row("X04b", "SIGTERM, no handler", SYNC, sends(signal.SIGTERM), -signal.SIGTERM),
    # The interpreter looks for signals between two slices of a wait, 20 ms each.
    Row("X04c", "SIGTERM, a handler that exits, in a blocking call", EXITS, sends(signal.SIGTERM), 7, target_ms=40),
    Row("X04d", "SIGHUP: the terminal is gone", SYNC, sends(signal.SIGHUP), -signal.SIGHUP),
    Row("X05a", "SIGINT in a blocking call", SYNC, sends(signal.SIGINT), -signal.SIGINT, target_ms=40),
    Row("X05b", "SIGINT inside asyncio", ASYNC, sends(signal.SIGINT), -signal.SIGINT),
    Row("X10", "SIGKILL", SYNC, sends(signal.SIGKILL), -signal.SIGKILL),
    Row("X12a", "os._exit", "made = armed(); leaving(); os._exit(4)", code=4),
    Row("X12b", "os.abort", "made = armed(); leaving(); os.abort()", code=-signal.SIGABRT, target_ms=50),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_signal_lets_go(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)
