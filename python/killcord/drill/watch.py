"""Looking at the open orders from outside, on a connection of its own, until they are gone or it has been long enough. An
order was there when a look that was *asked for* then listed it, and gone when a look that was *answered* then did not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .._desk import Book, Desk, DeskError, Resting, now_ns
from .result import Look, Span

LEAST_EVERY_S = 0.02
"""No faster than this, however fast an embedded venue runs."""


class Watch:
    """Follows the drill's orders, told by their ids."""

    def __init__(self, desk: Desk, book: Book, instrument: str, every_s: float) -> None:
        self.looks: list[Look] = []
        self.every_s = max(every_s, LEAST_EVERY_S)
        self._desk, self._book, self._instrument = desk, book, instrument
        self._pause = threading.Event()

    def look(self, wanted: Callable[[Resting], bool]) -> list[Resting] | None:
        """The orders that are wanted and rest now; None when the venue did not say."""
        sent_ns = now_ns()
        try:
            found = [order for order in self._book.resting(self._desk, self._instrument) if wanted(order)]
        except DeskError as error:
            self.looks.append(Look(sent_ns, now_ns(), None, str(error)))
            return None
        self.looks.append(Look(sent_ns, now_ns(), len(found)))
        return found

    def until(self, wanted: Callable[[Resting], bool], count: int, timeout_s: float) -> list[Resting]:
        """Looks until exactly ``count`` of them rest, or time is up; the last that was seen."""
        deadline_ns = now_ns() + int(timeout_s * 1e9)
        seen: list[Resting] = []
        while True:
            began_ns = now_ns()
            found = self.look(wanted)
            seen = seen if found is None else found
            if found is not None and len(found) == count or now_ns() >= deadline_ns:
                return seen
            self.pause(self.every_s - (now_ns() - began_ns) / 1e9)

    def pause(self, seconds: float) -> None:
        """Waits, which Ctrl-C ends."""
        self._pause.wait(max(seconds, 0.0))


def spans(looks: list[Look], cut_ns: int, count: int) -> tuple[Span | None, Span | None]:
    """From the cut until the first order was gone, and until the last was.

    >>> there, one, none = Look(0, 1, 3), Look(int(2e9), int(3e9), 2), Look(int(5e9), int(6e9), 0)
    >>> [span and span.words for span in spans([there, one, none], 0, 3)]
    ['0.00 to 3.00 s', '2.00 to 6.00 s']
    """
    return _gone(looks, cut_ns, lambda resting: resting < count), _gone(looks, cut_ns, lambda resting: resting == 0)


def _gone(looks: list[Look], cut_ns: int, gone: Callable[[int], bool]) -> Span | None:
    low_ns = cut_ns
    for look in looks:
        if look.resting is None:
            continue
        if gone(look.resting) and look.heard_ns > cut_ns:
            return Span((low_ns - cut_ns) / 1e9, (look.heard_ns - cut_ns) / 1e9)
        low_ns = max(low_ns, look.sent_ns)
    return None
