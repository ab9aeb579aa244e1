//! What the embedded Crypto.com promises, each against the section of the specification it comes from.

mod knobs;

use super::CryptoComExchange;
use crate::model::{Moment, TimeFactor};
use crate::sim::exchange::rig::Rig;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{CancelCause, ConnId, Exchange, Fault, HttpOut, Input, JournalKind, OrderState, Output};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const USER: &str = "/exchange/v1/user";
const MARKET: &str = "/exchange/v1/market";
const KEY: &str = "key-1";
const SECRET: &str = "secret-1";

// Logging in: sections 3 and 5.

#[test]
fn a_good_signature_logs_in_and_private_calls_need_it() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    assert_eq!(ask(&mut rig, conn, "private/get-open-orders", json!({}))["code"], 40_101);
    let login = login(&rig, 0);
    assert_eq!(rig.ask(conn, &login), json!({"id": 1, "method": "public/auth", "code": 0}));
    assert_eq!(ask(&mut rig, conn, "private/get-open-orders", json!({}))["result"]["data"], json!([]));
    assert_eq!(rig.journal(JournalKind::LoggedIn).len(), 1);
}

#[test]
fn a_clock_more_than_sixty_seconds_off_is_refused_with_40102() {
    for (skew_ms, code) in [(-60_000, 0), (60_000, 0), (-60_001, 40_102), (60_001, 40_102)] {
        let mut rig = rig(1.0);
        let conn = rig.open(USER);
        let login = login(&rig, skew_ms);
        assert_eq!(rig.ask(conn, &login)["code"], code, "skew {skew_ms}");
    }
}

#[test]
fn a_wrong_signature_an_unknown_key_and_a_revoked_key_are_refused_and_keep_the_socket() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    let good = login(&rig, 0);
    for (field, value) in [("sig", "00"), ("api_key", "nobody"), ("nonce", "12")] {
        let mut wrong = good.clone();
        wrong[field] = json!(value);
        assert_eq!(rig.ask(conn, &wrong)["code"], 40_101, "{field}");
    }
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(rig.ask(conn, &good)["code"], 40_101);
    assert_eq!(rig.journal(JournalKind::Refused).len(), 4);
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn a_failed_login_closes_only_when_the_knob_says_so() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("auth_failure_closes", "true").unwrap();
    let conn = rig.open(USER);
    let login = login(&rig, 90_000);
    assert_eq!(rig.ask(conn, &login)["code"], 40_102);
    assert_eq!(rig.closed(conn), Some((0, 1000, String::new())));
}

#[test]
fn a_revoked_key_is_refused_on_private_calls_and_closed_when_the_knob_says_so() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(ask(&mut rig, conn, "private/get-cancel-on-disconnect", json!({}))["code"], 40_101);
    assert_eq!(rig.closed(conn), None);
    rig.venue.set_knob("revoked_key_closes", "true").unwrap();
    assert_eq!(rig.venue.next_deadline(), Some(Moment::default()), "it wants to act at once");
    rig.run_ms(1);
    assert_eq!(rig.closed(conn).map(|(_, code, _)| code), Some(1000));
}

#[test]
fn an_unknown_path_is_rejected_with_404() {
    let mut rig = rig(1.0);
    assert_eq!(rig.open_refused("/exchange/v2/user"), 404);
    rig.open("/exchange/v1/user?x=1");
    assert_eq!(rig.call("GET", "/v2/public/get-instruments", &[], "").unwrap().status, 404);
}

// Heartbeats: section 6.

#[test]
fn heartbeats_keep_their_schedule_and_echo_the_venue_clock() {
    for (factor, scale) in [(1.0, 10), (0.1, 1)] {
        let mut rig = rig(factor);
        let conn = rig.open(USER);
        rig.run_ms(3_100 * scale);
        answer_heartbeat(&mut rig, conn);
        rig.run_ms(3_000 * scale);
        answer_heartbeat(&mut rig, conn);
        rig.run_ms(3_000 * scale);
        let heartbeats: Vec<(u64, Value)> = rig.heard(conn);
        let times: Vec<u64> = heartbeats.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [3_100 * scale, 6_100 * scale, 9_100 * scale]);
        for (at, frame) in heartbeats {
            assert_eq!(frame, json!({"id": 1_700_000_000_000 + at, "method": "public/heartbeat", "code": 0}));
        }
    }
}

#[test]
fn an_unanswered_heartbeat_is_cut_after_twelve_seconds_with_1000_and_no_reason() {
    for (factor, cut_ms) in [(1.0, 43_000), (0.1, 4_300)] {
        let mut rig = rig(factor);
        let conn = rig.open(USER);
        rig.run_ms(cut_ms - 1);
        assert_eq!(rig.closed(conn), None);
        rig.run_ms(1);
        assert_eq!(rig.closed(conn), Some((cut_ms, 1000, String::new())));
    }
}

