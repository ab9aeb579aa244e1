//! Cancel everything now, over every path at once, and prove it. Cancel-all leaves on the link and over HTTP in the same
//! breath; a session-bound link is then dropped, so that the switch acts too; and the venue's list of open orders is
//! read, over whatever path answers, until it is empty.
//!
//! An empty list proves nothing while an order of ours can still reach the venue after it was made. So a list counts
//! only when it was asked for after a cancel-all was acknowledged *and* every link that carries orders has either
//! acknowledged one, behind everything said before on it, or was dropped with what it had not delivered.

use super::{Deadline, Session};
use crate::model::{
    Epoch, EventKind, KillPath, KillReport, LeftOrder, LinkRole, LossCause, Misuse, Moment, Refusal, SwitchKind,
};
use crate::venue::{Intent, OpenOrder, Path, Venue};
use std::time::Duration;

/// The first look at the open orders comes this long after cancel-all was said; later ones ever further apart.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// Looks are never further apart than this.
const LOOKS_APART_MAX: Duration = Duration::from_secs(4);
/// A link that carries orders is dropped this long after cancel-all was said on it and not acknowledged. On a
/// session-bound venue that is the trip, which is wanted; a countdown does not mind.
const DROP_AFTER: Duration = Duration::from_millis(500);
/// A path that does not answer cancel-all within this is told again: the connection it went on may be dead.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A list of which nothing more came within this is asked for anew.
const LIST_PATIENCE: Duration = Duration::from_millis(1_500);
/// On a link the list may be what the venue has pushed so far (Kraken), which may be late. It proves this much later.
const PUSH_LAG: Duration = Duration::from_secs(1);
/// A kill that could not be proven by then is given up and says what is left.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// So many of the orders that are left are named.
const LEFT_MAX: usize = 1_000;

/// A kill under way.
pub(super) struct Kill {
    report: KillReport,
    /// From here on nothing that we said before can reach the venue: lists asked for later count as proof.
    settled: Option<Moment>,
    on_link: Reading,
    over_http: Reading,
    /// The link on which cancel-all was last said.
    said_on: Option<Epoch>,
    /// When cancel-all was last said over HTTP.
    said: Moment,
    pause: Duration,
}

/// Reading the open orders over one path.
#[derive(Default)]
struct Reading {
    /// When the list being read was asked for.
    asked: Option<Moment>,
    /// When something of it last came.
    heard: Moment,
    /// What it has named so far.
    listed: Vec<LeftOrder>,
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
        // It carries orders and no cancel-all. What it has not delivered yet must not arrive behind the proof.
        self.trade_hang_up(LossCause::OnPurpose);
        self.settle_kill();
        self.deadlines.set(Deadline::Kill, self.now.at + FIRST_LOOK);
    }

    /// Over both paths in the same breath. The link carries it only when the venue knows us there.
    fn say_cancel_all(&mut self) {
        self.say_cancel_all_on_link();
        let Some(kill) = &mut self.kill else { return };
        kill.said = self.now.at;
        kill.report.http.sent.get_or_insert(self.now.at);
        self.venue.say(self.now, Intent::CancelAll(Path::Http), &mut self.out);
        self.drain();
    }

    /// Once on each link: what was said on it stays in order. Not every venue has words for it.
    fn say_cancel_all_on_link(&mut self) {
        let Some(epoch) = self.link.as_ref().filter(|link| link.is_armed()).map(|link| link.epoch) else { return };
        self.venue.say(self.now, Intent::CancelAll(Path::Link), &mut self.out);
        let Some(kill) = self.kill.as_mut().filter(|_| !self.out.items().is_empty()) else { return };
        kill.said_on = Some(epoch);
        kill.report.link.sent.get_or_insert(self.now.at);
        self.drain();
    }

    pub(super) fn cancelled_all(&mut self, path: Path, count: Option<u64>) {
        let now = self.now.at;
        let Some(kill) = &mut self.kill else { return };
        kill.acknowledged(path, count, now);
        self.ledger.killed();
        if self.session_bound() {
            self.drop_for_kill();
        }
        self.settle_kill();
    }

    /// One part of the list of open orders.
    pub(super) fn open_orders(&mut self, path: Path, asked: Moment, orders: Vec<OpenOrder>, complete: bool) {
        let now = self.now.at;
        // A list that another look asked for, or nobody, says nothing about this one.
        let reading = self.kill.as_mut().map(|kill| kill.reading(path)).filter(|each| each.asked == Some(asked));
        let Some(reading) = reading else { return self.audit_listed(asked, orders, complete) };
        let Some(listed) = reading.hear(now, orders, complete) else { return };
        let Some(kill) = &mut self.kill else { return };
        kill.report.left = listed;
        kill.report.listed = Some(now);
        if !kill.report.left.is_empty() {
            self.say_cancel_all();
        } else if kill.is_proof(path, asked) {
            kill.report.proven = Some(now);
            self.end_kill();
        }
    }

    /// The list could not be had; the next look asks again.
    pub(super) fn unlisted(&mut self, asked: Moment, refusal: Refusal) {
        let readings = self.kill.as_mut().map(|kill| [&mut kill.over_http, &mut kill.on_link]);
        let failed = readings.into_iter().flatten().find(|reading| reading.asked == Some(asked));
        let Some(reading) = failed else { return self.audit_unlisted(asked, refusal) };
        reading.asked = None;
        self.note_refusal_of_kill(&refusal);
        self.tell_refusal(refusal);
    }

    /// The deadline of a kill: gives it up, drops the link, says it again, or looks again.
    pub(super) fn go_on_killing(&mut self) {
        let now = self.now.at;
        let Some(kill) = &mut self.kill else { return };
        let age = now.since(kill.report.began);
        if age >= GIVE_UP_AFTER {
            return self.end_kill();
        }
        let next = kill.next_look(now);
        self.deadlines.set(Deadline::Kill, next);
        if age >= DROP_AFTER {
            self.drop_for_kill();
        }
        self.settle_kill();
        self.repeat_what_is_unanswered();
        self.look();
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

    /// The connection may be dead, or the link be another one by now.
    fn repeat_what_is_unanswered(&mut self) {
        let epoch = self.live(LinkRole::Guard);
        if self.kill.as_ref().is_some_and(|kill| kill.report.link.acknowledged.is_none() && kill.said_on != epoch) {
            self.say_cancel_all_on_link();
        }
        let Some(kill) = &mut self.kill else { return };
        if kill.report.http.acknowledged.is_none() && self.now.at.since(kill.said) >= SAY_AGAIN_AFTER {
            kill.said = self.now.at;
            self.venue.say(self.now, Intent::CancelAll(Path::Http), &mut self.out);
            self.drain();
        }
    }

    /// Asks for the open orders over every path that is not just answering.
    fn look(&mut self) {
        for path in [Path::Http, Path::Link] {
            if path == Path::Link && !self.link_is_armed() {
                continue;
            }
            let now = self.now.at;
            if self.kill.as_mut().is_some_and(|kill| kill.reading(path).begin(now)) {
                self.venue.say(self.now, Intent::OpenOrders(path), &mut self.out);
                self.drain();
            }
        }
    }

    /// On a session-bound venue closing is the trip, which is what is wanted now. Elsewhere only a link that may still
    /// deliver an order is dropped: one that did not acknowledge cancel-all.
    fn drop_for_kill(&mut self) {
        let due = if self.session_bound() { self.link.is_some() } else { self.may_deliver() };
        let Some(kill) = self.kill.as_mut().filter(|kill| due && kill.report.dropped.is_none()) else { return };
        kill.report.dropped = Some(self.now.at);
        self.hang_up(LossCause::OnPurpose);
    }

    /// See the module documentation.
    fn settle_kill(&mut self) {
        let may_deliver = self.may_deliver();
        let Some(kill) = &mut self.kill else { return };
        let answered = kill.report.link.acknowledged.or(kill.report.http.acknowledged).or(kill.report.dropped);
        if answered.is_some() && !may_deliver {
            kill.settled.get_or_insert(self.now.at);
        }
    }

    /// True while an order that we said before the kill may still reach the venue. Orders go on the armed guarding link,
    /// except where a link of their own carries them, which the kill has dropped: on venues that grant a grace.
    fn may_deliver(&self) -> bool {
        let carries = self.link_is_armed() && self.venue.facts().kind != SwitchKind::GraceAfterDrop;
        let answered = |kill: &Kill| kill.report.dropped.or(kill.report.link.acknowledged).is_some();
        carries && !self.kill.as_ref().is_some_and(answered)
    }

    fn link_is_armed(&self) -> bool {
        self.link.as_ref().is_some_and(super::GuardLink::is_armed)
    }
}

