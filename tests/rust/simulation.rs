//! Randomised worlds over all four venues: whatever goes wrong, armed is never said while the venue would not cancel
//! within the published exposure, and once everything is healthy the guard is armed again in time.
//!
//! `KILLCORD_SEED=n` replays one schedule of every venue; `KILLCORD_SCHEDULES=n` says how many to run.

use super::worlds::{BYBIT, CRYPTO_COM, DERIBIT, KRAKEN, Side};
use killcord::sim::chaos;
use killcord::sim::noise::Noise;
use killcord::sim::world::World;
use killcord::venue::Venue;
use std::ops::Range;

const SCHEDULES: u64 = 150;
/// With fewer schedules than this it is luck which states are reached.
const ENOUGH: usize = 50;

#[test]
fn crypto_com_armed_is_never_claimed_in_vain_and_always_claimed_again() {
    run(&CRYPTO_COM);
}

#[test]
fn deribit_armed_is_never_claimed_in_vain_and_always_claimed_again() {
    run(&DERIBIT);
}

#[test]
fn bybit_armed_is_never_claimed_in_vain_and_always_claimed_again() {
    run(&BYBIT);
}

#[test]
fn kraken_armed_is_never_claimed_in_vain_and_always_claimed_again() {
    run(&KRAKEN);
}

/// Runs every schedule of one venue and demands that the interesting states were reached.
fn run<V: Venue>(side: &Side<V>) {
    let (mut claims, mut armed, mut trips, mut steps) = (0, 0, 0, 0);
    for seed in schedules() {
        let mut noise = Noise::new(seed.wrapping_mul(0x1234_5678_9abc_def1) ^ side.name.len() as u64);
        let (delay, troubles) = (noise.millis(1..120), noise.within(1..6));
        let mut world = side.world(delay, seed);
        match chaos::run(&mut world, &mut noise, troubles, side.order) {
            Ok(tally) => {
                claims += tally.claims_checked;
                armed += tally.armed;
                trips += tally.trips;
                steps += world.steps;
            }
            Err(violation) => {
                let drawn = format!("KILLCORD_SEED={seed} (delay {delay:?}, {troubles} troubles)");
                fail(side.name, &drawn, &world, &violation.0)
            }
        }
    }
    eprintln!("{}: {steps} steps, {claims} claims checked, {armed} times armed, {trips} trips", side.name);
    if schedules().count() > ENOUGH {
        assert!(claims > 10_000 && armed > 100 && trips > 10, "{}: the interesting states were not reached", side.name);
    }
}

fn schedules() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KILLCORD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KILLCORD_SCHEDULES").unwrap_or(SCHEDULES),
    }
}

fn fail<V: Venue>(name: &str, drawn: &str, world: &World<V>, violation: &str) -> ! {
    for event in world.events.iter().skip(world.events.len().saturating_sub(40)) {
        eprintln!("guard {:?} epoch {}: {:?}", event.at, event.epoch.0, event.kind);
    }
    let journal = world.exchange.floor().journal();
    for entry in &journal[journal.len().saturating_sub(40)..] {
        eprintln!("venue {:?} {:?} {:?} {}", entry.at, entry.conn, entry.kind, entry.detail);
    }
    panic!("{name}, {drawn} at {:?}: {violation}", world.now().at);
}
