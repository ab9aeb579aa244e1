//! Every path of the Deribit dialect against hand-written answers, captured frames, and damaged frames.

use super::*;
use crate::model::{
    Access, Credentials, Environment, LossCause, ReadBackVerdict, Refusal, RefusalClass, Secret, Step, TimeFactor,
};
use crate::venue::{CallLine, HttpMethod, HttpRequest, Item, RESERVED_ID_FLOOR};
use serde_json::{Value, json};
use std::time::Duration;

const WALL_MS: u64 = 1_700_000_000_000;
const GRANTED: &str =
    "account:read_write block_trade:read connection mainaccount name:desk trade:read_write wallet:read";
const DAMAGE: &[u8] = b"{}[]\",:0123456789eE+-.\\ntfu \xff\x00";

/// Frames captured on production and testnet by third parties (2022 to 2026), as they arrived.
const CAPTURED: &[&str] = &[
    r#"{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#,
    r#"{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","id":42,"error":{"code":-32602,"message":"Invalid params","data":{"reason":"invalid format","param":"nonce"}},"usIn":1655391709417993,"usOut":1655391709418049,"usDiff":56,"testnet":false}"#,
    r#"{"jsonrpc":"2.0","error":{"code":11050,"data":"invalid json","message":"bad_request"},"usIn":1655391709417993,"usOut":1655391709418049,"usDiff":56,"testnet":false}"#,
    r#"{"jsonrpc":"2.0","error":{"message":"system_maintenance","code":11051}}"#,
    r#"{"jsonrpc":"2.0","id":3,"result":{"order":{"label":"O-...-1","price":2973.55,"user_id":96103,"amount":0.001,"direction":"buy","time_in_force":"good_til_cancelled","instrument_name":"ETH_USDC-PERPETUAL","web":false,"api":true,"order_id":"USDC-104819327443","creation_timestamp":1767978363493,"replaced":false,"filled_amount":0.0,"last_update_timestamp":1767978363493,"post_only":true,"reduce_only":false,"average_price":0.0,"mmp":false,"contracts":1.0,"reject_post_only":false,"order_state":"open","order_type":"limit","is_liquidation":false,"risk_reducing":false},"trades":[]},"usIn":1767978363485278,"usOut":1767978363495053,"usDiff":9775,"testnet":false}"#,
    r#"{"jsonrpc":"2.0","id":20,"result":["user.lock","user.changes.any.any.raw"],"usIn":1535043730126248,"usOut":1535043730126250,"usDiff":2,"testnet":false}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"locked":false,"price_index":"sol_usdc","reasons":[]}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"user.lock","data":{"currency":"ALL","locked":true}}}"#,
    r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"user.orders.any.any.raw","data":{"order_id":"ETH-584864807","price":"market_price","amount":6.4e4,"order_state":"cancelled","cancel_reason":"cancel_on_disconnect"}}}"#,
];

/// A dialect with its outbox and a clock that moves when told to.
struct Bench {
    venue: Deribit,
    out: Outbox,
    now: Now,
}

/// What one input brought.
struct Outcome {
    said: Vec<(Lane, Value)>,
    calls: Vec<(CallTag, HttpRequest)>,
    reports: Vec<Report>,
}

fn config(environment: Environment, scope: DeribitScope) -> DeribitConfig {
    let credentials = Credentials::new("CLIENTID", Secret::new("KILLCORD-DUMMY-SECRET-0000000000".into()), None);
    let access = Access::standard("desk", environment, credentials.unwrap()).unwrap();
    DeribitConfig { access, heartbeat_s: 10, scope, matching: MatchingCredits::default() }
}

impl Bench {
    fn new(scope: DeribitScope) -> Self {
        Self::with(config(Environment::Production, scope))
    }

