"""What a guard tells: one frozen record per thing that happened, numbered without holes.

Every event has ``seq`` (contiguous from 1 per guard), ``at_ns``, ``wall_ns`` and ``epoch``; what else it has is below.
Those about orders are in :mod:`killcord.orders`. Match on them:

>>> from killcord import GapClosed, Presumed, Told, Tripped
>>> def note(event: Event) -> str:
...     match event:
...         case Tripped(how=Told()):
...             return "the venue cancelled, and said so"
...         case Tripped(how=Presumed()):
...             return "the venue must have cancelled by now"
...         case GapClosed(seconds=seconds):
...             return f"covered again after {seconds:.1f} s"
...         case _:
...             return "something else"
>>> note(GapClosed(1.25, seq=7, at_ns=0, wall_ns=0, epoch=2))
'covered again after 1.2 s'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import KillcordError, Loss, Refusal
from .kill import KillReport
from .model import (
    Coverage,
    Evidence,
    Exposure,
    Layer,
    LinkRole,
    Notice,
    PageFault,
    Phase,
    ReadBackVerdict,
    Step,
    Trip,
    TripBounds,
)

if TYPE_CHECKING:
    from ._killcord import Message, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have."""

    seq: int
    """Contiguous from 1, per guard."""
    at_ns: int
    """When, on the guard's clock."""
    wall_ns: int
    """When, on the wall clock (Unix nanoseconds). For people; may jump."""
    epoch: int
    """The guarding epoch at that time; 0 before the first dial."""


@dataclass(frozen=True, slots=True)
class PhaseChanged(Event):
    """The phase changed. Exactly one per transition."""

    before: Phase
    after: Phase
    why: str


@dataclass(frozen=True, slots=True)
class Dialling(Event):
    """A dial began."""

    role: LinkRole
    link_epoch: int
    """The epoch this dial would have."""
    standby: bool
    """True when a live link exists beside it."""


@dataclass(frozen=True, slots=True)
class LinkUp(Event):
    """A link came up."""

    role: LinkRole
    link_epoch: int
    took_s: float
    """How long the dial took."""


@dataclass(frozen=True, slots=True)
class LinkLost(Event):
    """A dial failed, or a link ended."""

    link_epoch: int
    loss: Loss


@dataclass(frozen=True, slots=True)
class StepDone(Event):
    """A step of arming was acknowledged in this epoch."""

    step: Step


@dataclass(frozen=True, slots=True)
class SwitchArmed(Event):
    """Every required step was acknowledged: the switch is on."""

    evidence: Evidence
    coverage: Coverage
    exposure: Exposure
    trip_bounds: TripBounds | None
    """When a countdown can fire; None for the other kinds."""
    took_s: float
    """Time from the start of the dial."""


@dataclass(frozen=True, slots=True)
class Fed(Event):
    """A countdown was fed."""

    trip_bounds: TripBounds
    """When it can fire now."""


@dataclass(frozen=True, slots=True)
class ReadBack(Event):
    """A read-back of the switch was answered."""

    verdict: ReadBackVerdict


@dataclass(frozen=True, slots=True)
class Suspected(Event):
    """The link has been silent for longer than it should be. Protection is still claimed."""

    silent_s: float
    """Age of the oldest unanswered proof of life."""
    layer: Layer


@dataclass(frozen=True, slots=True)
class LinkDead(Event):
    """The link is taken for dead."""

    silent_s: float
    """Age of the oldest unanswered proof of life."""
    layer: Layer
    kept: bool
    """True when the old socket is kept because closing it would be the trip."""


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """A suspect or dead link showed life."""

    silent_s: float
    """How long it was silent."""


@dataclass(frozen=True, slots=True)
class Tripped(Event):
    """The switch fired, or may have. No order is permitted until ``rearm()``."""

    how: Trip
    """How we know: ``Told`` or ``Presumed``."""
    link_epoch: int
    """The epoch it belonged to."""


@dataclass(frozen=True, slots=True)
class GapOpened(Event):
    """From now on orders may rest with no switch over them."""

    why: str


@dataclass(frozen=True, slots=True)
class GapClosed(Event):
    """The gap is over."""

    seconds: float
    """How long it was."""


