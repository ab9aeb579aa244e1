//! Disconnection protection and the reaper (spec sections 3, 7 and 18).

use super::*;
use crate::sim::exchange::{Input, JournalKind};

fn tripped_ms(rig: &Rig<BybitExchange>) -> Vec<u64> {
    rig.journal(JournalKind::Tripped).iter().map(|entry| entry.at.nanos() / 1_000_000).collect()
}

#[test]
fn the_example_with_three_connections_fires_only_when_both_subscribers_are_dead() {
    // Rows of the table in spec 7.5: which of A (dcp), B (no dcp) and C (dcp) die, and whether it fires.
    for (dead, fires) in [(vec![1], false), (vec![1, 2], false), (vec![0, 2], true), (vec![0, 1], false)] {
        let mut rig = rig(1.0);
        rest(&mut rig, "linear", "BTCUSDT");
        let conns = [
            guard(&mut rig, "/v5/private", &["dcp.future"]),
            guard(&mut rig, "/v5/private", &["order"]),
            guard(&mut rig, "/v5/private", &["dcp.future"]),
        ];
        for index in &dead {
            rig.drop_client(conns[*index]);
        }
        rig.run_ms(9_999);
        assert_eq!(open(&rig, "linear"), 1, "{dead:?} before the window ends");
        rig.run_ms(1);
        assert_eq!(open(&rig, "linear"), usize::from(!fires), "{dead:?}");
    }
}

#[test]
fn the_window_starts_when_the_last_subscriber_dies() {
    let mut rig = rig(1.0);
    let first = guard(&mut rig, "/v5/private", &["dcp.future"]);
    let last = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(first);
    rig.run_ms(60_000);
    assert_eq!(tripped_ms(&rig), [0_u64; 0]);
    rig.drop_client(last);
    rig.run_ms(20_000);
    assert_eq!(tripped_ms(&rig), [70_000]);
}

#[test]
fn each_topic_holds_off_its_own_product_only() {
    let mut rig = rig(1.0);
    for (category, symbol) in [("linear", "BTCUSDT"), ("inverse", "BTCUSD"), ("spot", "BTCUSDT")] {
        rest(&mut rig, category, symbol);
    }
    let future = guard(&mut rig, "/v5/private", &["dcp.future"]);
    guard(&mut rig, "/v5/private", &["dcp.spot"]);
    rig.drop_client(future);
    rig.run_ms(10_000);
    assert_eq!((open(&rig, "linear"), open(&rig, "inverse"), open(&rig, "spot")), (0, 0, 1));
}

#[test]
fn with_pooled_topics_any_subscriber_holds_off_every_product() {
    let mut rig = rig(1.0);
    knob(&mut rig, "pool_topics", "true");
    rest(&mut rig, "linear", "BTCUSDT");
    let future = guard(&mut rig, "/v5/private", &["dcp.future"]);
    guard(&mut rig, "/v5/private", &["dcp.spot"]);
    rig.drop_client(future);
    rig.run_ms(600_000);
    assert_eq!(open(&rig, "linear"), 1);
}

#[test]
fn coming_back_clears_the_window_only_with_login_topic_and_ping() {
    let mut rig = rig(1.0);
    rest(&mut rig, "linear", "BTCUSDT");
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(5_000);
    let conn = session(&mut rig, "/v5/private");
    subscribe(&mut rig, conn, &["dcp.future"]);
    rig.run_ms(4_999);
    ping(&mut rig, conn);
    rig.run_ms(100_000);
    assert_eq!(open(&rig, "linear"), 1, "cleared in the last millisecond");
    rig.drop_client(conn);
    let conn = session(&mut rig, "/v5/private");
    subscribe(&mut rig, conn, &["dcp.future"]);
    rig.run_ms(10_000);
    assert_eq!(open(&rig, "linear"), 0, "the ping was missing");
}

#[test]
fn the_knobs_say_what_is_enough_to_clear_a_window() {
    for (needs_ping, needs_topic, pings, subscribes) in
        [("false", "true", false, true), ("true", "false", true, false), ("false", "false", false, false)]
    {
        let mut rig = rig(1.0);
        knob(&mut rig, "reset_needs_ping", needs_ping);
        knob(&mut rig, "reset_needs_topic", needs_topic);
        let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
        rig.drop_client(conn);
        let conn = session(&mut rig, "/v5/private");
        if subscribes {
            subscribe(&mut rig, conn, &["dcp.future"]);
        }
        if pings {
            ping(&mut rig, conn);
        }
        rig.run_ms(20_000);
        assert_eq!(tripped_ms(&rig), [0_u64; 0], "ping {needs_ping} topic {needs_topic}");
    }
}

#[test]
fn after_it_fired_it_starts_again_at_the_next_disconnect() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.run_ms(5_000);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    assert_eq!(tripped_ms(&rig), [10_000, 25_000]);
}

