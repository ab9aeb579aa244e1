//! Plans drawn from seeds, carried out over all four venues.
//!
//! `KILLCORD_SEED=n` replays one schedule of every venue; `KILLCORD_SCHEDULES=n` says how many to run of each.

use super::worlds::{BYBIT, CRYPTO_COM, DERIBIT, KRAKEN, Side};
use killcord::sim::chaos;
use killcord::sim::plan::Plan;
use killcord::sim::sometimes::Sometimes;
use killcord::venue::Venue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// Of every venue. An unoptimised build is there to look into one schedule, not to run many.
const SCHEDULES: u64 = if cfg!(debug_assertions) { 40 } else { 1_000 };

/// Of a failure's trace; `KILLCORD_LINES=n` shows more.
const LINES: usize = 200;

#[test]
fn crypto_com_claims_nothing_in_vain_and_is_always_armed_again() {
    run(&CRYPTO_COM);
}

#[test]
fn deribit_claims_nothing_in_vain_and_is_always_armed_again() {
    run(&DERIBIT);
}

#[test]
fn bybit_claims_nothing_in_vain_and_is_always_armed_again() {
    run(&BYBIT);
}

#[test]
fn kraken_claims_nothing_in_vain_and_is_always_armed_again() {
    run(&KRAKEN);
}

fn run<V: Venue>(side: &Side<V>) {
    let (mut reached, mut steps, mut slowest) = (Sometimes::default(), 0, BTreeMap::<_, Duration>::new());
    for seed in schedules() {
        let plan = Plan::draw(seed);
        let mut world = side.world_for(&plan);
        match chaos::run(&mut world, &plan, &side.cast()) {
            Ok(checker) => {
                reached.add(&checker.sometimes);
                steps += world.steps;
                for (why, took) in checker.slowest {
                    let longest = slowest.entry(why).or_default();
                    *longest = took.max(*longest);
                }
            }
            Err(_) => fail(side, &plan),
        }
    }
    eprintln!("{}: {steps} steps, slowest {slowest:?}", side.name);
    eprintln!("{}: {:?}", side.name, reached.all());
}

fn schedules() -> Range<u64> {
    match number("KILLCORD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KILLCORD_SCHEDULES").unwrap_or(SCHEDULES),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays it again, this time taking notes.
fn fail<V: Venue>(side: &Side<V>, plan: &Plan) -> ! {
    eprintln!("KILLCORD_SEED={} on {}: {plan:#?}", plan.seed, side.name);
    let mut world = side.world_for(plan);
    world.trace.want(number("KILLCORD_LINES").map_or(LINES, |lines| lines as usize));
    let violation = chaos::run(&mut world, plan, &side.cast()).expect_err("the same plan ends in the same way");
    world.trace.last().for_each(|line| eprintln!("{line}"));
    panic!("{}, KILLCORD_SEED={} at {:?}: {}", side.name, plan.seed, world.now().at, violation.0);
}