#[test]
fn a_wrong_id_does_not_answer_and_a_numeric_string_does() {
    for (wrong, survives) in [(true, false), (false, true)] {
        let mut rig = rig(1.0);
        let conn = rig.open(USER);
        rig.run_ms(31_000);
        let id = rig.heard(conn)[0].1["id"].as_u64().unwrap() + u64::from(wrong);
        let answer = json!({"id": id.to_string(), "method": "public/respond-heartbeat", "code": 0, "params": {}});
        assert!(rig.say(conn, &answer).is_empty(), "there is no reply to it");
        rig.run_ms(13_000);
        assert_eq!(rig.closed(conn).is_none(), survives);
    }
}

#[test]
fn tolerated_misses_put_the_cut_off_by_whole_periods() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("misses_tolerated", "1").unwrap();
    let conn = armed(&mut rig);
    let predicted = rig.venue.would_trip_by(rig.now().at, &[conn]);
    assert_eq!(predicted, Some(Moment::from_nanos(73_050_000_000)));
    rig.run_ms(80_000);
    assert_eq!(rig.closed(conn).map(|(at, ..)| at), Some(73_000));
}

#[test]
fn a_warning_rides_along_while_the_heartbeat_before_is_unanswered() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("misses_tolerated", "1").unwrap();
    rig.venue.set_knob("heartbeat_warns", "true").unwrap();
    rig.venue.set_knob("heartbeat_code", "false").unwrap();
    let conn = rig.open(USER);
    rig.run_ms(62_000);
    let heard = rig.heard(conn);
    assert_eq!(heard[0].1, json!({"id": 1_700_000_031_000_u64, "method": "public/heartbeat"}));
    assert!(heard[1].1["message"].as_str().unwrap().starts_with("server did not receive"));
}

#[test]
fn what_orders_cancelled_by_the_switch_show_is_a_knob() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("cod_status", "EXPIRED").unwrap();
    rig.venue.set_knob("cod_reason", "40801").unwrap();
    let (conn, other) = (armed(&mut rig), logged_in(&mut rig));
    let order = buy(&mut rig, conn, "a");
    rig.drop_client(conn);
    rig.run_ms(50);
    let detail = ask(&mut rig, other, "private/get-order-detail", json!({"order_id": order}))["result"].clone();
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("EXPIRED"), &json!(40_801)));
}

#[test]
fn protocol_pings_follow_5300_ms_without_inbound_text_and_heartbeats_do_not_restart_them() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    rig.run_ms(2_000);
    ask(&mut rig, conn, "private/user-balance", json!({}));
    rig.run_ms(31_000);
    let pings: Vec<u64> = pings(&rig, conn);
    assert_eq!(pings, [7_300, 12_600, 17_900, 23_200, 28_500]);
}

#[test]
fn a_missing_pong_closes_only_when_the_knob_says_so() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("pong_cut_ms", "2000").unwrap();
    let (silent, ponging) = (rig.open(USER), rig.open(USER));
    rig.run_ms(5_300);
    rig.give(Input::Pong { conn: ponging, payload: &[] });
    rig.run_ms(4_000);
    assert_eq!(rig.closed(silent).map(|(at, ..)| at), Some(7_300));
    assert_eq!(rig.closed(ponging), None);
}

#[test]
fn client_pings_are_echoed_unless_pings_are_silent() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    assert_eq!(rig.give(Input::Ping { conn, payload: b"nonce" }), [Output::Pong(conn, b"nonce".to_vec())]);
    fault(&mut rig, Fault::SilentPings);
    assert_eq!(rig.give(Input::Ping { conn, payload: b"nonce" }), []);
}

// The switch: section 7.

#[test]
fn the_switch_is_read_back_only_after_it_was_set_and_reading_is_a_knob_before() {
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    let read = |rig: &mut Rig<_>| ask(rig, conn, "private/get-cancel-on-disconnect", json!({}));
    assert_eq!(read(&mut rig)["result"], json!({"scope": null}));
    rig.venue.set_knob("get_before_set", "absent").unwrap();
    assert_eq!(read(&mut rig).get("result"), None);
    rig.venue.set_knob("get_before_set", "error").unwrap();
    assert_eq!(read(&mut rig)["code"], 40_401);
    let refused = ask(&mut rig, conn, "private/set-cancel-on-disconnect", json!({"scope": "ACCOUNT"}));
    assert_eq!(refused["code"], 40_004);
    let set = ask(&mut rig, conn, "private/set-cancel-on-disconnect", json!({"scope": "CONNECTION"}));
    assert_eq!((&set["code"], &set["result"]), (&json!(0), &json!({"scope": "CONNECTION"})));
    assert_eq!(read(&mut rig)["result"], json!({"scope": "CONNECTION"}));
}

