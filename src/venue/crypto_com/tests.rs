//! Every path of the Crypto.com dialect against hand-written answers, every captured frame, and damaged frames.
//!
//! `captured/frames.jsonl`: the heartbeats of production's user websocket (October 2023) as they arrived, and results of
//! user channels (production, August 2026; accounts replaced) in the envelope the documentation shows.

use super::*;
use crate::model::{
    Access, Credentials, Environment, LossCause, Moment, ReadBackVerdict, Refusal, RefusalClass, Secret, Step,
    TimeFactor,
};
use crate::venue::{HttpRequest, Item, RESERVED_ID_FLOOR};
use serde_json::{Value, json};

const CAPTURED: &str = include_str!("captured/frames.jsonl");
const DAMAGE: &[u8] = b"{}[]\",:0123456789eE+-.\\ntfu \xff\x00";
const WALL_MS: u64 = 1_700_000_000_000;

/// A dialect with its outbox and a clock that stands still.
struct Bench {
    venue: CryptoCom,
    out: Outbox,
    now: Now,
}

/// What one input brought.
struct Outcome {
    said: Vec<(Lane, Value)>,
    calls: Vec<(CallTag, HttpRequest)>,
    reports: Vec<Report>,
}

fn access(environment: Environment) -> Access {
    let credentials = Credentials::new("KILLCORDDUMMYKEY0001", Secret::new("killcord-dummy-secret-0001".into()), None);
    Access::standard("desk", environment, credentials.unwrap()).unwrap()
}

impl Bench {
    fn new() -> Self {
        let venue = CryptoCom::new(CryptoComConfig { access: access(Environment::Production) }).unwrap();
        let now = Now { at: Moment::from_nanos(1_000_000_000), wall: WallTime::from_millis(WALL_MS) };
        Self { venue, out: Outbox::default(), now }
    }

