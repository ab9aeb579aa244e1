//! Floor 4: a world with virtual time. `exchange` holds the four simulated venues; they share no code with the dialects
//! and are the second opinion on every specification.

pub mod exchange;
