//! What arrived and what it means: lines, pongs, HTTP answers, and what the dialect reports of them.

use super::link::GuardLink;
use super::queue::Queued;
use super::refusals::{FATAL_PAUSE, MAINTENANCE_PAUSE, RECHECK};
use super::{Deadline, Session};
use crate::model::{
    Breach, CallTag, Epoch, EventKind, Evidence, LinkRole, LossCause, Moment, Notice, Occasion, ReadBackVerdict,
    Refusal, RefusalClass, Step, SwitchKind, Trip,
};
use crate::venue::{CallReply, Errand, Heard, Report, Venue, json};
use std::time::Duration;

impl<V: Venue> Session<V> {
    pub(super) fn line(&mut self, epoch: Epoch, text: &str) {
        let role = match (self.live(LinkRole::Guard), self.live(LinkRole::Trade)) {
            (Some(guard), _) if guard == epoch => LinkRole::Guard,
            (_, Some(trade)) if trade == epoch => LinkRole::Trade,
            _ => return self.count_if_stale(epoch),
        };
        if role == LinkRole::Guard && self.link.as_ref().is_some_and(|link| link.talk().is_none()) {
            return;
        }
        let heard = match json::is_too_deep(text) {
            true => Err(Breach { what: "a message nested deeper than 32 levels" }),
            false => self.venue.hear(self.now, role, text, &mut self.out),
        };
        match heard {
            Ok(heard) => {
                self.learn_of_orders(role, epoch, text, heard);
                self.deliver(role, heard, text);
            }
            Err(breach) => self.breached(role, breach),
        }
        self.drain();
    }

    pub(super) fn pong(&mut self, epoch: Epoch, nonce: u64) {
        if let Some(link) = self.link.as_mut().filter(|link| link.epoch == epoch) {
            link.pulse.liveness.pong(self.now.at, nonce);
        } else if self.live(LinkRole::Trade) == Some(epoch) {
            self.trade.pong(self.now.at, nonce);
        } else {
            self.count_if_stale(epoch);
        }
    }

    pub(super) fn answered(&mut self, tag: CallTag, reply: CallReply<'_>) {
        if self.standing.ended() {
            // A dialect would go on calling, and nobody is left who would use it.
            return;
        }
        // A dialect must hear that its call is over, or it would wait for ever.
        let reply = match reply {
            CallReply::Got { body, .. } if json::is_too_deep(body) => CallReply::Failed(LossCause::Breach),
            CallReply::Got { .. } | CallReply::Failed(_) => reply,
        };
        if let Err(breach) = self.venue.hear_reply(self.now, tag, reply, &mut self.out) {
            self.breached(LinkRole::Guard, breach);
        }
        self.drain();
    }

    pub(super) fn count_if_stale(&mut self, epoch: Epoch) {
        let known = [self.live(LinkRole::Guard), self.live(LinkRole::Trade), self.standby.map(|s| s.epoch)];
        if !known.contains(&Some(epoch)) {
            self.stale_inputs += 1;
        }
    }

    pub(super) fn report(&mut self, report: Report) {
        match report {
            Report::Done(step) => self.step_done(step),
            Report::TradeReady => self.trade_ready(),
            Report::Fed { sent } => self.fed(sent),
            Report::ReadBack(verdict) => self.read_back(verdict),
            Report::ProbeAnswered(LinkRole::Guard) => self.probe_answered(),
            Report::ProbeAnswered(LinkRole::Trade) => self.trade.venue_answered(),
            Report::VenueSpoke => self.venue_spoke(),
            Report::Refused(refusal) => self.refused(refusal),
            Report::TradeRefused(refusal) => self.trade_refused(refusal),
            Report::FeedRefused(refusal) => self.feed_refused(refusal),
            Report::RateLimited(pause) => self.rate_limited(pause),
            Report::ClockOffset(millis) => self.clock_offset(millis),
            Report::Notice(notice) => self.notice(notice),
            Report::CallMeBack { after, errand } => self.call_back(after, errand),
            Report::TripTold(venue_time) => self.trip_told(venue_time),
            Report::Disarmed => self.disarmed(),
            Report::FarewellDone { confirmed } => self.farewell_done(confirmed),
            Report::CancelledAll { path, count } => {
                self.cancelled_all(path, count);
                self.abort_after_cancel_all(path);
            }
            Report::OpenOrders { path, asked, orders, complete } => self.open_orders(path, asked, orders, complete),
            Report::Unlisted { asked, refusal } => self.unlisted(asked, refusal),
        }
    }

    fn deliver(&mut self, role: LinkRole, heard: Heard, text: &str) {
        match heard {
            Heard::Ours => {}
            Heard::Answer(request) if self.hear_sticky(request, text) => {}
            Heard::Answer(request) => {
                self.pending.remove(&request);
                self.queue.push(Queued::Deliver { role, answers: Some(request) });
            }
            Heard::Application => self.queue.push(Queued::Deliver { role, answers: None }),
        }
    }

