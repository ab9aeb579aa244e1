//! What happened in one block, as lines of time, verb and noun. What happens again and again is shown twice, and once more
//! for the last time, with how many like it were left out.

use std::collections::BTreeMap;
use std::time::Duration;

/// See the module documentation.
#[derive(Default)]
pub struct Sheet {
    lines: Vec<Line>,
}

enum Line {
    Timed { at: Duration, verb: &'static str, noun: String },
    Plain(String),
}

/// So many of a kind are shown before the rest is left out.
const SHOWN: usize = 2;
/// A line is not longer, unless a single word is.
const WIDTH: usize = 130;

impl Sheet {
    /// Something happened.
    pub fn add(&mut self, at: Duration, verb: &'static str, noun: impl Into<String>) {
        self.lines.push(Line::Timed { at, verb, noun: noun.into() });
    }

    /// A line of a table.
    pub fn plain(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Plain(text.into()));
    }

    /// The block below its line.
    pub fn text(&self) -> String {
        if self.lines.is_empty() {
            return "nothing happens\n".to_owned();
        }
        let mut total: BTreeMap<String, usize> = BTreeMap::new();
        self.lines.iter().filter_map(Line::kind).for_each(|kind| *total.entry(kind).or_default() += 1);
        let (mut seen, mut text) = (BTreeMap::<String, usize>::new(), String::new());
        for line in &self.lines {
            let count = line.kind().map_or((0, 0), |kind| {
                let seen = seen.entry(kind.clone()).or_default();
                *seen += 1;
                (*seen, total[&kind])
            });
            text.push_str(&line.shown(count));
        }
        text
    }
}

impl Line {
    /// Lines that differ in numbers only are of one kind.
    fn kind(&self) -> Option<String> {
        let Self::Timed { verb, noun, .. } = self else { return None };
        let mut kind = format!("{verb} ");
        for c in noun.chars() {
            if !c.is_ascii_digit() {
                kind.push(c);
            } else if !kind.ends_with('#') {
                kind.push('#');
            }
        }
        Some(kind)
    }

    /// `count` is the how manieth of its kind this is, and how many there are.
    fn shown(&self, (this, all): (usize, usize)) -> String {
        let (at, verb, noun) = match self {
            Self::Plain(text) => return format!("{text}\n"),
            Self::Timed { at, verb, noun } => (at, verb, noun),
        };
        let left_out = all.saturating_sub(SHOWN + 1);
        if left_out > 1 && this > SHOWN && this < all {
            return String::new();
        }
        let more = if left_out > 1 && this == all { format!("  ({left_out} like it left out)") } else { String::new() };
        wrapped(&format!("{:>8}  {verb:<6} ", moment(*at)), &format!("{noun}{more}"))
    }
}

/// What does not fit goes on below, under where the noun begins.
fn wrapped(start: &str, text: &str) -> String {
    let (mut lines, mut line) = (String::new(), start.to_owned());
    for word in text.split(' ') {
        if line.chars().count() + word.chars().count() > WIDTH && line.chars().count() > start.chars().count() {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = " ".repeat(start.chars().count() + 2);
        }
        line.push_str(word);
        line.push(' ');
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

/// Seconds since the story began, to the millisecond.
pub fn moment(at: Duration) -> String {
    let nanos = at.as_nanos() + 500_000;
    format!("{}.{:03}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000_000)
}

/// A length of time as people say it: at most three decimals.
pub fn length(length: Duration) -> String {
    let text = moment(length);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} s")
}

#[test]
fn what_repeats_is_shown_at_its_beginning_and_at_its_end() {
    let mut sheet = Sheet::default();
    (0..6_u64).for_each(|n| sheet.add(Duration::from_secs(n), "dial", format!("link {}", n + 1)));
    sheet.add(Duration::from_secs(7), "tell", "armed");
    let expected = "   0.000  dial   link 1\n   1.000  dial   link 2\n   5.000  dial   link 6  (3 like it left out)\n   \
                    7.000  tell   armed\n";
    assert_eq!(sheet.text(), expected);
}

#[test]
fn a_length_has_no_zeros_to_spare() {
    assert_eq!(length(Duration::from_millis(1_500)), "1.5 s");
    assert_eq!(length(Duration::from_secs(60)), "60 s");
    assert_eq!(length(Duration::ZERO), "0 s");
}