    fn with(config: DeribitConfig) -> Self {
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_millis(WALL_MS) };
        Self { venue: Deribit::new(config).unwrap(), out: Outbox::default(), now }
    }

    /// A bench whose link went through the whole script.
    fn armed(scope: DeribitScope) -> Self {
        let mut bench = Self::new(scope);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let mut arm = bench.answer(login, granted(GRANTED, 31_536_000));
        let mut read_back = bench.answer_all(&mut arm, json!({"result": "ok"}));
        let reaches: Vec<Value> = read_back.said.iter().map(|(_, line)| line["params"]["scope"].clone()).collect();
        let mut subscribe = None;
        for ((_, line), scope) in read_back.said.drain(..).zip(reaches) {
            let id = line["id"].as_u64().unwrap();
            subscribe = Some(bench.answer(id, json!({"result": {"scope": scope, "enabled": true}})));
        }
        bench.answer(subscribe.unwrap().only_id(), json!({"result": wire::CHANNELS}));
        assert_eq!(bench.venue.link.script, Script::Running);
        bench
    }

    fn begin(&mut self, epoch: u64) -> Outcome {
        self.venue.begin(self.now, LinkRole::Guard, Epoch(epoch), &mut self.out);
        self.drain()
    }

    fn hear(&mut self, line: &str) -> (Result<Heard, Breach>, Outcome) {
        let heard = self.venue.hear(self.now, LinkRole::Guard, line, &mut self.out);
        (heard, self.drain())
    }

    /// Hears an answer to one of our own requests.
    fn answer(&mut self, id: u64, mut fields: Value) -> Outcome {
        fields["id"] = json!(id);
        fields["jsonrpc"] = json!("2.0");
        let (heard, outcome) = self.hear(&fields.to_string());
        assert_eq!(heard, Ok(Heard::Ours));
        outcome
    }

    /// Answers everything that was said, last first, with the same; returns what the last answer brought.
    fn answer_all(&mut self, outcome: &mut Outcome, fields: Value) -> Outcome {
        let ids: Vec<u64> = outcome.said.iter().rev().map(|(_, line)| line["id"].as_u64().unwrap()).collect();
        ids.into_iter().map(|id| self.answer(id, fields.clone())).last().unwrap()
    }

    fn say(&mut self, intent: Intent) -> Outcome {
        self.venue.say(self.now, intent, &mut self.out);
        self.drain()
    }

    fn reply(&mut self, tag: CallTag, status: u16, body: &str, date: Option<&str>) -> Outcome {
        let reply = CallReply::Got { status, body, date };
        assert_eq!(self.venue.hear_reply(self.now, tag, reply, &mut self.out), Ok(()));
        self.drain()
    }

    fn drain(&mut self) -> Outcome {
        let mut outcome = Outcome { said: Vec::new(), calls: Vec::new(), reports: Vec::new() };
        for item in self.out.items() {
            match item {
                Item::Say { role, lane, text } => {
                    assert_eq!(*role, LinkRole::Guard);
                    let line = self.out.text(text);
                    outcome.said.push((*lane, serde_json::from_str(line).expect(line)));
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
    fn methods(&self) -> Vec<&str> {
        self.said.iter().map(|(_, line)| line["method"].as_str().unwrap()).collect()
    }

    fn params(&self) -> Vec<&Value> {
        self.said.iter().map(|(_, line)| &line["params"]).collect()
    }

    fn only_id(&self) -> u64 {
        assert_eq!(self.said.len(), 1, "{:?} {:?}", self.said, self.reports);
        self.said[0].1["id"].as_u64().unwrap()
    }

    fn refusal(&self) -> &Refusal {
        let found = self.reports.iter().find_map(|report| match report {
            Report::Refused(no) | Report::Unlisted { refusal: no, .. } => Some(no),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no refusal in {:?}", self.reports))
    }

    fn renewal(&self) -> Option<Duration> {
        self.reports.iter().find_map(|report| match report {
            Report::CallMeBack { after, errand: Errand::Renew } => Some(*after),
            _ => None,
        })
    }

    fn silent(&self) -> bool {
        self.said.is_empty() && self.calls.is_empty() && self.reports.is_empty()
    }
}

fn granted(scope: &str, expires_in: u64) -> Value {
    json!({"result": {"access_token": "t", "refresh_token": "r", "token_type": "bearer", "scope": scope,
        "expires_in": expires_in}, "testnet": false})
}

fn error(code: i64, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}, "testnet": false})
}

const ON: &str = "connection";

fn enabled(scope: &str, on: bool) -> Value {
    json!({"result": {"scope": scope, "enabled": on}})
}

// --- configuration

#[test]
fn an_interval_the_venue_would_refuse_is_refused_at_once() {
    for (heartbeat_s, fine) in [(9, false), (10, true), (3_600, true), (3_601, false), (0, false)] {
        let config = DeribitConfig { heartbeat_s, ..config(Environment::Production, DeribitScope::Connection) };
        match Deribit::new(config) {
            Ok(venue) => assert!(fine && venue.facts().no_farewell.is_none(), "{heartbeat_s}"),
            Err(error) => assert!(!fine && error.field == "heartbeat_s", "{heartbeat_s}: {error}"),
        }
    }
}

#[test]
fn standard_environments_go_to_the_published_addresses() {
    for (environment, host) in [(Environment::Production, "www.deribit.com"), (Environment::Test, "test.deribit.com")] {
        let venue = Deribit::new(config(environment, DeribitScope::Connection)).unwrap();
        assert_eq!(venue.endpoint(LinkRole::Guard).unwrap().to_string(), format!("wss://{host}:443/ws/api/v2"));
        assert_eq!(venue.http_endpoint().to_string(), format!("https://{host}:443"));
        assert_eq!(venue.endpoint(LinkRole::Trade), None);
    }
}

#[test]
fn a_trade_url_is_refused_because_there_is_no_such_link() {
    let url = Endpoint::parse("url", "wss://gate.example/x").unwrap();
    let given = config(Environment::Production, DeribitScope::Connection);
    let keys = given.access.credentials.clone();
    let access = Access::custom("desk", url.clone(), Some(url.clone()), url, keys, TimeFactor::REAL);
    assert_eq!(Deribit::new(DeribitConfig { access, ..given }).err().unwrap().field, "trade_url");
}

// --- the script

#[test]
fn arming_is_heartbeat_login_switch_read_back_channels_each_after_the_answer_before() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let began = bench.begin(7);
    assert_eq!(began.said[0].0, Lane::Control);
    assert_eq!(
        began.said[0].1,
        json!({"jsonrpc": "2.0", "id": RESERVED_ID_FLOOR + 7_000_000, "method": "public/set_heartbeat", "params": {"interval": 10}})
    );

    let login = bench.answer(began.only_id(), json!({"result": "ok", "testnet": false}));
    assert_eq!(login.reports, [Report::Done(Step::Heartbeat)]);
    let params = login.params()[0];
    assert_eq!(login.methods(), ["public/auth"]);
    assert_eq!((&params["grant_type"], &params["client_id"]), (&json!("client_signature"), &json!("CLIENTID")));
    assert_eq!((&params["timestamp"], &params["data"]), (&json!(WALL_MS), &json!("")));
    assert_eq!(params["scope"], json!("connection account:read_write trade:read_write"));
    assert!(params["nonce"].is_string() && params["signature"].as_str().unwrap().len() == 64);
    assert!(params.get("client_secret").is_none(), "the secret never travels");

    let arm = bench.answer(login.only_id(), granted(GRANTED, 1_000));
    let renewal = Report::CallMeBack { after: Duration::from_secs(800), errand: Errand::Renew };
    assert_eq!(arm.reports, [Report::Done(Step::Login), renewal]);
    assert_eq!(arm.methods(), ["private/enable_cancel_on_disconnect"]);
    assert_eq!(arm.params(), [&json!({"scope": "connection"})]);

    let read = bench.answer(arm.only_id(), json!({"result": "ok"}));
    assert_eq!(read.reports, [Report::Done(Step::Switch)]);
    assert_eq!(
        (read.methods(), read.params()[0]),
        (vec!["private/get_cancel_on_disconnect"], &json!({"scope": "connection"}))
    );

    let channels = bench.answer(read.only_id(), enabled(ON, true));
    assert_eq!(channels.reports, [Report::Done(Step::ReadBack)]);
    assert_eq!(channels.params()[0]["channels"], json!(["user.orders.any.any.raw", "user.lock", "platform_state"]));

    let acknowledged = json!({"result": ["platform_state", "user.lock", "user.orders.any.any.raw"]});
    let done = bench.answer(channels.only_id(), acknowledged);
    assert_eq!(done.reports, [Report::Done(Step::Subscription)]);
}

#[test]
fn the_channels_said_are_the_channels_compared() {
    assert_eq!(wire::CHANNELS_PARAMS, serde_json::to_string(&json!({"channels": wire::CHANNELS})).unwrap());
}

#[test]
fn account_scope_needs_both_answers_of_both_steps_in_any_order() {
    for connection_first in [true, false] {
        let mut bench = Bench::new(DeribitScope::Account);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let arm = bench.answer(login, granted(GRANTED, 900));
        assert_eq!(arm.params(), [&json!({"scope": "connection"}), &json!({"scope": "account"})]);
        let order = |outcome: &Outcome| -> Vec<(u64, Value)> {
            let mut both: Vec<_> =
                outcome.said.iter().map(|(_, l)| (l["id"].as_u64().unwrap(), l["params"]["scope"].clone())).collect();
            if !connection_first {
                both.reverse();
            }
            both
        };
        let ids = order(&arm);
        assert!(bench.answer(ids[0].0, json!({"result": "ok"})).silent());
        let read = bench.answer(ids[1].0, json!({"result": "ok"}));
        assert_eq!(read.reports, [Report::Done(Step::Switch)]);
        let asked = order(&read);
        assert!(bench.answer(asked[0].0, json!({"result": {"scope": asked[0].1, "enabled": true}})).silent());
        let done = bench.answer(asked[1].0, json!({"result": {"scope": asked[1].1, "enabled": true}}));
        assert_eq!(done.reports, [Report::Done(Step::ReadBack)]);
    }
}

#[test]
fn account_scope_is_not_armed_when_either_half_is_off() {
    for (first, second) in [(true, false), (false, true)] {
        let mut bench = Bench::new(DeribitScope::Account);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let mut arm = bench.answer(login, granted(GRANTED, 900));
        let read = bench.answer_all(&mut arm, json!({"result": "ok"}));
        let mut reports = Vec::new();
        for ((_, line), on) in read.said.iter().zip([first, second]) {
            let id = line["id"].as_u64().unwrap();
            reports
                .extend(bench.answer(id, json!({"result": {"scope": line["params"]["scope"], "enabled": on}})).reports);
        }
        assert_eq!(reports, [Report::ReadBack(ReadBackVerdict::Disagrees)]);
        assert_eq!(bench.venue.link.script, Script::Stopped);
    }
}

#[test]
fn a_refusal_of_any_step_ends_the_script() {
    let replies = [json!({"result": "ok"}), granted(GRANTED, 900), json!({"result": "ok"}), enabled(ON, true)];
    let steps = [
        "public/set_heartbeat",
        "public/auth",
        "private/enable_cancel_on_disconnect",
        "private/get_cancel_on_disconnect",
    ];
    for (failing, step) in steps.iter().enumerate() {
        for no in [
            error(-32602, "Invalid params"),
            error(10049, "cancel_on_disconnect_failed"),
            json!({"error": null, "result": null}),
            json!({"result": 7}),
            json!({"result": "ok", "error": {"code": 1}}),
            json!({"error": "text"}),
        ] {
            let mut bench = Bench::new(DeribitScope::Connection);
            let mut id = bench.begin(1).only_id();
            for reply in &replies[..failing] {
                id = bench.answer(id, reply.clone()).only_id();
            }
            let line = json!({"id": id, "result": no["result"], "error": no["error"], "testnet": false}).to_string();
            let (heard, outcome) = bench.hear(&line);
            assert_eq!((heard, outcome.refusal().step), (Ok(Heard::Ours), *step), "{no}");
            assert!(outcome.said.is_empty(), "{step} {no}");
            assert_eq!(bench.venue.link.script, Script::Stopped);
        }
    }
}

#[test]
fn refusals_of_the_login_say_what_to_do() {
    for (code, class) in [
        (13004, RefusalClass::Fatal),
        (13009, RefusalClass::Fatal),
        (10040, RefusalClass::Retry),
        (11051, RefusalClass::Maintenance),
        (10028, RefusalClass::RateLimit),
    ] {
        let mut bench = Bench::new(DeribitScope::Connection);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let refused = bench.answer(login, error(code, "no"));
        assert_eq!((refused.refusal().class, refused.refusal().code.as_str()), (class, code.to_string().as_str()));
    }
}

#[test]
fn a_login_that_was_granted_too_little_is_fatal_and_nothing_is_armed() {
    for scope in [
        "connection trade:read_write",
        "account:read connection trade:read_write",
        "account:read_write connection trade:read",
        "xaccount:read_write trade:read_write",
        "",
    ] {
        let mut bench = Bench::new(DeribitScope::Connection);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let refused = bench.answer(login, granted(scope, 900));
        assert_eq!(refused.refusal().class, RefusalClass::Fatal, "{scope}");
        assert!(refused.said.is_empty() && refused.renewal().is_none(), "{scope}");
    }
}

#[test]
fn the_wrong_environment_is_noticed_before_anything_is_signed() {
    for (environment, testnet) in [(Environment::Production, true), (Environment::Test, false)] {
        let mut bench = Bench::with(config(environment, DeribitScope::Connection));
        let heartbeat = bench.begin(1).only_id();
        let refused = bench.answer(heartbeat, json!({"result": "ok", "testnet": testnet}));
        assert_eq!(refused.refusal().class, RefusalClass::Fatal);
        assert!(refused.said.is_empty());
    }
    let mut bench = Bench::with(config(Environment::Test, DeribitScope::Connection));
    let heartbeat = bench.begin(1).only_id();
    let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
    let refused = bench.answer(login, granted(GRANTED, 900));
    assert_eq!(refused.refusal().text, "the production environment answered");
}

#[test]
fn maintenance_told_without_an_id_ends_the_step_that_waits() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let heartbeat = bench.begin(1).only_id();
    bench.answer(heartbeat, json!({"result": "ok"}));
    let (heard, outcome) = bench.hear(r#"{"jsonrpc":"2.0","error":{"message":"system_maintenance","code":11051}}"#);
    assert_eq!(heard, Ok(Heard::Application));
    assert_eq!((outcome.refusal().step, outcome.refusal().class), ("public/auth", RefusalClass::Maintenance));
    let active = Notice::Maintenance { active: true, text: "system_maintenance".into() };
    assert!(outcome.reports.contains(&Report::Notice(active)));
}

#[test]
fn a_channel_left_out_without_an_error_is_noticed() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let heartbeat = bench.begin(1).only_id();
    let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
    let arm = bench.answer(login, granted(GRANTED, 900)).only_id();
    let read = bench.answer(arm, json!({"result": "ok"})).only_id();
    let channels = bench.answer(read, enabled(ON, true)).only_id();
    let outcome = bench.answer(channels, json!({"result": ["platform_state"]}));
    assert_eq!(outcome.refusal().text, "not subscribed: user.orders.any.any.raw, user.lock");
    assert_eq!(outcome.refusal().class, RefusalClass::Retry);
    assert_eq!(bench.venue.link.script, Script::Running, "the switch is on all the same");
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let old = bench.begin(1).only_id();
    bench.venue.forget(LinkRole::Guard);
    let current = bench.begin(2).only_id();
    for id in [old, current + 2, current + 4, RESERVED_ID_FLOOR] {
        assert!(bench.answer(id, json!({"result": "ok"})).silent(), "{id}");
    }
    for id in ["1", "\"mine\"", "-1", "9223372036854775807", "{}"] {
        let (heard, outcome) = bench.hear(&format!(r#"{{"id":{id},"result":"ok"}}"#));
        assert!(heard == Ok(Heard::Application) && outcome.silent(), "{id}");
    }
    assert_eq!(bench.answer(current, json!({"result": "ok"})).reports, [Report::Done(Step::Heartbeat)]);
    assert!(bench.answer(current, json!({"result": "ok"})).silent(), "an answer counts once");
}

#[test]
fn no_nonce_is_used_twice_even_when_the_clock_stands_still() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let mut nonces = Vec::new();
    for epoch in [1, 1, 2] {
        let heartbeat = bench.begin(epoch).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"}));
        nonces.push(login.params()[0]["nonce"].as_str().unwrap().to_owned());
        bench.venue.forget(LinkRole::Guard);
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3, "{nonces:?}");
    assert!(nonces.iter().all(|nonce| nonce.chars().all(|c| c.is_ascii_alphanumeric())));
}

// --- clocks

#[test]
fn the_login_is_signed_with_the_venues_time() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let heartbeat = bench.begin(1).only_id();
    bench.now = Now { at: bench.now.at + Duration::from_millis(200), wall: WallTime::from_millis(WALL_MS + 200) };
    let us = (WALL_MS + 100 + 90_000) * 1_000;
    let login = bench.answer(heartbeat, json!({"result": "ok", "usIn": us - 10, "usOut": us + 10, "usDiff": 20}));
    assert!(login.reports.contains(&Report::ClockOffset(90_000)), "{:?}", login.reports);
    assert_eq!(login.params()[0]["timestamp"], json!(WALL_MS + 200 + 90_000));
}

