//! One application's promise to be alive, as the guard keeps it: silence is measured from the last renewal that counted.
//! Half the budget warns, the whole budget lapses, and a lease that lapsed stays so whatever is renewed afterwards.
//!
//! Not here: the progress token. Whoever renews knows the one before, so a renewal that changed nothing never gets this
//! far (`driver/lease_cell.rs`); the same place refuses a renewal that comes after the budget, because only there can
//! every gap be seen when this machine is looked at late.

use crate::model::{LeaseId, LeaseState, LeaseTerms, Moment, PageFault};
use std::time::Duration;

/// See the module documentation.
#[derive(Clone, Debug)]
pub struct Lease {
    terms: LeaseTerms,
    state: State,
    /// What was last said against its shared page, until the next renewal. For people; decides nothing.
    doubt: Option<PageFault>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Never renewed: nothing is counted, and nothing is permitted.
    Waiting,
    /// Renewed at `at`, and good until `due`, which a planned stall may have moved.
    Kept { at: Moment, due: Moment, warned: bool },
    /// Over.
    Lapsed { at: Moment, due: Moment },
}

/// What a look at a lease found, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseNews {
    /// Half the budget, or less, is left.
    Warning {
        /// Since the last renewal that counted.
        silent: Duration,
    },
    /// The budget is used up.
    Lapsed {
        /// How long ago.
        late: Duration,
    },
    /// It was renewed after a warning.
    Renewed {
        /// Time between that renewal and the one before.
        gap: Duration,
    },
}

impl Lease {
    /// A lease nobody has renewed yet.
    pub const fn new(terms: LeaseTerms) -> Self {
        Self { terms, state: State::Waiting, doubt: None }
    }

    /// It was renewed at `at`, in time, and is good until `due`. A moment that is not after the last one is old news.
    pub fn renewed(&mut self, at: Moment, due: Moment) -> Option<LeaseNews> {
        self.doubt = None;
        match self.state {
            State::Waiting => self.state = State::Kept { at, due, warned: false },
            State::Kept { at: before, due: until, warned } if at > before => {
                self.state = State::Kept { at, due: due.max(until), warned: false };
                return warned.then(|| LeaseNews::Renewed { gap: at.since(before) });
            }
            State::Kept { at: before, due: until, warned } => {
                // A planned stall: the promise was moved, not kept.
                self.state = State::Kept { at: before, due: due.max(until), warned: warned && due <= until };
            }
            State::Lapsed { .. } => {}
        }
        None
    }

    /// Its shared page proves nothing. What follows is judged by the budget alone.
    pub const fn doubted(&mut self, why: PageFault) {
        self.doubt = Some(why);
    }

    /// Looks at the clock.
    pub fn judge(&mut self, now: Moment) -> Option<LeaseNews> {
        let warn_at = self.warn_at();
        let State::Kept { at, due, warned } = &mut self.state else { return None };
        if now > *due {
            let (at, due) = (*at, *due);
            self.state = State::Lapsed { at, due };
            return Some(LeaseNews::Lapsed { late: now.since(due) });
        }
        if *warned || warn_at.is_none_or(|warn_at| now < warn_at) {
            return None;
        }
        *warned = true;
        Some(LeaseNews::Warning { silent: now.since(*at) })
    }

    /// The next moment at which [`Lease::judge`] may find something.
    pub fn next(&self) -> Option<Moment> {
        match self.state {
            State::Kept { due, warned: true, .. } => Some(due + Duration::from_nanos(1)),
            State::Kept { warned: false, .. } => self.warn_at(),
            State::Waiting | State::Lapsed { .. } => None,
        }
    }

    /// Renewed, and in time until now.
    pub const fn is_kept(&self) -> bool {
        matches!(self.state, State::Kept { .. })
    }

    /// Not renewed yet.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// A deliberate new beginning: the next renewal is the first.
    pub const fn restart(&mut self) {
        self.state = State::Waiting;
        self.doubt = None;
    }

