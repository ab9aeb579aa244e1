"""What holds for every test: one that hangs has failed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest
from serviced import Desk, Told, desk as make_desk

PATIENCE_S = 150
"""The longest test takes a fraction of this, also on a busy machine."""


class TestHangs(Exception):
    """A test took longer than any test may."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Ends a test that hangs, with the traceback of where it does."""

    def too_late(number: int, frame: FrameType | None) -> None:
        raise TestHangs(f"not over within {PATIENCE_S} s")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A folder for ``killcord run`` and the commands that talk to it."""
    with make_desk() as made:
        yield made


@pytest.fixture
def told(desk: Desk) -> Iterator[Told]:
    """What ``killcord run`` tells its supervisor."""
    heard = Told(desk.folder)
    yield heard
    heard.close()
