//! After every arming, after `rearm()`, and every so often, the venue's open orders are read and compared with what was
//! sent (`ledger`). Nothing waits for that: not arming, not a keepalive, not a kill, which has readings of its own. A list
//! that cannot be had is said and asked for again; nothing is ever concluded from its absence.

use super::compared::Compared;
use super::refusals::pause_after;
use super::{Deadline, Session};
use crate::model::{
    Coverage, Epoch, EventKind, LinkRole, Moment, Occasion, OrderRef, Reconciliation, Refusal, SwitchKind,
};
use crate::venue::{Heard, Intent, OpenOrder, Path, Screening, Toll, Venue};
use std::ops::Range;
use std::time::Duration;

/// The list is asked for this long after arming, so that what the venue was just told is in it.
const FIRST_AFTER: Duration = Duration::from_millis(100);
/// A list, or the next part of one, must have come by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The time between lists once nothing is left to be settled.
const EVERY: Duration = Duration::from_secs(60);
/// The first pause before a list is asked for again; doubled from then on.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// More orders than any of the venues lets an account have open.
const LISTED_MAX: usize = 20_000;

/// Where comparing stands.
#[derive(Default)]
pub(super) struct Audit {
    /// What the next comparison is for.
    occasion: Option<Occasion>,
    /// When the list being read was asked for.
    asked: Option<Moment>,
    /// What it has named so far.
    listed: Vec<OpenOrder>,
    /// Lists in a row that failed or left something to be settled.
    tries: u32,
    failed: u32,
    /// The last list that was told left something to be settled: what becomes of it is told as well.
    owed: bool,
    /// What rested foreign or uncovered when it was last told.
    told: Vec<OrderRef>,
}

/// A line of the application that passed the gate and is not remembered yet. It stays in the outbox until the next input.
pub(super) struct Passed {
    epoch: Epoch,
    creates: bool,
    text: Range<usize>,
}

impl Passed {
    /// Nothing where no order is touched.
    pub(super) fn of(epoch: Epoch, kind: &Screening, text: Range<usize>) -> Option<Self> {
        match kind {
            Screening::Order | Screening::Cancel => Some(Self { epoch, creates: *kind == Screening::Order, text }),
            Screening::Harmless | Screening::BreaksProtection { .. } | Screening::NotSendable { .. } => None,
        }
    }
}

impl<V: Venue> Session<V> {
    /// Compares soon. An occasion that is told in any case is not replaced by one that is told only when there is news.
    pub(super) fn want_audit(&mut self, occasion: Occasion) {
        self.audit.occasion = self.audit.occasion.max(Some(occasion));
        self.audit.tries = 0;
        self.audit.asked = None;
        let after = if occasion == Occasion::Start { Duration::ZERO } else { FIRST_AFTER };
        self.deadlines.set(Deadline::Audit, self.now.at + after);
    }

    /// Where the switch will cover orders it did not see created, they are looked at before it does.
    pub(super) fn audit_before_the_first_arm(&mut self) {
        if self.venue.facts().kind != SwitchKind::SessionBound {
            self.want_audit(Occasion::Start);
            self.audit();
        }
    }

    /// At once on an armed link; else with the arming that follows.
    pub(super) fn audit_after_rearm(&mut self) {
        if self.link.as_ref().is_some_and(super::GuardLink::is_armed) {
            self.want_audit(Occasion::Rearmed);
        } else {
            self.audit.occasion = Some(Occasion::Rearmed);
        }
    }

    /// The link is gone, and what was compared with it.
    pub(super) fn stop_audit(&mut self) {
        if self.audit.occasion != Some(Occasion::Start) {
            self.audit = Audit { told: std::mem::take(&mut self.audit.told), ..Audit::default() };
            self.deadlines.stop(Deadline::Audit);
        }
    }

    /// The deadline: asks for the list, or finds that it did not come.
    pub(super) fn audit(&mut self) {
        if self.kill.is_some() || self.standing.ended() {
            // A kill reads for itself, and what it finds is its report.
            return self.deadlines.set(Deadline::Audit, self.now.at + AGAIN_AFTER);
        }
        if self.audit.asked.take().is_some() {
            return self.audit_failed(None);
        }
        self.audit.occasion.get_or_insert(Occasion::Audit);
        self.audit.asked = Some(self.now.at);
        self.audit.listed.clear();
        self.deadlines.set(Deadline::Audit, self.now.at + ANSWER_WITHIN);
        let path = self.audit_path();
        if path == Path::Link {
            self.rates.take(self.now.at, Toll::Message);
        }
        self.venue.say(self.now, Intent::OpenOrders(path), &mut self.out);
        self.drain();
    }

