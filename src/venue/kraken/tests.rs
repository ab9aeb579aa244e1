//! Every path of the Kraken dialect against hand-written answers, every captured frame, and damaged frames.
//!
//! `captured/frames.jsonl`: frames of the production websocket as they arrived (2024), from the test data of
//! kraken-async-rs, and the documented ones that no capture shows.

use super::*;
use crate::model::{
    Access, Coverage, Credentials, Environment, LossCause, Moment, Refusal, RefusalClass, Secret, Step, SwitchKind,
    TimeFactor, WallTime,
};
use crate::sim::exchange::kraken::KrakenExchange;
use crate::sim::exchange::{ConnId, Exchange, HttpId, HttpIn, HttpOut, Input, Output};
use crate::venue::{CallLine, HttpRequest, Item, Lane, RESERVED_ID_FLOOR, Screening};
use serde_json::{Value, json};
use std::time::Duration;

const CAPTURED: &str = include_str!("captured/frames.jsonl");
const SECRET: &str = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
const KEY: &str = "KILLCORDDUMMYKEY0001";
const DAMAGE: &[u8] = b"{}[]\",:0123456789eE+-.\\ntfuTZ \xff\x00";

// --- configuration and facts

#[test]
fn production_goes_to_the_published_addresses_and_a_test_environment_is_refused() {
    let venue = Kraken::new(KrakenConfig::advised(access(Environment::Production))).unwrap();
    let guard = venue.endpoint(LinkRole::Guard).unwrap().to_string();
    assert_eq!(guard, "wss://ws-auth.kraken.com:443/v2");
    assert_eq!(venue.http_endpoint().to_string(), "https://api.kraken.com:443");
    assert_eq!(venue.endpoint(LinkRole::Trade), None);
    let error = refused(KrakenConfig::advised(access(Environment::Test)));
    assert_eq!(error.field, "environment");
    assert!(error.rule.contains("no test environment"), "{error}");
}

#[test]
fn a_custom_environment_needs_both_addresses_and_gets_the_path() {
    let venue = Kraken::new(KrakenConfig::advised(custom("wss://127.0.0.1:9000", 1.0))).unwrap();
    assert_eq!(venue.endpoint(LinkRole::Guard).unwrap().path, "/v2");
    let mut lame = custom("wss://127.0.0.1:9000", 1.0);
    lame.http_url = None;
    assert_eq!(refused(KrakenConfig::advised(lame)).field, "http_url");
    let mut two = custom("wss://127.0.0.1:9000", 1.0);
    two.trade_url = two.guard_url.clone();
    assert_eq!(refused(KrakenConfig::advised(two)).field, "trade_url");
}

#[test]
fn window_and_cadence_must_leave_room_for_lost_feeds() {
    let error = |window_s, cadence_ms| {
        let cadence = Duration::from_millis(cadence_ms);
        Kraken::new(KrakenConfig { window_s, cadence, ..KrakenConfig::advised(access(Environment::Production)) })
            .err()
            .map(|error| error.field)
    };
    for (window_s, cadence_ms) in [(60, 15_000), (60, 20_000), (5, 2_000), (14, 6_500), (15, 5_000), (86_399, 1_000)] {
        assert_eq!(error(window_s, cadence_ms), None, "{window_s} {cadence_ms}");
    }
    for (window_s, cadence_ms) in [(4, 1_000), (0, 1_000), (86_400, 15_000)] {
        assert_eq!(error(window_s, cadence_ms), Some("window_s"), "{window_s} {cadence_ms}");
    }
    for (window_s, cadence_ms) in [(60, 999), (60, 0), (60, 20_001), (15, 5_001), (14, 6_501), (5, 2_001)] {
        assert_eq!(error(window_s, cadence_ms), Some("cadence"), "{window_s} {cadence_ms}");
    }
}

#[test]
fn a_secret_that_is_not_base64_is_refused_without_being_shown() {
    let mut access = access(Environment::Production);
    access.credentials.secret = Secret::new("not*base64".into());
    let error = refused(KrakenConfig::advised(access));
    assert_eq!(error.field, "credentials.secret");
    assert!(!error.to_string().contains("not*base64"));
}

#[test]
fn facts_are_scaled_and_what_is_said_is_not() {
    let venue = Kraken::new(KrakenConfig::advised(custom("wss://127.0.0.1:9000", 0.1))).unwrap();
    let facts = venue.facts();
    assert_eq!((facts.kind, facts.coverage.clone()), (SwitchKind::Countdown, Coverage::Account));
    assert_eq!(facts.exposure.bound, Duration::from_millis(6_200));
    let feed = facts.feed.unwrap();
    assert_eq!((feed.window, feed.cadence), (Duration::from_secs(6), Duration::from_millis(1_500)));
    assert_eq!(feed.rounding, Duration::from_millis(100));
    assert_eq!(facts.tolerance, Some(Duration::from_secs(6)));
    let mut bench = Bench::of(venue);
    let tag = bench.prepare().only_call().0;
    bench.give_token(tag, "T1");
    assert_eq!(bench.begin(1).only_line()["params"]["timeout"], 60);
}

// --- token

#[test]
fn a_token_is_fetched_ahead_and_renewed_at_half_its_life() {
    let mut bench = Bench::new();
    let (tag, request) = bench.prepare().only_call();
    assert_eq!((request.path.as_str(), request.line), ("/0/private/GetWebSocketsToken", CallLine::Normal));
    assert!(request.body.starts_with("nonce="), "{}", request.body);
    let outcome = bench.give_token(tag, "T1");
    assert_eq!(outcome.reports, [call_back(450, Errand::Renew)]);
    bench.wait(449);
    assert!(bench.say(Intent::Errand(Errand::Renew)).silent());
    bench.wait(1);
    bench.say(Intent::Errand(Errand::Renew)).only_call();
}

#[test]
fn nonces_rise_even_when_the_wall_clock_goes_back() {
    let mut bench = Bench::new();
    let mut nonces = Vec::new();
    for _ in 0..3 {
        let (_, request) = bench.say(Intent::CancelAll(Path::Http)).only_call();
        nonces.push(request.body.strip_prefix("nonce=").unwrap().parse::<u64>().unwrap());
        bench.now.wall = WallTime::from_millis(1);
    }
    assert_eq!(nonces[0], WALL_NS);
    assert!(nonces.windows(2).all(|pair| pair[0] < pair[1]), "{nonces:?}");
}