#[test]
fn unsubscribing_and_closing_cleanly_start_the_window_unless_knobs_say_otherwise() {
    for (unsubscribes, knob_name) in [(true, "unsubscribe_disarms"), (false, "clean_close_exempt")] {
        for exempt in [false, true] {
            let mut rig = rig(1.0);
            knob(&mut rig, knob_name, if exempt { "true" } else { "false" });
            let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
            if unsubscribes {
                rig.ask(conn, &json!({"op": "unsubscribe", "args": ["dcp.future"]}));
                assert_eq!(rig.journal(JournalKind::SwitchOff).len(), 1);
            } else {
                rig.give(Input::Ended { conn, clean: true });
            }
            rig.run_ms(20_000);
            assert_eq!(tripped_ms(&rig).len(), usize::from(!exempt), "{knob_name} {exempt}");
        }
    }
}

#[test]
fn a_trip_is_told_to_other_sessions_as_cancelled_by_dcp() {
    let mut rig = rig(1.0);
    let id = rest(&mut rig, "linear", "BTCUSDT");
    let watcher = guard(&mut rig, "/v5/private", &["order"]);
    let narrow = guard(&mut rig, "/v5/private", &["order.spot"]);
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    let heard = rig.heard(watcher);
    let (at, message) = heard.last().unwrap();
    assert_eq!((*at, &message["topic"]), (10_000, &json!("order")));
    let row = &message["data"][0];
    assert_eq!((&row["orderId"], &row["category"]), (&json!(id), &json!("linear")));
    assert_eq!((&row["orderStatus"], &row["cancelType"]), (&json!("Cancelled"), &json!("CancelByDCP")));
    assert!(rig.heard(narrow).iter().all(|(_, message)| message.get("topic").is_none()));
}

#[test]
fn untriggered_conditional_orders_survive_a_trip_unless_the_knob_says_otherwise() {
    for cancels in [false, true] {
        let mut rig = rig(1.0);
        knob(&mut rig, "dcp_cancels_conditional", if cancels { "true" } else { "false" });
        let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1",
            "price": "100", "triggerPrice": "90"});
        assert_eq!(post(&mut rig, "/v5/order/create", &order)["retCode"], 0);
        let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
        rig.drop_client(conn);
        rig.run_ms(10_000);
        assert_eq!(open(&rig, "linear"), usize::from(!cancels));
    }
}

#[test]
fn a_new_window_acts_and_shows_only_after_it_has_propagated() {
    let mut rig = rig(0.1);
    let set = json!({"product": "DERIVATIVES", "timeWindow": 40});
    let answer = post(&mut rig, "/v5/order/disconnected-cancel-all", &set);
    assert_eq!(answer, json!({"retCode": 0, "retMsg": "success"}));
    let window = |rig: &mut Rig<BybitExchange>| {
        let infos = get(rig, "/v5/account/query-dcp-info")["result"]["dcpInfos"].clone();
        infos.as_array().unwrap().iter().find(|info| info["product"] == "DERIVATIVES").unwrap()["timeWindow"].clone()
    };
    rig.run_ms(999);
    assert_eq!(window(&mut rig), "10");
    rig.run_ms(1);
    assert_eq!(window(&mut rig), "40", "ten seconds of venue time later");
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    assert_eq!(tripped_ms(&rig), [5_000], "one second, then forty seconds of venue time");
}

#[test]
fn the_product_is_options_unless_named_and_bad_values_are_refused() {
    let mut rig = rig(1.0);
    let mut set = |body: Value| {
        rig.run_ms(1_000);
        post(&mut rig, "/v5/order/disconnected-cancel-all", &body)["retCode"].clone()
    };
    assert_eq!(set(json!({"timeWindow": 50})), 0);
    assert_eq!(set(json!({"product": "OPTION", "timeWindow": 50})), 10001);
    assert_eq!(set(json!({"product": "SPOT", "timeWindow": 2})), 10001);
    assert_eq!(set(json!({"product": "SPOT", "timeWindow": 301})), 10001);
    assert_eq!(set(json!({"product": "SPOT"})), 10001);
    rig.run_ms(10_000);
    let infos = get(&mut rig, "/v5/account/query-dcp-info")["result"]["dcpInfos"].clone();
    let windows: Vec<&str> =
        infos.as_array().unwrap().iter().map(|info| info["timeWindow"].as_str().unwrap()).collect();
    assert_eq!(windows, ["10", "10", "50"], "SPOT, DERIVATIVES, OPTIONS");
}

