//! One test binary: everything that needs more than one floor, or none.

#[cfg(feature = "driver")]
mod loopback;
mod promises;
mod simulation;
mod tidy;