    /// A message that cannot be right. Closing a session-bound link would cancel a healthy book over it, so an armed one
    /// is verified instead; everywhere else a new link costs nothing.
    fn breached(&mut self, role: LinkRole, breach: Breach) {
        self.fail(breach.clone().into());
        self.tell(EventKind::Error { report: breach.into() });
        match role {
            LinkRole::Guard if self.link.as_ref().is_some_and(GuardLink::is_armed) && self.session_bound() => {
                self.doubt("the venue said something that cannot be right");
            }
            LinkRole::Guard => self.hang_up(LossCause::Breach),
            LinkRole::Trade => self.trade_hang_up(LossCause::Breach),
        }
    }

    fn step_done(&mut self, step: Step) {
        let Some(talk) = self.link.as_mut().and_then(GuardLink::talk_mut) else { return };
        let armed = talk.armed_at.is_some();
        talk.done.insert(step);
        self.tell(EventKind::StepDone { step });
        if armed {
            return self.armed_again(step);
        }
        // A dialect that waits for a setting to act has been given longer; that is not shortened.
        let next = self.now.at + self.policy.step_deadline;
        self.deadlines.set(Deadline::Step, self.deadlines.when(Deadline::Step).map_or(next, |at| at.max(next)));
        self.arm_if_complete();
    }

    /// Every required step was acknowledged, and every sticky subscription answered.
    pub(super) fn arm_if_complete(&mut self) {
        let waits = self.link.as_ref().is_some_and(|link| !link.is_armed());
        if waits && self.complete() && self.stickies_are_settled() {
            self.became_armed();
        }
    }

    /// Every step the venue requires was acknowledged in this epoch.
    fn became_armed(&mut self) {
        let Some(link) = &mut self.link else { return };
        let (epoch, began) = (link.epoch, link.began);
        if let Some(talk) = link.talk_mut() {
            talk.armed_at = Some(self.now.at);
        }
        link.pulse.liveness.venue_spoke(self.now.at);
        self.deadlines.stop(Deadline::Step);
        self.standing.refused = false;
        self.redial.succeeded();
        self.proven(self.evidence_of_arming());
        if self.venue.facts().kind != SwitchKind::Countdown {
            self.stand(epoch);
        }
        self.keep();
        self.restate();
        self.tell(EventKind::SwitchArmed {
            evidence: self.standing.evidence,
            coverage: self.venue.facts().coverage.clone(),
            exposure: self.venue.facts().exposure,
            trip: self.switch.bounds(),
            took: self.now.at.since(began),
        });
        self.want_audit(Occasion::Armed);
        self.trade_want_dial();
    }

    /// A switch that watches the link stands from now on; it may have fired since the last link.
    fn stand(&mut self, epoch: Epoch) {
        self.deadlines.stop(Deadline::TripLate);
        if let Some(how) = self.switch.armed(epoch, self.now.at) {
            self.tripped(how);
        }
        self.standing.armed_on = epoch;
    }

    /// The switch was put on again on a live link.
    fn armed_again(&mut self, step: Step) {
        let Some(epoch) = self.live(LinkRole::Guard) else { return };
        match step {
            Step::Switch => {
                self.end_maintenance();
                if self.venue.facts().kind != SwitchKind::Countdown
                    && !matches!(self.switch, crate::parts::Switch::Standing { .. })
                {
                    self.stand(epoch);
                }
                self.proven(Evidence::Acknowledged);
            }
            Step::ReadBack => self.proven(Evidence::ReadBack),
            Step::Login | Step::Heartbeat | Step::Window | Step::Subscription | Step::Ping | Step::Token => {}
        }
    }

    fn fed(&mut self, sent: Moment) {
        let Some(rule) = self.venue.facts().feed else { return };
        let Some(talk) = self.link.as_mut().and_then(GuardLink::talk_mut) else { return };
        let next = talk.cadence.as_mut().map(|cadence| cadence.acknowledged(sent));
        talk.feed_overdue = false;
        self.standing.doubts.feed = None;
        self.deadlines.stop(Deadline::FeedAnswer);
        self.deadlines.put(Deadline::Feed, next);
        let epoch = self.live(LinkRole::Guard).unwrap_or_default();
        if let Some(how) = self.switch.fed(self.further_back(sent), self.now.at, rule.window, rule.rounding) {
            self.tripped(how);
        }
        self.standing.armed_on = epoch;
        self.proven(Evidence::Acknowledged);
        self.vouch(sent);
        if let Some(trip) = self.switch.bounds() {
            self.deadlines.set(Deadline::TripEarly, trip.earliest);
            self.deadlines.set(Deadline::TripLate, trip.latest);
            self.tell(EventKind::Fed { trip });
        }
    }

