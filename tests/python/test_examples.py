"""The examples do what they say, against embedded venues; and the front page shows parts of them, not inventions."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from killcord import Bybit, BybitProduct, Credentials, CryptoCom, Deribit, Kraken, VenueName
from killcord.sim import CancelCause, Exchange, JournalKind, OrderState
from killcord.venues import Venue

ROOT = Path(__file__).resolve().parents[2]
FACTOR = 0.1
"""The venues' own time runs ten times as fast."""
PATIENCE_S = 20.0
"""Far above what anything here takes; reached only when it does not happen at all."""


@dataclass(frozen=True, slots=True)
class Case:
    """One example and the account it is given."""

    name: str
    venue: VenueName
    account: Callable[[Exchange], Venue]
    bound_s: float
    """What the example says it is protected within, at true timing."""


CASES = [
    Case("crypto_com", VenueName.CRYPTO_COM, lambda venue: CryptoCom(venue.credentials, custom=venue.endpoints), 50),
    Case("deribit", VenueName.DERIBIT, lambda venue: Deribit(venue.credentials, custom=venue.endpoints), 24.1),
    Case(
        "bybit",
        VenueName.BYBIT,
        lambda venue: Bybit(venue.credentials, products=(BybitProduct.DERIVATIVES,), custom=venue.endpoints),
        71,
    ),
    Case("kraken", VenueName.KRAKEN, lambda venue: Kraken(venue.credentials, custom=venue.endpoints), 62),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_an_example_rests_an_order_that_the_venue_cancels_once_the_example_ends(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ended from outside, as by Ctrl-C: nothing is disarmed, and the switch cancels within the stated bound."""
    async with Exchange(case.venue, factor=FACTOR) as venue:
        running = asyncio.create_task(run_of(example(case.name), case.account(venue)))
        await happened(venue, JournalKind.ORDER_OPENED, running)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        ended_ns = venue.now_ns()
        tripped = await happened(venue, JournalKind.TRIPPED)
        (order,) = venue.orders()
        assert (order.state, order.cause) == (OrderState.CANCELLED, CancelCause.SWITCH)
        assert (tripped - ended_ns) / 1e9 <= case.bound_s * FACTOR
    assert "armed" in capsys.readouterr().out or case.name == "crypto_com"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_example_without_keys_says_which_variable_is_missing(case: Case) -> None:
    """Run as a program, up to the place where it needs what only its user has."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(case.name.upper())}
    program = [sys.executable, str(ROOT / "examples" / f"{case.name}.py")]
    ended = subprocess.run(program, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert f"{case.name.upper()}_KEY" in ended.stderr.splitlines()[-1]


def test_the_front_page_shows_parts_of_the_examples() -> None:
    """Each Python block stands, line by line, in the example that the sentence above it names."""
    shown = python_blocks(README)
    assert {name for name, _ in shown} == {case.name for case in CASES}
    for name, block in shown:
        assert len(block.splitlines()) <= 15, f"{name}: the block is too long for a front page"
        assert is_part_of(block, (ROOT / "examples" / f"{name}.py").read_text("utf-8")), f"{name}: not in the example"


def test_the_front_pages_accounts_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ``account = …`` on the front page is a configuration that is accepted."""
    names = {kind.__name__: kind for kind in (Bybit, CryptoCom, Deribit, Kraken, Credentials, BybitProduct)}
    accounts = re.findall(r"`account = (.+?)`", README)
    assert len(accounts) == len(CASES)
    for case in CASES:
        monkeypatch.setenv(f"{case.name.upper()}_KEY", "KEY0KEY0KEY0")
        monkeypatch.setenv(f"{case.name.upper()}_SECRET", "c2VjcmV0c2VjcmV0")
    made = [type(eval(account, {}, names)) for account in accounts]  # noqa: S307 - our own page
    assert set(made) == {Bybit, CryptoCom, Deribit, Kraken}


def test_a_block_that_is_not_in_the_example_is_found() -> None:
    """The check above is able to fail."""
    assert is_part_of("b()\n    c()\n", "def a():\n    b()\n        c()\n")
    assert not is_part_of("b()\nc()\n", "def a():\n    b()\n        c()\n")
    assert not is_part_of("b()\n", "def a():\n    bb()\n")
    assert python_blocks("`examples/one.py`\n```python\nx\n```\n") == [("one", "x\n")]


README = (ROOT / "README.md").read_text("utf-8")


def example(name: str) -> ModuleType:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def run_of(module: ModuleType, account: Venue) -> None:
    """The example's ``run``."""
    await cast(Callable[[Venue], Awaitable[None]], module.run)(account)


async def happened(venue: Exchange, kind: JournalKind, running: asyncio.Task[None] | None = None) -> int:
    """Waits for a journal entry and returns its time; an example that ends before is an error here, not a wait."""
    entry = asyncio.create_task(asyncio.to_thread(venue.wait_for, kind, timeout_s=PATIENCE_S))
    await asyncio.wait([entry, running] if running else [entry], return_when=asyncio.FIRST_COMPLETED)
    if running is not None and running.done():
        running.result()
        pytest.fail("the example ended by itself")
    return (await entry).at_ns


def python_blocks(page: str) -> list[tuple[str, str]]:
    """Every Python block with the example named last before it."""
    blocks = []
    for found in re.finditer(r"```python\n(.*?)```", page, re.DOTALL):
        named = re.findall(r"examples/(\w+)\.py", page[: found.start()])
        blocks.append((named[-1] if named else "", found[1]))
    return blocks


def is_part_of(block: str, text: str) -> bool:
    """Whether the block's lines stand in the text one after the other, equally indented further."""
    wanted, lines = block.splitlines(), text.splitlines()
    for start in range(len(lines) - len(wanted) + 1):
        if textwrap.dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted:
            return True
    return False