// --- heartbeats

#[test]
fn every_test_request_is_answered_at_once_in_any_spelling() {
    for line in [
        r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#,
        r#"{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}"#,
        r#" { "method" : "heartbeat" , "params" : { "x":1, "type" : "test_request" } } "#,
        r#"{"m\u0065thod":"h\u0065artbeat","params":{"type":"test\u005frequest"}}"#,
    ] {
        let mut bench = Bench::new(DeribitScope::Connection);
        let (heard, outcome) = bench.hear(line);
        assert_eq!(heard, Ok(Heard::Ours), "{line}");
        assert_eq!(outcome.said[0].0, Lane::Keepalive);
        assert_eq!((outcome.methods(), outcome.params()), (vec!["public/test"], vec![&json!({})]));
        assert_eq!(outcome.reports, [Report::VenueSpoke]);
        let id = outcome.only_id();
        assert!(id >= RESERVED_ID_FLOOR && bench.answer(id, json!({"result": {"version": "1.2.26"}})).silent());
    }
}

#[test]
fn a_plain_heartbeat_is_a_sign_of_life_and_wants_no_answer() {
    for line in [
        r#"{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}"#,
        r#"{"method":"heartbeat","params":{"type":"something new"}}"#,
        r#"{"method":"heartbeat"}"#,
    ] {
        let (heard, outcome) = Bench::new(DeribitScope::Connection).hear(line);
        assert_eq!((heard, outcome.reports), (Ok(Heard::Ours), vec![Report::VenueSpoke]), "{line}");
        assert!(outcome.said.is_empty());
    }
}

