//! Every small world of every venue: session-bound switches (Crypto.com, Deribit), a window after a drop (Bybit), a countdown
//! (Kraken). `make exhaustive` allows three troubles in each; with the other tests there are two, at fewer boundaries.
//!
//! `KILLCORD_WORLD=1,0,4` plays one world of every venue again; `KILLCORD_FAULTS` and `KILLCORD_BOUNDARIES` say how far to go.

use super::figures::{Figures, number};
use super::worlds::{BYBIT, CRYPTO_COM, DERIBIT, KRAKEN, Side};
use killcord::sim::exhaustive::{self, BEGINNING_COUNT, Choices, MISHAPS, Mishap, Size, plan};
use killcord::sim::invariants::{Checker, Violation};
use killcord::sim::sometimes::Sometimes;
use killcord::venue::Venue;
use std::time::Instant;

/// Small enough to be played through with every test. An unoptimised build plays a few only.
const SIZE: Size = Size { faults: if cfg!(debug_assertions) { 1 } else { 2 }, boundaries: 4 };
/// Of a failure's trace.
const LINES: usize = 200;

#[test]
fn crypto_com_holds_its_promises_in_every_small_world() {
    explore(&CRYPTO_COM);
}

#[test]
fn deribit_holds_its_promises_in_every_small_world() {
    explore(&DERIBIT);
}

#[test]
fn bybit_holds_its_promises_in_every_small_world() {
    explore(&BYBIT);
}

#[test]
fn kraken_holds_its_promises_in_every_small_world() {
    explore(&KRAKEN);
}

fn size() -> Size {
    let size = |name, default| number(name).map_or(default, |count| count as usize);
    Size { faults: size("KILLCORD_FAULTS", SIZE.faults), boundaries: size("KILLCORD_BOUNDARIES", SIZE.boundaries) }
}

/// The one world that is to be played again.
fn wanted() -> Option<Vec<u8>> {
    let made = std::env::var("KILLCORD_WORLD").ok()?;
    Some(made.split(',').map(|choice| choice.trim().parse().unwrap()).collect())
}

fn explore<V: Venue>(side: &Side<V>) {
    if let Some(made) = wanted() {
        return tell(side, &made).map_or_else(|broken| panic!("{}: {}", side.name, broken.0), drop);
    }
    let (mut found, figures) = (Found::default(), Figures::of("exhaustive", side.name));
    #[expect(clippy::disallowed_methods, reason = "the pace is reported; nothing decides by it")]
    let began = Instant::now();
    let mut choices = Choices::default();
    loop {
        let mut world = side.world_for(&plan());
        let mut story = Vec::new();
        match exhaustive::play(&mut world, &side.cast(), size(), &mut choices, &mut story) {
            Ok(checker) => found.add(world.steps, &checker.sometimes, story.iter().map(|(_, mishap)| *mishap)),
            Err(_) => fail(side, &choices.made()),
        }
        if !choices.advance() {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let (worlds, pace) = (found.worlds, found.worlds as f64 / took);
    eprintln!("{}: {worlds} small worlds, {} steps, {took:.1} s, {pace:.0} worlds/s", side.name, found.steps);
    eprintln!("{}: with 0, 1, 2, 3 troubles: {:?}; of each kind: {:?}", side.name, found.by_count, found.by_kind());
    found.is_complete(side.name);
    let mut figures = figures.after(took);
    figures.sum("worlds", worlds);
    figures.sum("steps", found.steps);
    figures.sum("claims_checked", found.reached.claims_checked);
    figures.sum("venue_trips", found.reached.venue_trips);
    figures.most("faults_most", size().faults as u64);
    figures.most("boundaries", size().boundaries as u64);
    figures.finish("worlds");
}

/// What all worlds of one venue went through.
#[derive(Default)]
struct Found {
    worlds: u64,
    steps: u64,
    reached: Sometimes,
    by_count: [u64; 5],
    kinds: Vec<Mishap>,
    counts: Vec<u64>,
}

impl Found {
    fn add(&mut self, steps: u64, reached: &Sometimes, mishaps: impl Iterator<Item = Mishap>) {
        let mut troubles = 0;
        for mishap in mishaps {
            troubles += 1;
            match self.kinds.iter().position(|known| *known == mishap) {
                Some(index) => self.counts[index] += 1,
                None => {
                    self.kinds.push(mishap);
                    self.counts.push(1);
                }
            }
        }
        self.worlds += 1;
        self.steps += steps;
        self.reached.add(reached);
        self.by_count[troubles] += 1;
    }

    fn by_kind(&self) -> Vec<(Mishap, u64)> {
        self.kinds.iter().copied().zip(self.counts.iter().copied()).collect()
    }

    /// A search that never got anywhere looks like one that found nothing.
    fn is_complete(&self, venue: &str) {
        let Size { faults, boundaries } = size();
        assert_eq!(self.kinds.len(), MISHAPS.len(), "{venue}: troubles that never began");
        assert_eq!(self.by_count[0], BEGINNING_COUNT as u64, "{venue}: nothing happens in one world of each beginning");
        assert_eq!(
            self.by_count[1],
            (BEGINNING_COUNT * boundaries * MISHAPS.len()) as u64,
            "{venue}: every single trouble"
        );
        assert!((0..=faults).all(|troubles| self.by_count[troubles] > 0), "{venue}: {:?}", self.by_count);
        assert!(self.reached.venue_trips > 0 && self.reached.armed > self.worlds, "{venue}: {:?}", self.reached);
        assert!(
            self.reached.lapses_answered > 0 && self.reached.armed_after_restart > 0,
            "{venue}: {:?}",
            self.reached
        );
    }
}

/// Plays it again, this time taking notes.
fn fail<V: Venue>(side: &Side<V>, made: &[u8]) -> ! {
    let made_text = made.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let Size { faults, boundaries } = size();
    let replay = format!("KILLCORD_FAULTS={faults} KILLCORD_BOUNDARIES={boundaries} KILLCORD_WORLD={made_text}");
    let broken = tell(side, made).expect_err("the same choices end in the same way");
    panic!("{replay} on {}: {}", side.name, broken.0);
}

fn tell<V: Venue>(side: &Side<V>, made: &[u8]) -> Result<Checker, Violation> {
    let mut world = side.world_for(&plan());
    world.trace.want(number("KILLCORD_LINES").map_or(LINES, |lines| lines as usize));
    let mut story = Vec::new();
    let played = exhaustive::play(&mut world, &side.cast(), size(), &mut Choices::of(made), &mut story);
    world.trace.last().for_each(|line| eprintln!("{line}"));
    story.iter().for_each(|(at, mishap)| eprintln!("{at:?} {mishap:?}"));
    eprintln!("{}: ended at {:?}", side.name, world.now().at);
    played
}