@dataclass(frozen=True, slots=True)
class Stalled(Event):
    """killcord's own thread ran late, or the venue's clock says that the whole machine stood still with all its clocks.
    The claim was withdrawn before this was said."""

    late_s: float


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """The venue said no to one of killcord's own requests."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class RateLimited(Event):
    """The venue asks us to slow down."""

    pause_s: float
    """When we shall go on."""


@dataclass(frozen=True, slots=True)
class Permit(Event):
    """Leave to create orders was given or taken."""

    given: bool


@dataclass(frozen=True, slots=True)
class VenueNotice(Event):
    """The venue announced something about itself."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class ClockOffset(Event):
    """The venue's clock was compared with ours."""

    millis: int
    """Venue minus ours."""


@dataclass(frozen=True, slots=True)
class Disarmed(Event):
    """The switch was taken off deliberately, or put on again."""

    reason: str
    """As the caller gave it."""


@dataclass(frozen=True, slots=True)
class Farewell(Event):
    """The deliberate orderly end that keeps orders."""

    reason: str
    """As the caller gave it."""
    confirmed: bool
    """True when the venue confirmed that the switch is off, or keeps orders by its nature."""


@dataclass(frozen=True, slots=True)
class KillStarted(Event):
    """A kill began: everything the switch covers is being cancelled, over every path."""

    reason: str
    """As the caller gave it."""


@dataclass(frozen=True, slots=True)
class KillEnded(Event):
    """A kill ended: proven, or given up with what was left."""

    report: KillReport
    """What it did."""


@dataclass(frozen=True, slots=True)
class Rearmed(Event):
    """A trip, a kill or a lapse was acknowledged: the latch is off, and orders may be permitted again once armed."""

    acknowledge: str
    """As the caller of ``rearm()`` gave it."""


@dataclass(frozen=True, slots=True)
class LeaseWarning(Event):
    """Half the budget of a lease, or more, is used up."""

    lease: str
    """Its name."""
    silent_s: float
    """Since the last renewal that counted."""


@dataclass(frozen=True, slots=True)
class LeaseRenewed(Event):
    """A lease was renewed after a warning."""

    lease: str
    """Its name."""
    gap_s: float
    """Time between that renewal and the one before."""


@dataclass(frozen=True, slots=True)
class LeaseLapsed(Event):
    """The budget of a lease is used up: nothing keeps the switch any more, and the guard kills."""

    lease: str
    """Its name."""
    late_s: float
    """How long after the budget it was noticed."""


@dataclass(frozen=True, slots=True)
class LeaseDoubted(Event):
    """The shared page of a lease proves nothing any more: what is renewed there does not count."""

    lease: str
    """Its name."""
    why: PageFault


@dataclass(frozen=True, slots=True)
class LeaseClosed(Event):
    """A lease ended on purpose and is no longer needed."""

    lease: str
    """Its name."""
    reason: str
    """As the caller gave it."""


@dataclass(frozen=True, slots=True)
class LetGo(Event):
    """The link was dropped without disarming, so that the switch acts."""


@dataclass(frozen=True, slots=True)
class RequestLost(Event):
    """A request will never be answered. Whoever awaits it gets ``NotSent`` or ``FateUnknown``."""

    request: int
    unsent: bool
    """True when it surely never left."""


@dataclass(frozen=True, slots=True)
class ErrorReported(Event):
    """Something went wrong that no other event says."""

    error: KillcordError


@dataclass(frozen=True, slots=True)
class Overflow(Event):
    """The reader was too slow, and events were dropped. The state afterwards comes with it.

    It stands for the events ``seq`` to ``seq + lost - 1``, so the next event has the number ``seq + lost``.
    """

    lost: int
    """Exactly how many."""
    snapshot: Snapshot
    """The state when this was read; never older than the last dropped event."""


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """``on_message`` raised. The guard took no notice of it; it was logged, and is kept here for you to look at.

    Not part of the numbered stream: see :attr:`killcord.Guard.callback_failures`.
    """

    number: int
    """Contiguous from 1, per guard."""
    message: Message | None
    """What it was called with; None for a hole, where messages came more quickly than they could be handed over."""
    error: Exception
    """What it raised, or ``MessagesLost``."""
