//! The venue said no. Before the switch is armed a refusal ends the attempt, and the next one waits as long as its class
//! asks for; afterwards it is doubted and verified. A venue that limits us is left alone as long as it says.

use super::link::GuardLink;
use super::{Deadline, Session};
use crate::model::{EventKind, LossCause, Refusal, RefusalClass};
use crate::venue::Venue;
use std::time::Duration;

/// A refusal that a person must resolve is asked again no sooner than this.
pub(super) const FATAL_PAUSE: Duration = Duration::from_secs(60);
/// A venue that is down is asked again no sooner than this.
pub(super) const MAINTENANCE_PAUSE: Duration = Duration::from_secs(5);
/// After a refusal while armed, the switch is read back this much later.
pub(super) const RECHECK: Duration = Duration::from_secs(1);

impl<V: Venue> Session<V> {
    /// The venue said no. Before the switch is armed this ends the attempt; afterwards it is doubted and verified.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        let class = refusal.class;
        self.note_refusal_of_kill(&refusal);
        self.tell_refusal(refusal);
        if self.link.as_ref().is_some_and(GuardLink::is_armed) {
            self.refused_while_armed();
        } else if class != RefusalClass::Session && self.kill.is_none() {
            self.refused_before_armed(class);
        }
    }

    /// A refusal answers whatever proof was asked for, and does not give it.
    fn refused_while_armed(&mut self) {
        let Some(talk) = self.link.as_mut().and_then(GuardLink::talk_mut) else { return };
        let (read_back, probe) = (talk.read_back_asked.take(), talk.probe_asked.take());
        if read_back.or(probe).is_none() {
            return;
        }
        let on_link = self.session_bound() || read_back.is_none();
        if let Some(link) = &mut self.link {
            link.pulse.venue_answered(on_link);
        }
        if self.venue.facts().can_read_back {
            self.standing.doubts.read_back = Some("the venue refused to say whether the switch is on");
            self.deadlines.set(Deadline::ReadBack, self.now.at + self.policy.venue_probe_every);
        } else {
            self.doubt("the venue refused a proof of life");
        }
    }

    fn refused_before_armed(&mut self, class: RefusalClass) {
        self.standing.refused |= class == RefusalClass::Fatal;
        self.redial.pause_until(self.now.at + pause_after(class));
        if self.link.is_some() {
            self.hang_up(LossCause::OnPurpose);
        } else {
            self.want_dial();
        }
    }

    pub(super) fn tell_refusal(&mut self, refusal: Refusal) {
        self.fail(refusal.clone().into());
        self.tell(EventKind::Refused { refusal });
    }

    pub(super) fn rate_limited(&mut self, pause: Duration) {
        self.redial.pause_until(self.now.at + pause);
        for deadline in [Deadline::VenueProbe, Deadline::ReadBack] {
            if let Some(at) = self.deadlines.when(deadline) {
                self.deadlines.set(deadline, at.max(self.now.at + pause));
            }
        }
        self.tell(EventKind::RateLimited { pause });
    }
}

/// How long a login that was refused in this way is left alone.
pub(super) fn pause_after(class: RefusalClass) -> Duration {
    match class {
        RefusalClass::Fatal => FATAL_PAUSE,
        RefusalClass::Maintenance | RefusalClass::RateLimit => MAINTENANCE_PAUSE,
        RefusalClass::Clock | RefusalClass::Retry | RefusalClass::Session => Duration::ZERO,
    }
}