#[test]
fn every_end_of_an_armed_connection_cancels_its_own_orders_50_ms_later_and_no_others() {
    type Ending = fn(&mut Rig<CryptoComExchange>, ConnId);
    let endings: [(&str, Ending); 4] = [
        ("client closed", |rig, conn| drop(rig.give(Input::Ended { conn, clean: true }))),
        ("client gone", |rig, conn| drop(rig.give(Input::Ended { conn, clean: false }))),
        ("maintenance", |rig, _| fault(rig, Fault::Maintenance)),
        ("unanswered heartbeat", |rig, _| rig.run_ms(43_000)),
    ];
    for (why, end) in endings {
        let mut rig = rig(1.0);
        let (other, conn) = (logged_in(&mut rig), armed(&mut rig));
        let (foreign, own) = (buy(&mut rig, other, "a"), buy(&mut rig, conn, "b"));
        let over_http = call(&mut rig, "private/create-order", &limit("c")).1["result"]["order_id"].clone();
        end(&mut rig, conn);
        rig.run_ms(49);
        assert_eq!(state(&rig, &own), OrderState::Open, "{why}");
        rig.run_ms(1);
        assert_eq!(state(&rig, &own), OrderState::Cancelled(CancelCause::Switch), "{why}");
        assert_eq!((state(&rig, &foreign), state(&rig, &over_http)), (OrderState::Open, OrderState::Open), "{why}");
        assert_eq!(rig.journal(JournalKind::Tripped)[0].detail, format!("{why}: 1 orders"));
    }
}

#[test]
fn an_unarmed_connection_trips_nothing() {
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    let order = buy(&mut rig, conn, "a");
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.drop_client(conn);
    rig.run_ms(60_000);
    assert_eq!(state(&rig, &order), OrderState::Open);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
}

#[test]
fn a_user_unsubscribe_fires_the_switch_and_the_socket_lives_on_armed() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let order = buy(&mut rig, conn, "a");
    rig.say(conn, &json!({"id": 5, "method": "subscribe", "params": {"channels": ["user.order", "user.trade"]}}));
    let ack = rig.ask(conn, &json!({"id": 6, "method": "unsubscribe", "params": {"channels": ["user.trade"]}}));
    assert_eq!(ack, json!({"id": 6, "method": "unsubscribe", "code": 0}));
    rig.run_ms(50);
    assert_eq!(state(&rig, &order), OrderState::Cancelled(CancelCause::Switch));
    assert_eq!(rig.heard(conn).last().unwrap().1["result"]["data"][0]["status"], "CANCELED");
    assert_eq!(ask(&mut rig, conn, "private/get-cancel-on-disconnect", json!({}))["result"]["scope"], "CONNECTION");
    assert_eq!(rig.closed(conn), None);
}

#[test]
fn unsubscribing_what_was_not_subscribed_fires_nothing() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let order = buy(&mut rig, conn, "a");
    rig.ask(conn, &json!({"id": 6, "method": "unsubscribe", "params": {"channels": ["user.trade"]}}));
    rig.run_ms(1000);
    assert_eq!(state(&rig, &order), OrderState::Open);
}

#[test]
fn orders_from_before_the_switch_was_set_are_covered_or_not_by_knob() {
    for (covers, after) in [("true", OrderState::Cancelled(CancelCause::Switch)), ("false", OrderState::Open)] {
        let mut rig = rig(1.0);
        rig.venue.set_knob("covers_before_set", covers).unwrap();
        let conn = logged_in(&mut rig);
        let (early, _) = (buy(&mut rig, conn, "early"), set_switch(&mut rig, conn));
        let late = buy(&mut rig, conn, "late");
        rig.drop_client(conn);
        rig.run_ms(50);
        assert_eq!(state(&rig, &early), after);
        assert_eq!(state(&rig, &late), OrderState::Cancelled(CancelCause::Switch));
    }
}

#[test]
fn a_trip_may_forget_its_newest_order() {
    let mut rig = rig(1.0);
    rig.venue.set_knob("cancel_leaves", "1").unwrap();
    let conn = armed(&mut rig);
    let (old, new) = (buy(&mut rig, conn, "old"), buy(&mut rig, conn, "new"));
    rig.drop_client(conn);
    rig.run_ms(50);
    assert_eq!(state(&rig, &old), OrderState::Cancelled(CancelCause::Switch));
    assert_eq!(state(&rig, &new), OrderState::Open);
}

