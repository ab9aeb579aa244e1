//! Kill against the four embedded venues in a simulated world: everything rests, everything goes, and it is proven.

use super::worlds::{BYBIT, CRYPTO_COM, DERIBIT, KRAKEN};
use killcord::model::{EventKind, KillReport};
use killcord::session::Command;
use killcord::sim::network::Way;
use killcord::sim::world::World;
use killcord::venue::Venue;
use std::time::Duration;

const ORDERS: u64 = 60;

/// Arms, rests orders through the guard, one after the other.
fn rest<V: Venue>(world: &mut World<V>, order: fn(&mut World<V>, u64)) {
    world.command(Command::Start);
    run(world, Duration::from_secs(30));
    assert!(world.snapshot().permit, "{:?}", world.snapshot());
    for number in 0..ORDERS {
        order(world, number);
        // Venues limit how fast orders may come.
        run(world, Duration::from_millis(400));
    }
    assert_eq!(open(world), ORDERS as usize);
}

fn run<V: Venue>(world: &mut World<V>, length: Duration) {
    let end = world.now().at + length;
    while world.step(end) {}
}

fn open<V: Venue>(world: &World<V>) -> usize {
    world.exchange.floor().open_orders(|_| true).len()
}

fn kill<V: Venue>(world: &mut World<V>) -> KillReport {
    world.command(Command::Kill { reason: "test" });
    run(world, Duration::from_secs(31));
    let report = world.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::KillEnded { report } => Some(report.as_ref().clone()),
        _ => None,
    });
    report.expect("a kill ends within 30 s")
}

fn proven_within<V: Venue>(world: &mut World<V>, bound: Duration) {
    let report = kill(world);
    let proven = report.proven.unwrap_or_else(|| panic!("not proven: {report:?}"));
    assert!(proven.since(report.began) <= bound, "{report:?}");
    assert_eq!(open(world), 0);
    assert!(world.snapshot().latched && !world.snapshot().permit);
}

macro_rules! venues {
    ($($name:ident: $side:expr,)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn a_kill_with_a_healthy_link_is_proven() {
                let mut world = $side.world(Duration::from_millis(10), 1);
                rest(&mut world, $side.order);
                proven_within(&mut world, Duration::from_secs(5));
            }

            #[test]
            fn a_kill_while_the_venue_hears_nothing_is_proven_once_it_does() {
                let mut world = $side.world(Duration::from_millis(10), 1);
                rest(&mut world, $side.order);
                let now = world.now().at;
                world.network.cut(now, Way::Up);
                world.command(Command::Kill { reason: "test" });
                run(&mut world, Duration::from_secs(3));
                world.heal_path(true);
                proven_within(&mut world, Duration::from_secs(20));
            }
        }
    )* };
}

venues! {
    crypto_com: CRYPTO_COM,
    deribit: DERIBIT,
    bybit: BYBIT,
    kraken: KRAKEN,
}
