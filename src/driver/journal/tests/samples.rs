//! One event of every kind, filled with what is hardest to write down.

use crate::model::{
    Attribution, CancelledBy, CancelledOrder, Coverage, Epoch, ErrorReport, EventKind, Evidence, Exposure, Fault,
    ForeignOrder, GoneOrder, KeptOrder, KillPath, KillReport, Layer, LinkRole, Loss, LossCause, Moment, Notice,
    Occasion, OrderRef, PageFault, Phase, ReadBackVerdict, Reconciliation, Refusal, RefusalClass, RequestId,
    Resolution, Step, Tally, Trip, TripBounds, UnknownOrder, WallTime,
};
use std::time::Duration;

/// What a hostile venue, or a careless caller, could put into a text.
pub(super) const HOSTILE: &str = "a\"b\\c\n\u{1b}[31m\u{7f}\u{9b}0m\u{2028}\u{202e}\u{feff}\u{e0041}end";

pub(super) fn every_kind() -> Vec<EventKind> {
    let length = Duration::new(1, 5);
    let trip = TripBounds { earliest: Moment::from_nanos(7), latest: Moment::from_nanos(9) };
    let exposure = Exposure { bound: length, because: "because" };
    let loss = Loss {
        role: LinkRole::Guard,
        cause: LossCause::Closed { code: 1006, reason: HOSTILE.into() },
        address: String::new(),
    };
    let refusal = Refusal::new("auth", 13_004, HOSTILE, RefusalClass::Fatal, "check the key");
    let coverage = Coverage::Products(vec!["DERIVATIVES", "SPOT"]);
    let silent = length;
    vec![
        EventKind::PhaseChanged { from: Phase::Arming, to: Phase::Armed, why: "every step was acknowledged" },
        EventKind::Dialling { role: LinkRole::Guard, epoch: Epoch(4), standby: true },
        EventKind::LinkUp { role: LinkRole::Trade, epoch: Epoch(4), took: length },
        EventKind::LinkLost { epoch: Epoch(4), loss: loss.clone() },
        EventKind::StepDone { step: Step::ReadBack },
        EventKind::SwitchArmed { evidence: Evidence::ReadBack, coverage, exposure, trip: None, took: length },
        EventKind::Fed { trip },
        EventKind::ReadBack { verdict: ReadBackVerdict::Agrees },
        EventKind::Suspected { silent, layer: Layer::ProtocolPing },
        EventKind::LinkDead { silent, layer: Layer::SendQueue, kept: true },
        EventKind::Recovered { silent },
        EventKind::Tripped { how: Trip::Told { venue_time: Some(WallTime::from_millis(1)) }, epoch: Epoch(4) },
        EventKind::GapOpened { why: "the link was lost" },
        EventKind::GapClosed { length },
        EventKind::Stalled { late: length },
        EventKind::Refused { refusal },
        EventKind::RateLimited { pause: length },
        EventKind::Permit { given: true },
        EventKind::VenueNotice { notice: Notice::Maintenance { active: true, text: HOSTILE.into() } },
        EventKind::ClockOffset { millis: -3 },
        EventKind::Disarmed { reason: HOSTILE.into() },
        EventKind::Farewell { reason: HOSTILE.repeat(100), confirmed: true },
        EventKind::KillStarted { reason: HOSTILE.into() },
        EventKind::KillEnded { report: Box::new(kill()) },
        EventKind::Rearmed { acknowledge: HOSTILE.into() },
        EventKind::Reconciled { report: Box::new(reconciliation()) },
        EventKind::Unreconciled {
            refusal: Some(Refusal::new("list", 1, HOSTILE, RefusalClass::Retry, "wait")),
            again: length,
        },
        EventKind::OrdersCancelled {
            orders: fifty(CancelledOrder { order: order(), link: Epoch(4), attribution: said() }),
        },
        EventKind::SubscriptionLost { method: HOSTILE.into(), why: HOSTILE.into() },
        EventKind::LeaseWarning { lease: HOSTILE.into(), silent },
        EventKind::LeaseRenewed { lease: HOSTILE.into(), gap: length },
        EventKind::LeaseLapsed { lease: HOSTILE.into(), late: length },
        EventKind::LeaseDoubted { lease: HOSTILE.into(), why: PageFault::PidReused },
        EventKind::LeaseClosed { lease: HOSTILE.into(), reason: HOSTILE.into() },
        EventKind::LetGo,
        EventKind::RequestLost { request: RequestId(5), unsent: true },
        EventKind::Error { report: ErrorReport::Fault(Fault { what: HOSTILE.into() }) },
        EventKind::Overflow { lost: 3 },
    ]
}

/// With more orders left than a line names.
fn kill() -> KillReport {
    let path = KillPath { sent: Some(Moment::from_nanos(2)), acknowledged: None, cancelled: Some(4) };
    KillReport {
        reason: HOSTILE.into(),
        began: Moment::from_nanos(1),
        link: path,
        http: KillPath::default(),
        dropped: None,
        proven: None,
        listed: Some(Moment::from_nanos(7)),
        left: vec![order(); 50],
        ended: Moment::from_nanos(8),
        refusal: Some(Refusal::new("cancel-all", 1, HOSTILE, RefusalClass::Retry, "look at it")),
    }
}

fn reconciliation() -> Reconciliation {
    let (order, link) = (order(), Epoch(4));
    Reconciliation {
        occasion: Occasion::Rearmed,
        asked: Moment::from_nanos(1),
        kept: fifty(KeptOrder { order: order.clone(), link, covered: false }),
        gone: fifty(GoneOrder { order: order.clone(), link, attribution: said() }),
        unknown: fifty(UnknownOrder { order: order.clone(), link, resolution: Resolution::Undecided }),
        foreign: fifty(ForeignOrder { order, covered: true }),
        uncovered: 50,
        unsettled: 1,
        forgotten: 2,
    }
}

fn fifty<T: Clone>(one: T) -> Tally<T> {
    let mut tally = Tally::default();
    (0..50).for_each(|_| tally.add(one.clone()));
    tally
}

fn order() -> OrderRef {
    OrderRef { order_id: HOSTILE.into(), client_id: HOSTILE.into(), instrument: HOSTILE.into() }
}

fn said() -> Attribution {
    Attribution::new(CancelledBy::Switch, HOSTILE)
}