#[test]
fn the_other_sessions_of_the_account_hear_of_cancelled_orders_and_strangers_do_not() {
    let mut rig = rig(1.0);
    rig.venue.floor_mut().add_account("key-2", SECRET, "other");
    let conn = armed(&mut rig);
    let (wide, narrow, elsewhere) = (logged_in(&mut rig), logged_in(&mut rig), logged_in(&mut rig));
    let stranger = rig.open(USER);
    let login = signed(&rig, "public/auth", "key-2", &json!({}));
    assert_eq!(rig.ask(stranger, &login)["code"], 0);
    let channels = [(wide, "user.order"), (narrow, "user.order.BTC_USD"), (elsewhere, "user.order.CRO_USD")];
    for (listener, channel) in channels.into_iter().chain([(stranger, "user.order")]) {
        let first = rig.ask(listener, &json!({"id": 2, "method": "subscribe", "params": {"channels": [channel]}}));
        assert_eq!(first["result"], json!({"subscription": channel, "channel": channel, "data": []}));
    }
    buy(&mut rig, conn, "a");
    rig.drop_client(conn);
    rig.run_ms(50);
    for (listener, subscription) in [(wide, "user.order"), (narrow, "user.order.BTC_USD")] {
        let heard = rig.heard(listener);
        let push = &heard.last().unwrap().1;
        assert_eq!((&push["id"], &push["method"], &push["code"]), (&json!(-1), &json!("subscribe"), &json!(0)));
        let result = &push["result"];
        assert_eq!((&result["subscription"], &result["channel"]), (&json!(subscription), &json!("user.order")));
        assert_eq!(result["data"][0]["status"], "CANCELED");
        assert_eq!(result["data"][0].get("reason"), None, "pushes carry no reason");
    }
    assert_eq!(rig.heard(elsewhere).len() + rig.heard(stranger).len(), 2 + 1 + 1, "login and first answers only");
}

// What would happen in silence.

#[test]
fn without_heartbeats_silence_is_never_noticed() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    fault(&mut rig, Fault::NoHeartbeats);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.run_ms(600_000);
    assert_eq!(rig.closed(conn), None);
    rig.drop_client(conn);
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), Some(rig.now().at + Duration::from_millis(50)));
}

#[test]
fn a_dishonoured_switch_says_yes_to_everything_and_never_cancels() {
    let mut rig = rig(1.0);
    fault(&mut rig, Fault::Dishonour);
    let conn = armed(&mut rig);
    let order = buy(&mut rig, conn, "a");
    assert_eq!(ask(&mut rig, conn, "private/get-cancel-on-disconnect", json!({}))["result"]["scope"], "CONNECTION");
    rig.venue.set_knob("dishonour_reads_back", "false").unwrap();
    assert_eq!(ask(&mut rig, conn, "private/get-cancel-on-disconnect", json!({}))["result"]["scope"], json!(null));
    assert_eq!(rig.venue.would_trip_by(rig.now().at, &[conn]), None);
    rig.drop_client(conn);
    rig.run_ms(100_000);
    assert_eq!(state(&rig, &order), OrderState::Open);
    assert_eq!(rig.journal(JournalKind::Tripped).len(), 0);
}

#[test]
fn several_connections_are_judged_by_the_last_armed_one() {
    let mut rig = rig(1.0);
    let (first, unarmed) = (armed(&mut rig), logged_in(&mut rig));
    rig.run_ms(5_000);
    let second = armed(&mut rig);
    let at = rig.now().at;
    let by = |rig: &Rig<CryptoComExchange>, conns: &[ConnId]| rig.venue.would_trip_by(at, conns);
    assert_eq!(by(&rig, &[unarmed]), None);
    assert_eq!(by(&rig, &[first, unarmed]), by(&rig, &[first]));
    assert!(by(&rig, &[first]) < by(&rig, &[second]));
    assert_eq!(by(&rig, &[first, second, unarmed]), by(&rig, &[second]));
}