    /// One part of a list. A list that something else asked for says nothing here.
    pub(super) fn audit_listed(&mut self, asked: Moment, orders: Vec<OpenOrder>, complete: bool) {
        if self.audit.asked != Some(asked) {
            return;
        }
        if self.audit.listed.len() + orders.len() > LISTED_MAX {
            return self.audit_failed(None);
        }
        self.audit.listed.extend(orders);
        self.deadlines.set(Deadline::Audit, self.now.at + ANSWER_WITHIN);
        if complete {
            self.audit.asked = None;
            self.audit.failed = 0;
            self.compare(asked);
        }
    }

    pub(super) fn audit_unlisted(&mut self, asked: Moment, refusal: Refusal) {
        if self.audit.asked == Some(asked) {
            self.audit_failed(Some(refusal));
        }
    }

    /// The application's line was said: what it does to orders is remembered. When the queue is empty, that is after the
    /// driver has written it and before anything else can be handled: reading the line once more delays no order.
    pub(super) fn remember_passed(&mut self) {
        let Some(Passed { epoch, creates, text }) = self.unremembered.take() else { return };
        let orders = self.venue.orders_in(self.out.text(&text));
        if !creates || !orders.cancelled.is_empty() {
            self.ledger.cancel_sent(&orders);
        }
        if creates {
            self.ledger.sent(self.now.at, epoch, orders);
        }
    }

    /// A message that the application gets, too: what it says about orders of ours.
    pub(super) fn learn_of_orders(&mut self, role: LinkRole, epoch: Epoch, text: &str, heard: Heard) {
        if heard == Heard::Ours || self.ledger.is_empty() {
            return;
        }
        let news = self.venue.order_news(role, text);
        if news.is_empty() {
            return;
        }
        let cancelled = self.ledger.hear(self.now.at, epoch, news);
        if cancelled.count > 0 {
            self.tell(EventKind::OrdersCancelled { orders: cancelled });
        }
    }

    fn compare(&mut self, asked: Moment) {
        let armed = self.link.as_ref().filter(|link| link.is_armed()).map(|link| link.epoch);
        let by_connection = self.venue.facts().coverage == Coverage::Connection;
        let covers = |link: Option<Epoch>| !by_connection || link.is_some() && link == armed;
        let listed = std::mem::take(&mut self.audit.listed);
        let compared = self.ledger.compare(asked, listed, covers);
        let occasion = self.audit.occasion.take().unwrap_or(Occasion::Audit);
        let news = compared.surprising || compared.unknown.count > 0 || compared.strays != self.audit.told;
        let unsettled = compared.unsettled > 0 || compared.left_behind;
        self.audit.told.clone_from(&compared.strays);
        if occasion != Occasion::Audit || news || self.audit.owed {
            self.audit.owed = compared.unsettled > 0;
            self.tell(EventKind::Reconciled { report: Box::new(report(occasion, asked, compared)) });
        }
        let pause = if unsettled { self.audit.pause() } else { EVERY };
        self.audit.tries = if unsettled { self.audit.tries + 1 } else { 0 };
        self.audit_again(occasion, pause);
    }

    fn audit_failed(&mut self, refusal: Option<Refusal>) {
        let wished = refusal.as_ref().map_or(Duration::ZERO, |refusal| pause_after(refusal.class));
        let again = self.audit.pause().max(wished);
        self.audit.asked = None;
        self.audit.tries += 1;
        self.audit.failed += 1;
        self.tell(EventKind::Unreconciled { refusal, again });
        let occasion = self.audit.occasion.unwrap_or(Occasion::Audit);
        self.audit_again(occasion, again);
    }

    /// Before the first arm there is no link whose orders could be compared again and again.
    fn audit_again(&mut self, occasion: Occasion, pause: Duration) {
        if occasion == Occasion::Start && self.link.as_ref().is_none_or(|link| !link.is_armed()) {
            self.audit.occasion = None;
            return;
        }
        self.deadlines.set(Deadline::Audit, self.now.at + pause);
    }

    /// Over HTTP, which costs the link nothing. Where that failed, the link is tried in turn, as far as its limit allows.
    fn audit_path(&self) -> Path {
        let armed = self.link.as_ref().is_some_and(super::GuardLink::is_armed);
        let room = self.rates.wait(self.now.at, Toll::Message).is_none();
        if armed && room && self.audit.failed % 2 == 1 && self.venue.facts().kind == SwitchKind::SessionBound {
            Path::Link
        } else {
            Path::Http
        }
    }
}

impl Audit {
    fn pause(&self) -> Duration {
        (AGAIN_AFTER * 2_u32.pow(self.tries.min(5))).min(EVERY)
    }
}

fn report(occasion: Occasion, asked: Moment, compared: Compared) -> Reconciliation {
    let Compared { kept, gone, unknown, foreign, uncovered, unsettled, forgotten, .. } = compared;
    Reconciliation { occasion, asked, kept, gone, unknown, foreign, uncovered, unsettled, forgotten }
}
