//! When a link is wanted, and what becomes of dials. Fresh attempts are made side by side, because one that is stuck
//! must not keep a healed path waiting; the first to succeed is used, the others are given up.

use super::contract::HangUp;
use super::link::{GuardLink, Pulse, Stage, Talk};
use super::queue::Queued;
use super::{Deadline, Dial, Session};
use crate::model::{Epoch, EventKind, LinkRole, Loss, LossCause, Moment, SwitchKind, Trip, TripBounds};
use crate::parts::Verdict;
use crate::venue::Venue;
use std::time::Duration;

/// Dials of the guarding role that may be under way at once.
const DIALS_MAX: usize = 4;
/// A dial that has not come back after this is joined by another: it may be slow, or stuck for a quarter of a minute.
const DIAL_PATIENCE: Duration = Duration::from_millis(950);

impl<V: Venue> Session<V> {
    /// A dial may be wanted: makes it now, or sets the deadline for it.
    pub(super) fn want_dial(&mut self) {
        if !self.dial_is_wanted() {
            return self.deadlines.stop(Deadline::Dial);
        }
        if self.dials.len() >= DIALS_MAX {
            // The first of them to fail asks again.
            return self.deadlines.stop(Deadline::Dial);
        }
        let patience = self.dials.last().map_or(self.now.at, |dial| dial.began + DIAL_PATIENCE);
        let at = self.dial_limit.ready_at(self.redial.next(self.now.at)).max(patience);
        if at > self.now.at {
            return self.deadlines.set(Deadline::Dial, at);
        }
        self.dial();
    }

    fn dial_is_wanted(&self) -> bool {
        if !self.standing.running() || self.leases.are_over() || self.standing.off_on_purpose() && self.link.is_none() {
            return false;
        }
        let spare_wanted =
            || self.standby.is_none() && self.link.as_ref().is_some_and(|l| l.pulse.verdict != Verdict::Fresh);
        self.link.is_none() || spare_wanted()
    }

    fn dial(&mut self) {
        let epoch = self.next_epoch();
        let standby = self.link.is_some();
        self.dial_limit.take(self.now.at);
        self.redial.begin(self.now.at, self.dial_limit.is_scarce(self.now.at));
        self.dials.push(Dial { epoch, began: self.now.at });
        self.queue.push(Queued::Dial { epoch, role: LinkRole::Guard });
        self.tell(EventKind::Dialling { role: LinkRole::Guard, epoch, standby });
        self.want_another_later();
    }

    fn want_another_later(&mut self) {
        let at = self.redial.next(self.now.at).max(self.now.at + DIAL_PATIENCE);
        self.deadlines.set(Deadline::Dial, at);
    }

    pub(super) fn dialled(&mut self, epoch: Epoch) {
        if self.trade.dialling(epoch) {
            return self.trade_dialled(epoch);
        }
        let Some(dial) = self.take_dial(epoch) else {
            self.stale_inputs += 1;
            return self.queue.push(Queued::HangUp { epoch, how: HangUp::Abort });
        };
        if self.link.is_none() {
            self.adopt(dial);
        } else if self.dial_is_wanted() {
            self.standby = Some(dial);
            self.give_up_dials();
            self.deadlines.stop(Deadline::Dial);
        } else {
            self.queue.push(Queued::HangUp { epoch, how: HangUp::Abort });
        }
    }

    pub(super) fn missed(&mut self, epoch: Epoch, cause: LossCause) {
        if self.trade.dialling(epoch) {
            return self.trade_lost(cause);
        }
        if self.take_dial(epoch).is_none() {
            self.stale_inputs += 1;
            return;
        }
        let loss = self.loss(LinkRole::Guard, cause);
        self.fail(loss.clone().into());
        self.tell(EventKind::LinkLost { epoch, loss });
        self.want_dial();
    }

    /// The loss as it is told: with the address that the link led to.
    pub(super) fn loss(&self, role: LinkRole, cause: LossCause) -> Loss {
        let address = self.venue.endpoint(role).map_or_else(String::new, |endpoint| endpoint.to_string());
        Loss { role, cause, address }
    }

    pub(super) fn lost(&mut self, epoch: Epoch, cause: LossCause) {
        if self.live(LinkRole::Guard) == Some(epoch) {
            self.drop_link(cause);
        } else if self.live(LinkRole::Trade) == Some(epoch) {
            self.trade_lost(cause);
        } else if self.standby.is_some_and(|standby| standby.epoch == epoch) {
            self.standby = None;
            self.want_dial();
        } else {
            self.stale_inputs += 1;
        }
    }

    /// Ends the guarding link ourselves. On a session-bound venue this is the trip.
    pub(super) fn hang_up(&mut self, cause: LossCause) {
        if let Some(epoch) = self.live(LinkRole::Guard) {
            self.queue.unsay(epoch);
            self.queue.push(Queued::HangUp { epoch, how: HangUp::Abort });
            self.drop_link(cause);
        }
    }

