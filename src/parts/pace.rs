//! Did our clocks stand still? A machine that is paused as a whole (a virtual machine, a snapshot) finds all its clocks as
//! it left them and cannot know that time passed. A venue can: each of its stamps says what its clock showed at some
//! moment between our asking and our hearing. So its clock minus ours lies between two numbers, which a pause can only
//! raise; when the least it can be now is more than the most it could be before, our clocks stood still for the
//! difference, or the venue's clock was set. Which of the two cannot be told, so that nothing may be concluded from it
//! but that less is known than was thought.
//!
//! This measures; what a standstill means is decided in `session`. Wall time is not looked at.

use crate::model::Moment;
use std::time::Duration;

/// Two clocks that are both kept right differ in rate by less than 1 in 1024: Linux slews its own by 500 millionths at
/// most (`adjtimex(2)`), and a venue's may be as far off in the other direction.
const DRIFT_SHIFT: u32 = 10;

/// So many stamps in a row that are too old to be true are the venue's clock set back. One alone was held up on its way
/// by somebody who let younger ones pass, or comes from a host of the venue whose clock is a little behind the others'.
const BEHIND_IN_A_ROW: u8 = 3;

/// How far a venue's clock is ahead of ours, as far as its stamps tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pace {
    known: Option<Known>,
    behind: u8,
}

/// Venue time minus ours, in nanoseconds, was between these at that moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    at: Moment,
    least: i64,
    most: i64,
}

/// For how long our clocks stood still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standstill {
    /// Surely this long.
    pub at_least: Duration,
    /// Surely no longer.
    pub at_most: Duration,
}

/// Venue times outside of the years 2017 to 2099 are no times; between them, nanoseconds fit into an `i64`.
const MILLIS: std::ops::Range<u64> = 1_483_228_800_000..4_102_444_800_000;

impl Pace {
    /// The venue said, somewhere between `asked` and `now`, that its clock showed `millis`, cut to whole ones. A standstill
    /// comes back when one of at least `tolerance` explains what was heard and nothing smaller does.
    pub fn hear(&mut self, now: Moment, millis: u64, asked: Moment, tolerance: Duration) -> Option<Standstill> {
        if !MILLIS.contains(&millis) {
            return None;
        }
        let nanos = (millis * 1_000_000).cast_signed();
        let heard = Known { at: now, least: nanos - signed(now), most: nanos + 1_000_000 - signed(asked.min(now)) };
        let Some(known) = self.known.map(|known| known.aged(now)) else {
            self.known = Some(heard);
            return None;
        };
        let tolerance = i64::try_from(tolerance.as_nanos()).unwrap_or(i64::MAX);
        let (ahead, behind) = (heard.least - known.most, known.least - heard.most);
        if ahead < tolerance && behind < tolerance {
            // Not raised by what is below the tolerance: many short standstills are seen for what they are together.
            let (least, most) = (known.least.max(heard.least), known.most.min(heard.most));
            (self.known, self.behind) = (Some(Known { at: now, least, most }), 0);
            return None;
        }
        if behind >= tolerance && self.behind + 1 < BEHIND_IN_A_ROW {
            self.behind += 1;
            return None;
        }
        (self.known, self.behind) = (Some(heard), 0);
        (ahead >= tolerance).then(|| {
            let at_most = heard.most - known.least.min(known.most);
            Standstill { at_least: length(ahead), at_most: length(at_most.max(ahead)) }
        })
    }
}

impl Known {
    fn aged(self, now: Moment) -> Self {
        let drift = (now.nanos().saturating_sub(self.at.nanos()) >> DRIFT_SHIFT).cast_signed();
        Self { at: now, least: self.least - drift, most: self.most + drift }
    }
}

/// A machine is not up for three centuries.
fn signed(moment: Moment) -> i64 {
    i64::try_from(moment.nanos()).unwrap_or(i64::MAX / 4)
}