#[test]
fn text_that_looks_like_a_test_request_inside_an_application_message_is_not_one() {
    for line in [
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"user.orders.any.any.raw","data":{"label":"test_request"}}}"#,
        r#"{"method":"subscription","params":{"channel":"x","data":{"method":"heartbeat","params":{"type":"test_request"}}}}"#,
        r#"{"id":7,"result":{"label":"{\"method\":\"heartbeat\",\"params\":{\"type\":\"test_request\"}}"}}"#,
    ] {
        let (heard, outcome) = Bench::armed(DeribitScope::Connection).hear(line);
        assert_eq!(heard, Ok(Heard::Application), "{line}");
        assert!(outcome.said.is_empty(), "{line}");
    }
}

// --- announcements

fn subscription(channel: &str, data: Value) -> String {
    json!({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}).to_string()
}

#[test]
fn the_flood_of_platform_state_is_neither_news_nor_a_sign_of_life() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    for index in ["btc_usd", "eth_usd", "sol_usdc"] {
        let data = json!({"locked": false, "price_index": index, "reasons": []});
        let (heard, outcome) = bench.hear(&subscription("platform_state", data));
        assert_eq!(heard, Ok(Heard::Application));
        assert!(outcome.silent());
    }
}

#[test]
fn locks_and_maintenance_are_told_once_per_change() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let mut told = |channel: &str, data: Value| bench.hear(&subscription(channel, data)).1.reports;
    let lock = |on: bool| json!({"locked": on, "price_index": "sol_usdc"});
    let limited = |mode: &str| Report::Notice(Notice::Limited { mode: mode.into() });
    assert_eq!(told("platform_state", lock(true)), [limited("index locked: sol_usdc")]);
    assert_eq!(told("platform_state", lock(true)), []);
    assert_eq!(told("user.lock", json!({"currency": "ALL", "locked": true})), [limited("account locked: ALL")]);
    assert_eq!(told("platform_state", lock(false)), []);
    assert_eq!(told("user.lock", json!({"currency": "ALL", "locked": false})), [Report::Notice(Notice::Online)]);

    let announced = Notice::Maintenance { active: false, text: "announced on platform_state".into() };
    assert_eq!(told("platform_state", json!({"maintenance": true})), [Report::Notice(announced)]);
    assert_eq!(told("platform_state", json!({"maintenance": true})), []);
    assert_eq!(told("platform_state", json!({"maintenance": false})), [Report::Notice(Notice::Online)]);
    assert_eq!(told("user.lock", json!({"maintenance": true})), [], "only the platform announces maintenance");
    assert_eq!(told("user.orders.any.any.raw", json!({"locked": true})), []);
}

