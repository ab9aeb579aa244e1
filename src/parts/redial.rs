//! When to dial again. A fresh attempt at least every second finds a healed path within a second; one attempt left to
//! the kernel can sleep through the healing for a quarter of a minute. In a long outage that pace would use up what the
//! venue allows and then leave nothing for minutes, so once the allowance is scarce the rest of it is spread over the
//! venue's window. The limit itself is kept by `ratelimit`; here is only the rhythm.

use crate::model::Moment;
use std::time::Duration;

/// The first retries come this far apart, give or take the jitter.
const QUICK: Duration = Duration::from_millis(250);
/// How many retries are quick.
const QUICK_TRIES: u32 = 4;
/// Later ones come this far apart, give or take the jitter.
const STEADY: Duration = Duration::from_millis(950);
/// The jitter is less than this.
const JITTER_MS: u64 = 50;

/// The dialling rhythm of one role of one guard.
#[derive(Clone, Debug)]
pub struct Redial {
    /// The time between tries while the venue's allowance is scarce.
    sparse: Duration,
    failures: u32,
    not_before: Option<Moment>,
    noise: u64,
}

impl Redial {
    /// `sparse` is the time between tries while the venue's allowance is scarce; `seed` decides the jitter.
    pub fn new(sparse: Duration, seed: u64) -> Self {
        Self { sparse: sparse.max(STEADY), failures: 0, not_before: None, noise: seed | 1 }
    }

    /// When the next dial may begin, given that it is wanted now.
    pub fn next(&self, now: Moment) -> Moment {
        self.not_before.map_or(now, |pause| now.max(pause))
    }

    /// A dial begins; `scarce` when little of the venue's allowance is left.
    pub fn begin(&mut self, now: Moment, scarce: bool) {
        self.failures = self.failures.saturating_add(1);
        let base = match self.failures {
            _ if scarce => self.sparse,
            tries if tries <= QUICK_TRIES => QUICK,
            _ => STEADY,
        };
        self.not_before = Some(now + base + Duration::from_millis(self.next_noise() % JITTER_MS));
    }

    /// The link did what it was dialled for: the next loss starts with quick tries again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The venue asked for a pause, or a person must act first. Never shortens a longer pause.
    pub fn pause_until(&mut self, until: Moment) {
        self.not_before = Some(self.not_before.map_or(until, |pause| pause.max(until)));
    }

    /// How many dials there were since the last success.
    pub const fn attempts(&self) -> u32 {
        self.failures
    }

    /// xorshift64: all that is wanted is that two guards do not dial in step.
    fn next_noise(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kraken(seed: u64) -> Redial {
        Redial::new(Duration::from_secs(24), seed)
    }

    /// Dials as often as allowed for `length`; every dial fails at once.
    fn failing(mut redial: Redial, length: Duration) -> Vec<Moment> {
        let start = Moment::from_nanos(1_000_000_000);
        let (mut now, mut dials) = (start, vec![]);
        while now.since(start) < length {
            now = redial.next(now);
            redial.begin(now, false);
            dials.push(now);
        }
        dials
    }

    #[test]
    fn dials_are_between_a_quarter_of_a_second_and_a_second_apart() {
        let dials = failing(kraken(7), Duration::from_secs(40));
        let gaps: Vec<Duration> = dials.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let allowed = Duration::from_millis(250)..Duration::from_secs(1);
        assert!(gaps.iter().all(|gap| allowed.contains(gap)), "{gaps:?}");
    }

    #[test]
    fn scarce_dials_are_spread_out() {
        let mut redial = kraken(7);
        let now = Moment::from_nanos(5);
        redial.begin(now, true);
        assert!(redial.next(now).since(now) >= Duration::from_secs(24));
    }

    #[test]
    fn the_first_dial_is_immediate_and_a_pause_is_kept() {
        let mut redial = kraken(1);
        let now = Moment::from_nanos(5);
        assert_eq!(redial.next(now), now);
        redial.begin(now, false);
        redial.pause_until(now + Duration::from_secs(60));
        redial.pause_until(now + Duration::from_secs(30));
        assert_eq!(redial.next(now), now + Duration::from_secs(60));
    }

    #[test]
    fn four_tries_are_quick_and_after_a_success_four_again() {
        let (mut redial, mut now) = (kraken(1), Moment::from_nanos(1_000_000_000));
        let mut pause = |redial: &mut Redial| {
            redial.begin(now, false);
            let pause = redial.next(now).since(now);
            now = now + pause;
            pause
        };
        let quick = QUICK..QUICK + Duration::from_millis(JITTER_MS);
        assert!((0..4).all(|_| quick.contains(&pause(&mut redial))));
        assert_eq!(redial.attempts(), 4);
        let steady = STEADY..STEADY + Duration::from_millis(JITTER_MS);
        assert!((0..4).all(|_| steady.contains(&pause(&mut redial))));
        redial.succeeded();
        assert_eq!(redial.attempts(), 0);
        assert!((0..4).all(|_| quick.contains(&pause(&mut redial))));
    }

    /// The first numbers of Marsaglia's generator (13, 7, 17) from 1: a slip in it could make every guard dial in step.
    #[test]
    fn the_jitter_is_xorshift() {
        let mut redial = Redial::new(Duration::ZERO, 0);
        assert_eq!(
            [redial.next_noise(), redial.next_noise(), redial.next_noise()],
            [1_082_269_761, 1_152_992_998_833_853_505, 11_177_516_664_432_764_457]
        );
    }

    #[test]
    fn two_seeds_do_not_dial_in_step() {
        let length = Duration::from_secs(10);
        assert_ne!(failing(kraken(1), length), failing(kraken(2 << 40), length));
    }
}
