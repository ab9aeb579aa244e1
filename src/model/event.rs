//! What a guard tells the world: one event per thing that happened, numbered without holes.

use super::{
    CancelledOrder, Coverage, Epoch, ErrorReport, Evidence, Exposure, KillReport, LinkRole, Loss, Moment, PageFault,
    Phase, Reconciliation, Refusal, RequestId, Tally, Trip, TripBounds, WallTime,
};
use std::sync::Arc;
use std::time::Duration;

/// One thing that happened to one guard.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Contiguous from 1, per guard.
    pub seq: u64,
    /// When, on the guard's clock.
    pub at: Moment,
    /// When, on the wall clock. For people; may jump.
    pub wall: WallTime,
    /// The guarding epoch at that time.
    pub epoch: Epoch,
    /// What.
    pub kind: EventKind,
}

/// The steps of arming that a venue acknowledges one by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// Our identity was accepted.
    Login,
    /// The venue will watch our heartbeats at the asked interval.
    Heartbeat,
    /// The window or product setting is in force.
    Window,
    /// The subscription the switch, or the socket, depends on.
    Subscription,
    /// The switch itself was acknowledged.
    Switch,
    /// The switch was read back and is on.
    ReadBack,
    /// The venue answered our first venue-level ping of this epoch.
    Ping,
    /// A token was fetched over HTTP.
    Token,
}

/// Which layer of liveness spoke. See `parts/liveness.rs`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Layer {
    /// The kernel's send queue holds data the peer does not acknowledge (L2).
    SendQueue,
    /// A protocol ping stays unanswered (L3).
    ProtocolPing,
    /// A venue-level request stays unanswered (L4).
    VenueRequest,
    /// The venue's own periodic message is overdue (L4).
    VenueSilence,
}

/// What a read-back said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReadBackVerdict {
    /// The switch is on as asked.
    Agrees,
    /// The venue says the switch is not on as asked; somebody changed it, or the acknowledgement was false.
    Disagrees,
}