    /// A bench whose link went through the whole script.
    fn armed() -> Self {
        let mut bench = Self::new();
        let login = bench.begin(1).only_id();
        let arm = bench.answer(login, json!({"code": 0})).only_id();
        let read_back = bench.answer(arm, json!({"code": 0, "result": {"scope": "CONNECTION"}})).only_id();
        let subscribe = bench.answer(read_back, json!({"code": 0, "result": {"scope": "CONNECTION"}})).only_id();
        bench.answer(subscribe, json!({"code": 0}));
        assert_eq!(bench.venue.script, Script::Running);
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
        let (heard, outcome) = self.hear(&fields.to_string());
        assert_eq!(heard, Ok(Heard::Ours));
        outcome
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
                    // An echoed id may be a number no decoder holds, and still be JSON.
                    assert!(is_json(line), "{line}");
                    outcome.said.push((*lane, serde_json::from_str(line).unwrap_or_default()));
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

    fn silent(&self) -> bool {
        self.said.is_empty() && self.calls.is_empty() && self.reports.is_empty()
    }
}

fn composed(bench: &mut Bench, request: u64, method: &str, params: &str) -> (u64, Composed) {
    let composed = bench.venue.compose(bench.now, RequestId(request), method, params).unwrap();
    let line: Value = serde_json::from_str(&composed.line).unwrap();
    (line["id"].as_u64().unwrap(), composed)
}

// --- configuration

#[test]
fn standard_environments_go_to_the_published_addresses() {
    for (environment, guard, http) in [
        (Environment::Production, "wss://stream.crypto.com:443/exchange/v1/user", "https://api.crypto.com:443"),
        (Environment::Test, "wss://uat-stream.3ona.co:443/exchange/v1/user", "https://uat-api.3ona.co:443"),
    ] {
        let venue = CryptoCom::new(CryptoComConfig { access: access(environment) }).unwrap();
        assert_eq!(venue.endpoint(LinkRole::Guard).unwrap().to_string(), guard);
        assert_eq!(venue.http_endpoint().to_string(), http);
        assert_eq!(venue.endpoint(LinkRole::Trade), None);
    }
}

#[test]
fn a_trade_url_is_refused_because_there_is_no_such_link() {
    let url = |text| Endpoint::parse("url", text).unwrap();
    let given = access(Environment::Production).credentials;
    let (guard, http) = (url("wss://gate.example/user"), url("https://gate.example"));
    let factor = TimeFactor::new(0.1).unwrap();
    let with = |trade| CryptoComConfig {
        access: Access::custom("desk", guard.clone(), trade, http.clone(), given.clone(), factor),
    };
    let error = CryptoCom::new(with(Some(guard.clone()))).err().unwrap();
    assert_eq!(error.field, "trade_url");
    let venue = CryptoCom::new(with(None)).unwrap();
    assert_eq!(venue.facts().settle.as_millis(), 100);
    assert_eq!(venue.endpoint(LinkRole::Guard), Some(&guard));
}

// --- the script

#[test]
fn arming_is_login_then_switch_then_read_back_then_channel_each_after_the_answer_before() {
    let mut bench = Bench::new();
    let began = bench.begin(7);
    assert_eq!(began.methods(), ["public/auth"]);
    let (lane, login) = &began.said[0];
    assert_eq!(*lane, Lane::Control);
    assert_eq!(login["id"], json!(RESERVED_ID_FLOOR + 7_000_000));
    assert_eq!((&login["nonce"], &login["api_key"]), (&json!(WALL_MS), &json!("KILLCORDDUMMYKEY0001")));
    assert_eq!(login["sig"].as_str().unwrap().len(), 64);
    assert!(login.get("params").is_none());

    let armed = bench.answer(began.only_id(), json!({"method": "public/auth", "code": 0}));
    assert_eq!(armed.reports, [Report::Done(Step::Login)]);
    let (_, arm) = &armed.said[0];
    assert_eq!(
        (&arm["method"], &arm["params"]),
        (&json!("private/set-cancel-on-disconnect"), &json!({"scope": "CONNECTION"}))
    );
    assert!(arm.get("sig").is_none() && arm.get("api_key").is_none(), "a signed request after login is refused");

    let read = bench.answer(armed.only_id(), json!({"code": 0, "result": {"scope": "CONNECTION"}}));
    assert_eq!(read.reports, [Report::Done(Step::Switch)]);
    assert_eq!(read.methods(), ["private/get-cancel-on-disconnect"]);

    let channel = bench.answer(read.only_id(), json!({"code": "0", "result": {"scope": "CONNECTION"}}));
    assert_eq!(channel.reports, [Report::Done(Step::ReadBack)]);
    assert_eq!(channel.said[0].1["params"], json!({"channels": ["user.order"]}));

    let done = bench.answer(channel.only_id(), json!({"code": 0, "method": "subscribe"}));
    assert_eq!(done.reports, [Report::Done(Step::Subscription)]);
    assert!(done.said.is_empty());
}

#[test]
fn a_refused_login_ends_the_script_and_says_what_to_do() {
    for (code, class) in [
        (40101, RefusalClass::Fatal),
        (10002, RefusalClass::Fatal),
        (40103, RefusalClass::Fatal),
        (40104, RefusalClass::Fatal),
        (42901, RefusalClass::RateLimit),
        (50001, RefusalClass::Retry),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_id();
        let refused = bench.answer(login, json!({"code": code, "message": "UNAUTHORIZED"}));
        assert_eq!((refused.refusal().step, refused.refusal().class), ("public/auth", class), "{code}");
        assert_eq!(refused.refusal().code, code.to_string());
        assert!(refused.said.is_empty());
        assert_eq!(bench.venue.script, Script::Stopped);
    }
}

#[test]
fn a_login_answer_without_a_code_is_not_a_login() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_id();
    let refused = bench.answer(login, json!({"method": "public/auth"}));
    assert_eq!(refused.refusal().class, RefusalClass::Retry);
    assert!(refused.said.is_empty());
}