#[test]
fn running_out_of_credits_announces_the_end_of_the_session() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let (_, outcome) =
        bench.hear(&json!({"id": 7, "error": {"code": 10028, "message": "too_many_requests"}}).to_string());
    assert!(outcome.reports.contains(&Report::RateLimited(facts::RATE_LIMIT_PAUSE)));
    assert!(outcome.reports.iter().any(|report| matches!(report, Report::Notice(Notice::DisconnectWarning { .. }))));
    let wait = json!({"id": 8, "error": {"code": 13780, "message": "over limit", "data": {"wait": 7}}});
    assert!(bench.hear(&wait.to_string()).1.reports.contains(&Report::RateLimited(Duration::from_secs(7))));
}

#[test]
fn a_quote_refused_because_the_switch_is_off_is_a_read_back_that_disagrees() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let (heard, outcome) =
        bench.hear(&json!({"id": 7, "error": {"code": 13042, "message": "cod_not_enabled"}}).to_string());
    assert_eq!(heard, Ok(Heard::Application));
    assert!(outcome.reports.contains(&Report::ReadBack(ReadBackVerdict::Disagrees)));
    bench.say(Intent::Rearm);
    let (_, behind) = bench.hear(&json!({"id": 8, "error": {"code": 13042, "message": "cod_not_enabled"}}).to_string());
    assert!(behind.silent(), "it is being switched on");
}

// --- the armed link

#[test]
fn a_probe_is_a_test_and_its_own_answer_proves_it() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let first = bench.say(Intent::Probe(LinkRole::Guard));
    assert_eq!(first.methods(), ["public/test"]);
    let second = bench.say(Intent::Probe(LinkRole::Guard)).only_id();
    let proven = [Report::ProbeAnswered(LinkRole::Guard)];
    assert_eq!(bench.answer(second, json!({"result": {"version": "1"}})).reports, proven);
    assert_eq!(bench.answer(first.only_id(), json!({"result": {"version": "1"}})).reports, proven);
    assert!(bench.answer(first.only_id(), json!({"result": {"version": "1"}})).silent());
    let refused = bench.say(Intent::Probe(LinkRole::Guard)).only_id();
    assert_eq!(bench.answer(refused, error(11094, "internal_server_error")).refusal().step, "public/test");
}

#[test]
fn a_read_back_agrees_disagrees_or_is_refused() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let mut ask = |answer: Value| {
        let id = bench.say(Intent::ReadBack).only_id();
        bench.answer(id, answer).reports
    };
    assert_eq!(ask(enabled(ON, true)), [Report::ReadBack(ReadBackVerdict::Agrees)]);
    assert_eq!(ask(enabled(ON, false)), [Report::ReadBack(ReadBackVerdict::Disagrees)]);
    assert_eq!(ask(enabled("account", true)), [Report::ReadBack(ReadBackVerdict::Disagrees)]);
    let [Report::Refused(refusal)] = &ask(error(13009, "unauthorized"))[..] else { panic!() };
    assert_eq!(refusal.class, RefusalClass::Session);
    let [Report::Refused(_)] = &ask(json!({"result": {"scope": "connection"}}))[..] else { panic!() };
    let both = json!({"result": {"scope": "connection", "enabled": true}, "error": {"code": 10040}});
    let [Report::Refused(_)] = &ask(both)[..] else { panic!("an answer that says both is no yes") };
}

