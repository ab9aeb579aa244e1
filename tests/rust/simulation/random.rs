//! Plans drawn from seeds, carried out over all four venues: safety under any trouble, liveness once what must be healed is.
//!
//! `KILLCORD_SEED=n` replays one schedule of every venue; `KILLCORD_SCHEDULES=n` says how many to run of each.

use super::figures::{Figures, number};
use super::worlds::{BYBIT, CRYPTO_COM, DERIBIT, KRAKEN, Side};
use killcord::sim::chaos;
use killcord::sim::plan::Plan;
use killcord::sim::sometimes::Sometimes;
use killcord::venue::Venue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Of every venue. An unoptimised build is there to look into one schedule, not to run many.
const SCHEDULES: u64 = if cfg!(debug_assertions) { 40 } else { 30_000 };
/// Of a failure's trace; `KILLCORD_LINES=n` shows more.
const LINES: usize = 200;
/// With this many schedules every state that a venue can reach must have been reached, each this often.
const ENOUGH: u64 = 20_000;
const OFTEN: u64 = 20;

#[test]
fn crypto_com_claims_nothing_in_vain_and_is_always_armed_again() {
    // No countdown; no read-back that disagrees without somebody else's act; and nothing that lives for long in a kernel,
    // because its heartbeats are rare; so are its stamps, which the heartbeats carry.
    let never =
        ["trips_inside_bounds", "late_feeds", "read_backs_disagreed", "late_life_signs", "machine_pauses_noticed"];
    run(&CRYPTO_COM, &never);
}

#[test]
fn deribit_claims_nothing_in_vain_and_is_always_armed_again() {
    run(&DERIBIT, &["trips_inside_bounds", "late_feeds", "read_backs_disagreed"]);
}

#[test]
fn bybit_claims_nothing_in_vain_and_is_always_armed_again() {
    // It is no session-bound venue: no dead link is kept, and there is nothing to feed.
    run(
        &BYBIT,
        &["trips_inside_bounds", "late_feeds", "dead_links_revived", "dead_links_abandoned", "read_backs_disagreed"],
    );
}

#[test]
fn kraken_claims_nothing_in_vain_and_is_always_armed_again() {
    // Nothing can be read back there.
    run(&KRAKEN, &["read_backs_disagreed", "dead_links_revived", "dead_links_abandoned"]);
}

/// Runs every schedule of one venue. `never` names the states that this venue cannot reach.
fn run<V: Venue>(side: &Side<V>, never: &[&str]) {
    let (mut reached, mut steps, mut slowest) = (Sometimes::default(), 0, BTreeMap::<_, Duration>::new());
    let mut figures = Figures::of("simulation", side.name);
    #[expect(clippy::disallowed_methods, reason = "the pace is reported; nothing decides by it")]
    let began = Instant::now();
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
    let (count, took) = (schedules().count() as u64, began.elapsed().as_secs_f64());
    let pace = count as f64 / took;
    eprintln!("{}: {count} schedules, {steps} steps, {took:.1} s, {pace:.0} schedules/s", side.name);
    eprintln!("{}: slowest to armed {slowest:?}", side.name);
    eprintln!("{}: {:?}", side.name, reached.all());
    if count >= ENOUGH {
        let rare: Vec<_> =
            reached.all().into_iter().filter(|(name, count)| *count < OFTEN && !never.contains(name)).collect();
        assert_eq!(rare, [], "{}: states that were hardly reached", side.name);
    }
    figures = figures.after(took);
    figures.sum("schedules", count);
    figures.sum("steps", steps);
    figures.most("last_seed", schedules().end - 1);
    figures.most("slowest_to_armed_ms", slowest.values().max().map_or(0, |took| took.as_millis() as u64));
    reached.all().into_iter().for_each(|(name, count)| figures.sum(name, count));
    figures.finish("schedules");
}

fn schedules() -> Range<u64> {
    match number("KILLCORD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KILLCORD_SCHEDULES").unwrap_or(SCHEDULES),
    }
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
