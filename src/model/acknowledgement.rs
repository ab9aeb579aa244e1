//! The words with which somebody acknowledges a trip. Not checked for what they say: only that somebody said something,
//! and that an event and a line of the journal hold it whole.

use super::ConfigError;

/// Who takes note of a trip, and why orders may go out again: 1 to 500 characters, not only blanks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement(String);

impl Acknowledgement {
    /// The most that is taken, in characters: half of what a line of the journal keeps of a text.
    pub const CHARACTERS_MAX: usize = 500;

    /// Refuses nothing said, and more than is kept.
    pub fn new(words: &str) -> Result<Self, ConfigError> {
        let characters = words.chars().count();
        if words.trim().is_empty() || characters > Self::CHARACTERS_MAX {
            let start: String = words.chars().take(SHOWN_MAX).collect();
            let value = format!("{start:?}{} ({characters} characters)", if characters > SHOWN_MAX { "…" } else { "" });
            return Err(ConfigError::new("acknowledge", value, "must have 1 to 500 characters, not only blanks"));
        }
        Ok(Self(words.to_owned()))
    }

    /// As they were given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So much of what was refused is shown, in characters.
const SHOWN_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_1_to_500_characters_are_taken_and_kept_as_they_are() {
        for words in ["x", " looked at it, mine ", &"é".repeat(500)] {
            assert_eq!(Acknowledgement::new(words).map(|taken| taken.0).as_deref(), Ok(words));
        }
    }

    #[test]
    fn nothing_said_is_refused_with_field_value_and_rule() {
        for (words, value) in [("", "\"\" (0 characters)"), (" \n\t", "\" \\n\\t\" (3 characters)")] {
            let refused = Acknowledgement::new(words).unwrap_err();
            assert_eq!((refused.field, refused.value.as_str()), ("acknowledge", value));
            assert!(refused.rule.contains("1 to 500 characters"), "{}", refused.rule);
        }
    }

    #[test]
    fn too_much_is_refused_and_only_its_start_is_shown() {
        let refused = Acknowledgement::new(&"é".repeat(501)).unwrap_err();
        assert_eq!(refused.value, format!("\"{}\"… (501 characters)", "é".repeat(40)));
    }
}
