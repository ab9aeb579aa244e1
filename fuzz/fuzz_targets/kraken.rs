//! See `targets::kraken`.
#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code, reason = "the targets beside this one")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::kraken(bytes));
