//! `docs/promises.md` says what the code does: bounds, steps and defaults in it are compared with the dialects' facts and
//! the default policy. What the words around them claim is for readers to judge.

use killcord::model::{Access, Credentials, Endpoint, Policy, Secret, TimeFactor};
use killcord::venue::bybit::{Bybit, BybitConfig, BybitProduct};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use killcord::venue::kraken::{Kraken, KrakenConfig};
use killcord::venue::{Facts, Venue};
use std::time::Duration;

const PROMISES: &str = include_str!("../../docs/promises.md");
const FRONT_PAGE: &str = include_str!("../../README.md");
const VENUES: [&str; 4] = ["Crypto.com", "Deribit", "Bybit", "Kraken"];

#[test]
fn the_page_states_crypto_coms_bound_and_steps() {
    let venue = CryptoCom::new(CryptoComConfig { access: access() }).expect("the configuration is valid");
    states("Crypto.com", venue.facts(), 4);
}

#[test]
fn the_page_states_deribits_bound_and_steps() {
    states("Deribit", deribit(10).facts(), 4);
    let slow = deribit(60).facts().exposure.bound.as_secs_f64();
    assert!(section("Deribit").contains(&format!("interval of 60 s the bound is {slow} s")));
}

#[test]
fn the_page_states_bybits_bound_and_steps() {
    let config = BybitConfig {
        access: Access { trade_url: Some(loopback("trade_url", "ws://127.0.0.1:1/")), ..access() },
        products: vec![BybitProduct::Derivatives],
        window_s: BybitConfig::WINDOW_S_DEFAULT,
        max_active_time_s: BybitConfig::MAX_ACTIVE_TIME_S_DEFAULT,
        trade_link: true,
    };
    let venue = Bybit::new(config).expect("the configuration is valid");
    states("Bybit", venue.facts(), 4);
}

#[test]
fn the_page_states_krakens_bound_steps_and_cadence() {
    let venue = Kraken::new(KrakenConfig::advised(access())).expect("the configuration is valid");
    states("Kraken", venue.facts(), 3);
    let cadence = KrakenConfig::CADENCE_DEFAULT.as_secs();
    assert!(section("Kraken").contains(&format!("every {cadence} s")));
}

#[test]
fn the_front_page_states_the_same_bounds() {
    let bounds: Vec<&str> = VENUES.iter().map(|venue| bound(section(venue))).collect();
    let row = format!("| bound, at the defaults | {} |", bounds.join(" | "));
    assert!(FRONT_PAGE.contains(&row), "{row}");
}

#[test]
fn the_page_states_the_default_policy() {
    let policy = Policy::default();
    let seconds = |length: Duration| format!("{} s", length.as_secs_f64());
    let table = section("How silence is judged");
    for length in [policy.probe_every, policy.suspect_margin, policy.dead_margin, policy.dead_floor] {
        assert!(table.contains(&seconds(length)), "{length:?} is not in {table}");
    }
    assert!(table.contains(&format!("| `TCP_USER_TIMEOUT` | | {} |", seconds(policy.user_timeout))));
    assert!(table.contains(&format!("venue request, every {}", seconds(policy.venue_probe_every))));
    assert!(section("What every venue has in common").contains(&seconds(policy.stall_limit)));
}

/// The section of one venue: its required steps in order, its bound, and a table of parts that adds up to the bound.
fn states(venue: &str, facts: &Facts, parts: usize) {
    let text = section(venue);
    let steps: Vec<String> = facts.required.iter().map(|step| format!("`{step:?}`")).collect();
    assert!(text.contains(&format!("| steps | {} |", steps.join(", "))), "{venue}: {steps:?}");
    let seconds = facts.exposure.bound.as_secs_f64();
    assert_eq!(bound(text), format!("{seconds} s"), "{venue}");
    let exposure = exposure_parts(text);
    assert_eq!(exposure.len(), parts, "{venue}: {exposure:?}");
    assert!((exposure.iter().sum::<f64>() - seconds).abs() < 1e-9, "{venue}: {exposure:?} add up to {seconds}?");
    if facts.can_read_back {
        let every = Policy::default().read_back_every.as_secs();
        assert!(text.contains(&format!("again every {every} s")), "{venue}: read back every {every} s");
    }
}

/// The text between a heading and the next one.
fn section(title: &str) -> &'static str {
    let (_, rest) = PROMISES.split_once(&format!("\n## {title}\n")).expect("the page has this section");
    rest.split("\n## ").next().expect("split yields at least one piece")
}

/// The bound a section states, with its unit.
fn bound(section: &str) -> &str {
    let (_, rest) = section.split_once("| bound | ").expect("the section states a bound");
    let (bound, _) = rest.split_once(" s").expect("a bound is in seconds");
    &rest[..bound.len() + 2]
}

/// The second column of the table whose head is `exposure | seconds`.
fn exposure_parts(text: &str) -> Vec<f64> {
    let (_, table) = text.split_once("| exposure | seconds |").expect("the section has an exposure table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(2).expect("three columns").trim().parse().expect("a number")).collect()
}

fn deribit(heartbeat_s: u32) -> Deribit {
    let config = DeribitConfig {
        access: access(),
        heartbeat_s,
        scope: DeribitScope::Connection,
        matching: MatchingCredits::default(),
    };
    Deribit::new(config).expect("the configuration is valid")
}

fn access() -> Access {
    let credentials = Credentials::new("KEY0KEY0", Secret::new("c2VjcmV0".into()), None).expect("valid credentials");
    let guard = loopback("guard_url", "ws://127.0.0.1:1/");
    let http = loopback("http_url", "http://127.0.0.1:1");
    Access::custom("test", guard, None, http, credentials, TimeFactor::REAL)
}

fn loopback(field: &'static str, url: &str) -> Endpoint {
    Endpoint::parse(field, url).expect("a loopback address")
}
