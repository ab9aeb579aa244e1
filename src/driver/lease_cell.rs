//! What a lease's renewer and the guard's task share: the numbers of `lease_word.rs`, what was agreed, and the gaps that
//! were observed. No lock. The renewer, on any thread, says that it is alive; the task reads it before every input it
//! handles.

use super::lease_word::{LeaseWord, Renewal};
use crate::model::{LeaseId, LeaseTerms, Moment};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// See the module documentation.
pub(super) struct LeaseCell {
    pub(super) id: LeaseId,
    pub(super) terms: LeaseTerms,
    word: LeaseWord,
    gaps: [AtomicU64; BUCKETS],
    longest: AtomicU64,
    closed: AtomicBool,
}

/// The observed times between renewals that changed the token, for choosing a budget from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseGaps {
    /// How many gaps were no longer than this and longer than the one before, in rising order; empty ones are left out.
    /// A bound is at most an eighth above the gaps it stands for.
    pub buckets: Vec<(Duration, u64)>,
    /// The longest gap, exactly.
    pub longest: Duration,
}

impl LeaseCell {
    pub(super) fn new(id: LeaseId, terms: LeaseTerms) -> Self {
        Self {
            id,
            word: LeaseWord::new(nanos(terms.budget())),
            terms,
            gaps: [const { AtomicU64::new(0) }; BUCKETS],
            longest: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// A renewal made at `now`.
    pub(super) fn renew(&self, progress: u64, now: Moment) -> Renewal {
        self.renew_between(progress, now, now)
    }

    /// A renewal made somewhere between the two. Whether it was in time is judged by the earlier moment, so that nothing
    /// lapses for having been looked at late; it is good from the later one.
    pub(super) fn renew_between(&self, progress: u64, earliest: Moment, latest: Moment) -> Renewal {
        let (renewal, gap) = self.word.renew(progress, earliest.nanos(), latest.nanos());
        if let Some(gap) = gap {
            self.note_gap(gap);
        }
        renewal
    }

    /// A stall that was planned: good until then at least. Nothing before the first renewal and after the budget.
    pub(super) fn extend(&self, now: Moment, by: Duration) -> bool {
        self.word.extend(now.nanos(), (now + by).nanos())
    }

    /// The last renewal and until when it is good; none before the first.
    pub(super) fn read(&self) -> Option<(Moment, Moment)> {
        self.word.read().map(|(at, due)| (Moment::from_nanos(at), Moment::from_nanos(due)))
    }

    /// A deliberate new beginning: the next renewal with a new token is the first.
    pub(super) fn restart(&self) {
        self.word.restart();
    }

    /// True the first time only.
    pub(super) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn gaps(&self) -> LeaseGaps {
        let count = |index: usize| self.gaps[index].load(Ordering::Relaxed);
        let buckets = (0..BUCKETS).map(|index| (bound(index), count(index))).filter(|(_, count)| *count > 0).collect();
        LeaseGaps { buckets, longest: Duration::from_nanos(self.longest.load(Ordering::Relaxed)) }
    }

    fn note_gap(&self, gap: u64) {
        self.gaps[bucket(gap)].fetch_add(1, Ordering::Relaxed);
        if gap > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(gap, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for LeaseCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseCell({:?}, {:?}, {:?})", self.id, self.terms, self.read())
    }
}

impl LeaseGaps {
    /// How many gaps were observed.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

/// Gaps below this (2^10 ns, about a microsecond) are not told apart.
const SMALLEST_BITS: u32 = 10;
/// Gaps of 2^43 ns (two and a half hours) and more are not told apart.
const LARGEST_BITS: u32 = 43;
/// Each doubling is cut into eight.
const CUT_BITS: u32 = 3;
const BUCKETS: usize = ((LARGEST_BITS - SMALLEST_BITS) << CUT_BITS) as usize;

fn bucket(gap: u64) -> usize {
    let gap = gap.clamp(1 << SMALLEST_BITS, (1 << LARGEST_BITS) - 1);
    let bits = gap.ilog2();
    let cut = (gap >> (bits - CUT_BITS)) & ((1 << CUT_BITS) - 1);
    (((bits - SMALLEST_BITS) << CUT_BITS) as usize) + cut as usize
}

/// The end of a bucket: no gap in it is longer.
fn bound(bucket: usize) -> Duration {
    let bits = SMALLEST_BITS + (bucket >> CUT_BITS) as u32;
    let cut = (bucket & ((1 << CUT_BITS) - 1)) as u64;
    Duration::from_nanos(((1 << CUT_BITS) + cut + 1) << (bits - CUT_BITS))
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: u64 = 100;

    fn cell() -> LeaseCell {
        let terms = LeaseTerms::new("quoter", LeaseTerms::BUDGET_MIN).unwrap();
        LeaseCell { word: LeaseWord::new(BUDGET), ..LeaseCell::new(LeaseId(1), terms) }
    }

    const fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    #[test]
    fn a_token_that_did_not_change_does_not_count_except_as_the_very_first() {
        let cell = cell();
        assert_eq!(cell.renew(0, at(1000)), Renewal::Counted);
        assert_eq!(cell.renew(0, at(1050)), Renewal::Constant);
        assert_eq!(cell.read(), Some((at(1000), at(1100))));
        assert_eq!(cell.renew(1, at(1060)), Renewal::Counted);
        assert_eq!(cell.read(), Some((at(1060), at(1160))));
    }

    #[test]
    fn a_renewal_after_the_budget_moves_nothing_then_or_ever_after() {
        let cell = cell();
        cell.renew(1, at(1000));
        assert_eq!(cell.renew(2, at(1101)), Renewal::Late);
        assert_eq!(cell.renew(3, at(1102)), Renewal::Late);
        assert!(!cell.extend(at(1103), Duration::from_secs(1)));
        assert_eq!(cell.read(), Some((at(1000), at(1100))));
    }

    #[test]
    fn a_planned_stall_moves_the_end_and_not_the_renewal() {
        let cell = cell();
        assert!(!cell.extend(at(900), Duration::from_nanos(500)), "there is nothing to extend");
        cell.renew(1, at(1000));
        assert!(cell.extend(at(1100), Duration::from_nanos(500)));
        assert_eq!(cell.read(), Some((at(1000), at(1600))));
        assert_eq!(cell.renew(2, at(1600)), Renewal::Counted);
        assert_eq!(cell.read(), Some((at(1600), at(1700))));
    }

    #[test]
    fn after_a_restart_only_a_new_token_is_the_first() {
        let cell = cell();
        cell.renew(7, at(1000));
        cell.renew(8, at(5000));
        cell.restart();
        assert_eq!(cell.read(), None);
        assert_eq!(cell.renew(8, at(6000)), Renewal::Constant);
        assert_eq!(cell.renew(9, at(6001)), Renewal::Counted);
        assert_eq!(cell.read(), Some((at(6001), at(6101))));
    }

    /// A renewal is two steps. All six orders of two threads' steps, with equal and with different tokens.
    #[test]
    fn two_threads_that_renew_at_once_count_as_their_tokens_say() {
        for order in [[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]] {
            for tokens in [[5, 5], [5, 6]] {
                let cell = cell();
                cell.renew(1, at(1000));
                let (mut steps, mut counted) = ([0, 0], 0);
                let mut progress = [false, false];
                for thread in order {
                    if steps[thread] == 0 {
                        progress[thread] = cell.word.is_progress(tokens[thread]);
                    } else if progress[thread] {
                        assert_eq!(cell.word.advance(1050 + thread as u64, 1050 + thread as u64).0, Renewal::Counted);
                        counted += 1;
                    }
                    steps[thread] += 1;
                }
                assert_eq!(counted, if tokens[0] == tokens[1] { 1 } else { 2 }, "{order:?}");
                let last = (0..2).filter(|thread| progress[*thread]).max().expect("one counts") as u64;
                assert_eq!(cell.read(), Some((at(1050 + last), at(1150 + last))), "{order:?} {tokens:?}");
            }
        }
    }

    /// The task's read is two loads. Wherever the application's writes fall between them, what it finds is no worse than
    /// the truth at the first load and no better than the truth at the second.
    #[test]
    fn a_read_torn_by_writes_is_bounded_by_the_truth_before_and_after() {
        type Write = fn(&LeaseCell);
        let writes: [Write; 4] = [
            |cell| assert!(cell.renew(2, at(1050)) != Renewal::Late),
            |cell| assert!(cell.extend(at(1060), Duration::from_nanos(300))),
            |cell| assert!(cell.renew(3, at(1300)) != Renewal::Late),
            |cell| assert!(cell.renew(4, at(1390)) != Renewal::Late),
        ];
        for first in 0..=writes.len() {
            for second in first..=writes.len() {
                let cell = cell();
                cell.renew(1, at(1000));
                writes[..first].iter().for_each(|write| write(&cell));
                let (_, truth_before) = cell.read().unwrap();
                let renewed_at = cell.word.renewed_at.load(Ordering::Acquire);
                writes[first..second].iter().for_each(|write| write(&cell));
                let found = at(cell.word.due(renewed_at));
                let (_, truth_after) = cell.read().unwrap();
                assert!(truth_before <= found && found <= truth_after, "{first} {second} {found:?}");
            }
        }
    }

    #[test]
    fn every_gap_is_in_a_bucket_that_is_at_most_an_eighth_too_long() {
        for bits in SMALLEST_BITS..LARGEST_BITS {
            for gap in [1 << bits, (1 << bits) + 1, (1 << bits) * 3 / 2 + 7, (2 << bits) - 1] {
                let bound = nanos(bound(bucket(gap)));
                assert!(gap < bound && bound - gap <= gap / 8 + 1, "{gap} {bound}");
            }
        }
        assert!(bucket(u64::MAX) == BUCKETS - 1 && bucket(0) == 0);
    }

    #[test]
    fn gaps_are_counted_whether_they_were_in_time_or_not() {
        let cell = cell();
        cell.renew(1, at(1_000));
        cell.renew(2, at(1_100));
        cell.renew(3, at(901_100));
        let gaps = cell.gaps();
        assert_eq!((gaps.count(), gaps.longest), (2, Duration::from_nanos(900_000)));
    }
}
