//! Kraken's websocket v2 messages, written and read. Nothing here decides; `script.rs` does. Field names and shapes:
//! docs.kraken.com, exchange/api-reference/spot-websocket-v2, and captured frames where the pages and the wire differ.

use crate::venue::json::{Raw, push_string, push_u64, read_object};
use serde::Deserialize;
use std::borrow::Cow;

/// The method that sets, feeds and takes off the switch.
pub(super) const TIMER: &str = "cancel_all_orders_after";
/// The method that cancels every order of the account.
pub(super) const CANCEL_ALL: &str = "cancel_all";
/// The method that cancels orders by id. Answered once per id, each time under the same `req_id`.
pub(super) const CANCEL_ORDER: &str = "cancel_order";
/// The method that starts a channel.
pub(super) const SUBSCRIBE: &str = "subscribe";
/// The channel of the account's orders.
pub(super) const EXECUTIONS: &str = "executions";

/// Sets the countdown to this many whole seconds; 0 takes it off.
pub(super) fn timer(line: &mut String, seconds: u32, token: &str, id: u64) {
    line.push_str(r#"{"method":"cancel_all_orders_after","params":{"timeout":"#);
    push_u64(line, u64::from(seconds));
    line.push_str(r#","token":"#);
    push_string(line, token);
    close(line, id);
}

/// Subscribes the account's orders, with those now open.
pub(super) fn subscribe_executions(line: &mut String, token: &str, id: u64) {
    line.push_str(
        r#"{"method":"subscribe","params":{"channel":"executions","snap_orders":true,"snap_trades":false,"token":"#,
    );
    push_string(line, token);
    close(line, id);
}

/// Cancels every order of the account.
pub(super) fn cancel_all(line: &mut String, token: &str, id: u64) {
    line.push_str(r#"{"method":"cancel_all","params":{"token":"#);
    push_string(line, token);
    close(line, id);
}

/// Asks the gateway for a sign of life. With `params` it would be refused.
pub(super) fn ping(line: &mut String, id: u64) {
    line.push_str(r#"{"method":"ping","req_id":"#);
    push_u64(line, id);
    line.push('}');
}

fn close(line: &mut String, id: u64) {
    line.push_str(r#"},"req_id":"#);
    push_u64(line, id);
    line.push('}');
}

/// Any message Kraken sends, read only as far as it is needed. Unknown fields are tolerated: Kraken has added some
/// without notice before.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    /// Set on data messages.
    #[serde(borrow)]
    pub(super) channel: Option<Raw<'a>>,
    /// Set on answers.
    #[serde(borrow)]
    pub(super) method: Option<Raw<'a>>,
    #[serde(borrow)]
    req_id: Option<Raw<'a>>,
    #[serde(borrow)]
    success: Option<Raw<'a>>,
    #[serde(borrow)]
    error: Option<Raw<'a>>,
    /// What the answer says.
    #[serde(borrow)]
    pub(super) result: Option<Raw<'a>>,
    /// The rows of a data message.
    #[serde(borrow)]
    pub(super) data: Option<Raw<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Raw<'a>>,
    #[serde(borrow)]
    sequence: Option<Raw<'a>>,
    #[serde(borrow)]
    time_out: Option<Raw<'a>>,
}

/// What an answer says about its request.
pub(super) enum Verdict<'a> {
    /// Done.
    Yes,
    /// Not done, in the venue's words.
    No(Cow<'a, str>),
    /// Neither. Never to be taken for success; pongs are known to look like this.
    Unsaid,
}

impl<'a> Frame<'a> {
    /// `None` when the text is not a JSON object.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        read_object(line)
    }

    /// The request this answers. A string is not an id: Kraken echoes integers only.
    pub(super) fn id(&self) -> Option<u64> {
        self.req_id?.token().parse().ok()
    }

    /// True when this answers that method.
    pub(super) fn answers(&self, method: &str) -> bool {
        self.method.is_some_and(|given| given.bare() == method)
    }

    /// When the gateway sent this answer, by its own clock, in milliseconds since the Unix epoch.
    pub(super) fn sent_ms(&self) -> Option<u64> {
        u64::try_from(unix_nanos(self.time_out?.bare())? / 1_000_000).ok()
    }

    /// What it says about the request.
    pub(super) fn verdict(&self) -> Verdict<'a> {
        if let Some(error) = self.error {
            return Verdict::No(error.text());
        }
        match self.success.and_then(Raw::as_bool) {
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No(Cow::Borrowed("")),
            None => Verdict::Unsaid,
        }
    }

    /// True for the message that restates everything.
    pub(super) fn is_snapshot(&self) -> bool {
        self.kind.is_some_and(|kind| kind.bare() == "snapshot")
    }

    /// The number of a data message on this connection.
    pub(super) fn sequence(&self) -> Option<u64> {
        self.sequence.and_then(Raw::as_u64)
    }
}

/// What an acknowledged timer request says about the countdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Countdown {
    /// It runs, and was set for this many nanoseconds.
    Running(i128),
    /// It is off: `triggerTime` is `"0"` or absent.
    Off,
    /// The answer cannot be read. Never to be taken for running, nor for off.
    Unclear,
}

impl Countdown {
    /// True when it runs for exactly these seconds.
    pub(super) fn is_running_for(self, seconds: u32) -> bool {
        self == Self::Running(i128::from(seconds) * 1_000_000_000)
    }
}

/// Reads `result` of a timer answer. Only the difference of the two stamps means anything: both are the engine's clock.
pub(super) fn countdown(result: Option<Raw<'_>>) -> Countdown {
    #[derive(Deserialize)]
    struct Stamps<'a> {
        #[serde(borrow, rename = "currentTime")]
        current: Option<Raw<'a>>,
        #[serde(borrow, rename = "triggerTime")]
        trigger: Option<Raw<'a>>,
    }
    let Some(stamps) = result.and_then(|result| result.read_object::<Stamps<'_>>()) else { return Countdown::Unclear };
    let Some(trigger) = stamps.trigger.map(Raw::bare).filter(|text| !matches!(*text, "" | "0")) else {
        return Countdown::Off;
    };
    let current = stamps.current.map(Raw::bare).and_then(unix_nanos);
    match (current, unix_nanos(trigger)) {
        (Some(current), Some(trigger)) if trigger > current => Countdown::Running(trigger - current),
        _ => Countdown::Unclear,
    }
}

/// The channel an acknowledged subscription names.
pub(super) fn subscribed_channel(result: Option<Raw<'_>>) -> Option<&str> {
    #[derive(Deserialize)]
    struct Subscribed<'a> {
        #[serde(borrow)]
        channel: Option<Raw<'a>>,
    }
    Some(result?.read_object::<Subscribed<'_>>()?.channel?.bare())
}

/// How many orders an acknowledged cancel-all says it cancelled.
pub(super) fn cancelled_count(result: Option<Raw<'_>>) -> Option<u64> {
    #[derive(Deserialize)]
    struct Cancelled<'a> {
        #[serde(borrow)]
        count: Option<Raw<'a>>,
    }
    result?.read_object::<Cancelled<'_>>()?.count?.as_u64()
}