#[test]
fn a_link_without_a_token_waits_for_it_and_then_arms() {
    let mut bench = Bench::new();
    let tag = bench.prepare().only_call().0;
    assert!(bench.begin(1).said.is_empty());
    let outcome = bench.give_token(tag, "T1");
    assert!(outcome.reports.contains(&Report::Done(Step::Token)));
    assert_eq!(outcome.only_line()["params"]["token"], "T1");
}

#[test]
fn a_token_that_the_venue_withholds_is_refused_with_advice_and_asked_for_again_later() {
    for (error, class, pause) in [
        ("EGeneral:Permission denied", RefusalClass::Fatal, 60),
        ("EGeneral:Temporary lockout", RefusalClass::RateLimit, 900),
        ("EAPI:Rate limit exceeded", RefusalClass::RateLimit, 60),
    ] {
        let mut bench = Bench::new();
        let tag = bench.prepare().only_call().0;
        let outcome = bench.reply(tag, 200, &json!({ "error": [error] }).to_string());
        assert_eq!(outcome.refusal().class, class, "{error}");
        assert!(outcome.reports.contains(&call_back(pause, Errand::Renew)), "{error}");
        // A link that comes up meanwhile does not hammer the venue.
        assert_eq!(bench.begin(1).calls.len(), 0, "{error}");
        bench.wait(pause);
        bench.say(Intent::Errand(Errand::Renew)).only_call();
    }
}

#[test]
fn a_link_that_waits_for_a_token_is_not_given_up_while_http_is_dead() {
    let mut bench = Bench::new();
    let mut tag = bench.prepare().only_call().0;
    assert_eq!(bench.begin(1).reports, [call_back(5, Errand::Retry)]);
    for told in [1, 0, 0] {
        let outcome = bench.fail(tag, LossCause::Reset);
        assert_eq!(outcome.notices().len(), told);
        assert!(!outcome.reports.iter().any(|report| matches!(report, Report::Refused(_))));
        bench.wait(5);
        let outcome = bench.say(Intent::Errand(Errand::Retry));
        assert_eq!(outcome.reports, [call_back(5, Errand::Retry)]);
        tag = outcome.only_call().0;
    }
    assert_eq!(bench.give_token(tag, "T1").only_line()["params"]["token"], "T1");
    assert!(bench.say(Intent::Errand(Errand::Retry)).silent());
}

#[test]
fn a_token_reply_without_a_token_is_not_taken_for_one() {
    for body in [
        r#"{"error":[],"result":{}}"#,
        r#"{"error":[]}"#,
        r#"{"error":[],"result":{"token":""}}"#,
        r#"{"result":{"token":"T"}}"#,
        r#"{"error":[],"result":[1]}"#,
        r#"{"error":["EService:Busy"],"result":{"token":"T"}}"#,
        "<html>",
        "",
    ] {
        let mut bench = Bench::new();
        let tag = bench.prepare().only_call().0;
        let outcome = bench.reply(tag, 200, body);
        assert!(matches!(outcome.notices()[..], [Notice::Limited { .. }]), "{body} {:?}", outcome.reports);
        assert!(bench.begin(1).said.is_empty(), "{body}");
    }
}

#[test]
fn an_invalid_nonce_is_tried_once_more_with_a_fresh_one() {
    let mut bench = Bench::new();
    let (tag, first) = bench.prepare().only_call();
    let refused = r#"{"error":["EAPI:Invalid nonce"]}"#;
    let (tag, second) = bench.reply(tag, 200, refused).only_call();
    assert_ne!(first.body, second.body);
    assert_eq!(bench.reply(tag, 200, refused).refusal().code, "EAPI:Invalid nonce");
}

#[test]
fn a_renewal_that_fails_is_told_once_and_never_delays_a_feed() {
    let mut bench = Bench::armed();
    bench.wait(450);
    let tag = bench.say(Intent::Errand(Errand::Renew)).only_call().0;
    assert_eq!(bench.say(Intent::Feed).only_line()["params"]["token"], "T1");
    let outcome = bench.fail(tag, LossCause::Reset);
    assert!(matches!(outcome.notices()[..], [Notice::Limited { .. }]), "{:?}", outcome.reports);
    assert!(!outcome.reports.iter().any(|report| matches!(report, Report::Refused(_))));
    bench.wait(5);
    let tag = bench.say(Intent::Errand(Errand::Renew)).only_call().0;
    assert!(bench.fail(tag, LossCause::Reset).notices().is_empty());
    bench.wait(5);
    let tag = bench.say(Intent::Errand(Errand::Renew)).only_call().0;
    bench.give_token(tag, "T2");
    bench.answer_timer(60);
    assert_eq!(bench.say(Intent::Feed).only_line()["params"]["token"], "T2");
}

#[test]
fn a_token_outlives_the_link_that_asked_for_it() {
    let mut bench = Bench::new();
    let tag = bench.prepare().only_call().0;
    bench.begin(1);
    bench.venue.forget(LinkRole::Guard);
    bench.give_token(tag, "T1");
    assert_eq!(bench.begin(2).only_line()["params"]["token"], "T1");
}

// --- arming

#[test]
fn arming_is_switch_then_subscription_and_only_acknowledged_steps_are_done() {
    let mut bench = Bench::new();
    let tag = bench.prepare().only_call().0;
    bench.give_token(tag, "T1");
    let outcome = bench.begin(7);
    assert_eq!(outcome.reports, [Report::Done(Step::Token)]);
    let arm = outcome.only_line();
    assert_eq!(arm["method"], "cancel_all_orders_after");
    assert_eq!(arm["params"], json!({"timeout": 60, "token": "T1"}));
    assert!(arm["req_id"].as_u64().unwrap() >= RESERVED_ID_FLOOR + 7_000_000);
    let sent = bench.now.at;
    bench.wait(1);
    let outcome = bench.answer(&arm, running(60));
    assert_eq!(outcome.news(), [Report::Fed { sent }, Report::Done(Step::Switch)]);
    let subscribe = outcome.only_line();
    let expected = json!({"channel": "executions", "snap_orders": true, "snap_trades": false, "token": "T1"});
    assert_eq!(subscribe["params"], expected);
    let outcome = bench.answer(&subscribe, json!({"success": true, "result": {"channel": "executions"}}));
    assert_eq!(outcome.news(), [Report::Done(Step::Subscription)]);
    assert_eq!(bench.venue.facts().required, [Step::Switch, Step::Subscription]);
}

