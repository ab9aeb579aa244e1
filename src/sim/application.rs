//! The application of a simulated guard: who renews which lease, with which token, until when. It keeps its own ledger of
//! what a renewal is worth, written from the sentence "a renewal counts when its token changed and the budget was not
//! used up", and from nothing else: the checker holds the guard against this ledger.

use crate::model::{LeaseId, LeaseTerms, Moment};
use std::time::Duration;

/// Every lease of one application.
#[derive(Clone, Debug, Default)]
pub struct Application {
    holders: Vec<Holder>,
}

/// How a holder behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
    /// Gets on, and says so.
    Renewing,
    /// Says that it lives, with the token of the last time: it does not get on.
    Repeating,
    /// Says nothing.
    Silent,
}

/// One lease, seen from its holder.
#[derive(Clone, Debug)]
struct Holder {
    id: LeaseId,
    budget: Duration,
    period: Duration,
    conduct: Conduct,
    next: Moment,
    /// The last renewal that counted.
    renewed_at: Option<Moment>,
    stalled_until: Moment,
    told: Option<(Moment, Moment)>,
}

impl Application {
    /// Takes a lease and renews it every `period`, which must be shorter than the budget, from `now` on.
    pub fn take(&mut self, id: LeaseId, terms: &LeaseTerms, period: Duration, now: Moment) {
        self.holders.push(Holder {
            id,
            budget: terms.budget(),
            period: period.min(terms.budget()).max(Duration::from_millis(1)),
            conduct: Conduct::Renewing,
            next: now,
            renewed_at: None,
            stalled_until: Moment::default(),
            told: None,
        });
    }

    /// How many leases there are.
    pub fn leases(&self) -> usize {
        self.holders.len()
    }

    /// From `now` on, one of them behaves differently.
    pub fn behave(&mut self, which: usize, conduct: Conduct, now: Moment) {
        self.advance(now);
        let Some(holder) = self.nth(which) else { return };
        if conduct == Conduct::Renewing && holder.conduct != Conduct::Renewing {
            holder.next = now;
        }
        holder.conduct = conduct;
    }

    /// One of them announces a stall.
    pub fn extend(&mut self, which: usize, by: Duration, now: Moment) {
        self.advance(now);
        let Some(holder) = self.nth(which) else { return };
        if holder.due().is_some_and(|due| now <= due) {
            holder.stalled_until = holder.stalled_until.max(now + by);
        }
    }

    /// One of them ends; its name.
    pub fn close(&mut self, which: usize) -> Option<LeaseId> {
        let index = which.checked_rem(self.holders.len())?;
        Some(self.holders.remove(index).id)
    }

    /// The whole process stood still until now: nobody renewed.
    pub fn stood_still(&mut self, until: Moment, lag: Duration) {
        self.holders.iter_mut().for_each(|holder| holder.next = holder.next.max(until + lag));
    }

    /// Every renewal that is due until now is made.
    pub fn advance(&mut self, now: Moment) {
        self.holders.iter_mut().for_each(|holder| holder.advance(now));
    }

    /// What one lease's cell shows that was not handed in yet.
    pub fn news(&mut self, index: usize) -> Option<(LeaseId, Moment, Moment)> {
        let holder = self.holders.get_mut(index)?;
        let shown = holder.renewed_at.zip(holder.due());
        let news = shown.filter(|_| shown != holder.told);
        holder.told = shown;
        news.map(|(at, due)| (holder.id, at, due))
    }

    /// A deliberate new beginning of this lease: the next renewal is the first, and whoever gets on makes it at once.
    pub fn restart(&mut self, id: LeaseId, now: Moment) {
        for holder in self.holders.iter_mut().filter(|holder| holder.id == id) {
            (holder.renewed_at, holder.stalled_until) = (None, Moment::default());
            (holder.next, holder.told) = (now, None);
        }
    }

    /// When the first of those that have lapsed by `now` lapsed.
    pub fn lapsed_at(&self, now: Moment) -> Option<Moment> {
        self.holders.iter().filter_map(Holder::due).filter(|due| now > *due).min()
    }

    /// True when every lease was renewed, and in time until now.
    pub fn keeps_all(&self, now: Moment) -> bool {
        self.holders.iter().all(|holder| holder.due().is_some_and(|due| now <= due))
    }

    fn nth(&mut self, which: usize) -> Option<&mut Holder> {
        let index = which.checked_rem(self.holders.len())?;
        self.holders.get_mut(index)
    }
}

impl Holder {
    fn due(&self) -> Option<Moment> {
        self.renewed_at.map(|at| (at + self.budget).max(self.stalled_until))
    }

    /// The renewals until now, all at once: between two of them lies the period, which is within the budget.
    fn advance(&mut self, now: Moment) {
        if self.next > now || self.conduct != Conduct::Renewing {
            return;
        }
        let more = now.since(self.next).as_nanos() / self.period.as_nanos();
        let last = self.next + self.period * u32::try_from(more).unwrap_or(u32::MAX);
        if self.due().is_none_or(|due| self.next <= due) {
            self.renewed_at = Some(last);
        }
        self.next = last + self.period;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn one() -> Application {
        let mut application = Application::default();
        let terms = LeaseTerms::new("quoter", Duration::from_millis(100)).unwrap();
        application.take(LeaseId(1), &terms, Duration::from_millis(40), ms(0));
        application
    }

    #[test]
    fn renewals_are_counted_up_to_the_moment_that_is_looked_at() {
        let mut application = one();
        application.advance(ms(95));
        assert_eq!(application.news(0), Some((LeaseId(1), ms(80), ms(180))));
        assert_eq!(application.news(0), None);
        assert_eq!(application.lapsed_at(ms(180)), None);
        assert_eq!(application.lapsed_at(ms(181)), Some(ms(180)));
    }

    #[test]
    fn a_token_that_does_not_change_is_worth_nothing() {
        let mut application = one();
        application.behave(0, Conduct::Repeating, ms(0));
        application.advance(ms(500));
        assert_eq!(application.lapsed_at(ms(500)), Some(ms(100)));
    }

    #[test]
    fn a_late_renewal_revives_nothing_until_a_new_beginning() {
        let mut application = one();
        application.behave(0, Conduct::Silent, ms(0));
        application.behave(0, Conduct::Renewing, ms(101));
        application.advance(ms(300));
        assert_eq!(application.lapsed_at(ms(300)), Some(ms(100)));
        application.restart(LeaseId(1), ms(300));
        assert!(!application.keeps_all(ms(300)));
        application.advance(ms(320));
        assert_eq!(application.news(0), Some((LeaseId(1), ms(300), ms(400))));
    }

    #[test]
    fn an_announced_stall_moves_the_end_once_and_only_in_time() {
        let mut application = one();
        application.behave(0, Conduct::Silent, ms(0));
        application.extend(0, Duration::from_millis(500), ms(50));
        assert_eq!(application.lapsed_at(ms(550)), None);
        application.extend(0, Duration::from_millis(500), ms(551));
        assert_eq!(application.lapsed_at(ms(551)), Some(ms(550)));
    }
}
