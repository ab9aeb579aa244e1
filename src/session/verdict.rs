//! What silence means for what we do. Suspect quickly, act slowly: on a session-bound venue closing *is* the trip, so a
//! dead link is kept until the venue must have tripped anyway; elsewhere a new link costs nothing.

use super::link::GuardLink;
use super::{Deadline, Session};
use crate::model::{Epoch, EventKind, LossCause};
use crate::parts::Verdict;
use crate::venue::Venue;
use std::time::Duration;

impl<V: Venue> Session<V> {
    pub(super) fn send_queue(&mut self, epoch: Epoch, stuck_for: Duration) {
        match self.link.as_mut().filter(|link| link.epoch == epoch) {
            Some(link) => link.pulse.liveness.queue_stuck(self.now.at, stuck_for),
            None => self.count_if_stale(epoch),
        }
    }

    /// Compares the verdict with the last one. A better one counts at once; a worse one only when everything that had
    /// arrived was looked at first, which is what a tick means.
    pub(super) fn judge(&mut self, judging: bool) {
        let Some(link) = &self.link else { return };
        let verdict = link.pulse.liveness.judge(self.now.at);
        let (old, new) = (link.pulse.verdict.rank(), verdict.rank());
        if new < old || new > old && judging {
            self.change_verdict(verdict);
        }
        let next = self.link.as_ref().and_then(|link| link.pulse.liveness.next_change(self.now.at));
        self.deadlines.put(Deadline::Judge, next);
    }

    fn change_verdict(&mut self, verdict: Verdict) {
        let Some(link) = &mut self.link else { return };
        let before = link.pulse.silence();
        link.pulse.verdict = verdict;
        match verdict {
            Verdict::Fresh => self.recovered(before.map_or(Duration::ZERO, |(silent, _)| silent)),
            Verdict::Suspect { silent, layer } => {
                // From dead back to suspect is a recovery that is not complete; nothing is told until it is.
                if before.is_none() {
                    self.tell(EventKind::Suspected { silent, layer });
                }
                self.restate();
                self.want_dial();
            }
            Verdict::Dead { silent, layer } => {
                let kept = self.session_bound() && link_is_armed(self.link.as_ref());
                self.tell(EventKind::LinkDead { silent, layer, kept });
                if kept { self.keep_dead_link() } else { self.hang_up(LossCause::Silent) }
            }
        }
    }

    fn recovered(&mut self, silent: Duration) {
        let was_abandoning = self.deadlines.when(Deadline::Abandon).is_some();
        self.deadlines.stop(Deadline::Abandon);
        self.tell(EventKind::Recovered { silent });
        self.give_up_spare();
        if was_abandoning {
            self.doubt("the link was dead and lives again");
        }
    }

    fn keep_dead_link(&mut self) {
        self.restate();
        self.deadlines.set(Deadline::Abandon, self.abandon_at().max(self.now.at));
        self.want_dial();
    }

    /// The venue must have closed and tripped by now, unless some layer has heard from it since: a link that still
    /// answers pings is kept however little else it says, because only closing it would cancel the orders.
    pub(super) fn abandon_if_due(&mut self) {
        let at = self.abandon_at();
        if at > self.now.at { self.deadlines.set(Deadline::Abandon, at) } else { self.hang_up(LossCause::Silent) }
    }
}

fn link_is_armed(link: Option<&GuardLink>) -> bool {
    link.is_some_and(GuardLink::is_armed)
}