proptest! {
    /// The venue's own prediction is what happens, whatever came before the silence.
    #[test]
    fn silence_trips_exactly_when_predicted(
        factor in prop::sample::select(vec![1.0, 0.1, 0.01]),
        steps in prop::collection::vec((0_u64..40_000, 0_u8..4), 1..12),
        delay_ms in 0_u64..5_000,
        tolerated in 0_u32..3,
    ) {
        let mut rig = rig(factor);
        rig.venue.set_knob("cancel_delay_ms", &delay_ms.to_string()).unwrap();
        rig.venue.set_knob("misses_tolerated", &tolerated.to_string()).unwrap();
        let conn = armed(&mut rig);
        let order = buy(&mut rig, conn, "a");
        for (wait_ms, what) in steps {
            rig.run(Duration::from_millis(wait_ms).mul_f64(factor));
            match what {
                0 | 1 => answer_heartbeat(&mut rig, conn),
                2 => drop(rig.say(conn, &json!({"id": 9, "method": "private/get-cancel-on-disconnect"}))),
                _ => {}
            }
        }
        let now = rig.now().at;
        let predicted = rig.venue.would_trip_by(now, &[conn]).expect("armed, so it trips");
        let tripped_before = state(&rig, &order) != OrderState::Open;
        rig.run(Duration::from_secs(200).mul_f64(factor) + Duration::from_millis(delay_ms));
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
    const SET: &str = "private/set-cancel-on-disconnect";
    let step = || SET.to_owned();
    let scope = json!({"id": 4, "method": SET, "params": {"scope": "CONNECTION"}});
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    fault(&mut rig, Fault::Refuse { step: step(), code: Some("40004".into()), times: 1 });
    assert_eq!(rig.ask(conn, &scope)["code"], 40_004);
    fault(&mut rig, Fault::Refuse { step: step(), code: None, times: 1 });
    assert_eq!(rig.ask(conn, &scope)["code"], 50_001);
    fault(&mut rig, Fault::LoseRequest { step: step(), times: 1 });
    assert!(rig.say(conn, &scope).is_empty());
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 0);
    fault(&mut rig, Fault::LoseAnswer { step: step(), times: 1 });
    assert!(rig.say(conn, &scope).is_empty());
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 1);
    fault(&mut rig, Fault::Late { step: step(), by: Duration::from_millis(700), times: 1 });
    assert!(rig.say(conn, &scope).is_empty());
    assert_eq!(rig.journal(JournalKind::SwitchSet).len(), 2);
    rig.run_ms(1_000);
    assert_eq!(rig.heard(conn).last().map(|(at, frame)| (*at, frame["code"].clone())), Some((700, json!(0))));
}

#[test]
fn a_lost_heartbeat_answer_is_no_answer() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    fault(&mut rig, Fault::LoseRequest { step: "public/respond-heartbeat".into(), times: 1 });
    rig.run_ms(31_000);
    answer_heartbeat(&mut rig, conn);
    rig.run_ms(12_000);
    assert_eq!(rig.closed(conn).map(|(at, ..)| at), Some(43_000));
}

#[test]
fn a_late_answer_to_a_connection_that_ended_is_not_sent() {
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    fault(&mut rig, Fault::Late { step: "private/user-balance".into(), by: Duration::from_secs(5), times: 1 });
    rig.say(conn, &json!({"id": 4, "method": "private/user-balance"}));
    rig.drop_client(conn);
    let before = rig.heard(conn).len();
    rig.run_ms(10_000);
    assert_eq!(rig.heard(conn).len(), before);
}

#[test]
fn maintenance_closes_with_1013_rejects_upgrades_and_answers_503() {
    let mut rig = rig(1.0);
    let conn = logged_in(&mut rig);
    fault(&mut rig, Fault::Maintenance);
    rig.run_ms(1);
    assert_eq!(rig.closed(conn).map(|(_, code, _)| code), Some(1013));
    assert_eq!(rig.open_refused(USER), 503);
    assert_eq!(call(&mut rig, "private/user-balance", &json!({})).0, 503);
    rig.venue.floor_mut().heal();
    rig.open(USER);
}

// Rate limits: section 13.

#[test]
fn the_opening_second_has_only_its_remaining_part_of_the_quota() {
    for (factor, open_at_ms, first) in [(1.0, 900, 15), (1.0, 0, 150), (0.1, 90, 15)] {
        let mut rig = rig(factor);
        rig.run_ms(open_at_ms);
        let conn = rig.open(USER);
        assert_eq!(accepted(&mut rig, conn, 200), first);
        rig.run(Duration::from_secs(1).mul_f64(factor));
        assert_eq!(accepted(&mut rig, conn, 200), 150);
    }
}

#[test]
fn http_calls_are_limited_by_method_and_key() {
    let mut rig = rig(1.0);
    let statuses = |rig: &mut Rig<_>, method: &str, count: usize| -> Vec<u16> {
        (0..count).map(|_| call(rig, method, &json!({})).0).collect()
    };
    assert_eq!(statuses(&mut rig, "private/get-open-orders", 4), [200, 200, 200, 429]);
    assert_eq!(statuses(&mut rig, "private/user-balance", 1), [200]);
    assert_eq!(statuses(&mut rig, "private/cancel-all-orders", 16)[14..], [200, 429]);
    rig.run_ms(100);
    assert_eq!(statuses(&mut rig, "private/get-open-orders", 1), [200]);
}

// Orders: sections 9 to 11.

