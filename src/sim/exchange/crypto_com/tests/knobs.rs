//! Each knob of the embedded Crypto.com that no other test turns: what it changes, against what is so without it.

use super::*;

/// A rig with one knob turned.
fn turned(name: &str, value: &str) -> Rig<CryptoComExchange> {
    let mut rig = rig(1.0);
    rig.venue.set_knob(name, value).unwrap();
    rig
}

/// The same run without and with the knob.
fn compare<T>(name: &str, value: &str, run: impl Fn(&mut Rig<CryptoComExchange>) -> T) -> (T, T) {
    (run(&mut rig(1.0)), run(&mut turned(name, value)))
}

#[test]
fn every_knob_takes_the_value_it_shows() {
    let mut rig = rig(1.0);
    for knob in rig.venue.knobs() {
        assert_eq!(rig.venue.set_knob(knob.name, &knob.value), Ok(()), "{}", knob.name);
    }
}

#[test]
fn a_second_set_or_login_may_be_refused() {
    let second_set = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        ask(rig, conn, "private/set-cancel-on-disconnect", json!({"scope": "CONNECTION"}))["code"].clone()
    };
    assert_eq!(compare("repeated_set", "refuse", second_set), (json!(0), json!(40_003)));
    let second_login = |rig: &mut Rig<_>| {
        let conn = logged_in(rig);
        let login = login(rig, 0);
        rig.ask(conn, &login)["code"].clone()
    };
    assert_eq!(compare("repeated_auth", "refuse", second_login), (json!(0), json!(40_006)));
}

#[test]
fn an_unsubscribe_that_fires_may_also_close_or_disarm() {
    let unsubscribed = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        rig.say(conn, &json!({"id": 5, "method": "subscribe", "params": {"channels": ["user.order"]}}));
        rig.say(conn, &json!({"id": 6, "method": "unsubscribe", "params": {"channels": ["user.order"]}}));
        rig.run_ms(60);
        let open = rig.closed(conn).is_none();
        (open, rig.venue.would_trip_by(rig.now().at, &[conn]).is_some(), rig.journal(JournalKind::Tripped).len())
    };
    assert_eq!(compare("unsubscribe_closes", "true", unsubscribed).0, (true, true, 1));
    assert_eq!(unsubscribed(&mut turned("unsubscribe_disarms", "true")), (true, false, 1));
    let closed = unsubscribed(&mut turned("unsubscribe_closes", "true"));
    assert_eq!((closed.0, closed.2), (false, 2), "the close is a loss of its own");
}

#[test]
fn a_session_may_have_a_greatest_age() {
    let mut rig = turned("session_lifetime_ms", "20000");
    let conn = armed(&mut rig);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), Some(Moment::from_nanos(20_050_000_000)));
    rig.run_ms(30_000);
    assert_eq!(rig.closed(conn), Some((20_000, 1000, String::new())));
}

#[test]
fn an_answer_may_come_too_late_to_count_and_any_id_may_do() {
    let answered = |rig: &mut Rig<_>, after_ms: u64, wrong: u64| {
        let conn = rig.open(USER);
        rig.run_ms(31_000 + after_ms);
        let id = rig.heard(conn)[0].1["id"].as_u64().unwrap() + wrong;
        rig.say(conn, &json!({"id": id, "method": "public/respond-heartbeat"}));
        rig.run_ms(13_000);
        rig.closed(conn).is_none()
    };
    assert_eq!(compare("answer_counts_ms", "5000", |rig| answered(rig, 6_000, 0)), (true, false));
    assert!(answered(&mut turned("answer_counts_ms", "5000"), 5_000, 0));
    assert_eq!(compare("any_heartbeat_id", "true", |rig| answered(rig, 0, 1)), (false, true));
}

