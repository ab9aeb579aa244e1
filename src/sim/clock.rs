//! The clocks of a guard's machine, as functions of the world's time. They may run fast or slow, stand still while the
//! machine is paused, and the wall clock may be set at any moment. The venue keeps the world's time.

use crate::model::{Moment, Now, WallTime};

const MILLION: u64 = 1_000_000;

/// See the module documentation.
#[derive(Clone, Debug)]
pub struct GuardClock {
    /// What the boot-time clock showed at this moment of the world.
    anchor: (Moment, Moment),
    /// Gains this many millionths; negative when it loses.
    ppm: i64,
    started: Moment,
    wall_start: WallTime,
    wall_shift_ms: i64,
    wall_shift_max: i64,
    stopped: bool,
}

impl GuardClock {
    /// Clocks that agree with the world at `start`.
    pub const fn new(start: Now, ppm: i64) -> Self {
        let (anchor, started) = ((start.at, start.at), start.at);
        Self { anchor, ppm, started, wall_start: start.wall, wall_shift_ms: 0, wall_shift_max: 0, stopped: false }
    }

    /// What the guard's clocks show.
    pub fn read(&self, world: Moment) -> Now {
        let at = self.boot(world);
        let passed = u64::try_from(at.since(self.started).as_nanos()).unwrap_or(u64::MAX);
        let wall = WallTime::from_nanos(self.wall_start.nanos().saturating_add(passed)).shifted(self.wall_shift_ms);
        Now { at, wall }
    }

    /// When, in the world, the boot-time clock shows this; never while it stands still.
    pub fn when(&self, shown: Moment) -> Option<Moment> {
        let (world, guard) = self.anchor;
        if shown <= guard {
            return Some(world);
        }
        let (ahead, rate) = (shown.nanos() - guard.nanos(), MILLION.saturating_add_signed(self.ppm));
        let nanos = match ahead.checked_mul(MILLION) {
            Some(ahead) => ahead.div_ceil(rate),
            // Further ahead than five hours.
            None => {
                u64::try_from((u128::from(ahead) * u128::from(MILLION)).div_ceil(u128::from(rate))).unwrap_or(u64::MAX)
            }
        };
        (!self.stopped).then(|| Moment::from_nanos(world.nanos().saturating_add(nanos)))
    }

    /// Somebody sets the wall clock forward, or back.
    pub const fn set_wall(&mut self, by_ms: i64) {
        self.wall_shift_ms = self.wall_shift_ms.saturating_add(by_ms);
        if self.wall_shift_ms > self.wall_shift_max {
            self.wall_shift_max = self.wall_shift_ms;
        }
    }

    /// The wall clock shows no time that it has shown before. (A key whose nonces are times cannot be used by a process
    /// that is started on a clock that was set back: Kraken refuses it until the old time is reached.)
    pub const fn never_show_again(&mut self) {
        self.wall_shift_ms = self.wall_shift_max;
    }

    /// The machine is paused: its clocks stand still.
    pub fn stop(&mut self, world: Moment) {
        self.anchor = (world, self.boot(world));
        self.stopped = true;
    }

    /// The machine goes on.
    pub fn go_on(&mut self, world: Moment) {
        if std::mem::replace(&mut self.stopped, false) {
            self.anchor.0 = world;
        }
    }

    fn boot(&self, at: Moment) -> Moment {
        let (world, guard) = self.anchor;
        if self.stopped {
            return guard;
        }
        let (passed, rate) = (at.nanos().saturating_sub(world.nanos()), MILLION.saturating_add_signed(self.ppm));
        let shown = match passed.checked_mul(rate) {
            Some(shown) => shown / MILLION,
            None => u64::try_from(u128::from(passed) * u128::from(rate) / u128::from(MILLION)).unwrap_or(u64::MAX),
        };
        Moment::from_nanos(guard.nanos().saturating_add(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Now = Now { at: Moment::from_nanos(1_000), wall: WallTime::from_nanos(5_000) };

    #[test]
    fn a_fast_clock_reaches_every_moment_sooner_and_when_is_the_inverse_of_read() {
        for ppm in [-500, 0, 1, 500] {
            let clock = GuardClock::new(START, ppm);
            for shown in [1_000, 1_001, 999_999, 10_000_000_001] {
                let at = clock.when(Moment::from_nanos(shown)).unwrap();
                assert!(clock.read(at).at.nanos() >= shown, "{ppm} {shown}");
                let before = Moment::from_nanos(at.nanos().saturating_sub(2));
                assert!(shown == 1_000 || clock.read(before).at.nanos() < shown, "{ppm} {shown}");
            }
        }
    }

    #[test]
    fn a_paused_machine_has_missed_the_time() {
        let mut clock = GuardClock::new(START, 0);
        clock.stop(Moment::from_nanos(2_000));
        assert_eq!(clock.read(Moment::from_nanos(9_000)).at.nanos(), 2_000);
        assert_eq!(clock.when(Moment::from_nanos(3_000)), None);
        clock.go_on(Moment::from_nanos(9_000));
        assert_eq!(clock.read(Moment::from_nanos(9_500)).at.nanos(), 2_500);
    }

    #[test]
    fn setting_the_wall_clock_leaves_the_deciding_clock_alone() {
        let mut clock = GuardClock::new(START, 0);
        clock.set_wall(1_000);
        let now = clock.read(Moment::from_nanos(1_500));
        assert_eq!((now.at.nanos(), now.wall.nanos()), (1_500, 1_000_005_500));
    }
}