#[test]
fn a_switch_that_is_refused_or_says_another_scope_is_not_on() {
    for answer in [
        json!({"code": 40004, "message": "MISSING_OR_INVALID_ARGUMENT"}),
        json!({"code": 0}),
        json!({"code": 0, "result": {}}),
        json!({"code": 0, "result": {"scope": "ACCOUNT"}}),
        json!({"code": 0, "result": {"scope": null}}),
        json!({"code": 0, "result": ["CONNECTION"]}),
        json!({"result": {"scope": "CONNECTION"}}),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_id();
        let arm = bench.answer(login, json!({"code": 0})).only_id();
        let refused = bench.answer(arm, answer.clone());
        assert_eq!(refused.refusal().step, "private/set-cancel-on-disconnect", "{answer}");
        assert!(refused.said.is_empty() && bench.venue.script == Script::Stopped, "{answer}");
    }
}

/// The login was accepted a moment before: logging in afresh would go on for ever without telling anybody why.
#[test]
fn a_key_that_may_not_set_the_switch_needs_a_person() {
    for code in [40101, 10002] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_id();
        let arm = bench.answer(login, json!({"code": 0})).only_id();
        let refused = bench.answer(arm, json!({"code": code, "message": "UNAUTHORIZED"}));
        assert_eq!((refused.refusal().step, refused.refusal().class), (wire::ARM, RefusalClass::Fatal), "{code}");
        assert!(refused.refusal().advice.0.contains("enable trading"), "{:?}", refused.refusal());
        assert_eq!(bench.venue.script, Script::Stopped);
    }
}

#[test]
fn a_read_back_that_does_not_confirm_never_completes_arming() {
    for (answer, disagrees) in [
        (json!({"code": 0, "result": {"scope": "NONE"}}), true),
        (json!({"code": 0}), true),
        (json!({"code": 50001}), false),
        (json!({}), false),
    ] {
        let mut bench = Bench::new();
        let login = bench.begin(1).only_id();
        let arm = bench.answer(login, json!({"code": 0})).only_id();
        let read_back = bench.answer(arm, json!({"code": 0, "result": {"scope": "CONNECTION"}})).only_id();
        let outcome = bench.answer(read_back, answer.clone());
        assert!(!outcome.reports.contains(&Report::Done(Step::ReadBack)), "{answer}");
        assert_eq!(outcome.reports.contains(&Report::ReadBack(ReadBackVerdict::Disagrees)), disagrees, "{answer}");
        assert!(outcome.said.is_empty() && bench.venue.script == Script::Stopped, "{answer}");
    }
}

