//! The only file that reads a clock. Everything else is told what time it is.

use crate::model::{Moment, Now, WallTime};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Both clocks, read one right after the other.
///
/// The deciding clock is the one that neither goes back nor stops while the machine sleeps: `CLOCK_BOOTTIME` on Linux,
/// `CLOCK_MONOTONIC` where the system has no other (on macOS that one counts sleep).
pub fn now() -> Now {
    Now { at: moment(), wall: WallTime::from_nanos(wall_nanos()) }
}

/// The deciding clock alone. On Linux it is read without entering the kernel.
pub fn moment() -> Moment {
    Moment::from_nanos(nanos(clock_gettime(DECIDING)))
}

/// What `CLOCK_MONOTONIC` said at `at`: the clock that other programs on this machine stamp their logs with. It stands
/// still while the machine sleeps, so this is exact unless the machine has slept since `at`. Never compared with a
/// deadline.
pub fn monotonic_nanos_at(at: Moment) -> u64 {
    let passed = now().at.since(at);
    nanos(clock_gettime(ClockId::Monotonic)).saturating_sub(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
}

fn wall_nanos() -> u64 {
    nanos(clock_gettime(ClockId::Realtime))
}

/// A time before the clock's origin reads as the origin.
fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(target_os = "linux")]
const DECIDING: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const DECIDING: ClockId = ClockId::Monotonic;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deciding_clock_never_goes_back() {
        let mut last = now().at;
        for _ in 0..10_000 {
            let next = now().at;
            assert!(next >= last);
            last = next;
        }
    }

    #[test]
    fn the_monotonic_clock_of_a_moment_lies_between_readings_before_and_after_it() {
        let before = nanos(clock_gettime(ClockId::Monotonic));
        let at = now().at;
        let after = nanos(clock_gettime(ClockId::Monotonic));
        let told = monotonic_nanos_at(at);
        // Two clocks are read one after the other; on a busy machine a moment passes in between.
        assert!(told + 1_000_000 >= before && told <= after + 100_000_000, "{before} {told} {after}");
    }

    #[test]
    fn the_wall_clock_reads_after_the_year_2024() {
        assert!(now().wall > WallTime::from_millis(1_704_067_200_000));
    }
}
