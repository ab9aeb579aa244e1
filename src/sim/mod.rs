//! Floor 4: a world with virtual time. `exchange` holds the four simulated venues; they share no code with the dialects
//! and are the second opinion on every specification. `world` puts a session, a venue and a network between them on one
//! time line, each with its clock; `plan` draws what goes wrong and what the application does from a seed; `chaos` carries
//! it out; `invariants` asks the venue after every step whether the claim is true, and `sometimes` counts what was reached.
//! `exhaustive` leaves nothing to chance: every placement of a few troubles in a short run.

pub mod application;
pub mod chaos;
pub mod clock;
pub mod exchange;
pub mod exhaustive;
pub mod invariants;
pub mod network;
pub mod noise;
pub mod outgoing;
pub mod plan;
pub mod sometimes;
pub mod stamps;
pub mod trace;
pub mod world;
