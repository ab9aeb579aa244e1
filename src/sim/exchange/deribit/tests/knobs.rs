//! Each knob of the embedded Deribit that no other test turns: what it changes, against what is so without it.

use super::*;

/// A rig with one knob turned.
fn turned(name: &str, value: &str) -> Rig<DeribitExchange> {
    let mut rig = rig(1.0);
    rig.venue.set_knob(name, value).unwrap();
    rig
}

/// The same run without and with the knob.
fn compare<T>(name: &str, value: &str, run: impl Fn(&mut Rig<DeribitExchange>) -> T) -> (T, T) {
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
fn what_counts_as_life_is_a_knob() {
    let requests_only = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        for _ in 0..12 {
            rig.run_ms(3_000);
            rig.say(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": READ, "params": {}}));
        }
        (heartbeats(rig, conn).len(), rig.closed(conn).is_none())
    };
    assert_eq!(compare("any_frame_counts", "false", requests_only), ((0, true), (1, false)));
    let answered_by_another = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        rig.run_ms(13_000);
        ask(rig, conn, READ, json!({}));
        rig.run_ms(10_000);
        rig.closed(conn).is_none()
    };
    assert_eq!(compare("any_frame_answers", "true", answered_by_another), (false, true));
    let pinging = |rig: &mut Rig<_>| {
        let conn = rig.open(SOCKET);
        ask(rig, conn, "public/test", json!({}));
        rig.run_ms(590_000);
        rig.give(Input::Ping { conn, payload: b"x" });
        rig.run_ms(20_000);
        rig.closed(conn).is_none()
    };
    assert_eq!(compare("pings_count_as_activity", "true", pinging), (false, true));
}

#[test]
fn a_heartbeat_may_come_with_every_test_request() {
    let busy = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        ask(rig, conn, "public/subscribe", json!({"channels": ["platform_state"]}));
        rig.run_ms(13_000);
        heartbeats(rig, conn).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>()
    };
    let (without, with) = compare("also_heartbeat_when_busy", "true", busy);
    assert_eq!((without, with), (vec![json!("test_request")], vec![json!("heartbeat"), json!("test_request")]));
}

#[test]
fn the_wait_for_an_answer_may_be_fixed() {
    let closed = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        ask(rig, conn, "public/set_heartbeat", json!({"interval": 30}));
        rig.run_ms(70_000);
        rig.closed(conn).map(|(at, ..)| at)
    };
    assert_eq!(compare("close_after", "fixed", closed), (Some(62_600), Some(42_600)));
}

#[test]
fn how_far_the_account_scope_reaches_is_a_knob() {
    let on = |rig: &mut Rig<_>, conn| ask(rig, conn, READ, json!({}))["result"]["enabled"] == true;
    let open_one = |rig: &mut Rig<_>| {
        let (before, conn) = (logged_in(rig), logged_in(rig));
        ask(rig, conn, ENABLE, json!({"scope": "account"}));
        on(rig, before)
    };
    assert_eq!(compare("account_reaches_open_connections", "true", open_one), (false, true));
    let this_one = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        ask(rig, conn, DISABLE, json!({"scope": "account"}));
        on(rig, conn)
    };
    assert_eq!(compare("account_disable_includes_this", "false", this_one), (false, true));
    let login_again = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        log_in(rig, conn, json!({}));
        on(rig, conn)
    };
    assert_eq!(compare("reauth_keeps_switch", "false", login_again), (true, false));
}

#[test]
fn what_a_trip_takes_and_whether_exhausted_credits_fire_it_is_a_knob() {
    let left = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        let orders = [buy(rig, conn, "old"), buy(rig, conn, "new")];
        rig.drop_client(conn);
        rig.run_ms(50);
        orders.map(|order| state(rig, &order) == OrderState::Open)
    };
    assert_eq!(compare("cod_partial_failure", "1", left), ([false, false], [false, true]));
    let exhausted = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        let order = buy(rig, conn, "a");
        exhaust(rig, conn);
        rig.run_ms(50);
        state(rig, &order) == OrderState::Open
    };
    assert_eq!(compare("cod_on_rate_limit", "false", exhausted), (false, true));
    let edited_elsewhere = |rig: &mut Rig<_>| {
        let (conn, other) = (armed(rig), logged_in(rig));
        let order = buy(rig, conn, "a");
        ask(rig, other, "private/edit", json!({"order_id": order, "price": 1001}));
        rig.drop_client(conn);
        rig.run_ms(50);
        state(rig, &order) == OrderState::Open
    };
    assert_eq!(compare("edit_moves_owner", "true", edited_elsewhere), (false, true));
}

