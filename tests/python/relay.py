"""A path between a guard and an embedded venue that a test can lengthen, count and refuse. TLS passes through unchanged."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self


class Relay:
    """Listens on loopback and passes every connection on, on a thread of its own. ``delay_s`` is added to each direction."""

    def __init__(self, port: int, delay_s: float = 0.0) -> None:
        self._to = port
        self._delay_s = delay_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.accepted = 0
        """How many connections were made through it."""
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def refuse(self) -> None:
        """From now on connections are refused, and those there are end."""
        self._run(self._refuse)

    def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def awaited() -> None:
            await work()

        asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, ours: asyncio.StreamReader, to_guard: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        theirs, to_venue = await asyncio.open_connection("127.0.0.1", self._to)
        for writer in (to_guard, to_venue):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(ours, to_venue))
                both.create_task(self._pass_on(theirs, to_guard))
        except* OSError:
            pass
        finally:
            for writer in (to_guard, to_venue):
                writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Every piece leaves as long after it came as every other, so that a delay is no limit on throughput."""
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            if self._delay_s:
                loop.call_later(self._delay_s, writer.write, data)
            else:
                writer.write(data)
        raise ConnectionResetError


def port_of(url: str) -> int:
    """The port in an address of an embedded venue."""
    return int(url.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[1])
