//! An event in the words of somebody who trades. One exhaustive match: a new event does not compile before it has words.

use crate::sheet::{length, moment};
use killcord::model::{
    Attribution, CancelledOrder, Coverage, Epoch, EventKind, Evidence, KillPath, KillReport, Layer, LinkRole, Moment,
    Notice, OrderRef, ReadBackVerdict, Reconciliation, Step, Tally, Trip, TripBounds,
};
use killcord::session::Fate;

/// Verb and noun of an event. `start` is the moment the story began.
pub fn event(kind: &EventKind, start: Moment) -> (&'static str, String) {
    let told = |text: String| ("tell", text);
    match kind {
        EventKind::PhaseChanged { from, to, why } => {
            told(format!("{}, no longer {}: {why}", to.as_str(), from.as_str()))
        }
        EventKind::Dialling { role, epoch, standby } => {
            let beside = if *standby { ", beside the one that is up" } else { "" };
            ("dial", format!("{}{beside}", link(*role, *epoch)))
        }
        EventKind::LinkUp { role, epoch, took } => ("up", format!("{} after {}", link(*role, *epoch), length(*took))),
        EventKind::LinkLost { epoch, loss } => ("lost", format!("{}: {}", link(loss.role, *epoch), loss.cause)),
        EventKind::StepDone { step } => told(format!("acknowledged: {}", step_word(*step))),
        EventKind::SwitchArmed { evidence, coverage, exposure, trip, took } => told(format!(
            "the switch is on ({}), covers {}, cancels within {} of the last contact{}; it took {}",
            evidence_word(*evidence),
            coverage_words(coverage),
            length(exposure.bound),
            trip.as_ref().map_or_else(String::new, |trip| format!(", and fires {}", bounds(trip, start))),
            length(*took)
        )),
        EventKind::Fed { trip } => told(format!("fed: fires {}", bounds(trip, start))),
        EventKind::ReadBack { verdict: ReadBackVerdict::Agrees } => told("read back: the switch is on".into()),
        EventKind::ReadBack { verdict: ReadBackVerdict::Disagrees } => {
            told("read back: the switch is not on as asked".into())
        }
        EventKind::Suspected { silent, layer } => {
            told(format!("suspected: {} for {}", layer_words(*layer), length(*silent)))
        }
        EventKind::LinkDead { silent, layer, kept } => {
            let kept = if *kept { "kept, because closing it would be the trip" } else { "given up" };
            told(format!("taken for dead and {kept}: {} for {}", layer_words(*layer), length(*silent)))
        }
        EventKind::Recovered { silent } => told(format!("alive again after {}", length(*silent))),
        EventKind::Tripped { how, epoch } => told(format!("TRIPPED: {} (link {})", trip_words(how), epoch.0)),
        EventKind::GapOpened { why } => told(format!("gap opens, orders may rest uncovered: {why}")),
        EventKind::GapClosed { length: long } => told(format!("gap closes after {}", length(*long))),
        EventKind::Stalled { late } => told(format!("we ran {} late", length(*late))),
        EventKind::Refused { refusal } => told(refusal.to_string()),
        EventKind::RateLimited { pause } => told(format!("the venue asks us to slow down for {}", length(*pause))),
        EventKind::Permit { given: true } => told("orders are permitted".into()),
        EventKind::Permit { given: false } => told("orders are not permitted any more".into()),
        EventKind::VenueNotice { notice } => told(format!("the venue says: {}", notice_words(notice))),
        EventKind::ClockOffset { millis: 0 } => told("the venue's clock is as ours".into()),
        EventKind::ClockOffset { millis } => told(format!("the venue's clock is {millis:+} milliseconds from ours")),
        EventKind::Disarmed { reason } => told(format!("the switch was taken off on purpose: {reason}")),
        EventKind::Farewell { reason, confirmed: true } => told(format!("farewell, orders stay: {reason}")),
        EventKind::Farewell { reason, confirmed: false } => told(format!("farewell, not confirmed: {reason}")),
        EventKind::KillStarted { reason } => told(format!("kill begins: {reason}")),
        EventKind::KillEnded { report } => told(kill_words(report)),
        EventKind::Rearmed { acknowledge } => told(format!("rearmed, acknowledged with the words: {acknowledge}")),
        EventKind::Reconciled { report } => told(reconciled_words(report)),
        EventKind::Unreconciled { refusal, again } => told(format!(
            "what rests is not known ({}), asked again in {}",
            refusal.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string),
            length(*again)
        )),
        EventKind::OrdersCancelled { orders } => told(cancelled_words(orders)),
        EventKind::SubscriptionLost { method, why } => told(format!("the subscription {method} is lost: {why}")),
        EventKind::LeaseWarning { lease, silent } => {
            told(format!("lease {lease}: half the budget is used up, silent for {}", length(*silent)))
        }
        EventKind::LeaseRenewed { lease, gap } => told(format!("lease {lease}: renewed after {}", length(*gap))),
        EventKind::LeaseLapsed { lease, late } => {
            told(format!("lease {lease}: LAPSED, noticed {} after the budget", length(*late)))
        }
        EventKind::LeaseDoubted { lease, why } => {
            told(format!("lease {lease}: its page proves nothing: {}", why.as_str()))
        }
        EventKind::LeaseClosed { lease, reason } => told(format!("lease {lease}: closed: {reason}")),
        EventKind::LetGo => told("let go: the link is dropped, the switch is left to act".into()),
        EventKind::RequestLost { request, unsent: true } => told(format!("request {}: surely not sent", request.0)),
        EventKind::RequestLost { request, unsent: false } => {
            told(format!("request {}: sent, and its answer is lost", request.0))
        }
        EventKind::Error { report } => told(format!("error: {report}")),
        EventKind::Overflow { lost } => told(format!("{lost} events were not read in time")),
    }
}

