//! One event, or one record of the journal's own, as one line of JSON. Every line has the same nine fields first, then
//! those of its kind; `docs/journal.md` lists them all, and a test holds that list against this file. Text is escaped so
//! that no terminal acts on it, and cut so that a line has a bound.

use super::{SCHEMA_VERSION, words};
use crate::model::{
    CancelledOrder, Coverage, Epoch, ErrorReport, Event, EventKind, Exposure, KillReport, Loss, Moment, Notice, Now,
    OrderRef, Reconciliation, Refusal, RequestId, Tally, Trip, TripBounds, VenueName, WallTime,
};
use std::fmt::{Display, Write};
use std::time::Duration;

/// A line under construction: an object that is still open.
pub(super) struct Line {
    text: String,
}

/// Where a line stands in the journal, and when what it tells was so.
pub(super) struct Head<'a> {
    /// The guard it is about, as [`guard`] writes it; None for the journal's own records.
    pub(super) guard: Option<&'a str>,
    pub(super) number: u64,
    pub(super) at: Now,
    pub(super) mono_ns: u64,
}

/// Which guard, in every line.
pub(super) fn guard(venue: VenueName, account: &str) -> String {
    let mut text = String::from("{\"venue\":\"");
    text.push_str(venue.as_str());
    text.push_str("\",\"account\":");
    push_text(&mut text, account);
    text.push('}');
    text
}

/// The line of an event.
pub(super) fn event(head: &Head<'_>, event: &Event) -> String {
    let mut line = Line::open(head, Some((event.epoch, event.seq)));
    tell(&mut line, &event.kind);
    line.close()
}

impl Line {
    /// A record of the journal's own, which no guard told.
    pub(super) fn own(head: &Head<'_>, kind: &'static str) -> Self {
        let mut line = Self::open(head, None);
        line.text("kind", kind);
        line
    }

    fn open(head: &Head<'_>, event: Option<(Epoch, u64)>) -> Self {
        let mut line = Self { text: String::with_capacity(320) };
        line.raw("v", SCHEMA_VERSION);
        line.raw("n", head.number);
        line.raw("guard", head.guard.unwrap_or(NULL));
        line.maybe("epoch", event.map(|(Epoch(epoch), _)| epoch));
        line.maybe("seq", event.map(|(_, seq)| seq));
        line.raw("boot_ns", head.at.at.nanos());
        line.raw("mono_ns", head.mono_ns);
        line.text("wall", &words::rfc3339(head.at.wall));
        line
    }

    pub(super) fn close(mut self) -> String {
        self.text.push_str("}\n");
        self.text
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.name(name);
        push_text(&mut self.text, value);
        self
    }

    /// A number, a truth value, or JSON that is already written.
    pub(super) fn raw(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
        self
    }

