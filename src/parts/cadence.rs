//! When a countdown is fed: at a fixed cadence counted from the *saying* of the last acknowledged feed, one request in
//! flight at a time, because two could overtake each other on the way to the engine.

use crate::model::Moment;
use std::time::Duration;

/// The feeding rhythm of one link. Made anew for every epoch.
#[derive(Clone, Debug)]
pub struct Cadence {
    period: Duration,
    said: Option<Moment>,
}

impl Cadence {
    /// Feeds every `period`.
    pub const fn new(period: Duration) -> Self {
        Self { period, said: None }
    }

    /// A feed is to be said now. False while one is in flight.
    pub fn say(&mut self, now: Moment) -> bool {
        let free = self.said.is_none();
        if free {
            self.said = Some(now);
        }
        free
    }

    /// A feed said at `sent` was acknowledged: when the next is due.
    pub fn acknowledged(&mut self, sent: Moment) -> Moment {
        self.said = None;
        sent + self.period
    }

    /// The feed in flight was refused: another may be said.
    pub fn refused(&mut self) {
        self.said = None;
    }

    /// True while a feed is in flight.
    pub const fn in_flight(&self) -> bool {
        self.said.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn only_one_feed_is_in_flight() {
        let mut cadence = Cadence::new(Duration::from_secs(15));
        assert!(cadence.say(s(1)));
        assert!(!cadence.say(s(2)));
        assert_eq!(cadence.acknowledged(s(1)), s(16));
        assert!(cadence.say(s(16)));
    }

    /// The next one is not in the way of one that will never be acknowledged.
    #[test]
    fn after_a_refusal_another_feed_may_be_said() {
        let mut cadence = Cadence::new(Duration::from_secs(15));
        assert!(!cadence.in_flight());
        cadence.say(s(1));
        assert!(cadence.in_flight());
        cadence.refused();
        assert!(!cadence.in_flight() && cadence.say(s(2)));
    }

    /// Counting from the acknowledgement would let a slow venue stretch the rhythm.
    #[test]
    fn a_slow_acknowledgement_does_not_delay_the_next_feed() {
        let mut cadence = Cadence::new(Duration::from_secs(15));
        cadence.say(s(10));
        assert_eq!(cadence.acknowledged(s(10)), s(25));
    }
}