/// Something the venue announced about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Maintenance is announced or has begun.
    Maintenance {
        /// True once the venue says it is down, false while only announced.
        active: bool,
        /// What the venue said, cleaned and bounded.
        text: String,
    },
    /// Normal service.
    Online,
    /// Service is limited (cancel only, post only, locked, …), in the venue's word.
    Limited {
        /// The venue's word for it, cleaned and bounded.
        mode: String,
    },
    /// The venue warned that it may disconnect us.
    DisconnectWarning {
        /// What the venue said, cleaned and bounded.
        text: String,
    },
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum EventKind {
    /// The phase changed. Exactly one per transition.
    PhaseChanged {
        /// Before.
        from: Phase,
        /// After.
        to: Phase,
        /// Why, in words.
        why: &'static str,
    },
    /// A dial began.
    Dialling {
        /// Which socket.
        role: LinkRole,
        /// The epoch this dial would have.
        epoch: Epoch,
        /// True when a live link exists beside it.
        standby: bool,
    },
    /// A link came up.
    LinkUp {
        /// Which socket.
        role: LinkRole,
        /// Its epoch.
        epoch: Epoch,
        /// How long the dial took.
        took: Duration,
    },
    /// A dial failed or a link ended.
    LinkLost {
        /// Its epoch.
        epoch: Epoch,
        /// How.
        loss: Loss,
    },
    /// A step of arming was acknowledged in this epoch.
    StepDone {
        /// Which.
        step: Step,
    },
    /// Every required step was acknowledged: the switch is on.
    SwitchArmed {
        /// On what evidence.
        evidence: Evidence,
        /// What it covers.
        coverage: Coverage,
        /// The published bound.
        exposure: Exposure,
        /// When a countdown can fire.
        trip: Option<TripBounds>,
        /// Time from the start of this dial.
        took: Duration,
    },
    /// The switch was fed.
    Fed {
        /// When it can fire now.
        trip: TripBounds,
    },
    /// A read-back was answered.
    ReadBack {
        /// What it said.
        verdict: ReadBackVerdict,
    },
    /// The link has been silent for longer than it should be.
    Suspected {
        /// Age of the oldest unanswered proof of life.
        silent: Duration,
        /// Who noticed.
        layer: Layer,
    },
    /// The link is taken for dead.
    LinkDead {
        /// Age of the oldest unanswered proof of life.
        silent: Duration,
        /// Who noticed.
        layer: Layer,
        /// True when the old socket is kept because closing it would be the trip.
        kept: bool,
    },
    /// A suspect or dead link showed life.
    Recovered {
        /// How long it was silent.
        silent: Duration,
    },
    /// The switch fired, or may have. Latched until the application says so.
    Tripped {
        /// How we know.
        how: Trip,
        /// The epoch it belonged to.
        epoch: Epoch,
    },
    /// From now on orders may rest with no switch over them.
    GapOpened {
        /// Why.
        why: &'static str,
    },
    /// The gap is over.
    GapClosed {
        /// How long it was.
        length: Duration,
    },
    /// We ran late, or the venue's clock says that the whole machine stood still. The claim was withdrawn before this was
    /// said.
    Stalled {
        /// By how much, at least.
        late: Duration,
    },
    /// The venue said no.
    Refused {
        /// Its answer and what to do.
        refusal: Refusal,
    },
    /// The venue asks us to slow down.
    RateLimited {
        /// When we shall go on.
        pause: Duration,
    },
    /// Leave to create orders changed.
    Permit {
        /// True when given.
        given: bool,
    },
    /// The venue announced something about itself.
    VenueNotice {
        /// What.
        notice: Notice,
    },
    /// The venue's clock was compared with ours.
    ClockOffset {
        /// Venue minus ours, milliseconds.
        millis: i64,
    },
    /// The switch was taken off, or on again, deliberately.
    Disarmed {
        /// The reason the caller gave.
        reason: String,
    },
    /// The deliberate orderly end that keeps orders.
    Farewell {
        /// The reason the caller gave.
        reason: String,
        /// True when the venue confirmed that the switch is off (or it keeps orders by its nature).
        confirmed: bool,
    },
    /// A kill began: everything the switch covers is being cancelled, over every path.
    KillStarted {
        /// The reason the caller gave.
        reason: String,
    },
    /// A kill ended: proven empty, or given up with what was left.
    KillEnded {
        /// What it did.
        report: Box<KillReport>,
    },
    /// A trip, a kill or a lapse was acknowledged: the latch is off, and orders may be permitted again once armed.
    Rearmed {
        /// The words of whoever acknowledged it.
        acknowledge: String,
    },
    /// The venue's open orders were read and compared with what was sent.
    Reconciled {
        /// What was found.
        report: Box<Reconciliation>,
    },
    /// The venue's open orders could not be read. Nothing is concluded from that; they are asked for again.
    Unreconciled {
        /// What the venue said; `None` when it did not answer in time.
        refusal: Option<Refusal>,
        /// When they are asked for again.
        again: Duration,
    },
    /// The venue said that it cancelled orders of ours, in one message.
    OrdersCancelled {
        /// Which, by whom, and what says so. Those that the application cancelled itself are not told.
        orders: Tally<CancelledOrder>,
    },
    /// A sticky subscription was not accepted again on a new link. The guard is armed all the same; it is said again on
    /// the next one.
    SubscriptionLost {
        /// Its method.
        method: String,
        /// What the venue said, or that it did not.
        why: String,
    },
    /// Half the budget of a lease, or more, is used up.
    LeaseWarning {
        /// Its name.
        lease: Arc<str>,
        /// Since the last renewal that counted.
        silent: Duration,
    },
    /// A lease was renewed after a warning.
    LeaseRenewed {
        /// Its name.
        lease: Arc<str>,
        /// Time between that renewal and the one before.
        gap: Duration,
    },
    /// The budget of a lease is used up: nothing keeps the switch any more, and the guard kills.
    LeaseLapsed {
        /// Its name.
        lease: Arc<str>,
        /// How long after the budget it was noticed.
        late: Duration,
    },
    /// The shared page of a lease proves nothing any more: what is renewed there does not count.
    LeaseDoubted {
        /// Its name.
        lease: Arc<str>,
        /// Why.
        why: PageFault,
    },
    /// A lease ended on purpose and is no longer needed.
    LeaseClosed {
        /// Its name.
        lease: Arc<str>,
        /// The reason the caller gave.
        reason: String,
    },
    /// The link was dropped without disarming, so that the switch acts.
    LetGo,
    /// An application request got its fate: acknowledged and refused answers are delivered as messages, these are not.
    RequestLost {
        /// Which.
        request: RequestId,
        /// True when it was surely not sent; false when it was sent and the answer is lost.
        unsent: bool,
    },
    /// Something went wrong that no other event says.
    Error {
        /// What.
        report: ErrorReport,
    },
    /// The reader was too slow: this many events were dropped. A snapshot follows.
    Overflow {
        /// Exactly how many.
        lost: u64,
    },
}
