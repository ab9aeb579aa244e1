//! The three numbers that a lease's renewers and the guard's task share without a lock, and the order in which they are
//! touched; nothing else, so that every interleaving of them can be tried (`tests/rust/interleavings.rs` takes this file
//! as it is, with atomics that are told what to do).
//!
//! Two rules can be kept only here, because the task may look late and sees no renewal but the last: a progress token
//! that did not change does not count, and a renewal after the budget does not count. So a lease that lapsed keeps its
//! last moment for good, and whoever looks at it however late finds it lapsed.
//!
//! **Torn reads.** What is judged is when the last renewal was made, and until when a planned stall was announced. Each
//! is one number that only grows, written by one atomic operation; the lease is good until the later of the two ends. A
//! task that reads one of them before and the other after a change sees a moment of its own: never better than the
//! application's promise then, never worse than its promise at the first read. The token is not read by the task at all.

use super::atomic::{AtomicU64, Ordering};

/// What became of a renewal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// It counts.
    Counted,
    /// The progress token is the one of the renewal before: a sign of life, not of progress. It does not count.
    Constant,
    /// The budget was used up before. It does not count, and none after it will, until `rearm()`.
    Late,
}

/// See the module documentation. All moments and lengths in nanoseconds.
pub(super) struct LeaseWord {
    budget: u64,
    /// The token of the last renewal. Means nothing while `renewed_at` is [`NEVER`].
    progress: AtomicU64,
    /// When the last renewal that counted was made; or [`NEVER`], or [`RESTARTED`].
    pub(super) renewed_at: AtomicU64,
    /// The end of the latest planned stall.
    stalled_until: AtomicU64,
}

impl LeaseWord {
    pub(super) fn new(budget: u64) -> Self {
        let (progress, renewed_at, stalled_until) = (AtomicU64::new(0), AtomicU64::new(NEVER), AtomicU64::new(0));
        Self { budget, progress, renewed_at, stalled_until }
    }

    /// A renewal made between the two moments. Whether it was in time is judged by the earlier one, so that nothing
    /// lapses for having been looked at late; it is good from the later one. Also how long ago the one before was, when
    /// there was one; nothing when another thread's overtook this one.
    pub(super) fn renew(&self, progress: u64, earliest: u64, latest: u64) -> (Renewal, Option<u64>) {
        if self.is_progress(progress) { self.advance(earliest, latest) } else { (Renewal::Constant, None) }
    }

    /// A stall until then, announced at `now`. False before the first renewal and after the budget.
    pub(super) fn extend(&self, now: u64, until: u64) -> bool {
        let before = self.renewed_at.load(Ordering::Acquire);
        let kept = before > RESTARTED && now <= self.due(before);
        if kept {
            self.stalled_until.fetch_max(until, Ordering::AcqRel);
        }
        kept
    }

    /// The last renewal and until when it is good; none before the first.
    pub(super) fn read(&self) -> Option<(u64, u64)> {
        let at = self.renewed_at.load(Ordering::Acquire);
        (at > RESTARTED).then(|| (at, self.due(at)))
    }

    /// A deliberate new beginning: the next renewal with a new token is the first. One that is being made just now fails
    /// to replace what it has read, looks again, and is that first one.
    pub(super) fn restart(&self) {
        self.stalled_until.store(0, Ordering::Release);
        if self.renewed_at.load(Ordering::Acquire) > RESTARTED {
            self.renewed_at.store(RESTARTED, Ordering::Release);
        }
    }

    /// Of two threads with the same new token one finds it changed, whoever comes first.
    pub(super) fn is_progress(&self, progress: u64) -> bool {
        let first = self.renewed_at.load(Ordering::Acquire) == NEVER;
        self.progress.swap(progress, Ordering::AcqRel) != progress || first
    }

    pub(super) fn advance(&self, earliest: u64, latest: u64) -> (Renewal, Option<u64>) {
        let mut before = self.renewed_at.load(Ordering::Acquire);
        loop {
            let kept = before > RESTARTED;
            if kept && earliest > self.due(before) {
                return (Renewal::Late, Some(latest - before));
            }
            if latest <= before {
                // Another thread renewed since this one looked at the clock, or the clock has not moved on.
                return (Renewal::Counted, Some(0));
            }
            match self.renewed_at.compare_exchange_weak(before, latest, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return (Renewal::Counted, kept.then(|| latest - before)),
                Err(newer) => before = newer,
            }
        }
    }

    pub(super) fn due(&self, renewed_at: u64) -> u64 {
        renewed_at.saturating_add(self.budget).max(self.stalled_until.load(Ordering::Acquire))
    }
}

/// Before the first renewal.
const NEVER: u64 = 0;
/// Before the first renewal after a restart: unlike the very first one it must bring a new token.
const RESTARTED: u64 = 1;
