//! Every path of the Bybit dialect against hand-written answers, every captured frame, and damaged frames.
//!
//! `captured/frames.jsonl`: frames of production and test sockets as users posted or recorded them (2022 to 2026), with
//! the documented ones that no capture shows. No capture of a `dcp.*` acknowledgement or of a `CancelByDCP` row exists.

use super::*;
use crate::model::{
    Access, Coverage, Environment, LossCause, Moment, ReadBackVerdict, Secret, Step, SwitchKind, TimeFactor,
};
use crate::sim::exchange::bybit::BybitExchange;
use crate::sim::exchange::{ConnId, Exchange, HttpId, HttpIn, HttpOut, Input, Output};
use crate::venue::{CallLine, HttpMethod, HttpRequest, Item, Lane, OpenOrder};
use serde_json::{Value, json};

const CAPTURED: &str = include_str!("captured/frames.jsonl");
const DAMAGE: &[u8] = b"{}[]\",:0123456789eE+-.\\ntfuTZ \xff\x00";
const WALL_MS: u64 = 1_767_225_600_000;
const INFO: &str = "/v5/account/query-dcp-info";
const SET: &str = "/v5/order/disconnected-cancel-all";
const AGREED: &[Report] = &[Report::Done(Step::Window), Report::Done(Step::ReadBack)];

// --- configuration and facts

#[test]
fn published_addresses_carry_the_idle_limit() {
    for (environment, guard, trade, http) in [
        (
            Environment::Production,
            "wss://stream.bybit.com:443/v5/private",
            "wss://stream.bybit.com:443/v5/trade",
            "https://api.bybit.com:443",
        ),
        (
            Environment::Test,
            "wss://stream-testnet.bybit.com:443/v5/private",
            "wss://stream-testnet.bybit.com:443/v5/trade",
            "https://api-testnet.bybit.com:443",
        ),
    ] {
        let venue = Bybit::new(BybitConfig { trade_link: true, ..config(access(environment)) }).unwrap();
        let endpoint = venue.endpoint(LinkRole::Guard).unwrap();
        assert_eq!((endpoint.to_string().as_str(), endpoint.path.as_str()), (guard, "/v5/private?max_active_time=30s"));
        assert_eq!(venue.endpoint(LinkRole::Trade).unwrap().to_string(), trade);
        assert_eq!(venue.http_endpoint().to_string(), http);
        let alone = Bybit::new(config(access(environment))).unwrap();
        assert_eq!(alone.endpoint(LinkRole::Trade), None);
    }
}

#[test]
fn custom_addresses_must_lead_to_the_private_and_the_trade_path() {
    let venue = Bybit::new(config(custom("wss://127.0.0.1:9000/bybit/v5/private", None))).unwrap();
    let guard = venue.endpoint(LinkRole::Guard).unwrap();
    assert_eq!(guard.path, "/bybit/v5/private?max_active_time=30s");
    let error = |guard, trade, trade_link| refused(BybitConfig { trade_link, ..config(custom(guard, trade)) }).field;
    assert_eq!(error("wss://127.0.0.1:9000/v5/public/linear", None, false), "guard_url");
    assert_eq!(error("wss://127.0.0.1:9000/v5/private?max_active_time=1m", None, false), "guard_url");
    assert_eq!(error("wss://127.0.0.1:9000", None, true), "trade_url");
    assert_eq!(error("wss://127.0.0.1:9000", Some("wss://127.0.0.1:9000/v5/private"), true), "trade_url");
}

#[test]
fn ranges_and_products_are_checked() {
    let with = |change: fn(&mut BybitConfig)| {
        let mut config = config(access(Environment::Production));
        change(&mut config);
        Bybit::new(config).err().map(|error| error.field)
    };
    assert_eq!(with(|c| c.window_s = 2), Some("window_s"));
    assert_eq!(with(|c| c.window_s = 301), Some("window_s"));
    assert_eq!(with(|c| c.window_s = 300), None);
    assert_eq!(with(|c| c.max_active_time_s = 29), Some("max_active_time_s"));
    assert_eq!(with(|c| c.max_active_time_s = 601), Some("max_active_time_s"));
    assert_eq!(with(|c| c.max_active_time_s = 600), None);
    assert_eq!(with(|c| c.products.clear()), Some("products"));
    assert_eq!(with(|c| c.products = vec![BybitProduct::Spot; 2]), Some("products"));
    assert_eq!(with(|c| c.access.credentials.otp = Some(Secret::new("1".into()))), Some("credentials.otp"));
}

#[test]
fn the_bound_adds_up_detection_scan_window_and_allowance_and_is_scaled() {
    let facts = Bybit::new(config(access(Environment::Production))).unwrap().facts().clone();
    assert_eq!(facts.kind, SwitchKind::GraceAfterDrop);
    assert_eq!(facts.exposure.bound, Duration::from_secs(30 + 30 + 10 + 1));
    assert_eq!(facts.coverage, Coverage::Products(vec!["DERIVATIVES", "SPOT"]));
    assert!(facts.no_farewell.is_some() && facts.no_disarm.is_some() && facts.can_read_back);
    let mut fast = custom("wss://127.0.0.1:9000", None);
    fast.time_factor = TimeFactor::new(0.1).unwrap();
    let facts = Bybit::new(config(fast)).unwrap().facts().clone();
    assert_eq!((facts.trips_within, facts.tolerance), (Duration::from_millis(7_100), Some(Duration::from_secs(1))));
}

// --- before any link

#[test]
fn an_account_without_the_protection_is_told_before_any_link() {
    let mut bench = Bench::new();
    let (tag, request) = bench.prepare().only_call();
    assert_eq!((request.path.as_str(), request.headers.len()), ("/v5/market/time", 0));
    let time = json!({"retCode": 0, "result": {}, "time": WALL_MS + 700}).to_string();
    let outcome = bench.reply(tag, 200, &time);
    assert_eq!(outcome.reports, [Report::ClockOffset(700)]);
    let (tag, request) = outcome.only_call();
    assert_eq!((request.method, request.path.as_str()), (HttpMethod::Get, INFO));
    let stamp = header(&request, "X-BAPI-TIMESTAMP").parse::<u64>().unwrap();
    assert_eq!(stamp, WALL_MS + 700 - 250);
    let outcome = bench.reply(tag, 200, &infos(&[("SPOT", "ON", "10")]));
    let refusal = outcome.refusal();
    assert_eq!(refusal.class, RefusalClass::Fatal);
    assert!(refusal.text.contains("DERIVATIVES") && refusal.advice.0.contains("relationship manager"), "{refusal}");
}

#[test]
fn the_look_before_any_link_proves_nothing() {
    let mut bench = Bench::new();
    let tag = bench.prepare().only_call().0;
    let tag = bench.fail(tag, LossCause::Reset).only_call().0;
    assert!(bench.reply(tag, 200, &good_infos()).silent());
}

// --- arming

#[test]
fn arming_is_login_topics_ping_and_windows_and_each_step_is_acknowledged() {
    let mut bench = Bench::new();
    let outcome = bench.begin(4);
    let login = outcome.only_line();
    assert_eq!((login["op"].as_str(), login["req_id"].as_str()), (Some("auth"), Some("kc-4-1")));
    assert_eq!(login["args"][1].as_u64(), Some(WALL_MS + 10_000));
    assert_eq!(outcome.only_call().1.path, INFO);
    let outcome = bench.answer(&login, json!({"success": true, "ret_msg": ""}));
    assert_eq!(outcome.reports, [Report::Done(Step::Login)]);
    let topics: Vec<_> = outcome.said.iter().map(|(_, _, line)| line["args"].clone()).collect();
    assert_eq!(topics, [json!(["dcp.future"]), json!(["dcp.spot"])]);
    let (first, second) = (outcome.said[0].2.clone(), outcome.said[1].2.clone());
    assert!(bench.answer(&second, json!({"success": true})).silent());
    let outcome = bench.answer(&first, json!({"success": true}));
    assert_eq!(outcome.reports, [Report::Done(Step::Subscription)]);
    let ping = outcome.only_line();
    assert_eq!(ping["op"], "ping");
    let outcome = bench.pong(&ping, WALL_MS);
    assert_eq!(outcome.reports[0], Report::Done(Step::Ping));
    let required = [Step::Login, Step::Subscription, Step::Ping, Step::Window, Step::ReadBack];
    assert_eq!(bench.venue.facts().required, required);
}

