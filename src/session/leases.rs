//! What leases mean for the guard. While every lease is kept, they change nothing. When one lapses, nothing that keeps
//! the venue's switch from firing is said any more in this life: the guard kills, aborts its links, and dials no more.
//! Beginning again is the application's decision, and takes a renewal of every lease made after it.

use super::queue::Queued;
use super::{Deadline, Session};
use crate::model::{EventKind, LeaseId, LeaseState, LeaseTerms, LinkRole, LossCause, Misuse, Moment, PageFault};
use crate::parts::{Lease, LeaseNews};
use crate::venue::{Path, Venue};
use std::time::Duration;

/// Leases of one guard.
const LEASES_MAX: usize = 16;
/// Renewing wakes nobody. While a first renewal is waited for, it is looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Links that wait for the acknowledgement of cancel-all are aborted this long after the lapse without it.
const ABORT_AFTER: Duration = Duration::from_millis(500);

/// Every lease of a guard, and whether they let it keep the switch.
#[derive(Debug, Default)]
pub(super) struct Leases {
    all: Vec<(LeaseId, Lease)>,
    keeping: Keeping,
}

/// Whether the switch is kept from firing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Keeping {
    /// It is.
    #[default]
    On,
    /// A lease lapsed: not any more.
    Lapsed,
    /// The application wants it again, and not every lease was renewed since.
    Resuming,
}

impl Leases {
    /// True when nothing may be said and no link may be dialled, because a lease lapsed.
    pub(super) const fn are_over(&self) -> bool {
        !matches!(self.keeping, Keeping::On)
    }

    /// True when no lease stands in the way of orders.
    pub(super) fn allow_orders(&self) -> bool {
        !self.are_over() && self.are_kept()
    }

    /// The first lease that was not renewed yet.
    pub(super) fn not_renewed(&self) -> Option<String> {
        let waits =
            |(id, lease): &(LeaseId, Lease)| Some(lease.describe(*id)).filter(|state| state.renewed_at.is_none());
        self.all.iter().find_map(waits).map(|state| state.terms.name().to_string())
    }

    /// Why nothing is kept, when nothing is.
    pub(super) const fn why_over(&self) -> Option<&'static str> {
        match self.keeping {
            Keeping::On => None,
            Keeping::Lapsed => Some("a lease lapsed"),
            Keeping::Resuming => Some("a lease lapsed, and not every lease was renewed since rearm()"),
        }
    }

    pub(super) fn describe(&self) -> Vec<LeaseState> {
        self.all.iter().map(|(id, lease)| lease.describe(*id)).collect()
    }

    fn are_kept(&self) -> bool {
        self.all.iter().all(|(_, lease)| lease.is_kept())
    }

    fn find(&mut self, id: LeaseId) -> Option<&mut Lease> {
        self.all.iter_mut().find(|(each, _)| *each == id).map(|(_, lease)| lease)
    }

    /// The first news anybody has at this moment.
    fn judge(&mut self, now: Moment) -> Option<(LeaseTerms, LeaseNews)> {
        self.all.iter_mut().find_map(|(_, lease)| Some((lease.terms().clone(), lease.judge(now)?)))
    }

    fn next(&self) -> Option<Moment> {
        self.all.iter().filter_map(|(_, lease)| lease.next()).min()
    }
}

impl<V: Venue> Session<V> {
    pub(super) fn add_lease(&mut self, id: LeaseId, terms: LeaseTerms) {
        if !self.standing.running() {
            return self.misuse(Misuse::NotApplicable { call: "lease", why: "the guard was not started" });
        }
        if self.leases.all.len() >= LEASES_MAX {
            return self.misuse(Misuse::NotApplicable { call: "lease", why: "a guard has 16 leases at most" });
        }
        self.leases.all.push((id, Lease::new(terms)));
    }

    /// The promise ends on purpose. A lapse is not undone by it.
    pub(super) fn close_lease(&mut self, id: LeaseId, reason: &str) {
        let Some(at) = self.leases.all.iter().position(|(each, _)| *each == id) else { return };
        let (_, lease) = self.leases.all.remove(at);
        self.tell(EventKind::LeaseClosed { lease: lease.terms().shared_name(), reason: reason.to_owned() });
        self.resume_if_renewed();
    }

