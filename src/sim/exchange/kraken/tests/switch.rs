//! The dead man's switch (spec section 5).

use super::*;
use crate::sim::exchange::Input;
use proptest::prelude::*;

#[test]
fn the_acknowledgement_rounds_up_to_whole_seconds() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rig.run_ms(400);
    let answer = client.timer(conn, &token, 60);
    assert_eq!(answer["result"], json!({"currentTime": "2023-11-14T22:13:21Z", "triggerTime": "2023-11-14T22:14:21Z"}));
    assert_eq!((&answer["success"], &answer["req_id"]), (&json!(true), &json!(1)));
    assert_eq!(answer["time_in"], "2023-11-14T22:13:20.400000Z");
}

#[test]
fn a_fast_venue_counts_fast_and_still_names_nominal_times() {
    let mut client = Client::new(0.1);
    let (conn, token) = client.session();
    client.rest();
    let answer = client.timer(conn, &token, 60);
    assert_eq!(answer["result"]["triggerTime"], "2023-11-14T22:14:20Z");
    assert_eq!(client.foretold(&[conn]), Some(6_000));
    client.rig.run_ms(6_000);
    assert_eq!((client.tripped(), client.open_orders()), (vec![6_000], 0));
}

#[test]
fn expiry_cancels_everything_of_the_account_and_switches_itself_off() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let ids = [client.rest(), client.rest()];
    client.timer(conn, &token, 5);
    client.rig.run_ms(4_999);
    assert_eq!(client.open_orders(), 2);
    client.rig.run_ms(1);
    assert_eq!(client.open_orders(), 0);
    let (at, message) = client.updates(conn).pop().unwrap();
    assert_eq!(at, 5_000);
    let rows = message["data"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["order_id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(rows.iter().all(|row| row["exec_type"] == "canceled" && row["reason"] == "Cancelled by timer"));
    assert!(rows.iter().all(|row| row.get("symbol").is_none()), "updates are thin");
    client.rest();
    client.rig.run_ms(600_000);
    assert_eq!((client.open_orders(), client.tripped()), (1, vec![5_000]), "off until the next request");
    assert_eq!(client.foretold(&[conn]), None);
}

#[test]
fn a_refresh_replaces_the_deadline_in_both_directions() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.timer(conn, &token, 60);
    client.rig.run_ms(59_999);
    client.timer(conn, &token, 60);
    assert_eq!(client.foretold(&[conn]), Some(119_999));
    client.timer(conn, &token, 5);
    assert_eq!(client.foretold(&[conn]), Some(64_999), "it can also be shortened");
    let sets = client.rig.journal(JournalKind::SwitchSet).len();
    assert_eq!((sets, client.rig.journal(JournalKind::LifeSign).len()), (3, 3));
}

#[test]
fn a_request_at_the_deadline_comes_too_late() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rest();
    client.timer(conn, &token, 5);
    client.rig.run_ms(5_000);
    assert_eq!(client.timer(conn, &token, 5)["success"], true, "it looks like any other");
    assert_eq!((client.open_orders(), client.tripped()), (0, vec![5_000]));
}

#[test]
fn zero_takes_it_off_over_either_path_and_with_any_key_of_the_account() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rest();
    client.timer(conn, &token, 5);
    assert_eq!(client.timer(conn, &token, 0)["result"]["triggerTime"], "0");
    assert_eq!(client.foretold(&[conn]), None);
    client.timer(conn, &token, 5);
    let answer = client.sign(OTHER_KEY, OTHER_SECRET, 1, "CancelAllOrdersAfter", "timeout=0").unwrap();
    assert!(answer.body.contains(r#""triggerTime":"0""#), "{}", answer.body);
    client.rig.run_ms(60_000);
    assert_eq!(client.open_orders(), 1);
    assert_eq!(client.rig.journal(JournalKind::SwitchOff).len(), 2);
    client.knob("disarmed_trigger", "absent");
    assert!(client.timer(conn, &token, 0)["result"].get("triggerTime").is_none());
}

#[test]
fn http_and_websocket_share_the_timer() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let answer = client.post("CancelAllOrdersAfter", "timeout=60");
    assert_eq!(answer["result"]["triggerTime"], "2023-11-14T22:14:20Z");
    assert_eq!(client.foretold(&[conn]), Some(60_000));
    client.rig.run_ms(30_000);
    client.timer(conn, &token, 60);
    assert_eq!(client.foretold(&[conn]), Some(90_000));
    assert_eq!(client.foretold(&[]), Some(90_000), "it is the account's, not the connection's");
}