#[test]
fn an_order_lives_through_create_amend_detail_and_cancel() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let created = ask(&mut rig, conn, "private/create-order", limit("kc-1"));
    let id = created["result"]["order_id"].clone();
    assert_eq!(created["result"]["client_oid"], "kc-1");
    assert_eq!(id.as_str().unwrap().len(), 19);
    let new = json!({"order_id": id, "new_price": "20001", "new_quantity": "0.02", "client_oid": "kc-2"});
    assert_eq!(
        ask(&mut rig, conn, "private/amend-order", new)["result"],
        json!({"order_id": id, "client_oid": "kc-2"})
    );
    let detail = ask(&mut rig, conn, "private/get-order-detail", json!({"client_oid": "kc-2"}))["result"].clone();
    assert_eq!(
        (&detail["limit_price"], &detail["status"], &detail["reason"]),
        (&json!("20001"), &json!("ACTIVE"), &json!(0))
    );
    let cancelled = ask(&mut rig, conn, "private/cancel-order", json!({"order_id": id}));
    assert_eq!((&cancelled["message"], &cancelled["result"]["order_id"]), (&json!("NO_ERROR"), &id));
    assert_eq!(ask(&mut rig, conn, "private/cancel-order", json!({"order_id": id}))["code"], 316);
    assert_eq!(ask(&mut rig, conn, "private/cancel-order", json!({"order_id": "17"}))["code"], 212);
    let history = ask(&mut rig, conn, "private/get-order-history", json!({}));
    assert_eq!(history["result"]["data"][0]["status"], "CANCELED");
}

#[test]
fn list_legs_without_client_ids_are_no_duplicates_of_each_other() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let mut leg = limit("");
    leg["client_oid"] = json!(null);
    let list = json!({"contingency_type": "LIST", "order_list": [leg, leg]});
    let replies = rig.say(conn, &json!({"id": 8, "method": "private/create-order-list", "params": list}));
    assert!(replies.iter().all(|reply| reply["code"] == 0), "{replies:?}");
    assert_ne!(replies[0]["result"]["order_id"], replies[1]["result"]["order_id"]);
}

#[test]
fn an_order_without_client_id_takes_the_requests_id() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let order = json!({"instrument_name": "CRO_USD", "side": "SELL", "type": "LIMIT", "price": "1", "quantity": "5"});
    let request = json!({"id": "4989988582751301541", "method": "private/create-order", "params": order});
    let reply = rig.ask(conn, &request);
    assert_eq!(reply["id"], 4_989_988_582_751_301_541_u64);
    assert_eq!(reply["result"]["client_oid"], "4989988582751301541");
}

#[test]
fn a_market_order_is_filled_and_a_notional_one_ends_as_cancelled() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    rig.say(conn, &json!({"id": 2, "method": "subscribe", "params": {"channels": ["user.order", "user.trade"]}}));
    let sell = json!({"instrument_name": "CRO_USD", "side": "SELL", "type": "MARKET", "quantity": "28"});
    rig.say(conn, &json!({"id": 3, "method": "private/create-order", "params": sell}));
    let heard = rig.heard(conn);
    let [order, trade] = &heard[heard.len() - 2..] else { panic!() };
    assert_eq!(order.1["result"]["data"][0]["status"], "FILLED");
    assert_eq!(trade.1["result"]["data"][0]["traded_quantity"], "28");
    let notional = json!({"instrument_name": "CRO_USD", "side": "BUY", "type": "MARKET", "notional": "1.5"});
    let id =
        rig.say(conn, &json!({"id": 4, "method": "private/create-order", "params": notional}))[0]["result"]["order_id"]
            .clone();
    let detail = ask(&mut rig, conn, "private/get-order-detail", json!({"order_id": id}))["result"].clone();
    assert_eq!((&detail["status"], &detail["exec_inst"]), (&json!("CANCELED"), &json!(["NOTIONAL_ORDER"])));
    assert_eq!(state(&rig, &id), OrderState::Filled);
}

#[test]
fn bad_orders_are_refused_with_their_codes() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let cases = [
        ("instrument_name", json!("DOGE_USD"), 209),
        ("side", json!("HOLD"), 220),
        ("type", json!("STOP_LOSS"), 218),
        ("price", json!("-1"), 308),
        ("price", json!(20000), 308),
        ("quantity", json!("0"), 213),
        ("quantity", json!(1), 40_004),
        ("time_in_force", json!("DAY"), 221),
        ("exec_inst", json!(["FAST"]), 219),
        ("client_oid", json!("x".repeat(37)), 40_004),
    ];
    for (field, value, code) in cases {
        let mut order = limit("a");
        order[field] = value;
        assert_eq!(ask(&mut rig, conn, "private/create-order", order)["code"], code, "{field}");
    }
    buy(&mut rig, conn, "a");
    assert_eq!(ask(&mut rig, conn, "private/create-order", limit("a"))["code"], 204);
}