    pub(super) fn renewed(&mut self, id: LeaseId, at: Moment, due: Moment) {
        let Some(lease) = self.leases.find(id) else {
            self.stale_inputs += 1;
            return;
        };
        let news = lease.renewed(at, due);
        let terms = lease.terms().clone();
        if let Some(news) = news {
            self.tell_of_lease(&terms, news);
        }
        self.resume_if_renewed();
    }

    /// Told, and no more: the lease lapses by its budget, as if nobody had renewed.
    pub(super) fn lease_doubted(&mut self, id: LeaseId, why: PageFault) {
        let Some(lease) = self.leases.find(id) else {
            self.stale_inputs += 1;
            return;
        };
        lease.doubted(why);
        let lease = lease.terms().shared_name();
        self.tell(EventKind::LeaseDoubted { lease, why });
    }

    /// Before anything else is handled: what would be said because of it might be a keepalive.
    pub(super) fn judge_leases(&mut self) {
        if !self.standing.running() {
            return;
        }
        while let Some((terms, news)) = self.leases.judge(self.now.at) {
            self.tell_of_lease(&terms, news);
            if let LeaseNews::Lapsed { .. } = news {
                self.lapsed(&terms);
            }
        }
    }

    /// When leases must be looked at again.
    pub(super) fn schedule_leases(&mut self) {
        if !self.standing.running() {
            return self.deadlines.stop(Deadline::Lease);
        }
        let look_by = self.now.at + LOOK_EVERY;
        let looking =
            self.leases.all.iter().any(|(_, lease)| lease.is_waiting()) || self.leases.keeping == Keeping::Resuming;
        let set = self.deadlines.when(Deadline::Lease).filter(|at| *at > self.now.at);
        let look = looking.then(|| set.map_or(look_by, |at| at.min(look_by)));
        self.deadlines.put(Deadline::Lease, look.into_iter().chain(self.leases.next()).min());
    }

    /// Cancel-all reached the venue on the link: it has no other purpose any more.
    pub(super) fn abort_after_cancel_all(&mut self, path: Path) {
        if path == Path::Link && self.leases.are_over() {
            self.abort_links();
        }
    }

    /// Every link ends here, unsent bytes thrown away.
    pub(super) fn abort_links(&mut self) {
        self.deadlines.stop(Deadline::LeaseAbort);
        self.hang_up(LossCause::OnPurpose);
        self.trade_hang_up(LossCause::OnPurpose);
    }

    /// The application decided to begin again: nothing is kept before every lease was renewed after this.
    pub(super) fn rearm_leases(&mut self) {
        if !self.leases.are_over() {
            return;
        }
        self.abort_links();
        self.leases.keeping = Keeping::Resuming;
        self.leases.all.iter_mut().for_each(|(_, lease)| lease.restart());
        self.resume_if_renewed();
    }

    fn tell_of_lease(&mut self, terms: &LeaseTerms, news: LeaseNews) {
        let lease = terms.shared_name();
        self.tell(match news {
            LeaseNews::Warning { silent } => EventKind::LeaseWarning { lease, silent },
            LeaseNews::Lapsed { late } => EventKind::LeaseLapsed { lease, late },
            LeaseNews::Renewed { gap } => EventKind::LeaseRenewed { lease, gap },
        });
    }

    /// Kill says cancel-all over every path first; what comes after it is not said.
    fn lapsed(&mut self, terms: &LeaseTerms) {
        self.standing.latched = true;
        if self.leases.keeping == Keeping::Lapsed {
            return;
        }
        self.leases.keeping = Keeping::Lapsed;
        self.restate();
        self.begin_kill(&format!("the lease {} lapsed", terms.name()));
        for role in [LinkRole::Guard, LinkRole::Trade] {
            if let Some(epoch) = self.live(role) {
                self.queue.push(Queued::Mute { epoch });
            }
        }
        self.queue.mute();
        self.give_up_spare();
        self.deadlines.stop(Deadline::TradeDial);
        if self.link.as_ref().is_some_and(super::GuardLink::is_armed) {
            self.deadlines.set(Deadline::LeaseAbort, self.now.at + ABORT_AFTER);
        } else {
            self.abort_links();
        }
    }

    fn resume_if_renewed(&mut self) {
        if self.leases.keeping != Keeping::Resuming || !self.leases.are_kept() {
            return;
        }
        self.leases.keeping = Keeping::On;
        self.queue.unmute();
        self.want_dial();
        self.trade_want_dial();
    }
}
