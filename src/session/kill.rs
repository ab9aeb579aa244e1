//! Cancel everything now, over every path at once, and prove it. Cancel-all leaves on the link and over HTTP in the same
//! breath; a session-bound link is then dropped, so that the switch acts too; and the venue's list of open orders is
//! read until it is empty. A list that was asked for before anything was acknowledged proves nothing: an order may still
//! have been on its way.

use super::{Deadline, Session};
use crate::model::{EventKind, KillPath, KillReport, LeftOrder, LossCause, Misuse, Moment, Refusal};
use crate::venue::{Intent, OpenOrder, Path, Venue};
use std::time::Duration;

/// The first look at the open orders comes this long after cancel-all was said; later ones ever further apart.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// Looks are never further apart than this.
const LOOKS_APART_MAX: Duration = Duration::from_secs(4);
/// A session-bound link is dropped this long after cancel-all was said, even when nobody acknowledged it.
const DROP_AFTER: Duration = Duration::from_millis(500);
/// A kill that could not be proven by then is given up and says what is left.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// So many of the orders that are left are named.
const LEFT_MAX: usize = 1_000;

/// A kill under way.
pub(super) struct Kill {
    report: KillReport,
    /// Lists asked for from here on count as proof.
    settled: Option<Moment>,
    /// When the list being read was asked for.
    asked: Option<Moment>,
    /// What the list being read has named so far.
    listed: Vec<LeftOrder>,
    pause: Duration,
}

impl<V: Venue> Session<V> {
    /// Idempotent: a kill during a kill joins it.
    pub(super) fn begin_kill(&mut self, reason: &str) {
        if self.standing.ended() {
            return self.misuse(Misuse::Ended);
        }
        if self.kill.is_some() {
            return;
        }
        self.standing.latched = true;
        self.restate();
        self.kill = Some(Kill::new(reason, self.now.at));
        self.tell(EventKind::KillStarted { reason: reason.to_owned() });
        self.say_cancel_all();
        self.deadlines.set(Deadline::Kill, self.now.at + FIRST_LOOK);
    }

    /// Over both paths in the same breath. The link carries it only when the venue knows us there.
    fn say_cancel_all(&mut self) {
        let on_link = self.link.as_ref().is_some_and(super::GuardLink::is_armed);
        let Some(kill) = &mut self.kill else { return };
        kill.report.http.sent.get_or_insert(self.now.at);
        if on_link {
            kill.report.link.sent.get_or_insert(self.now.at);
            self.venue.say(self.now, Intent::CancelAll(Path::Link), &mut self.out);
        }
        self.venue.say(self.now, Intent::CancelAll(Path::Http), &mut self.out);
        self.drain();
    }

    pub(super) fn cancelled_all(&mut self, path: Path, count: Option<u64>) {
        let now = self.now.at;
        let Some(kill) = &mut self.kill else { return };
        kill.acknowledged(path, count, now);
        self.ledger.killed();
        self.drop_for_kill();
    }

    /// One part of the list of open orders.
    pub(super) fn open_orders(&mut self, asked: Moment, orders: Vec<OpenOrder>, complete: bool) {
        let now = self.now.at;
        // A list that another look asked for, or nobody, says nothing about this one.
        let Some(kill) = self.kill.as_mut().filter(|kill| kill.asked == Some(asked)) else {
            return self.audit_listed(asked, orders, complete);
        };
        kill.list(orders);
        if !complete {
            return;
        }
        let proves = kill.asked.take().zip(kill.settled).is_some_and(|(asked, settled)| asked >= settled);
        kill.report.left = std::mem::take(&mut kill.listed);
        if !kill.report.left.is_empty() {
            self.say_cancel_all();
        } else if proves {
            kill.report.proven = Some(now);
            self.end_kill();
        }
    }

    /// The list could not be had; the next look asks again.
    pub(super) fn unlisted(&mut self, asked: Moment, refusal: Refusal) {
        if let Some(kill) = self.kill.as_mut().filter(|kill| kill.asked == Some(asked)) {
            kill.asked = None;
            kill.report.refusal = Some(refusal.clone());
            self.tell_refusal(refusal);
        } else {
            self.audit_unlisted(asked, refusal);
        }
    }

    /// The deadline of a kill: gives it up, drops the link, or looks again.
    pub(super) fn go_on_killing(&mut self) {
        let now = self.now.at;
        let Some(kill) = &mut self.kill else { return };
        let age = now.since(kill.report.began);
        if age >= GIVE_UP_AFTER {
            return self.end_kill();
        }
        let next = kill.next_look(now);
        let unanswered = kill.asked.is_some_and(|asked| now.since(asked) < LOOKS_APART_MAX);
        self.deadlines.set(Deadline::Kill, next);
        if age >= DROP_AFTER {
            self.drop_for_kill();
        }
        if !unanswered {
            self.look();
        }
    }

    /// Whoever ends the guard ends its kill with what is known.
    pub(super) fn end_kill(&mut self) {
        self.deadlines.stop(Deadline::Kill);
        if let Some(mut kill) = self.kill.take() {
            kill.report.ended = self.now.at;
            self.tell(EventKind::KillEnded { report: Box::new(kill.report) });
        }
    }

    pub(super) fn note_refusal_of_kill(&mut self, refusal: &Refusal) {
        if let Some(kill) = &mut self.kill {
            kill.report.refusal = Some(refusal.clone());
        }
    }

    fn look(&mut self) {
        if let Some(kill) = &mut self.kill {
            kill.asked = Some(self.now.at);
            kill.listed.clear();
        }
        self.venue.say(self.now, Intent::OpenOrders(Path::Http), &mut self.out);
        self.drain();
    }

    /// On a session-bound venue closing is the trip, which is what is wanted now.
    fn drop_for_kill(&mut self) {
        let due = self.session_bound() && self.link.is_some();
        let Some(kill) = self.kill.as_mut().filter(|kill| due && kill.report.dropped.is_none()) else { return };
        kill.report.dropped = Some(self.now.at);
        kill.settled.get_or_insert(self.now.at);
        self.hang_up(LossCause::OnPurpose);
    }
}

impl Kill {
    fn new(reason: &str, now: Moment) -> Self {
        let report = KillReport {
            reason: reason.to_owned(),
            began: now,
            link: KillPath::default(),
            http: KillPath::default(),
            dropped: None,
            proven: None,
            left: Vec::new(),
            ended: now,
            refusal: None,
        };
        Self { report, settled: None, asked: None, listed: Vec::new(), pause: FIRST_LOOK }
    }

    fn acknowledged(&mut self, path: Path, count: Option<u64>, now: Moment) {
        self.settled.get_or_insert(now);
        let path = match path {
            Path::Link => &mut self.report.link,
            Path::Http => &mut self.report.http,
        };
        path.acknowledged.get_or_insert(now);
        if let Some(count) = count {
            path.cancelled = Some(path.cancelled.unwrap_or(0) + count);
        }
    }

    fn list(&mut self, orders: Vec<OpenOrder>) {
        let room = LEFT_MAX.saturating_sub(self.listed.len());
        self.listed.extend(orders.into_iter().take(room).map(|order| LeftOrder {
            order_id: order.order_id,
            client_id: order.client_id,
            instrument: order.instrument,
        }));
    }

    /// Looks come ever further apart: venues count them, and the first ones matter most.
    fn next_look(&mut self, now: Moment) -> Moment {
        self.pause = (self.pause * 2).min(LOOKS_APART_MAX);
        (now + self.pause).min(self.report.began + GIVE_UP_AFTER)
    }
}
