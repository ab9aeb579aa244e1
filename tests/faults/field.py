"""Four guarded accounts on one machine, four venues on another, and a wire between the two that can be broken.

Guards and venues live in this process and in networks of their own; see :mod:`faults.namespace`. A witness looks all the time
whether what is claimed is true, whatever the scenario does.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from promises.desk import PATIENCE_S, Desk, milliseconds
from resting import ORDER

from faults.namespace import Namespace
from faults.wire import DOWN, UP
from killcord import KillcordError, NotConnected, Phase, PhaseChanged, Policy, SwitchKind, VenueName
from killcord.sim import Exchange, JournalKind

HERE, THERE = "10.77.1.1", "10.77.2.1"
"""The guards' machine, and the venues'."""
DEVICE = "kc0"
LOOK_EVERY_S = 0.01
SESSION_BOUND = (VenueName.CRYPTO_COM, VenueName.DERIBIT)
"""Where our own close is the trip."""

Result = TypeVar("Result")


def missing() -> str:
    """What this machine lacks for networks of our own; empty when nothing."""
    if shutil.which("ip") is None:
        return "needs ip (Debian: iproute2)"
    try:
        namespace = Namespace()
    except OSError as error:
        return f"no network namespace: {error.strerror or error}"
    try:
        os.close(namespace.tunnel(DEVICE))
    except OSError as error:
        return f"no tunnel device: {error.strerror or error}"
    finally:
        namespace.close()
    return ""


class Line:
    """The wire between two networks, and the devices at its ends."""

    def __init__(self, near: Namespace, far: Namespace) -> None:
        ends = [near.tunnel(DEVICE), far.tunnel(DEVICE)]
        words = [sys.executable, str(Path(__file__).with_name("wire.py")), *map(str, ends), str(random.getrandbits(32))]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=ends)
        for end in ends:
            os.close(end)
        self._order = threading.Lock()
        self._answer()
        for namespace, address in ((near, HERE), (far, THERE)):
            namespace.ip("address", "add", f"{address}/32", "dev", DEVICE)
            namespace.ip("link", "set", DEVICE, "up")
            namespace.ip("route", "add", "default", "dev", DEVICE)

    def close(self) -> None:
        """Ends it; both devices vanish."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()

    def set(self, *ways: str, **settings: float | bool | str) -> int:
        """Changes one direction or both, and returns when that took effect. The words are those of ``wire.Way``."""
        return self._tell({way: settings for way in ways or (UP, DOWN)})

    def cut(self, *ways: str) -> int:
        """Nothing passes any more, and nobody is told."""
        return self.set(*ways, cut=True)

    def heal(self) -> int:
        """What is cut, refused or dropped passes again. Delay, loss and the like stay."""
        return self.set(cut=False, cut_opening=False, refuse="", longest=0, forget_after=0.0)

    def _tell(self, order: object) -> int:
        with self._order:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return int(self._answer()["at_ns"])

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the wire ended"
        answer: dict[str, int] = json.loads(line)
        return answer


@dataclass
class Witness:
    """Looks at every desk all the time: is what it claims what the venue would do?"""

    desks: Sequence[Desk]
    looks: int = 0
    false_claims: list[str] = field(default_factory=list)
    unlinked_ns: dict[VenueName, int] = field(default_factory=dict)
    """When a venue was last seen to have a link of ours."""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until told to end."""
        while not self.over.wait(LOOK_EVERY_S):
            for desk in self.desks:
                self.look(desk)

    def look(self, desk: Desk) -> None:
        """The venue is asked between two looks at the guard, so that a claim that is just ending is no lie."""
        exchange, before = desk.exchange, desk.guard.snapshot
        if not before.claim:
            return
        now_ns = exchange.now_ns()
        links = [link.number for link in exchange.connections() if link.account]
        fires_ns, resting = exchange.would_trip_by_ns(exchange.account), exchange.open_order_count()
        after = desk.guard.snapshot
        self.unlinked_ns[exchange.venue] = now_ns if links else self.unlinked_ns.get(exchange.venue, now_ns)
        if not (after.claim and after.epoch == before.epoch):
            return
        self.looks += 1
        bound_s = before.exposure.bound_s
        if fires_ns is None and not links:
            # The venue has the end already, and its switch is on the way, which it foretells for living links only.
            if (now_ns - self.unlinked_ns[exchange.venue]) / 1e9 > bound_s:
                self.false_claims.append(f"{exchange.venue.value}: claims, and the venue has had no link for {bound_s} s")
        elif fires_ns is None:
            if resting:
                self.false_claims.append(f"{exchange.venue.value}: claims, and the venue would never fire")
        elif (fires_ns - now_ns) / 1e9 > bound_s:
            late_s = (fires_ns - now_ns) / 1e9
            self.false_claims.append(f"{exchange.venue.value}: would fire in {late_s:.3f} s, {bound_s} s is claimed")


@dataclass
class Field:
    """What a scenario works with."""

    near: Namespace
    far: Namespace
    line: Line
    desks: dict[VenueName, Desk]
    witness: Witness
    factor: float
    chance: random.Random

    def each(self, work: Callable[[Desk], Result], venues: Iterable[VenueName] | None = None) -> dict[VenueName, Result]:
        """Does the work for each desk side by side."""
        chosen = [venue for venue in (venues or self.desks) if venue in self.desks]
        with ThreadPoolExecutor(len(chosen)) as pool:
            return dict(zip(chosen, pool.map(lambda venue: work(self.desks[venue]), chosen), strict=True))

    def armed(self, within_s: float = PATIENCE_S) -> None:
        """Until every guard is armed, an order rests at each, and no latch is on."""
        self.each(lambda desk: at_work(desk, within_s))

    def heal(self) -> int:
        """Takes every break of the wire back; when that was."""
        return self.line.heal()

    def phase(self, longest_s: float = 0.25) -> None:
        """Lets a moment pass, so that a fault falls anywhere between two probes."""
        pass_time(self.chance.uniform(0.0, longest_s))

    def rearmed(self, healed_ns: int) -> dict[VenueName, float]:
        """How long after healing each guard was armed again, in milliseconds."""

        def again(desk: Desk) -> float:
            told = desk.told(PhaseChanged, healed_ns, lambda event: event.after is Phase.ARMED)
            return milliseconds(healed_ns, told.at_ns)

        return self.each(again)

    def marks(self) -> dict[VenueName, int]:
        """Where the venues' journals are now."""
        return {venue: mark_of(desk.exchange) for venue, desk in self.desks.items()}


