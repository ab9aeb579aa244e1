//! Connections, status, heartbeats, pings and subscriptions (spec sections 2 and 8).

use super::*;
use crate::sim::exchange::{Input, Output};

fn beats(client: &Client, conn: ConnId) -> Vec<u64> {
    let heard = client.rig.heard(conn).into_iter();
    heard.filter(|(_, message)| *message == json!({"channel": "heartbeat"})).map(|(at, _)| at).collect()
}

#[test]
fn the_first_frame_is_the_status_with_a_large_connection_number() {
    let mut client = Client::new(1.0);
    let conn = client.rig.open("/v2");
    let (_, status) = client.rig.heard(conn).remove(0);
    assert_eq!((&status["channel"], &status["type"]), (&json!("status"), &json!("update")));
    let data = &status["data"][0];
    assert_eq!((&data["system"], &data["api_version"]), (&json!("online"), &json!("v2")));
    assert!(data["connection_id"].as_u64().unwrap() > i64::MAX as u64);
}

#[test]
fn other_paths_are_404() {
    let mut client = Client::new(1.0);
    assert_eq!(client.rig.open_refused("/"), 404);
    assert_eq!(client.rig.open_refused("/v3"), 404);
}

#[test]
fn too_many_connects_are_429_for_ten_minutes_of_venue_time() {
    let mut client = Client::new(0.1);
    for _ in 0..150 {
        client.rig.open("/v2");
    }
    assert_eq!(client.rig.open_refused("/v2"), 429);
    client.rig.run_ms(59_999);
    assert_eq!(client.rig.open_refused("/v2"), 429);
    client.rig.run_ms(1);
    client.rig.open("/v2");
}

#[test]
fn a_connection_without_a_subscription_is_closed_after_a_minute() {
    let mut client = Client::new(1.0);
    let bare = client.rig.open("/v2");
    client.rig.run_ms(30_000);
    client.rig.ask(bare, &json!({"method": "ping"}));
    let (kept, _) = client.session();
    client.rig.run_ms(600_000);
    assert_eq!(client.rig.closed(bare), Some((60_000, 1000, String::new())), "a ping does not help");
    assert_eq!(client.rig.closed(kept), None);
    assert_eq!(client.rig.journal(JournalKind::Ended)[0].detail, "venue: no subscription");
}

#[test]
fn by_knob_a_ping_helps_and_the_close_is_abrupt() {
    let mut client = Client::new(1.0);
    client.knob("ping_counts", "true");
    client.knob("idle_close_code", "0");
    let conn = client.rig.open("/v2");
    client.rig.run_ms(30_000);
    client.rig.ask(conn, &json!({"method": "ping"}));
    client.rig.run_ms(70_000);
    assert_eq!(client.rig.closed(conn), Some((90_000, 1006, String::new())));
}

#[test]
fn heartbeats_come_each_quiet_second_and_only_with_a_subscription() {
    let mut client = Client::new(1.0);
    let bare = client.rig.open("/v2");
    let (conn, _) = client.session();
    client.rig.run_ms(2_500);
    client.rest();
    client.rig.run_ms(2_000);
    assert_eq!(beats(&client, conn), [1_000, 2_000, 3_500, 4_500], "the order's updates stand in for one");
    assert_eq!(beats(&client, bare), [0_u64; 0]);
    client.apply(Fault::NoHeartbeats);
    client.rig.run_ms(10_000);
    assert_eq!(beats(&client, conn).len(), 4);
    client.rig.venue.floor_mut().heal();
    client.rig.run_ms(2_000);
    assert!(beats(&client, conn).len() >= 6, "healed");
}

#[test]
fn a_pong_is_bare_and_a_ping_with_params_is_refused_as_ping() {
    let mut client = Client::new(1.0);
    let (conn, _) = client.session();
    let pong = client.rig.ask(conn, &json!({"method": "ping", "req_id": 101}));
    assert_eq!((&pong["method"], &pong["req_id"]), (&json!("pong"), &json!(101)));
    assert!(pong.get("success").is_none() && pong.get("result").is_none());
    let refused = client.rig.ask(conn, &json!({"method": "ping", "params": {}, "req_id": 0}));
    assert_eq!((&refused["method"], &refused["success"]), (&json!("ping"), &json!(false)));
    assert_eq!(refused["error"], "Unsupported field: 'params' for the given msg type: ping");
    assert_eq!(client.rig.give(Input::Ping { conn, payload: b"p" }), [Output::Pong(conn, b"p".to_vec())]);
    client.apply(Fault::SilentPings);
    assert_eq!(client.rig.say(conn, &json!({"method": "ping"})), [] as [Value; 0]);
    assert_eq!(client.rig.give(Input::Ping { conn, payload: b"p" }), []);
}