#[test]
fn a_read_back_of_account_scope_agrees_only_when_both_do() {
    for (connection, account) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut bench = Bench::armed(DeribitScope::Account);
        let asked = bench.say(Intent::ReadBack);
        assert_eq!(asked.said.len(), 2);
        let mut reports = Vec::new();
        for ((_, line), on) in asked.said.iter().zip([connection, account]) {
            let scope = line["params"]["scope"].as_str().unwrap();
            reports.extend(bench.answer(line["id"].as_u64().unwrap(), enabled(scope, on)).reports);
        }
        let verdict = if connection && account { ReadBackVerdict::Agrees } else { ReadBackVerdict::Disagrees };
        assert_eq!(reports, [Report::ReadBack(verdict)], "{connection} {account}");
    }
}

#[test]
fn switching_on_again_counts_only_when_it_reads_back() {
    for scope in [DeribitScope::Connection, DeribitScope::Account] {
        let mut bench = Bench::armed(scope);
        let mut arm = bench.say(Intent::Rearm);
        let read = bench.answer_all(&mut arm, json!({"result": "ok"}));
        assert!(read.reports.is_empty());
        let mut reports = Vec::new();
        for (_, line) in &read.said {
            let reach = line["params"]["scope"].as_str().unwrap();
            reports.extend(bench.answer(line["id"].as_u64().unwrap(), enabled(reach, true)).reports);
        }
        assert_eq!(reports, [Report::Done(Step::Switch), Report::Done(Step::ReadBack)]);

        let mut arm = bench.say(Intent::Rearm);
        let read = bench.answer_all(&mut arm, json!({"result": "ok"}));
        let still_off = bench.answer(read.said[0].1["id"].as_u64().unwrap(), enabled(ON, false));
        assert_eq!(still_off.refusal().step, "private/enable_cancel_on_disconnect");
        assert!(still_off.said.is_empty(), "no attempt without a pause");

        let arm = bench.say(Intent::Rearm);
        let refused = bench.answer(arm.said[0].1["id"].as_u64().unwrap(), error(10049, "cancel_on_disconnect_failed"));
        assert_eq!(refused.refusal().class, RefusalClass::Retry);
    }
}

#[test]
fn a_link_whose_script_is_not_through_is_not_switched_on_from_outside() {
    let mut bench = Bench::new(DeribitScope::Connection);
    bench.begin(1);
    assert!(bench.say(Intent::Rearm).silent());
}

#[test]
fn disarming_is_reported_only_when_the_venue_says_ok() {
    let mut bench = Bench::armed(DeribitScope::Account);
    let disarm = bench.say(Intent::Disarm);
    assert_eq!(disarm.methods(), ["private/disable_cancel_on_disconnect"]);
    assert_eq!(disarm.params(), [&json!({"scope": "connection"})], "the account's default is not ours to take away");
    assert_eq!(bench.answer(disarm.only_id(), json!({"result": "ok"})).reports, [Report::Disarmed]);
    let disarm = bench.say(Intent::Disarm).only_id();
    assert_eq!(bench.answer(disarm, error(13028, "temporarily_unavailable")).refusal().class, RefusalClass::Retry);
}

#[test]
fn a_farewell_logs_out_only_once_the_switch_is_seen_to_be_off() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let off = bench.say(Intent::Farewell);
    assert_eq!(off.methods(), ["private/disable_cancel_on_disconnect"]);
    let read = bench.answer(off.only_id(), json!({"result": "ok"}));
    assert_eq!((read.methods(), read.reports.len()), (vec!["private/get_cancel_on_disconnect"], 0));
    let done = bench.answer(read.only_id(), enabled(ON, false));
    assert_eq!(done.methods(), ["private/logout"]);
    assert_eq!(done.reports, [Report::FarewellDone { confirmed: true }]);
}

#[test]
fn a_farewell_the_venue_does_not_confirm_closes_nothing() {
    for (off, read) in [
        (error(13028, "x"), None),
        (json!({"result": "ok"}), Some(enabled(ON, true))),
        (json!({"result": "ok"}), Some(error(10040, "retry"))),
    ] {
        let mut bench = Bench::armed(DeribitScope::Connection);
        let asked = bench.say(Intent::Farewell).only_id();
        let mut outcome = bench.answer(asked, off);
        if let Some(read) = read {
            outcome = bench.answer(outcome.only_id(), read);
        }
        assert!(
            outcome.said.is_empty() && matches!(outcome.reports[..], [Report::Refused(_)]),
            "{:?}",
            outcome.reports
        );
    }
}

#[test]
fn a_farewell_that_was_given_up_never_logs_out_later() {
    for give_up in [Intent::ReadBack, Intent::Rearm] {
        for after_off in [false, true] {
            let mut bench = Bench::armed(DeribitScope::Connection);
            let mut asked = bench.say(Intent::Farewell).only_id();
            if after_off {
                asked = bench.answer(asked, json!({"result": "ok"})).only_id();
            }
            bench.say(give_up);
            let late = if after_off { enabled(ON, false) } else { json!({"result": "ok"}) };
            assert!(bench.answer(asked, late).silent(), "{give_up:?} {after_off}");
        }
    }
}

// --- renewal

