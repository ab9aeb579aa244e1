"""What came in for one guard and is not handed out yet: answers awaited, messages and events unread.

It waits for nothing and knows no loop and no thread; :mod:`killcord._delivery` decides who empties the queue, and holds
its lock around every call here except the ones of :class:`Waiter`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from ._killcord import GuardHandle, Message, Reply, Sent, Unanswerable
from .errors import FateUnknown, KillcordError, MessagesLost
from .events import Event, Farewell, KillEnded

BATCH = 256
"""Items taken at one go, so that a burst does not keep a loop from its other work."""
MESSAGES_MAX = 4096
"""Unread messages kept; beyond that they are counted."""


class Waiter:
    """One request that somebody waits for, on a loop (``future``) or in a thread (``done``)."""

    __slots__ = ("done", "error", "future", "number", "reply", "until_sent")

    def __init__(self, *, until_sent: bool, future: asyncio.Future[Reply] | None) -> None:
        self.number = 0
        self.until_sent = until_sent
        """Whether being handed to the kernel ends the wait; such a one has no reply."""
        self.future = future
        self.done = False
        self.reply: Reply | None = None
        self.error: KillcordError | None = None

    def settle(self, reply: Reply | None, error: KillcordError | None) -> None:
        """Ends the wait. On a loop that is gone nobody waits any more."""
        self.reply, self.error, self.done = reply, error, True
        future = self.future
        if future is None or future.done() or future.get_loop().is_closed():
            return
        if error is None:
            future.set_result(cast(Reply, reply))
        else:
            future.set_exception(error)


class Inbox:
    """What came in for one guard and is not handed out yet."""

    __slots__ = ("_handle", "_waiters", "events", "farewell", "killed", "messages")

    def __init__(self, handle: GuardHandle) -> None:
        self._handle = handle
        self._waiters: dict[int, Waiter] = {}
        self.messages: deque[Message | MessagesLost] = deque()
        self.events: deque[Event] = deque()
        self.farewell: Farewell | None = None
        """The farewell, once it was told."""
        self.killed: KillEnded | None = None
        """The end of the last kill."""

    def hand_over(self, send: Callable[[], int], waiter: Waiter) -> None:
        """``send`` returns the request's number. Its answer cannot be handed out before it is waited for."""
        self.expect(send(), waiter)

    def expect(self, number: int, waiter: Waiter) -> None:
        """``waiter`` waits for this request, of which nothing can have been handed out yet."""
        waiter.number = number
        self._waiters[number] = waiter

    def forget(self, waiter: Waiter) -> None:
        """Nobody waits for it any more."""
        self._waiters.pop(waiter.number, None)

    def pump(self) -> bool:
        """Takes one batch of answers and messages and hands out the answers; True when there may be more."""
        items = self._handle.drain_messages(BATCH)
        for item in items:
            if isinstance(item, Message):
                self._keep(item)
            elif isinstance(item, Reply):
                self._settle(item.request, item, None)
            elif isinstance(item, Sent):
                self._sent(item.request)
            elif isinstance(item, Unanswerable):
                self._settle(item.request, None, item.error)
            else:
                self._lose(item.lost)
        return len(items) == BATCH

    def take_message(self) -> Message:
        """The oldest message. Raises ``MessagesLost`` where there is a hole."""
        item = self.messages.popleft()
        if isinstance(item, MessagesLost):
            raise item
        return item

    def has_event(self) -> bool:
        """Whether there is an event; fetches some when there was none."""
        return bool(self.events) or self.fetch_events()

    def fetch_events(self) -> bool:
        """Takes one batch of events; False when there was none."""
        batch = self._handle.drain_events(BATCH)
        for event in batch:
            if isinstance(event, Farewell):
                self.farewell = event
            elif isinstance(event, KillEnded):
                self.killed = event
        self.events.extend(batch)
        return bool(batch)

    def give_up(self) -> None:
        """No answer can come any more."""
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            sentence = f"the guard ended before request {waiter.number} was answered: ask the venue"
            waiter.settle(None, FateUnknown(sentence, request=waiter.number))

    def _settle(self, number: int, reply: Reply | None, error: KillcordError | None) -> None:
        waiter = self._waiters.pop(number, None)
        if waiter is not None:
            waiter.settle(reply, error)

    def _sent(self, number: int) -> None:
        waiter = self._waiters.get(number)
        if waiter is not None and waiter.until_sent:
            self._settle(number, None, None)

    def _keep(self, message: Message) -> None:
        if len(self.messages) < MESSAGES_MAX:
            self.messages.append(message)
        else:
            self._lose(1)

    def _lose(self, count: int) -> None:
        """A hole directly after a hole is one hole."""
        last = self.messages[-1] if self.messages else None
        if isinstance(last, MessagesLost):
            count += last.lost
            self.messages.pop()
        self.messages.append(MessagesLost(f"{count} messages came more quickly than they were read", lost=count))