#[test]
fn an_acknowledgement_that_does_not_say_the_window_runs_is_never_a_feed() {
    for answer in [
        off(),
        json!({"success": true, "result": {"currentTime": "2026-01-01T00:00:01Z"}}),
        running(59),
        running(61),
        running(6_000),
        json!({"success": true, "result": {"currentTime": "x", "triggerTime": "2026-01-01T00:00:01Z"}}),
        json!({"success": true, "result": {}}),
        json!({"success": true, "result": [1, 2]}),
        json!({"success": true}),
        json!({"success": false}),
        json!({"result": running(60)["result"]}),
        json!({"success": "yes", "result": running(60)["result"]}),
        json!({"success": true, "error": "EService:Unavailable", "result": running(60)["result"]}),
        json!({"success": false, "error": "EGeneral:Permission denied"}),
    ] {
        let mut bench = Bench::new();
        let arm = bench.begin_with_token();
        let outcome = bench.answer(&arm, answer.clone());
        assert!(matches!(outcome.news()[..], [Report::FeedRefused(_)]), "{answer} {:?}", outcome.reports);
        assert!(outcome.said.is_empty(), "{answer}");
        // It is asked again, and a good answer goes on with the script.
        let again = bench.say(Intent::Feed).only_line();
        let outcome = bench.answer(&again, running(60));
        assert!(outcome.news().contains(&Report::Done(Step::Switch)), "{answer}");
        assert_eq!(outcome.only_line()["method"], "subscribe", "{answer}");
    }
}

#[test]
fn a_refused_subscription_is_told_and_is_no_step() {
    for answer in [
        json!({"success": false, "error": "EGeneral:Permission denied"}),
        json!({"success": true, "result": {"channel": "balances"}}),
        json!({"success": true, "result": {}}),
        json!({"success": true}),
        json!({}),
    ] {
        let mut bench = Bench::new();
        let arm = bench.begin_with_token();
        let subscribe = bench.answer(&arm, running(60)).only_line();
        let outcome = bench.answer(&subscribe, answer.clone());
        assert!(matches!(outcome.news()[..], [Report::Refused(_)]), "{answer} {:?}", outcome.reports);
    }
}

#[test]
fn a_refused_token_is_replaced_and_the_request_said_once_more() {
    for error in ["ESession:Invalid session", "EAPI:Invalid token", "Token(s) not found"] {
        let mut bench = Bench::new();
        let arm = bench.begin_with_token();
        let tag = bench.answer(&arm, json!({"success": false, "error": error})).only_call().0;
        bench.wait(1);
        let sent = bench.now.at;
        let again = bench.give_token(tag, "T2").only_line();
        assert_eq!(again["params"]["token"], "T2");
        let outcome = bench.answer(&again, running(60));
        assert_eq!(outcome.news(), [Report::Fed { sent }, Report::Done(Step::Switch)], "{error}");
    }
}

#[test]
fn a_second_refused_token_is_told_instead_of_being_chased() {
    let mut bench = Bench::new();
    let arm = bench.begin_with_token();
    let refused = json!({"success": false, "error": "EAPI:Invalid token"});
    let tag = bench.answer(&arm, refused.clone()).only_call().0;
    let again = bench.give_token(tag, "T2").only_line();
    let outcome = bench.answer(&again, refused);
    assert!(outcome.calls.is_empty() && outcome.said.is_empty());
    assert!(matches!(&outcome.news()[..], [Report::FeedRefused(no)] if no.class == RefusalClass::Session));
    // The next feed starts afresh, with a token of its own.
    bench.say(Intent::Feed).only_call();
}

#[test]
fn a_token_renewed_while_the_old_one_is_being_refused_is_used_at_once() {
    let mut bench = Bench::armed();
    let feed = bench.say(Intent::Feed).only_line();
    bench.wait(450);
    let tag = bench.say(Intent::Errand(Errand::Renew)).only_call().0;
    bench.give_token(tag, "T2");
    let outcome = bench.answer(&feed, json!({"success": false, "error": "EAPI:Invalid token"}));
    assert!(outcome.calls.is_empty());
    assert_eq!(outcome.only_line()["params"]["token"], "T2");
}

#[test]
fn a_newer_token_that_is_refused_gives_way_to_the_one_the_link_lives_on() {
    let mut bench = Bench::armed();
    bench.wait(450);
    let tag = bench.say(Intent::Errand(Errand::Renew)).only_call().0;
    bench.give_token(tag, "T2");
    let feed = bench.say(Intent::Feed).only_line();
    assert_eq!(feed["params"]["token"], "T2");
    let refused = json!({"success": false, "error": "EAPI:Invalid token"});
    let outcome = bench.answer(&feed, refused);
    let again = outcome.only_line();
    assert_eq!(again["params"]["token"], "T1");
    let tag = outcome.only_call().0;
    assert_eq!(bench.answer(&again, running(60)).news(), [Report::Fed { sent: bench.now.at }]);
    bench.fail(tag, LossCause::Reset);
    assert_eq!(bench.say(Intent::Feed).only_line()["params"]["token"], "T1");
    // With the link goes what its token was good for.
    bench.venue.forget(LinkRole::Guard);
    assert!(bench.begin(2).said.is_empty());
}

#[test]
fn a_subscription_refused_for_its_token_is_said_once_more() {
    let mut bench = Bench::new();
    let arm = bench.begin_with_token();
    let subscribe = bench.answer(&arm, running(60)).only_line();
    let refused = json!({"success": false, "error": "ESession:Invalid session"});
    let outcome = bench.answer(&subscribe, refused.clone());
    assert_eq!((outcome.said.len(), outcome.news()), (0, vec![call_back(5, Errand::Retry)]));
    let tag = outcome.only_call().0;
    let again = bench.give_token(tag, "T2").only_line();
    assert_eq!(again["params"]["token"], "T2");
    assert!(matches!(bench.answer(&again, refused).news()[..], [Report::Refused(_)]));
}

