//! Dates as venues write them, from a wall-clock time. No time zones: every venue speaks UTC.

use crate::model::WallTime;

const DAY_S: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2026-08-01`.
pub fn date(wall: WallTime) -> String {
    let (year, month, day) = civil(wall.millis() / 1000 / DAY_S);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The `Date` header of an HTTP answer: `Sat, 01 Aug 2026 12:28:26 GMT`.
pub fn http_date(wall: WallTime) -> String {
    let seconds = wall.millis() / 1000;
    let (days, rest) = (seconds / DAY_S, seconds % DAY_S);
    let (year, month, day) = civil(days);
    let (weekday, month) = (WEEKDAYS[(days % 7) as usize], MONTHS[month as usize - 1]);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hours:02}:{minutes:02}:{seconds:02} GMT")
}

/// Year, month (1 to 12) and day of a number of days since 1970-01-01, by counting years that begin in March, so that
/// the leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(WallTime::from_millis(0)), "1970-01-01");
        assert_eq!(date(WallTime::from_millis(951_782_400_000)), "2000-02-29");
        assert_eq!(date(WallTime::from_millis(1_785_587_306_728)), "2026-08-01");
        assert_eq!(http_date(WallTime::from_millis(1_785_587_306_728)), "Sat, 01 Aug 2026 12:28:26 GMT");
        assert_eq!(http_date(WallTime::from_millis(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
