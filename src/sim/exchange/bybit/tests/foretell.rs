//! The foretold trip against what happens when the connections really fall silent.

use super::*;
use crate::model::Moment;
use crate::sim::exchange::{Fault, JournalKind};
use proptest::prelude::*;

fn foretold(rig: &Rig<BybitExchange>, conns: &[ConnId]) -> Option<u64> {
    rig.venue.would_trip_by(rig.now().at, conns).map(|at| at.nanos() / 1_000_000)
}

#[test]
fn it_is_the_scan_after_the_limit_plus_the_window() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    assert_eq!(foretold(&rig, &[conn]), Some(45_000 + 10_000));
    rig.run_ms(20_000);
    ping(&mut rig, conn);
    assert_eq!(foretold(&rig, &[conn]), Some(75_000 + 10_000), "20 + 30 = 50, so the scan at 75");
}

#[test]
fn nothing_is_foretold_without_topic_entitlement_or_when_somebody_else_holds_it_off() {
    let mut rig = rig(1.0);
    let bare = guard(&mut rig, GUARD, &["order"]);
    assert_eq!(foretold(&rig, &[bare]), None);
    assert_eq!(foretold(&rig, &[]), None);
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    let foreign = guard(&mut rig, GUARD, &["dcp.future"]);
    assert_eq!(foretold(&rig, &[conn]), None);
    assert!(foretold(&rig, &[conn, foreign]).is_some());
    rig.drop_client(foreign);
    assert!(foretold(&rig, &[conn]).is_some());
    knob(&mut rig, "dcp_products", "SPOT");
    assert_eq!(foretold(&rig, &[conn]), None);
}

#[test]
fn the_last_of_several_products_decides() {
    let mut rig = rig(1.0);
    post(&mut rig, "/v5/order/disconnected-cancel-all", &json!({"product": "SPOT", "timeWindow": 100}));
    rig.run_ms(10_000);
    let conn = guard(&mut rig, GUARD, &["dcp.future", "dcp.spot"]);
    assert_eq!(foretold(&rig, &[conn]), Some(45_000 + 100_000));
}

#[test]
fn a_window_that_already_runs_is_foretold_until_it_is_cleared() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    rig.run_ms(2_000);
    rig.drop_client(conn);
    assert_eq!(foretold(&rig, &[conn]), Some(12_000));
    let back = session(&mut rig, GUARD);
    subscribe(&mut rig, back, &["dcp.future"]);
    assert_eq!(foretold(&rig, &[back]), Some(12_000), "not pinged yet");
    ping(&mut rig, back);
    assert_eq!(foretold(&rig, &[back]), Some(55_000));
}

#[test]
fn a_window_still_propagating_counts_if_it_acts_by_then() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    post(&mut rig, "/v5/order/disconnected-cancel-all", &json!({"product": "DERIVATIVES", "timeWindow": 60}));
    assert_eq!(foretold(&rig, &[conn]), Some(45_000 + 60_000));
    rig.drop_client(conn);
    assert_eq!(foretold(&rig, &[conn]), Some(10_000), "the loss came before the new window acted");
}

/// One thing a client does between two stretches of time.
#[derive(Clone, Copy, Debug)]
enum Move {
    Ping(usize),
    Rest(usize),
    Drop(usize),
    Open(usize),
    Window(u64),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..3usize).prop_map(Move::Ping),
        (0..2usize).prop_map(Move::Rest),
        (0..3usize).prop_map(Move::Drop),
        (0..4usize).prop_map(Move::Open),
        (3..40u64).prop_map(Move::Window),
        (1..40_000u64).prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 1..30)
}

const TOPICS: [&[&str]; 4] =
    [&["dcp.future"], &["dcp.future", "dcp.spot"], &["dcp.spot", "order"], &["dcp.future", "order.spot"]];

/// Knobs that change when something trips.
const QUIRKS: [(&str, &str); 4] = [
    ("pool_topics", "true"),
    ("heartbeat_dead_after_ms", "17000"),
    ("cancel_delay_ms", "700"),
    ("push_is_activity", "false"),
];

fn play(rig: &mut Rig<BybitExchange>, moves: &[Move]) -> Vec<ConnId> {
    play_with(rig, moves, Rig::run_ms)
}