def at_work(desk: Desk, within_s: float = PATIENCE_S) -> None:
    """Armed, permitted, with an order at rest."""
    desk.armed(within_s)
    if desk.guard.snapshot.latched:
        desk.guard.rearm(acknowledge="the fault is over")
        desk.armed(within_s)
    until_ns = desk.exchange.now_ns() + int(within_s * 1e9)
    while desk.exchange.open_order_count() == 0:
        try:
            desk.guard.request_blocking(*ORDER[desk.exchange.venue], timeout_s=within_s)
        except NotConnected:
            # Armed, and the link that carries orders (Bybit) is still being made.
            assert desk.exchange.now_ns() < until_ns, desk.story()
            pass_time(0.05)
        except KillcordError as error:
            raise AssertionError(f"{desk.exchange.venue.value}: no order: {error}: {desk.story()}") from error


def mark_of(exchange: Exchange) -> int:
    """The number the next entry will have."""
    journal = exchange.journal()
    return journal[-1].number + 1 if journal else 0


def pass_time(for_s: float) -> None:
    """Lets real time pass in which a fault acts. Nothing is waited for: what must happen meanwhile is judged afterwards."""
    threading.Event().wait(for_s)


def pass_until(moment_ns: int) -> None:
    """The same, until a moment on the guards' clock."""
    left_s = (moment_ns - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) / 1e9
    if left_s > 0:
        pass_time(left_s)


def is_session_bound(desk: Desk) -> bool:
    """Whether closing is the trip."""
    return desk.guard.snapshot.kind is SwitchKind.SESSION_BOUND


@dataclass
class Machines:
    """Two networks and the wire between them, and venues on the far one."""

    near: Namespace
    far: Namespace
    line: Line
    exchanges: dict[VenueName, Exchange]


@contextmanager
def machines(
    factor: float, venues: Iterable[VenueName] = VenueName, **settings: float
) -> Iterator[Machines]:
    """The same without guards."""
    with ExitStack() as stack:
        near, far = Namespace(), Namespace()
        stack.callback(near.close)
        stack.callback(far.close)
        line = Line(near, far)
        stack.callback(line.close)
        line.set(**settings)
        exchanges = {}
        for venue in venues:
            with far.inside():
                made = Exchange(venue, factor=factor, host=THERE, certificate_hosts=(THERE,))
            exchanges[venue] = stack.enter_context(made)
        yield Machines(near, far, line, exchanges)


@contextmanager
def fields(
    factor: float = 0.1,
    venues: Iterable[VenueName] = VenueName,
    policy: Policy | None = None,
    **settings: float,
) -> Iterator[Field]:
    """Everything armed, with an order at rest, over a wire with these settings in both directions."""
    with machines(factor, venues, **settings) as made, ExitStack() as stack:
        desks = {}
        for venue, exchange in made.exchanges.items():
            with made.near.inside():
                desks[venue] = stack.enter_context(Desk(exchange, policy))
        witness = Witness(list(desks.values()))
        thread = threading.Thread(target=witness.run, daemon=True)
        chance = random.Random(random.getrandbits(32))
        field = Field(made.near, made.far, made.line, desks, witness, factor, chance)
        field.armed()
        thread.start()
        try:
            yield field
        finally:
            witness.over.set()
            thread.join()
