//! Misbehaviour on command.

use super::*;
use crate::model::Now;
use crate::sim::exchange::{Fault, Input, JournalKind};
use std::time::Duration;

fn apply(rig: &mut Rig<BybitExchange>, fault: Fault) {
    rig.venue.floor_mut().apply(Now::default(), fault);
}

#[test]
fn a_refused_step_has_no_effect_and_the_next_one_works() {
    let mut rig = rig(1.0);
    let conn = session(&mut rig, "/v5/private");
    apply(&mut rig, Fault::Refuse { step: "subscribe:dcp.future".into(), code: Some("busy".into()), times: 1 });
    let refused = subscribe(&mut rig, conn, &["dcp.future"]);
    assert_eq!((&refused["success"], &refused["ret_msg"]), (&json!(false), &json!("busy")));
    rig.drop_client(conn);
    rig.run_ms(20_000);
    assert_eq!(rig.journal(JournalKind::Tripped).len(), 0);
    let conn = session(&mut rig, "/v5/private");
    assert_eq!(subscribe(&mut rig, conn, &["dcp.future"])["success"], true);
}

#[test]
fn http_steps_are_named_by_method_and_path() {
    let mut rig = rig(1.0);
    let step = "POST /v5/order/disconnected-cancel-all";
    let set = json!({"product": "SPOT", "timeWindow": 20}).to_string();
    apply(&mut rig, Fault::Refuse { step: step.into(), code: Some("10006".into()), times: 1 });
    let answer = request(&mut rig, "POST", "/v5/order/disconnected-cancel-all", &set, 0).unwrap();
    assert!(answer.body.contains("10006"));
    apply(&mut rig, Fault::Refuse { step: step.into(), code: Some("HTTP 502".into()), times: 1 });
    assert_eq!(request(&mut rig, "POST", "/v5/order/disconnected-cancel-all", &set, 0).unwrap().status, 502);
    apply(&mut rig, Fault::LoseRequest { step: step.into(), times: 1 });
    assert_eq!(request(&mut rig, "POST", "/v5/order/disconnected-cancel-all", &set, 0), None);
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 0, "none of them had an effect");
    apply(&mut rig, Fault::LoseAnswer { step: step.into(), times: 1 });
    assert_eq!(request(&mut rig, "POST", "/v5/order/disconnected-cancel-all", &set, 0), None);
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 1, "a lost answer hides an effect");
}

#[test]
fn a_late_answer_comes_late_and_not_to_a_connection_that_is_gone() {
    let mut rig = rig(1.0);
    let conn = session(&mut rig, "/v5/private");
    let late = Fault::Late { step: "subscribe:dcp.spot".into(), by: Duration::from_secs(3), times: 2 };
    apply(&mut rig, late);
    assert_eq!(rig.say(conn, &json!({"op": "subscribe", "args": ["dcp.spot"]})), [] as [Value; 0]);
    rig.run_ms(3_000);
    assert_eq!(rig.heard(conn).last().unwrap().0, 3_000);
    let gone = session(&mut rig, "/v5/private");
    rig.say(gone, &json!({"op": "subscribe", "args": ["dcp.spot"]}));
    let before = rig.heard(gone).len();
    rig.drop_client(gone);
    rig.run_ms(5_000);
    assert_eq!(rig.heard(gone).len(), before);
}

#[test]
fn silent_pings_stay_unanswered_and_still_count() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    apply(&mut rig, Fault::SilentPings);
    for _ in 0..20 {
        rig.run_ms(5_000);
        assert_eq!(rig.say(conn, &json!({"op": "ping"})), [] as [Value; 0]);
    }
    assert_eq!(rig.give(Input::Ping { conn, payload: b"x" }), []);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn a_dishonoured_switch_acknowledges_everything_and_cancels_nothing() {
    let mut rig = rig(1.0);
    apply(&mut rig, Fault::Dishonour);
    rest(&mut rig, "linear", "BTCUSDT");
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    let on = get(&mut rig, "/v5/account/query-dcp-info")["result"]["dcpInfos"].as_array().unwrap().len();
    assert_eq!(on, 3, "it still says ON");
    knob(&mut rig, "dishonour_readback", "false");
    assert_eq!(get(&mut rig, "/v5/account/query-dcp-info")["result"]["dcpInfos"], json!([]));
    rig.drop_client(conn);
    rig.run_ms(60_000);
    assert_eq!(open(&rig, "linear"), 1);
    rig.venue.floor_mut().heal();
    let conn = guard(&mut rig, GUARD, &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    assert_eq!(open(&rig, "linear"), 0, "healed");
}

#[test]
fn in_maintenance_orders_are_10016_on_both_paths_and_the_time_is_still_told() {
    let mut rig = rig(1.0);
    let trade = session(&mut rig, TRADE);
    apply(&mut rig, Fault::Maintenance);
    let args = json!({"category": "spot", "symbol": "BTCUSDT", "orderId": "x"});
    let message = trade_order(&rig, "order.cancel", "a", args);
    assert_eq!(rig.ask(trade, &message)["retCode"], 10016);
    assert_eq!(get(&mut rig, "/v5/account/query-dcp-info")["retCode"], 10016);
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "").unwrap().status, 200);
}

#[test]
fn a_text_can_be_said_to_everybody() {
    let mut rig = rig(1.0);
    let conn = rig.open("/v5/private");
    knob(&mut rig, "say", r#"{"not":"expected"}"#);
    rig.run_ms(1);
    assert_eq!(rig.heard(conn).last().unwrap().1, json!({"not": "expected"}));
    rig.run_ms(100);
    assert_eq!(rig.heard(conn).len(), 1, "once");
}