/// What became of a request that is not answered.
pub fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Refused(misuse) => format!("refused here, nothing was sent: {misuse}"),
        Fate::NotSent => "surely not sent".to_owned(),
        Fate::Unknown => {
            "unknown: it was sent, and the link was lost before its answer; it is never sent again".to_owned()
        }
    }
}

/// Which link.
pub fn link(role: LinkRole, epoch: Epoch) -> String {
    match role {
        LinkRole::Guard => format!("link {}", epoch.0),
        LinkRole::Trade => format!("order link {}", epoch.0),
    }
}

/// When a countdown fires.
pub fn bounds(trip: &TripBounds, start: Moment) -> String {
    let (earliest, latest) = (moment(trip.earliest.since(start)), moment(trip.latest.since(start)));
    format!("between {earliest} and {latest} unless fed again")
}

pub fn coverage_words(coverage: &Coverage) -> String {
    match coverage {
        Coverage::Nothing => "nothing".into(),
        Coverage::Connection => "the orders of this connection".into(),
        Coverage::Account => "every order of the account".into(),
        Coverage::Products(names) => format!("the account's orders in {}", names.join(", ")),
    }
}

pub const fn evidence_word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::None => "none",
        Evidence::Asked => "asked",
        Evidence::Acknowledged => "acknowledged",
        Evidence::ReadBack => "read back",
    }
}

const fn step_word(step: Step) -> &'static str {
    match step {
        Step::Login => "login",
        Step::Heartbeat => "heartbeat interval",
        Step::Window => "window",
        Step::Subscription => "subscription",
        Step::Switch => "switch",
        Step::ReadBack => "the switch read back",
        Step::Ping => "the first ping",
        Step::Token => "token",
    }
}

const fn layer_words(layer: Layer) -> &'static str {
    match layer {
        Layer::SendQueue => "the peer's kernel acknowledged nothing",
        Layer::ProtocolPing => "a ping was unanswered",
        Layer::VenueRequest => "a request was unanswered",
        Layer::VenueSilence => "the venue's own heartbeat was missing",
    }
}

