//! Many guards in one process, on one engine, against embedded venues in processes of their own: what a session costs in
//! memory, descriptors and processor time, how quickly heartbeats are answered while all are, and how all come back after
//! their venues were restarted. Prints one line of JSON; `scale.py` runs it for a row of sizes.
//!
//! ```text
//! scale guards N PROBE_MS SECONDS warm|cold
//! ```
//!
//! The venue is Crypto.com: the one that cuts a client for one late answer. What is measured is read from the venues'
//! journals and the kernel's accounts, on the clock they share.

#![allow(clippy::disallowed_methods, reason = "a measurement reads clocks and waits; nothing here decides anything")]

use killcord::driver::{Engine, GuardHandle, GuardSpec};
use killcord::model::{Access, Credentials, Endpoint, EventKind, Moment, Policy, Secret, TimeFactor};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use measure::{Usage, percentiles};
use std::error::Error;
use std::time::{Duration, Instant};
use venues::Venues;

mod measure;
mod venues;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["venues", count] => venues::serve(count.parse()?),
        ["guards", count, probe_ms, seconds, warm] => {
            let probe_every = Duration::from_millis(probe_ms.parse()?);
            guards(count.parse()?, probe_every, Duration::from_secs(seconds.parse()?), warm == "warm")
        }
        _ => Err("scale guards N PROBE_MS SECONDS warm|cold".into()),
    }
}

fn guards(count: usize, probe_every: Duration, rest: Duration, warm: bool) -> Outcome<()> {
    let mut venues = Venues::start(count)?;
    let engine = Engine::start()?;
    let before = Usage::now()?;
    let guards = add(&engine, venues.urls(), count, probe_every, warm)?;
    let began = Instant::now();
    guards.iter().try_for_each(GuardHandle::start)?;
    let armed_after = until_all_claim(&guards)?.duration_since(began);
    // The connections opened ahead, the first list of open orders, and the buffers that come with them.
    std::thread::sleep(SETTLE);
    let settled = Usage::now()?;
    let arming = told(&guards)?;
    venues.mark()?;
    std::thread::sleep(rest);
    let rested = Usage::now()?;
    let beats = venues.beats()?;
    let at_rest = told(&guards)?;
    let returned = restart(&guards, &mut venues)?;
    let per_session = |bytes: u64| bytes as f64 / 1024.0 / count as f64;
    let (p50, p99, p999, max) = percentiles(&beats.answered_us);
    println!(
        "{{\"sessions\":{count},\"probe_ms\":{},\"warm\":{warm},\"armed_after_s\":{:.2},\"memory_kib\":{:.1},\
         \"descriptors\":{:.2},\"cpu_percent\":{:.4},\"beats\":{},\"answer_p50_us\":{p50:.0},\"answer_p99_us\":{p99:.0},\
         \"answer_p999_us\":{p999:.0},\"answer_max_us\":{max:.0},\"missed\":{},\"suspected\":{},\"lost\":{},\"stalled\":{},\
         \"lost_while_arming\":{},{returned}}}",
        probe_every.as_millis(),
        armed_after.as_secs_f64(),
        per_session(settled.memory.saturating_sub(before.memory)),
        (settled.descriptors - before.descriptors) as f64 / count as f64,
        100.0 * rested.processor.saturating_sub(settled.processor).as_secs_f64()
            / rested.at.duration_since(settled.at).as_secs_f64()
            / count as f64,
        beats.answered_us.len(),
        beats.missed,
        at_rest.suspected,
        at_rest.lost,
        at_rest.stalled,
        arming.lost,
    );
    Ok(())
}

fn add(
    engine: &Engine,
    urls: &[(String, String)],
    count: usize,
    probe_every: Duration,
    warm: bool,
) -> Outcome<Vec<GuardHandle>> {
    let policy = Policy::builder().probe_every(probe_every).venue_probe_every(VENUE_PROBE_EVERY).build()?;
    let guard = |at: usize| -> Outcome<GuardHandle> {
        let (socket, http) = &urls[at / venues::SESSIONS_MAX];
        let key = venues::key(at % venues::SESSIONS_MAX);
        let credentials = Credentials::new(&key, Secret::new(venues::SECRET.into()), None)?;
        let at = |url: &str| Endpoint::parse("url", url);
        let access = Access::custom(&key, at(socket)?, None, at(http)?, credentials, TimeFactor::REAL);
        let mut spec = GuardSpec::new(Box::new(CryptoCom::new(CryptoComConfig { access })?), policy);
        spec.http_ahead = warm;
        Ok(engine.add(spec)?)
    };
    (0..count).map(guard).collect()
}

/// When the last one claimed.
fn until_all_claim(guards: &[GuardHandle]) -> Outcome<Instant> {
    let end = Instant::now() + PATIENCE;
    for (at, guard) in guards.iter().enumerate() {
        while !guard.snapshot()?.claim() {
            if Instant::now() > end {
                let armed =
                    guards.iter().filter(|guard| guard.snapshot().is_ok_and(|snapshot| snapshot.claim())).count();
                return Err(format!("guard {at}: {:?}; {armed} claim", guard.snapshot()?).into());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
    Ok(Instant::now())
}

/// What the guards told since they were asked last.
#[derive(Default)]
struct Told {
    suspected: usize,
    lost: usize,
    stalled: usize,
    dials: usize,
    /// The shortest time between two dials of one guard.
    closest: Option<Duration>,
    /// When each was armed.
    armed: Vec<Moment>,
}

fn told(guards: &[GuardHandle]) -> Outcome<Told> {
    let mut told = Told::default();
    for guard in guards {
        let mut dialled: Option<Moment> = None;
        for event in guard.drain_events(usize::MAX)? {
            match event.kind {
                EventKind::Suspected { .. } => told.suspected += 1,
                EventKind::LinkLost { .. } => told.lost += 1,
                EventKind::Stalled { .. } => told.stalled += 1,
                EventKind::SwitchArmed { .. } => told.armed.push(event.at),
                EventKind::Dialling { .. } => {
                    told.dials += 1;
                    let pause = dialled.map(|before| event.at.since(before));
                    told.closest = [told.closest, pause].into_iter().flatten().min();
                    dialled = Some(event.at);
                }
                _ => {}
            }
        }
    }
    Ok(told)
}

/// All venues go away at once, refuse dials for a while, and are there again. The words for the JSON.
fn restart(guards: &[GuardHandle], venues: &mut Venues) -> Outcome<String> {
    let healed = venues.restart()?;
    until_all_claim(guards)?;
    let told = told(guards)?;
    let mut after: Vec<f64> = told.armed.iter().map(|at| at.since(healed).as_secs_f64() * 1e3).collect();
    after.sort_by(f64::total_cmp);
    let (p50, p99, _, max) = percentiles(&after);
    let refused = venues.refused()?;
    Ok(format!(
        "\"returned_p50_ms\":{p50:.0},\"returned_p99_ms\":{p99:.0},\"returned_max_ms\":{max:.0},\
         \"dials_per_session\":{:.2},\"closest_dials_ms\":{},\"refused_by_venue\":{refused}",
        told.dials as f64 / guards.len() as f64,
        told.closest.map_or(0, |closest| closest.as_millis()),
    ))
}

/// Proves more than the socket; ten thousand times every five seconds would be most of the traffic.
const VENUE_PROBE_EVERY: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(1);
