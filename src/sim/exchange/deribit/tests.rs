//! What the embedded Deribit promises, each against the section of the specification it comes from.

mod knobs;

use super::DeribitExchange;
use crate::model::{Moment, TimeFactor};
use crate::sim::exchange::rig::{Rig, texts};
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{CancelCause, ConnId, Exchange, Fault, HttpOut, Input, JournalKind, OrderState, Output};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const SOCKET: &str = "/ws/api/v2";
const KEY: &str = "key-1";
const SECRET: &str = "secret-1";
const ENABLE: &str = "private/enable_cancel_on_disconnect";
const DISABLE: &str = "private/disable_cancel_on_disconnect";
const READ: &str = "private/get_cancel_on_disconnect";

// Logging in: section 3.

#[test]
fn a_good_signature_logs_in_and_private_calls_need_it() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    let before = ask(&mut rig, conn, "private/get_open_orders", json!({}));
    assert_eq!(
        (&before["error"]["code"], &before["error"]["data"]["reason"]),
        (&json!(13_009), &json!("invalid_token"))
    );
    let granted = log_in(&mut rig, conn, json!({"state": "echo"}));
    let result = &granted["result"];
    assert_eq!((&result["token_type"], &result["state"]), (&json!("bearer"), &json!("echo")));
    assert_eq!((&result["expires_in"], &granted["testnet"]), (&json!(31_536_000), &json!(false)));
    assert_eq!(granted["usIn"], 1_700_000_000_000_000_u64);
    assert_eq!(ask(&mut rig, conn, "private/get_open_orders", json!({}))["result"], json!([]));
    assert_eq!(rig.journal(JournalKind::LoggedIn).len(), 1);
}

#[test]
fn bad_logins_are_refused_and_keep_the_socket() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    let wrong_secret = json!({"grant_type": "client_credentials", "client_id": KEY, "client_secret": "no"});
    let unknown = json!({"grant_type": "client_credentials", "client_id": "no", "client_secret": SECRET});
    let bad_nonce =
        json!({"grant_type": "client_signature", "client_id": KEY, "timestamp": 1, "nonce": 5, "signature": ""});
    for (params, code) in [(wrong_secret, 13_004), (unknown, 13_004), (bad_nonce, -32_602)] {
        assert_eq!(code_of(&ask(&mut rig, conn, "public/auth", params)), code);
    }
    for (skew_ms, code) in [(-60_000, 0), (60_000, 0), (60_001, 13_009), (-60_001, 13_009)] {
        let params = signature(&rig, skew_ms, &format!("n{skew_ms}"));
        assert_eq!(code_of(&ask(&mut rig, conn, "public/auth", params)), code, "skew {skew_ms}");
    }
    let used = signature(&rig, 0, "n60000");
    assert_eq!(ask(&mut rig, conn, "public/auth", used)["error"]["data"]["reason"], "nonce was used before");
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    let good = signature(&rig, 0, "fresh");
    assert_eq!(code_of(&ask(&mut rig, conn, "public/auth", good)), 13_004);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn a_revoked_key_is_refused_on_private_calls_and_closed_when_the_knob_says_so() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 13_009);
    assert_eq!(rig.closed(conn), None);
    rig.venue.set_knob("revoked_key_closes", "true").unwrap();
    assert_eq!(rig.venue.next_deadline(), Some(Moment::default()), "it wants to act at once");
    rig.run_ms(1);
    assert_eq!(rig.closed(conn).map(|(_, code, _)| code), Some(1000));
}

#[test]
fn a_key_without_account_write_cannot_arm() {
    let mut rig = rig(1.0);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().lacks.push("account:read_write".into());
    let conn = rig.open(SOCKET);
    let granted = log_in(&mut rig, conn, json!({"scope": "account:read_write trade:read_write"}));
    assert!(granted["result"]["scope"].as_str().unwrap().starts_with("account:read block_trade"));
    assert_eq!(code_of(&ask(&mut rig, conn, ENABLE, json!({}))), 13_021);
    assert_eq!(ask(&mut rig, conn, READ, json!({}))["result"]["enabled"], false);
}

#[test]
fn a_refresh_token_renews_on_its_own_connection_once() {
    let mut rig = rig(1.0);
    let (conn, stranger) = (rig.open(SOCKET), rig.open(SOCKET));
    let first = log_in(&mut rig, conn, json!({}))["result"].clone();
    let renew = json!({"grant_type": "refresh_token", "refresh_token": first["refresh_token"]});
    assert_eq!(code_of(&ask(&mut rig, stranger, "public/auth", renew.clone())), 13_009);
    let second = ask(&mut rig, conn, "public/auth", renew.clone())["result"].clone();
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(code_of(&ask(&mut rig, conn, "public/auth", renew)), 13_009);
}

#[test]
fn a_connection_token_is_good_on_its_connection_only_and_a_session_token_everywhere() {
    for (scope, good_elsewhere) in [("connection", false), ("session:desk", true)] {
        let mut rig = rig(1.0);
        let (conn, other) = (rig.open(SOCKET), rig.open(SOCKET));
        let token = log_in(&mut rig, conn, json!({"scope": scope}))["result"]["access_token"].clone();
        let with_token = json!({"access_token": token});
        assert_eq!(code_of(&ask(&mut rig, conn, "private/get_open_orders", with_token.clone())), 0);
        assert_eq!(code_of(&ask(&mut rig, other, "private/get_open_orders", with_token)) == 0, good_elsewhere);
        let header = format!("Bearer {}", token.as_str().unwrap());
        let (status, _) = get(&mut rig, "private/get_open_orders", &[("authorization", &header)]);
        assert_eq!(status, if good_elsewhere { 200 } else { 401 });
    }
}

