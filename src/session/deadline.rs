//! What the expiry of each deadline does: one `match`, every deadline of a guard on one screen. Keeping (ping, probe,
//! read back, feed) is here too, because it is what deadlines are for.

use super::contract::HangUp;
use super::link::{GuardLink, venue_probe_period};
use super::queue::Queued;
use super::{Deadline, Session};
use crate::model::{EventKind, LinkRole, LossCause, SwitchKind};
use crate::venue::{Errand, Intent, Venue};

/// Deadlines handled in one tick; more than there are kinds would mean that one re-arms itself in the past.
const EXPIRIES_MAX: usize = 2 * Deadline::ALL.len();

impl<V: Venue> Session<V> {
    pub(super) fn expire_all(&mut self) {
        for _ in 0..EXPIRIES_MAX {
            let Some(deadline) = self.deadlines.take_expired(self.now.at) else { return };
            self.expire(deadline);
            self.drain();
        }
    }

    fn expire(&mut self, deadline: Deadline) {
        match deadline {
            // Leases are judged before every input; the deadline only makes sure that there is one.
            Deadline::Lease => {}
            Deadline::LeaseAbort => self.abort_links(),
            Deadline::Dial => self.want_dial(),
            Deadline::Settle => self.begin(),
            Deadline::Step => self.arm_overdue(),
            Deadline::Probe => self.probe(),
            // Judging follows every tick; the deadline only makes sure that there is one.
            Deadline::Judge => {}
            Deadline::VenueProbe => self.venue_probe(),
            Deadline::ReadBack => self.ask_read_back(),
            Deadline::Feed => self.feed(),
            Deadline::FeedAnswer => self.feed_unanswered(),
            Deadline::TripEarly => self.standing.doubts.feed = Some("the countdown may have ended"),
            Deadline::TripLate => self.trip_late(),
            Deadline::Abandon => self.abandon_if_due(),
            Deadline::HoldOff => self.run_errand(Errand::HoldOff),
            Deadline::Renew => self.run_errand(Errand::Renew),
            Deadline::Retry => self.run_errand(Errand::Retry),
            Deadline::Kill => self.go_on_killing(),
            Deadline::Audit => self.audit(),
            Deadline::Sticky => self.stickies_overdue(),
            Deadline::Farewell => self.farewell_unconfirmed(),
            Deadline::TradeDial => self.trade_want_dial(),
            Deadline::TradeStep => self.trade_hang_up(LossCause::ArmTimeout),
            Deadline::TradeProbe => self.trade_probe(),
            Deadline::TradeVenueProbe => self.trade_venue_probe(),
        }
    }

    /// The switch is on: starts everything that keeps and checks it.
    pub(super) fn keep(&mut self) {
        let facts = self.venue.facts();
        let probe_every = venue_probe_period(&self.policy, facts);
        let read_back = facts.can_read_back.then(|| self.now.at + self.policy.read_back_every);
        self.deadlines.set(Deadline::VenueProbe, self.now.at + probe_every);
        self.deadlines.put(Deadline::ReadBack, read_back);
        if self.deadlines.when(Deadline::Feed).is_none() {
            // The first feed of this epoch was acknowledged so late that the next fell due before anything was armed.
            self.feed();
        }
        if self.standing.doubts.unverified.is_some() {
            self.verify();
        }
    }

    /// Asks for the proof that this kind of switch needs after a doubt.
    pub(super) fn verify(&mut self) {
        self.probe();
        match self.venue.facts().kind {
            SwitchKind::SessionBound => self.ask_read_back(),
            SwitchKind::GraceAfterDrop => self.venue_probe(),
            SwitchKind::Countdown => self.feed(),
        }
        self.drain();
    }

    /// A protocol ping on the guarding link.
    pub(super) fn probe(&mut self) {
        let Some(link) = &mut self.link else { return };
        let nonce = link.pulse.liveness.ping(self.now.at);
        self.queue.push(Queued::Ping { epoch: link.epoch, nonce });
        self.deadlines.set(Deadline::Probe, self.now.at + self.policy.probe_every);
    }