#[test]
fn nothing_outlives_its_epoch() {
    let mut bench = Bench::new();
    let old = bench.begin_with_token();
    bench.venue.forget(LinkRole::Guard);
    bench.begin(2);
    let outcome = bench.answer(&old, running(60));
    assert!(outcome.news().is_empty() && outcome.said.is_empty());
}

#[test]
fn an_answer_to_our_id_under_another_name_is_a_breach() {
    let mut bench = Bench::new();
    let arm = bench.begin_with_token();
    let line =
        json!({"method": "add_order", "req_id": arm["req_id"], "success": true, "result": running(60)["result"]});
    assert!(bench.hear(&line.to_string()).0.is_err());
}

// --- keeping

#[test]
fn a_feed_is_dropped_while_one_is_unanswered() {
    let mut bench = Bench::armed();
    bench.say(Intent::Feed).only_line();
    assert!(bench.say(Intent::Feed).silent());
    bench.answer_timer(60);
    bench.say(Intent::Feed).only_line();
}

#[test]
fn a_feed_is_fed_once_and_is_no_second_step() {
    let mut bench = Bench::armed();
    let feed = bench.say(Intent::Feed).only_line();
    let sent = bench.now.at;
    bench.wait(2);
    assert_eq!(bench.answer(&feed, running(60)).news(), [Report::Fed { sent }]);
    assert!(bench.answer(&feed, running(60)).news().is_empty());
}

#[test]
fn feeds_leave_in_the_keepalive_lane() {
    let mut bench = Bench::armed();
    assert_eq!(bench.say(Intent::Feed).said[0].0, Lane::Keepalive);
    assert_eq!(bench.say(Intent::Probe(LinkRole::Guard)).said[0].0, Lane::Keepalive);
}

#[test]
fn a_pong_answers_the_probe_also_without_success() {
    let mut bench = Bench::armed();
    let ping = bench.say(Intent::Probe(LinkRole::Guard)).only_line();
    assert_eq!(ping.get("params"), None);
    let pong = json!({"method": "pong", "req_id": ping["req_id"], "time_in": "x"}).to_string();
    assert_eq!(bench.hear(&pong).1.news(), [Report::ProbeAnswered(LinkRole::Guard)]);
    assert!(bench.hear(&pong).1.news().is_empty());
}