#[test]
fn logins_may_be_checked_less_or_refused_otherwise() {
    let nonce_again = |rig: &mut Rig<_>| {
        let conn = rig.open(SOCKET);
        let params = signature(rig, 0, "same");
        ask(rig, conn, "public/auth", params.clone());
        code_of(&ask(rig, conn, "public/auth", params))
    };
    assert_eq!(compare("nonce_reuse_refused", "false", nonce_again), (13_009, 0));
    let bad_signature = |rig: &mut Rig<_>| {
        let conn = rig.open(SOCKET);
        let mut params = signature(rig, 0, "n");
        params["signature"] = json!("00");
        code_of(&ask(rig, conn, "public/auth", params))
    };
    assert_eq!(compare("bad_signature_code", "13004", bad_signature), (13_009, 13_004));
}

#[test]
fn the_session_that_would_expire_first_may_be_the_one_to_go() {
    let evicted = |rig: &mut Rig<_>| {
        let conns: Vec<ConnId> = (0..17).map(|_| rig.open(SOCKET)).collect();
        for (number, conn) in conns.iter().enumerate() {
            let life = if number == 5 { " expires:60" } else { "" };
            log_in(rig, *conn, json!({"scope": format!("session:s{number}{life}")}));
        }
        [0, 5].map(|n| code_of(&ask(rig, conns[n], "private/get_open_orders", json!({}))))
    };
    assert_eq!(compare("session_eviction", "shortest", evicted), ([13_009, 0], [0, 13_009]));
}

#[test]
fn answers_have_several_forms() {
    let report = |rig: &mut Rig<_>| {
        let conn = armed(rig);
        buy(rig, conn, "a");
        let result = ask(rig, conn, "private/cancel_all", json!({"detailed": true}))["result"][0].clone();
        (result.get("currency").is_some(), result.get("order").is_some())
    };
    assert_eq!(compare("detailed", "orders", report), ((true, false), (false, true)));
    let testnet = |rig: &mut Rig<_>| {
        let conn = rig.open(SOCKET);
        ask(rig, conn, "public/test", json!({}))["testnet"].clone()
    };
    assert_eq!(compare("testnet", "true", testnet), (json!(false), json!(true)));
    let subscribed = |rig: &mut Rig<_>| {
        let conn = logged_in(rig);
        let channels = json!({"channels": ["user.lock", "platform_state"]});
        ask(rig, conn, "private/subscribe", channels)["result"].clone()
    };
    let both = json!(["platform_state", "user.lock"]);
    assert_eq!(compare("subscribe_drops", "true", subscribed), (both, json!(["user.lock"])));
}

#[test]
fn close_codes_are_knobs() {
    let logout = |rig: &mut Rig<_>| {
        let conn = logged_in(rig);
        rig.say(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": "private/logout", "params": {}}));
        rig.closed(conn).map(|(_, code, _)| code)
    };
    assert_eq!(compare("logout_close_code", "4001", logout), (Some(1000), Some(4001)));
    let greedy = |rig: &mut Rig<_>| {
        let conn = logged_in(rig);
        exhaust(rig, conn);
        rig.closed(conn).map(|(_, code, _)| code)
    };
    assert_eq!(compare("rate_close_code", "4029", greedy), (Some(1000), Some(4029)));
}

#[test]
fn without_rate_limits_a_client_may_be_as_greedy_as_it_likes() {
    let mut rig = turned("rate_limits", "false");
    let conn = logged_in(&mut rig);
    (0..500).for_each(|_| assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 0));
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
