//! The machine stood still with all its clocks: noticed by the venue's stamps (`parts/pace`), because nothing of ours could
//! show it. What follows is what follows a stall that our own clock saw: the claim is withdrawn, only evidence asked for
//! from here on brings it back, and a switch that went on meanwhile is taken for that much further.
//!
//! A venue whose clock was set forward looks the same. So nothing is closed, cancelled or killed for it, and a lease does
//! not lapse by it: its budget is counted on this machine's clock, on which nobody was late.

use super::Session;
use crate::model::{EventKind, Moment, SwitchKind};
use crate::parts::{Deadline, Standstill};
use crate::venue::{Stamp, Venue};
use std::time::Duration;

/// An answer to what was said before a standstill is still possible for this long, on our clock: longer than the session
/// waits for any.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// The last standstill, with those shortly before it: when it was noticed, and how long it was at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noticed {
    at: Moment,
    at_most: Duration,
}

impl<V: Venue> Session<V> {
    /// The venue's time arrived. It is looked at before anything else that its message says.
    pub(super) fn stamped(&mut self, stamp: Stamp) {
        let Some(asked) = stamp.asked.or_else(|| self.last_proof()) else { return };
        if let Some(standstill) = self.pace.hear(self.now.at, stamp.millis, asked, self.policy.stall_limit)
            && self.standing.running()
        {
            self.stood_still(standstill);
        }
    }

    /// A moment of our clock as it is to be taken by whoever reckons with the venue's time: what was said before a
    /// standstill was noticed may have reached the venue that much earlier than our clock makes believe.
    pub(super) fn further_back(&self, moment: Moment) -> Moment {
        match self.standstill {
            Some(noticed) if moment < noticed.at => moment - noticed.at_most,
            Some(_) | None => moment,
        }
    }

    /// A message that names nothing it answers is younger than what was heard before it on the same link, and that is
    /// younger than the question which it answered.
    fn last_proof(&self) -> Option<Moment> {
        let link = self.link.as_ref()?;
        Some(link.pulse.liveness.proven().map_or(link.began, |proven| proven.max(link.began)))
    }

    fn stood_still(&mut self, standstill: Standstill) {
        let Standstill { at_least, at_most } = standstill;
        let before = self.standstill.filter(|noticed| self.now.at.since(noticed.at) < ANSWERS_WITHIN);
        let together = before.map_or(at_most, |noticed| noticed.at_most.saturating_add(at_most));
        self.standstill = Some(Noticed { at: self.now.at, at_most: together });
        self.move_switch(at_least, at_most);
        if let Some(at) = self.deadlines.when(Deadline::Renew) {
            self.deadlines.set(Deadline::Renew, (at - at_least).max(self.now.at));
        }
        self.doubt("the venue's clock says that this machine stood still");
        self.tell(EventKind::Stalled { late: at_least });
    }

    /// The venue's switch did not stand still.
    fn move_switch(&mut self, at_least: Duration, at_most: Duration) {
        self.switch.went_on(at_least, at_most);
        for (deadline, bound) in [
            (Deadline::TripEarly, self.switch.bounds().map(|bounds| bounds.earliest)),
            (Deadline::TripLate, self.switch.bounds().map(|bounds| bounds.latest)),
        ] {
            if self.deadlines.when(deadline).is_some() {
                self.deadlines.put(deadline, bound);
            }
        }
        // Only there is it reckoned from a proof when the switch fires. Of a session-bound link the same proof says how
        // long it is kept although it is dead, and nobody's clock may shorten that.
        if let Some(link) = self.link.as_mut().filter(|_| self.venue.facts().kind == SwitchKind::GraceAfterDrop) {
            link.pulse.liveness.stood_still(at_most);
        }
    }
}
