//! Counting what happens in a sliding stretch of time: connection attempts, requests per second. It decides nothing
//! about what a venue answers when there was too much of it.

use crate::model::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// What happened recently, one entry each.
#[derive(Clone, Debug, Default)]
pub struct RateWindow {
    hits: VecDeque<Moment>,
}

impl RateWindow {
    /// Counts one more, unless `count` already happened during the last `per`; false then, and it is not counted.
    pub fn take(&mut self, now: Moment, count: u32, per: Duration) -> bool {
        self.forget(now, per);
        if self.hits.len() >= count as usize {
            return false;
        }
        self.hits.push_back(now);
        true
    }

    /// How many more fit right now.
    pub fn room(&mut self, now: Moment, count: u32, per: Duration) -> u32 {
        self.forget(now, per);
        count.saturating_sub(u32::try_from(self.hits.len()).unwrap_or(u32::MAX))
    }

    /// When the oldest counted one is forgotten.
    pub fn frees_at(&self, per: Duration) -> Option<Moment> {
        self.hits.front().map(|oldest| *oldest + per)
    }

    fn forget(&mut self, now: Moment, per: Duration) {
        while self.hits.front().is_some_and(|oldest| *oldest + per <= now) {
            self.hits.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn one_more_than_allowed_is_refused_until_the_oldest_is_forgotten() {
        let mut window = RateWindow::default();
        assert!(window.take(at(0), 2, SECOND));
        assert!(window.take(at(400), 2, SECOND));
        assert!(!window.take(at(999), 2, SECOND));
        assert_eq!(window.frees_at(SECOND), Some(at(1000)));
        assert!(window.take(at(1000), 2, SECOND));
        assert!(!window.take(at(1001), 2, SECOND), "400 still counts");
    }

    #[test]
    fn a_refused_one_is_not_counted() {
        let mut window = RateWindow::default();
        assert!(window.take(at(0), 1, SECOND));
        assert!(!window.take(at(900), 1, SECOND));
        assert_eq!(window.room(at(1000), 1, SECOND), 1);
    }
}