#[test]
fn products_that_are_not_on_are_absent_cannot_be_set_and_never_fire() {
    let mut rig = rig(1.0);
    knob(&mut rig, "dcp_products", "SPOT");
    rest(&mut rig, "linear", "BTCUSDT");
    let infos = get(&mut rig, "/v5/account/query-dcp-info")["result"]["dcpInfos"].clone();
    assert_eq!(infos, json!([{"product": "SPOT", "dcpStatus": "ON", "timeWindow": "10"}]));
    let set = json!({"product": "DERIVATIVES", "timeWindow": 10});
    assert_eq!(post(&mut rig, "/v5/order/disconnected-cancel-all", &set)["retCode"], 10005);
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(60_000);
    assert_eq!(open(&rig, "linear"), 1);
    knob(&mut rig, "dcp_products", "");
    assert_eq!(get(&mut rig, "/v5/account/query-dcp-info")["result"], json!({"dcpInfos": []}));
    knob(&mut rig, "dcp_empty", "missing");
    assert_eq!(get(&mut rig, "/v5/account/query-dcp-info")["result"], json!({}));
}

#[test]
fn a_silent_connection_is_reaped_at_the_first_scan_after_its_limit_without_a_close_frame() {
    let mut rig = rig(1.0);
    rig.run_ms(23_000);
    let conn = guard(&mut rig, "/v5/private?max_active_time=45s", &["dcp.future"]);
    rig.run_ms(200_000);
    // Scans at 15, 45, 75 s: 23 + 45 = 68, so the scan at 75; then the window of 10 s.
    assert_eq!(rig.closed(conn), Some((75_000, 1006, String::new())));
    assert_eq!(tripped_ms(&rig), [85_000]);
}

#[test]
fn pings_keep_a_connection_and_protocol_pings_do_not() {
    let mut rig = rig(1.0);
    let pinging = guard(&mut rig, GUARD, &["dcp.future"]);
    let silent = guard(&mut rig, GUARD, &[]);
    for _ in 0..30 {
        rig.run_ms(5_000);
        ping(&mut rig, pinging);
        rig.give(Input::Ping { conn: silent, payload: b"" });
    }
    assert_eq!(rig.closed(pinging), None);
    assert_eq!(rig.closed(silent).unwrap().0, 45_000);
}

#[test]
fn data_pushed_by_the_venue_counts_as_activity() {
    let mut rig = rig(1.0);
    let conn = guard(&mut rig, GUARD, &["dcp.future", "order"]);
    rig.run_ms(29_000);
    rest(&mut rig, "spot", "BTCUSDT");
    rig.run_ms(60_000);
    assert_eq!(rig.closed(conn).unwrap().0, 75_000, "29 + 30 = 59, so the scan at 75");
}

#[test]
fn without_a_limit_of_its_own_a_connection_lives_ten_minutes() {
    let mut rig = rig(0.01);
    let conn = rig.open("/v5/private");
    rig.run_ms(10_000);
    assert_eq!(rig.closed(conn).unwrap().0, 6_150, "6 s and the next scan, a hundred times as fast");
}

#[test]
fn missing_pings_are_death_only_with_the_knob() {
    let mut rig = rig(1.0);
    knob(&mut rig, "heartbeat_dead_after_ms", "20000");
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.run_ms(25_000);
    ping(&mut rig, conn);
    rig.run_ms(19_000);
    assert_eq!(tripped_ms(&rig), [0_u64; 0], "the ping came back inside the window");
    rig.run_ms(30_000);
    assert_eq!(tripped_ms(&rig), [55_000], "25 + 20 + 10");
    assert_eq!(rig.closed(conn), None, "the connection itself stays");
}

#[test]
fn a_gateway_restart_drops_every_connection_and_starts_the_windows() {
    let mut rig = rig(1.0);
    let conns = [guard(&mut rig, GUARD, &["dcp.future"]), session(&mut rig, TRADE)];
    knob(&mut rig, "drop_all", "true");
    rig.run_ms(12_000);
    assert!(conns.iter().all(|conn| rig.closed(*conn).unwrap().0 == 0));
    assert_eq!(tripped_ms(&rig), [10_000]);
}

#[test]
fn accounts_do_not_hold_each_other_off() {
    let mut rig = rig(1.0);
    rig.venue.floor_mut().accounts.get_mut(OTHER_KEY).unwrap().name = "other".into();
    rest(&mut rig, "linear", "BTCUSDT");
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    let expires = rig.wall_ms() + 1_000;
    let signature = hmac_sha256_hex(OTHER_SECRET.as_bytes(), format!("GET/realtime{expires}").as_bytes());
    let other = rig.open("/v5/private");
    rig.ask(other, &json!({"op": "auth", "args": [OTHER_KEY, expires, signature]}));
    subscribe(&mut rig, other, &["dcp.future"]);
    ping(&mut rig, other);
    rig.drop_client(conn);
    rig.run_ms(10_000);
    assert_eq!(open(&rig, "linear"), 0);
}
