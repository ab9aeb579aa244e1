//! Reading venue JSON without trusting it: borrowed where possible, numbers kept as the text that arrived, so that a
//! 64-bit id never passes through a float, and both `7` and `"7"` are understood where a venue mixes them.

/// A venue's own words for an event: cleaned and cut as in refusals.
pub use crate::model::venue_text as clean;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Write;

/// A JSON value kept as the text that arrived.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Raw<'a>(#[serde(borrow)] &'a RawValue);

impl<'a> Raw<'a> {
    /// Exactly what arrived, quotes included.
    pub fn token(self) -> &'a str {
        self.0.get()
    }

    /// A string's content without quotes (escapes left as they are), or any other value's text.
    pub fn bare(self) -> &'a str {
        let text = self.0.get();
        text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
    }

    /// A number, or a string holding one, as an unsigned integer. Never goes through a float.
    pub fn as_u64(self) -> Option<u64> {
        self.bare().parse().ok()
    }

    /// A number, or a string holding one, as a signed integer. Never goes through a float.
    pub fn as_i64(self) -> Option<i64> {
        self.bare().parse().ok()
    }

    /// `true` or `"true"`.
    pub fn as_bool(self) -> Option<bool> {
        self.bare().parse().ok()
    }

    /// A string with escapes resolved; other values as their text.
    pub fn text(self) -> Cow<'a, str> {
        if self.bare().contains('\\')
            && let Ok(text) = serde_json::from_str::<String>(self.token())
        {
            return Cow::Owned(text);
        }
        Cow::Borrowed(self.bare())
    }

    /// Reads the value as something more specific.
    pub fn read<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.0.get()).ok()
    }

    /// Reads the value as something more specific, if it is an object.
    pub fn read_object<T: Deserialize<'a>>(self) -> Option<T> {
        read_object(self.0.get())
    }
}

/// The text of a value that may be missing or `null`: empty then.
pub fn text_or_empty(value: Option<Raw<'_>>) -> String {
    value.filter(|value| value.token() != "null").map(|value| value.text().into_owned()).unwrap_or_default()
}

/// Reads an object. A plain decode would take an array for a struct with its fields in order.
pub fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

/// True when arrays and objects are nested deeper than [`DEPTH_MAX`]. Text that is not JSON may be called so or not, and
/// what is no longer than [`SHORT`] is not looked at: it costs one in six instructions of an answered heartbeat, and not
/// more levels fit than the reader itself allows.
pub fn is_too_deep(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Most messages have fewer brackets than the deepest may have levels: counting is cheap, and the walk below is not.
    if bytes.len() <= SHORT || bytes.iter().filter(|byte| **byte | 0x20 == b'{').count() <= DEPTH_MAX {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// True when the text is JSON at all.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Appends `text` as a JSON string, quotes included.
pub fn push_string(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            c if c.is_control() => push_escape(line, c),
            c => line.push(c),
        }
    }
    line.push('"');
}

/// Appends an unsigned integer without allocating.
pub fn push_u64(line: &mut String, number: u64) {
    // Writing to a String cannot fail.
    let _ = write!(line, "{number}");
}

fn push_escape(line: &mut String, c: char) {
    let _ = write!(line, "\\u{:04x}", u32::from(c));
}

/// How deep a venue may nest. The deepest message any of them documents has six levels; the library's own limit is 128,
/// and every level of what a reader follows costs stack.
pub const DEPTH_MAX: usize = 32;
/// Each level opens and closes: 128 of them, the library's own limit, at most.
pub const SHORT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow)]
        id: Raw<'a>,
    }

    fn id(text: &str) -> Frame<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_largest_64_bit_id_survives_as_number_and_as_string() {
        assert_eq!(id(r#"{"id":9223372036854775807}"#).id.as_u64(), Some(i64::MAX as u64));
        assert_eq!(id(r#"{"id":"9223372036854775807"}"#).id.as_u64(), Some(i64::MAX as u64));
        assert_eq!(id(r#"{"id":1e3}"#).id.as_u64(), None);
    }

    #[test]
    fn strings_are_written_so_that_they_read_back() {
        let nasty = "a\"b\\c\nd\u{7f}";
        let mut line = String::new();
        push_string(&mut line, nasty);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), nasty);
    }

    #[test]
    fn thirty_two_levels_are_read_and_one_more_is_too_deep() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth: usize| format!("{}{}{}", open.repeat(depth), "0".repeat(SHORT), close.repeat(depth));
            assert!(!is_too_deep(&nested(DEPTH_MAX)));
            assert!(is_too_deep(&nested(DEPTH_MAX + 1)));
        }
    }

    #[test]
    fn brackets_beside_each_other_or_in_strings_are_not_depth() {
        assert!(!is_too_deep(&format!("[{}]", ["{}"; 1000].join(","))));
        assert!(!is_too_deep(&format!(r#"["{}"]"#, "[".repeat(1000))));
        assert!(!is_too_deep(&format!(r#"["\"{}"]"#, "[{".repeat(1000))));
        // A string that ends in an escaped backslash has ended.
        assert!(is_too_deep(&format!(r#"["\\",{}0{}]"#, "[".repeat(400), "]".repeat(400))));
    }
}
