//! Floor 3: one guard. A dialect and the small parts, joined into a machine with one entrance and one exit.

mod contract;

pub use contract::{Action, Command, Fate, HangUp, Input};
