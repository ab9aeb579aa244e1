"""The guard: one account on one venue, kept armed, and the link through which its orders go.

Everything here hands over to the engine, reads what it published, or waits; nothing here keeps the switch on. That is
done by a thread which never runs Python, so it goes on while Python computes, blocks or collects garbage.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from ._delivery import Delivery
from ._exit import LEAVE_S, Running, let_go_dropped
from ._killcord import AttachedLease, GuardHandle, Lease, Message, Reply, SharedLease, Snapshot
from ._outgoing import parameters, phases, text
from ._stream import Stream
from ._subscribing import Subscribing
from .config import Policy
from .engine import Engine
from .errors import ArmTimeout, Ended, Fenced, NotStarted, PhaseTimeout
from .events import CallbackFailed, Event, Farewell, KillEnded
from .journal import Journal, writer_of
from .kill import KillReport
from .model import Evidence, Json, Phase
from .venues import Venue

ARMED = frozenset({Phase.ARMED, Phase.SUSPECT})
HOPELESS = frozenset({Phase.REFUSED, Phase.FENCED, Phase.FAULTED})


class Guard(Subscribing):
    """Protects one account on one venue.

    On asyncio, enter it: ``async with`` returns once armed, and leaving it, for whatever reason, **lets go**: the link is
    dropped without disarming, so that the venue's switch acts. Only :meth:`farewell` keeps orders.

    >>> from killcord import Deribit, Kraken
    >>> from killcord.sim import Exchange
    >>> async def trade(exchange: Exchange) -> None:
    ...     async with Guard(Deribit(exchange.credentials, custom=exchange.endpoints)) as guard:
    ...         print(guard.snapshot.phase.value, guard.snapshot.evidence.value, guard.snapshot.coverage.scope.value)
    ...         order = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000}
    ...         reply = await guard.request("private/buy", order)
    ...         print(reply.json()["result"]["order"]["order_state"], exchange.open_order_count())
    >>> with Exchange("deribit", factor=0.1) as exchange:
    ...     asyncio.run(trade(exchange))
    armed read_back connection
    open 1

    Without asyncio, use :meth:`start`, :meth:`wait_phase`, ``drain_*``, ``*_blocking`` and :meth:`stop`.

    >>> with Exchange("kraken", factor=0.1) as exchange:
    ...     guard = Guard(Kraken(exchange.credentials, custom=exchange.endpoints))
    ...     guard.start()
    ...     guard.wait_phase(Phase.ARMED, 10).coverage.scope.value
    ...     guard.stop()
    ...     guard.snapshot.phase.value
    'account'
    'stopped'

    ``on_message`` is called on the loop's thread with each message that answers no request. What it raises is logged and
    kept in :attr:`callback_failures`; the guard takes no notice. Without it, read :meth:`messages`.

    A guard is used by one event loop at a time, and by the process that made it. Any thread may call the plain methods.
    """

    __slots__ = ("__weakref__", "_arm_timeout_s", "_delivery", "_handle", "_pid", "_policy", "_running", "_venue")

    def __init__(
        self,
        venue: Venue,
        policy: Policy | None = None,
        *,
        on_message: Callable[[Message], None] | None = None,
        arm_timeout_s: float = 30.0,
        journal: Journal | str | os.PathLike[str] | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Makes the engine's thread; nothing is dialled before the guard is entered or started.

        With ``journal`` every event is written there too; ``engine`` is the thread. Raises what :class:`Journal` raises,
        ``StartFailed`` when there is no thread or descriptor, ``ConfigError`` without roots to verify a venue with."""
        self._running: Running | None = None
        self._pid = os.getpid()
        self._venue = venue
        self._policy = Policy() if policy is None else policy
        self._arm_timeout_s = arm_timeout_s
        self._handle = GuardHandle(venue._spec(), self._policy._spec(), writer_of(journal), (engine or Engine())._spec())
        self._delivery = Delivery(self._handle, on_message)

    @property
    def venue(self) -> Venue:
        """What is protected."""
        return self._venue

    @property
    def policy(self) -> Policy:
        """How quickly it suspects and gives up."""
        return self._policy

    @property
    def snapshot(self) -> Snapshot:
        """Where the guard stands: immutable, and read without waiting for anything.

        When the engine's thread is later than the policy allows, the claim is already withdrawn here.
        """
        return self._handle.snapshot()

    @property
    def callback_failures(self) -> tuple[CallbackFailed, ...]:
        """The last failures of ``on_message``, at most 16, oldest first."""
        return tuple(self._delivery.failures)

    # On asyncio.

    async def __aenter__(self) -> Self:
        """Dials, logs in and arms; returns once armed.

        Raises ``Refusal`` when the venue says that this account or key cannot, ``ArmTimeout`` after ``arm_timeout_s``,
        ``Fenced``, ``Fault``, and ``AlreadyStarted`` the second time. Whatever it raises, the guard was let go before.
        """
        self._delivery.attach()
        self.start()
        try:
            await self._arm()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go, and returns once the links are down."""
        await self._leave()

    async def aclose(self, timeout_s: float = LEAVE_S) -> None:
        """The twin of :meth:`stop`, for a guard that was started on a loop without ``async with``."""
        if self._running is not None:
            await self._leave(timeout_s)

    async def request(
        self, method: str, params: Mapping[str, Json] | str | None = None, *, breaks_protection: bool = False
    ) -> Reply:
        """Sends a request on the guarded link and returns the venue's answer, whether that says yes or no.

        ``params`` as text is passed on as it is: JSON of your own making, for exact prices. Cancelling the wait does not
        take the request back; its answer is then dropped.

        Raises ``NotProtected``, ``Latched`` or ``LeaseNotRenewed`` for an order without a permit, ``NotConnected``,
        ``WouldBreakProtection`` unless ``breaks_protection``, ``NotSendable``, ``TooManyPending``, ``Throttled``; and,
        once handed over, ``NotSent`` or ``FateUnknown``.
        """
        self._require_started()
        return await self._delivery.answer(partial(self._handle.request, method, parameters(params), breaks_protection))

    def send(self, line: bytes | str, *, breaks_protection: bool = False) -> Awaitable[None]:
        """Sends a line as it is; what the venue says to it comes as a message.

        The line is on its way when this returns. Awaiting the result tells that it was handed to the kernel, or raises
        what :meth:`request` raises.
        """
        self._require_started()
        return self._delivery.sent(line if isinstance(line, str) else text(line), breaks_protection)

    def messages(self) -> AsyncIterator[Message]:
        """Every message that answers no request, in order, from the start of the guard; ends when the guard has ended.

        At most 4096 are kept unread. Where more were dropped the iteration raises ``MessagesLost`` with the exact number
        and can be taken up again. One reader at a time, else ``AlreadyReading``; ``on_message`` is one.
        """
        return Stream(self._delivery.next_message)

    def events(self) -> AsyncIterator[Event]:
        """Every event, in order, from the start of the guard; ends when the guard has ended.

        Numbers are contiguous. At most 4096 are kept unread; where more were dropped there is one ``Overflow`` with
        their exact number and the state after it. One reader at a time, else ``AlreadyReading``. Match on them as shown
        in :mod:`killcord.events`.
        """
        return Stream(self._delivery.next_event)

    async def wait(self, phase: Phase | Collection[Phase], timeout_s: float | None = None) -> Snapshot:
        """Waits until the guard is in ``phase``, or in one of several.

        A phase that passes between two looks is not seen; read :meth:`events` to see them all. Raises ``PhaseTimeout``,
        or ``Ended`` when the guard ended in another one.
        """
        wanted = phases(phase)
        await self._until(lambda: self._handle.phase() in wanted or self._handle.has_ended(), timeout_s)
        state = self.snapshot
        if state.phase not in wanted and self._handle.has_ended():
            raise Ended(f"the guard ended ({state.phase.value})")
        return state

    async def farewell(self, *, reason: str, timeout_s: float = 10.0) -> Farewell:
        """The deliberate orderly end that keeps orders: disarm, read back where possible, close.

        Look at ``confirmed`` of what it returns: False means that the venue did not say that the switch is off, so the
        orders may go. Raises ``NotApplicable`` where the venue cannot do it, ``NotConnected`` while it cannot be asked,
        ``PhaseTimeout``, and ``Ended`` when the guard ended in another way.
        """
        self._begin_farewell(reason)
        await self._until(self._handle.has_ended, timeout_s)
        return self._said_farewell()

    async def maintenance(self, *, begin: bool, reason: str, timeout_s: float = 10.0) -> Snapshot:
        """Takes the switch off for announced maintenance and keeps the link, or puts it on again.

        Between the two nothing is protected and no order permitted. Returns once confirmed. Raises as :meth:`farewell`.
        """
        self._begin_maintenance(begin, reason)
        await self._until(lambda: self._maintained(begin), timeout_s)
        return self._still_running()

    async def kill(self, reason: str, *, timeout_s: float = 40.0) -> KillReport:
        """The red button: cancels everything the switch covers now, over every path, and proves it.

        Works in every phase, also before the start. Latches: no order is permitted until :meth:`rearm`. A kill during a
        kill joins it. When not ``proven``, ``left`` and ``refusal`` say why. Raises ``PhaseTimeout`` and ``Ended``.
        """
        ended = self._delivery.kill(reason)
        await self._until(lambda: bool(ended()) or self._handle.has_ended(), timeout_s)
        return self._killed(ended())

    # Anywhere, at once.

    def rearm(self, *, acknowledge: str) -> None:
        """Acknowledges a trip: orders may be permitted again once armed. The application's decision, never killcord's.

        ``acknowledge``, 1 to 500 characters, says who and why; told as ``Rearmed`` when a latch came off. Raises ``ConfigError``.
        """
        self._require_started()
        self._handle.rearm(acknowledge)

    def abandon(self) -> None:
        """Gives up a suspect or dead link that is kept because closing it would be the trip, and uses the standby."""
        self._require_started()
        self._handle.abandon()

    def lease(self, name: str, *, budget_s: float) -> Lease:
        """Takes a lease: see :mod:`killcord.lease`. 16 at most; raises ``NotApplicable``, ``ConfigError``."""
        return self._handle.lease(name, budget_s)

    def attach(self, shared: SharedLease, *, budget_s: float) -> AttachedLease:
        """Takes a lease that another process renews through its page. Otherwise as :meth:`lease`."""
        return self._handle.attach(shared, budget_s)

    # Without asyncio.

    def start(self) -> None:
        """Begins to dial, log in and arm, and returns at once. Raises ``AlreadyStarted`` the second time."""
        self._handle.start()
        self._running = Running(self._handle)

    def stop(self, timeout_s: float = LEAVE_S) -> None:
        """Lets go without disarming; returns once the links are down, or raises ``PhaseTimeout``. Again is harmless."""
        if self._running is not None:
            self._let_go()
            self._handle.wait_ended(timeout_s)
            self._delivery.close()

    def wait_phase(self, phase: Phase | Collection[Phase], timeout_s: float | None = None) -> Snapshot:
        """The twin of :meth:`wait`."""
        return self._handle.wait_phase([wanted.value for wanted in phases(phase)], timeout_s)

    def request_blocking(
        self,
        method: str,
        params: Mapping[str, Json] | str | None = None,
        *,
        breaks_protection: bool = False,
        timeout_s: float | None = None,
    ) -> Reply:
        """The twin of :meth:`request`. Raises ``FateUnknown`` when there is no answer within ``timeout_s``."""
        self._require_started()
        send = partial(self._handle.request, method, parameters(params), breaks_protection)
        reply = self._delivery.answer_blocking(send, timeout_s, until_sent=False).reply
        assert reply is not None, "a request without error ends with a reply"
        return reply

    def send_blocking(self, line: bytes | str, *, breaks_protection: bool = False, timeout_s: float = 1.0) -> None:
        """The twin of :meth:`send`: returns once the line was handed to the kernel."""
        self._require_started()
        send = partial(self._handle.send, text(line), breaks_protection)
        self._delivery.answer_blocking(send, timeout_s, until_sent=True)

    def drain_messages(self, most: int = 256, timeout_s: float = 0.0) -> list[Message]:
        """The oldest unread messages, waiting ``timeout_s`` for the first. Otherwise as :meth:`messages`."""
        return self._delivery.take_messages(most, timeout_s)

    def drain_events(self, most: int = 256, timeout_s: float = 0.0) -> list[Event]:
        """The oldest unread events, waiting ``timeout_s`` for the first. Otherwise as :meth:`events`."""
        return self._delivery.take_events(most, timeout_s)

    def farewell_blocking(self, *, reason: str, timeout_s: float = 10.0) -> Farewell:
        """The twin of :meth:`farewell`."""
        self._begin_farewell(reason)
        self._handle.wait_ended(timeout_s)
        return self._said_farewell()

    def kill_blocking(self, reason: str, *, timeout_s: float = 40.0) -> KillReport:
        """The twin of :meth:`kill`, from any thread but the loop's."""
        ended = self._delivery.kill(reason)
        if not self._delivery.wait(lambda: bool(ended()) or self._handle.has_ended(), timeout_s):
            raise self._too_late(timeout_s)
        return self._killed(ended())

    def maintenance_blocking(self, *, begin: bool, reason: str, timeout_s: float = 10.0) -> Snapshot:
        """The twin of :meth:`maintenance`."""
        self._begin_maintenance(begin, reason)
        if not self._delivery.wait(lambda: self._maintained(begin), timeout_s):
            raise self._too_late(timeout_s)
        return self._still_running()

    def __repr__(self) -> str:
        state = self._handle.snapshot()
        return f"<Guard {state.venue.value} {self._venue.account!r} {state.phase.value}>"

    def __del__(self) -> None:
        # What was not built is not there to be ended, and a forked child must not touch what is its parent's.
        if hasattr(self, "_delivery") and os.getpid() == self._pid:
            let_go_dropped(self, self._running, self._delivery.detach)

    async def _arm(self) -> None:
        settled = ARMED | HOPELESS
        try:
            await self._until(lambda: self._handle.phase() in settled or self._handle.has_ended(), self._arm_timeout_s)
        except PhaseTimeout as late:
            raise ArmTimeout.after(self._arm_timeout_s, late.snapshot) from late.snapshot.last_error
        state = self.snapshot
        if state.phase in ARMED:
            return
        if state.phase is Phase.FENCED:
            raise Fenced("another guard keeps taking the session of this account") from state.last_error
        raise self._delivery.fatal_refusal() or state.last_error or Ended(f"the guard ended ({state.phase.value})")

    async def _leave(self, timeout_s: float = LEAVE_S) -> None:
        self._let_go()
        try:
            await self._until(self._handle.has_ended, timeout_s)
        finally:
            self._delivery.close()

    def _let_go(self) -> None:
        with suppress(Ended):
            self._handle.let_go()

    def _begin_farewell(self, reason: str) -> None:
        self._require_started()
        self._delivery.fetch_events()
        self._handle.farewell(reason)

    def _said_farewell(self) -> Farewell:
        self._delivery.fetch_events()
        said = self._delivery.farewell
        self._delivery.close()
        if said is None:
            raise Ended(f"the guard ended ({self.snapshot.phase.value}) before the farewell was over")
        return said

    def _killed(self, ended: KillEnded | None) -> KillReport:
        if ended is None:
            raise Ended(f"the guard ended ({self.snapshot.phase.value}) before the kill was over")
        return ended.report

    def _begin_maintenance(self, begin: bool, reason: str) -> None:
        self._require_started()
        self._handle.maintenance(begin, reason)

    def _maintained(self, begin: bool) -> bool:
        state = self._handle.snapshot()
        if self._handle.has_ended():
            return True
        return state.maintenance and state.evidence is Evidence.NONE if begin else state.claim

    def _still_running(self) -> Snapshot:
        state = self._handle.snapshot()
        if self._handle.has_ended():
            raise Ended(f"the guard ended ({state.phase.value})")
        return state

    async def _until(self, happened: Callable[[], bool], timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._delivery.until(happened)
        except TimeoutError:
            raise self._too_late(timeout_s) from None

    def _too_late(self, timeout_s: float | None) -> PhaseTimeout:
        return PhaseTimeout.after(timeout_s, self.snapshot)

    def _require_started(self) -> None:
        if self._running is None:
            raise NotStarted("the guard was not started: enter it with async with, or call start()")