fn length(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Duration = Duration::from_millis(500);
    const VENUE: u64 = 1_780_000_000_000;

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    const fn millis(length: u64) -> Duration {
        Duration::from_millis(length)
    }

    /// Asked and heard at these moments of ours; the venue's clock then showed so many milliseconds.
    fn hear(pace: &mut Pace, asked: u64, heard: u64, venue: u64) -> Option<Standstill> {
        pace.hear(ms(heard), VENUE + venue, ms(asked), TOLERANCE)
    }

    #[test]
    fn a_venue_clock_that_goes_as_ours_does_shows_nothing_whatever_the_delay() {
        for (there, back) in [(1, 1), (0, 9_000), (9_000, 0), (130, 4_000)] {
            let mut pace = Pace::default();
            for second in 0..100 {
                let asked = second * 1_000;
                // Every other answer is quick.
                let (there, back) = if second % 2 == 0 { (there, back) } else { (1, 1) };
                assert_eq!(hear(&mut pace, asked, asked + there + back, asked + there), None, "{second}");
            }
        }
    }

    #[test]
    fn a_standstill_is_bounded_on_both_sides() {
        for paused in [600, 5_000, 86_400_000] {
            let mut pace = Pace::default();
            assert_eq!(hear(&mut pace, 1_000, 1_020, 1_010), None);
            let found = hear(&mut pace, 2_000, 2_020, 2_010 + paused).expect("it stood still");
            assert!(found.at_least <= millis(paused) && millis(paused) <= found.at_most, "{paused} {found:?}");
            assert!(found.at_most - found.at_least <= millis(45), "{paused} {found:?}");
            assert_eq!(hear(&mut pace, 3_000, 3_020, 3_010 + paused), None, "told once");
        }
    }

    /// The longer nothing was heard, the wider both bounds: the venue's clock may be the slow one by 1 in 1,024.
    #[test]
    fn a_standstill_after_a_long_silence_is_bounded_with_the_drift_of_both_clocks() {
        for venue_is_off_by in [-900_i64, 0, 900] {
            let mut pace = Pace::default();
            assert_eq!(hear(&mut pace, 0, 0, 0), None);
            let shown = (1_024_000_i64 + 10_000 + venue_is_off_by).cast_unsigned();
            let found = hear(&mut pace, 1_024_000, 1_024_000, shown).expect("it stood still");
            assert!(found.at_least <= millis(10_000) && millis(10_000) <= found.at_most, "{venue_is_off_by} {found:?}");
        }
    }

    /// A stamp is cut to whole milliseconds, so of 501 ms that it shows only 500 ms are sure, forwards and back.
    #[test]
    fn a_standstill_is_one_from_the_tolerance_on_and_not_a_millisecond_before() {
        let second = |venue| {
            let mut pace = Pace::default();
            assert_eq!(hear(&mut pace, 1_000, 1_000, 1_000), None);
            let found = hear(&mut pace, 1_000, 1_000, venue).map(|found| found.at_least);
            (found, hear(&mut pace, 1_000, 1_000, 1_000))
        };
        assert_eq!(second(1_500).0, None);
        assert_eq!(second(1_501).0, Some(TOLERANCE));
        assert_eq!(second(499), (None, None), "what is that far behind is left out, and what follows is as before");
    }

    /// What was held up for nine seconds says nothing of our clock, and neither does the quick answer after it.
    #[test]
    fn what_could_be_delay_is_not_a_standstill() {
        let mut pace = Pace::default();
        assert_eq!(hear(&mut pace, 0, 9_000, 100), None);
        assert_eq!(hear(&mut pace, 9_000, 9_001, 9_001), None);
        let mut pace = Pace::default();
        assert_eq!(hear(&mut pace, 0, 9_000, 8_900), None);
        assert_eq!(hear(&mut pace, 9_000, 18_000, 9_001), None);
        assert_eq!(hear(&mut pace, 18_000, 18_001, 18_001), None);
    }

    #[test]
    fn short_standstills_add_up() {
        let mut pace = Pace::default();
        let found: Vec<_> = (0..4)
            .filter_map(|n| hear(&mut pace, n * 1_000, n * 1_000 + 2, n * 1_200 + 1))
            .map(|s| s.at_least)
            .collect();
        assert!(matches!(found[..], [found] if found > millis(500) && found < millis(600)), "{found:?}");
    }

    #[test]
    fn a_clock_that_runs_fast_for_a_day_is_no_standstill() {
        for faster in [1, -1] {
            let mut pace = Pace::default();
            for minute in 0..1_440_i64 {
                let asked = 1_000 + minute as u64 * 60_000;
                let venue = (asked as i64 + 1 + faster * minute * 60 / 2).unsigned_abs();
                assert_eq!(hear(&mut pace, asked, asked + 2, venue), None, "{minute}");
            }
        }
    }

    /// A venue's clock that is set back shows nothing by itself; set right again, it cannot be told from a standstill.
    #[test]
    fn a_venue_clock_that_was_set_back_starts_anew() {
        let mut pace = Pace::default();
        assert_eq!(hear(&mut pace, 100_000, 100_002, 100_001), None);
        for second in 101..104 {
            assert_eq!(hear(&mut pace, second * 1_000, second * 1_000 + 2, (second - 60) * 1_000 + 1), None);
        }
        assert!(hear(&mut pace, 104_000, 104_002, 104_001).is_some());
    }

    /// Younger ones had passed it, so that it cannot be as young as its place makes believe.
    #[test]
    fn one_stamp_that_was_held_up_changes_nothing() {
        let mut pace = Pace::default();
        assert_eq!(hear(&mut pace, 100_000, 100_002, 100_001), None);
        assert_eq!(hear(&mut pace, 120_000, 120_002, 100_500), None);
        assert_eq!(hear(&mut pace, 121_000, 121_002, 121_001), None);
    }

    #[test]
    fn two_hosts_of_a_venue_whose_clocks_disagree_show_nothing() {
        let mut pace = Pace::default();
        for second in 0..100 {
            let ahead = if second % 2 == 0 { 2_000 } else { 0 };
            let found = hear(&mut pace, second * 1_000, second * 1_000 + 2, second * 1_000 + 1 + ahead);
            assert_eq!(found, None, "{second}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_looked_at() {
        let mut pace = Pace::default();
        for nonsense in [0, 42, 1_483_228_799_999, 4_102_444_800_000, u64::MAX] {
            assert_eq!(pace.hear(ms(1), nonsense, ms(0), TOLERANCE), None);
            assert_eq!(pace, Pace::default());
        }
        assert_eq!(pace.hear(Moment::from_nanos(u64::MAX), VENUE, ms(0), TOLERANCE), None);
        assert!(pace.hear(ms(0), VENUE, Moment::from_nanos(u64::MAX), Duration::MAX).is_none());
    }
}