    pub(super) fn maybe(&mut self, name: &'static str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.raw(name, value),
            None => self.raw(name, NULL),
        }
    }

    /// Seconds, to the nanosecond.
    fn seconds(&mut self, name: &'static str, length: Duration) -> &mut Self {
        self.raw(name, format_args!("{}.{:09}", length.as_secs(), length.subsec_nanos()))
    }

    fn wall(&mut self, name: &'static str, time: Option<WallTime>) -> &mut Self {
        match time {
            Some(time) => self.text(name, &words::rfc3339(time)),
            None => self.raw(name, NULL),
        }
    }

    fn trip_bounds(&mut self, trip: Option<&TripBounds>) -> &mut Self {
        self.moment("trip_earliest_boot_ns", trip.map(|trip| trip.earliest));
        self.moment("trip_latest_boot_ns", trip.map(|trip| trip.latest))
    }

    fn coverage(&mut self, coverage: &Coverage) -> &mut Self {
        let (scope, products) = words::coverage(coverage);
        self.text("coverage", scope).texts("products", products.iter().copied())
    }

    fn texts<'a>(&mut self, name: &'static str, values: impl Iterator<Item = &'a str>) -> &mut Self {
        self.name(name);
        self.text.push('[');
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            push_text(&mut self.text, value);
        }
        self.text.push(']');
        self
    }

    fn moment(&mut self, name: &'static str, moment: Option<Moment>) -> &mut Self {
        self.maybe(name, moment.map(Moment::nanos))
    }

    fn exposure(&mut self, exposure: &Exposure) -> &mut Self {
        self.seconds("exposure_s", exposure.bound).text("exposure_because", exposure.because)
    }

    fn loss(&mut self, loss: &Loss) -> &mut Self {
        self.text("role", words::role(loss.role)).text("cause", words::cause(&loss.cause));
        self.text("text", &loss.cause.to_string())
    }

    fn refusal(&mut self, refusal: &Refusal) -> &mut Self {
        self.text("step", refusal.step).text("code", &refusal.code).text("text", &refusal.text);
        self.text("class", words::refusal_class(refusal.class)).text("advice", refusal.advice.0)
    }

    fn notice(&mut self, notice: &Notice) -> &mut Self {
        let (word, active, text) = match notice {
            Notice::Maintenance { active, text } => ("maintenance", Some(*active), text.as_str()),
            Notice::Online => ("online", None, ""),
            Notice::Limited { mode } => ("limited", None, mode.as_str()),
            Notice::DisconnectWarning { text } => ("disconnect_warning", None, text.as_str()),
        };
        self.text("notice", word).maybe("active", active).text("text", text)
    }

    fn report(&mut self, report: &ErrorReport) -> &mut Self {
        let fault = match report {
            ErrorReport::Breach(_) => "breach",
            ErrorReport::Loss(_) => "loss",
            ErrorReport::Refusal(_) => "refusal",
            ErrorReport::Misuse(_) => "misuse",
            ErrorReport::Fault(_) => "fault",
        };
        self.text("error", fault).text("text", &report.to_string())
    }

    fn kill(&mut self, report: &KillReport) -> &mut Self {
        self.text("reason", &report.reason).raw("began_boot_ns", report.began.nanos());
        self.moment("link_sent_boot_ns", report.link.sent)
            .moment("link_acknowledged_boot_ns", report.link.acknowledged);
        self.maybe("link_cancelled", report.link.cancelled);
        self.moment("http_sent_boot_ns", report.http.sent)
            .moment("http_acknowledged_boot_ns", report.http.acknowledged);
        self.maybe("http_cancelled", report.http.cancelled);
        self.moment("dropped_boot_ns", report.dropped).moment("proven_boot_ns", report.proven);
        self.moment("listed_boot_ns", report.listed);
        self.raw("ended_boot_ns", report.ended.nanos()).raw("left_count", report.left.len());
        self.texts("left", report.left.iter().take(NAMED_MAX).map(|order| order.order_id.as_str()));
        match &report.refusal {
            Some(refusal) => self.text("refusal", &refusal.to_string()),
            None => self.raw("refusal", NULL),
        }
    }

    fn reconciled(&mut self, report: &Reconciliation) -> &mut Self {
        let Reconciliation { kept, gone, unknown, foreign, .. } = report;
        self.text("occasion", report.occasion.as_str()).raw("asked_boot_ns", report.asked.nanos());
        self.raw("kept_count", kept.count).names("kept", kept.named.iter().map(|one| &one.order));
        self.raw("gone_count", gone.count).names("gone", gone.named.iter().map(|one| &one.order));
        let said =
            |one: &crate::model::GoneOrder| format!("{}: {}", one.attribution.by.as_str(), one.attribution.evidence);
        let attributions: Vec<String> = gone.named.iter().take(NAMED_MAX).map(said).collect();
        self.texts("gone_by", attributions.iter().map(String::as_str));
        self.raw("unknown_count", unknown.count).names("unknown", unknown.named.iter().map(|one| &one.order));
        self.texts("unknown_now", unknown.named.iter().take(NAMED_MAX).map(|one| one.resolution.as_str()));
        self.raw("foreign_count", foreign.count).names("foreign", foreign.named.iter().map(|one| &one.order));
        self.raw("uncovered_count", report.uncovered).raw("unsettled_count", report.unsettled);
        self.raw("forgotten_count", report.forgotten)
    }

    fn cancelled(&mut self, orders: &Tally<CancelledOrder>) -> &mut Self {
        let said = |one: &CancelledOrder| format!("{}: {}", one.attribution.by.as_str(), one.attribution.evidence);
        let attributions: Vec<String> = orders.named.iter().take(NAMED_MAX).map(said).collect();
        self.raw("count", orders.count).names("orders", orders.named.iter().map(|one| &one.order));
        self.texts("cancelled_by", attributions.iter().map(String::as_str))
    }

    /// The venue's id, or the client's where the venue's was never told.
    fn names<'a>(&mut self, name: &'static str, orders: impl Iterator<Item = &'a OrderRef>) -> &mut Self {
        let id = |order: &'a OrderRef| {
            if order.order_id.is_empty() { order.client_id.as_str() } else { order.order_id.as_str() }
        };
        self.texts(name, orders.take(NAMED_MAX).map(id))
    }

    fn tripped(&mut self, how: &Trip) -> &mut Self {
        match how {
            Trip::Told { venue_time } => self.text("how", "told").wall("venue_time", *venue_time),
            Trip::Presumed => self.text("how", "presumed").wall("venue_time", None),
        }
    }

    fn name(&mut self, name: &'static str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
    }
}

