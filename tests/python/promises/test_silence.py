"""A link that falls silent without a word is suspected and called dead in time, and armed again soon after it heals.

The venue stops passing bytes and ends nothing (no FIN, no reset), at a random moment between two probes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from promises.desk import REPETITIONS, SEED, Desk, at_once, milliseconds
from promises.figures import Figures

from killcord import LinkDead, Phase, PhaseChanged, Suspected, VenueName
from killcord.sim import Exchange

SUSPECT_MS, DEAD_MS, ARMED_MS = 700, 1500, 1300
OUTAGES_S = (1.0, 3.0, 6.0)
PROBE_EVERY_S = 0.25
"""The default of ``Policy``."""


@dataclass(frozen=True, slots=True)
class Case:
    """A venue and how quickly its own time runs."""

    venue: VenueName
    factor: float
    pause_ms: float
    """What the venue itself makes a new link wait: Crypto.com asks for a second before the first request, Bybit's windows
    are read back ten seconds after they were set. Its own time, scaled."""
    what: str


CASES = (
    Case(VenueName.CRYPTO_COM, 1.0, 0, "the link resumes"),
    Case(VenueName.CRYPTO_COM, 0.1, 100, "the venue has closed it after 3 s and more"),
    Case(VenueName.DERIBIT, 1.0, 0, "the link resumes"),
    Case(VenueName.DERIBIT, 0.1, 0, "the venue has closed it after 3 s and more"),
    Case(VenueName.BYBIT, 0.1, 1000, "a new link"),
    Case(VenueName.KRAKEN, 1.0, 0, "a new link"),
    Case(VenueName.KRAKEN, 0.1, 0, "a new link, after the trip"),
)
REFUSED = (
    Case(VenueName.CRYPTO_COM, 0.1, 100, "dials refused meanwhile"),
    Case(VenueName.DERIBIT, 0.1, 0, "dials refused meanwhile"),
    Case(VenueName.BYBIT, 0.1, 1000, "dials refused meanwhile"),
    Case(VenueName.KRAKEN, 0.1, 0, "dials refused meanwhile"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one outage looked like."""

    suspect_ms: float
    dead_ms: float | None
    """None when the outage was over before."""
    armed_ms: float


def test_silence_is_suspected_and_called_dead_and_healed_in_time(figures: Figures) -> None:
    seen = at_once(outages, CASES)
    for case, ones in zip(CASES, seen, strict=True):
        figures.take(f"silent cut to suspect, {name(case)}", [one.suspect_ms for one in ones], SUSPECT_MS)
    for case, ones in zip(CASES, seen, strict=True):
        dead = [one.dead_ms for one in ones if one.dead_ms is not None]
        figures.take(f"silent cut to dead, {name(case)}", dead, DEAD_MS)
    for case, ones in zip(CASES, seen, strict=True):
        armed = [one.armed_ms for one in ones]
        figures.take(f"healed to armed, {name(case)} ({case.what})", armed, ARMED_MS + case.pause_ms)


def test_a_host_that_refused_for_a_while_is_found_again_in_time(figures: Figures) -> None:
    """Harder than silence: no dial was under way that only has to go on."""
    for case, armed in zip(REFUSED, at_once(refusals, REFUSED), strict=True):
        figures.take(f"healed to armed, {name(case)} ({case.what})", armed, ARMED_MS + case.pause_ms)


def name(case: Case) -> str:
    """The venue, and how much faster than life it is."""
    return f"{case.venue.value} x{1 / case.factor:g}"


def outages(case: Case) -> list[Seen]:
    """One guard through several silent outages of every length."""
    chance = random.Random(f"{SEED} {case}")
    with Exchange(case.venue, factor=case.factor) as exchange, Desk(exchange) as desk:
        return [outage(desk, length_s, chance) for _ in range(REPETITIONS) for length_s in OUTAGES_S]


def refusals(case: Case) -> list[float]:
    """One guard through several outages in which its links are reset and its dials refused."""
    with Exchange(case.venue, factor=case.factor) as exchange, Desk(exchange) as desk:
        return [refusal(desk, length_s) for _ in range(REPETITIONS) for length_s in OUTAGES_S]


def refusal(desk: Desk, length_s: float) -> float:
    """Resets every link, refuses dials for a while, and waits until armed again."""
    desk.armed()
    desk.exchange.refuse_dials()
    desk.exchange.reset()
    desk.guard.wait_phase(set(Phase) - {Phase.ARMED, Phase.SUSPECT})
    desk.stays(set(Phase) - {Phase.ARMED, Phase.SUSPECT}, length_s)
    healed_ns = desk.exchange.now_ns()
    desk.exchange.heal()
    armed = desk.told(PhaseChanged, healed_ns, lambda event: event.after is Phase.ARMED)
    return milliseconds(healed_ns, armed.at_ns)


def outage(desk: Desk, length_s: float, chance: random.Random) -> Seen:
    """Cuts at a random moment between two probes, heals, and waits until armed."""
    desk.armed()
    desk.stays([Phase.ARMED], PROBE_EVERY_S + chance.uniform(0, PROBE_EVERY_S))
    cut_ns = desk.exchange.now_ns()
    desk.exchange.cut()
    suspected = desk.told(Suspected, cut_ns)
    dead = desk.told(LinkDead, cut_ns) if length_s >= 2 * DEAD_MS / 1000 else None
    desk.stays(set(Phase) - {Phase.ARMED}, length_s - (desk.exchange.now_ns() - cut_ns) / 1e9)
    healed_ns = desk.exchange.now_ns()
    desk.exchange.heal()
    armed = desk.told(PhaseChanged, healed_ns, lambda event: event.after is Phase.ARMED)
    return Seen(
        suspect_ms=milliseconds(cut_ns, suspected.at_ns),
        dead_ms=None if dead is None else milliseconds(cut_ns, dead.at_ns),
        armed_ms=milliseconds(healed_ns, armed.at_ns),
    )


def test_a_figure_that_misses_its_target_fails() -> None:
    """The checks of this package are able to fail."""
    own = Figures()
    own.take("kept", [1.0, 2.0], 2.0)
    with pytest.raises(AssertionError, match="2 ms was promised"):
        own.take("kept", [2.1], 2.0)
    with pytest.raises(AssertionError, match="nothing was measured"):
        own.take("empty", [], 2.0)
    with pytest.raises(AssertionError):
        own.take("nonsense", [float("nan")], 2.0)
    assert [line.split()[0] for line in own.lines()] == ["kept", "nonsense"]