#[test]
fn a_login_is_renewed_on_the_same_socket_and_the_switch_read_back() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let renewal = bench.say(Intent::Errand(Errand::Renew));
    assert_eq!(renewal.methods(), ["public/auth"]);
    assert_eq!(renewal.params()[0]["grant_type"], json!("client_signature"));
    assert_eq!(renewal.renewal(), Some(Duration::from_secs(30)), "should no answer come");
    let renewed = bench.answer(renewal.only_id(), granted(GRANTED, 900));
    assert_eq!(renewed.renewal(), Some(Duration::from_secs(720)));
    assert_eq!(renewed.methods(), ["private/get_cancel_on_disconnect"]);
    assert_eq!(bench.answer(renewed.only_id(), enabled(ON, true)).reports, [Report::ReadBack(ReadBackVerdict::Agrees)]);
}

#[test]
fn a_refused_renewal_is_tried_again_and_gives_up_no_link() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    for no in [error(13004, "invalid_credentials"), granted("connection", 900)] {
        let renewal = bench.say(Intent::Errand(Errand::Renew)).only_id();
        let refused = bench.answer(renewal, no);
        assert_eq!(refused.refusal().class, RefusalClass::Retry);
        assert!(refused.said.is_empty());
    }
}

#[test]
fn lifetimes_are_read_and_kept_within_reason() {
    for (expires_in, expected_s) in [(0, 5), (900, 720), (31_536_000, 7 * 86_400), (u64::MAX, 7 * 86_400)] {
        let mut bench = Bench::new(DeribitScope::Connection);
        let heartbeat = bench.begin(1).only_id();
        let login = bench.answer(heartbeat, json!({"result": "ok"})).only_id();
        let outcome = bench.answer(login, granted(GRANTED, expires_in));
        assert_eq!(outcome.renewal(), Some(Duration::from_secs(expected_s)), "{expires_in}");
    }
}

#[test]
fn an_errand_of_another_epoch_does_not_disturb_a_login_under_way() {
    let mut bench = Bench::new(DeribitScope::Connection);
    assert!(bench.say(Intent::Errand(Errand::Renew)).silent());
    bench.begin(1);
    assert!(bench.say(Intent::Errand(Errand::Renew)).silent());
}

// --- kill and open orders

#[test]
fn a_kill_goes_detailed_over_both_paths() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let link = bench.say(Intent::CancelAll(Path::Link));
    assert_eq!((link.methods(), link.params()), (vec!["private/cancel_all"], vec![&json!({"detailed": true})]));
    let parts =
        json!({"result": [{"currency": "BTC", "type": "limit", "result": [{"order_id": "1"}, {"order_id": "2"}]}]});
    let done = bench.answer(link.only_id(), parts);
    assert_eq!(done.reports, [Report::CancelledAll { path: Path::Link, count: Some(2) }]);

    let http = bench.say(Intent::CancelAll(Path::Http));
    let (tag, request) = http.calls[0].clone();
    assert_eq!((request.method, request.line), (HttpMethod::Get, CallLine::Kill));
    assert_eq!((request.path.as_str(), request.body.as_str()), ("/api/v2/private/cancel_all?detailed=true", ""));
    let (name, value) = &request.headers[0];
    assert!(*name == "Authorization" && value.starts_with("deri-hmac-sha256 id=CLIENTID,ts=1700000000000,sig="));
    let done = bench.reply(tag, 200, r#"{"jsonrpc":"2.0","result":[],"testnet":false}"#, None);
    assert_eq!(done.reports, [Report::CancelledAll { path: Path::Http, count: Some(0) }]);
}

#[test]
fn a_kill_of_which_one_part_failed_is_refused() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let id = bench.say(Intent::CancelAll(Path::Link)).only_id();
    let parts = json!({"result": [
        {"currency": "BTC", "type": "limit", "result": [{"order_id": "1"}]},
        {"currency": "ETH", "type": "limit", "error": {"code": 10047, "message": "matching_engine_queue_full"}},
    ]});
    let refused = bench.answer(id, parts);
    assert_eq!((refused.refusal().step, refused.refusal().code.as_str()), ("private/cancel_all", "10047"));
    assert_eq!(refused.reports.len(), 1);
}

#[test]
fn a_kill_over_http_survives_the_loss_of_the_link_and_tells_every_failure() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let mut outcome_of = |status: u16, body: &str| {
        let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
        bench.venue.forget(LinkRole::Guard);
        bench.reply(tag, status, body, None)
    };
    let refused = outcome_of(400, r#"{"error":{"code":13009,"message":"unauthorized"}}"#);
    assert_eq!(refused.refusal().class, RefusalClass::Retry, "no reason to give up an armed link");
    assert_eq!(outcome_of(502, "<html>bad gateway</html>").refusal().code, "HTTP 502");
    assert_eq!(outcome_of(200, "{}").refusal().code, "HTTP 200");
    let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
    let lost = CallReply::Failed(LossCause::Reset);
    assert_eq!(bench.venue.hear_reply(bench.now, tag, lost, &mut bench.out), Ok(()));
    let said = bench.drain().refusal().to_string();
    assert!(said.starts_with("private/cancel_all: no answer: the connection was reset"), "{said}");
    assert!(bench.reply(tag, 200, r#"{"result":1}"#, None).silent(), "a tag counts once");
}

#[test]
fn open_orders_are_listed_over_both_paths_and_nothing_is_dropped() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let orders = json!({"result": [
        {"order_id": "ETH-584864807", "label": "mm-7", "instrument_name": "ETH-PERPETUAL", "price": "market_price"},
        {"order_id": "USDC-SLMB-19641"},
        7,
    ]});
    let id = bench.say(Intent::OpenOrders(Path::Link)).only_id();
    let listed = bench.answer(id, orders.clone());
    let [Report::OpenOrders { path: Path::Link, orders: found, complete: true, .. }] = &listed.reports[..] else {
        panic!()
    };
    let ids: Vec<&str> = found.iter().map(|order| order.order_id.as_str()).collect();
    assert_eq!(ids, ["ETH-584864807", "USDC-SLMB-19641", ""]);
    assert_eq!((found[0].client_id.as_str(), found[0].instrument.as_str()), ("mm-7", "ETH-PERPETUAL"));
    let tag = bench.say(Intent::OpenOrders(Path::Http)).calls[0].0;
    let listed = bench.reply(tag, 200, &orders.to_string(), None);
    assert!(matches!(&listed.reports[..], [Report::OpenOrders { path: Path::Http, orders, .. }] if orders.len() == 3));
}

#[test]
fn an_answer_without_a_list_is_not_an_empty_list() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    for answer in [json!({"result": {}}), json!({"result": "ok"}), error(13021, "forbidden")] {
        let id = bench.say(Intent::OpenOrders(Path::Link)).only_id();
        assert_eq!(bench.answer(id, answer).refusal().step, "private/get_open_orders");
    }
}