/// The kind and its fields. One exhaustive match: a new event does not compile before it has a line.
fn tell(line: &mut Line, kind: &EventKind) {
    match kind {
        EventKind::PhaseChanged { from, to, why } => line
            .text("kind", "phase_changed")
            .text("before", from.as_str())
            .text("after", to.as_str())
            .raw("claim", to.claims())
            .text("why", why),
        EventKind::Dialling { role, epoch: Epoch(epoch), standby } => line
            .text("kind", "dialling")
            .text("role", words::role(*role))
            .raw("link_epoch", epoch)
            .raw("standby", standby),
        EventKind::LinkUp { role, epoch: Epoch(epoch), took } => line
            .text("kind", "link_up")
            .text("role", words::role(*role))
            .raw("link_epoch", epoch)
            .seconds("took_s", *took),
        EventKind::LinkLost { epoch: Epoch(epoch), loss } => {
            line.text("kind", "link_lost").raw("link_epoch", epoch).loss(loss)
        }
        EventKind::StepDone { step } => line.text("kind", "step_done").text("step", words::step(*step)),
        EventKind::SwitchArmed { evidence, coverage, exposure, trip, took } => line
            .text("kind", "switch_armed")
            .text("evidence", words::evidence(*evidence))
            .coverage(coverage)
            .exposure(exposure)
            .trip_bounds(trip.as_ref())
            .seconds("took_s", *took),
        EventKind::Fed { trip } => line.text("kind", "fed").trip_bounds(Some(trip)),
        EventKind::ReadBack { verdict } => line.text("kind", "read_back").text("verdict", words::verdict(*verdict)),
        EventKind::Suspected { silent, layer } => {
            line.text("kind", "suspected").seconds("silent_s", *silent).text("layer", words::layer(*layer))
        }
        EventKind::LinkDead { silent, layer, kept } => line
            .text("kind", "link_dead")
            .seconds("silent_s", *silent)
            .text("layer", words::layer(*layer))
            .raw("kept", kept),
        EventKind::Recovered { silent } => line.text("kind", "recovered").seconds("silent_s", *silent),
        EventKind::Tripped { how, epoch: Epoch(epoch) } => {
            line.text("kind", "tripped").tripped(how).raw("link_epoch", epoch)
        }
        EventKind::GapOpened { why } => line.text("kind", "gap_opened").text("why", why),
        EventKind::GapClosed { length } => line.text("kind", "gap_closed").seconds("length_s", *length),
        EventKind::Stalled { late } => line.text("kind", "stalled").seconds("late_s", *late),
        EventKind::Refused { refusal } => line.text("kind", "refused").refusal(refusal),
        EventKind::RateLimited { pause } => line.text("kind", "rate_limited").seconds("pause_s", *pause),
        EventKind::Permit { given } => line.text("kind", "permit").raw("given", given),
        EventKind::VenueNotice { notice } => line.text("kind", "venue_notice").notice(notice),
        EventKind::ClockOffset { millis } => line.text("kind", "clock_offset").raw("offset_ms", millis),
        EventKind::Disarmed { reason } => line.text("kind", "disarmed").text("reason", reason),
        EventKind::Farewell { reason, confirmed } => {
            line.text("kind", "farewell").text("reason", reason).raw("confirmed", confirmed)
        }
        EventKind::KillStarted { reason } => line.text("kind", "kill_started").text("reason", reason),
        EventKind::KillEnded { report } => line.text("kind", "kill_ended").kill(report),
        EventKind::Rearmed { acknowledge } => line.text("kind", "rearmed").text("acknowledge", acknowledge),
        EventKind::Reconciled { report } => line.text("kind", "reconciled").reconciled(report),
        EventKind::Unreconciled { refusal, again } => {
            line.text("kind", "unreconciled").seconds("again_s", *again);
            match refusal {
                Some(refusal) => line.text("refusal", &refusal.to_string()),
                None => line.raw("refusal", NULL),
            }
        }
        EventKind::OrdersCancelled { orders } => line.text("kind", "orders_cancelled").cancelled(orders),
        EventKind::SubscriptionLost { method, why } => {
            line.text("kind", "subscription_lost").text("method", method).text("why", why)
        }
        EventKind::LeaseWarning { lease, silent } => {
            line.text("kind", "lease_warning").text("lease", lease).seconds("silent_s", *silent)
        }
        EventKind::LeaseRenewed { lease, gap } => {
            line.text("kind", "lease_renewed").text("lease", lease).seconds("gap_s", *gap)
        }
        EventKind::LeaseLapsed { lease, late } => {
            line.text("kind", "lease_lapsed").text("lease", lease).seconds("late_s", *late)
        }
        EventKind::LeaseDoubted { lease, why } => {
            line.text("kind", "lease_doubted").text("lease", lease).text("why", why.as_str())
        }
        EventKind::LeaseClosed { lease, reason } => {
            line.text("kind", "lease_closed").text("lease", lease).text("reason", reason)
        }
        EventKind::LetGo => line.text("kind", "let_go"),
        EventKind::RequestLost { request: RequestId(request), unsent } => {
            line.text("kind", "request_lost").raw("request", request).raw("unsent", unsent)
        }
        EventKind::Error { report } => line.text("kind", "error").report(report),
        EventKind::Overflow { lost } => line.text("kind", "overflow").raw("lost", lost),
    };
}

/// A JSON string. Escaped is what JSON demands, and every character on which a terminal or an editor would act:
/// controls, line separators, and those that change the direction of writing.
fn push_text(into: &mut String, value: &str) {
    into.push('"');
    for (at, c) in value.chars().enumerate() {
        if at == TEXT_MAX {
            into.push('…');
            break;
        }
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            c if c.is_control() || is_unseen(c) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    let _ = write!(into, "\\u{unit:04x}");
                }
            }
            c => into.push(c),
        }
    }
    into.push('"');
}

/// Zero width, separators of lines and paragraphs, direction marks (Unicode 16, chapter 23.2 and 23.8), tags.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{61c}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// So many orders of a kind are named; how many there are is always said.
const NAMED_MAX: usize = 20;
const NULL: &str = "null";
/// In characters. What venues say is cut to 200 before it comes here; reasons callers give are not.
const TEXT_MAX: usize = 1000;
