//! How far a venue's clock is from ours. Venue time signs requests and is reported; it decides nothing.

use crate::model::WallTime;

/// A change smaller than this is network noise and not worth an event.
const WORTH_TELLING_MS: u64 = 50;

/// An HTTP `Date` counts whole seconds: on average it is half a second behind.
const DATE_MIDDLE_MS: u64 = 500;

/// How far off that may be, the time the reply took included.
const DATE_ERROR_MS: u64 = 1_500;

/// The venue's clock minus ours, as last told.
#[derive(Default)]
pub struct VenueClock {
    told_ms: Option<i64>,
    /// A smaller offset that the last unasked message showed, and that nothing has confirmed yet.
    doubtful_ms: Option<i64>,
}

impl VenueClock {
    /// Takes a comparison known to within `error_ms`. Returns the offset when it is worth telling: the first one, and
    /// every one that differs by 50 ms beyond its own error.
    pub fn compare(&mut self, venue_ms: u64, ours: WallTime, error_ms: u64) -> Option<i64> {
        let offset = i64::try_from(i128::from(venue_ms) - i128::from(ours.millis())).ok()?;
        if self.told_ms.is_some_and(|told| offset.abs_diff(told) < WORTH_TELLING_MS.saturating_add(error_ms)) {
            return None;
        }
        self.told_ms = Some(offset);
        Some(offset)
    }

    /// Takes what the venue's clock showed in a message nobody asked for. How long that was under way is not known: it may
    /// have waited in the socket while this process stood still, and then it shows the past. So a venue's clock that seems
    /// to have gone back is believed only when the next such message shows the same; one that waited does not.
    pub fn compare_unasked(&mut self, venue_ms: u64, ours: WallTime) -> Option<i64> {
        let offset = i64::try_from(i128::from(venue_ms) - i128::from(ours.millis())).ok()?;
        let smaller = self.told_ms.is_some_and(|told| offset < told && offset.abs_diff(told) >= WORTH_TELLING_MS);
        let before = std::mem::replace(&mut self.doubtful_ms, smaller.then_some(offset));
        if smaller && before.is_none_or(|before| before.abs_diff(offset) >= WORTH_TELLING_MS) {
            return None;
        }
        self.compare(venue_ms, ours, 0)
    }

    /// Compares with the `Date` header of a reply. Too coarse to say anything about clocks that roughly agree.
    pub fn compare_date(&mut self, header: Option<&str>, ours: WallTime) -> Option<i64> {
        let venue_ms = http_date_ms(header?)? + DATE_MIDDLE_MS;
        if self.told_ms.is_none() && venue_ms.abs_diff(ours.millis()) <= DATE_ERROR_MS {
            return None;
        }
        self.compare(venue_ms, ours, DATE_ERROR_MS)
    }

    /// Our time as the venue's clock would show it; our own while nothing is known.
    pub fn venue_time(&self, ours: WallTime) -> WallTime {
        ours.shifted(self.told_ms.unwrap_or(0))
    }
}

/// An HTTP `Date` header (RFC 9110 section 5.6.7, the one form senders may use) as milliseconds since the Unix epoch.
fn http_date_ms(header: &str) -> Option<u64> {
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    let rest = header.trim().split_once(", ")?.1;
    let mut words = rest.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let month = month_number(words.next()?)?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let zone = words.next()?;
    let in_range = (1970..=9999).contains(&year) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if zone != "GMT" || !in_range || words.next().is_some() || clock.next().is_some() {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000)
}

fn month_number(name: &str) -> Option<u64> {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

/// Days from 1970-01-01 in the Gregorian calendar, for years from 1970 on. Years are counted from March, so that the
/// leap day is the last of its year.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    const DAYS_0000_03_01_TO_1970: u64 = 719_468;
    let march_year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    march_year * 365 + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - DAYS_0000_03_01_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_to_the_second() {
        assert_eq!(http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        assert_eq!(http_date_ms("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date_ms("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199_000));
        assert_eq!(http_date_ms("Fri, 01 Mar 2024 00:00:00 GMT"), Some(1_709_251_200_000));
    }

    #[test]
    fn what_is_not_a_date_is_none() {
        for text in [
            "",
            "Sun",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994",
            "x, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date_ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_tells_only_what_it_can_know() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let at = |ms: u64| WallTime::from_millis(784_111_777_000 + ms);
        let mut clock = VenueClock::default();
        assert_eq!(clock.compare_date(date, at(900)), None);
        assert_eq!(clock.compare_date(None, at(90_000)), None);
        assert_eq!(clock.compare_date(Some("nonsense"), at(90_000)), None);
        assert_eq!(clock.compare_date(date, at(90_000)), Some(-89_500));
        assert_eq!(clock.compare_date(date, at(91_000)), None);
        assert_eq!(clock.compare_date(date, at(1_000)), Some(-500), "the wall clock was set right");
    }

    /// After a freeze of 90 s three heartbeats are read at once: the venue's clock was told as 70 s behind.
    #[test]
    fn what_waited_in_the_socket_does_not_say_that_the_venues_clock_went_back() {
        let mut clock = VenueClock::default();
        let ours = |ms: u64| WallTime::from_millis(1_000_000 + ms);
        assert_eq!(clock.compare_unasked(1_000_000, ours(10)), Some(-10));
        for waited in [30_000, 60_000, 90_000] {
            assert_eq!(clock.compare_unasked(1_000_000 + waited, ours(101_000)), None, "{waited}");
        }
        assert_eq!(clock.compare_unasked(1_120_000, ours(120_010)), None);
        assert_eq!(clock.venue_time(ours(0)), ours(0).shifted(-10));
    }

    #[test]
    fn a_wall_clock_that_was_set_forward_is_believed_at_the_second_message_and_one_set_back_at_once() {
        let mut clock = VenueClock::default();
        let ours = |ms: u64| WallTime::from_millis(1_000_000 + ms);
        assert_eq!(clock.compare_unasked(1_000_000, ours(0)), Some(0));
        assert_eq!(clock.compare_unasked(1_030_000, ours(90_000)), None);
        assert_eq!(clock.compare_unasked(1_060_000, ours(120_000)), Some(-60_000));
        assert_eq!(clock.compare_unasked(1_090_000, ours(90_000)), Some(0));
    }

    #[test]
    fn an_offset_is_told_first_and_when_it_moved() {
        let mut clock = VenueClock::default();
        let ours = WallTime::from_millis(1_000_000);
        assert_eq!(clock.compare(1_000_020, ours, 0), Some(20));
        assert_eq!(clock.compare(1_000_060, ours, 0), None);
        assert_eq!(clock.compare(999_000, ours, 2_000), None);
        assert_eq!(clock.compare(999_000, ours, 0), Some(-1_000));
        assert_eq!(clock.venue_time(ours).millis(), 999_000);
    }
}