#[test]
fn the_seventeenth_session_of_a_key_pushes_the_oldest_out() {
    let mut rig = rig(1.0);
    let conns: Vec<ConnId> = (0..17).map(|_| rig.open(SOCKET)).collect();
    for (number, conn) in conns.iter().enumerate() {
        log_in(&mut rig, *conn, json!({"scope": format!("session:s{number}")}));
    }
    let codes: Vec<i64> =
        [0, 1, 16].map(|n| code_of(&ask(&mut rig, conns[n], "private/get_open_orders", json!({})))).into();
    assert_eq!(codes, [13_009, 0, 0]);
}

#[test]
fn an_expired_token_refuses_closes_or_does_nothing_by_knob() {
    for (expiry, code, closed) in [("ignore", 0, false), ("refuse", 13_009, false), ("close", 0, true)] {
        let mut rig = rig(1.0);
        rig.venue.set_knob("token_lifetime_s", "100").unwrap();
        rig.venue.set_knob("token_expiry", expiry).unwrap();
        let conn = armed(&mut rig);
        ask(&mut rig, conn, "public/disable_heartbeat", json!({}));
        rig.run_ms(100_000);
        assert_eq!(rig.closed(conn).is_some(), closed, "{expiry}");
        if !closed {
            assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), code, "{expiry}");
        }
    }
}

#[test]
fn expiring_every_token_at_once_ends_logins_but_not_later_ones() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    rig.venue.set_knob("invalidate_tokens", "true").unwrap();
    assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 13_009);
    log_in(&mut rig, conn, json!({}));
    assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 0);
}

// Heartbeats: section 5.

#[test]
fn an_idle_client_is_asked_after_12_6_s_and_closed_10_s_later() {
    for (factor, asked_ms, closed_ms) in [(1.0, 12_600, 22_600), (0.1, 1_260, 2_260)] {
        let mut rig = rig(factor);
        let conn = armed(&mut rig);
        let order = buy(&mut rig, conn, "a");
        rig.run_ms(closed_ms + 49);
        assert_eq!(heartbeats(&rig, conn), [(asked_ms, json!("heartbeat")), (asked_ms, json!("test_request"))]);
        assert_eq!(rig.closed(conn), Some((closed_ms, 4000, "heartbeat close".into())));
        assert_eq!(state(&rig, &order), OrderState::Open);
        rig.run_ms(1);
        assert_eq!(state(&rig, &order), OrderState::Cancelled(CancelCause::Switch));
    }
}

#[test]
fn a_client_that_answers_is_asked_every_10_7_s() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    for wait_ms in [12_600, 10_700, 10_700] {
        rig.run_ms(wait_ms);
        assert_eq!(ask(&mut rig, conn, "public/test", json!({}))["result"]["version"], "1.2.26");
    }
    let asked: Vec<u64> =
        heartbeats(&rig, conn).iter().filter(|(_, k)| k == "test_request").map(|(at, _)| *at).collect();
    assert_eq!(asked, [12_600, 23_300, 34_000]);
    assert_eq!(rig.closed(conn), None);
    assert_eq!(rig.journal(JournalKind::LifeSign).len(), 3);
}

#[test]
fn probing_often_keeps_test_requests_away() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    for _ in 0..60 {
        rig.run_ms(3_000);
        ask(&mut rig, conn, "public/test", json!({}));
    }
    assert_eq!(heartbeats(&rig, conn), []);
}

#[test]
fn other_requests_put_a_test_request_off_but_do_not_answer_one() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    rig.run_ms(5_000);
    ask(&mut rig, conn, READ, json!({}));
    rig.run_ms(12_600);
    assert_eq!(heartbeats(&rig, conn).last(), Some(&(17_600, json!("test_request"))));
    rig.run_ms(9_000);
    ask(&mut rig, conn, READ, json!({}));
    rig.run_ms(1_000);
    assert_eq!(rig.closed(conn).map(|(at, code, _)| (at, code)), Some((27_600, 4000)));
}

#[test]
fn a_busy_venue_sends_test_requests_without_heartbeats() {
    let mut rig = rig(1.0);
    let (conn, trader) = (armed(&mut rig), armed(&mut rig));
    ask(&mut rig, conn, "private/subscribe", json!({"channels": ["user.orders.any.any.raw"]}));
    ask(&mut rig, trader, "public/disable_heartbeat", json!({}));
    for number in 0..6 {
        rig.run_ms(2_000);
        buy(&mut rig, trader, &number.to_string());
    }
    rig.run_ms(2_000);
    assert_eq!(heartbeats(&rig, conn), [(12_600, json!("test_request"))]);
}

#[test]
fn the_interval_has_bounds_and_can_be_switched_off() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    for interval in [json!(9), json!(3601), json!("soon"), json!(null)] {
        let refused = ask(&mut rig, conn, "public/set_heartbeat", json!({"interval": interval}));
        assert_eq!(
            (&refused["error"]["code"], &refused["error"]["data"]["param"]),
            (&json!(-32_602), &json!("interval"))
        );
    }
    assert_eq!(ask(&mut rig, conn, "public/disable_heartbeat", json!({}))["result"], "ok");
    rig.run_ms(100_000);
    assert_eq!(heartbeats(&rig, conn), []);
}

