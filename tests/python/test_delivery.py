"""Who gets what, tested against a handle of our own: no thread, no socket, no venue."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import pytest
import uvloop

from killcord import (
    AlreadyReading,
    FateUnknown,
    Latched,
    LetGo,
    LinkRole,
    Message,
    MessagesLost,
    Reply,
    WrongLoop,
)
from killcord._delivery import Delivery
from killcord._inbox import MESSAGES_MAX
from killcord._killcord import GuardHandle, Hole, Sent, Unanswerable
from killcord._stream import Stream
from killcord.events import Event

Inbound = Message | Reply | Sent | Unanswerable | Hole


class FakeHandle:
    """The part of a handle that delivery uses, fed by the test."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.inbound: list[Inbound] = []
        self.events: list[Event] = []
        self.ended = False
        self.requests = 0
        self.rung = 0

    def say(self, *items: Inbound) -> None:
        self.inbound += items
        self.ring()

    def tell(self, *events: Event) -> None:
        self.events += events
        self.ring()

    def end(self) -> None:
        self.ended = True
        self.ring()

    def request(self) -> int:
        self.requests += 1
        return self.requests

    def send(self, line: str, breaks_protection: bool) -> int:
        return self.request()

    def drain_messages(self, most: int) -> list[Inbound]:
        taken, self.inbound = self.inbound[:most], self.inbound[most:]
        return taken

    def drain_events(self, most: int) -> list[Event]:
        taken, self.events = self.events[:most], self.events[most:]
        return taken

    def has_ended(self) -> bool:
        return self.ended

    def bell(self) -> FakeHandle:
        return self

    def fileno(self) -> int:
        return self.fd

    def ring(self) -> None:
        self.rung += 1
        os.eventfd_write(self.fd, 1)

    def rings(self) -> int:
        return self.rung

    def settle(self, seen: int) -> None:
        self.silence()
        if self.rung != seen:
            self.ring()

    def silence(self) -> None:
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            pass

    def wait_readable(self, timeout_s: float) -> None:
        select.select([self.fd], [], [], timeout_s)

    def check_process(self) -> None:
        return None