#[test]
fn who_is_counted_and_what_happens_to_the_greedy_is_a_knob() {
    let two_sessions = |rig: &mut Rig<_>| {
        let (one, two) = (logged_in(rig), logged_in(rig));
        rig.run_ms(1_000);
        (accepted(rig, one, 150), accepted(rig, two, 150))
    };
    assert_eq!(compare("limit_by", "key", two_sessions), ((150, 150), (150, 0)));
    let greedy = |rig: &mut Rig<_>| {
        let conn = logged_in(rig);
        (0..160).for_each(|_| drop(rig.say(conn, &json!({"id": 1, "method": "private/user-balance"}))));
        rig.closed(conn).is_some()
    };
    assert_eq!(compare("limit_closes_after", "3", greedy), (false, true));
    let whole_first_second = |rig: &mut Rig<_>| {
        rig.run_ms(990);
        let conn = rig.open(USER);
        accepted(rig, conn, 10)
    };
    assert_eq!(compare("opening_second_prorated", "false", whole_first_second), (1, 10));
    let heartbeat_after_a_flood = |rig: &mut Rig<_>| {
        let conn = rig.open(USER);
        rig.run_ms(31_000);
        accepted(rig, conn, 200);
        answer_heartbeat(rig, conn);
        rig.run_ms(13_000);
        rig.closed(conn).is_none()
    };
    assert_eq!(compare("heartbeat_answers_count", "false", heartbeat_after_a_flood), (false, true));
}

#[test]
fn connections_may_be_few() {
    let mut rig = turned("connections_max", "2");
    let first = rig.open(USER);
    rig.open(MARKET);
    assert_eq!(rig.open_refused(USER), 429);
    rig.drop_client(first);
    rig.open(USER);
}

#[test]
fn an_amended_order_may_change_hands() {
    let amended_over_http = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        let order = buy(rig, conn, "a");
        call(rig, "private/amend-order", &json!({"order_id": order, "new_price": "20001", "new_quantity": "0.02"}));
        rig.drop_client(conn);
        rig.run_ms(50);
        state(rig, &order)
    };
    let expected = (OrderState::Cancelled(CancelCause::Switch), OrderState::Open);
    assert_eq!(compare("amend_moves_owner", "true", amended_over_http), expected);
}

#[test]
fn list_answers_and_update_names_have_several_forms() {
    for (form, pointer) in [("array", "/result/1/code"), ("result_list", "/result/result_list/1/code")] {
        let mut rig = turned("list_replies", form);
        let conn = armed(&mut rig);
        let list = json!({"contingency_type": "LIST", "order_list": [limit("one"), limit("one")]});
        let reply = rig.ask(conn, &json!({"id": 8, "method": "private/create-order-list", "params": list}));
        assert_eq!((&reply["code"], reply.pointer(pointer)), (&json!(0), Some(&json!(204))), "{form}");
    }
    let name = |rig: &mut Rig<_>| {
        let (conn, other) = (armed(rig), logged_in(rig));
        rig.say(other, &json!({"id": 5, "method": "subscribe", "params": {"channels": ["user.order"]}}));
        buy(rig, conn, "a");
        rig.heard(other).pop().unwrap().1["result"]["subscription"].clone()
    };
    assert_eq!(compare("all_name", "instrument", name), (json!("user.order"), json!("user.order.BTC_USD")));
}

#[test]
fn queries_may_be_for_http_only() {
    let query = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        let codes = ["private/get-open-orders", "private/user-balance", "private/get-cancel-on-disconnect"];
        codes.map(|method| ask(rig, conn, method, json!({}))["code"].as_u64().unwrap())
    };
    assert_eq!(compare("websocket_queries", "false", query), ([0, 0, 0], [40_002, 40_002, 0]));
}

#[test]
fn maintenance_may_leave_connections_open_and_refuse_everything() {
    let mut rig = turned("maintenance_closes", "false");
    let conn = armed(&mut rig);
    fault(&mut rig, Fault::Maintenance);
    rig.run_ms(1);
    assert_eq!(ask(&mut rig, conn, "private/get-cancel-on-disconnect", json!({}))["code"], 50_001);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn a_trip_may_never_come_and_pings_may_stay_unanswered() {
    let mut rig = turned("cancel_delay_ms", "never");
    let conn = armed(&mut rig);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.venue.set_knob("answers_pings", "false").unwrap();
    assert_eq!(rig.give(Input::Ping { conn, payload: b"x" }), []);
    rig.drop_client(conn);
    rig.run_ms(60_000);
    assert_eq!(rig.journal(JournalKind::Tripped).len(), 0);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
}