#[test]
fn a_connection_that_never_speaks_is_dropped_after_60_s_and_a_quiet_one_closed_after_600_s() {
    let mut rig = rig(1.0);
    let (mute, quiet) = (rig.open(SOCKET), rig.open("/ws/api/v2/"));
    ask(&mut rig, quiet, "public/test", json!({}));
    rig.run_ms(700_000);
    assert_eq!(rig.closed(mute), Some((60_000, 1006, String::new())));
    assert_eq!(rig.closed(quiet).map(|(at, ..)| at), Some(600_000));
}

#[test]
fn silent_pings_leave_both_kinds_of_ping_unanswered_but_heard() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    assert_eq!(rig.give(Input::Ping { conn, payload: b"n" }), [Output::Pong(conn, b"n".to_vec())]);
    fault(&mut rig, Fault::SilentPings);
    assert_eq!(rig.give(Input::Ping { conn, payload: b"n" }), []);
    rig.run_ms(12_600);
    assert!(rig.say(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": "public/test"})).is_empty());
    assert_eq!(get_status(&mut rig, "public/test"), None);
    rig.run_ms(10_000);
    assert_eq!(rig.closed(conn), None);
    assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 0);
}

// The switch: section 6.

#[test]
fn the_switch_goes_on_and_off_on_this_connection() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    log_in(&mut rig, conn, json!({}));
    let read = |rig: &mut Rig<_>, scope: &str| ask(rig, conn, READ, json!({"scope": scope}))["result"].clone();
    assert_eq!(read(&mut rig, "connection"), json!({"scope": "connection", "enabled": false}));
    assert_eq!(ask(&mut rig, conn, ENABLE, json!({"scope": "connection"}))["result"], "ok");
    assert_eq!(read(&mut rig, "connection"), json!({"scope": "connection", "enabled": true}));
    assert_eq!(read(&mut rig, "account"), json!({"scope": "account", "enabled": false}));
    assert_eq!(ask(&mut rig, conn, DISABLE, json!({}))["result"], "ok");
    assert_eq!(read(&mut rig, "connection")["enabled"], false);
    assert_eq!(code_of(&ask(&mut rig, conn, ENABLE, json!({"scope": "world"}))), -32_602);
    assert_eq!((rig.journal(JournalKind::SwitchSet).len(), rig.journal(JournalKind::SwitchOff).len()), (1, 1));
}

#[test]
fn account_scope_reaches_this_connection_and_those_that_log_in_later() {
    let mut rig = rig(1.0);
    let (before, conn) = (logged_in(&mut rig), logged_in(&mut rig));
    ask(&mut rig, conn, ENABLE, json!({"scope": "account"}));
    let after = logged_in(&mut rig);
    let on = |rig: &mut Rig<_>, conn| ask(rig, conn, READ, json!({"scope": "connection"}))["result"]["enabled"] == true;
    assert_eq!([before, conn, after].map(|conn| on(&mut rig, conn)), [false, true, true]);
    ask(&mut rig, conn, DISABLE, json!({"scope": "account"}));
    let last = logged_in(&mut rig);
    assert_eq!([conn, after, last].map(|conn| on(&mut rig, conn)), [false, true, false]);
}

