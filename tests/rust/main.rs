//! One test binary: everything that needs more than one floor, or none.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[cfg(feature = "driver")]
mod hostile;
mod killing;
#[cfg(feature = "driver")]
mod loopback;
mod promises;
mod samples;
mod tidy;
#[allow(dead_code, reason = "two test binaries share it, and each uses a part")]
mod worlds;