#[test]
fn a_refused_order_channel_is_reported_and_nothing_else() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_id();
    let arm = bench.answer(login, json!({"code": 0})).only_id();
    let read_back = bench.answer(arm, json!({"code": 0, "result": {"scope": "CONNECTION"}})).only_id();
    let subscribe = bench.answer(read_back, json!({"code": 0, "result": {"scope": "CONNECTION"}})).only_id();
    let refused = bench.answer(subscribe, json!({"code": 40107, "message": "EXCEED_MAX_SUBSCRIPTIONS"}));
    assert_eq!(refused.refusal().class, RefusalClass::Retry);
    assert_eq!(bench.venue.script, Script::Running);
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let mut bench = Bench::new();
    let old = bench.begin(1).only_id();
    bench.venue.forget(LinkRole::Guard);
    let current = bench.begin(2).only_id();
    for id in [old, current + 2, current + 4, RESERVED_ID_FLOOR] {
        assert!(bench.answer(id, json!({"code": 0, "result": {"scope": "CONNECTION"}})).silent(), "{id}");
    }
    for id in ["1", "\"mine\"", "-1", "9223372036854775807", "null", "{}"] {
        let (heard, outcome) = bench.hear(&format!(r#"{{"id":{id},"code":0}}"#));
        assert_eq!(heard, Ok(Heard::Application), "{id}");
        assert!(outcome.silent(), "{id}");
    }
    let arm = bench.answer(current, json!({"code": 0}));
    assert_eq!(arm.reports, [Report::Done(Step::Login)]);
    assert!(bench.answer(current, json!({"code": 0})).silent(), "an answer counts once");
}

#[test]
fn ids_are_new_in_every_epoch() {
    let mut bench = Bench::new();
    let first = bench.begin(1).only_id();
    bench.venue.forget(LinkRole::Guard);
    assert!(bench.begin(1).only_id() > first, "even when an epoch number came twice");
}

#[test]
fn a_refused_nonce_makes_later_nonces_follow_the_venues_clock() {
    let mut bench = Bench::new();
    let login = bench.begin(1).only_id();
    let refused = bench.answer(login, json!({"code": 40102, "message": "INVALID_NONCE"}));
    assert_eq!(refused.refusal().class, RefusalClass::Clock);
    let (tag, _) = refused.calls[0].clone();
    let told = bench.reply(tag, 400, r#"{"code":40102}"#, Some("Tue, 14 Nov 2023 22:16:20 GMT"));
    // 3 min ahead of 22:13:20, and half a second because `Date` counts whole ones.
    assert_eq!(told.reports, [Report::ClockOffset(180_500)]);
    bench.venue.forget(LinkRole::Guard);
    assert_eq!(bench.begin(2).said[0].1["nonce"], json!(WALL_MS + 180_500));
}

// --- heartbeats

#[test]
fn a_heartbeat_is_answered_at_once_with_its_own_id_exactly_as_it_arrived() {
    for id in ["1587523073344", "\"1587523073344\"", "9223372036854775807", "0", "\"a\\u0062\"", "-5"] {
        for line in [
            format!(r#"{{"id":{id},"method":"public/heartbeat"}}"#),
            format!(r#"{{"id":{id},"method":"public/heartbeat","code":0}}"#),
            format!(r#"{{ "code" : 0, "method" : "public\/heartbeat" , "id" : {id} }}"#),
            format!(r#"{{"method":"public/heartbeat","id":{id},"code":50001,"extra":[1,{{}}]}}"#),
        ] {
            let mut bench = Bench::new();
            let heard = bench.venue.hear(bench.now, LinkRole::Guard, &line, &mut bench.out);
            assert_eq!(heard, Ok(Heard::Ours), "{line}");
            let Item::Say { lane: Lane::Keepalive, text, .. } = &bench.out.items()[0] else { panic!("{line}") };
            let expected = format!(r#"{{"id":{id},"method":"public/respond-heartbeat"}}"#);
            assert_eq!(bench.out.text(text), expected, "{line}");
            assert!(bench.drain().reports.contains(&Report::VenueSpoke));
        }
    }
}

#[test]
fn a_heartbeat_with_an_id_nobody_can_echo_is_still_answered() {
    for line in [
        r#"{"method":"public/heartbeat"}"#,
        r#"{"id":null,"method":"public/heartbeat"}"#,
        r#"{"id":[1],"method":"public/heartbeat"}"#,
    ] {
        let (_, outcome) = Bench::new().hear(line);
        assert_eq!(outcome.said[0].1, json!({"id": -1, "method": "public/respond-heartbeat"}), "{line}");
    }
}

#[test]
fn text_that_looks_like_a_heartbeat_inside_an_application_message_is_not_one() {
    for line in [
        r#"{"id":-1,"method":"subscribe","code":0,"result":{"data":[{"client_oid":"public/heartbeat"}]}}"#,
        r#"{"id":7,"method":"private/create-order","code":0,"result":{"client_oid":"\",\"method\":\"public/heartbeat\"}"}}"#,
        r#"{"id":1696269422236,"message":"{\"id\":1,\"method\":\"public/heartbeat\"}"}"#,
        r#"{"id":7,"result":{"id":1587523073344,"method":"public/heartbeat"}}"#,
    ] {
        let (heard, outcome) = Bench::armed().hear(line);
        assert_eq!(heard, Ok(Heard::Application), "{line}");
        assert!(outcome.silent(), "{line}");
    }
}

#[test]
fn a_warning_inside_a_heartbeat_becomes_a_notice_and_the_heartbeat_is_answered() {
    let text = "server did not receive any client heartbeat, going to disconnect soon";
    let (_, outcome) =
        Bench::new().hear(&json!({"id": WALL_MS, "method": "public/heartbeat", "message": text}).to_string());
    assert_eq!(outcome.methods(), ["public/respond-heartbeat"]);
    let warning = Report::Notice(Notice::DisconnectWarning { text: text.into() });
    assert!(outcome.reports.contains(&warning));
}

#[test]
fn a_complaint_about_our_answer_is_a_warning() {
    let (heard, outcome) =
        Bench::new().hear(r#"{"id":1,"method":"public/respond-heartbeat","code":40001,"message":"BAD"}"#);
    assert_eq!(heard, Ok(Heard::Ours));
    assert_eq!(outcome.reports, [Report::Notice(Notice::DisconnectWarning { text: "BAD".into() })]);
}

#[test]
fn the_heartbeat_id_tells_the_venues_clock_when_it_moved_enough() {
    let mut bench = Bench::new();
    let mut offsets = |id: u64| -> Vec<i64> {
        let (_, outcome) = bench.hear(&json!({"id": id, "method": "public/heartbeat"}).to_string());
        outcome.reports.iter().filter_map(|r| if let Report::ClockOffset(ms) = r { Some(*ms) } else { None }).collect()
    };
    assert_eq!(offsets(WALL_MS + 20), [20]);
    assert!(offsets(WALL_MS + 60).is_empty());
    assert!(offsets(WALL_MS - 30).is_empty(), "it may have waited somewhere");
    assert_eq!(offsets(WALL_MS - 30), [-30]);
    assert!(offsets(5).is_empty(), "an id that is no clock");
}

// --- the armed link

#[test]
fn a_probe_is_a_read_back_and_proves_both() {
    let mut bench = Bench::armed();
    let probe = bench.say(Intent::Probe(LinkRole::Guard));
    assert_eq!(probe.methods(), ["private/get-cancel-on-disconnect"]);
    let answered = bench.answer(probe.only_id(), json!({"code": 0, "result": {"scope": "CONNECTION"}}));
    assert_eq!(answered.reports, [Report::ProbeAnswered(LinkRole::Guard)]);

    let probe = bench.say(Intent::Probe(LinkRole::Guard)).only_id();
    let answered = bench.answer(probe, json!({"code": 0, "result": {}}));
    let expected = [Report::ProbeAnswered(LinkRole::Guard), Report::ReadBack(ReadBackVerdict::Disagrees)];
    assert_eq!(answered.reports, expected);

    let probe = bench.say(Intent::Probe(LinkRole::Guard)).only_id();
    let refused = bench.answer(probe, json!({"code": 50001}));
    assert!(matches!(refused.reports[..], [Report::Refused(_)]), "a refusal is no proof");
}

#[test]
fn a_read_back_agrees_disagrees_or_is_refused() {
    let mut bench = Bench::armed();
    let mut ask = |answer: Value| {
        let id = bench.say(Intent::ReadBack).only_id();
        bench.answer(id, answer).reports
    };
    let on = json!({"code": 0, "result": {"scope": "CONNECTION"}});
    assert_eq!(ask(on), [Report::ReadBack(ReadBackVerdict::Agrees)]);
    assert_eq!(ask(json!({"code": 0})), [Report::ReadBack(ReadBackVerdict::Disagrees)]);
    let [Report::Refused(refusal)] = &ask(json!({"code": 40101}))[..] else { panic!() };
    assert_eq!(refusal.class, RefusalClass::Session);
}

#[test]
fn answers_out_of_order_find_their_questions() {
    let mut bench = Bench::armed();
    let probe = bench.say(Intent::Probe(LinkRole::Guard)).only_id();
    let read_back = bench.say(Intent::ReadBack).only_id();
    let on = json!({"code": 0, "result": {"scope": "CONNECTION"}});
    assert_eq!(bench.answer(read_back, on.clone()).reports, [Report::ReadBack(ReadBackVerdict::Agrees)]);
    assert_eq!(bench.answer(probe, on).reports, [Report::ProbeAnswered(LinkRole::Guard)]);
}

#[test]
fn setting_the_switch_once_more_counts_only_when_it_reads_back() {
    let mut bench = Bench::armed();
    for (set, read, expected) in [
        (
            json!({"code": 0, "result": {"scope": "CONNECTION"}}),
            json!({"code": 0, "result": {"scope": "CONNECTION"}}),
            true,
        ),
        (json!({"code": 40006}), json!({"code": 0, "result": {"scope": "CONNECTION"}}), true),
        (json!({"code": 0, "result": {"scope": "CONNECTION"}}), json!({"code": 0}), false),
    ] {
        let arm = bench.say(Intent::Rearm);
        assert_eq!(arm.methods(), ["private/set-cancel-on-disconnect"]);
        let asked = bench.answer(arm.only_id(), set);
        assert!(asked.reports.is_empty());
        let outcome = bench.answer(asked.only_id(), read);
        let done = [Report::Done(Step::Switch), Report::Done(Step::ReadBack)];
        assert_eq!(outcome.reports == done, expected, "{:?}", outcome.reports);
        assert_eq!(matches!(outcome.reports[..], [Report::Refused(_)]), !expected);
        assert!(outcome.said.is_empty(), "no attempt without a pause");
    }
}

#[test]
fn what_the_venue_has_no_words_for_is_not_said() {
    let mut bench = Bench::armed();
    for intent in [Intent::Feed, Intent::Disarm, Intent::Farewell, Intent::Probe(LinkRole::Trade)] {
        assert!(bench.say(intent).silent(), "{intent:?}");
    }
    assert!(bench.venue.facts().no_farewell.is_some() && bench.venue.facts().no_disarm.is_some());
}

#[test]
fn no_unsubscribe_is_ever_said() {
    let mut bench = Bench::armed();
    let mut said = Vec::new();
    for intent in [
        Intent::ReadBack,
        Intent::Rearm,
        Intent::Disarm,
        Intent::Farewell,
        Intent::Probe(LinkRole::Guard),
        Intent::CancelAll(Path::Link),
        Intent::OpenOrders(Path::Link),
    ] {
        said.extend(bench.say(intent).methods().into_iter().map(str::to_owned));
    }
    assert!(said.len() >= 5 && !said.iter().any(|method| method.contains("unsubscribe")), "{said:?}");
}

// --- kill and open orders

#[test]
fn a_kill_cancels_ordinary_and_advanced_orders_over_both_paths() {
    let mut bench = Bench::armed();
    let methods = ["private/cancel-all-orders", "private/advanced/cancel-all-orders"];
    let link = bench.say(Intent::CancelAll(Path::Link));
    assert_eq!(link.methods(), methods);
    assert_eq!(link.said[0].1["params"], json!({}), "no instrument: every instrument");

    let http = bench.say(Intent::CancelAll(Path::Http));
    for ((_, request), method) in http.calls.iter().zip(methods) {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(request.path, format!("/exchange/v1/{method}"));
        assert_eq!((&body["method"], &body["params"]), (&json!(method), &json!({})));
        assert!(body["sig"].is_string() && body["api_key"].is_string());
        assert_eq!(request.line, crate::venue::CallLine::Kill);
    }

    let id = link.said[0].1["id"].as_u64().unwrap();
    let done = bench.answer(id, json!({"code": 0}));
    assert_eq!(done.reports, [Report::CancelledAll { path: Path::Link, count: None }]);
    let done = bench.reply(http.calls[0].0, 200, r#"{"id":9,"code":0}"#, None);
    assert_eq!(done.reports, [Report::CancelledAll { path: Path::Http, count: None }]);
    let swept = bench.reply(http.calls[1].0, 400, r#"{"code":40002}"#, None);
    assert!(swept.silent(), "a venue without advanced orders has none to sweep");
}

#[test]
fn a_kill_over_http_survives_the_loss_of_the_link_and_tells_every_failure() {
    let mut bench = Bench::armed();
    let mut outcome_of = |status: u16, body: &str| {
        let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
        bench.venue.forget(LinkRole::Guard);
        bench.reply(tag, status, body, None)
    };
    let refused = outcome_of(401, r#"{"id":1,"code":40103,"message":"IP_ILLEGAL"}"#);
    assert_eq!(refused.refusal().class, RefusalClass::Retry, "no reason to give up an armed link");
    assert_eq!(outcome_of(502, "<html>bad gateway</html>").refusal().code, "HTTP 502");
    assert_eq!(outcome_of(200, "{}").refusal().code, "HTTP 200");
    assert_eq!(outcome_of(200, "").refusal().step, "private/cancel-all-orders");

    let tag = bench.say(Intent::CancelAll(Path::Http)).calls[0].0;
    let lost = CallReply::Failed(LossCause::Reset);
    assert_eq!(bench.venue.hear_reply(bench.now, tag, lost, &mut bench.out), Ok(()));
    let said = bench.drain().refusal().to_string();
    assert!(said.starts_with("private/cancel-all-orders: no answer: the connection was reset"), "{said}");
    assert!(bench.reply(tag, 200, r#"{"code":0}"#, None).silent(), "a tag counts once");
}

#[test]
fn open_orders_are_listed_with_exact_ids_and_nothing_is_dropped() {
    let mut bench = Bench::armed();
    let id = bench.say(Intent::OpenOrders(Path::Link)).only_id();
    let listed = bench.answer(
        id,
        json!({"code": 0, "result": {"data": [
            {"order_id": "4989988582751301541", "client_oid": "a\"b", "instrument_name": "CRO_USD"},
            {"order_id": 9_223_372_036_854_775_807_u64},
            "nonsense",
        ]}}),
    );
    let [Report::OpenOrders { path: Path::Link, orders, complete: true, .. }] = &listed.reports[..] else { panic!() };
    let ids: Vec<&str> = orders.iter().map(|order| order.order_id.as_str()).collect();
    assert_eq!(ids, ["4989988582751301541", "9223372036854775807", ""]);
    assert_eq!((orders[0].client_id.as_str(), orders[0].instrument.as_str()), ("a\"b", "CRO_USD"));
}

#[test]
fn an_answer_without_a_list_is_not_an_empty_list() {
    let mut bench = Bench::armed();
    for answer in [json!({"code": 0}), json!({"code": 0, "result": {}}), json!({"code": 50001, "result": {"data": []}})]
    {
        let id = bench.say(Intent::OpenOrders(Path::Link)).only_id();
        assert_eq!(bench.answer(id, answer).refusal().step, "private/get-open-orders");
    }
}

#[test]
fn open_orders_go_over_http_where_the_link_does_not_offer_them() {
    let mut bench = Bench::armed();
    let asked = bench.now.at;
    let id = bench.say(Intent::OpenOrders(Path::Link)).only_id();
    let fallback = bench.answer(id, json!({"code": 40002, "message": "METHOD_NOT_FOUND"}));
    assert_eq!(fallback.calls[0].1.path, "/exchange/v1/private/get-open-orders");
    let listed = bench.reply(fallback.calls[0].0, 200, r#"{"code":0,"result":{"data":[]}}"#, None);
    assert_eq!(listed.reports, [Report::OpenOrders { path: Path::Http, asked, orders: vec![], complete: true }]);
}

#[test]
fn preparing_compares_clocks_and_reports_nothing_else() {
    let mut bench = Bench::new();
    bench.venue.prepare(bench.now, &mut bench.out);
    let prepared = bench.drain();
    let (tag, request) = prepared.calls[0].clone();
    assert_eq!((prepared.calls.len(), request.path.as_str()), (1, "/exchange/v1/private/get-open-orders"));
    let told = bench.reply(tag, 401, r#"{"code":40101}"#, Some("Tue, 14 Nov 2023 22:13:10 GMT"));
    assert_eq!(told.reports, [Report::ClockOffset(-9_500)]);
}

// --- the application's requests

#[test]
fn a_composed_request_keeps_its_parameters_byte_for_byte_and_gets_its_answer() {
    let mut bench = Bench::armed();
    let params = r#"{ "price":"20000.50","quantity":0.0100,"big":123456789012345678901234567890 }"#;
    let (id, composed) = composed(&mut bench, 5, "private/create-order", params);
    assert!(composed.line.contains(params));
    assert_eq!(composed.screened.kind, Screening::Order);
    let (heard, outcome) =
        bench.hear(&format!(r#"{{"id":{id},"code":306,"message":"INSUFFICIENT_AVAILABLE_BALANCE"}}"#));
    assert_eq!(heard, Ok(Heard::Answer(RequestId(5))));
    assert!(outcome.silent(), "the application's business");
}

#[test]
fn further_answers_to_one_request_reach_the_application() {
    let mut bench = Bench::armed();
    let (id, _) = composed(&mut bench, 6, "private/create-order-list", r#"{"order_list":[]}"#);
    let line = format!(r#"{{"id":{id},"code":0,"result":{{"order_id":"1"}}}}"#);
    assert_eq!(bench.hear(&line).0, Ok(Heard::Answer(RequestId(6))));
    assert_eq!(bench.hear(&line).0, Ok(Heard::Application));
}

#[test]
fn nothing_is_composed_without_a_link_or_beyond_the_limit() {
    let mut bench = Bench::new();
    let compose = |bench: &mut Bench, n| bench.venue.compose(bench.now, RequestId(n), "private/create-order", "{}");
    assert_eq!(compose(&mut bench, 1), Err(Misuse::NotConnected));
    let mut bench = Bench::armed();
    for n in 0..1_024 {
        assert!(compose(&mut bench, n).is_ok());
    }
    assert_eq!(compose(&mut bench, 2_000), Err(Misuse::TooManyPending { limit: 1_024 }));
    bench.venue.forget(LinkRole::Guard);
    bench.begin(2);
    assert!(compose(&mut bench, 2_001).is_ok());
}

#[test]
fn a_rate_limited_answer_asks_for_a_pause_whoever_asked() {
    let mut bench = Bench::armed();
    let (_, outcome) =
        bench.hear(r#"{"id":7,"method":"private/create-order","code":42901,"message":"TOO_MANY_REQUESTS"}"#);
    assert_eq!(outcome.reports, [Report::RateLimited(facts::RATE_LIMIT_PAUSE)]);
}

// --- anything the wire can bring

#[test]
fn every_captured_frame_is_understood() {
    let mut bench = Bench::armed();
    let (mut heartbeats, mut channels) = (0, 0);
    for line in CAPTURED.lines() {
        match bench.hear(line) {
            (Ok(Heard::Ours), outcome) if outcome.methods() == ["public/respond-heartbeat"] => heartbeats += 1,
            (Ok(Heard::Application), outcome) if outcome.silent() => channels += 1,
            (heard, outcome) => panic!("{heard:?} {:?} {line}", outcome.reports),
        }
    }
    assert!(heartbeats >= 8 && channels >= 5, "{heartbeats} {channels}");
}

#[test]
fn what_is_json_but_no_message_is_the_applications_and_the_rest_a_breach() {
    let mut bench = Bench::armed();
    for line in ["[]", "7", "\"x\"", "null", "{}", r#"{"id":-1,"method":"ERROR","code":40001,"original":"{}"}"#] {
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
    let mut bench = Bench::armed();
    let id = bench.say(Intent::ReadBack).only_id();
    let own = format!(
        r#"{{"id":{id},"method":"private/get-cancel-on-disconnect","code":0,"result":{{"scope":"CONNECTION"}}}}"#
    );
    let frames: Vec<&str> = CAPTURED.lines().chain([own.as_str()]).collect();
    for _ in 0..20_000 {
        let mut bytes = frames[random(frames.len())].as_bytes().to_vec();
        bytes.truncate(bytes.len() - if random(3) == 0 { random(bytes.len()) } else { 0 });
        for _ in 0..random(4) {
            let at = random(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = DAMAGE[random(DAMAGE.len())];
            }
        }
        // `drain` fails on a line of ours that is not JSON.
        let _ = bench.hear(&String::from_utf8_lossy(&bytes));
        let tag = bench.say(Intent::OpenOrders(Path::Http)).calls[0].0;
        bench.reply(tag, 200, &String::from_utf8_lossy(&bytes), Some("Tue, 14 Nov 2023 22:13:19 GMT"));
    }
}