    /// What was agreed.
    pub const fn terms(&self) -> &LeaseTerms {
        &self.terms
    }

    /// As a snapshot shows it.
    pub fn describe(&self, id: LeaseId) -> LeaseState {
        let (renewed_at, due, lapsed) = match self.state {
            State::Waiting => (None, None, false),
            State::Kept { at, due, .. } => (Some(at), Some(due), false),
            State::Lapsed { at, due } => (Some(at), Some(due), true),
        };
        LeaseState { id, terms: self.terms.clone(), renewed_at, due, lapsed, doubt: self.doubt }
    }

    /// Half a budget before it is due, wherever a planned stall has moved that.
    fn warn_at(&self) -> Option<Moment> {
        match self.state {
            State::Kept { due, .. } => Some(due - self.terms.budget() / 2),
            State::Waiting | State::Lapsed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: u64 = 100_000_000;

    fn lease() -> Lease {
        Lease::new(LeaseTerms::new("quoter", Duration::from_nanos(BUDGET)).unwrap())
    }

    const fn at(nanos: u64) -> Moment {
        Moment::from_nanos(1_000_000_000 + nanos)
    }

    fn renew(lease: &mut Lease, nanos: u64) -> Option<LeaseNews> {
        lease.renewed(at(nanos), at(nanos + BUDGET))
    }

    #[test]
    fn nothing_is_counted_before_the_first_renewal() {
        let mut lease = lease();
        assert_eq!(lease.judge(at(3_600_000_000_000)), None);
        assert_eq!(lease.next(), None);
        assert!(lease.is_waiting() && !lease.is_kept());
    }

    #[test]
    fn it_warns_once_at_half_the_budget_and_lapses_just_after_the_whole() {
        let mut lease = lease();
        renew(&mut lease, 0);
        assert_eq!(lease.next(), Some(at(BUDGET / 2)));
        assert_eq!(lease.judge(at(BUDGET / 2 - 1)), None);
        let silent = Duration::from_nanos(BUDGET / 2);
        assert_eq!(lease.judge(at(BUDGET / 2)), Some(LeaseNews::Warning { silent }));
        assert_eq!(lease.judge(at(BUDGET)), None, "at the budget it is still kept");
        assert_eq!(lease.next(), Some(at(BUDGET + 1)));
        let late = Duration::from_nanos(1);
        assert_eq!(lease.judge(at(BUDGET + 1)), Some(LeaseNews::Lapsed { late }));
        assert_eq!(lease.judge(at(BUDGET + 2)), None, "told once");
    }

    #[test]
    fn a_look_that_comes_late_says_by_how_much() {
        let mut lease = lease();
        renew(&mut lease, 0);
        let late = Duration::from_nanos(5 * BUDGET);
        assert_eq!(lease.judge(at(6 * BUDGET)), Some(LeaseNews::Lapsed { late }));
    }

    #[test]
    fn a_renewal_after_a_warning_is_told_with_its_gap() {
        let mut lease = lease();
        renew(&mut lease, 0);
        lease.judge(at(60_000_000));
        assert_eq!(renew(&mut lease, 70_000_000), Some(LeaseNews::Renewed { gap: Duration::from_millis(70) }));
        assert_eq!(renew(&mut lease, 80_000_000), None);
        assert_eq!(
            lease.judge(at(80_000_000 + BUDGET)),
            Some(LeaseNews::Warning { silent: Duration::from_millis(100) })
        );
    }

    #[test]
    fn a_planned_stall_moves_the_end_and_the_warning_but_is_no_renewal() {
        let mut lease = lease();
        renew(&mut lease, 0);
        assert_eq!(lease.renewed(at(0), at(10 * BUDGET)), None);
        assert_eq!(lease.judge(at(9 * BUDGET)), None);
        assert!(matches!(lease.judge(at(9 * BUDGET + BUDGET / 2)), Some(LeaseNews::Warning { .. })));
        assert!(matches!(lease.judge(at(10 * BUDGET + 1)), Some(LeaseNews::Lapsed { .. })));
        assert_eq!(lease.describe(LeaseId(1)).renewed_at, Some(at(0)));
    }

    #[test]
    fn an_old_renewal_moves_nothing_back() {
        let mut lease = lease();
        renew(&mut lease, 50);
        renew(&mut lease, 20);
        let state = lease.describe(LeaseId(1));
        assert_eq!((state.renewed_at, state.due), (Some(at(50)), Some(at(50 + BUDGET))));
    }

    #[test]
    fn a_planned_stall_after_a_warning_is_no_renewal_and_warns_again_at_its_own_half() {
        let mut lease = lease();
        renew(&mut lease, 0);
        lease.judge(at(BUDGET / 2));
        assert_eq!(lease.renewed(at(0), at(2 * BUDGET)), None, "nothing was renewed");
        assert_eq!(lease.judge(at(BUDGET)), None);
        assert!(matches!(lease.judge(at(BUDGET + BUDGET / 2)), Some(LeaseNews::Warning { .. })));
    }

    /// Announced again, or announced shorter than what is left anyway.
    #[test]
    fn a_planned_stall_that_moves_nothing_neither_repeats_a_warning_nor_loses_one() {
        let mut lease = lease();
        renew(&mut lease, 0);
        lease.renewed(at(0), at(BUDGET));
        assert!(matches!(lease.judge(at(BUDGET / 2)), Some(LeaseNews::Warning { .. })));
        lease.renewed(at(0), at(BUDGET));
        assert_eq!(lease.judge(at(BUDGET / 2 + 1)), None);
    }

    #[test]
    fn what_is_said_against_its_page_is_shown_until_the_next_renewal_and_decides_nothing() {
        let mut lease = lease();
        renew(&mut lease, 0);
        lease.doubted(PageFault::Removed);
        assert_eq!(lease.describe(LeaseId(1)).doubt, Some(PageFault::Removed));
        assert!(lease.is_kept());
        renew(&mut lease, 10);
        assert_eq!(lease.describe(LeaseId(1)).doubt, None);
    }

    #[test]
    fn a_new_beginning_after_a_lapse_waits_for_a_first_renewal() {
        let mut lease = lease();
        renew(&mut lease, 0);
        assert!(!lease.is_waiting());
        lease.judge(at(2 * BUDGET));
        lease.doubted(PageFault::Released);
        lease.restart();
        assert!(lease.is_waiting() && lease.describe(LeaseId(1)).doubt.is_none());
        renew(&mut lease, 3 * BUDGET);
        assert!(lease.is_kept());
    }

    /// Every sequence of renewals and looks over a few budgets, against the sentence: lapsed if and only if some look
    /// came later than the budget after the last renewal before it; and then for ever.
    #[test]
    fn whatever_the_order_it_lapses_by_the_sentence_and_never_comes_back() {
        const STEPS: u32 = 6;
        for pattern in 0..4u32.pow(STEPS) {
            let (mut lease, mut now, mut last, mut lapsed) = (lease(), 0, None::<u64>, false);
            for step in 0..STEPS {
                let choice = pattern / 4u32.pow(step) % 4;
                now += if choice % 2 == 0 { BUDGET / 2 } else { BUDGET + 1 };
                lapsed |= last.is_some_and(|last| now > last + BUDGET);
                lease.judge(at(now));
                if choice >= 2 {
                    renew(&mut lease, now);
                    last = if lapsed { last } else { Some(now) };
                }
                assert_eq!(lease.describe(LeaseId(1)).lapsed, lapsed, "pattern {pattern} step {step}");
                assert_eq!(lease.is_kept(), last.is_some() && !lapsed);
            }
        }
    }
}