/// Reads an RFC 3339 time as nanoseconds since the Unix epoch. Lenient where Kraken is: any number of fractional digits,
/// a missing zone means UTC, a space may stand for the `T`.
pub(super) fn unix_nanos(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let separated = |at: usize, by: &[u8]| bytes.get(at).is_some_and(|b| by.contains(b));
    if !(separated(4, b"-")
        && separated(7, b"-")
        && separated(10, b"Tt ")
        && separated(13, b":")
        && separated(16, b":"))
    {
        return None;
    }
    let field = |from: usize, to: usize| digits(text.get(from..to)?);
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = split_fraction(text.get(19..)?)?;
    let seconds =
        (days_from_unix_epoch(year, month, day) * 24 + hour) * 3600 + minute * 60 + second - zone_seconds(zone)?;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

/// Splits `.123456Z` into nanoseconds and zone; digits past the ninth are cut.
fn split_fraction(tail: &str) -> Option<(i64, &str)> {
    let Some(rest) = tail.strip_prefix('.') else { return Some((0, tail)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let kept = &rest[..length.min(9)];
    let scale = 10_i64.pow(9 - u32::try_from(kept.len()).ok()?);
    Some((digits(kept)? * scale, &rest[length..]))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, offset) = match zone.split_at_checked(1)? {
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let (hours, minutes) = offset.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| digits(text)).flatten();
    Some(sign * (two(hours)? * 3600 + two(minutes)? * 60))
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_from_unix_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn times_are_read_with_and_without_fraction_and_zone() {
        let whole = 1_716_146_540_000_000_000;
        for (text, nanos) in [
            ("2024-05-19T19:22:20Z", whole),
            ("2024-05-19T19:22:20", whole),
            ("2024-05-19 19:22:20z", whole),
            ("2024-05-19T21:22:20+02:00", whole),
            ("2024-05-19T18:52:20-00:30", whole),
            ("2024-05-19T19:22:20.000000001Z", whole + 1),
            ("2024-05-19T19:22:20.1", whole + 100_000_000),
            ("2024-05-19T19:22:20.0000000019Z", whole + 1),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000_000_000),
        ] {
            assert_eq!(unix_nanos(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_not_read_as_one() {
        for text in [
            "",
            "0",
            "2024",
            "2024-05-19",
            "2024-13-19T19:22:20Z",
            "2024-05-19T24:22:20Z",
            "2024-05-19T19:22:2",
            "2024-05-19T19:22:20X",
            "2024-05-19T19:22:20.Z",
            "2024-05-19T19:22:20+2:00",
            "20240519T192220Z",
            "+024-05-19T19:22:20Z",
            "2024-05-19T19:22:éé",
            "ééééééééééééééé",
        ] {
            assert_eq!(unix_nanos(text), None, "{text}");
        }
    }

    #[test]
    fn a_countdown_is_the_difference_of_the_engines_own_stamps() {
        let armed = raw(r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":"2024-05-19T19:22:25Z"}"#);
        assert!(countdown(Some(armed)).is_running_for(5));
        assert!(!countdown(Some(armed)).is_running_for(6));
    }

    #[test]
    fn zero_or_absent_trigger_means_off() {
        for text in [
            r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":"0"}"#,
            r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":0}"#,
            r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":null}"#,
            r#"{"currentTime":"2024-05-19T19:22:20Z"}"#,
        ] {
            assert_eq!(countdown(Some(raw(text))), Countdown::Off, "{text}");
        }
    }

    #[test]
    fn an_unreadable_countdown_is_neither_running_nor_off() {
        assert_eq!(countdown(None), Countdown::Unclear);
        for text in [
            "[]",
            "7",
            r#"{"currentTime":"soon","triggerTime":"2024-05-19T19:22:25Z"}"#,
            r#"{"triggerTime":"2024-05-19T19:22:25Z"}"#,
            r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":"later"}"#,
            r#"{"currentTime":"2024-05-19T19:22:20Z","triggerTime":"2024-05-19T19:22:20Z"}"#,
        ] {
            assert_eq!(countdown(Some(raw(text))), Countdown::Unclear, "{text}");
        }
    }
}