#[test]
fn ending_connections_and_expiring_tokens_leave_it_alone() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rest();
    client.timer(conn, &token, 3_000);
    client.rig.give(Input::Ended { conn, clean: true });
    client.rig.run_ms(2_999_999);
    assert_eq!(client.open_orders(), 1);
    client.rig.run_ms(1);
    assert_eq!(client.tripped(), [3_000_000]);
}

#[test]
fn bad_timeouts_are_refused_and_change_nothing() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.timer(conn, &token, 60);
    for (timeout, error) in [
        (json!(86_400), "EGeneral:Invalid arguments:timeout"),
        (json!(-1), "Timeout field must be a number_unsigned"),
        (json!(1.5), "Timeout field must be a number_unsigned"),
        (json!("60"), "Timeout field must be a number_unsigned"),
        (Value::Null, "Timeout field must be a number_unsigned"),
    ] {
        let message = json!({"method": "cancel_all_orders_after", "params": {"timeout": timeout, "token": token}});
        let answer = client.rig.ask(conn, &message);
        assert_eq!((&answer["success"], answer["error"].as_str()), (&json!(false), Some(error)), "{timeout}");
    }
    let unknown = json!({"timeout": 5, "token": token, "symbol": "BTC/USD"});
    let answer = client.rig.ask(conn, &json!({"method": "cancel_all_orders_after", "params": unknown}));
    assert_eq!(answer["error"], "Unsupported field: 'symbol' for the given msg type: cancel_all_orders_after");
    assert_eq!(client.post("CancelAllOrdersAfter", "timeout=abc")["error"][0], "EGeneral:Invalid arguments:timeout");
    assert_eq!(client.foretold(&[conn]), Some(60_000));
    client.knob("too_long", "clamp");
    client.timer(conn, &token, 1_000_000);
    assert_eq!(client.foretold(&[conn]), Some(86_399_000));
}

#[test]
fn by_knob_it_counts_from_the_rounded_time() {
    let mut client = Client::new(1.0);
    client.knob("deadline_from_current_time", "true");
    let (conn, token) = client.session();
    client.rig.run_ms(400);
    client.timer(conn, &token, 5);
    assert_eq!(client.foretold(&[conn]), Some(6_000));
}

#[test]
fn leaving_maintenance_with_it_running_cancels_everything_whatever_time_was_left() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rest();
    client.timer(conn, &token, 3_600);
    client.apply(Fault::Maintenance);
    client.rig.run_ms(10_000);
    assert_eq!(client.timer(conn, &token, 60)["error"], "EService:Unavailable");
    assert_eq!(client.foretold(&[conn]), None, "nobody knows when the engine returns");
    assert_eq!(client.open_orders(), 1);
    client.rig.venue.floor_mut().heal();
    client.rig.run_ms(1);
    assert_eq!((client.open_orders(), client.tripped().len()), (0, 1));
    client.rest();
    client.rig.run_ms(7_200_000);
    assert_eq!(client.open_orders(), 1, "and it is off");
}

#[test]
fn it_does_not_fire_while_the_engine_is_down_and_disarmed_before_it_does_nothing() {
    for armed in [true, false] {
        let mut client = Client::new(1.0);
        let (conn, token) = client.session();
        client.rest();
        client.timer(conn, &token, 5);
        if !armed {
            client.timer(conn, &token, 0);
        }
        client.knob("system", "maintenance");
        client.rig.run_ms(60_000);
        assert_eq!(client.open_orders(), 1);
        client.knob("system", "online");
        client.rig.run_ms(1);
        assert_eq!(client.open_orders(), usize::from(!armed));
    }
}