#[test]
fn every_end_but_logout_cancels_the_connections_own_orders() {
    type Ending = fn(&mut Rig<DeribitExchange>, ConnId);
    let endings: [(&str, bool, Ending); 6] = [
        ("client closed", true, |rig, conn| drop(rig.give(Input::Ended { conn, clean: true }))),
        ("client gone", true, |rig, conn| drop(rig.give(Input::Ended { conn, clean: false }))),
        ("heartbeat close", true, |rig, _| rig.run_ms(22_600)),
        ("too many requests", true, |rig, conn| exhaust(rig, conn)),
        ("inactivity", true, |rig, conn| {
            ask(rig, conn, "public/disable_heartbeat", json!({}));
            rig.run_ms(600_000);
        }),
        ("logout", false, |rig, conn| {
            assert!(rig.say(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": "private/logout"})).is_empty());
        }),
    ];
    for (why, fires, end) in endings {
        let mut rig = rig(1.0);
        let (conn, other) = (armed(&mut rig), logged_in(&mut rig));
        ask(&mut rig, other, "private/subscribe", json!({"channels": ["user.orders.any.any.raw"]}));
        let (own, foreign) = (buy(&mut rig, conn, "a"), buy(&mut rig, other, "b"));
        end(&mut rig, conn);
        assert_eq!(rig.journal(JournalKind::Ended)[0].detail, why);
        rig.run_ms(49);
        assert_eq!(state(&rig, &own), OrderState::Open, "{why}");
        rig.run_ms(1);
        let expected = if fires { OrderState::Cancelled(CancelCause::Switch) } else { OrderState::Open };
        assert_eq!((state(&rig, &own), state(&rig, &foreign)), (expected, OrderState::Open), "{why}");
        if fires && rig.closed(other).is_none() {
            let told = rig.heard(other).pop().unwrap().1["params"].clone();
            assert_eq!(told["channel"], "user.orders.any.any.raw");
            assert_eq!(
                (&told["data"]["order_state"], &told["data"]["cancel_reason"]),
                (&json!("cancelled"), &json!("cancel_on_disconnect"))
            );
        }
    }
}

#[test]
fn a_disabled_switch_and_one_of_another_connection_trip_nothing() {
    let mut rig = rig(1.0);
    let (conn, other) = (armed(&mut rig), armed(&mut rig));
    let order = buy(&mut rig, conn, "a");
    ask(&mut rig, conn, DISABLE, json!({}));
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.drop_client(conn);
    rig.drop_client(other);
    rig.run_ms(1_000);
    assert_eq!(state(&rig, &order), OrderState::Open);
}

#[test]
fn coverage_of_early_and_of_trigger_orders_is_a_knob() {
    for (knob, value, early_goes, trigger_goes) in [
        ("cod_covers_pre_enable_orders", "true", true, true),
        ("cod_covers_pre_enable_orders", "false", false, true),
        ("cod_covers_trigger_orders", "false", true, false),
    ] {
        let mut rig = rig(1.0);
        rig.venue.set_knob(knob, value).unwrap();
        let conn = logged_in(&mut rig);
        let early = buy(&mut rig, conn, "early");
        ask(&mut rig, conn, ENABLE, json!({}));
        let stop =
            json!({"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "stop_market", "trigger_price": 1000});
        let trigger = ask(&mut rig, conn, "private/sell", stop)["result"]["order"].clone();
        assert_eq!((&trigger["order_state"], &trigger["price"]), (&json!("untriggered"), &json!("market_price")));
        assert_eq!(trigger.get("filled_amount"), None);
        rig.drop_client(conn);
        rig.run_ms(50);
        let gone = |id: &Value| state(&rig, id) != OrderState::Open;
        assert_eq!((gone(&early), gone(&trigger["order_id"])), (early_goes, trigger_goes));
    }
}

#[test]
fn maintenance_is_announced_and_then_every_request_fails_barely() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    ask(&mut rig, conn, "public/subscribe", json!({"channels": ["platform_state"]}));
    fault(&mut rig, Fault::Maintenance);
    assert_eq!(rig.venue.next_deadline(), Some(Moment::default()), "it wants to announce at once");
    rig.run_ms(1);
    assert_eq!(
        rig.heard(conn).pop().unwrap().1["params"],
        json!({"channel": "platform_state", "data": {"maintenance": true}})
    );
    let bare = json!({"jsonrpc": "2.0", "error": {"code": 11_051, "message": "system_maintenance"}});
    assert_eq!(rig.ask(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": "public/test"})), bare);
    rig.venue.set_knob("cod_on_maintenance", "false").unwrap();
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.venue.set_knob("maintenance_closes", "true").unwrap();
    rig.run_ms(1);
    assert_eq!(rig.closed(conn).map(|(_, code, _)| code), Some(1001));
    assert_eq!(rig.open_refused(SOCKET), 503);
}

#[test]
fn the_platform_channel_chatters_and_keeps_heartbeats_away_but_not_test_requests() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    ask(&mut rig, conn, "public/subscribe", json!({"channels": ["platform_state"]}));
    rig.run_ms(13_000);
    let told: Vec<Value> = rig
        .heard(conn)
        .into_iter()
        .filter(|(_, m)| m["method"] == "subscription")
        .map(|(_, m)| m["params"]["data"].clone())
        .collect();
    assert_eq!(told.len(), 33);
    assert!(told.iter().all(|data| data["locked"] == false && data["reasons"] == json!([])));
    assert_ne!(told[0]["price_index"], told[1]["price_index"]);
    assert_eq!(heartbeats(&rig, conn), [(12_600, json!("test_request"))]);
}

#[test]
fn the_reason_of_a_cancel_by_the_switch_is_a_knob() {
    for (value, reason) in [("unheard", json!("session_guard_x")), ("absent", json!(null))] {
        let mut rig = rig(1.0);
        rig.venue.set_knob("cod_reason", value).unwrap();
        let (conn, other) = (armed(&mut rig), logged_in(&mut rig));
        let order = buy(&mut rig, conn, "a");
        rig.drop_client(conn);
        rig.run_ms(50);
        assert_eq!(
            ask(&mut rig, other, "private/get_order_state", json!({"order_id": order}))["result"]["cancel_reason"],
            reason
        );
    }
}

// What would happen in silence.

#[test]
fn without_heartbeats_only_inactivity_notices_silence() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let seconds = |rig: &Rig<DeribitExchange>| rig.venue.would_trip_by(rig.now().at, &[conn]).map(Moment::nanos);
    assert_eq!(seconds(&rig), Some(22_650_000_000));
    fault(&mut rig, Fault::NoHeartbeats);
    assert_eq!(seconds(&rig), Some(600_050_000_000));
    rig.venue.set_knob("inactivity_timeout_ms", "never").unwrap();
    assert_eq!(seconds(&rig), None);
}

#[test]
fn a_dishonoured_switch_says_yes_to_everything_and_never_cancels() {
    let mut rig = rig(1.0);
    fault(&mut rig, Fault::Dishonour);
    let conn = armed(&mut rig);
    let order = buy(&mut rig, conn, "a");
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.venue.set_knob("dishonour_reads_back", "false").unwrap();
    assert_eq!(ask(&mut rig, conn, READ, json!({}))["result"]["enabled"], false);
    rig.drop_client(conn);
    rig.run_ms(100_000);
    assert_eq!(state(&rig, &order), OrderState::Open);
    assert_eq!(rig.journal(JournalKind::Tripped).len(), 0);
}

proptest! {
    /// The venue's own prediction is what happens, whatever came before the silence.
    #[test]
    fn silence_trips_exactly_when_predicted(
        factor in prop::sample::select(vec![1.0, 0.1, 0.01]),
        interval in 10_u64..60,
        steps in prop::collection::vec((0_u64..30_000, 0_u8..5), 1..12),
        delay_ms in 0_u64..5_000,
        fixed in any::<bool>(),
        counts in any::<bool>(),
    ) {
        let mut rig = rig(factor);
        rig.venue.set_knob("cancel_delay_ms", &delay_ms.to_string()).unwrap();
        rig.venue.set_knob("close_after", if fixed { "fixed" } else { "interval" }).unwrap();
        rig.venue.set_knob("any_frame_counts", &counts.to_string()).unwrap();
        let conn = armed(&mut rig);
        ask(&mut rig, conn, "public/set_heartbeat", json!({"interval": interval}));
        let order = buy(&mut rig, conn, "a");
        for (wait_ms, what) in steps {
            rig.run(Duration::from_millis(wait_ms).mul_f64(factor));
            let method = match what {
                0 | 1 => "public/test",
                2 => READ,
                3 => "public/disable_heartbeat",
                _ => continue,
            };
            rig.say(conn, &json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": {}}));
        }
        let now = rig.now().at;
        let predicted = rig.venue.would_trip_by(now, &[conn]).expect("armed, so it trips");
        let tripped_before = state(&rig, &order) != OrderState::Open;
        rig.run(Duration::from_secs(700).mul_f64(factor) + Duration::from_millis(delay_ms));
        let tripped = rig.journal(JournalKind::Tripped);
        prop_assert_eq!(tripped.len(), 1);
        let as_predicted = if tripped_before { predicted == now } else { tripped[0].at == predicted };
        prop_assert!(as_predicted, "predicted {:?}, tripped {:?}", predicted, tripped[0].at);
        prop_assert_eq!(state(&rig, &order), OrderState::Cancelled(CancelCause::Switch));
        prop_assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), Some(rig.now().at));
    }
}

// Faults.

#[test]
fn each_fault_does_to_a_request_what_it_says() {
    let step = || ENABLE.to_owned();
    let request = json!({"jsonrpc": "2.0", "id": 4, "method": ENABLE, "params": {}});
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    fault(&mut rig, Fault::Refuse { step: step(), code: None, times: 1 });
    assert_eq!(rig.ask(conn, &request)["error"]["message"], "cancel_on_disconnect_failed");
    fault(&mut rig, Fault::Refuse { step: step(), code: Some("13021".into()), times: 1 });
    assert_eq!(code_of(&rig.ask(conn, &request)), 13_021);
    fault(&mut rig, Fault::LoseRequest { step: step(), times: 1 });
    assert!(rig.say(conn, &request).is_empty());
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 0);
    fault(&mut rig, Fault::LoseAnswer { step: step(), times: 1 });
    assert!(rig.say(conn, &request).is_empty());
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 1);
    fault(&mut rig, Fault::Late { step: step(), by: Duration::from_millis(700), times: 1 });
    assert!(rig.say(conn, &request).is_empty());
    rig.run_ms(1_000);
    assert_eq!(rig.heard(conn).last().map(|(at, frame)| (*at, frame["result"].clone())), Some((700, json!("ok"))));
    fault(&mut rig, Fault::Refuse { step: step(), code: Some("10028".into()), times: 1 });
    assert_eq!(code_of(&rig.ask(conn, &request)), 10_028);
    assert!(rig.closed(conn).is_some(), "credits exhausted end the session");
}