#[test]
fn a_change_of_the_engine_is_told_to_everybody() {
    let mut client = Client::new(1.0);
    let conn = client.rig.open("/v2");
    client.apply(Fault::Maintenance);
    client.rig.run_ms(1);
    let (_, status) = client.rig.heard(conn).pop().unwrap();
    assert_eq!(status["data"][0]["system"], "maintenance");
    assert!(status["data"][0].get("connection_id").is_none());
    client.rig.venue.floor_mut().heal();
    client.knob("system", "post_only");
    client.rig.run_ms(1);
    assert_eq!(client.rig.heard(conn).pop().unwrap().1["data"][0]["system"], "post_only");
}

#[test]
fn status_can_be_repeated_every_second() {
    let mut client = Client::new(1.0);
    client.knob("status_every_ms", "1000");
    let conn = client.rig.open("/v2");
    client.rig.run_ms(3_000);
    assert_eq!(client.rig.heard(conn).len(), 4);
}

#[test]
fn executions_begin_with_an_acknowledgement_and_a_snapshot_even_without_orders() {
    let mut client = Client::new(1.0);
    let token = client.token();
    let conn = client.rig.open("/v2");
    let answers = client.subscribe(conn, &token);
    assert_eq!(answers.len(), 2);
    assert_eq!((&answers[0]["result"]["maxratecount"], &answers[0]["req_id"]), (&json!(125), &json!(7)));
    assert_eq!(answers[1], json!({"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}));
    assert_eq!(client.subscribe(conn, &token)[0]["error"], "Already subscribed");
    let id = client.rest();
    let (second, _) = client.session();
    let snapshot = client.rig.heard(second).remove(2).1;
    assert_eq!((&snapshot["data"][0]["order_id"], &snapshot["data"][0]["symbol"]), (&json!(id), &json!("BTC/USD")));
}

#[test]
fn what_was_asked_for_stays_out_of_the_snapshot() {
    let mut client = Client::new(1.0);
    client.rest();
    let token = client.token();
    let conn = client.rig.open("/v2");
    let params = json!({"channel": "executions", "token": token, "snap_orders": false, "snap_trades": false});
    assert_eq!(client.rig.say(conn, &json!({"method": "subscribe", "params": params})).len(), 1);
}

#[test]
fn unsubscribing_what_was_never_subscribed_is_answered_as_a_subscription() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let params = json!({"channel": "executions", "token": token});
    let message = json!({"method": "unsubscribe", "params": params});
    assert_eq!(client.rig.ask(conn, &message)["method"], "unsubscribe");
    let again = client.rig.ask(conn, &message);
    assert_eq!((&again["method"], &again["error"]), (&json!("subscribe"), &json!("Subscription Not Found")));
    client.rig.run_ms(60_000);
    assert!(client.rig.closed(conn).is_some(), "nothing is subscribed any more");
}

#[test]
fn public_channels_are_acknowledged_symbol_by_symbol() {
    let mut client = Client::new(1.0);
    let conn = client.rig.open("/v2");
    let params = json!({"channel": "ticker", "symbol": ["BTC/USD", "ETH/USD", "NO/PAIR"]});
    let answers = client.rig.say(conn, &json!({"method": "subscribe", "params": params, "req_id": 3}));
    assert_eq!(answers[1]["result"]["symbol"], "ETH/USD");
    assert_eq!(answers[2]["error"], "Currency pair not supported NO/PAIR");
    assert!(answers.iter().all(|answer| answer["req_id"] == 3));
    let answers = client.rig.say(conn, &json!({"method": "subscribe", "params": {"channel": "instrument"}}));
    assert_eq!(answers[1]["data"]["pairs"][0]["symbol"], "BTC/USD");
}

#[test]
fn nonsense_is_answered_and_harmless() {
    let mut client = Client::new(1.0);
    let conn = client.rig.open("/v2");
    assert_eq!(client.rig.ask(conn, &json!([1, 2]))["error"], "Malformed request");
    assert_eq!(client.rig.ask(conn, &json!({"method": "dance"}))["error"], "Unsupported event");
    assert_eq!(client.rig.ask(conn, &json!({}))["success"], false);
    let out = client.rig.give(Input::Text { conn, text: "\u{0}{" });
    assert_eq!(out.len(), 1);
}

#[test]
fn connections_can_be_closed_with_a_reason_and_told_a_sentence() {
    let mut client = Client::new(1.0);
    let (conn, _) = client.session();
    client.knob("say", r#""CloudFlare WebSocket proxy restarting""#);
    client.knob("close_all", "1001 CloudFlare WebSocket proxy restarting");
    client.rig.run_ms(1);
    assert_eq!(client.rig.heard(conn).pop().unwrap().1, "CloudFlare WebSocket proxy restarting");
    assert_eq!(client.rig.closed(conn), Some((0, 1001, "CloudFlare WebSocket proxy restarting".into())));
    let (next, _) = client.session();
    client.rig.run_ms(100);
    assert_eq!(client.rig.closed(next), None, "once");
}

#[test]
fn a_sequence_number_can_be_left_out() {
    let mut client = Client::new(1.0);
    let (conn, _) = client.session();
    client.rest();
    client.knob("skip_sequence", "true");
    client.rest();
    let numbers: Vec<u64> =
        client.updates(conn).iter().map(|(_, update)| update["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 3, 5, 6]);
}
