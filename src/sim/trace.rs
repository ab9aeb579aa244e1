//! What happened in a world, as text: the last lines for whoever looks at a failure, and a number that is equal for two
//! runs exactly when all of their lines are.

use std::collections::VecDeque;
use std::fmt::Write;

/// Nothing is formatted unless somebody wants it.
#[derive(Debug, Default)]
pub struct Trace {
    wanted: bool,
    kept: usize,
    hash: u64,
    count: u64,
    last: VecDeque<String>,
}

impl Trace {
    /// Collects from now on, and keeps the text of so many lines.
    pub fn want(&mut self, kept: usize) {
        (self.wanted, self.kept) = (true, kept);
        self.hash = 0xcbf2_9ce4_8422_2325;
    }

    /// True when lines are collected.
    pub const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Adds a line.
    pub fn add(&mut self, line: std::fmt::Arguments<'_>) {
        if !self.wanted {
            return;
        }
        let full = self.last.len() > self.kept;
        let mut text = if full { self.last.pop_front().unwrap_or_default() } else { String::new() };
        text.clear();
        if text.write_fmt(line).is_ok() {
            // FNV-1a: equal texts, equal numbers, on every machine.
            for byte in text.bytes().chain([b'\n']) {
                self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        self.count += 1;
        self.last.push_back(text);
    }

    /// How many lines there were, and the number that stands for all of them.
    pub const fn fingerprint(&self) -> (u64, u64) {
        (self.count, self.hash)
    }

    /// The last lines, oldest first.
    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().skip(self.last.len().saturating_sub(self.kept)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> (u64, u64) {
        let mut trace = Trace::default();
        trace.want(3);
        lines.iter().for_each(|line| trace.add(format_args!("{line}")));
        trace.fingerprint()
    }

    #[test]
    fn equal_lines_give_the_same_number_and_others_do_not() {
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["ab", ""]), of(&["a", "b"]));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut trace = Trace::default();
        trace.want(3);
        (0..8).for_each(|number| trace.add(format_args!("{number}")));
        assert_eq!((trace.last().next(), trace.last().count()), (Some("5"), 3));
    }
}