#[test]
fn a_lost_answer_to_a_test_request_is_no_answer() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    fault(&mut rig, Fault::LoseRequest { step: "public/test".into(), times: 1 });
    rig.run_ms(12_600);
    assert!(rig.say(conn, &json!({"jsonrpc": "2.0", "id": 1, "method": "public/test"})).is_empty());
    rig.run_ms(10_000);
    assert_eq!(rig.closed(conn).map(|(at, ..)| at), Some(22_600));
}

// Credits and limits: section 13.

#[test]
fn a_hundred_requests_at_once_are_allowed_and_the_next_ends_the_session() {
    for factor in [1.0, 0.1] {
        let mut rig = rig(factor);
        let conn = logged_in(&mut rig);
        rig.run(Duration::from_secs(5).mul_f64(factor));
        for _ in 0..100 {
            assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 0);
        }
        rig.run(Duration::from_millis(50).mul_f64(factor));
        assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 0, "one more after the refill of one");
        assert_eq!(code_of(&ask(&mut rig, conn, READ, json!({}))), 10_028);
        assert_eq!(rig.closed(conn).map(|(_, code, _)| code), Some(1000));
    }
}

#[test]
fn orders_subscriptions_and_cancel_all_have_credits_of_their_own() {
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    (0..20).for_each(|n| drop(buy(&mut rig, conn, &n.to_string())));
    assert_eq!(ask(&mut rig, conn, "private/cancel_all", json!({}))["result"], 20);
    let channels = json!({"channels": ["user.lock"]});
    (0..10).for_each(|_| assert_eq!(code_of(&ask(&mut rig, conn, "private/subscribe", channels.clone())), 0));
    assert_eq!(rig.closed(conn), None);
    let order = json!({"jsonrpc": "2.0", "id": 1, "method": "private/buy", "params": limit("x")});
    assert_eq!(code_of(&rig.say(conn, &order)[0]), 10_028);
}

#[test]
fn the_thirty_third_connection_is_rejected_with_429() {
    let mut rig = rig(1.0);
    for _ in 0..32 {
        rig.open(SOCKET);
    }
    assert_eq!(rig.open_refused(SOCKET), 429);
    assert_eq!(rig.open_refused("/ws/api/v1"), 404);
}

// Orders: sections 8, 9 and 11.