    fn venue_probe(&mut self) {
        let period = venue_probe_period(&self.policy, self.venue.facts());
        let Some(link) = self.link.as_mut().filter(|link| link.is_armed()) else { return };
        self.deadlines.set(Deadline::VenueProbe, self.now.at + period);
        link.pulse.liveness.venue_asked(self.now.at);
        if let Some(talk) = link.talk_mut() {
            talk.probe_asked.get_or_insert(self.now.at);
        }
        self.venue.say(self.now, Intent::Probe(LinkRole::Guard), &mut self.out);
    }

    fn ask_read_back(&mut self) {
        if !self.venue.facts().can_read_back {
            return;
        }
        let Some(link) = self.link.as_mut().filter(|link| link.is_armed()) else { return };
        let every = if self.standing.venue_down { self.policy.venue_probe_every } else { self.policy.read_back_every };
        self.deadlines.set(Deadline::ReadBack, self.now.at + every);
        link.pulse.liveness.venue_asked(self.now.at);
        if let Some(talk) = link.talk_mut() {
            talk.read_back_asked.get_or_insert(self.now.at);
        }
        self.venue.say(self.now, Intent::ReadBack, &mut self.out);
    }

    /// One more window, unless one is being asked for already. While the application wants the switch off and the venue
    /// has not confirmed it, that is asked again instead: an unfed countdown would cancel what is to be kept.
    pub(super) fn feed(&mut self) {
        match &self.standing.maintenance {
            Some(maintenance) if maintenance.disarmed => return,
            Some(_) => return self.ask_disarm(),
            None => {}
        }
        let Some(link) = self.link.as_mut().filter(|link| link.is_armed()) else { return };
        let Some(cadence) = link.talk_mut().and_then(|talk| talk.cadence.as_mut()) else { return };
        if cadence.say(self.now.at) {
            self.venue.say(self.now, Intent::Feed, &mut self.out);
            self.deadlines.set(Deadline::FeedAnswer, self.now.at + self.policy.step_deadline);
        }
    }

    /// Asks for the switch to be taken off, and again after a while as long as the venue has not confirmed it.
    pub(super) fn ask_disarm(&mut self) {
        self.venue.say(self.now, Intent::Disarm, &mut self.out);
        self.deadlines.set(Deadline::Feed, self.now.at + self.policy.step_deadline);
    }

    /// A feed went unanswered: at the first deadline it is doubted, at the second the link is given up, which on a
    /// countdown costs nothing.
    fn feed_unanswered(&mut self) {
        let Some(talk) = self.link.as_mut().and_then(GuardLink::talk_mut) else { return };
        if std::mem::replace(&mut talk.feed_overdue, true) {
            return self.hang_up(LossCause::Silent);
        }
        self.standing.doubts.feed = Some("a feed is not acknowledged");
        self.deadlines.set(Deadline::FeedAnswer, self.now.at + self.policy.step_deadline);
    }

    fn arm_overdue(&mut self) {
        if self.link.as_ref().is_some_and(|link| !link.is_armed()) {
            self.hang_up(LossCause::ArmTimeout);
        }
    }

    fn trip_late(&mut self) {
        if let Some(how) = self.switch.expire(self.now.at) {
            self.tripped(how);
        }
    }

    fn run_errand(&mut self, errand: Errand) {
        self.venue.say(self.now, Intent::Errand(errand), &mut self.out);
    }

    /// The venue did not confirm the farewell. Nothing is closed: dropping the link now could fire the switch that the
    /// caller wanted to take off. The guard goes on guarding, and the caller decides.
    fn farewell_unconfirmed(&mut self) {
        if let Some(reason) = self.standing.farewell.take() {
            self.tell(EventKind::Farewell { reason, confirmed: false });
            self.doubt("a farewell was not confirmed");
        }
    }

    /// Ends everything at once, without disarming.
    pub(super) fn end(&mut self, how: HangUp) {
        self.end_kill();
        self.standing.end();
        self.standing.unproven();
        self.deadlines.stop_all();
        self.give_up_spare();
        self.trade_end();
        if let Some(epoch) = self.live(LinkRole::Guard) {
            self.queue.push(Queued::HangUp { epoch, how });
            self.lose_pending(epoch);
            self.venue.forget(LinkRole::Guard);
            self.link = None;
        }
    }
}
