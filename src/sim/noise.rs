//! The only source of chance in a simulated world: a seed and a generator everybody can repeat (SplitMix64).

use std::ops::Range;
use std::time::Duration;

/// A repeatable stream of numbers.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// The same seed gives the same stream for ever.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in the range, which must not be empty.
    pub const fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.bits() % (range.end - range.start)
    }

    /// A length in whole milliseconds.
    pub const fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// True once in `n` times.
    pub const fn one_in(&mut self, n: u64) -> bool {
        self.within(0..n) == 0
    }

    /// A length in whole milliseconds, as often short as long: every doubling is as likely as the next.
    pub fn spread(&mut self, millis: Range<u64>) -> Duration {
        let (low, high) = (millis.start.max(1).ilog2(), millis.end.max(2).ilog2());
        let bits = self.within(u64::from(low)..u64::from(high) + 1);
        let drawn = self.within(1 << bits..2 << bits);
        Duration::from_millis(drawn.clamp(millis.start, millis.end.saturating_sub(1).max(millis.start)))
    }

    /// One of these, which must not be none.
    pub const fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.within(0..from.len() as u64) as usize]
    }
}
