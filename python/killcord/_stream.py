"""What ``async for`` runs over: events and messages, one awaited at a time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Generic, Self, TypeVar

Item = TypeVar("Item", covariant=True)


class Stream(Generic[Item]):
    """An iterator over what ``fetch`` awaits, until that raises ``StopAsyncIteration``."""

    __slots__ = ("_fetch",)

    def __init__(self, fetch: Callable[[], Coroutine[None, None, Item]]) -> None:
        self._fetch = fetch

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[None, None, Item]:
        return self._fetch()
