"""What is promised, in the order of the table: one :class:`Promise` for each row, one :class:`Stage` for each thing that
is done. The figures that no guard publishes by itself are here and nowhere else, with their source.

Every promise is of the form *at most*: a length of time, or a number of things that must not have happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique

from ..model import VenueName

ANSWER_MS = 50.0
"""How late a heartbeat answer, a ping or a feed may be. docs/promises.md, "How quickly"."""
SUSPECT_MS = 700.0
"""From a silent cut until the guard suspects. docs/promises.md, "How quickly"."""
DEAD_MS = 1500.0
"""From a silent cut until the guard calls the link dead and claims nothing. docs/promises.md, "How quickly"."""
ARM_MS = 1300.0
"""From the start, or from the healing of the path, until armed. docs/promises.md, "How quickly"."""
HOLD_OFF_MS = {VenueName.CRYPTO_COM: 1000.0}
"""What a venue makes every new connection wait, at true timing; added to ``ARM_MS``. docs/venues/crypto_com.md."""


@unique
class Unit(Enum):
    """What a promise counts."""

    MS = "ms"
    ORDERS = "orders"
    CLAIMS = "claims"


@unique
class Stage(Enum):
    """What is done to all four, one after the other. The value is how it is called in the JSON document."""

    BEGIN = "begin"
    HOLD = "gil_held"
    CUT = "wire_cut"
    OUTAGE = "short_outage"
    DEATH = "process_killed"
    REFUSAL = "arming_refused"

    @property
    def title(self) -> str:
        """For the table."""
        return _TITLES[self]

    @property
    def factor(self) -> float:
        """How long the venues' own periods last here; 0.1 is ten times as fast. The guards' own figures never change."""
        return _FACTORS[self]

    @property
    def promises(self) -> tuple[Promise, ...]:
        """What is measured here, in the order of the table."""
        return tuple(promise for promise in PROMISES if promise.stage is self)


_TITLES = {
    Stage.BEGIN: "Start: dial, log in, arm, rest three orders",
    Stage.HOLD: "Python stands still for 5 s: one C call holds the GIL",
    Stage.CUT: "The wire is cut: no reset, no goodbye",
    Stage.OUTAGE: "A short outage, healed once the link is called dead",
    Stage.DEATH: "The trading process is killed (SIGKILL)",
    Stage.REFUSAL: "The venue refuses to arm",
}
_FACTORS = {
    Stage.BEGIN: 1.0,
    # A heartbeat from Crypto.com every 1.2 s, a feed to Kraken every 0.6 s: several of each while Python stands still.
    Stage.HOLD: 0.04,
    # Slow enough for the guard's own probes to decide, and not a venue's silence made short: Kraken's counts from 2 s on.
    Stage.CUT: 0.2,
    # Bybit's window, the shortest tolerance, is 2.5 s: longer than the outage and its end.
    Stage.OUTAGE: 0.25,
    Stage.DEATH: 0.1,
    Stage.REFUSAL: 1.0,
}


@dataclass(frozen=True, slots=True)
class Promise:
    """One row of the table: what may be at most so much."""

    stage: Stage
    name: str
    """How it is called in the JSON document."""
    text: str
    """For the table."""
    unit: Unit = Unit.MS


ARMED = Promise(Stage.BEGIN, "armed", "armed on the venue's own word")
DARK = Promise(Stage.BEGIN, "dark_now", "if cut off now, would cancel within")
LATE = Promise(Stage.HOLD, "latest_answer", "latest answer, ping or feed")
HELD_CANCELS = Promise(Stage.HOLD, "cancelled", "orders cancelled by it", Unit.ORDERS)
SUSPECT = Promise(Stage.CUT, "suspect", "the guard suspects")
DEAD = Promise(Stage.CUT, "dead", "calls it dead, claims no more")
CUT_CANCEL = Promise(Stage.CUT, "first_cancel", "the venue starts to cancel")
CUT_LEFT = Promise(Stage.CUT, "left", "orders left behind", Unit.ORDERS)
ARMED_AGAIN = Promise(Stage.OUTAGE, "armed_again", "armed again after healing")
OUTAGE_CANCELS = Promise(Stage.OUTAGE, "cancelled", "orders cancelled by it", Unit.ORDERS)
DEATH_CANCEL = Promise(Stage.DEATH, "first_cancel", "the venue starts to cancel")
DEATH_LEFT = Promise(Stage.DEATH, "left", "orders left behind", Unit.ORDERS)
CLAIMS = Promise(Stage.REFUSAL, "claimed", "times it was called armed", Unit.CLAIMS)

PROMISES = (
    ARMED,
    DARK,
    LATE,
    HELD_CANCELS,
    SUSPECT,
    DEAD,
    CUT_CANCEL,
    CUT_LEFT,
    ARMED_AGAIN,
    OUTAGE_CANCELS,
    DEATH_CANCEL,
    DEATH_LEFT,
    CLAIMS,
)


def arm_bound_ms(venue: VenueName, stage: Stage) -> float:
    """How long arming may take, with what this venue makes a new connection wait."""
    return ARM_MS + HOLD_OFF_MS.get(venue, 0.0) * stage.factor