#[test]
fn in_cancel_only_mode_it_is_accepted_and_fires() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.rest();
    client.knob("system", "cancel_only");
    client.rig.run_ms(1);
    assert_eq!(client.timer(conn, &token, 5)["success"], true);
    client.rig.run_ms(5_000);
    assert_eq!(client.open_orders(), 0);
}

#[test]
fn either_permission_is_enough_unless_the_knob_picks_one() {
    for (lacks, knob, granted) in [
        (&["modify-trades"][..], "either", true),
        (&["close-trades"][..], "either", true),
        (&["modify-trades", "close-trades"][..], "either", false),
        (&["close-trades"][..], "close-trades", false),
        (&["modify-trades"][..], "modify-trades", false),
    ] {
        let mut client = Client::new(1.0);
        client.knob("timer_permission", knob);
        client.lacks(lacks);
        let (conn, token) = client.session();
        let answer = client.timer(conn, &token, 5);
        assert_eq!(answer["success"], granted, "{lacks:?} {knob}");
        assert!(granted || answer["error"] == "EGeneral:Permission denied");
    }
}

#[test]
fn accounts_have_their_own_timers() {
    let mut client = Client::new(1.0);
    client.rig.venue.floor_mut().accounts.get_mut(OTHER_KEY).unwrap().name = "other".into();
    client.rest();
    client.sign(OTHER_KEY, OTHER_SECRET, 1, "CancelAllOrdersAfter", "timeout=5");
    client.rig.run_ms(10_000);
    assert_eq!(client.open_orders(), 1);
}

/// One thing a client does.
#[derive(Clone, Copy, Debug)]
enum Move {
    Timer(u64),
    HttpTimer(u64),
    Rest,
    Reconnect,
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..90u64).prop_map(Move::Timer),
        (0..90u64).prop_map(Move::HttpTimer),
        Just(Move::Rest),
        Just(Move::Reconnect),
        (1..70_000u64).prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 1..20)
}

/// The connection that is open at the end.
fn play(client: &mut Client, moves: &[Move], wait: fn(&mut Rig<KrakenExchange>, u64)) -> ConnId {
    let (mut conn, mut token) = client.session();
    for step in moves {
        match *step {
            Move::Timer(timeout) => drop(client.timer(conn, &token, timeout)),
            Move::HttpTimer(timeout) => drop(client.post("CancelAllOrdersAfter", &format!("timeout={timeout}"))),
            Move::Rest => drop(client.rest()),
            Move::Reconnect => {
                client.rig.drop_client(conn);
                (conn, token) = client.session();
            }
            Move::Wait(millis) => wait(&mut client.rig, millis),
        }
    }
    conn
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_foretold_is_what_happens_when_nothing_more_arrives(moves in moves(), from_rounded: bool) {
        let mut client = Client::new(1.0);
        client.knob("deadline_from_current_time", if from_rounded { "true" } else { "false" });
        client.knob("rest_limit", "false");
        let conn = play(&mut client, &moves, Rig::run_ms);
        let since = client.rig.now().at.nanos() / 1_000_000;
        let foretold = client.foretold(&[conn]);
        client.rig.run_ms(100_000);
        let tripped = client.tripped().into_iter().find(|at| *at >= since);
        prop_assert_eq!(foretold, tripped);
        prop_assert!(foretold.is_none() || client.open_orders() == 0);
    }

    #[test]
    fn ticks_that_nobody_asked_for_change_nothing(moves in moves()) {
        let mut exact = Client::new(1.0);
        let mut eager = Client::new(1.0);
        exact.knob("rest_limit", "false");
        eager.knob("rest_limit", "false");
        play(&mut exact, &moves, Rig::run_ms);
        play(&mut eager, &moves, |rig, millis| {
            (0..millis / 300).for_each(|_| rig.run_ms(300));
            rig.run_ms(millis % 300);
        });
        prop_assert_eq!(exact.rig.said, eager.rig.said);
    }
}
