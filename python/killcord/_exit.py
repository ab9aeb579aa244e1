"""The interpreter's end: guards that still run are let go at once, rather than when the kernel closes their sockets."""

from __future__ import annotations

import atexit
import logging
import os
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress

from ._killcord import GuardHandle, interpreter_ends
from .errors import KillcordError
from .journal import flush_all

EXIT_S = 0.5
"""How long the interpreter's end may be held up in all."""

LEAVE_S = 7.0
"""Letting go takes milliseconds, unless a kill is under way: its HTTP call is given the five seconds it may take."""

_running: weakref.WeakSet[Running] = weakref.WeakSet()


class Running:
    """A started guard's handle and the process it belongs to. Forgotten with the guard that holds it."""

    __slots__ = ("__weakref__", "handle", "pid")

    def __init__(self, handle: GuardHandle) -> None:
        self.handle = handle
        self.pid = os.getpid()
        _running.add(self)


def let_go_dropped(guard: object, running: Running | None, detach: Callable[[], None]) -> None:
    """Ends what a guard had begun that lost its last reference, and says so. Twice: Python hides warnings of this kind
    unless asked for them, and what ``logging`` does of itself shows an error on stderr.
    """
    was_running = running is not None and not running.handle.has_ended()
    if running is not None and was_running:
        with suppress(KillcordError):
            running.handle.let_go()
    detach()
    if was_running:
        logging.getLogger("killcord").error("a running guard was dropped and let go, so that its orders go: %r", guard)
        warnings.warn("a running guard was dropped; it was let go", ResourceWarning, stacklevel=2, source=guard)


@atexit.register
def _let_all_go() -> None:
    left = [each.handle for each in _running if each.pid == os.getpid() and not each.handle.has_ended()]
    for handle in left:
        with suppress(KillcordError):
            handle.let_go()
    for handle in left:
        with suppress(KillcordError):
            handle.wait_ended(EXIT_S / len(left))
    flush_all()
    interpreter_ends()
