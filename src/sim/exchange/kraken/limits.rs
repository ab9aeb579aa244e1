//! Kraken's two counters (spec section 9): points per API key over HTTP, and the engine's per account and pair, both of
//! which decay steadily. Connection attempts are counted in `mod.rs`.

use super::knobs::Tier;
use crate::model::{Moment, TimeFactor};
use std::collections::BTreeMap;
use std::time::Duration;

/// A counter that decays.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    points: f64,
    at: Moment,
}

/// All counters.
#[derive(Debug, Default)]
pub struct Limits {
    keys: BTreeMap<String, Counter>,
    engine: BTreeMap<(String, String), Counter>,
}

impl Limits {
    /// Counts an HTTP request of this key; false when it is one too many, and then it is not counted.
    pub fn rest(&mut self, now: Moment, factor: TimeFactor, tier: Tier, key: &str, points: u32) -> bool {
        let (most, decay) = tier.rest();
        let counter = self.keys.entry(key.to_owned()).or_default();
        counter.decay(now, factor, decay);
        if counter.points + f64::from(points) > most {
            return false;
        }
        counter.points += f64::from(points);
        true
    }

    /// Counts a transaction in the engine that may be refused; false when it is one too many, and then it is not
    /// counted.
    pub fn engine(&mut self, now: Moment, factor: TimeFactor, tier: Tier, pair: (&str, &str), points: u32) -> bool {
        let (most, _) = tier.engine();
        let counter = self.engine_counter(now, factor, tier, pair);
        if counter.points + f64::from(points) > most {
            return false;
        }
        counter.points += f64::from(points);
        true
    }

    /// Counts a transaction in the engine that is never refused: a cancel.
    pub fn engine_penalty(&mut self, now: Moment, factor: TimeFactor, tier: Tier, pair: (&str, &str), points: u32) {
        self.engine_counter(now, factor, tier, pair).points += f64::from(points);
    }

    fn engine_counter(&mut self, now: Moment, factor: TimeFactor, tier: Tier, pair: (&str, &str)) -> &mut Counter {
        let (_, decay) = tier.engine();
        let counter = self.engine.entry((pair.0.to_owned(), pair.1.to_owned())).or_default();
        counter.decay(now, factor, decay);
        counter
    }
}

impl Counter {
    fn decay(&mut self, now: Moment, factor: TimeFactor, per_second: f64) {
        let venue_seconds = now.since(self.at).as_secs_f64() / factor.get();
        self.points = (self.points - venue_seconds * per_second).max(0.0);
        self.at = now;
    }
}

/// What cancelling an order of this age costs in the engine.
pub fn cancel_points(age: Duration) -> u32 {
    by_age(age, &[(5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)])
}

/// What amending an order of this age costs in the engine, besides the fixed point.
pub fn amend_points(age: Duration) -> u32 {
    1 + by_age(age, &[(5, 3), (10, 2), (15, 1)])
}

fn by_age(age: Duration, steps: &[(u64, u32)]) -> u32 {
    steps.iter().find(|(under, _)| age < Duration::from_secs(*under)).map_or(0, |(_, points)| *points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_http_counter_fills_and_decays_for_each_key_alone() {
        let mut limits = Limits::default();
        let mut rest = |now, key| limits.rest(at(now), TimeFactor::REAL, Tier::Starter, key, 1);
        assert!((0..15).all(|_| rest(0, "a")));
        assert!(!rest(0, "a"));
        assert!(rest(0, "b"));
        assert!(!rest(3, "a"), "0.99 points have decayed");
        assert!(rest(4, "a"));
    }

    #[test]
    fn points_decay_faster_at_a_faster_venue() {
        let mut limits = Limits::default();
        let tenth = TimeFactor::new(0.1).unwrap();
        let mut rest = |now| limits.rest(at(now), tenth, Tier::Pro, "a", 20);
        assert!(rest(0));
        assert!(!rest(1), "ten seconds of venue time give back ten points");
        assert!(rest(2));
    }

    #[test]
    fn a_young_order_costs_most_to_cancel() {
        let points: Vec<u32> =
            [0, 4, 5, 12, 44, 89, 299, 300].iter().map(|age| cancel_points(Duration::from_secs(*age))).collect();
        assert_eq!(points, [8, 8, 6, 5, 4, 2, 1, 0]);
        assert_eq!((amend_points(Duration::ZERO), amend_points(Duration::from_secs(15))), (4, 1));
    }
}