#[test]
fn an_order_lives_through_buy_edit_state_and_cancel() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let placed = ask(&mut rig, conn, "private/buy", limit("desk-1"))["result"].clone();
    assert_eq!(placed["trades"], json!([]));
    let order = &placed["order"];
    assert_eq!(
        (&order["order_state"], &order["label"], &order["amount"]),
        (&json!("open"), &json!("desk-1"), &json!(10.0))
    );
    assert_eq!(
        (&order["direction"], &order["contracts"], &order["price"]),
        (&json!("buy"), &json!(1.0), &json!(1000.5))
    );
    let id = order["order_id"].clone();
    assert!(id.as_str().unwrap().starts_with("BTC-"));
    let edited = ask(&mut rig, conn, "private/edit", json!({"order_id": id, "amount": 20, "price": 1001}));
    assert_eq!(
        (&edited["result"]["order"]["replaced"], &edited["result"]["order"]["amount"]),
        (&json!(true), &json!(20.0))
    );
    let cancelled = ask(&mut rig, conn, "private/cancel", json!({"order_id": id}))["result"].clone();
    assert_eq!((&cancelled["order_state"], &cancelled["cancel_reason"]), (&json!("cancelled"), &json!("user_request")));
    assert_eq!(code_of(&ask(&mut rig, conn, "private/cancel", json!({"order_id": id}))), 11_044);
    assert_eq!(code_of(&ask(&mut rig, conn, "private/cancel", json!({"order_id": "BTC-1"}))), 10_004);
    assert_eq!(ask(&mut rig, conn, "private/get_order_state", json!({"order_id": id}))["result"], cancelled);
    let history = ask(&mut rig, conn, "private/get_order_history_by_currency", json!({"currency": "BTC"}));
    assert_eq!(history["result"], json!([cancelled]));
}

#[test]
fn a_market_order_is_filled_at_once_with_a_trade() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let market = json!({"instrument_name": "ETH-PERPETUAL", "amount": 5, "type": "market"});
    let placed = ask(&mut rig, conn, "private/sell", market)["result"].clone();
    assert_eq!((&placed["order"]["order_state"], &placed["order"]["filled_amount"]), (&json!("filled"), &json!(5.0)));
    assert_eq!(placed["trades"][0]["price"], 3_000.0);
    let trades =
        ask(&mut rig, conn, "private/get_user_trades_by_instrument", json!({"instrument_name": "ETH-PERPETUAL"}));
    assert_eq!(trades["result"]["trades"], placed["trades"]);
}

#[test]
fn bad_orders_are_refused_by_parameter() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("matching_burst", "100").unwrap();
    let conn = armed(&mut rig);
    let cases = [
        ("instrument_name", json!("DOGE-PERPETUAL")),
        ("amount", json!(0)),
        ("amount", json!(null)),
        ("contracts", json!(7)),
        ("price", json!(null)),
        ("type", json!("hope")),
        ("time_in_force", json!("forever")),
        ("label", json!("x".repeat(65))),
    ];
    for (field, value) in cases {
        let mut order = limit("a");
        order[field] = value;
        let refused = ask(&mut rig, conn, "private/buy", order);
        assert_eq!((code_of(&refused), &refused["error"]["data"]["param"]), (-32_602, &json!(field)));
    }
    let mut late = limit("a");
    late["valid_until"] = json!(rig.wall_ms() - 1);
    assert_eq!(code_of(&ask(&mut rig, conn, "private/buy", late)), 13_888);
}

#[test]
fn cancels_and_queries_can_be_narrowed() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    buy(&mut rig, conn, "one");
    let eth = json!({"instrument_name": "ETH_USDC-PERPETUAL", "contracts": 1000, "price": 100, "label": "two"});
    let second = ask(&mut rig, conn, "private/sell", eth)["result"]["order"].clone();
    assert_eq!((&second["amount"], second["order_id"].as_str().unwrap().starts_with("USDC-")), (&json!(1.0), true));
    let labels = |rig: &mut Rig<_>, method: &str, params: Value| -> Vec<Value> {
        let result = ask(rig, conn, method, params)["result"].clone();
        result.as_array().unwrap().iter().map(|order| order["label"].clone()).collect()
    };
    assert_eq!(labels(&mut rig, "private/get_open_orders", json!({})), ["one", "two"]);
    assert_eq!(labels(&mut rig, "private/get_open_orders_by_currency", json!({"currency": "USDC"})), ["two"]);
    assert_eq!(
        labels(&mut rig, "private/get_open_orders_by_instrument", json!({"instrument_name": "BTC-PERPETUAL"})),
        ["one"]
    );
    assert_eq!(ask(&mut rig, conn, "private/cancel_by_label", json!({"label": "three"}))["result"], 0);
    assert_eq!(ask(&mut rig, conn, "private/cancel_by_label", json!({"label": "two"}))["result"], 1);
    assert_eq!(ask(&mut rig, conn, "private/cancel_all_by_currency", json!({"currency": "ETH"}))["result"], 0);
    let report = ask(&mut rig, conn, "private/cancel_all", json!({"detailed": true}))["result"].clone();
    assert_eq!((&report[0]["currency"], &report[0]["type"]), (&json!("BTC"), &json!("limit")));
    assert_eq!(report[0]["result"][0]["order_state"], "cancelled");
}

// Subscriptions: section 10.

#[test]
fn unknown_channels_are_silently_dropped_and_private_ones_need_the_private_method() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    let channels = json!({"channels": ["ticker.BTC-PERPETUAL.100ms", "ticker.NOPE.100ms", "user.lock", "nonsense"]});
    assert_eq!(ask(&mut rig, conn, "public/subscribe", channels)["result"], json!(["ticker.BTC-PERPETUAL.100ms"]));
    let raw = json!({"channels": ["book.BTC-PERPETUAL.raw"]});
    assert_eq!(code_of(&ask(&mut rig, conn, "public/subscribe", raw)), 13_778);
    let private = json!({"channels": ["user.changes.any.any.raw", "user.lock", "user.orders.any.XXX.raw"]});
    assert_eq!(code_of(&ask(&mut rig, conn, "private/subscribe", private.clone())), 13_009);
    log_in(&mut rig, conn, json!({}));
    let accepted = ask(&mut rig, conn, "private/subscribe", private);
    assert_eq!(accepted["result"], json!(["user.changes.any.any.raw", "user.lock"]));
    assert_eq!(ask(&mut rig, conn, "private/unsubscribe_all", json!({}))["result"], "ok");
}