#[test]
fn lists_are_answered_one_by_one_on_the_websocket_and_as_an_array_over_http() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    let mut bad = limit("bad");
    bad["side"] = json!("HOLD");
    let list = json!({"contingency_type": "LIST", "order_list": [limit("one"), bad, limit("two")]});
    let replies = rig.say(conn, &json!({"id": 8, "method": "private/create-order-list", "params": list}));
    let codes: Vec<&Value> = replies.iter().map(|reply| &reply["code"]).collect();
    assert_eq!(codes, [&json!(0), &json!(220), &json!(0)]);
    assert!(replies.iter().all(|reply| reply["id"] == 8));
    let ids: Vec<Value> = replies.iter().filter(|r| r["code"] == 0).map(|r| r["result"].clone()).collect();
    let (status, body) =
        call(&mut rig, "private/cancel-order-list", &json!({"contingency_type": "LIST", "order_list": ids}));
    assert_eq!((status, &body["result"][1]["code"], &body["result"][1]["index"]), (200, &json!(0), &json!(1)));
}

#[test]
fn cancel_all_takes_every_order_of_the_account_or_of_one_instrument() {
    let mut rig = rig(1.0);
    let (one, two) = (armed(&mut rig), logged_in(&mut rig));
    let (a, b) = (buy(&mut rig, one, "a"), buy(&mut rig, two, "b"));
    let other = ask(&mut rig, one, "private/cancel-all-orders", json!({"instrument_name": "CRO_USD"}));
    assert_eq!(other, json!({"id": 7, "method": "private/cancel-all-orders", "code": 0}));
    assert_eq!(state(&rig, &a), OrderState::Open);
    assert_eq!(call(&mut rig, "private/cancel-all-orders", &json!({})).0, 200);
    assert_eq!(
        (state(&rig, &a), state(&rig, &b)),
        (OrderState::Cancelled(CancelCause::User), OrderState::Cancelled(CancelCause::User))
    );
}

#[test]
fn a_subscription_begins_with_the_open_orders() {
    let mut rig = rig(1.0);
    let conn = armed(&mut rig);
    (0..5).for_each(|n| drop(buy(&mut rig, conn, &n.to_string())));
    rig.venue.set_knob("snapshot_size", "2").unwrap();
    let subscribe = json!({"id": 2, "method": "subscribe", "params": {"channels": ["user.order", "user.balance"]}});
    let first = rig.say(conn, &subscribe);
    let sizes: Vec<usize> = first.iter().map(|f| f["result"]["data"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2, 2, 1, 1]);
    assert!(first.iter().all(|frame| frame["id"] == 2 && frame["method"] == "subscribe"));
    let bad = json!({"id": 3, "method": "subscribe", "params": {"channels": ["user.order.NOPE"]}});
    assert_eq!(rig.ask(conn, &bad)["code"], 40_003);
}

// The envelope: section 2.