impl Reading {
    /// False while a list is being read and goes on arriving.
    fn begin(&mut self, now: Moment) -> bool {
        if self.asked.is_some() && now.since(self.heard) < LIST_PATIENCE {
            return false;
        }
        self.asked = Some(now);
        self.heard = now;
        self.listed.clear();
        true
    }

    /// All of the list, once it is complete.
    fn hear(&mut self, now: Moment, orders: Vec<OpenOrder>, complete: bool) -> Option<Vec<LeftOrder>> {
        self.heard = now;
        let room = LEFT_MAX.saturating_sub(self.listed.len());
        self.listed.extend(orders.into_iter().take(room).map(|order| LeftOrder {
            order_id: order.order_id,
            client_id: order.client_id,
            instrument: order.instrument,
        }));
        if !complete {
            return None;
        }
        self.asked = None;
        Some(std::mem::take(&mut self.listed))
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
            listed: None,
            left: Vec::new(),
            ended: now,
            refusal: None,
        };
        let (on_link, over_http) = (Reading::default(), Reading::default());
        Self { report, settled: None, on_link, over_http, said_on: None, said: now, pause: FIRST_LOOK }
    }

    /// Whether an empty list that was asked for then proves that nothing is left.
    fn is_proof(&self, path: Path, asked: Moment) -> bool {
        let lag = match path {
            Path::Link => PUSH_LAG,
            Path::Http => Duration::ZERO,
        };
        self.settled.is_some_and(|settled| asked >= settled + lag)
    }

    fn reading(&mut self, path: Path) -> &mut Reading {
        match path {
            Path::Link => &mut self.on_link,
            Path::Http => &mut self.over_http,
        }
    }

    fn acknowledged(&mut self, path: Path, count: Option<u64>, now: Moment) {
        let path = match path {
            Path::Link => &mut self.report.link,
            Path::Http => &mut self.report.http,
        };
        path.acknowledged.get_or_insert(now);
        if let Some(count) = count {
            path.cancelled = Some(path.cancelled.unwrap_or(0) + count);
        }
    }

    /// Looks come ever further apart: venues count them, and the first ones matter most.
    fn next_look(&mut self, now: Moment) -> Moment {
        self.pause = (self.pause * 2).min(LOOKS_APART_MAX);
        let drop_at = Some(self.report.began + DROP_AFTER).filter(|at| *at > now);
        let give_up_at = self.report.began + GIVE_UP_AFTER;
        (now + self.pause).min(drop_at.unwrap_or(give_up_at)).min(give_up_at)
    }
}