#[test]
fn order_channels_carry_their_own_shapes() {
    let mut rig = rig(1.0);
    let (conn, listener) = (armed(&mut rig), logged_in(&mut rig));
    let names = [
        "user.orders.BTC-PERPETUAL.raw",
        "user.orders.future.BTC.100ms",
        "user.changes.any.any.raw",
        "user.orders.spot.any.raw",
    ];
    ask(&mut rig, listener, "private/subscribe", json!({"channels": names}));
    let id = buy(&mut rig, conn, "a");
    let told: Vec<Value> = rig
        .heard(listener)
        .into_iter()
        .filter(|(_, m)| m["method"] == "subscription")
        .map(|(_, m)| m["params"].clone())
        .collect();
    assert_eq!(told.len(), 3);
    for params in told {
        let order = match params["channel"].as_str().unwrap() {
            "user.orders.BTC-PERPETUAL.raw" => &params["data"],
            "user.orders.future.BTC.100ms" => &params["data"][0],
            _ => &params["data"]["orders"][0],
        };
        assert_eq!(order["order_id"], id, "{params}");
    }
}

// The envelope: section 2.

#[test]
fn ids_are_echoed_as_they_came_and_a_request_without_one_is_answered_without_one() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    for id in [json!(9_007_199_254_740_993_u64), json!("abc"), json!(0)] {
        assert_eq!(rig.ask(conn, &json!({"jsonrpc": "2.0", "id": id, "method": "public/test"}))["id"], id);
    }
    assert_eq!(rig.ask(conn, &json!({"method": "public/test"})).get("id"), None);
    assert_eq!(code_of(&ask(&mut rig, conn, "public/nonsense", json!({}))), -32_601);
}

#[test]
fn bad_json_and_oversized_frames_are_answered_without_id_and_the_socket_stays() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    let long = format!("{{\"method\":\"{}\"}}", "x".repeat(33_000));
    for (text, code) in [("{", 11_050), (long.as_str(), -32_600), ("[]", -32_600)] {
        let out = rig.give(Input::Text { conn, text });
        let frame = texts(&out, conn).remove(0);
        assert_eq!((code_of(&frame), frame.get("id")), (code, None));
    }
    assert_eq!(rig.closed(conn), None);
}

// HTTP: sections 1, 3.3 and 8.3.

#[test]
fn http_takes_basic_and_signed_requests_and_refuses_what_needs_a_connection() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let order = buy(&mut rig, conn, "a");
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY}:{SECRET}")));
    let (status, body) = get(&mut rig, "private/get_open_orders", &[("authorization", &basic)]);
    assert_eq!((status, &body["result"][0]["order_id"]), (200, &order));
    assert_eq!(get(&mut rig, "private/get_open_orders", &[]).1["error"]["code"], 10_000);
    for method in ["public/set_heartbeat?interval=10", "private/logout", ENABLE] {
        let (status, body) = get(&mut rig, method, &[("authorization", &basic)]);
        assert_eq!((status, code_of(&body)), (400, 10_030), "{method}");
    }
    let (status, body) = signed_get(&mut rig, "private/cancel_all?detailed=true");
    assert_eq!((status, &body["result"][0]["result"][0]["order_id"]), (200, &order));
    assert_eq!(state(&rig, &order), OrderState::Cancelled(CancelCause::User));
}

#[test]
fn http_takes_orders_by_query_and_by_body() {
    let mut rig = rig(1.0);
    let (status, body) =
        signed_get(&mut rig, "private/buy?instrument_name=BTC-PERPETUAL&amount=10&price=100.5&label=a%20b+c");
    assert_eq!((status, &body["result"]["order"]["label"]), (200, &json!("a b c")));
    let auth = json!({"jsonrpc": "2.0", "id": 5, "method": "public/auth", "params": {
        "grant_type": "client_credentials", "client_id": KEY, "client_secret": SECRET
    }});
    let granted = rig.call("POST", "/api/v2/public/auth", &[], &auth.to_string()).unwrap();
    let token = format!("Bearer {}", read(&granted)["result"]["access_token"].as_str().unwrap());
    let sell = json!({"jsonrpc": "2.0", "id": 6, "method": "private/sell", "params": limit("x")});
    let placed = rig.call("POST", "/api/v2/private/sell", &[("authorization", &token)], &sell.to_string()).unwrap();
    assert_eq!((placed.status, &read(&placed)["id"]), (200, &json!(6)));
    assert_eq!(rig.venue.floor().orders.len(), 2);
}

#[test]
fn the_switch_over_http_is_a_knob() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("switch_over_http", "account").unwrap();
    assert_eq!(signed_get(&mut rig, &format!("{ENABLE}?scope=account")).1["result"], "ok");
    assert_eq!(code_of(&signed_get(&mut rig, &format!("{ENABLE}?scope=connection")).1), 10_030);
    let conn = logged_in(&mut rig);
    assert_eq!(ask(&mut rig, conn, READ, json!({}))["result"]["enabled"], true);
}

