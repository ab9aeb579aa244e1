"""Who gets what: from the one queue of a guard to whoever awaits an answer, reads messages, reads events.

One party at a time empties the queue: the event loop the guard is attached to, or else one of the threads that wait (the
others follow it). It knows nothing of venues or orders; :mod:`killcord.guard` is the face of this.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

from ._inbox import Inbox, Waiter
from ._killcord import Bell, GuardHandle, Message, Reply
from .errors import AlreadyReading, FateUnknown, MessagesLost, Refusal, WrongLoop
from .events import CallbackFailed, Event, Farewell, KillEnded, Refused
from .model import RefusalClass

logger = logging.getLogger("killcord")

OnMessage = Callable[[Message], None]

FAILURES_KEPT = 16
LOOK_AGAIN_S = 0.25
"""A waiting thread looks again this often by itself; it covers the moment in which a loop takes over from it."""


class Delivery:
    """Empties the queue of one guard, from one loop or from waiting threads."""

    __slots__ = (
        "__weakref__",
        "_bell",
        "_closed",
        "_condition",
        "_event_reader",
        "_failed",
        "_followers",
        "_handle",
        "_inbox",
        "_leading",
        "_lock",
        "_loop",
        "_message_reader",
        "_on_message",
        "_watchers",
        "failures",
    )

    def __init__(self, handle: GuardHandle, on_message: OnMessage | None) -> None:
        self._handle = handle
        self._bell = handle.bell()
        self._inbox = Inbox(handle)
        self._on_message = on_message
        # Re-entrant: what is waited for may itself look for events, and a signal handler may call in between.
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event_reader: asyncio.Future[None] | None = None
        self._message_reader: asyncio.Future[None] | None = None
        self._watchers: list[asyncio.Future[None]] = []
        self._closed = False
        """Nothing comes any more, so that there is nothing to watch."""
        self._leading = False
        """A thread empties the queue on behalf of the waiting ones."""
        self._followers = 0
        self._failed = 0
        self.failures: deque[CallbackFailed] = deque(maxlen=FAILURES_KEPT)

    # On a loop.

    def attach(self) -> asyncio.AbstractEventLoop:
        """Makes the running loop the one that delivers. Raises ``WrongLoop`` while another one does."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return loop
        self._handle.check_process()
        if self._is_attached():
            raise WrongLoop("the guard is in use by another event loop, which is still open")
        if self._closed:
            return loop
        # The bell travels along, so that its descriptor stays open for as long as the loop watches it.
        loop.add_reader(self._bell.fileno(), _readable, weakref.ref(self), self._bell, loop)
        with self._condition:
            self._loop = loop
            self._event_reader = self._message_reader = None
            self._watchers.clear()
        self._bell.ring()
        return loop

    def detach(self) -> None:
        """Takes the guard off its loop, from whatever thread."""
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        if _running_loop() is loop:
            _forget(loop, self._bell)
        else:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_forget, loop, self._bell)

    def readable(self) -> None:
        """The loop found something to read. Until it was read the bell stays rung, and costs the guard nothing."""
        seen = self._bell.rings()
        with self._condition:
            more = self._pump()
            has_event = self._event_reader is not None and self._inbox.has_event()
        if self._on_message is not None:
            self._call_back(self._on_message)
        ended = self._handle.has_ended()
        if self._inbox.messages or ended:
            _wake(self._message_reader)
        if has_event or ended:
            _wake(self._event_reader)
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            _wake(watcher)
        self._bell.settle(seen)
        if more:
            self._bell.ring()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Waits until ``happened()``, which is asked again whenever something was delivered."""
        loop = self.attach()
        while not happened():
            watcher = loop.create_future()
            self._watchers.append(watcher)
            await watcher

    async def answer(self, send: Callable[[], int]) -> Reply:
        """Hands over with ``send`` and waits for the answer."""
        future: asyncio.Future[Reply] = self.attach().create_future()
        waiter = self._hand_over(send, Waiter(until_sent=False, future=future))
        try:
            return await future
        finally:
            self._inbox.forget(waiter)

    def sent(self, line: str, breaks_protection: bool) -> Awaitable[None]:
        """Sends a line, and only then makes what tells when it was handed to the kernel."""
        loop, handle = self.attach(), self._handle
        # Before the lock, which another thread of the parent may have held at a fork.
        handle.check_process()
        with self._lock:
            number = handle.send(line, breaks_protection)
            future: asyncio.Future[Reply] = loop.create_future()
            self._inbox.expect(number, Waiter(until_sent=True, future=future))
        return cast("asyncio.Future[None]", future)

    async def next_message(self) -> Message:
        """The oldest unread message. Raises ``MessagesLost`` where there is a hole, ``StopAsyncIteration`` at the end."""
        loop = self.attach()
        while True:
            ended = self._handle.has_ended()
            with self._condition:
                if ended:
                    self._pump()
                if self._inbox.messages:
                    return self._inbox.take_message()
            if ended:
                raise StopAsyncIteration
            if self._message_reader is not None or self._on_message is not None:
                raise AlreadyReading("another task, or on_message, already reads this guard's messages")
            self._message_reader = loop.create_future()
            try:
                await self._message_reader
            finally:
                self._message_reader = None

    async def next_event(self) -> Event:
        """The oldest unread event. Raises ``StopAsyncIteration`` at the end."""
        loop = self.attach()
        while True:
            ended = self._handle.has_ended()
            with self._condition:
                if self._inbox.has_event():
                    return self._inbox.events.popleft()
            if ended:
                raise StopAsyncIteration
            if self._event_reader is not None:
                raise AlreadyReading("another task already reads this guard's events")
            self._event_reader = loop.create_future()
            try:
                await self._event_reader
            finally:
                self._event_reader = None

    # In a thread.

    def wait(self, happened: Callable[[], bool], timeout_s: float | None) -> bool:
        """Waits in this thread until ``happened()``, at most ``timeout_s``, and tells whether it did.

        Raises ``WrongLoop`` in the thread of the guard's own loop, which it would block.
        """
        self._handle.check_process()
        if self._loop is not None and _running_loop() is self._loop:
            raise WrongLoop("this call would block the event loop that delivers what it waits for")
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._condition:
            self._take_in()
            while not happened():
                left = LOOK_AGAIN_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return False
                self._follow_or_lead(min(left, LOOK_AGAIN_S))
        return True

    def answer_blocking(self, send: Callable[[], int], timeout_s: float | None, *, until_sent: bool) -> Waiter:
        """Hands over with ``send`` and waits. Raises ``FateUnknown`` when nothing is known in time."""
        waiter = self._hand_over(send, Waiter(until_sent=until_sent, future=None))
        try:
            self.wait(lambda: waiter.done, timeout_s)
        finally:
            self._inbox.forget(waiter)
        if waiter.error is not None:
            raise waiter.error
        if not waiter.done:
            sentence = f"nothing was heard of request {waiter.number} within {timeout_s} s: ask the venue"
            raise FateUnknown(sentence, request=waiter.number)
        return waiter

    def take_messages(self, most: int, timeout_s: float) -> list[Message]:
        """The oldest unread messages, waiting for the first. Raises ``MessagesLost`` where there is a hole."""
        messages = self._inbox.messages
        self.wait(lambda: bool(messages) or self._handle.has_ended(), timeout_s)
        taken: list[Message] = []
        with self._condition:
            while messages and len(taken) < most and not (taken and isinstance(messages[0], MessagesLost)):
                taken.append(self._inbox.take_message())
        return taken

    def take_events(self, most: int, timeout_s: float) -> list[Event]:
        """The oldest unread events, waiting for the first."""
        self.wait(lambda: self._inbox.has_event() or self._handle.has_ended(), timeout_s)
        taken: list[Event] = []
        with self._condition:
            while len(taken) < most and self._inbox.has_event():
                taken.append(self._inbox.events.popleft())
        return taken

    # For both.

    @property
    def farewell(self) -> Farewell | None:
        """The farewell, once it was told."""
        return self._inbox.farewell

    def kill(self, reason: str) -> Callable[[], KillEnded | None]:
        """Asks for a kill; what is returned looks for its end."""
        self.fetch_events()
        before = self._inbox.killed
        self._handle.kill(reason)

        def ended() -> KillEnded | None:
            self.fetch_events()
            return None if self._inbox.killed is before else self._inbox.killed

        return ended

    def fetch_events(self) -> None:
        """Takes all events off the queue, so that what is told next cannot be lost for lack of room there."""
        self._handle.check_process()
        with self._condition:
            while self._inbox.fetch_events():
                pass

    def fatal_refusal(self) -> Refusal | None:
        """The last refusal, among the events unread, that asks for a person. The last error may be another link's."""
        self.fetch_events()
        refusals = (event.refusal for event in reversed(self._inbox.events) if isinstance(event, Refused))
        return next((each for each in refusals if each.refusal_class is RefusalClass.FATAL), None)

    def close(self) -> None:
        """The guard has ended: hands out what is left, and tells the rest that their fate is unknown."""
        self._handle.check_process()
        loop = self._loop
        if loop is None or loop.is_closed() or _running_loop() is loop:
            self._finish()
        else:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        with self._condition:
            self._closed = True
            while self._pump():
                pass
            self._inbox.give_up()
            self._condition.notify_all()
        if self._on_message is not None:
            self._call_back(self._on_message)
        for reader in (self._message_reader, self._event_reader, *self._watchers):
            _wake(reader)
        self.detach()

    def _hand_over(self, send: Callable[[], int], waiter: Waiter) -> Waiter:
        # Before the lock, which another thread of the parent may have held at a fork.
        self._handle.check_process()
        with self._condition:
            self._inbox.hand_over(send, waiter)
        return waiter

    def _is_attached(self) -> bool:
        return self._loop is not None and not self._loop.is_closed()

    def _pump(self) -> bool:
        more = self._inbox.pump()
        if self._followers:
            self._condition.notify_all()
        return more

    def _take_in(self) -> None:
        """Without a loop, whoever comes by empties the queue; the thread that waits for it is told."""
        if self._is_attached():
            return
        self._bell.silence()
        while self._pump():
            pass
        if self._leading:
            self._bell.ring()

    def _follow_or_lead(self, at_most_s: float) -> None:
        """Waits for the one who empties the queue, or is the one. The lock is held, and let go of while waiting."""
        if self._leading or self._is_attached():
            self._followers += 1
            try:
                self._condition.wait(at_most_s)
            finally:
                self._followers -= 1
            return
        self._leading = True
        self._condition.release()
        try:
            self._bell.wait_readable(at_most_s)
        finally:
            self._condition.acquire()
            self._leading = False
            self._condition.notify_all()
        self._take_in()

    def _call_back(self, on_message: OnMessage) -> None:
        """Each unread message; a hole, and whatever is raised, is logged and kept, and stops nothing."""
        messages = self._inbox.messages
        while messages:
            item = messages.popleft()
            if isinstance(item, MessagesLost):
                self._note_failure(None, item)
                continue
            try:
                on_message(item)
            except Exception as error:
                self._note_failure(item, error)

    def _note_failure(self, message: Message | None, error: Exception) -> None:
        self._failed += 1
        self.failures.append(CallbackFailed(self._failed, message, error))
        logger.error("on_message failed (%d so far)", self._failed, exc_info=error)


def _readable(delivery: weakref.ref[Delivery], bell: Bell, loop: asyncio.AbstractEventLoop) -> None:
    alive = delivery()
    if alive is None:
        _forget(loop, bell)
    else:
        alive.readable()


def _forget(loop: asyncio.AbstractEventLoop, bell: Bell) -> None:
    loop.remove_reader(bell.fileno())


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