#[test]
fn preparing_compares_clocks_and_reports_nothing_else() {
    let mut bench = Bench::new(DeribitScope::Connection);
    bench.venue.prepare(bench.now, &mut bench.out);
    let prepared = bench.drain();
    let (tag, request) = prepared.calls[0].clone();
    assert_eq!((request.path.as_str(), request.headers.len()), ("/api/v2/public/get_time", 0));
    let told = bench.reply(tag, 200, r#"{"result":1}"#, Some("Tue, 14 Nov 2023 22:13:10 GMT"));
    assert_eq!(told.reports, [Report::ClockOffset(-9_500)]);
}

// --- the application's requests

#[test]
fn a_composed_request_keeps_its_parameters_byte_for_byte_and_gets_its_answer() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let params = r#"{ "amount":10.0,"price":2.97355e3,"big":123456789012345678901234567890 }"#;
    let composed = bench.venue.compose(bench.now, RequestId(5), "private/buy", params).unwrap();
    assert!(composed.line.contains(params) && composed.screened.kind == Screening::Order);
    let line: Value = serde_json::from_str(&composed.line).unwrap();
    let (heard, outcome) = bench.hear(&json!({"id": line["id"], "error": {"code": 10009}}).to_string());
    assert_eq!(heard, Ok(Heard::Answer(RequestId(5))));
    assert!(outcome.silent(), "the application's business");
}

#[test]
fn nothing_is_composed_without_a_link_beyond_the_limit_or_too_long() {
    let mut bench = Bench::new(DeribitScope::Connection);
    let compose =
        |bench: &mut Bench, n, params: &str| bench.venue.compose(bench.now, RequestId(n), "private/buy", params);
    assert_eq!(compose(&mut bench, 1, "{}"), Err(Misuse::NotConnected));
    let mut bench = Bench::armed(DeribitScope::Connection);
    let long = format!(r#"{{"label":"{}"}}"#, "x".repeat(33_000));
    assert_eq!(compose(&mut bench, 1, &long), Err(Misuse::NotSendable { why: screen::TOO_LONG }));
    assert!(matches!(compose(&mut bench, 1, "[]"), Err(Misuse::NotSendable { .. })));
    for n in 0..1_024 {
        assert!(compose(&mut bench, n, "{}").is_ok());
    }
    assert_eq!(compose(&mut bench, 2_000, "{}"), Err(Misuse::TooManyPending { limit: 1_024 }));
}

// --- anything the wire can bring

#[test]
fn every_captured_frame_is_understood() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    let (mut ours, mut application) = (0, 0);
    for line in CAPTURED {
        match bench.hear(line).0 {
            Ok(Heard::Ours) => ours += 1,
            Ok(Heard::Application) => application += 1,
            heard => panic!("{heard:?} {line}"),
        }
    }
    assert_eq!((ours, application), (3, CAPTURED.len() - 3));
}

#[test]
fn what_is_json_but_no_message_is_the_applications_and_the_rest_a_breach() {
    let mut bench = Bench::armed(DeribitScope::Connection);
    for line in ["[]", "7", "null", "{}", r#"{"method":"test_request","params":{"expected_result":"x"}}"#] {
        assert_eq!(bench.hear(line).0, Ok(Heard::Application), "{line}");
    }
    for line in ["", "ping", "{", r#"{"id":1"#, r#"{"id":1}}"#] {
        assert!(bench.hear(line).0.is_err(), "{line}");
    }
}

#[test]
fn damaged_frames_never_panic_and_never_make_us_say_nonsense() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let mut bench = Bench::armed(DeribitScope::Account);
    for _ in 0..20_000 {
        let asked =
            bench.say([Intent::ReadBack, Intent::CancelAll(Path::Link), Intent::Errand(Errand::Renew)][random(3)]);
        let mut own =
            [enabled(ON, true), json!({"result": [{"result": [1]}]}), granted(GRANTED, 900)][random(3)].clone();
        own["id"] = asked.said[0].1["id"].clone();
        let own = own.to_string();
        let mut bytes = [own.as_str(), CAPTURED[random(CAPTURED.len())]][random(2)].as_bytes().to_vec();
        bytes.truncate(bytes.len() - if random(3) == 0 { random(bytes.len()) } else { 0 });
        for _ in 0..random(4) {
            let at = random(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = DAMAGE[random(DAMAGE.len())];
            }
        }
        // `drain` fails on a line of ours that is not JSON.
        let _ = bench.hear(&String::from_utf8_lossy(&bytes));
        let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
        bench.reply(tag, 200, &String::from_utf8_lossy(&bytes), Some("Tue, 14 Nov 2023 22:13:19 GMT"));
    }
}