@pytest.fixture
def handle() -> Iterator[FakeHandle]:
    fake = FakeHandle()
    yield fake
    os.close(fake.fd)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    def run_it(work: Awaitable[None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(10):
                await work

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return run_it


Run = Callable[[Awaitable[None]], None]


def test_an_answer_reaches_the_one_who_awaits_it(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        first = asyncio.create_task(delivery.answer(handle.request))
        second = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        handle.say(Sent(1), Sent(2), Reply(2, b"two"), Reply(1, b"one"))
        assert [(await first).raw, (await second).raw] == [b"one", b"two"]
        delivery.close()

    run(work())


def test_a_fate_is_raised_where_the_answer_is_awaited(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        waiting = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        handle.say(Unanswerable(1, Latched("no")))
        with pytest.raises(Latched):
            await waiting
        delivery.close()

    run(work())


def test_a_line_is_done_when_it_was_handed_to_the_kernel(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        line = delivery.sent("line", False)
        handle.say(Sent(1))
        assert await line is None  # type: ignore[func-returns-value]
        delivery.close()

    run(work())


def test_what_comes_while_a_callback_runs_is_delivered_too(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        heard: list[bytes] = []
        both = asyncio.get_running_loop().create_future()

        def on_message(item: Message) -> None:
            heard.append(item.raw)
            if item.raw == b"first":
                handle.say(message(b"second"))
            else:
                both.set_result(None)

        delivery = Delivery(cast(GuardHandle, handle), on_message)
        delivery.attach()
        handle.say(message(b"first"))
        await both
        assert heard == [b"first", b"second"]
        delivery.close()

    run(work())


def test_the_answer_of_a_cancelled_wait_is_dropped_and_hurts_nobody(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        waiting = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        handle.say(Reply(1, b"late"), message(b"next"))
        assert (await delivery.next_message()).raw == b"next"
        delivery.close()

    run(work())


def test_messages_come_in_order_and_end_with_the_guard(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        handle.say(*[message(b"%d" % number) for number in range(600)])
        asyncio.get_running_loop().call_later(0.01, handle.end)
        seen = [item.raw async for item in Stream(delivery.next_message)]
        assert seen == [b"%d" % number for number in range(600)]
        delivery.close()

    run(work())


def test_events_come_in_order_and_end_with_the_guard(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        loop = asyncio.get_running_loop()
        handle.tell(*[event(seq) for seq in range(1, 301)])
        loop.call_later(0.01, handle.tell, event(301))
        loop.call_later(0.02, handle.end)
        assert [item.seq async for item in Stream(delivery.next_event)] == list(range(1, 302))
        delivery.close()

    run(work())


def test_a_second_reader_at_the_same_time_is_refused(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        for read in (delivery.next_message, delivery.next_event):
            first = asyncio.ensure_future(read())
            await asyncio.sleep(0)
            with pytest.raises(AlreadyReading):
                await read()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        delivery.close()

    run(work())


def test_unread_messages_beyond_the_bound_are_one_exact_hole(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        delivery.attach()
        handle.say(*[message(b"%d" % number) for number in range(MESSAGES_MAX + 7)], Hole(3), message(b"last"))
        answer = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        handle.say(Reply(1, b"answers are never dropped"))
        await answer
        for number in range(MESSAGES_MAX):
            assert (await delivery.next_message()).raw == b"%d" % number
        with pytest.raises(MessagesLost) as caught:
            await delivery.next_message()
        assert caught.value.lost == 11
        handle.say(message(b"again"))
        assert (await delivery.next_message()).raw == b"again"
        delivery.close()

    run(work())


def test_a_failing_callback_is_kept_and_stops_nothing(
    handle: FakeHandle, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []

    def on_message(item: Message) -> None:
        seen.append(item.raw)
        if item.raw == b"bad":
            raise ZeroDivisionError

    async def work() -> None:
        delivery = Delivery(cast(GuardHandle, handle), on_message)
        delivery.attach()
        waiting = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        handle.say(message(b"bad"), Hole(2), message(b"good"), Reply(1, b""))
        await waiting
        with pytest.raises(AlreadyReading, match="on_message"):
            await delivery.next_message()
        first, second = delivery.failures
        assert first.message is not None
        assert (first.number, first.message.raw, type(first.error)) == (1, b"bad", ZeroDivisionError)
        assert (second.number, second.message, type(second.error)) == (2, None, MessagesLost)
        delivery.close()

    run(work())
    assert seen == [b"bad", b"good"]
    assert len(caplog.records) == 2


def test_another_open_loop_is_refused_and_a_later_one_takes_over(handle: FakeHandle, run: Run) -> None:
    delivery = delivering(handle)
    other = asyncio.new_event_loop()
    other.run_until_complete(attach(delivery))

    async def refused() -> None:
        with pytest.raises(WrongLoop):
            delivery.attach()

    run(refused())
    other.close()

    async def work() -> None:
        handle.say(message(b"kept"))
        assert (await delivery.next_message()).raw == b"kept"
        delivery.close()

    run(work())


def test_a_wait_left_behind_on_a_closed_loop_hurts_nobody(handle: FakeHandle, run: Run) -> None:
    delivery = delivering(handle)

    async def leave_behind() -> None:
        delivery.sent("line", False)

    run(leave_behind())
    handle.say(Sent(1), message(b"next"))
    assert [item.raw for item in delivery.take_messages(9, 1)] == [b"next"]


def test_closing_tells_who_still_waits_that_the_fate_is_unknown(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        waiting = asyncio.create_task(delivery.answer(handle.request))
        await asyncio.sleep(0)
        delivery.close()
        with pytest.raises(FateUnknown) as caught:
            await waiting
        assert caught.value.request == 1

    run(work())


def test_threads_that_wait_at_the_same_time_each_get_their_answer(handle: FakeHandle) -> None:
    delivery = delivering(handle)
    lock, numbers, got = threading.Lock(), iter(range(1, 41)), dict[int, bytes]()

    def ask() -> None:
        with lock:
            number = next(numbers)

        def send() -> int:
            handle.say(Reply(number, b"%d" % number))
            return number

        waiter = delivery.answer_blocking(send, 10, until_sent=False)
        assert waiter.reply is not None
        got[number] = waiter.reply.raw

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert got == {number: b"%d" % number for number in range(1, 41)}


def test_a_thread_gets_its_answer_while_a_loop_delivers(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        delivery.attach()

        def ask() -> bytes:
            waiter = delivery.answer_blocking(handle.request, 10, until_sent=False)
            assert waiter.reply is not None
            return waiter.reply.raw

        asking = asyncio.ensure_future(asyncio.to_thread(ask))
        while not handle.requests:
            await asyncio.sleep(0)
        handle.say(Reply(1, b"yes"))
        assert await asking == b"yes"
        delivery.close()

    run(work())


def test_a_thread_that_hears_nothing_in_time_learns_that_the_fate_is_unknown(handle: FakeHandle) -> None:
    with pytest.raises(FateUnknown, match="request 1 within 0.01 s"):
        delivering(handle).answer_blocking(handle.request, 0.01, until_sent=False)


def test_waiting_on_the_loop_that_delivers_is_refused(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivery = delivering(handle)
        delivery.attach()
        with pytest.raises(WrongLoop, match="block"):
            delivery.take_messages(1, 1)
        delivery.close()

    run(work())


def test_delivery_without_owner_leaves_nothing_behind(handle: FakeHandle, run: Run) -> None:
    async def work() -> None:
        delivering(handle).attach()
        gc.collect()
        handle.ring()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not asyncio.get_running_loop().remove_reader(handle.fd)

    run(work())


async def attach(delivery: Delivery) -> None:
    delivery.attach()


def delivering(handle: FakeHandle) -> Delivery:
    return Delivery(cast(GuardHandle, handle), None)


def message(raw: bytes) -> Message:
    return Message(LinkRole.GUARD, 1, raw)


def event(seq: int) -> Event:
    return LetGo(seq=seq, at_ns=0, wall_ns=0, epoch=1)