#[test]
fn instruments_and_currencies_are_listed_for_anyone() {
    let mut rig = rig(1.0);
    let names = |body: &Value| -> Vec<String> {
        body["result"].as_array().unwrap().iter().map(|i| i["instrument_name"].as_str().unwrap().to_owned()).collect()
    };
    let all = get(&mut rig, "public/get_instruments", &[]).1;
    assert_eq!(names(&all), ["BTC-PERPETUAL", "ETH-PERPETUAL", "ETH_USDC-PERPETUAL", "BTC_USDC"]);
    let some = get(&mut rig, "public/get_instruments?currency=USDC&kind=future", &[]).1;
    assert_eq!(names(&some), ["ETH_USDC-PERPETUAL"]);
    assert_eq!(get(&mut rig, "public/get_currencies", &[]).1["result"][0]["currency"], "BTC");
    assert_eq!(get(&mut rig, "public/get_time", &[]).1["result"], 1_700_000_000_000_u64);
    assert_eq!(rig.call("GET", "/api/v1/public/test", &[], "").unwrap().status, 404);
}

// Helpers.

fn rig(factor: f64) -> Rig<DeribitExchange> {
    let mut venue = DeribitExchange::new(TimeFactor::new(factor).unwrap());
    venue.floor_mut().add_account(KEY, SECRET, "main");
    Rig::new(venue)
}

fn fault(rig: &mut Rig<DeribitExchange>, fault: Fault) {
    let now = rig.now();
    rig.venue.floor_mut().apply(now, fault);
}

fn logged_in(rig: &mut Rig<DeribitExchange>) -> ConnId {
    let conn = rig.open(SOCKET);
    log_in(rig, conn, json!({}));
    conn
}

fn armed(rig: &mut Rig<DeribitExchange>) -> ConnId {
    let conn = rig.open(SOCKET);
    assert_eq!(ask(rig, conn, "public/set_heartbeat", json!({"interval": 10}))["result"], "ok");
    log_in(rig, conn, json!({}));
    assert_eq!(ask(rig, conn, ENABLE, json!({}))["result"], "ok");
    conn
}

fn log_in(rig: &mut Rig<DeribitExchange>, conn: ConnId, extra: Value) -> Value {
    let mut params = signature(rig, 0, &format!("nonce-{}-{}", conn.0, rig.said.len()));
    for (name, value) in extra.as_object().unwrap() {
        params[name] = value.clone();
    }
    let reply = ask(rig, conn, "public/auth", params);
    assert_eq!(code_of(&reply), 0, "{reply}");
    reply
}

fn signature(rig: &Rig<DeribitExchange>, skew_ms: i64, nonce: &str) -> Value {
    let timestamp = rig.wall_ms().saturating_add_signed(skew_ms);
    let signature = hmac_sha256_hex(SECRET.as_bytes(), format!("{timestamp}\n{nonce}\n").as_bytes());
    json!({
        "grant_type": "client_signature", "client_id": KEY, "timestamp": timestamp, "nonce": nonce, "data": "",
        "signature": signature
    })
}

fn ask(rig: &mut Rig<DeribitExchange>, conn: ConnId, method: &str, params: Value) -> Value {
    let reply = answer(rig, conn, method, params);
    assert_eq!(reply["id"], 7, "{reply}");
    reply
}

/// The first thing said: the answer comes before any push.
fn answer(rig: &mut Rig<DeribitExchange>, conn: ConnId, method: &str, params: Value) -> Value {
    rig.say(conn, &json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})).remove(0)
}

fn code_of(reply: &Value) -> i64 {
    reply["error"]["code"].as_i64().unwrap_or(0)
}

fn limit(label: &str) -> Value {
    json!({"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000.5, "label": label})
}

/// Rests an order; its id.
fn buy(rig: &mut Rig<DeribitExchange>, conn: ConnId, label: &str) -> Value {
    let reply = ask(rig, conn, "private/buy", limit(label));
    assert_eq!(code_of(&reply), 0, "{reply}");
    reply["result"]["order"]["order_id"].clone()
}

fn state(rig: &Rig<DeribitExchange>, id: &Value) -> OrderState {
    rig.venue.floor().orders.values().find(|order| *id == order.id).unwrap().state
}

/// Uses up the credits, so that the venue ends the session.
fn exhaust(rig: &mut Rig<DeribitExchange>, conn: ConnId) {
    while rig.closed(conn).is_none() {
        answer(rig, conn, READ, json!({}));
    }
}

fn heartbeats(rig: &Rig<DeribitExchange>, conn: ConnId) -> Vec<(u64, Value)> {
    let heard = rig.heard(conn).into_iter();
    heard.filter(|(_, m)| m["method"] == "heartbeat").map(|(at, m)| (at, m["params"]["type"].clone())).collect()
}

fn get(rig: &mut Rig<DeribitExchange>, target: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let answer = rig.call("GET", &format!("/api/v2/{target}"), headers, "").unwrap();
    (answer.status, read(&answer))
}

fn get_status(rig: &mut Rig<DeribitExchange>, target: &str) -> Option<u16> {
    rig.call("GET", &format!("/api/v2/{target}"), &[], "").map(|answer| answer.status)
}

fn signed_get(rig: &mut Rig<DeribitExchange>, target: &str) -> (u16, Value) {
    let (timestamp, nonce) = (rig.wall_ms(), format!("get-{}", rig.said.len()));
    let text = format!("{timestamp}\n{nonce}\nGET\n/api/v2/{target}\n\n");
    let sig = hmac_sha256_hex(SECRET.as_bytes(), text.as_bytes());
    let header = format!("deri-hmac-sha256 id={KEY},ts={timestamp},sig={sig},nonce={nonce}");
    get(rig, target, &[("authorization", &header)])
}

fn read(answer: &HttpOut) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}