fn trip_words(how: &Trip) -> String {
    match how {
        Trip::Told { .. } => "the venue said so".into(),
        Trip::Presumed => "presumed, nobody said so".into(),
    }
}

fn notice_words(notice: &Notice) -> String {
    match notice {
        Notice::Maintenance { active: true, text } => format!("down for maintenance {text}").trim_end().to_owned(),
        Notice::Maintenance { active: false, text } => format!("maintenance announced {text}").trim_end().to_owned(),
        Notice::Online => "normal service".into(),
        Notice::Limited { mode } => format!("limited service, {mode}"),
        Notice::DisconnectWarning { text } => format!("it may disconnect us {text}").trim_end().to_owned(),
    }
}

fn kill_words(report: &KillReport) -> String {
    let since = |at: Option<Moment>| at.map(|at| length(at.since(report.began)));
    let path = |path: &KillPath| match (path.sent, since(path.acknowledged)) {
        (None, _) => "could not be said".to_owned(),
        (Some(_), None) => "said, not acknowledged".to_owned(),
        (Some(_), Some(after)) => format!("acknowledged after {after}"),
    };
    let proof = match (since(report.proven), report.listed) {
        (Some(after), _) => format!("PROVEN empty after {after}"),
        (None, Some(_)) => format!("NOT PROVEN, {} orders were left", report.left.len()),
        (None, None) => "NOT PROVEN, no list could be read".to_owned(),
    };
    let dropped = since(report.dropped).map_or_else(String::new, |after| format!(", link dropped after {after}"));
    format!("kill ends: {proof}; on the link {}; over HTTP {}{dropped}", path(&report.link), path(&report.http))
}

fn reconciled_words(report: &Reconciliation) -> String {
    let mut parts = vec![
        named("still rest", &report.kept, |one| (&one.order, if one.covered { "" } else { " not covered" }.to_owned())),
        named("gone", &report.gone, |one| (&one.order, format!(" {}", by(&one.attribution)))),
        named("never answered", &report.unknown, |one| {
            (&one.order, format!(" {}", one.resolution.as_str().replace('_', " ")))
        }),
        named("of others", &report.foreign, |one| {
            (&one.order, if one.covered { " covered" } else { " not covered" }.to_owned())
        }),
    ];
    parts.push(if report.uncovered > 0 { format!("{} not covered in all", report.uncovered) } else { String::new() });
    parts.push(if report.unsettled > 0 { format!("{} too young to judge", report.unsettled) } else { String::new() });
    parts.push(if report.forgotten > 0 { format!("{} forgotten", report.forgotten) } else { String::new() });
    parts.retain(|part| !part.is_empty());
    let found = if parts.is_empty() { "nothing rests, nothing is missing".to_owned() } else { parts.join("; ") };
    format!("orders compared ({}): {found}", report.occasion.as_str())
}

fn cancelled_words(orders: &Tally<CancelledOrder>) -> String {
    format!(
        "the venue says it cancelled {}",
        named("of ours", orders, |one| (&one.order, format!(" {}", by(&one.attribution))))
    )
}

fn by(attribution: &Attribution) -> String {
    match attribution.evidence.as_str() {
        "" => format!("by {}", attribution.by.as_str()),
        evidence => format!("by {} ({evidence})", attribution.by.as_str()),
    }
}

/// `2 gone: kc1 by switch, kc2 by switch`; empty when there is none.
fn named<T>(what: &str, tally: &Tally<T>, say: impl Fn(&T) -> (&OrderRef, String)) -> String {
    if tally.count == 0 {
        return String::new();
    }
    let names: Vec<String> = tally
        .named
        .iter()
        .take(NAMED)
        .map(|one| {
            let (order, remark) = say(one);
            let name = if order.client_id.is_empty() { &order.order_id } else { &order.client_id };
            format!("{}{remark}", if name.is_empty() { "nameless" } else { name })
        })
        .collect();
    let more = if tally.named.len() > NAMED { ", …" } else { "" };
    format!("{} {what}: {}{more}", tally.count, names.join(", "))
}

const NAMED: usize = 2;
