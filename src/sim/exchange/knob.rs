//! How an embedded venue declares its knobs: one struct with typed fields, from which the list of names, values and
//! descriptions, and the setting by name, follow. It decides nothing about any venue.

use std::time::Duration;

/// The longest time a knob may name: a day in milliseconds. Nothing a venue publishes is longer, except token lifetimes.
const MILLIS_MAX: u64 = 86_400_000;

/// A type a knob can have: text in, text out.
pub trait Setting: Sized {
    /// The value as text, as [`Setting::read`] would take it.
    fn show(&self) -> String;

    /// The value of this text, or the rule it breaks.
    fn read(text: &str) -> Result<Self, String>;
}

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Millis(pub u64);

/// A length of time in whole milliseconds, or `never`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MillisOrNever(pub Option<u64>);

impl Millis {
    /// The same as a duration.
    pub const fn length(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl MillisOrNever {
    /// The same as a duration; `None` for never.
    pub fn length(self) -> Option<Duration> {
        self.0.map(Duration::from_millis)
    }
}

impl Setting for Millis {
    fn show(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(millis) if millis <= MILLIS_MAX => Ok(Self(millis)),
            Ok(_) | Err(_) => Err(format!("must be whole milliseconds from 0 to {MILLIS_MAX}")),
        }
    }
}

impl Setting for MillisOrNever {
    fn show(&self) -> String {
        self.0.map_or_else(|| "never".to_owned(), |millis| millis.to_string())
    }

    fn read(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        Millis::read(text).map(|millis| Self(Some(millis.0))).map_err(|rule| format!("{rule}, or never"))
    }
}

impl Setting for bool {
    fn show(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "must be true or false".to_owned())
    }
}

impl Setting for u32 {
    fn show(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("must be a whole number from 0 to {}", Self::MAX))
    }
}

impl Setting for String {
    fn show(&self) -> String {
        self.clone()
    }

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

/// Declares a struct of knobs: `name: Type = default, "what it does, its unit and its range";`.
macro_rules! knobs {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident: $kind:ty = $default:expr, $doc:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $(#[doc = $doc] pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// Every knob with its value.
            pub fn list(&self) -> Vec<$crate::sim::exchange::Knob> {
                vec![$($crate::sim::exchange::Knob {
                    name: stringify!($field),
                    value: $crate::sim::exchange::knob::Setting::show(&self.$field),
                    doc: $doc,
                },)*]
            }

            /// Sets one by name.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), $crate::sim::exchange::KnobError> {
                let wrong = |rule: String| $crate::sim::exchange::KnobError {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    rule,
                };
                match name {
                    $(stringify!($field) => {
                        self.$field = $crate::sim::exchange::knob::Setting::read(value).map_err(wrong)?;
                    })*
                    _ => return Err(wrong("there is no knob of this name".to_owned())),
                }
                Ok(())
            }
        }
    };
}

/// Declares an enum whose variants a knob names by these words.
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        $vis enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $crate::sim::exchange::knob::Setting for $name {
            fn show(&self) -> String {
                match self {
                    $(Self::$variant => $word.to_owned(),)*
                }
            }

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("must be one of {}", [$($word),*].join(", "))),
                }
            }
        }
    };
}

pub(super) use {choice, knobs};

#[cfg(test)]
mod tests {
    use super::*;

    choice! {
        /// How.
        enum Way {
            /// One.
            Here = "here",
            /// Other.
            There = "there",
        }
    }

    knobs! {
        /// Some knobs.
        struct Knobs {
            delay_ms: Millis = Millis(50), "a delay in milliseconds";
            limit_ms: MillisOrNever = MillisOrNever(None), "a limit in milliseconds, or never";
            way: Way = Way::Here, "here or there";
        }
    }

    #[test]
    fn every_knob_reads_back_what_it_shows() {
        let mut knobs = Knobs::default();
        for knob in knobs.list() {
            knobs.set(knob.name, &knob.value).unwrap();
        }
        knobs.set("delay_ms", "7").unwrap();
        knobs.set("limit_ms", "9").unwrap();
        knobs.set("way", "there").unwrap();
        let values: Vec<String> = knobs.list().into_iter().map(|knob| knob.value).collect();
        assert_eq!(values, ["7", "9", "there"]);
        assert_eq!((knobs.delay_ms.length(), knobs.way), (Duration::from_millis(7), Way::There));
    }

    #[test]
    fn a_wrong_value_names_the_rule_and_changes_nothing() {
        let mut knobs = Knobs::default();
        let error = knobs.set("way", "sideways").unwrap_err();
        assert_eq!(error.to_string(), "knob way = sideways: must be one of here, there");
        assert!(knobs.set("delay_ms", "-1").is_err());
        assert!(knobs.set("delay_ms", "86400001").is_err());
        assert!(knobs.set("no_such_knob", "1").is_err());
        assert_eq!((knobs.delay_ms, knobs.way), (Millis(50), Way::Here));
    }
}
