//! Misbehaviour on command.

use super::*;
use std::time::Duration;

const TIMER: &str = "cancel_all_orders_after";

#[test]
fn a_refused_feed_does_not_feed() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.timer(conn, &token, 60);
    client.apply(Fault::Refuse { step: TIMER.into(), code: Some("EService:Busy".into()), times: 1 });
    client.rig.run_ms(10_000);
    assert_eq!(client.timer(conn, &token, 60)["error"], "EService:Busy");
    assert_eq!(client.foretold(&[conn]), Some(60_000));
    assert_eq!(client.timer(conn, &token, 60)["success"], true);
}

#[test]
fn a_lost_request_does_nothing_and_a_lost_answer_hides_that_it_did() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let feed = json!({"method": TIMER, "params": {"timeout": 60, "token": token}});
    client.apply(Fault::LoseRequest { step: TIMER.into(), times: 1 });
    assert_eq!(client.rig.say(conn, &feed), [] as [Value; 0]);
    assert_eq!(client.foretold(&[conn]), None);
    client.apply(Fault::LoseAnswer { step: TIMER.into(), times: 1 });
    assert_eq!(client.rig.say(conn, &feed), [] as [Value; 0]);
    assert_eq!(client.foretold(&[conn]), Some(60_000));
}

#[test]
fn a_late_acknowledgement_hides_a_feed_that_took_effect_at_once() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.apply(Fault::Late { step: TIMER.into(), by: Duration::from_secs(4), times: 1 });
    let feed = json!({"method": TIMER, "params": {"timeout": 60, "token": token}, "req_id": 77});
    assert_eq!(client.rig.say(conn, &feed), [] as [Value; 0]);
    assert_eq!(client.foretold(&[conn]), Some(60_000));
    client.rig.run_ms(4_000);
    assert!(client.rig.heard(conn).iter().any(|(at, message)| *at == 4_000 && message["req_id"] == 77));
}

#[test]
fn one_channel_can_be_refused_alone() {
    let mut client = Client::new(1.0);
    client.apply(Fault::Refuse { step: "subscribe:executions".into(), code: None, times: u32::MAX });
    let token = client.token();
    let conn = client.rig.open("/v2");
    assert_eq!(client.subscribe(conn, &token)[0]["success"], false);
    let ticker = json!({"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"]}});
    assert_eq!(client.rig.ask(conn, &ticker)["success"], true);
}

#[test]
fn http_calls_are_named_by_their_last_part() {
    let mut client = Client::new(1.0);
    let step = || "GetWebSocketsToken".to_owned();
    client.apply(Fault::Refuse { step: step(), code: Some("EGeneral:Temporary lockout".into()), times: 1 });
    assert_eq!(client.post("GetWebSocketsToken", "")["error"][0], "EGeneral:Temporary lockout");
    client.apply(Fault::Refuse { step: step(), code: Some("HTTP 520".into()), times: 1 });
    assert_eq!(client.sign(KEY, SECRET, 5_000, "GetWebSocketsToken", "").unwrap().status, 520);
    client.apply(Fault::LoseRequest { step: step(), times: 1 });
    assert_eq!(client.sign(KEY, SECRET, 5_001, "GetWebSocketsToken", ""), None);
}

#[test]
fn a_dishonoured_switch_acknowledges_and_cancels_nothing() {
    let mut client = Client::new(1.0);
    client.apply(Fault::Dishonour);
    let (conn, token) = client.session();
    client.rest();
    let answer = client.timer(conn, &token, 5);
    assert_eq!((&answer["success"], client.foretold(&[conn])), (&json!(true), None));
    client.rig.run_ms(60_000);
    assert_eq!((client.open_orders(), client.tripped()), (1, vec![]));
}

#[test]
fn two_private_requests_in_a_row_can_change_places() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.knob("reorder_private", "true");
    let timer =
        |timeout: u64, id: u64| json!({"method": TIMER, "params": {"timeout": timeout, "token": token}, "req_id": id});
    assert_eq!(client.rig.say(conn, &timer(0, 1)), [] as [Value; 0], "disarm waits");
    let answers = client.rig.say(conn, &timer(60, 2));
    assert_eq!(answers.iter().map(|answer| answer["req_id"].clone()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(client.foretold(&[conn]), None, "the disarm came last");
    client.rig.say(conn, &timer(60, 3));
    client.rig.run_ms(50);
    assert!(client.rig.heard(conn).iter().any(|(_, message)| message["req_id"] == 3), "nothing overtook it");
}

#[test]
fn a_star_with_silence_is_a_zombie() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    for fault in [Fault::LoseAnswer { step: "*".into(), times: u32::MAX }, Fault::NoHeartbeats, Fault::SilentPings] {
        client.apply(fault);
    }
    let before = client.rig.heard(conn).len();
    client.rig.say(conn, &json!({"method": "ping"}));
    client.rig.say(conn, &json!({"method": TIMER, "params": {"timeout": 60, "token": token}}));
    client.rig.run_ms(30_000);
    assert_eq!(client.rig.heard(conn).len(), before);
    assert_eq!(client.rig.closed(conn), None);
}