    fn feed_refused(&mut self, refusal: Refusal) {
        let armed = self.link.as_ref().is_some_and(GuardLink::is_armed);
        if !armed {
            return self.refused(refusal);
        }
        if let Some(cadence) = self.link.as_mut().and_then(GuardLink::talk_mut).and_then(|talk| talk.cadence.as_mut()) {
            cadence.refused();
        }
        let pause = match refusal.class {
            RefusalClass::Fatal => FATAL_PAUSE,
            RefusalClass::Maintenance | RefusalClass::RateLimit => MAINTENANCE_PAUSE,
            RefusalClass::Clock | RefusalClass::Retry | RefusalClass::Session => RECHECK,
        };
        self.standing.doubts.feed = Some("a feed was refused");
        self.deadlines.stop(Deadline::FeedAnswer);
        self.deadlines.set(Deadline::Feed, self.now.at + pause);
        self.tell_refusal(refusal);
    }

    fn read_back(&mut self, verdict: ReadBackVerdict) {
        let on_link = self.session_bound();
        let Some(link) = &mut self.link else { return };
        link.pulse.venue_answered(on_link);
        let asked = link.talk_mut().and_then(|talk| talk.read_back_asked.take());
        self.tell(EventKind::ReadBack { verdict });
        match verdict {
            ReadBackVerdict::Agrees => {
                self.standing.doubts.read_back = None;
                // Not every venue announces its return; one that is down answers with an error.
                self.standing.venue_down = false;
                self.proven(Evidence::ReadBack);
                if let Some(asked) = asked.filter(|_| self.session_bound()) {
                    self.vouch(asked);
                }
            }
            ReadBackVerdict::Disagrees if !self.standing.off_on_purpose() => self.arm_again_after_disagreement(),
            ReadBackVerdict::Disagrees => {}
        }
    }

    /// Somebody took the switch off, or the acknowledgement was false: claim nothing, arm again, and read back soon.
    fn arm_again_after_disagreement(&mut self) {
        if !self.link.as_ref().is_some_and(GuardLink::is_armed) {
            return;
        }
        let again = self.standing.doubts.read_back.is_some();
        let pause = if again { self.policy.venue_probe_every } else { RECHECK };
        self.standing.doubts.read_back = Some("the venue says the switch is not on");
        self.standing.unproven();
        self.restate();
        self.venue.say(self.now, crate::venue::Intent::Rearm, &mut self.out);
        self.deadlines.set(Deadline::ReadBack, self.now.at + pause);
    }

    fn probe_answered(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.pulse.liveness.venue_answered();
        let asked = link.talk_mut().and_then(|talk| talk.probe_asked.take());
        if let Some(asked) = asked.filter(|_| self.venue.facts().kind == SwitchKind::GraceAfterDrop) {
            self.vouch(asked);
        }
    }

    fn venue_spoke(&mut self) {
        // Some venues speak by themselves only once something is subscribed: silence counts from armed on.
        if let Some(link) = self.link.as_mut().filter(|link| link.is_armed()) {
            link.pulse.liveness.venue_spoke(self.now.at);
        }
    }

    fn clock_offset(&mut self, millis: i64) {
        self.standing.clock_offset_ms = Some(millis);
        self.tell(EventKind::ClockOffset { millis });
    }

    fn notice(&mut self, notice: Notice) {
        let was_down = self.standing.venue_down;
        match &notice {
            Notice::Maintenance { active, .. } => self.standing.venue_down = *active,
            Notice::Online => self.standing.venue_down = false,
            Notice::Limited { .. } | Notice::DisconnectWarning { .. } => {}
        }
        self.tell(EventKind::VenueNotice { notice });
        let soon = self.now.at + MAINTENANCE_PAUSE;
        if self.standing.venue_down && self.deadlines.when(Deadline::ReadBack).is_some_and(|at| at > soon) {
            // Not every venue announces its return: this one is asked before the next read-back would be due.
            self.deadlines.set(Deadline::ReadBack, soon);
        }
        if was_down && !self.standing.venue_down && self.venue.facts().kind == SwitchKind::Countdown {
            self.countdown_ran_through_maintenance();
        }
    }

    /// A countdown that was running while the engine was down cancels everything when the engine comes back, and a feed that
    /// was said before that may be acknowledged after it: only a later one proves that the countdown runs again.
    fn countdown_ran_through_maintenance(&mut self) {
        if let Some(how) = self.switch.trip(Trip::Presumed) {
            self.tripped(how);
        }
        self.doubt("the venue came back, and a countdown that ran through its maintenance has ended");
    }

    fn call_back(&mut self, after: Duration, errand: Errand) {
        let at = self.now.at + after;
        let deadline = match errand {
            Errand::HoldOff => Deadline::HoldOff,
            Errand::Renew => Deadline::Renew,
            Errand::Retry => Deadline::Retry,
        };
        self.deadlines.set(deadline, at);
        if self.deadlines.when(Deadline::Step).is_some() && errand != Errand::Renew {
            self.deadlines.set(Deadline::Step, at + self.policy.step_deadline);
        }
    }

    fn trip_told(&mut self, venue_time: Option<crate::model::WallTime>) {
        if let Some(how) = self.switch.trip(Trip::Told { venue_time }) {
            self.tripped(how);
        }
    }
}
