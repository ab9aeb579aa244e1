"""Subscriptions that outlive their link: the part of a guard that asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from ._delivery import Delivery
from ._killcord import GuardHandle, Reply
from ._outgoing import parameters
from .model import Json


class Subscribing:
    """What :class:`killcord.Guard` inherits."""

    __slots__ = ()

    _delivery: Delivery
    _handle: GuardHandle

    if TYPE_CHECKING:

        def _require_started(self) -> None: ...  # of the guard

    async def subscribe(self, method: str, params: Mapping[str, Json] | str | None = None) -> Reply:
        """A subscription on the guarded link that outlives it: once the venue has accepted it, it is said again on every
        new link and answered before the guard says armed.

        One that is refused then, or not answered within the policy's step deadline, is told as ``SubscriptionLost``; the
        guard is armed all the same, because no switch hangs on it. A :meth:`Guard.request` that unsubscribes with the
        same parameters ends it. At most 64 per guard.

        Returns the venue's answer, yes or no. Raises as :meth:`Guard.request`, and ``NotSendable`` for what is no
        subscription.
        """
        self._require_started()
        return await self._delivery.answer(partial(self._handle.subscribe, method, parameters(params)))

    def subscribe_blocking(
        self, method: str, params: Mapping[str, Json] | str | None = None, *, timeout_s: float | None = None
    ) -> Reply:
        """The twin of :meth:`subscribe`. Raises ``FateUnknown`` when there is no answer within ``timeout_s``."""
        self._require_started()
        send = partial(self._handle.subscribe, method, parameters(params))
        reply = self._delivery.answer_blocking(send, timeout_s, until_sent=False).reply
        assert reply is not None, "a request without error ends with a reply"
        return reply
