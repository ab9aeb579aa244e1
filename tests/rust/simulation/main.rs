//! Randomised worlds over all four venues: whatever goes wrong, nothing false is ever claimed, nothing is said after a
//! lapse, and once everything is healthy the guard is armed again in time. A binary of its own, because it is only worth
//! its time when it is built optimised; `docs/testing.md` says how to run more and how to replay one.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod figures;
mod random;
mod replays;
mod small;
#[allow(dead_code, reason = "two test binaries share it, and each uses a part")]
#[path = "../worlds.rs"]
mod worlds;
