//! Floor 4: a world with virtual time. `exchange` holds the four simulated venues; they share no code with the dialects
//! and are the second opinion on every specification. `world` puts a session, a venue and a network between them on one
//! clock; `chaos` draws what goes wrong from a seed; `checker` asks the venue after every step whether the claim is true.

pub mod chaos;
pub mod checker;
pub mod exchange;
pub mod network;
pub mod noise;
pub mod world;
