//! Connecting, logging in and pinging (spec sections 2 to 5).

use super::*;
use crate::sim::exchange::{Input, JournalKind, Output};

#[test]
fn a_good_login_is_answered_as_captured_on_both_sockets() {
    let mut rig = rig(1.0);
    let private = rig.open("/v5/private");
    let mut message = login(&rig, 10_000);
    message["req_id"] = json!("a1");
    let answer = rig.ask(private, &message);
    assert_eq!((&answer["success"], &answer["ret_msg"], &answer["op"]), (&json!(true), &json!(""), &json!("auth")));
    assert_eq!(answer["req_id"], "a1");
    assert_eq!(answer["conn_id"].as_str().unwrap().split_once('-').unwrap().0.len(), 20);
    let trade = rig.open(TRADE);
    let message = login(&rig, 10_000);
    let answer = rig.ask(trade, &message);
    assert_eq!((&answer["retCode"], &answer["retMsg"], &answer["op"]), (&json!(0), &json!("OK"), &json!("auth")));
    assert!(answer["connId"].is_string() && answer.get("reqId").is_none());
    assert_eq!(rig.journal(JournalKind::LoggedIn).len(), 2);
}

#[test]
fn an_expiry_must_be_in_the_future_and_may_come_as_text() {
    for (ahead_ms, accepted) in [(1, true), (0, false), (-1, false), (900_000_000_000, true)] {
        let mut rig = rig(1.0);
        let conn = rig.open("/v5/private");
        let mut message = login(&rig, ahead_ms);
        assert_eq!(rig.ask(conn, &message)["success"], accepted, "{ahead_ms}");
        let conn = rig.open("/v5/private");
        message["args"][1] = json!(message["args"][1].to_string());
        assert_eq!(rig.ask(conn, &message)["success"], accepted, "{ahead_ms} as text");
    }
}

#[test]
fn bad_logins_are_worded_by_socket_and_leave_the_connection_open() {
    let mut rig = rig(1.0);
    let cases = [
        ("expired", 1, json!(1), "Params Error", 10001),
        ("unknown key", 0, json!("nobody"), "API key is invalid.", 10003),
        ("signature", 2, json!("00"), "Params Error", 10004),
        ("malformed", 2, json!(7), "Params Error", 10001),
    ];
    for (what, index, value, text, code) in cases {
        let mut message = login(&rig, 10_000);
        message["args"][index] = value;
        let private = rig.open("/v5/private");
        let answer = rig.ask(private, &message);
        assert_eq!((&answer["success"], answer["ret_msg"].as_str()), (&json!(false), Some(text)), "{what}");
        let trade = rig.open(TRADE);
        assert_eq!(rig.ask(trade, &message)["retCode"], code, "{what}");
        let good = login(&rig, 10_000);
        assert_eq!(rig.ask(private, &good)["success"], true, "after {what}");
        assert_eq!(rig.ask(trade, &good)["retCode"], 0, "after {what}");
    }
    assert_eq!(rig.journal(JournalKind::Refused).len(), 8);
}

#[test]
fn a_revoked_key_cannot_log_in() {
    let mut rig = rig(1.0);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    let conn = rig.open("/v5/private");
    let message = login(&rig, 10_000);
    assert_eq!(rig.ask(conn, &message)["ret_msg"], "API key is invalid.");
}

#[test]
fn a_second_login_on_the_trade_socket_is_20001() {
    let mut rig = rig(1.0);
    let conn = session(&mut rig, TRADE);
    let message = login(&rig, 10_000);
    assert_eq!(rig.ask(conn, &message)["retCode"], 20_001);
}

#[test]
fn a_failed_login_closes_the_connection_only_by_knob() {
    let mut rig = rig(1.0);
    knob(&mut rig, "close_after_failed_auth", "true");
    let conn = rig.open("/v5/private");
    rig.say(conn, &json!({"op": "auth", "args": []}));
    assert_eq!(rig.closed(conn), Some((0, 1006, String::new())));
}

#[test]
fn every_socket_spells_its_pong() {
    let mut rig = rig(1.0);
    let stamp = rig.wall_ms().to_string();
    let conns: Vec<ConnId> = ["/v5/private", TRADE, "/v5/public/spot", "/v5/public/linear", "/v5/public/option"]
        .into_iter()
        .map(|path| rig.open(path))
        .collect();
    let pongs: Vec<Value> = conns.iter().map(|conn| rig.ask(*conn, &json!({"req_id": "7", "op": "ping"}))).collect();
    assert_eq!(
        (&pongs[0]["op"], &pongs[0]["args"], &pongs[0]["req_id"]),
        (&json!("pong"), &json!([stamp]), &json!("7"))
    );
    assert_eq!(
        (&pongs[1]["op"], &pongs[1]["retCode"], &pongs[1]["data"]),
        (&json!("pong"), &json!(0), &json!([stamp]))
    );
    for pong in &pongs[2..4] {
        assert_eq!((&pong["op"], &pong["ret_msg"], &pong["req_id"]), (&json!("ping"), &json!("pong"), &json!("7")));
    }
    assert_eq!(pongs[4], json!({"args": [stamp], "op": "pong"}));
    let bare = rig.ask(conns[0], &json!({"op": "ping"}));
    assert!(bare.get("req_id").is_none(), "only echoed when sent");
}

#[test]
fn protocol_pings_are_answered_with_their_payload() {
    let mut rig = rig(1.0);
    let conn = rig.open("/v5/private");
    assert_eq!(rig.give(Input::Ping { conn, payload: b"abc" }), [Output::Pong(conn, b"abc".to_vec())]);
}

#[test]
fn unknown_paths_are_404_and_too_many_connections_403() {
    let mut rig = rig(0.1);
    assert_eq!(rig.open_refused("/v5/nothing"), 404);
    assert_eq!(rig.open_refused("/"), 404);
    knob(&mut rig, "connects_max", "4");
    rig.open("/v5/private");
    rig.open("/v5/public/linear");
    assert_eq!(rig.open_refused("/v5/private"), 403, "refused attempts with a wrong path count too");
    rig.run_ms(30_000);
    rig.open("/v5/private");
}

#[test]
fn topics_are_refused_before_the_login_on_public_sockets_and_when_mixed() {
    let mut rig = rig(1.0);
    let conn = rig.open("/v5/private");
    assert_eq!(subscribe(&mut rig, conn, &["dcp.future"])["ret_msg"], "Request not authorized");
    let public = rig.open("/v5/public/linear");
    let refused = rig.ask(public, &json!({"req_id": "dcp.future", "op": "subscribe", "args": ["dcp.future"]}));
    assert_eq!(refused["ret_msg"], "error:handler not found,topic:dcp.future");
    assert_eq!((&refused["success"], &refused["req_id"]), (&json!(false), &json!("dcp.future")));
    assert_eq!(subscribe(&mut rig, public, &["tickers.BTCUSDT"])["success"], true);
    let conn = session(&mut rig, "/v5/private");
    assert_eq!(subscribe(&mut rig, conn, &["order", "order.linear"])["success"], false);
    assert_eq!(subscribe(&mut rig, conn, &["order"])["success"], true);
    assert_eq!(subscribe(&mut rig, conn, &["dcp"])["success"], false, "the bare topic is deprecated");
}