fn play_with(rig: &mut Rig<BybitExchange>, moves: &[Move], wait: fn(&mut Rig<BybitExchange>, u64)) -> Vec<ConnId> {
    let mut conns = vec![guard(rig, GUARD, &["dcp.future"])];
    for step in moves {
        match *step {
            Move::Ping(index) => conns.get(index).copied().into_iter().for_each(|conn| ping(rig, conn)),
            Move::Rest(index) => {
                let (category, symbol) = [("linear", "BTCUSDT"), ("spot", "BTCUSDT")][index];
                let order = json!({"category": category, "symbol": symbol, "side": "Buy", "orderType": "Limit",
                    "qty": "1", "price": "1"});
                post(rig, "/v5/order/create", &order);
            }
            Move::Drop(index) => conns.get(index).copied().into_iter().for_each(|conn| rig.drop_client(conn)),
            Move::Open(kind) if conns.len() < 4 => conns.push(guard(rig, GUARD, TOPICS[kind])),
            Move::Open(_) => {}
            Move::Window(seconds) => {
                let set = json!({"product": "SPOT", "timeWindow": seconds});
                post(rig, "/v5/order/disconnected-cancel-all", &set);
            }
            Move::Wait(millis) => wait(rig, millis),
        }
    }
    conns
}

/// Moments of the trips of each product after `since`, first of each.
fn trips(rig: &Rig<BybitExchange>, since: Moment) -> Vec<(String, Moment)> {
    let mut first: Vec<(String, Moment)> = Vec::new();
    for entry in rig.journal(JournalKind::Tripped).iter().filter(|entry| entry.at >= since) {
        let product = entry.detail.split(' ').next().unwrap().to_owned();
        if !first.iter().any(|(name, _)| *name == product) {
            first.push((product, entry.at));
        }
    }
    first
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_foretold_is_what_happens_when_nothing_more_arrives(
        moves in moves(),
        chosen in 1..16u8,
        quirks in 0..16u8,
    ) {
        let mut rig = rig(1.0);
        for (index, (name, value)) in QUIRKS.into_iter().enumerate() {
            if quirks & 1 << index != 0 {
                knob(&mut rig, name, value);
            }
        }
        let conns = play(&mut rig, &moves);
        let ours: Vec<ConnId> =
            conns.iter().enumerate().filter(|(i, _)| chosen & 1 << i != 0).map(|(_, conn)| *conn).collect();
        let Some(by) = rig.venue.would_trip_by(rig.now().at, &ours) else { return Ok(()) };
        let since = rig.now().at;
        // The others live on: they go on pinging, at once, unless they had already stopped. One that was lost before its first
        // ping could trip a product of its own, whose rows keep one of ours alive.
        let lives = |conn: &&ConnId| rig.venue.conns.get(conn).is_some_and(|conn| !conn.silent);
        let others: Vec<ConnId> = conns.iter().filter(|conn| !ours.contains(conn)).filter(lives).copied().collect();
        for _ in 0..80 {
            others.iter().for_each(|conn| ping(&mut rig, *conn));
            rig.run_ms(5_000);
        }
        let trips = trips(&rig, since);
        prop_assert!(trips.iter().any(|(_, at)| *at == by), "foretold {by:?}, tripped {trips:?}");
    }

    #[test]
    fn ticks_that_nobody_asked_for_change_nothing(moves in moves(), quirks in 0..16u8) {
        let mut exact = rig(1.0);
        let mut eager = rig(1.0);
        for (index, (name, value)) in QUIRKS.into_iter().enumerate() {
            if quirks & 1 << index != 0 {
                knob(&mut exact, name, value);
                knob(&mut eager, name, value);
            }
        }
        play(&mut exact, &moves);
        play_with(&mut eager, &moves, |rig, millis| {
            (0..millis / 500).for_each(|_| rig.run_ms(500));
            rig.run_ms(millis % 500);
        });
        prop_assert_eq!(exact.said, eager.said);
    }

    #[test]
    fn nothing_foretold_means_that_a_living_foreign_connection_holds_it_off(moves in moves()) {
        let mut rig = rig(1.0);
        let conns = play(&mut rig, &moves);
        let ours = &conns[..1];
        let foreign = &conns[1..];
        let live = |rig: &Rig<BybitExchange>, conn: &ConnId| rig.venue.conns.contains_key(conn);
        let held = rig.venue.holders("main", super::super::Product::Derivatives).any(|conn| ours.contains(&conn));
        let others = rig.venue.holders("main", super::super::Product::Derivatives).any(|conn| foreign.contains(&conn));
        if held && live(&rig, &ours[0]) {
            prop_assert_eq!(rig.venue.would_trip_by(rig.now().at, ours).is_none(), others);
        }
        rig.venue.floor_mut().apply(crate::model::Now::default(), Fault::Dishonour);
        prop_assert_eq!(rig.venue.would_trip_by(rig.now().at, &conns), None);
    }
}