#[test]
fn windows_that_agree_are_done_in_the_epoch_that_asked() {
    let mut bench = Bench::new();
    let tag = bench.begin(1).only_call().0;
    assert_eq!(bench.reply(tag, 200, &good_infos()).reports, AGREED);
    // An answer that comes after its link is gone counts for nothing, also when the next link has asked the same.
    bench.venue.forget(LinkRole::Guard);
    let old = bench.begin(2).only_call().0;
    bench.venue.forget(LinkRole::Guard);
    let new = bench.begin(3).only_call().0;
    assert!(bench.reply(old, 200, &good_infos()).silent());
    assert_eq!(bench.reply(new, 200, &good_infos()).reports, AGREED);
}

#[test]
fn the_login_answer_may_lack_the_id_but_must_say_success() {
    let mut bench = Bench::new();
    bench.begin(1);
    let (heard, outcome) = bench.hear(r#"{"success":true,"ret_msg":"","op":"auth","conn_id":"x"}"#);
    assert_eq!((heard, &outcome.reports[0]), (Ok(Heard::Ours), &Report::Done(Step::Login)));
    // A second one is nobody's.
    let (heard, outcome) = bench.hear(r#"{"success":true,"ret_msg":"","op":"auth","conn_id":"x"}"#);
    assert!(heard == Ok(Heard::Application) && outcome.silent());
}

#[test]
fn a_refused_login_is_classed_and_ends_the_script() {
    for (answer, class) in [
        (json!({"success": false, "ret_msg": "Params Error"}), RefusalClass::Clock),
        (json!({"success": false, "ret_msg": "API key is invalid."}), RefusalClass::Fatal),
        (json!({"success": false, "ret_msg": "anything else"}), RefusalClass::Fatal),
        (json!({"ret_msg": ""}), RefusalClass::Retry),
        (json!({"success": "perhaps"}), RefusalClass::Retry),
        (json!({"success": null}), RefusalClass::Retry),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_line();
        let outcome = bench.answer(&login, answer.clone());
        assert_eq!(outcome.refusal().class, class, "{answer}");
        assert!(outcome.said.is_empty(), "{answer}");
        assert!(bench.answer(&login, json!({"success": true})).silent(), "{answer}");
        // Where the clock may be at fault it is compared before the next try.
        let compares = outcome.calls.iter().any(|(_, request)| request.path == "/v5/market/time");
        assert_eq!(compares, class == RefusalClass::Clock, "{answer}");
    }
}

#[test]
fn a_login_refused_again_with_the_right_clock_needs_a_person() {
    let mut bench = Bench::new();
    let no = json!({"success": false, "ret_msg": "Params Error"});
    let login = bench.begin(1).only_line();
    let tag = bench.answer(&login, no.clone()).only_call().0;
    // The clock is not compared yet: the next login may fail for the same reason.
    let login = bench.begin(2).only_line();
    assert_eq!(bench.answer(&login, no.clone()).refusal().class, RefusalClass::Clock);
    bench.reply(tag, 200, &json!({"retCode": 0, "time": WALL_MS}).to_string());
    let login = bench.begin(3).only_line();
    assert_eq!(bench.answer(&login, no.clone()).refusal().class, RefusalClass::Fatal);
    // A login that works clears the suspicion.
    let login = bench.begin(4).only_line();
    bench.answer(&login, json!({"success": true}));
    let login = bench.begin(5).only_line();
    assert_eq!(bench.answer(&login, no).refusal().class, RefusalClass::Clock);
}

#[test]
fn a_login_after_comparing_clocks_expires_by_the_venues_clock() {
    let mut bench = Bench::new();
    let tag = bench.prepare().only_call().0;
    bench.reply(tag, 200, &json!({"retCode": 0, "time": WALL_MS + 60_000}).to_string());
    assert_eq!(bench.begin(1).only_line()["args"][1].as_u64(), Some(WALL_MS + 70_000));
}

#[test]
fn a_refused_topic_is_told_by_name_and_nothing_goes_on() {
    for (text, class) in [
        ("error:handler not found,topic:dcp.future", RefusalClass::Fatal),
        ("Request not authorized", RefusalClass::Session),
        ("anything else", RefusalClass::Fatal),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_line();
        let topics = bench.answer(&login, json!({"success": true})).said;
        let outcome = bench.answer(&topics[0].2, json!({"success": false, "ret_msg": text}));
        assert_eq!((outcome.refusal().step, outcome.refusal().class), ("subscribe dcp.future", class));
        assert!(bench.answer(&topics[1].2, json!({"success": true})).silent());
    }
}

#[test]
fn acknowledgements_with_foreign_ids_or_none_are_not_ours() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_line();
    for line in [
        r#"{"success":true,"op":"auth","req_id":"mine"}"#,
        r#"{"success":true,"op":"subscribe"}"#,
        r#"{"success":true,"op":"subscribe","req_id":"kc-x-1"}"#,
    ] {
        let (heard, outcome) = bench.hear(line);
        assert!(heard == Ok(Heard::Application) && outcome.silent(), "{line}");
    }
    let (heard, outcome) = bench.hear(r#"{"success":true,"op":"auth","req_id":"kc-9-9"}"#);
    assert!(heard == Ok(Heard::Ours) && outcome.silent());
    bench.answer(&login, json!({"success": true}));
    // Not even all topics at once without their ids are a subscription.
    assert!(bench.hear(r#"{"success":true,"op":"subscribe","req_id":""}"#).1.silent());
}

#[test]
fn an_answer_to_our_id_under_another_name_is_a_breach() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_line();
    let line = json!({"success": true, "op": "subscribe", "req_id": login["req_id"]}).to_string();
    assert!(bench.hear(&line).0.is_err());
}

// --- windows

#[test]
fn a_window_that_differs_is_set_held_off_and_read_back() {
    let mut bench = Bench::new();
    let tag = bench.through(1);
    let outcome = bench.reply(tag, 200, &infos(&[("DERIVATIVES", "ON", "30"), ("SPOT", "ON", "10")]));
    let (tag, request) = outcome.only_call();
    assert_eq!((request.method, request.path.as_str()), (HttpMethod::Post, SET));
    assert_eq!(request.body, r#"{"product":"DERIVATIVES","timeWindow":10}"#);
    let outcome = bench.reply(tag, 200, r#"{"retCode":0,"retMsg":"success"}"#);
    assert_eq!(outcome.reports, [call_back(10, Errand::HoldOff)]);
    let tag = bench.say(Intent::Errand(Errand::HoldOff)).only_call().0;
    assert_eq!(bench.reply(tag, 200, &good_infos()).reports, AGREED);
    assert!(bench.say(Intent::Errand(Errand::HoldOff)).silent());
}

#[test]
fn the_pause_after_setting_begins_only_when_the_links_own_steps_are_through() {
    let mut bench = Bench::new();
    let outcome = bench.begin(1);
    let (login, tag) = (outcome.only_line(), outcome.only_call().0);
    let tag = bench.reply(tag, 200, &infos(&[("DERIVATIVES", "ON", "30"), ("SPOT", "ON", "10")])).only_call().0;
    assert!(bench.reply(tag, 200, r#"{"retCode":0}"#).silent());
    let outcome = bench.finish_link(&login);
    assert!(outcome.reports.contains(&call_back(10, Errand::HoldOff)), "{:?}", outcome.reports);
}

#[test]
fn a_window_that_never_shows_is_given_up_after_three_settings() {
    let mut bench = Bench::new();
    let mut tag = bench.through(1);
    let differing = infos(&[("DERIVATIVES", "ON", "30"), ("SPOT", "ON", "30")]);
    for _ in 0..3 {
        let outcome = bench.reply(tag, 200, &differing);
        assert_eq!(outcome.calls.len(), 2);
        bench.reply(outcome.calls[0].0, 200, r#"{"retCode":0}"#);
        // A setting that nobody answered may have taken effect; the read-back tells.
        bench.fail(outcome.calls[1].0, LossCause::Reset);
        tag = bench.say(Intent::Errand(Errand::HoldOff)).only_call().0;
    }
    let outcome = bench.reply(tag, 200, &differing);
    assert!(outcome.calls.is_empty());
    assert_eq!(outcome.refusal().class, RefusalClass::Fatal);
}

#[test]
fn a_product_that_is_absent_or_not_on_is_a_refusal_and_never_armed() {
    for body in [
        infos(&[("DERIVATIVES", "ON", "10")]),
        infos(&[("DERIVATIVES", "ON", "10"), ("SPOT", "OFF", "10")]),
        infos(&[("DERIVATIVES", "ON", "10"), ("spot", "ON", "10")]),
        infos(&[]),
        json!({"retCode": 0, "result": {}}).to_string(),
        json!({"retCode": 0, "result": {"dcpInfos": null}}).to_string(),
        json!({"retCode": 0, "result": []}).to_string(),
        json!({"retCode": 0}).to_string(),
    ] {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        let outcome = bench.reply(tag, 200, &body);
        assert_eq!((outcome.reports.len(), outcome.refusal().class), (1, RefusalClass::Fatal), "{body}");
    }
}

#[test]
fn an_unreadable_window_is_neither_agreement_nor_disagreement() {
    for body in [
        json!({"retCode": 0, "result": {"dcpInfos": [7]}}).to_string(),
        json!({"retCode": 0, "result": "x"}).to_string(),
        json!({"retMsg": "success"}).to_string(),
        "<html>".to_owned(),
        String::new(),
    ] {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        let outcome = bench.reply(tag, 200, &body);
        assert_eq!((outcome.reports.len(), outcome.refusal().class), (1, RefusalClass::Retry), "{body}");
    }
}

#[test]
fn a_query_that_nobody_answers_is_asked_again_three_times() {
    let mut bench = Bench::new();
    let mut tag = bench.through(1);
    for _ in 0..3 {
        assert_eq!(bench.fail(tag, LossCause::Reset).reports, [call_back(1, Errand::Retry)]);
        tag = bench.say(Intent::Errand(Errand::Retry)).only_call().0;
    }
    assert_eq!(bench.fail(tag, LossCause::Reset).refusal().class, RefusalClass::Retry);
}

#[test]
fn a_refused_setting_without_a_known_code_asks_for_a_person() {
    for (code, class) in
        [(10005, RefusalClass::Fatal), (123_456, RefusalClass::Fatal), (10006, RefusalClass::RateLimit)]
    {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        let tag = bench.reply(tag, 200, &infos(&[("DERIVATIVES", "ON", "9"), ("SPOT", "ON", "10")])).only_call().0;
        let outcome = bench.reply(tag, 200, &json!({"retCode": code, "retMsg": "no"}).to_string());
        assert_eq!(outcome.refusal().class, class, "{code}");
    }
}

#[test]
fn a_read_back_says_what_the_venue_says_now() {
    let mut bench = Bench::armed();
    for (body, expected) in [
        (good_infos(), ReadBackVerdict::Agrees),
        (infos(&[("DERIVATIVES", "ON", "10")]), ReadBackVerdict::Disagrees),
        (infos(&[("DERIVATIVES", "ON", "10"), ("SPOT", "ON", "11")]), ReadBackVerdict::Disagrees),
    ] {
        let tag = bench.say(Intent::ReadBack).only_call().0;
        assert_eq!(bench.reply(tag, 200, &body).reports, [Report::ReadBack(expected)]);
    }
    // One lost answer is asked again; two are told.
    let tag = bench.say(Intent::ReadBack).only_call().0;
    let tag = bench.fail(tag, LossCause::Reset).only_call().0;
    bench.fail(tag, LossCause::Reset).refusal();
}

#[test]
fn arming_again_asks_for_the_windows_once_at_a_time() {
    let mut bench = Bench::armed();
    let tag = bench.say(Intent::Rearm).only_call().0;
    assert!(bench.say(Intent::Rearm).silent());
    assert_eq!(bench.reply(tag, 200, &good_infos()).reports, AGREED);
    // What only a person can change is told once a minute, however often the session asks.
    let tag = bench.say(Intent::Rearm).only_call().0;
    bench.reply(tag, 200, &infos(&[("SPOT", "ON", "10")])).refusal();
    bench.wait_ms(59_999);
    assert!(bench.say(Intent::Rearm).silent());
    bench.wait_ms(1);
    bench.say(Intent::Rearm).only_call();
}

#[test]
fn a_clock_refusal_corrects_the_clock_and_is_tried_once_more() {
    let text = "invalid request, please check your server timestamp or recv_window param. \
                req_timestamp[1],server_timestamp[1767225659000],recv_window[5000]";
    for body in
        [json!({"retCode": 10002, "retMsg": text}), json!({"retCode": 10002, "retMsg": "", "time": WALL_MS + 59_000})]
    {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        let outcome = bench.reply(tag, 200, &body.to_string());
        assert_eq!(outcome.reports, [Report::ClockOffset(59_000)]);
        let (tag, request) = outcome.only_call();
        assert_eq!(header(&request, "X-BAPI-TIMESTAMP"), (WALL_MS + 59_000 - 250).to_string());
        assert_eq!(bench.reply(tag, 200, &body.to_string()).refusal().class, RefusalClass::Clock);
    }
}

#[test]
fn an_http_status_without_a_code_is_classed_and_a_code_beats_it() {
    for (status, body, code, class) in [
        (401, "", "HTTP 401", RefusalClass::Fatal),
        (403, "<html>", "HTTP 403", RefusalClass::RateLimit),
        (429, "", "HTTP 429", RefusalClass::RateLimit),
        (502, "", "HTTP 502", RefusalClass::Retry),
        (401, r#"{"retCode":10003,"retMsg":"API key is invalid."}"#, "10003", RefusalClass::Fatal),
        (500, r#"{"retCode":0,"result":{"dcpInfos":[]}}"#, "HTTP 500", RefusalClass::Retry),
    ] {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        let outcome = bench.reply(tag, status, body);
        assert_eq!((outcome.refusal().code.as_str(), outcome.refusal().class), (code, class), "{status} {body}");
    }
}

// --- keeping

#[test]
fn a_probe_is_answered_by_its_own_pong_which_also_tells_the_time() {
    let mut bench = Bench::armed();
    let ping = bench.say(Intent::Probe(LinkRole::Guard)).only_line();
    bench.wait_ms(20);
    let outcome = bench.pong(&ping, WALL_MS + 10 + 500);
    assert_eq!(outcome.reports, [Report::ProbeAnswered(LinkRole::Guard), Report::ClockOffset(500)]);
    assert!(bench.pong(&ping, WALL_MS).silent());
    let ping = bench.say(Intent::Probe(LinkRole::Guard)).only_line();
    assert_eq!(bench.pong(&ping, WALL_MS + 20 + 540).reports, [Report::ProbeAnswered(LinkRole::Guard)]);
    let (heard, outcome) = bench.hear(r#"{"op":"pong","args":["1"],"conn_id":"x"}"#);
    assert!(heard == Ok(Heard::Application) && outcome.silent());
}

#[test]
fn a_ping_leaves_within_a_third_of_the_idle_limit_whatever_the_session_does() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_line();
    assert!(bench.say(Intent::Errand(Errand::Renew)).silent());
    let outcome = bench.finish_link(&login);
    assert!(outcome.reports.contains(&call_back(10, Errand::Renew)));
    let outcome = bench.say(Intent::Errand(Errand::Renew));
    assert_eq!(outcome.reports, [call_back(10, Errand::Renew)]);
    assert_eq!(outcome.said[0].1, Lane::Keepalive);
    let ping = outcome.only_line();
    assert_eq!(bench.pong(&ping, WALL_MS).reports, [Report::ClockOffset(0)]);
    bench.venue.forget(LinkRole::Guard);
    assert!(bench.say(Intent::Errand(Errand::Renew)).silent());
}

#[test]
fn a_row_cancelled_by_the_protection_is_a_trip_told() {
    let mut bench = Bench::armed();
    let line = r#"{"topic":"order.linear","data":[{"orderStatus":"Cancelled","cancelType":"CancelByDCP","updatedTime":"1767225612340"}]}"#;
    let (heard, outcome) = bench.hear(line);
    assert_eq!(heard, Ok(Heard::Application));
    assert_eq!(outcome.reports, [Report::TripTold(Some(WallTime::from_millis(1_767_225_612_340)))]);
    assert!(bench.hear(&line.replace("order.linear", "execution")).1.silent());
}

// --- the order-entry link

#[test]
fn the_order_entry_link_is_ready_when_its_login_is_acknowledged() {
    let mut bench = Bench::new();
    let login = bench.begin_trade(2).only_line();
    assert_eq!((login["reqId"].as_str(), login["op"].as_str()), (Some("kc-2-1"), Some("auth")));
    assert_eq!(bench.compose(1, "order.create", "{}").unwrap_err(), Misuse::NotConnected);
    assert_eq!(bench.answer_trade(&login, json!({"retCode": 0})).reports, [Report::TradeReady]);
    let mut bench = Bench::new();
    bench.begin_trade(2);
    let (_, outcome) = bench.hear_trade(r#"{"retCode":0,"retMsg":"OK","op":"auth","connId":"x"}"#);
    assert_eq!(outcome.reports, [Report::TradeReady]);
}

#[test]
fn a_refused_order_entry_login_is_classed_by_that_sockets_meaning() {
    for (answer, class) in [
        (json!({"retCode": 10003}), RefusalClass::RateLimit),
        (json!({"retCode": 10004}), RefusalClass::Fatal),
        (json!({"retCode": 10005}), RefusalClass::Fatal),
        (json!({"retCode": 10001}), RefusalClass::Clock),
        (json!({"retCode": 20001}), RefusalClass::Session),
        (json!({"retCode": "x"}), RefusalClass::Retry),
        (json!({}), RefusalClass::Retry),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin_trade(2).only_line();
        let outcome = bench.answer_trade(&login, answer.clone());
        assert_eq!(outcome.refusal().class, class, "{answer}");
        assert!(bench.answer_trade(&login, json!({"retCode": 0})).silent(), "{answer}");
    }
}

#[test]
fn a_pong_without_an_id_answers_the_oldest_probe_of_the_order_entry_link() {
    let mut bench = Bench::trading();
    bench.say(Intent::Probe(LinkRole::Trade)).only_line();
    let pong = format!(r#"{{"retCode":0,"retMsg":"OK","op":"pong","data":["{WALL_MS}"],"connId":"x"}}"#);
    let outcome = bench.hear_trade(&pong).1;
    assert_eq!(outcome.reports, [Report::ProbeAnswered(LinkRole::Trade), Report::ClockOffset(0)]);
    let (heard, outcome) = bench.hear_trade(&pong);
    assert!(heard == Ok(Heard::Application) && outcome.silent());
}

#[test]
fn an_order_is_written_with_the_venues_time_and_its_answer_finds_its_owner() {
    let mut bench = Bench::trading();
    let composed = bench.compose(7, "order.create", r#"{"category":"linear"}"#).unwrap();
    assert_eq!((composed.screened.role, &composed.screened.kind), (LinkRole::Trade, &Screening::Order));
    let line: Value = serde_json::from_str(&composed.line).unwrap();
    assert_eq!((line["op"].as_str(), &line["args"]), (Some("order.create"), &json!([{"category": "linear"}])));
    let stamp = (WALL_MS - 250).to_string();
    assert_eq!(line["header"], json!({"X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000"}));
    assert!(line["reqId"].as_str().unwrap().len() <= 36);
    let answer = json!({"reqId": line["reqId"], "retCode": 170_131, "op": "order.create", "data": {}}).to_string();
    let (heard, outcome) = bench.hear_trade(&answer);
    assert_eq!(heard, Ok(Heard::Answer(RequestId(7))));
    assert!(outcome.silent());
    assert_eq!(bench.hear_trade(&answer).0, Ok(Heard::Ours));
}

#[test]
fn a_rejection_without_an_id_is_told_and_given_to_nobody_in_particular() {
    let mut bench = Bench::trading();
    bench.compose(7, "order.create", "{}").unwrap();
    let line = r#"{"retCode":10010,"retMsg":"Unmatched IP","op":"order.create","data":{},"connId":"x"}"#;
    let (heard, outcome) = bench.hear_trade(line);
    assert_eq!(heard, Ok(Heard::Application));
    assert_eq!((outcome.refusal().code.as_str(), outcome.refusal().class), ("10010", RefusalClass::Fatal));
}

#[test]
fn a_restart_of_the_order_entry_service_is_told_once() {
    let mut bench = Bench::trading();
    for (id, told) in [(1, 1), (2, 0)] {
        let composed = bench.compose(id, "order.create", "{}").unwrap();
        let line: Value = serde_json::from_str(&composed.line).unwrap();
        let answer = json!({"reqId": line["reqId"], "retCode": 10019, "op": "order.create"}).to_string();
        let (heard, outcome) = bench.hear_trade(&answer);
        assert_eq!((heard, outcome.reports.len()), (Ok(Heard::Answer(RequestId(id))), told));
    }
}

#[test]
fn losing_one_link_leaves_the_others_requests_alone() {
    let mut bench = Bench::trading();
    let line: Value = serde_json::from_str(&bench.compose(1, "order.cancel", "{}").unwrap().line).unwrap();
    bench.venue.forget(LinkRole::Guard);
    let answer = json!({"reqId": line["reqId"], "retCode": 0}).to_string();
    assert_eq!(bench.hear_trade(&answer).0, Ok(Heard::Answer(RequestId(1))));
    bench.compose(2, "order.cancel", "{}").unwrap();
    bench.venue.forget(LinkRole::Trade);
    assert_eq!(bench.compose(3, "order.cancel", "{}").unwrap_err(), Misuse::NotConnected);
}

#[test]
fn the_1025th_waiting_request_is_refused() {
    let mut bench = Bench::trading();
    for n in 0..1_024 {
        bench.compose(n, "order.cancel", "{}").unwrap();
    }
    assert_eq!(bench.compose(2_000, "order.cancel", "{}").unwrap_err(), Misuse::TooManyPending { limit: 1_024 });
}

// --- kill and open orders

#[test]
fn a_kill_covers_every_part_of_the_configured_products_and_no_other() {
    let mut bench = Bench::new();
    let outcome = bench.say(Intent::CancelAll(Path::Http));
    let on_the_kill_line = |(_, request): &(CallTag, HttpRequest)| {
        request.line == CallLine::Kill && request.path == "/v5/order/cancel-all"
    };
    assert!(outcome.calls.iter().all(on_the_kill_line));
    let bodies: Vec<Value> = outcome.calls.iter().map(|(_, r)| serde_json::from_str(&r.body).unwrap()).collect();
    for expected in [
        json!({"category": "linear", "settleCoin": "USDT"}),
        json!({"category": "linear", "settleCoin": "USDC"}),
        json!({"category": "inverse", "settleCoin": "BTC"}),
        json!({"category": "spot", "orderFilter": "Order"}),
        json!({"category": "spot", "orderFilter": "StopOrder"}),
        json!({"category": "spot", "orderFilter": "tpslOrder"}),
        json!({"category": "spot", "orderFilter": "OcoOrder"}),
        json!({"category": "spot", "orderFilter": "BidirectionalTpslOrder"}),
    ] {
        assert!(bodies.contains(&expected), "{expected}");
    }
    assert!(!bodies.iter().any(|body| body["category"] == "option"));
    let swept = r#"{"retCode":0,"result":{"list":[{"orderId":"1"},{"orderId":"2"}],"success":"1"}}"#;
    let outcome = bench.reply(outcome.calls[0].0, 200, swept);
    assert_eq!(outcome.reports, [Report::CancelledAll { path: Path::Http, count: Some(2) }]);
    assert!(bench.say(Intent::CancelAll(Path::Link)).silent());
}

#[test]
fn a_kill_outlives_the_link_and_one_lost_answer() {
    let mut bench = Bench::armed();
    let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
    bench.venue.forget(LinkRole::Guard);
    let tag = bench.fail(tag, LossCause::Reset).only_call().0;
    bench.fail(tag, LossCause::Reset).refusal();
    let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
    bench.reply(tag, 200, r#"{"retCode":0,"result":{"success":"0"}}"#).refusal();
    let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
    let outcome = bench.reply(tag, 200, r#"{"retCode":0,"result":{"success":"1"}}"#);
    assert_eq!(outcome.reports, [Report::CancelledAll { path: Path::Http, count: None }]);
}

#[test]
fn open_orders_are_complete_only_after_the_last_page_of_the_last_part() {
    let mut bench = Bench::new();
    let outcome = bench.say(Intent::OpenOrders(Path::Http));
    let queries: Vec<&str> = outcome.calls.iter().filter_map(|(_, r)| r.path.split('?').nth(1)).collect();
    assert_eq!(
        queries,
        [
            "category=linear&settleCoin=USDT&limit=50",
            "category=linear&settleCoin=USDC&limit=50",
            "category=inverse&limit=50",
            "category=spot&limit=50"
        ]
    );
    let tags: Vec<CallTag> = outcome.calls.iter().map(|(tag, _)| *tag).collect();
    let asked = bench.now.at;
    let first = bench.reply(tags[0], 200, &page("next%3A1", &["A"]));
    let order = |id: &str| OpenOrder { order_id: id.into(), client_id: "mine".into(), instrument: "BTCUSDT".into() };
    let part = |ids: &[&str], complete| Report::OpenOrders {
        path: Path::Http,
        asked,
        orders: ids.iter().map(|id| order(id)).collect(),
        complete,
    };
    assert_eq!(first.reports, [part(&["A"], false)]);
    let (next, request) = first.only_call();
    assert!(request.path.ends_with("&limit=50&cursor=next%3A1"), "{}", request.path);
    for tag in &tags[1..] {
        assert_eq!(bench.reply(*tag, 200, &page("", &[])).reports, [part(&[], false)]);
    }
    assert_eq!(bench.reply(next, 200, &page("", &["B"])).reports, [part(&["B"], true)]);
}

#[test]
fn a_listing_with_a_part_that_fails_is_never_complete() {
    let mut bench = Bench::new();
    let tags: Vec<CallTag> = bench.say(Intent::OpenOrders(Path::Http)).calls.iter().map(|(tag, _)| *tag).collect();
    bench.reply(tags[0], 200, r#"{"retCode":10006,"retMsg":"Too many visits!"}"#).refusal();
    for tag in &tags[1..] {
        assert!(bench.reply(*tag, 200, &page("", &[])).silent());
    }
    // A newer reading replaces an older one.
    let old: Vec<CallTag> = bench.say(Intent::OpenOrders(Path::Http)).calls.iter().map(|(tag, _)| *tag).collect();
    let new: Vec<CallTag> = bench.say(Intent::OpenOrders(Path::Http)).calls.iter().map(|(tag, _)| *tag).collect();
    for tag in old {
        assert!(bench.reply(tag, 200, &page("", &["A"])).silent());
    }
    let last = new.iter().map(|tag| bench.reply(*tag, 200, &page("", &[]))).last().unwrap();
    assert!(matches!(last.reports[..], [Report::OpenOrders { complete: true, .. }]));
    let tag = bench.say(Intent::OpenOrders(Path::Http)).calls[0].0;
    bench.reply(tag, 200, r#"{"retCode":0,"result":{}}"#).refusal();
}

#[test]
fn inverse_orders_in_an_uncommon_coin_are_killed_by_symbol_once_a_listing_showed_them() {
    let mut bench = Bench::new();
    let inverse = bench.say(Intent::OpenOrders(Path::Http)).calls[2].0;
    bench.reply(inverse, 200, &page("", &["A"]).replace("BTCUSDT", "LINKUSD"));
    let bodies: Vec<String> =
        bench.say(Intent::CancelAll(Path::Http)).calls.into_iter().map(|(_, request)| request.body).collect();
    assert!(bodies.contains(&r#"{"category":"inverse","symbol":"LINKUSD"}"#.to_owned()), "{bodies:?}");
}

// --- screening

#[test]
fn orders_cancels_and_what_breaks_protection_are_told_apart() {
    let venue = Bench::trading().venue;
    let kind = |op: &str| venue.screen(&format!(r#"{{"reqId":"1","op":"{op}","args":[{{}}]}}"#));
    for (op, expected) in [
        ("order.create", Screening::Order),
        ("order.create-batch", Screening::Order),
        ("order.amend", Screening::Order),
        ("order.something-new", Screening::Order),
        ("ORDER.CREATE", Screening::Order),
        ("order.cancel", Screening::Cancel),
        ("order.cancel-batch", Screening::Cancel),
    ] {
        assert_eq!(kind(op), Screened::new(LinkRole::Trade, expected), "{op}");
    }
    assert_eq!(venue.screen(r#"{"op":"ping"}"#), Screened::new(LinkRole::Guard, Screening::Harmless));
    assert_eq!(venue.screen(r#"{"reqId":"1","op":"ping"}"#).role, LinkRole::Trade);
}

#[test]
fn no_spelling_of_leaving_a_dcp_topic_slips_through() {
    let venue = Bench::armed().venue;
    for line in [
        r#"{"op":"unsubscribe","args":["dcp.future"]}"#,
        r#"{"op":"unsubscribe","args":["order","dcp"]}"#,
        r#" { "args" : [ "\u0064cp.spot" ] , "\u006fp" : "unsubscrib\u0065" } "#,
        r#"{"op":" Unsubscribe ","args":["DCP.option"]}"#,
    ] {
        assert!(matches!(venue.screen(line).kind, Screening::BreaksProtection { .. }), "{line}");
    }
    assert_eq!(venue.screen(r#"{"op":"unsubscribe","args":["order"]}"#).kind, Screening::Harmless);
    // A stream on the guarding link would keep a dead link alive at the venue.
    assert!(matches!(venue.screen(r#"{"op":"subscribe","args":["order"]}"#).kind, Screening::BreaksProtection { .. }));
}

#[test]
fn what_is_not_a_request_or_wears_our_id_is_not_sendable() {
    let venue = Bench::armed().venue;
    for line in [
        "",
        "ping",
        "[1]",
        r#"["order.create"]"#,
        r#"{"args":[]}"#,
        r#"{"op":"order.cancel","op":"order.create"}"#,
        r#"{"op":"ping"} {}"#,
        r#"{"op":"ping","req_id":"kc-1-1"}"#,
        r#"{"op":"ping","reqId":" kc-1-1"}"#,
        r#"{"op":"ping","req_id":"\u006bc-1-1"}"#,
        r#"{"op":"auth","args":[]}"#,
        r#"{"op":"spread.create","args":[]}"#,
        r#"{"op":"subscribe","args":"dcp.spot"}"#,
        r#"{"op":"unsubscribe"}"#,
        r#"{"op":"unsubscribe","args":[["dcp.spot"]]}"#,
        r#"{"op":"subscribe","args":["dcp.option"]}"#,
    ] {
        assert!(matches!(venue.screen(line).kind, Screening::NotSendable { .. }), "{line}");
    }
    let alone = Bybit::new(config(access(Environment::Production))).unwrap();
    assert!(matches!(alone.screen(r#"{"op":"order.create","args":[]}"#).kind, Screening::NotSendable { .. }));
}

#[test]
fn what_cannot_be_composed_is_refused_with_the_reason() {
    let mut bench = Bench::trading();
    for (op, params) in
        [("order.create", ""), ("order.create", "7"), ("order.create", "{"), ("order.create", "{}{}"), ("auth", "[]")]
    {
        assert!(matches!(bench.compose(1, op, params).unwrap_err(), Misuse::NotSendable { .. }), "{op} {params}");
    }
    let line = |composed: Composed| serde_json::from_str::<Value>(&composed.line).unwrap();
    let batch = line(bench.compose(1, "order.cancel-batch", r#"[{"request":[]}]"#).unwrap());
    assert_eq!(batch["args"], json!([{"request": []}]));
    let mut bench = Bench::armed();
    assert_eq!(line(bench.compose(1, "ping", "{}").unwrap()).get("args"), None);
    let leave = line(bench.compose(1, "unsubscribe", r#"["order"]"#).unwrap());
    assert_eq!((&leave["args"], leave["op"].as_str()), (&json!(["order"]), Some("unsubscribe")));
}

// --- what arrives

#[test]
fn every_captured_frame_is_heard_without_a_breach() {
    let frames: Vec<&str> = CAPTURED.lines().filter(|line| !line.is_empty()).collect();
    assert!(frames.len() > 15, "{} frames", frames.len());
    for frame in frames {
        for mut bench in [Bench::new(), Bench::armed(), Bench::trading()] {
            for (heard, outcome) in [bench.hear(frame), bench.hear_trade(frame)] {
                assert!(heard.is_ok(), "{frame}");
                let claims = |report: &Report| matches!(report, Report::Done(_) | Report::TradeReady);
                assert!(!outcome.reports.iter().any(claims), "{frame} {:?}", outcome.reports);
            }
        }
    }
}

#[test]
fn plain_text_is_a_notice() {
    let mut bench = Bench::armed();
    let (heard, outcome) = bench.hear("bye");
    assert_eq!(heard, Ok(Heard::Application));
    assert_eq!(outcome.reports, [Report::Notice(Notice::DisconnectWarning { text: "bye".into() })]);
}

#[test]
fn damaged_frames_never_panic_and_never_arm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut bench = Bench::armed();
    for frame in CAPTURED.lines().filter(|line| !line.is_empty()) {
        for _ in 0..500 {
            let mut bytes = frame.as_bytes().to_vec();
            damage(&mut bytes, &mut random);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = (bench.hear(&text), bench.hear_trade(&text));
        }
    }
    let login = r#"{"success":true,"ret_msg":"","op":"auth","req_id":"kc-1-1"}"#;
    for cut in 0..login.len() {
        let mut bench = Bench::new();
        bench.begin(1);
        assert!(!bench.hear(&login[..cut]).1.reports.contains(&Report::Done(Step::Login)), "{}", &login[..cut]);
    }
}

#[test]
fn damaged_http_answers_never_panic_and_never_agree() {
    let whole = good_infos();
    for cut in 0..whole.len() {
        let mut bench = Bench::new();
        let tag = bench.through(1);
        bench.reply(tag, 200, &whole[..cut]).refusal();
    }
}

#[test]
fn secrets_are_in_no_printed_request() {
    let mut bench = Bench::new();
    let (_, request) = bench.begin(1).only_call();
    let sign = header(&request, "X-BAPI-SIGN");
    assert!(!format!("{request:?} {:?}", bench.out).contains(&sign));
}

// --- against the embedded venue, which was written from the same specification by somebody else

#[test]
fn the_embedded_venue_acknowledges_every_step_and_sets_the_window() {
    let mut world = World::new(20);
    world.begin(LinkRole::Guard, 1);
    assert_eq!(world.done(), [Step::Login, Step::Subscription, Step::Ping]);
    assert!(world.reports.contains(&call_back(10, Errand::HoldOff)), "{:?}", world.reports);
    world.wait(Duration::from_secs(10));
    world.say(Intent::Errand(Errand::HoldOff));
    assert_eq!(world.done()[3..], [Step::Window, Step::ReadBack]);
    let conns = [ConnId(1)];
    let trips_by = world.exchange.would_trip_by(world.now.at, &conns).unwrap();
    assert!(trips_by <= world.now.at + world.venue.facts().exposure.bound, "{trips_by:?}");
}

#[test]
fn the_embedded_venue_answers_probes_read_backs_orders_and_kills() {
    let mut world = World::new(10);
    world.begin(LinkRole::Guard, 1);
    assert_eq!(world.done(), [Step::Login, Step::Window, Step::ReadBack, Step::Subscription, Step::Ping]);
    world.begin(LinkRole::Trade, 2);
    assert!(world.reports.contains(&Report::TradeReady));
    world.say(Intent::Probe(LinkRole::Guard));
    world.say(Intent::Probe(LinkRole::Trade));
    world.say(Intent::ReadBack);
    for expected in [
        Report::ProbeAnswered(LinkRole::Guard),
        Report::ProbeAnswered(LinkRole::Trade),
        Report::ReadBack(ReadBackVerdict::Agrees),
    ] {
        assert!(world.reports.contains(&expected), "{expected:?} {:?}", world.reports);
    }
    let order =
        r#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01","price":"60000"}"#;
    let composed = world.venue.compose(world.now, RequestId(5), "order.create", order).unwrap();
    assert_eq!(world.give(LinkRole::Trade, &composed.line), [Heard::Answer(RequestId(5))]);
    world.say(Intent::OpenOrders(Path::Http));
    assert_eq!(world.listed(), 1);
    world.say(Intent::CancelAll(Path::Http));
    let cancelled = |report: &Report| matches!(report, Report::CancelledAll { count: Some(1), .. });
    assert_eq!(world.reports.iter().filter(|report| cancelled(report)).count(), 1);
    world.say(Intent::OpenOrders(Path::Http));
    assert_eq!(world.listed(), 0);
    assert!(!world.reports.iter().any(|report| matches!(report, Report::Refused(_))), "{:?}", world.reports);
}

#[test]
fn the_embedded_venue_refuses_wrong_secrets_and_missing_products_with_the_right_class() {
    let mut world = World::new(10);
    world.exchange.set_knob("dcp_products", "SPOT").unwrap();
    world.begin(LinkRole::Guard, 1);
    assert!(!world.done().contains(&Step::Window));
    assert_eq!(world.refusals(), [RefusalClass::Fatal]);
    let mut world = World::new(10);
    world.exchange.floor_mut().accounts.clear();
    world.begin(LinkRole::Guard, 1);
    assert!(world.done().is_empty());
    assert!(world.refusals().iter().all(|class| *class == RefusalClass::Fatal), "{:?}", world.reports);
}

#[test]
fn the_embedded_venue_refuses_a_clock_that_is_off_and_accepts_the_corrected_one() {
    let mut world = World::new(10);
    world.skew_ms = 60_000;
    world.begin(LinkRole::Guard, 1);
    assert!(world.refusals().contains(&RefusalClass::Clock), "{:?}", world.reports);
    world.begin(LinkRole::Guard, 2);
    assert!(world.done().contains(&Step::Ping) && world.done().contains(&Step::ReadBack), "{:?}", world.reports);
}

/// A dialect and an embedded venue, joined without delay.
struct World {
    venue: Bybit,
    exchange: BybitExchange,
    out: Outbox,
    now: Now,
    /// How far the venue's clock is ahead.
    skew_ms: u64,
    conns: Vec<(LinkRole, ConnId)>,
    reports: Vec<Report>,
}

impl World {
    /// The account's window at the venue is 10 s; the guard wants this one.
    fn new(window_s: u32) -> Self {
        let mut exchange = BybitExchange::new(TimeFactor::REAL);
        exchange.floor_mut().add_account("KILLCORDTESTKEY001", "killcord-dummy-secret-0123456789abcdef", "desk");
        let config = config(access(Environment::Production));
        let venue = Bybit::new(BybitConfig { trade_link: true, window_s, ..config }).unwrap();
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_millis(WALL_MS) };
        Self { venue, exchange, out: Outbox::default(), now, skew_ms: 0, conns: Vec::new(), reports: Vec::new() }
    }

    fn begin(&mut self, role: LinkRole, epoch: u64) {
        let conn = ConnId(epoch);
        let path = self.venue.endpoint(role).unwrap().path.clone();
        assert_eq!(self.exchange(Input::Upgrade { conn, path: &path }), [Output::Accept(conn)]);
        self.conns.retain(|(of, _)| *of != role);
        self.conns.push((role, conn));
        self.venue.begin(self.now, role, Epoch(epoch), &mut self.out);
        self.pump();
    }

    fn say(&mut self, intent: Intent) {
        self.venue.say(self.now, intent, &mut self.out);
        self.pump();
    }

    fn wait(&mut self, length: Duration) {
        self.now.at = self.now.at + length;
        self.now.wall = WallTime::from_nanos(self.now.wall.nanos() + nanos(length));
        let told = self.exchange(Input::Tick);
        self.hear(told);
        self.pump();
    }

    /// Says a line of the application; how what came back was heard.
    fn give(&mut self, role: LinkRole, text: &str) -> Vec<Heard> {
        let conn = self.conns.iter().find(|(of, _)| *of == role).unwrap().1;
        let told = self.exchange(Input::Text { conn, text });
        let heard = self.hear(told);
        self.pump();
        heard
    }

    fn exchange(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut told = Vec::new();
        let now = Now { at: self.now.at, wall: WallTime::from_millis(self.now.wall.millis() + self.skew_ms) };
        self.exchange.handle(now, input, &mut told);
        told
    }

    fn hear(&mut self, told: Vec<Output>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for output in told {
            match output {
                Output::Text(conn, text) => {
                    let role = self.conns.iter().find(|(_, of)| *of == conn).unwrap().0;
                    heard.push(self.venue.hear(self.now, role, &text, &mut self.out).unwrap());
                }
                Output::Http(id, HttpOut { status, body, .. }) => {
                    let reply = CallReply::Got { status, body: &body, date: None };
                    self.venue.hear_reply(self.now, CallTag(id.0), reply, &mut self.out).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        heard
    }

    fn pump(&mut self) {
        while !self.out.items().is_empty() {
            let items: Vec<Item> = self.out.items().to_vec();
            let texts: Vec<String> = items.iter().map(|item| said_text(&self.out, item)).collect();
            self.out.clear();
            for (item, text) in items.into_iter().zip(texts) {
                let told = match item {
                    Item::Report(report) => {
                        self.reports.push(report);
                        continue;
                    }
                    Item::Say { role, .. } => {
                        let conn = self.conns.iter().find(|(of, _)| *of == role).unwrap().1;
                        self.exchange(Input::Text { conn, text: &text })
                    }
                    Item::Call { tag, request } => self.call(tag, &request),
                };
                self.hear(told);
            }
        }
    }

    fn call(&mut self, tag: CallTag, request: &HttpRequest) -> Vec<Output> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let headers: Vec<(String, String)> =
            request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        let method = if request.method == HttpMethod::Get { "GET" } else { "POST" };
        let request = HttpIn { method, path, query, headers: &headers, body: &request.body };
        self.exchange(Input::Http { id: HttpId(tag.0), request })
    }

    fn done(&self) -> Vec<Step> {
        let step = |report: &Report| if let Report::Done(step) = report { Some(*step) } else { None };
        self.reports.iter().filter_map(step).collect()
    }

    fn refusals(&self) -> Vec<RefusalClass> {
        let class = |report: &Report| if let Report::Refused(no) = report { Some(no.class) } else { None };
        self.reports.iter().filter_map(class).collect()
    }

    /// How many orders the last complete listing named.
    fn listed(&mut self) -> usize {
        let parts: Vec<Report> = self.reports.extract_if(.., |r| matches!(r, Report::OpenOrders { .. })).collect();
        assert!(matches!(parts.last(), Some(Report::OpenOrders { complete: true, .. })), "{parts:?}");
        let count = |part: &Report| if let Report::OpenOrders { orders, .. } = part { orders.len() } else { 0 };
        parts.iter().map(count).sum()
    }
}

fn said_text(out: &Outbox, item: &Item) -> String {
    match item {
        Item::Say { text, .. } => out.text(text).to_owned(),
        Item::Call { .. } | Item::Report(_) => String::new(),
    }
}

// --- helpers

/// A dialect with its outbox and a clock that moves when told.
struct Bench {
    venue: Bybit,
    out: Outbox,
    now: Now,
}

/// What one input brought.
struct Outcome {
    said: Vec<(LinkRole, Lane, Value)>,
    calls: Vec<(CallTag, HttpRequest)>,
    reports: Vec<Report>,
}

fn credentials() -> Credentials {
    let secret = Secret::new("killcord-dummy-secret-0123456789abcdef".into());
    Credentials::new("KILLCORDTESTKEY001", secret, None).unwrap()
}

fn access(environment: Environment) -> Access {
    Access::standard("desk", environment, credentials()).unwrap()
}

fn custom(guard: &str, trade: Option<&str>) -> Access {
    let guard = Endpoint::parse("guard_url", guard).unwrap();
    let trade = trade.map(|url| Endpoint::parse("trade_url", url).unwrap());
    let http = Endpoint::parse("http_url", "https://127.0.0.1:9000").unwrap();
    Access::custom("desk", guard, trade, http, credentials(), TimeFactor::REAL)
}

fn config(access: Access) -> BybitConfig {
    BybitConfig {
        access,
        products: vec![BybitProduct::Derivatives, BybitProduct::Spot],
        window_s: BybitConfig::WINDOW_S_DEFAULT,
        max_active_time_s: BybitConfig::MAX_ACTIVE_TIME_S_DEFAULT,
        trade_link: false,
    }
}

fn refused(config: BybitConfig) -> ConfigError {
    Bybit::new(config).err().unwrap()
}

fn infos(rows: &[(&str, &str, &str)]) -> String {
    let row = |(product, status, window): &(&str, &str, &str)| json!({"product": product, "dcpStatus": status, "timeWindow": window});
    let rows: Vec<Value> = rows.iter().map(row).collect();
    json!({"retCode": 0, "retMsg": "success", "result": {"dcpInfos": rows}, "time": WALL_MS}).to_string()
}

fn good_infos() -> String {
    infos(&[("SPOT", "ON", "10"), ("DERIVATIVES", "ON", "10")])
}

fn page(cursor: &str, ids: &[&str]) -> String {
    let row = |id: &&str| json!({"orderId": id, "orderLinkId": "mine", "symbol": "BTCUSDT"});
    let list: Vec<Value> = ids.iter().map(row).collect();
    json!({"retCode": 0, "retMsg": "OK", "result": {"nextPageCursor": cursor, "list": list}}).to_string()
}

fn header(request: &HttpRequest, name: &str) -> String {
    request.headers.iter().find(|(given, _)| *given == name).unwrap().1.clone()
}

fn call_back(seconds: u64, errand: Errand) -> Report {
    Report::CallMeBack { after: Duration::from_secs(seconds), errand }
}

/// Replaces, removes, doubles or cuts a few bytes.
fn damage(bytes: &mut Vec<u8>, random: &mut impl FnMut(usize) -> usize) {
    for _ in 0..=random(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random(bytes.len());
        match random(4) {
            0 => bytes[at] = DAMAGE[random(DAMAGE.len())],
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, DAMAGE[random(DAMAGE.len())]),
            _ => bytes.truncate(at),
        }
    }
}

impl Bench {
    fn new() -> Self {
        let venue = Bybit::new(BybitConfig { trade_link: true, ..config(access(Environment::Production)) }).unwrap();
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_millis(WALL_MS) };
        Self { venue, out: Outbox::default(), now }
    }

    /// A bench whose guarding link went through the whole script.
    fn armed() -> Self {
        let mut bench = Self::new();
        let tag = bench.through(1);
        assert_eq!(bench.reply(tag, 200, &good_infos()).reports, AGREED);
        bench
    }

    /// A bench whose order-entry link is ready.
    fn trading() -> Self {
        let mut bench = Self::new();
        let login = bench.begin_trade(2).only_line();
        bench.answer_trade(&login, json!({"retCode": 0}));
        bench
    }

    /// Begins an epoch and takes the link's own steps; the call for the windows.
    fn through(&mut self, epoch: u64) -> CallTag {
        let outcome = self.begin(epoch);
        let (login, tag) = (outcome.only_line(), outcome.only_call().0);
        self.finish_link(&login);
        tag
    }

    /// Answers login, topics and ping; what the pong brought. It carries no time, so that clocks stay as they are.
    fn finish_link(&mut self, login: &Value) -> Outcome {
        let topics = self.answer(login, json!({"success": true, "ret_msg": ""})).said;
        let mut last = None;
        for (_, _, topic) in topics {
            last = Some(self.answer(&topic, json!({"success": true, "ret_msg": ""})));
        }
        let ping = last.unwrap().only_line();
        let pong = json!({"op": "pong", "req_id": ping["req_id"]}).to_string();
        let (heard, outcome) = self.hear(&pong);
        assert_eq!(heard, Ok(Heard::Ours));
        assert_eq!(outcome.reports[0], Report::Done(Step::Ping));
        outcome
    }

    fn wait_ms(&mut self, millis: u64) {
        self.now.at = self.now.at + Duration::from_millis(millis);
        self.now.wall = WallTime::from_millis(self.now.wall.millis() + millis);
    }

    fn prepare(&mut self) -> Outcome {
        self.venue.prepare(self.now, &mut self.out);
        self.drain()
    }

    fn begin(&mut self, epoch: u64) -> Outcome {
        self.venue.begin(self.now, LinkRole::Guard, Epoch(epoch), &mut self.out);
        self.drain()
    }

    fn begin_trade(&mut self, epoch: u64) -> Outcome {
        self.venue.begin(self.now, LinkRole::Trade, Epoch(epoch), &mut self.out);
        self.drain()
    }

    fn say(&mut self, intent: Intent) -> Outcome {
        self.venue.say(self.now, intent, &mut self.out);
        self.drain()
    }

    fn hear(&mut self, line: &str) -> (Result<Heard, Breach>, Outcome) {
        let heard = self.venue.hear(self.now, LinkRole::Guard, line, &mut self.out);
        (heard, self.drain())
    }

    fn hear_trade(&mut self, line: &str) -> (Result<Heard, Breach>, Outcome) {
        let heard = self.venue.hear(self.now, LinkRole::Trade, line, &mut self.out);
        (heard, self.drain())
    }

    /// Hears an answer to this line of ours on the guarding link.
    fn answer(&mut self, line: &Value, mut fields: Value) -> Outcome {
        fields["op"] = line["op"].clone();
        fields["req_id"] = line["req_id"].clone();
        let (heard, outcome) = self.hear(&fields.to_string());
        assert_eq!(heard, Ok(Heard::Ours), "{fields}");
        outcome
    }

    /// The same on the order-entry link.
    fn answer_trade(&mut self, line: &Value, mut fields: Value) -> Outcome {
        fields["op"] = line["op"].clone();
        fields["reqId"] = line["reqId"].clone();
        let (heard, outcome) = self.hear_trade(&fields.to_string());
        assert_eq!(heard, Ok(Heard::Ours), "{fields}");
        outcome
    }

    fn pong(&mut self, ping: &Value, venue_ms: u64) -> Outcome {
        let pong = json!({"op": "pong", "req_id": ping["req_id"], "args": [venue_ms.to_string()]});
        let (heard, outcome) = self.hear(&pong.to_string());
        assert_eq!(heard, Ok(Heard::Ours));
        outcome
    }

    fn reply(&mut self, tag: CallTag, status: u16, body: &str) -> Outcome {
        let reply = CallReply::Got { status, body, date: None };
        assert_eq!(self.venue.hear_reply(self.now, tag, reply, &mut self.out), Ok(()));
        self.drain()
    }

    fn fail(&mut self, tag: CallTag, cause: LossCause) -> Outcome {
        assert_eq!(self.venue.hear_reply(self.now, tag, CallReply::Failed(cause), &mut self.out), Ok(()));
        self.drain()
    }

    fn compose(&mut self, id: u64, method: &str, params: &str) -> Result<Composed, Misuse> {
        self.venue.compose(self.now, RequestId(id), method, params)
    }

    fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome { said: Vec::new(), calls: Vec::new(), reports: Vec::new() };
        for item in self.out.items() {
            match item {
                Item::Say { role, lane, text } => {
                    outcome.said.push((*role, *lane, serde_json::from_str(self.out.text(text)).unwrap()));
                }
                Item::Call { tag, request } => outcome.calls.push((*tag, request.clone())),
                Item::Report(report) => outcome.reports.push(report.clone()),
            }
        }
        self.out.clear();
        outcome
    }
}

impl Outcome {
    fn only_line(&self) -> Value {
        assert_eq!(self.said.len(), 1, "{:?} {:?}", self.said, self.reports);
        self.said[0].2.clone()
    }

    fn only_call(&self) -> (CallTag, HttpRequest) {
        assert_eq!(self.calls.len(), 1, "{:?} {:?}", self.calls, self.reports);
        self.calls[0].clone()
    }

    fn refusal(&self) -> &Refusal {
        let found = self.reports.iter().find_map(|report| match report {
            Report::Refused(refusal) | Report::TradeRefused(refusal) | Report::Unlisted { refusal, .. } => {
                Some(refusal)
            }
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no refusal in {:?}", self.reports))
    }

    fn silent(&self) -> bool {
        self.said.is_empty() && self.calls.is_empty() && self.reports.is_empty()
    }
}
