//! Held against a pool that refills continuously, as the venue describes its own.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(1_000_000_000 * 100 + millis * 1_000_000)
}

/// The lowest tier of Deribit: 20 at once, 5 a second.
fn rates() -> Rates {
    let rule = |count, per| RateRule { count, per };
    Rates {
        messages: four_fifths(rule(100, 5 * SECOND)),
        orders: Some(Matching {
            orders: four_fifths(rule(20, 4 * SECOND)),
            cancels: nine_tenths(rule(20, 4 * SECOND)),
        }),
        subscriptions: Some(four_fifths(rule(10, 3 * SECOND))),
        all: None,
        held_up: None,
    }
}

/// How many go out at this moment.
fn burst(rates: &mut Rates, now: Moment, toll: Toll) -> usize {
    (0..200).take_while(|_| rates.wait(now, toll).is_none().then(|| rates.take(now, toll)).is_some()).count()
}

#[test]
fn orders_leave_room_for_cancels_and_cancels_for_a_kill() {
    let mut rates = rates();
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 16);
    assert_eq!(burst(&mut rates, at(0), Toll::Cancel), 2);
    assert_eq!(rates.wait(at(1_000), Toll::Cancel), Some(3 * SECOND), "the session would end with two more");
    assert_eq!(burst(&mut rates, at(0), Toll::Message), 80, "a pool of their own");
    assert_eq!(burst(&mut rates, at(0), Toll::Subscription), 0, "they are messages as well");
}

#[test]
fn what_nobody_knows_is_counted_everywhere() {
    let mut rates = rates();
    assert_eq!(burst(&mut rates, at(0), Toll::Unknown), 16);
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 0);
    assert_eq!(burst(&mut rates, at(0), Toll::Message), 64);
}

#[test]
fn subscriptions_have_credits_of_their_own() {
    let mut rates = rates();
    assert_eq!(burst(&mut rates, at(0), Toll::Subscription), 8);
    assert_eq!(burst(&mut rates, at(3_000), Toll::Subscription), 8);
}

/// A pool that refills continuously, as the venue has it, is never run dry by any pattern of orders and cancels.
#[test]
fn the_pool_of_the_venue_is_never_run_dry() {
    for gap in [1, 7, 60, 240, 1_000, 3_999, 4_000, 4_001] {
        let (mut rates, mut pool, mut last) = (rates(), 20.0_f64, 0);
        for now in (0..120_000).step_by(gap) {
            pool = ((now - last) as f64).mul_add(0.005, pool).min(20.0);
            last = now;
            for toll in [Toll::Order, Toll::Cancel] {
                pool -= burst(&mut rates, at(now as u64), toll) as f64;
            }
            assert!(pool >= 1.999, "gap {gap}: {pool} at {now} ms");
        }
    }
}

/// Said in two bursts, arrived in one: the second must wait until the pool is full again.
#[test]
fn what_was_held_up_on_the_way_is_counted_from_when_it_arrived() {
    let mut rates = rates();
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 16);
    rates.hold_up(at(700));
    rates.arrived(at(3_900));
    assert_eq!(rates.wait(at(4_000), Toll::Order), Some(Duration::from_millis(3_900)));
}

#[test]
fn what_had_arrived_before_is_not_counted_again() {
    let mut rates = rates();
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 16);
    rates.hold_up(at(3_000));
    rates.arrived(at(3_900));
    assert_eq!(rates.wait(at(4_000), Toll::Order), None);
}

#[test]
fn a_venue_without_such_a_rule_never_holds_a_cancel_back() {
    let mut rates = Rates { orders: None, subscriptions: None, ..rates() };
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 80);
    assert_eq!(burst(&mut rates, at(0), Toll::Cancel), 200);
}

/// Crypto.com: 150 a second for everything, the answer to a heartbeat included.
#[test]
fn where_cancels_and_keepalives_share_a_pool_the_last_tenth_is_not_for_cancels() {
    let all = nine_tenths(RateRule { count: 150, per: SECOND });
    let messages = four_fifths(RateRule { count: 150, per: SECOND });
    let mut rates = Rates { messages, orders: None, subscriptions: None, all: Some(all), held_up: None };
    assert_eq!(burst(&mut rates, at(0), Toll::Order), 120);
    assert_eq!(burst(&mut rates, at(1), Toll::Cancel), 15, "orders leave room for cancels, and these for a heartbeat");
    assert_eq!(rates.wait(at(2), Toll::Cancel), Some(Duration::from_millis(998)));
    assert_eq!(burst(&mut rates, at(1_000), Toll::Cancel), 120);
    rates.hold_up(at(1_500));
    rates.arrived(at(1_900));
    assert_eq!(burst(&mut rates, at(2_500), Toll::Cancel), 15);
    assert_eq!(rates.wait(at(2_500), Toll::Cancel), Some(Duration::from_millis(400)), "it arrived all at once");
}
