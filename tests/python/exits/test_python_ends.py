"""Ends that Python takes part in: a context that is left, an exception, the end of the main thread, of the interpreter."""

from __future__ import annotations

import pytest
from exits.conftest import Measured
from exits.row import Outcome, Row

GUARDED = """
async def main():
    async with contextlib.AsyncExitStack() as stack:
        made = guards()
        for guard in made:
            await stack.enter_async_context(guard)
        await asyncio.to_thread(rest, made)
        {end}
"""


def let_go_before_it_went_on(outcome: Outcome) -> None:
    """The links were down before the program was told that they are; a venue's thread may get its turn a little later."""
    (gone,) = outcome.said("gone")
    at_ns = gone["at_ns"]
    assert isinstance(at_ns, int)
    for venue, seen in outcome.seen.items():
        assert seen.ended_ms <= (at_ns - outcome.left_ns) / 1e6 + 50.0, f"{venue}: {seen}"


ACLOSE = """
async def main():
    made = guards()
    for guard in made:
        guard.start()
    for guard in made:
        await guard.wait(Phase.ARMED, PATIENCE_S)
    await asyncio.to_thread(rest, made)
    leaving()
    await asyncio.gather(*(guard.aclose() for guard in made))
    say("gone")
    for guard in made:
        await guard.aclose()
asyncio.run(main())
"""


DAEMONS = """
def busy():
    while True:
        sum(range(1000))
def waiting(guard):
    while True:
        try:
            guard.wait_phase(Phase.FAULTED, 60)
        except KillcordError:
            pass
def reading(guard):
    while True:
        guard.drain_messages(timeout_s=60)
def looking(guard):
    while True:
        guard.snapshot
def raises():
    raise RuntimeError("a hook that raises")
atexit.register(raises)
made = armed()
for guard in made:
    for work in (waiting, reading, looking):
        threading.Thread(target=work, args=(guard,), daemon=True).start()
threading.Thread(target=busy, daemon=True).start()
atexit.register(raises)
leaving()
"""

LOCALS = """
import traceback
def hook(kind, error, trace):
    told = traceback.TracebackException(kind, error, trace, capture_locals=True)
    print("".join(told.format()), file=sys.stderr)
sys.excepthook = hook
def work():
    made = armed()
    parts = [(guard.venue, guard.venue.credentials, guard.policy, guard.snapshot) for guard in made]
    leaving()
    raise ZeroDivisionError
work()
"""


def showed_locals(outcome: Outcome) -> None:
    """What the row is about was printed."""
    assert "parts = [(" in outcome.errors and "Credentials(" in outcome.errors, outcome.errors


ROWS = [
    Row(
        "X01a",
        "async with ends",
        "import contextlib" + GUARDED.format(end="leaving()") + 'asyncio.run(main()); say("gone")',
        check=let_go_before_it_went_on,
    ),
    Row(
        "X01b",
        "stop()",
        "made = armed(); leaving(); [guard.stop() for guard in made]; say('gone')",
        check=let_go_before_it_went_on,
    ),
    Row("X01c", "start() on a loop, aclose()", ACLOSE, check=let_go_before_it_went_on),
    Row("X02a", "sys.exit without close", "made = armed(); leaving(); sys.exit(3)", code=3),
    Row("X02b", "end of main without close", "made = armed(); leaving()"),
    Row(
        "X02c", "the same under python -X dev -W error", "made = armed(); leaving()", flags=("-X", "dev", "-W", "error")
    ),
    Row("X03a", "unhandled exception", "made = armed(); leaving(); raise ZeroDivisionError", code=1),
    Row(
        "X03b",
        "unhandled exception inside async with",
        "import contextlib" + GUARDED.format(end="leaving(); raise ZeroDivisionError") + "asyncio.run(main())",
        code=1,
    ),
    Row("X03c", "unhandled exception, its locals printed", LOCALS, code=1, check=showed_locals),
    # It takes the GIL from thirteen threads, five milliseconds each, before the hook runs.
    Row("X07", "finalisation: daemon threads in calls, hooks that raise", DAEMONS, target_ms=300),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_end_of_python_lets_go(row: Row, measured: Measured) -> None:
    assert measured(row).is_in_time(), measured(row)