#[test]
fn what_is_no_request_is_answered_as_an_error_with_the_original() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    for (text, code) in [("{", 40_001), ("[]", 40_001), (r#"{"id":1}"#, 40_003), (r#"{"id":"x","method":"m"}"#, 40_003)]
    {
        let out = rig.give(Input::Text { conn, text });
        let frame = crate::sim::exchange::rig::texts(&out, conn).remove(0);
        assert_eq!((&frame["id"], &frame["method"], &frame["code"]), (&json!(-1), &json!("ERROR"), &json!(code)));
        assert_eq!(frame["original"], text);
    }
    assert_eq!(ask(&mut rig, conn, "public/nonsense", json!({}))["code"], 40_002);
}

#[test]
fn the_market_socket_acknowledges_market_channels_and_knows_no_private_ones() {
    let mut rig = rig(1.0);
    let conn = rig.open(MARKET);
    let ack = rig.ask(conn, &json!({"id": 1, "method": "subscribe", "params": {"channels": ["book.BTC_USD.10"]}}));
    assert_eq!(ack, json!({"id": 1, "method": "subscribe", "code": 0, "channel": "book.BTC_USD.10"}));
    let user = json!({"id": 1, "method": "subscribe", "params": {"channels": ["user.order"]}});
    assert_eq!(rig.ask(conn, &user)["code"], 40_003);
    let login = login(&rig, 0);
    assert_eq!(rig.ask(conn, &login)["code"], 40_002);
}

#[test]
fn the_switch_is_not_to_be_had_over_http() {
    let mut rig = rig(1.0);
    let (status, body) = call(&mut rig, "private/set-cancel-on-disconnect", &json!({"scope": "CONNECTION"}));
    assert_eq!((status, &body["code"]), (400, &json!(40_002)));
}

#[test]
fn instruments_are_listed_for_anyone() {
    let mut rig = rig(1.0);
    let answer = rig.call("GET", "/exchange/v1/public/get-instruments", &[], "").unwrap();
    let body = read(&answer);
    let names: Vec<&str> =
        body["result"]["data"].as_array().unwrap().iter().filter_map(|i| i["symbol"].as_str()).collect();
    assert_eq!(names, ["BTC_USD", "BTC_USDT", "ETH_USD", "CRO_USD", "BTCUSD-PERP"]);
    assert!(answer.headers.contains(&("date".into(), "Tue, 14 Nov 2023 22:13:20 GMT".into())));
}

// Helpers.

fn rig(factor: f64) -> Rig<CryptoComExchange> {
    let mut venue = CryptoComExchange::new(TimeFactor::new(factor).unwrap());
    venue.floor_mut().add_account(KEY, SECRET, "main");
    Rig::new(venue)
}

fn fault(rig: &mut Rig<CryptoComExchange>, fault: Fault) {
    let now = rig.now();
    rig.venue.floor_mut().apply(now, fault);
}

fn logged_in(rig: &mut Rig<CryptoComExchange>) -> ConnId {
    let conn = rig.open(USER);
    let login = login(rig, 0);
    assert_eq!(rig.ask(conn, &login)["code"], 0);
    conn
}

fn armed(rig: &mut Rig<CryptoComExchange>) -> ConnId {
    let conn = logged_in(rig);
    set_switch(rig, conn);
    conn
}

fn set_switch(rig: &mut Rig<CryptoComExchange>, conn: ConnId) {
    let set = ask(rig, conn, "private/set-cancel-on-disconnect", json!({"scope": "CONNECTION"}));
    assert_eq!(set["result"]["scope"], "CONNECTION");
}

fn ask(rig: &mut Rig<CryptoComExchange>, conn: ConnId, method: &str, params: Value) -> Value {
    rig.ask(conn, &json!({"id": 7, "method": method, "params": params}))
}

fn limit(client_oid: &str) -> Value {
    json!({
        "instrument_name": "BTC_USD", "side": "BUY", "type": "LIMIT", "price": "20000.5", "quantity": "0.01",
        "client_oid": client_oid, "exec_inst": ["POST_ONLY"]
    })
}

/// Rests an order; its id.
fn buy(rig: &mut Rig<CryptoComExchange>, conn: ConnId, client_oid: &str) -> Value {
    let replies = rig.say(conn, &json!({"id": 7, "method": "private/create-order", "params": limit(client_oid)}));
    assert_eq!(replies[0]["code"], 0, "{replies:?}");
    replies[0]["result"]["order_id"].clone()
}

fn state(rig: &Rig<CryptoComExchange>, id: &Value) -> OrderState {
    rig.venue.floor().orders.values().find(|order| *id == order.id).unwrap().state
}

fn login(rig: &Rig<CryptoComExchange>, skew_ms: i64) -> Value {
    let nonce = rig.wall_ms().saturating_add_signed(skew_ms);
    let sig = hmac_sha256_hex(SECRET.as_bytes(), format!("public/auth1{KEY}{nonce}").as_bytes());
    json!({"id": 1, "method": "public/auth", "api_key": KEY, "sig": sig, "nonce": nonce})
}

/// A signed request with flat or listed parameters, signed as the vendor's sample does.
fn signed(rig: &Rig<CryptoComExchange>, method: &str, key: &str, params: &Value) -> Value {
    fn spell(value: &Value) -> String {
        match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| format!("{name}{}", spell(value))).collect(),
            Value::Array(items) => items.iter().map(spell).collect(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
    let nonce = rig.wall_ms();
    let text = format!("{method}1{key}{}{nonce}", spell(params));
    let sig = hmac_sha256_hex(SECRET.as_bytes(), text.as_bytes());
    json!({"id": 1, "method": method, "api_key": key, "sig": sig, "nonce": nonce, "params": params})
}

fn call(rig: &mut Rig<CryptoComExchange>, method: &str, params: &Value) -> (u16, Value) {
    let body = signed(rig, method, KEY, params).to_string();
    let answer = rig.call("POST", &format!("/exchange/v1/{method}"), &[], &body).unwrap();
    (answer.status, read(&answer))
}

fn read(answer: &HttpOut) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// Answers the latest heartbeat, if there was one.
fn answer_heartbeat(rig: &mut Rig<CryptoComExchange>, conn: ConnId) {
    let latest = rig.heard(conn).into_iter().rev().find(|(_, frame)| frame["method"] == "public/heartbeat");
    if let Some((_, heartbeat)) = latest {
        rig.say(conn, &json!({"id": heartbeat["id"], "method": "public/respond-heartbeat"}));
    }
}

fn pings(rig: &Rig<CryptoComExchange>, conn: ConnId) -> Vec<u64> {
    let of = |(at, output): &(Moment, Output)| match output {
        Output::Ping(to, payload) if *to == conn => {
            assert_eq!(payload.len(), 8);
            Some(at.nanos() / 1_000_000)
        }
        _ => None,
    };
    rig.said.iter().filter_map(of).collect()
}

/// How many of this many requests were not refused for the rate.
fn accepted(rig: &mut Rig<CryptoComExchange>, conn: ConnId, count: usize) -> usize {
    (0..count).filter(|_| ask(rig, conn, "private/user-balance", json!({}))["code"] != 42_901).count()
}