#[test]
fn a_pong_of_the_applications_is_not_ours() {
    let mut bench = Bench::armed();
    bench.say(Intent::Probe(LinkRole::Guard));
    let (heard, outcome) = bench.hear(r#"{"method":"pong","req_id":7}"#);
    assert_eq!((heard, outcome.news().len()), (Ok(Heard::Application), 0));
    assert!(bench.hear(r#"{"method":"pong"}"#).1.news().is_empty());
}

#[test]
fn every_message_is_a_sign_that_the_venue_speaks() {
    let mut bench = Bench::armed();
    for line in [r#"{"channel":"heartbeat"}"#, r#"{"method":"pong"}"#, "CloudFlare WebSocket proxy restarting"] {
        assert_eq!(bench.hear(line).1.reports[0], Report::VenueSpoke, "{line}");
    }
    assert_eq!(bench.hear(r#"{"channel":"heartbeat"}"#).0, Ok(Heard::Ours));
}

#[test]
fn plain_english_is_a_notice() {
    let mut bench = Bench::armed();
    let (heard, outcome) = bench.hear("CloudFlare WebSocket proxy restarting");
    assert_eq!(heard, Ok(Heard::Application));
    let text = "CloudFlare WebSocket proxy restarting".to_owned();
    assert_eq!(outcome.notices(), [Notice::DisconnectWarning { text }]);
}

// --- taking the switch off

#[test]
fn taking_the_switch_off_is_believed_only_when_the_venue_says_off() {
    for (intent, done) in
        [(Intent::Disarm, Report::Disarmed), (Intent::Farewell, Report::FarewellDone { confirmed: true })]
    {
        for (answer, expected) in [
            (off(), Some(done.clone())),
            (json!({"success": true, "result": {"currentTime": "2026-01-01T00:00:01Z"}}), Some(done.clone())),
            (running(60), None),
            (json!({"success": true}), None),
            (json!({"success": false, "error": "EService:Unavailable"}), None),
        ] {
            let mut bench = Bench::armed();
            let line = bench.say(intent).only_line();
            assert_eq!(line["params"]["timeout"], 0);
            let outcome = bench.answer(&line, answer.clone());
            match expected {
                Some(done) => assert_eq!(outcome.news(), [done], "{answer}"),
                None => assert!(matches!(outcome.news()[..], [Report::Refused(_)]), "{answer}"),
            }
        }
    }
}

#[test]
fn arming_again_on_a_live_link_is_a_step_and_a_feed() {
    let mut bench = Bench::armed();
    let line = bench.say(Intent::Disarm).only_line();
    bench.answer(&line, off());
    let line = bench.say(Intent::Rearm).only_line();
    assert_eq!(line["params"]["timeout"], 60);
    let outcome = bench.answer(&line, running(60));
    assert_eq!(outcome.news(), [Report::Fed { sent: bench.now.at }, Report::Done(Step::Switch)]);
    assert!(outcome.said.is_empty());
}

#[test]
fn a_disarm_waits_for_the_answer_to_the_feed_before_it() {
    let mut bench = Bench::armed();
    let feed = bench.say(Intent::Feed).only_line();
    assert!(bench.say(Intent::Disarm).silent());
    let outcome = bench.answer(&feed, running(60));
    assert_eq!(outcome.only_line()["params"]["timeout"], 0);
}

#[test]
fn a_disarm_asked_twice_no_longer_waits_for_an_answer_that_is_lost() {
    let mut bench = Bench::armed();
    let feed = bench.say(Intent::Feed).only_line();
    assert!(bench.say(Intent::Disarm).silent());
    let disarm = bench.say(Intent::Disarm).only_line();
    assert!(bench.answer(&feed, running(60)).news().is_empty());
    assert_eq!(bench.answer(&disarm, off()).news(), [Report::Disarmed]);
    // The same holds when the disarm itself was lost.
    let first = bench.say(Intent::Disarm).only_line();
    let second = bench.say(Intent::Disarm).only_line();
    assert_ne!(first["req_id"], second["req_id"]);
    assert_eq!(bench.answer(&second, off()).news(), [Report::Disarmed]);
}

#[test]
fn a_feed_never_follows_a_disarm_that_is_unanswered() {
    let mut bench = Bench::armed();
    bench.say(Intent::Disarm).only_line();
    assert!(bench.say(Intent::Feed).silent());
}

// --- kill and open orders

#[test]
fn a_kill_goes_over_link_and_http_and_each_answer_is_told() {
    let mut bench = Bench::armed();
    let line = bench.say(Intent::CancelAll(Path::Link)).only_line();
    assert_eq!(line["method"], "cancel_all");
    let outcome = bench.answer(&line, json!({"success": true, "result": {"count": 3}}));
    assert_eq!(outcome.news(), [Report::CancelledAll { path: Path::Link, count: Some(3) }]);
    let (tag, request) = bench.say(Intent::CancelAll(Path::Http)).only_call();
    assert_eq!((request.path.as_str(), request.line), ("/0/private/CancelAll", CallLine::Kill));
    let outcome = bench.reply(tag, 200, r#"{"error":[],"result":{"count":0}}"#);
    assert_eq!(outcome.news(), [Report::CancelledAll { path: Path::Http, count: Some(0) }]);
}

#[test]
fn a_kill_over_http_outlives_the_link_and_one_lost_answer() {
    let mut bench = Bench::armed();
    let tag = bench.say(Intent::CancelAll(Path::Http)).only_call().0;
    bench.venue.forget(LinkRole::Guard);
    let tag = bench.fail(tag, LossCause::Reset).only_call().0;
    assert!(matches!(bench.fail(tag, LossCause::Reset).news()[..], [Report::Refused(_)]));
}

#[test]
fn a_kill_over_a_link_without_a_token_says_nothing() {
    let mut bench = Bench::new();
    bench.begin(1);
    assert!(bench.say(Intent::CancelAll(Path::Link)).silent());
}

#[test]
fn a_refused_kill_is_a_refusal() {
    let mut bench = Bench::armed();
    for answer in [json!({"success": false, "error": "EService:Unavailable"}), json!({"result": {"count": 3}})] {
        let line = bench.say(Intent::CancelAll(Path::Link)).only_line();
        assert!(matches!(bench.answer(&line, answer).news()[..], [Report::Refused(_)]));
    }
    let tag = bench.say(Intent::CancelAll(Path::Http)).only_call().0;
    assert_eq!(bench.reply(tag, 520, "").refusal().code, "HTTP 520");
}

#[test]
fn open_orders_are_listed_over_http_and_an_answer_without_the_list_is_not_none() {
    let mut bench = Bench::armed();
    let (tag, request) = bench.say(Intent::OpenOrders(Path::Http)).only_call();
    assert_eq!((request.path.as_str(), request.line), ("/0/private/OpenOrders", CallLine::Normal));
    let body = json!({"error": [], "result": {"open": {
        "O1": {"cl_ord_id": "mine", "descr": {"pair": "XBTUSD"}, "vol": "1"}, "O2": {"userref": null}}}});
    let outcome = bench.reply(tag, 200, &body.to_string());
    let order = |id: &str, client: &str, pair: &str| crate::venue::OpenOrder {
        order_id: id.into(),
        client_id: client.into(),
        instrument: pair.into(),
    };
    let orders = vec![order("O1", "mine", "XBTUSD"), order("O2", "", "")];
    assert_eq!(outcome.news(), [Report::OpenOrders { path: Path::Http, asked: bench.now.at, orders, complete: true }]);
    let tag = bench.say(Intent::OpenOrders(Path::Http)).only_call().0;
    bench.reply(tag, 200, r#"{"error":[],"result":{}}"#).refusal();
}

#[test]
fn open_orders_on_the_link_are_told_when_the_snapshot_has_come() {
    let mut bench = Bench::armed();
    assert!(bench.say(Intent::OpenOrders(Path::Link)).silent());
    let snapshot = r#"{"channel":"executions","type":"snapshot","sequence":1,"data":[{"order_id":"A","symbol":"BTC/USD","order_status":"new"}]}"#;
    let (heard, outcome) = bench.hear(snapshot);
    assert_eq!(heard, Ok(Heard::Application));
    assert!(
        matches!(&outcome.news()[..], [Report::OpenOrders { path: Path::Link, orders, complete: true, .. }] if orders.len() == 1)
    );
    let gone =
        r#"{"channel":"executions","type":"update","sequence":2,"data":[{"order_id":"A","order_status":"canceled"}]}"#;
    bench.hear(gone).0.unwrap();
    let outcome = bench.say(Intent::OpenOrders(Path::Link));
    assert!(matches!(&outcome.news()[..], [Report::OpenOrders { orders, .. }] if orders.is_empty()));
}

// --- the application's requests

#[test]
fn a_composed_request_gets_the_token_and_its_answer_finds_its_owner() {
    let mut bench = Bench::armed();
    let (line, kind) = bench.compose(9, "add_order", r#"{"order_type":"limit"}"#).unwrap();
    assert_eq!(kind, Screening::Order);
    assert_eq!(line["params"], json!({"order_type": "limit", "token": "T1"}));
    let answer = json!({"method": "add_order", "req_id": line["req_id"], "success": true, "result": {}}).to_string();
    assert_eq!(bench.hear(&answer).0, Ok(Heard::Answer(RequestId(9))));
}

#[test]
fn only_the_first_of_several_answers_to_one_cancel_answers_it() {
    let mut bench = Bench::armed();
    let (line, kind) = bench.compose(9, "cancel_order", r#"{"order_id":["A","B"]}"#).unwrap();
    assert_eq!(kind, Screening::Cancel);
    let answer = json!({"method": "cancel_order", "req_id": line["req_id"], "success": true}).to_string();
    assert_eq!(bench.hear(&answer).0, Ok(Heard::Answer(RequestId(9))));
    assert_eq!(bench.hear(&answer).0, Ok(Heard::Application));
}

#[test]
fn a_request_that_breaks_protection_is_composed_and_named_as_such() {
    let mut bench = Bench::armed();
    let (_, kind) = bench.compose(1, "cancel_all_orders_after", r#"{"timeout":0}"#).unwrap();
    assert!(matches!(kind, Screening::BreaksProtection { .. }));
}

#[test]
fn what_cannot_be_composed_is_refused_with_the_reason() {
    let mut bench = Bench::new();
    assert_eq!(bench.compose(1, "add_order", "{}").unwrap_err(), Misuse::NotConnected);
    bench.begin(1);
    assert!(matches!(bench.compose(1, "add_order", "{}").unwrap_err(), Misuse::NotSendable { .. }));
    bench.compose(1, "ping", "").unwrap();
    let mut bench = Bench::armed();
    for params in ["[]", "7", "{", r#"{"a":1,"a":2}"#, r#"{}{"#] {
        assert!(matches!(bench.compose(1, "add_order", params).unwrap_err(), Misuse::NotSendable { .. }), "{params}");
    }
}

#[test]
fn an_order_refused_for_its_token_fetches_one_while_feeds_go_on_with_the_old() {
    let mut bench = Bench::armed();
    bench.wait(5);
    let (line, _) = bench.compose(1, "add_order", "{}").unwrap();
    let answer =
        json!({"method": "add_order", "req_id": line["req_id"], "success": false, "error": "EAPI:Invalid token"});
    let (heard, outcome) = bench.hear(&answer.to_string());
    assert_eq!(heard, Ok(Heard::Answer(RequestId(1))));
    outcome.only_call();
    assert_eq!(bench.say(Intent::Feed).only_line()["params"]["token"], "T1");
}

// --- what arrives

#[test]
fn every_captured_frame_is_heard_without_a_breach() {
    let frames: Vec<&str> = CAPTURED.lines().filter(|line| !line.is_empty()).collect();
    assert!(frames.len() > 30, "{} frames", frames.len());
    for frame in frames {
        for mut bench in [Bench::new(), Bench::arming(), Bench::armed()] {
            let (heard, outcome) = bench.hear(frame);
            let expected = if frame.contains("heartbeat") { Heard::Ours } else { Heard::Application };
            let expected = if bench.venue.link.is_some() { expected } else { Heard::Application };
            assert_eq!(heard, Ok(expected), "{frame}");
            let claims = |report: &Report| matches!(report, Report::Fed { .. } | Report::Done(_) | Report::Disarmed);
            assert!(!outcome.reports.iter().any(claims), "{frame} {:?}", outcome.reports);
        }
    }
}

#[test]
fn damaged_frames_never_panic_and_never_arm() {
    let timer = |id: &Value| {
        let mut answer = running(60);
        answer["method"] = json!("cancel_all_orders_after");
        answer["req_id"] = id.clone();
        answer.to_string()
    };
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for frame in CAPTURED.lines().filter(|line| !line.is_empty()) {
        for _ in 0..200 {
            let mut bench = Bench::armed();
            let mut bytes = frame.as_bytes().to_vec();
            damage(&mut bytes, &mut random);
            let _ = bench.hear(&String::from_utf8_lossy(&bytes));
        }
    }
    for cut in 0..timer(&json!(1)).len() {
        let mut bench = Bench::new();
        let arm = bench.begin_with_token();
        let whole = timer(&arm["req_id"]);
        let Some(part) = whole.get(..cut.min(whole.len() - 1)) else { continue };
        let (_, outcome) = bench.hear(part);
        assert!(!outcome.reports.iter().any(|report| matches!(report, Report::Fed { .. })), "{part}");
    }
}

#[test]
fn damaged_http_answers_never_panic() {
    let whole = r#"{"error":[],"result":{"open":{"O1":{"cl_ord_id":"x","descr":{"pair":"XBTUSD"}}},"token":"T","expires":900,"count":1}}"#;
    for cut in 0..whole.len() {
        for intent in [Intent::CancelAll(Path::Http), Intent::OpenOrders(Path::Http), Intent::Errand(Errand::Renew)] {
            let mut bench = Bench::new();
            let tag = bench.say(intent).only_call().0;
            let outcome = bench.reply(tag, 200, &whole[..cut]);
            let told =
                |report: &Report| matches!(report, Report::Refused(_) | Report::Unlisted { .. } | Report::Notice(_));
            assert!(outcome.reports.iter().any(told), "{}", &whole[..cut]);
        }
    }
}

#[test]
fn secrets_are_in_no_report_and_in_no_printed_request() {
    let mut bench = Bench::new();
    let outcome = bench.prepare();
    let (tag, request) = outcome.only_call();
    let sign = &request.headers.iter().find(|(name, _)| *name == "API-Sign").unwrap().1;
    assert!(!format!("{request:?}").contains(sign.as_str()));
    let outcome = bench.give_token(tag, "TOPSECRET");
    bench.begin(1);
    assert!(!format!("{:?} {:?}", outcome.reports, bench.out).contains("TOPSECRET"));
}

// --- against the embedded venue, which was written from the same specification by somebody else

#[test]
fn the_embedded_venue_acknowledges_the_switch_and_fires_inside_the_stated_bounds() {
    let mut world = World::new();
    world.prepare();
    world.begin(1);
    assert_eq!(world.done(), [Step::Token, Step::Switch, Step::Subscription]);
    assert!(world.reports.contains(&Report::Fed { sent: world.now.at }));
    world.wait_ms(15_300);
    world.say(Intent::Feed);
    let sent = world.now.at;
    assert_eq!(world.reports.last(), Some(&Report::Fed { sent }));
    let trips_by = world.exchange.would_trip_by(sent, &[ConnId(1)]).unwrap();
    let rule = world.venue.facts().feed.unwrap();
    assert!(trips_by >= sent + rule.window, "{trips_by:?}");
    assert!(trips_by <= sent + rule.window + rule.rounding, "{trips_by:?}");
    assert!(trips_by <= sent + world.venue.facts().exposure.bound);
}

#[test]
fn the_embedded_venue_takes_the_switch_off_and_on_again_in_either_spelling() {
    for spelling in ["zero", "absent"] {
        let mut world = World::new();
        world.exchange.set_knob("disarmed_trigger", spelling).unwrap();
        world.prepare();
        world.begin(1);
        world.say(Intent::Disarm);
        assert_eq!(world.reports.last(), Some(&Report::Disarmed), "{spelling}");
        assert_eq!(world.exchange.would_trip_by(world.now.at, &[ConnId(1)]), None);
        world.say(Intent::Rearm);
        assert_eq!(world.reports.last(), Some(&Report::Done(Step::Switch)), "{spelling}");
        world.say(Intent::Farewell);
        assert_eq!(world.reports.last(), Some(&Report::FarewellDone { confirmed: true }), "{spelling}");
    }
}

#[test]
fn the_embedded_venue_answers_probes_orders_listings_and_kills() {
    let mut world = World::new();
    world.prepare();
    world.begin(1);
    world.say(Intent::Probe(LinkRole::Guard));
    assert_eq!(world.reports.last(), Some(&Report::ProbeAnswered(LinkRole::Guard)));
    let order = r#"{"order_type":"limit","side":"buy","symbol":"BTC/USD","limit_price":1000.0,"order_qty":0.01}"#;
    for id in 1..=2 {
        let composed = world.venue.compose(world.now, RequestId(id), "add_order", order).unwrap();
        assert!(world.give(&composed.line).contains(&Heard::Answer(RequestId(id))));
    }
    for (path, kill) in [(Path::Link, Path::Http), (Path::Http, Path::Link)] {
        world.say(Intent::OpenOrders(path));
        let listed =
            |report: &Report| if let Report::OpenOrders { orders, .. } = report { Some(orders.len()) } else { None };
        let before = if path == Path::Link { 2 } else { 0 };
        assert_eq!(world.reports.iter().rev().find_map(listed), Some(before), "{:?}", world.reports);
        world.say(Intent::CancelAll(kill));
        let count = Some(before as u64);
        assert_eq!(world.news().last(), Some(&Report::CancelledAll { path: kill, count }), "{:?}", world.reports);
    }
    world.say(Intent::OpenOrders(Path::Link));
    let none = Report::OpenOrders { path: Path::Link, asked: world.now.at, orders: Vec::new(), complete: true };
    assert_eq!(world.news().last(), Some(&none));
}

#[test]
fn the_embedded_venue_invalidates_tokens_and_the_feed_recovers_by_itself() {
    let mut world = World::new();
    world.prepare();
    world.begin(1);
    world.exchange.set_knob("invalidate_tokens", "true").unwrap();
    world.wait_ms(15_000);
    world.say(Intent::Feed);
    assert_eq!(world.news().last(), Some(&Report::Fed { sent: world.now.at }), "{:?}", world.reports);
}

#[test]
fn the_embedded_venue_refuses_keys_without_permission_and_wrong_secrets() {
    for lacks in ["create-ws-token", "query-open-trades"] {
        let mut world = World::new();
        world.exchange.floor_mut().accounts.get_mut(KEY).unwrap().lacks = vec![lacks.into()];
        world.prepare();
        world.begin(1);
        assert_eq!(world.refusals(), [RefusalClass::Fatal], "{lacks} {:?}", world.reports);
        assert!(!world.done().contains(&Step::Subscription), "{lacks}");
    }
    let mut world = World::new();
    world.exchange.floor_mut().accounts.get_mut(KEY).unwrap().secret = "AAAA".into();
    world.prepare();
    assert_eq!(world.refusals(), [RefusalClass::Fatal]);
}

/// A dialect and an embedded venue, joined without delay.
struct World {
    venue: Kraken,
    exchange: KrakenExchange,
    out: Outbox,
    now: Now,
    conn: ConnId,
    reports: Vec<Report>,
}

impl World {
    fn new() -> Self {
        let mut exchange = KrakenExchange::new(TimeFactor::REAL);
        exchange.floor_mut().add_account(KEY, SECRET, "desk");
        let venue = Kraken::new(KrakenConfig::advised(access(Environment::Production))).unwrap();
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_nanos(WALL_NS) };
        Self { venue, exchange, out: Outbox::default(), now, conn: ConnId(0), reports: Vec::new() }
    }

    fn prepare(&mut self) {
        self.venue.prepare(self.now, &mut self.out);
        self.pump();
    }

    fn begin(&mut self, epoch: u64) {
        self.conn = ConnId(epoch);
        let path = self.venue.endpoint(LinkRole::Guard).unwrap().path.clone();
        let told = self.exchange(Input::Upgrade { conn: self.conn, path: &path });
        self.venue.begin(self.now, LinkRole::Guard, Epoch(epoch), &mut self.out);
        self.hear(told);
        self.pump();
    }

    fn say(&mut self, intent: Intent) {
        self.venue.say(self.now, intent, &mut self.out);
        self.pump();
    }

    fn wait_ms(&mut self, millis: u64) {
        self.now.at = self.now.at + Duration::from_millis(millis);
        self.now.wall = WallTime::from_nanos(self.now.wall.nanos() + millis * 1_000_000);
        let told = self.exchange(Input::Tick);
        self.hear(told);
        self.pump();
    }

    /// Says a line of the application; how what came back was heard.
    fn give(&mut self, text: &str) -> Vec<Heard> {
        let told = self.exchange(Input::Text { conn: self.conn, text });
        let heard = self.hear(told);
        self.pump();
        heard
    }

    fn exchange(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut told = Vec::new();
        self.exchange.handle(self.now, input, &mut told);
        told
    }

    fn hear(&mut self, told: Vec<Output>) -> Vec<Heard> {
        let mut heard = Vec::new();
        for output in told {
            match output {
                Output::Accept(_) => {}
                Output::Text(_, text) => {
                    heard.push(self.venue.hear(self.now, LinkRole::Guard, &text, &mut self.out).unwrap());
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
            let text = |item: &Item| {
                if let Item::Say { text, .. } = item { self.out.text(text).to_owned() } else { String::new() }
            };
            let texts: Vec<String> = items.iter().map(text).collect();
            self.out.clear();
            for (item, text) in items.into_iter().zip(texts) {
                let told = match item {
                    Item::Report(report) => {
                        self.reports.push(report);
                        continue;
                    }
                    Item::Say { .. } => self.exchange(Input::Text { conn: self.conn, text: &text }),
                    Item::Call { tag, request } => self.call(tag, &request),
                };
                self.hear(told);
            }
        }
    }

    fn call(&mut self, tag: CallTag, request: &HttpRequest) -> Vec<Output> {
        let headers: Vec<(String, String)> =
            request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        let request = HttpIn { method: "POST", path: &request.path, query: "", headers: &headers, body: &request.body };
        self.exchange(Input::Http { id: HttpId(tag.0), request })
    }

    fn news(&self) -> Vec<Report> {
        self.reports.iter().filter(|report| **report != Report::VenueSpoke).cloned().collect()
    }

    fn done(&self) -> Vec<Step> {
        let step = |report: &Report| if let Report::Done(step) = report { Some(*step) } else { None };
        self.reports.iter().filter_map(step).collect()
    }

    fn refusals(&self) -> Vec<RefusalClass> {
        let class = |report: &Report| match report {
            Report::Refused(no) | Report::FeedRefused(no) => Some(no.class),
            _ => None,
        };
        self.reports.iter().filter_map(class).collect()
    }
}

// --- helpers

const WALL_NS: u64 = 1_767_225_600_000_000_000;

/// A dialect with its outbox and a clock that moves when told.
struct Bench {
    venue: Kraken,
    out: Outbox,
    now: Now,
    last_timer: Value,
}

/// What one input brought.
struct Outcome {
    said: Vec<(Lane, Value)>,
    calls: Vec<(CallTag, HttpRequest)>,
    reports: Vec<Report>,
}

fn access(environment: Environment) -> Access {
    let credentials = Credentials::new(KEY, Secret::new(SECRET.into()), None).unwrap();
    Access::standard("desk", environment, credentials).unwrap()
}

fn custom(url: &str, factor: f64) -> Access {
    let credentials = Credentials::new(KEY, Secret::new(SECRET.into()), None).unwrap();
    let guard = Endpoint::parse("guard_url", url).unwrap();
    let http = Endpoint::parse("http_url", "https://127.0.0.1:9000").unwrap();
    Access::custom("desk", guard, None, http, credentials, TimeFactor::new(factor).unwrap())
}

fn refused(config: KrakenConfig) -> ConfigError {
    Kraken::new(config).err().unwrap()
}

/// The answer to a timer request that runs for these seconds.
fn running(seconds: u64) -> Value {
    let trigger = format!("2026-01-01T{:02}:{:02}:{:02}Z", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    json!({"success": true, "result": {"currentTime": "2026-01-01T00:00:00Z", "triggerTime": trigger}})
}

/// The answer to a timer request that is off.
fn off() -> Value {
    json!({"success": true, "result": {"currentTime": "2026-01-01T00:00:00Z", "triggerTime": "0"}})
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
        Self::of(Kraken::new(KrakenConfig::advised(access(Environment::Production))).unwrap())
    }

    fn of(venue: Kraken) -> Self {
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_nanos(WALL_NS) };
        Self { venue, out: Outbox::default(), now, last_timer: Value::Null }
    }

    /// A bench whose link has asked for the countdown.
    fn arming() -> Self {
        let mut bench = Self::new();
        bench.begin_with_token();
        bench
    }

    /// A bench whose link went through the whole script, with token `T1`.
    fn armed() -> Self {
        let mut bench = Self::new();
        let arm = bench.begin_with_token();
        let subscribe = bench.answer(&arm, running(60)).only_line();
        let outcome = bench.answer(&subscribe, json!({"success": true, "result": {"channel": "executions"}}));
        assert_eq!(outcome.news(), [Report::Done(Step::Subscription)]);
        bench
    }

    /// Fetches token `T1`, begins epoch 1; the timer request.
    fn begin_with_token(&mut self) -> Value {
        let tag = self.prepare().only_call().0;
        self.give_token(tag, "T1");
        self.begin(1).only_line()
    }

    fn wait(&mut self, seconds: u64) {
        let length = Duration::from_secs(seconds);
        self.now.at = self.now.at + length;
        self.now.wall = WallTime::from_nanos(self.now.wall.nanos() + seconds * 1_000_000_000);
    }

    fn prepare(&mut self) -> Outcome {
        self.venue.prepare(self.now, &mut self.out);
        self.drain()
    }

    fn begin(&mut self, epoch: u64) -> Outcome {
        self.venue.begin(self.now, LinkRole::Guard, Epoch(epoch), &mut self.out);
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

    /// Hears an answer to this line of ours.
    fn answer(&mut self, line: &Value, mut fields: Value) -> Outcome {
        fields["method"] = line["method"].clone();
        fields["req_id"] = line["req_id"].clone();
        let (heard, outcome) = self.hear(&fields.to_string());
        assert_eq!(heard, Ok(Heard::Ours), "{fields}");
        outcome
    }

    /// Hears the answer to the last timer request.
    fn answer_timer(&mut self, seconds: u64) -> Outcome {
        let line = self.last_timer.clone();
        self.answer(&line, running(seconds))
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

    fn give_token(&mut self, tag: CallTag, token: &str) -> Outcome {
        self.reply(tag, 200, &json!({"error": [], "result": {"token": token, "expires": 900}}).to_string())
    }

    fn compose(&mut self, id: u64, method: &str, params: &str) -> Result<(Value, Screening), Misuse> {
        let composed = self.venue.compose(self.now, RequestId(id), method, params)?;
        assert_eq!(composed.screened.role, LinkRole::Guard);
        Ok((serde_json::from_str(&composed.line).unwrap(), composed.screened.kind))
    }

    fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome { said: Vec::new(), calls: Vec::new(), reports: Vec::new() };
        for item in self.out.items() {
            match item {
                Item::Say { role, lane, text } => {
                    assert_eq!(*role, LinkRole::Guard);
                    let line: Value = serde_json::from_str(self.out.text(text)).unwrap();
                    if line["method"] == "cancel_all_orders_after" {
                        self.last_timer = line.clone();
                    }
                    outcome.said.push((*lane, line));
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
        self.said[0].1.clone()
    }

    fn only_call(&self) -> (CallTag, HttpRequest) {
        assert_eq!(self.calls.len(), 1, "{:?} {:?}", self.calls, self.reports);
        self.calls[0].clone()
    }

    /// Every report but "the venue spoke", which comes with every message.
    fn news(&self) -> Vec<Report> {
        self.reports.iter().filter(|report| **report != Report::VenueSpoke).cloned().collect()
    }

    fn notices(&self) -> Vec<Notice> {
        let notice = |report: &Report| if let Report::Notice(notice) = report { Some(notice.clone()) } else { None };
        self.reports.iter().filter_map(notice).collect()
    }

    fn refusal(&self) -> &Refusal {
        let found = self.reports.iter().find_map(|report| match report {
            Report::Refused(no) | Report::Unlisted { refusal: no, .. } => Some(no),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no refusal in {:?}", self.reports))
    }

    fn silent(&self) -> bool {
        self.said.is_empty() && self.calls.is_empty() && self.news().is_empty()
    }
}
