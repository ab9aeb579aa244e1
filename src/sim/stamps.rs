//! The venue's own time in a line it says, read from the venues' words and not through the dialects: by it a checker knows
//! from when on a guard could have known that its machine had stood still.

use crate::model::VenueName;

/// What the venue's clock showed, in milliseconds since the Unix epoch, when it said this line. `None` for lines that do
/// not say when they were said; the times of orders in them are something else.
pub fn of_line(venue: VenueName, line: &str) -> Option<u64> {
    match venue {
        VenueName::CryptoCom if line.contains(r#""public/heartbeat""#) => after(line, r#""id":"#).and_then(number),
        VenueName::Deribit => after(line, r#""usOut":"#).and_then(number).map(|micros| micros / 1_000),
        VenueName::Bybit if line.contains(r#""op":"pong""#) => {
            after(line, r#""args":[""#).or_else(|| after(line, r#""data":[""#)).and_then(number)
        }
        VenueName::Kraken => after(line, r#""time_out":""#).and_then(rfc3339),
        VenueName::CryptoCom | VenueName::Bybit => None,
    }
}

fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_once(word).map(|(_, rest)| rest)
}

fn number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// `2026-05-28T20:26:40.123456Z`.
fn rfc3339(text: &str) -> Option<u64> {
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second, micros) = (field(11, 13)?, field(14, 16)?, field(17, 19)?, field(20, 26)?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days =
        years + months.iter().take(usize::try_from(month).ok()?.checked_sub(1)?).sum::<u64>() + day.checked_sub(1)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + micros / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_venue_says_its_time_in_its_own_way() {
        for (venue, line, wanted) in [
            (
                VenueName::CryptoCom,
                r#"{"id":1780000000123,"method":"public/heartbeat","code":0}"#,
                Some(1_780_000_000_123),
            ),
            (VenueName::CryptoCom, r#"{"id":8000000000000001,"method":"private/create-order"}"#, None),
            (VenueName::Deribit, r#"{"id":1,"usIn":1,"usOut":1780000000123456,"usDiff":2}"#, Some(1_780_000_000_123)),
            (VenueName::Deribit, r#"{"method":"heartbeat","params":{"type":"test_request"}}"#, None),
            (VenueName::Bybit, r#"{"args":["1780000000123"],"op":"pong"}"#, Some(1_780_000_000_123)),
            (VenueName::Bybit, r#"{"data":["1780000000123"],"op":"pong"}"#, Some(1_780_000_000_123)),
            (VenueName::Bybit, r#"{"op":"auth","data":["1780000000123"]}"#, None),
            (VenueName::Kraken, r#"{"req_id":1,"time_out":"2026-05-28T20:26:40.123456Z"}"#, Some(1_780_000_000_123)),
            (VenueName::Kraken, r#"{"channel":"heartbeat"}"#, None),
        ] {
            assert_eq!(of_line(venue, line), wanted, "{line}");
        }
    }
}
