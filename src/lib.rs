//! killcord keeps exchange-side order protection armed, proves that it is armed, and pulls the cord when the trading
//! program is no longer fit to hold orders.
//!
//! **The promise.** While killcord says *armed*, every order it names as covered would start being cancelled by the
//! venue within the published bound if this machine went dark now.
//!
//! **What it refuses to do.** No market data, no strategy, no order management, no position keeping. It owns the
//! authenticated link whose life the venue watches, what must be said on it, and when.
//!
//! # The floors
//!
//! A module may use the floors named beside it and no other. `tests/rust/tidy.rs` enforces this table.
//!
//! ```text
//!  6 python   src/python/*    the Python border              may use 5 3 2 0
//!  5 driver   src/driver/*    sockets, clock, threads, HTTP  may use 3 2 0  (serve.rs also 4)
//!  4 sim      src/sim/*       a world with virtual time      may use 3 2 0  (sim/exchange/*: 0 only)
//!  3 session  src/session/*   one guard: parts + a dialect   may use 2 1 0
//!  2 venue    src/venue/*     four dialects                  may use 0      (never each other, never 1)
//!  1 parts    src/parts/*     small pure machines            may use 0      (never each other)
//!  0 model    src/model/*     units, ids, config, events     may use nothing
//! ```
//!
//! Floors 0 to 4 build with no features: no socket, no clock, no thread, no randomness, no Python. Time is an input.

pub mod model;
pub mod parts;
pub mod session;
pub mod sim;
pub mod venue;

#[cfg(feature = "driver")]
pub mod driver;
#[cfg(feature = "python")]
mod python;
