//! What goes wrong, drawn from a seed: one trouble after another, sometimes two at once, then healing, then the demand
//! that the guard is armed again within a stated time. Two rule sets: under trouble nothing wrong may ever be said
//! (safety); once healed, the right thing must be said soon (liveness).

use super::checker::{Tally, Violation};
use super::exchange::Fault;
use super::network::Way;
use super::noise::Noise;
use super::world::World;
use crate::model::Moment;
use crate::session::Command;
use crate::venue::Venue;
use std::time::Duration;

/// Once everything is healthy, armed within this: a refusal that a person must resolve is asked again after 60 s, after
/// a long outage dials are up to 25 s apart, and Bybit's window needs 10 s to act.
pub const RECOVERY: Duration = Duration::from_secs(100);

/// One thing that can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing passes in either direction.
    Cut,
    /// Nothing passes to the venue; its messages still arrive.
    CutUp,
    /// Nothing passes to the guard; its messages still arrive.
    CutDown,
    /// The guard's process stops running.
    Freeze,
    /// The venue resets every connection.
    Reset,
    /// The venue closes every connection with this code.
    Close(u16),
    /// The venue misbehaves.
    Venue(Fault),
}

/// What an application does with the guard: places an order through it.
pub type PlaceOrder<V> = fn(&mut World<V>, u64);

/// Runs one schedule: `troubles` troubles, then healing and the demand to be armed.
///
/// # Errors
/// The first broken promise.
pub fn run<V: Venue>(
    world: &mut World<V>,
    noise: &mut Noise,
    troubles: u64,
    order: PlaceOrder<V>,
) -> Result<Tally, Violation> {
    let mut tally = Tally::default();
    world.command(Command::Start);
    for _ in 0..troubles {
        pass(world, noise, &mut tally, order, 200..20_000)?;
        let trouble = draw(noise);
        begin(world, noise, &trouble);
        if noise.one_in(4) {
            pass(world, noise, &mut tally, order, 10..500)?;
            let another = draw(noise);
            begin(world, noise, &another);
        }
        pass(world, noise, &mut tally, order, 10..90_000)?;
        if !noise.one_in(5) {
            heal(world);
        }
    }
    heal(world);
    await_armed(world, &mut tally)?;
    Ok(tally)
}

fn draw(noise: &mut Noise) -> Trouble {
    let step = || "*".to_owned();
    let times = u32::try_from(noise.within(1..4)).unwrap_or(1);
    match noise.within(0..14) {
        0 => Trouble::Cut,
        1 => Trouble::CutUp,
        2 => Trouble::CutDown,
        3 => Trouble::Freeze,
        4 => Trouble::Reset,
        5 => Trouble::Close(1000),
        6 => Trouble::Venue(Fault::Refuse { step: step(), code: None, times }),
        7 => Trouble::Venue(Fault::LoseRequest { step: step(), times }),
        8 => Trouble::Venue(Fault::LoseAnswer { step: step(), times }),
        9 => Trouble::Venue(Fault::Late { step: step(), by: noise.millis(100..9_000), times }),
        10 => Trouble::Venue(Fault::SilentPings),
        11 => Trouble::Venue(Fault::NoHeartbeats),
        12 => Trouble::Venue(Fault::Dishonour),
        _ => Trouble::Venue(Fault::Maintenance),
    }
}

fn begin<V: Venue>(world: &mut World<V>, noise: &mut Noise, trouble: &Trouble) {
    let now = world.now();
    match trouble {
        Trouble::Cut => {
            world.network.cut(now.at, Way::Up);
            world.network.cut(now.at, Way::Down);
        }
        Trouble::CutUp => world.network.cut(now.at, Way::Up),
        Trouble::CutDown => world.network.cut(now.at, Way::Down),
        Trouble::Freeze => world.freeze(noise.millis(50..40_000)),
        Trouble::Reset => world.venue_drops_all(None),
        Trouble::Close(code) => world.venue_drops_all(Some(*code)),
        Trouble::Venue(fault) => world.exchange.floor_mut().apply(now, fault.clone()),
    }
}

fn heal<V: Venue>(world: &mut World<V>) {
    let now = world.now().at;
    world.network.heal(now);
    world.exchange.floor_mut().heal();
}

/// Lets time pass while the application trades and acknowledges trips after a while.
fn pass<V: Venue>(
    world: &mut World<V>,
    noise: &mut Noise,
    tally: &mut Tally,
    order: PlaceOrder<V>,
    millis: std::ops::Range<u64>,
) -> Result<(), Violation> {
    let end = world.now().at + noise.millis(millis);
    while world.now().at < end {
        let pause = (world.now().at + noise.millis(300..3_000)).min(end);
        run_until(world, tally, pause)?;
        if world.frozen() {
            continue;
        }
        if world.snapshot().latched && noise.one_in(2) {
            world.command(Command::Rearm);
        } else {
            order(world, noise.bits());
        }
        tally.check(world)?;
    }
    Ok(())
}

fn run_until<V: Venue>(world: &mut World<V>, tally: &mut Tally, until: Moment) -> Result<(), Violation> {
    while world.step(until) {
        tally.check(world)?;
    }
    Ok(())
}

fn await_armed<V: Venue>(world: &mut World<V>, tally: &mut Tally) -> Result<(), Violation> {
    let healed = world.now().at;
    let limit = healed + RECOVERY + Duration::from_secs(40);
    let mut armed_since = None;
    while world.step(limit) {
        tally.check(world)?;
        let armed = world.snapshot().claim() && !world.frozen();
        // Armed for a whole second: not a last moment before an old fault shows.
        armed_since = if armed { Some(armed_since.unwrap_or(world.now().at)) } else { None };
        if armed_since.is_some_and(|since: Moment| world.now().at.since(since) >= Duration::from_secs(1)) {
            return Ok(());
        }
        if world.now().at.since(healed) > RECOVERY && !world.frozen() && armed_since.is_none() {
            break;
        }
    }
    Err(Violation(format!("not armed {:?} after everything healed: {:?}", RECOVERY, world.snapshot())))
}
