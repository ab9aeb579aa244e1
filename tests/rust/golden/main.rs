//! Golden traces: one promise per file under `tests/golden`, told so that a trader can follow it. What is asked stands above
//! the line, what happened below it; nothing is typed by hand, everything below a line is what the session, the part and the
//! embedded venue did. `make golden` writes all of them anew; reading their diff is the review.
//!
//! A binary of its own, because it is built without features, and optimised as well: the same bytes in both.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod diff;
mod files;
mod part;
mod script;
mod sheet;
mod venue;
#[allow(dead_code, reason = "several test binaries share it, and each uses a part")]
#[path = "../worlds.rs"]
mod worlds;

use files::Told;

#[test]
fn crypto_com() {
    files::check(venue::tell(&worlds::CRYPTO_COM, &venue::CRYPTO_COM));
}

#[test]
fn deribit() {
    files::check(venue::tell(&worlds::DERIBIT, &venue::DERIBIT));
}

#[test]
fn bybit() {
    files::check(venue::tell(&worlds::BYBIT, &venue::BYBIT));
}

#[test]
fn kraken() {
    files::check(venue::tell(&worlds::KRAKEN, &venue::KRAKEN));
}

#[test]
fn parts() {
    files::check(part::tell());
}

/// A promise that is renamed leaves its old file behind, which then says something that nothing holds.
#[test]
fn every_file_belongs_to_a_promise() {
    files::check_none_is_left(&names());
}

#[test]
fn every_part_has_its_promises() {
    let parts = files::modules("src/parts");
    let told: Vec<String> = part::names().iter().map(|(folder, _)| folder.clone()).collect();
    let silent: Vec<&String> = parts.iter().filter(|part| !told.contains(part)).collect();
    assert_eq!(silent, Vec::<&String>::new(), "parts without a golden trace");
}

#[test]
fn a_world_told_twice_is_told_the_same() {
    let tell = || -> Vec<Told> { venue::tell(&worlds::KRAKEN, &venue::KRAKEN) };
    assert_eq!(tell(), tell());
}

fn names() -> Vec<(String, String)> {
    [venue::names(), part::names()].concat()
}
