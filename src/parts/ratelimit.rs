//! At most so many in any stretch of time: an exact sliding window, because venues ban by it and a refilling bucket
//! would allow twice the burst across a boundary.

use crate::model::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// One limit.
#[derive(Clone, Debug)]
pub struct RateLimit {
    count: usize,
    per: Duration,
    taken: VecDeque<Moment>,
}

impl RateLimit {
    /// At most `count` (at least 1) in any `per`.
    pub fn new(count: u32, per: Duration) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX).max(1);
        Self { count, per, taken: VecDeque::new() }
    }

    /// When the next one is allowed; not after `now` means now.
    pub fn ready_at(&self, now: Moment) -> Moment {
        match self.taken.len().checked_sub(self.count).and_then(|first| self.taken.get(first)) {
            Some(oldest) => now.max(*oldest + self.per),
            None => now,
        }
    }

    /// True when less than a third is left.
    pub fn is_scarce(&self, now: Moment) -> bool {
        let recent = self.taken.iter().filter(|taken| now.since(**taken) < self.per).count();
        recent * 3 >= self.count * 2
    }

    /// The time between takes that spreads the last third over a whole stretch.
    pub fn sparse(&self) -> Duration {
        let third = u32::try_from(self.count / 3).unwrap_or(u32::MAX).max(1);
        self.per / third
    }

    /// What was counted since then is counted as if it were now.
    pub fn count_late(&mut self, since: Moment, now: Moment) {
        self.taken.iter_mut().filter(|taken| **taken >= since).for_each(|taken| *taken = now);
    }

    /// Counts one.
    pub fn take(&mut self, now: Moment) {
        self.taken.push_back(now);
        while self.taken.len() > self.count {
            self.taken.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    /// Compared with counting every window by hand.
    #[test]
    fn no_window_ever_holds_more_than_allowed() {
        let per = Duration::from_millis(100);
        for count in 1..6_u32 {
            let mut limit = RateLimit::new(count, per);
            let mut taken: Vec<u64> = vec![];
            for now in (0..2_000).step_by(7) {
                if limit.ready_at(ms(now)) <= ms(now) {
                    limit.take(ms(now));
                    taken.push(now);
                }
            }
            let worst =
                taken.iter().map(|from| taken.iter().filter(|t| (*from..*from + 100).contains(t)).count()).max();
            assert_eq!(worst, Some(count as usize), "count {count}");
        }
    }

    /// Eager while plenty is left, sparse when not: the limit is never reached and the wait is never long.
    #[test]
    fn spending_sparsely_when_scarce_never_waits_for_the_limit() {
        let mut limit = RateLimit::new(75, Duration::from_secs(600));
        let mut now = ms(0);
        for _ in 0..2_000 {
            assert!(limit.ready_at(now) <= now, "the limit was reached");
            limit.take(now);
            now = now + if limit.is_scarce(now) { limit.sparse() } else { Duration::from_secs(1) };
        }
    }

    #[test]
    fn it_is_scarce_from_the_moment_at_which_only_a_third_is_left() {
        let mut limit = RateLimit::new(9, Duration::from_millis(900));
        for taken in 0..5 {
            limit.take(ms(taken));
        }
        assert!(!limit.is_scarce(ms(10)), "five of nine");
        limit.take(ms(5));
        assert!(limit.is_scarce(ms(10)), "six of nine");
        assert!(limit.is_scarce(ms(899)) && !limit.is_scarce(ms(900)), "the first is a whole stretch ago");
        assert_eq!(limit.sparse(), Duration::from_millis(300), "the last three over a whole stretch");
    }

    /// Held up on the way, they arrive at the venue now.
    #[test]
    fn what_is_counted_late_is_counted_as_of_now_and_what_was_before_is_not() {
        let mut limit = RateLimit::new(2, Duration::from_millis(100));
        limit.take(ms(10));
        limit.take(ms(20));
        limit.count_late(ms(20), ms(60));
        assert_eq!(limit.ready_at(ms(60)), ms(110));
        limit.take(ms(110));
        assert_eq!(limit.ready_at(ms(110)), ms(160));
        limit.count_late(ms(20), ms(120));
        assert_eq!(limit.ready_at(ms(120)), ms(220));
    }

    #[test]
    fn the_moment_named_is_the_first_that_is_allowed() {
        let mut limit = RateLimit::new(2, Duration::from_millis(100));
        limit.take(ms(10));
        limit.take(ms(20));
        assert_eq!(limit.ready_at(ms(30)), ms(110));
        assert_eq!(limit.ready_at(ms(110)), ms(110));
    }
}