    /// A spare link is no longer needed: the old one lives.
    pub(super) fn give_up_spare(&mut self) {
        if let Some(standby) = self.standby.take() {
            self.queue.push(Queued::HangUp { epoch: standby.epoch, how: HangUp::Abort });
        }
        self.give_up_dials();
        self.deadlines.stop(Deadline::Dial);
    }

    pub(super) fn give_up_dials(&mut self) {
        for dial in std::mem::take(&mut self.dials) {
            self.queue.push(Queued::HangUp { epoch: dial.epoch, how: HangUp::Abort });
        }
    }

    /// The link has settled: the dialect says its first words.
    pub(super) fn begin(&mut self) {
        let facts = self.venue.facts();
        let Some(link) = &mut self.link else { return };
        link.stage = Stage::Talking(Talk::new(facts));
        let epoch = link.epoch;
        self.deadlines.set(Deadline::Step, self.now.at + self.policy.step_deadline);
        self.venue.begin(self.now, LinkRole::Guard, epoch, &mut self.out);
        self.drain();
    }

    fn adopt(&mut self, dial: Dial) {
        let Dial { epoch, began } = dial;
        self.give_up_dials();
        self.deadlines.stop(Deadline::Dial);
        let pulse = Pulse::new(epoch, &self.policy, self.venue.facts());
        self.link = Some(GuardLink::new(epoch, began, pulse));
        self.tell(EventKind::LinkUp { role: LinkRole::Guard, epoch, took: self.now.at.since(began) });
        self.probe();
        let settled = self.now.at + self.venue.facts().settle;
        if settled > self.now.at { self.deadlines.set(Deadline::Settle, settled) } else { self.begin() }
    }

    /// The guarding link is gone: nothing of its epoch remains, the switch goes on without us, and the spare takes over.
    fn drop_link(&mut self, cause: LossCause) {
        let Some(link) = self.link.take() else { return };
        let epoch = link.epoch;
        self.queue.unsay(epoch);
        self.venue.forget(LinkRole::Guard);
        self.stop_link_deadlines();
        self.lose_pending(epoch);
        let loss = self.loss(LinkRole::Guard, cause);
        if loss.cause != LossCause::OnPurpose {
            self.fail(loss.clone().into());
        }
        self.tell(EventKind::LinkLost { epoch, loss });
        self.stop_audit();
        self.lose_stickies();
        self.standing.unproven();
        if self.venue.facts().kind != SwitchKind::Countdown {
            // The next link says anew whether the venue is down; a countdown's venue says so in its first message, and
            // until then it matters that it was.
            self.standing.venue_down = false;
        }
        self.standing.doubts = super::standing::Doubts::default();
        if link.is_armed() {
            self.leave_switch(&link);
        }
        self.restate();
        match self.standby.take() {
            // Nobody listened to the spare: a venue that was down may have said there that it is back.
            Some(standby) if self.standing.venue_down => {
                self.queue.push(Queued::HangUp { epoch: standby.epoch, how: HangUp::Abort });
                self.want_dial();
            }
            Some(standby) if self.standing.running() => self.adopt(standby),
            Some(_) | None => self.want_dial(),
        }
    }

    /// What the venue does once contact is gone depends on the kind of switch.
    fn leave_switch(&mut self, link: &GuardLink) {
        let facts = self.venue.facts();
        match facts.kind {
            SwitchKind::SessionBound => {
                if let Some(how) = self.switch.trip(Trip::Presumed) {
                    self.tripped(how);
                }
            }
            SwitchKind::GraceAfterDrop => {
                let heard_us = link.pulse.liveness.proven().unwrap_or(link.began);
                let earliest = heard_us + facts.tolerance.unwrap_or_default();
                let latest = (self.now.at + facts.trips_within).max(earliest);
                self.switch.lost(TripBounds { earliest, latest });
                self.deadlines.set(Deadline::TripLate, latest);
            }
            SwitchKind::Countdown => self.switch.unfed(),
        }
    }

    fn stop_link_deadlines(&mut self) {
        for deadline in [
            Deadline::Settle,
            Deadline::Step,
            Deadline::Probe,
            Deadline::Judge,
            Deadline::VenueProbe,
            Deadline::ReadBack,
            Deadline::Feed,
            Deadline::FeedAnswer,
            Deadline::Abandon,
            Deadline::HoldOff,
            Deadline::Retry,
        ] {
            self.deadlines.stop(deadline);
        }
    }

    fn take_dial(&mut self, epoch: Epoch) -> Option<Dial> {
        let index = self.dials.iter().position(|dial| dial.epoch == epoch)?;
        Some(self.dials.remove(index))
    }

    /// The moment at which the venue must have tripped although we keep the dead link.
    pub(super) fn abandon_at(&self) -> Moment {
        let heard_us =
            self.link.as_ref().map_or(self.now.at, |link| link.pulse.liveness.proven().unwrap_or(link.began));
        heard_us + self.venue.facts().trips_within
    }
}
