//! The session's contract, line by line, with a venue of a few words. What real venues do is tested in `sim`.

use super::*;
use crate::model::{
    Access, Attribution, Breach, CallTag, CancelledBy, Coverage, Credentials, Endpoint, Environment, Exposure,
    LossCause, Misuse, Notice, OrderRef, Phase, ReadBackVerdict, Refusal, RefusalClass, Secret, Snapshot, Step, Target,
    TimeFactor, Trip, VenueName, WallTime,
};
use crate::venue::{
    CallLine, CallReply, Composed, Ending, Facts, FeedRule, Heard, HttpMethod, HttpRequest, Intent, Lane, OpenOrder,
    OrderKey, OrderNews, OrdersIn, Path, RateRule, Report, Screened, Screening, Stamp, Venue,
};

mod contract;
mod hazards;
mod keeping;
mod killing;
mod leases;
mod reconciling;
mod standstill;
mod sticky;

/// A venue whose messages are words: `ok login`, `ok switch`, `fed`, `on`, `off`, `pong`, `nonsense`; with ` at ` and its
/// time in milliseconds behind them, if it says that.
struct Words {
    facts: Facts,
    target: Target,
    endpoint: Endpoint,
    fed_at: Option<Moment>,
    /// When the open orders were asked for last.
    listed_at: Moment,
    /// The same on the link.
    link_listed_at: Moment,
}

const SECOND: Duration = Duration::from_secs(1);

impl Words {
    fn new(kind: SwitchKind) -> Self {
        let feed = FeedRule { window: 60 * SECOND, cadence: 15 * SECOND, rounding: SECOND };
        let countdown = kind == SwitchKind::Countdown;
        let facts = Facts {
            kind,
            coverage: Coverage::Account,
            exposure: Exposure { bound: 60 * SECOND, because: "the words say so" },
            required: &[Step::Login, Step::Switch],
            can_read_back: !countdown,
            settle: Duration::ZERO,
            feed: countdown.then_some(feed),
            tolerance: Some(10 * SECOND),
            speaks_every: None,
            venue_probe_min: SECOND,
            trips_within: 40 * SECOND,
            dial_rule: RateRule { count: 150, per: 600 * SECOND },
            message_rule: RateRule { count: 100, per: SECOND },
            order_rule: None,
            cancels_cost_keepalives: false,
            subscription_rule: None,
            no_farewell: None,
            no_disarm: None,
        };
        let target = Target {
            venue: VenueName::Kraken,
            environment: Environment::Custom,
            account: "words".into(),
            time_factor: TimeFactor::REAL,
        };
        let endpoint = Endpoint::parse("url", "wss://localhost/").unwrap();
        Self { facts, target, endpoint, fed_at: None, listed_at: Moment::default(), link_listed_at: Moment::default() }
    }

    fn call(&self, path: &str, out: &mut Outbox) {
        out.call(HttpRequest {
            method: HttpMethod::Post,
            path: path.into(),
            headers: vec![],
            body: String::new(),
            line: CallLine::Kill,
        });
    }

    fn say_feed(&mut self, now: Now, out: &mut Outbox) {
        self.fed_at = Some(now.at);
        out.say(LinkRole::Guard, Lane::Keepalive, |line| line.push_str("feed"));
    }
}

impl Venue for Words {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn endpoint(&self, role: LinkRole) -> Option<&Endpoint> {
        (role == LinkRole::Guard).then_some(&self.endpoint)
    }

    fn http_endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn prepare(&mut self, _: Now, _: &mut Outbox) {}

    fn begin(&mut self, now: Now, _: LinkRole, epoch: Epoch, out: &mut Outbox) {
        out.say(LinkRole::Guard, Lane::Control, |line| line.push_str(&format!("login {}", epoch.0)));
        if self.facts.feed.is_some() {
            self.say_feed(now, out);
        }
    }

    fn hear(&mut self, _: Now, _: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        let (line, stamp) = line.split_once(" at ").map_or((line, None), |(line, millis)| (line, millis.parse().ok()));
        if let Some(millis) = stamp {
            out.stamp(Stamp { millis, asked: None });
        }
        match line {
            "cancelled" => out.report(Report::CancelledAll { path: Path::Link, count: None }),
            "none is open" => {
                let asked = self.link_listed_at;
                out.report(Report::OpenOrders { path: Path::Link, asked, orders: vec![], complete: true });
            }
            "ok login" => out.report(Report::Done(Step::Login)),
            "ok switch" => out.report(Report::Done(Step::Switch)),
            "fed" => {
                if let Some(sent) = self.fed_at.take() {
                    out.report(Report::Fed { sent });
                    out.report(Report::Done(Step::Switch));
                }
            }
            "on" => out.report(Report::ReadBack(ReadBackVerdict::Agrees)),
            "off" => out.report(Report::ReadBack(ReadBackVerdict::Disagrees)),
            "pong" => out.report(Report::ProbeAnswered(LinkRole::Guard)),
            "beat" => out.say(LinkRole::Guard, Lane::Keepalive, |line| line.push_str("alive")),
            "disarmed" => out.report(Report::Disarmed),
            "spoke" => out.report(Report::VenueSpoke),
            "no access" => out.report(Report::Refused(refusal())),
            "no feed" => out.report(Report::FeedRefused(refusal())),
            "no trade" => out.report(Report::TradeRefused(refusal())),
            "down" => out.report(Report::Notice(Notice::Maintenance { active: true, text: String::new() })),
            "up" => out.report(Report::Notice(Notice::Online)),
            "nonsense" => return Err(Breach { what: "nonsense" }),
            _ if line.starts_with("{\"answer\":") => {
                let id = line["{\"answer\":".len()..].trim_end_matches('}');
                return Ok(Heard::Answer(RequestId(id.parse().unwrap())));
            }
            _ if line.starts_with("answer ") => {
                return Ok(Heard::Answer(RequestId(line["answer ".len()..].parse().unwrap())));
            }
            _ => return Ok(Heard::Application),
        }
        Ok(Heard::Ours)
    }

    fn hear_reply(&mut self, _: Now, _: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        let CallReply::Got { body, .. } = reply else { return Ok(()) };
        match body.strip_prefix("listed ") {
            None if body == "again" => self.call("again", out),
            None if body == "unlisted" => out.report(Report::Unlisted { asked: self.listed_at, refusal: refusal() }),
            Some(names) => out.report(Report::OpenOrders {
                path: Path::Http,
                asked: self.listed_at,
                orders: orders(names),
                complete: true,
            }),
            None => out.report(Report::CancelledAll { path: Path::Http, count: Some(2) }),
        }
        Ok(())
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        let word = match intent {
            Intent::Feed => return self.say_feed(now, out),
            Intent::ReadBack => "is it on",
            Intent::Probe(_) => "ping",
            Intent::Disarm => "disarm",
            Intent::Rearm => "arm again",
            Intent::Farewell => "farewell",
            Intent::CancelAll(Path::Link) => "cancel all",
            Intent::CancelAll(Path::Http) => return self.call("cancel all", out),
            Intent::OpenOrders(Path::Http) => {
                self.listed_at = now.at;
                return self.call("list", out);
            }
            Intent::OpenOrders(Path::Link) => {
                self.link_listed_at = now.at;
                "what is open"
            }
            Intent::Errand(_) => return,
        };
        out.say(LinkRole::Guard, Lane::Control, |line| line.push_str(word));
    }

    fn compose(&mut self, _: Now, _: RequestId, method: &str, _: &str) -> Result<Composed, Misuse> {
        Ok(Composed { line: method.to_owned(), screened: self.screen(method) })
    }

    fn withdraw(&mut self, _request: RequestId) {}

    fn screen(&self, line: &str) -> Screened {
        let kind = match line {
            _ if line.starts_with("buy") => Screening::Order,
            _ if line.starts_with("cancel") => Screening::Cancel,
            "logout" => Screening::BreaksProtection { method: "logout".into(), instead: "call farewell()" },
            _ => Screening::Harmless,
        };
        Screened::new(LinkRole::Guard, kind)
    }

    /// `buy a` creates the order with the client id `a`; `cancel a` cancels it.
    fn orders_in(&self, line: &str) -> OrdersIn {
        let named = |name: &str| OrderRef { client_id: name.into(), ..OrderRef::default() };
        let id = line.to_owned();
        match line.split_once(' ') {
            Some(("buy", name)) => OrdersIn { id, created: vec![named(name)], ..OrdersIn::default() },
            Some(("cancel", name)) => OrdersIn { id, cancelled: vec![name.into()], ..OrdersIn::default() },
            Some(_) | None if line == "buy" => OrdersIn { id, created: vec![named("")], ..OrdersIn::default() },
            Some(_) | None => OrdersIn::default(),
        }
    }

    /// `took buy a` answers `buy a` and names it `#a`; `filled #a` and `cancelled #a user` end it.
    fn order_news(&self, _: LinkRole, line: &str) -> Vec<OrderNews> {
        let words: Vec<&str> = line.split(' ').collect();
        let order = |id: &str| OrderRef { order_id: id.to_owned(), ..OrderRef::default() };
        let ended = |id: &str, how| vec![OrderNews::Ended { order: order(id), how }];
        match &words[..] {
            ["took", method, name] => {
                let key = OrderKey { id: format!("{method} {name}"), index: 0 };
                vec![OrderNews::Accepted { key, order: order(&format!("#{name}")) }]
            }
            ["refused", method, name] => vec![OrderNews::AllRefused { id: format!("{method} {name}") }],
            ["filled", id] => ended(id, Ending::Done),
            ["cancelled", id, by] => {
                let by = match *by {
                    "user" => CancelledBy::User,
                    "switch" => CancelledBy::Switch,
                    _ => CancelledBy::Unknown,
                };
                ended(id, Ending::Cancelled(Attribution::new(by, "said")))
            }
            _ => vec![],
        }
    }

    fn forget(&mut self, _: LinkRole) {
        self.fed_at = None;
    }
}

/// A session and its clock. Every step returns the actions as text lines.
struct Bench {
    session: Session<Words>,
    now: Now,
}

impl Bench {
    fn new(kind: SwitchKind) -> Self {
        let now = Now { at: Moment::from_nanos(1_000_000_000_000), wall: WallTime::from_millis(1_700_000_000_000) };
        let session = Session::new(Words::new(kind), Policy::default(), 42, now);
        Self { session, now }
    }

    /// Armed on epoch 1, with one answered ping.
    fn armed(kind: SwitchKind) -> Self {
        let mut bench = Self::new(kind);
        bench.give(Input::Command(Command::Start));
        bench.link_up(1);
        assert_eq!(bench.phase(), Phase::Armed);
        bench
    }

    fn link_up(&mut self, epoch: u64) {
        let lines = self.give(Input::Dialled { epoch: Epoch(epoch) });
        self.answer_pings(&lines);
        self.hear(epoch, "ok login");
        let word = if self.session.venue.facts.feed.is_some() { "fed" } else { "ok switch" };
        self.hear(epoch, word);
    }

    fn give(&mut self, input: Input<'_>) -> Vec<String> {
        self.session.handle(self.now, input);
        self.drain()
    }

    fn hear(&mut self, epoch: u64, text: &str) -> Vec<String> {
        self.give(Input::Line { epoch: Epoch(epoch), text })
    }

    fn tick_after(&mut self, length: Duration) -> Vec<String> {
        self.now.at = self.now.at + length;
        self.give(Input::Tick)
    }

    /// Ticks whenever the session asks for it; with `alive`, every ping and question is answered at once.
    fn run(&mut self, length: Duration, alive: bool) -> Vec<String> {
        let end = self.now.at + length;
        let mut all = vec![];
        loop {
            let Some(until) = self.session.deadlines.next().map(|(at, _)| at).filter(|at| *at <= end) else {
                self.now.at = end;
                return all;
            };
            self.now.at = self.now.at.max(until);
            let mut lines = self.give(Input::Tick);
            lines.extend(self.miss_all_but_the_last_dial());
            if alive {
                all.extend(self.answer_pings(&lines));
                all.extend(self.answer_words(&lines));
            }
            all.extend(lines);
        }
    }

    fn miss_all_but_the_last_dial(&mut self) -> Vec<String> {
        let mut all = vec![];
        while self.session.dials.len() > 1 {
            let epoch = self.session.dials[0].epoch;
            all.extend(self.give(Input::Missed { epoch, cause: LossCause::Unreachable }));
        }
        all
    }

    fn answer_words(&mut self, lines: &[String]) -> Vec<String> {
        let mut all = vec![];
        for line in lines.iter().filter(|line| line.starts_with("say ")) {
            let epoch = self.session.link.as_ref().map_or(0, |link| link.epoch.0);
            let answer = match line.rsplit(": ").next().unwrap_or_default() {
                "feed" => "fed",
                "is it on" => "on",
                "ping" => "pong",
                "arm again" => "ok switch",
                _ => continue,
            };
            all.extend(self.hear(epoch, answer));
        }
        all
    }

    fn answer_pings(&mut self, lines: &[String]) -> Vec<String> {
        let mut all = vec![];
        for line in lines.iter().filter_map(|line| line.strip_prefix("ping ")) {
            let (epoch, nonce) = line.split_once(' ').unwrap();
            let input = Input::Pong { epoch: Epoch(epoch.parse().unwrap()), nonce: nonce.parse().unwrap() };
            all.extend(self.give(input));
        }
        all
    }

    fn drain(&mut self) -> Vec<String> {
        let mut lines = vec![];
        loop {
            match self.session.poll() {
                Action::Wait { .. } => return lines,
                Action::Dial { epoch, .. } => lines.push(format!("dial {}", epoch.0)),
                Action::Say { epoch, line, lane } => lines.push(format!("say {} {lane:?}: {line}", epoch.0)),
                Action::Ping { epoch, nonce } => lines.push(format!("ping {} {nonce}", epoch.0)),
                Action::Call { tag, request, .. } => lines.push(format!("call {}: {}", tag.0, request.path)),
                Action::Mute { epoch } => lines.push(format!("mute {}", epoch.0)),
                Action::HangUp { epoch, how } => lines.push(format!("hang up {} {how:?}", epoch.0)),
                Action::Tell(event) => lines.push(format!("tell {} {:?}", event.seq, event.kind)),
                Action::Deliver { answers, .. } => lines.push(format!("deliver {answers:?}")),
                Action::Sent { request } => lines.push(format!("sent {}", request.0)),
                Action::Fate { request, fate } => lines.push(format!("fate {} {fate:?}", request.0)),
            }
        }
    }

    /// Waits a second, and names the dial that is under way then.
    fn redial(&mut self) -> u64 {
        self.run(SECOND, false);
        self.session.dials.last().expect("a dial is under way").epoch.0
    }

    fn request(&mut self, id: u64, method: &str) -> Vec<String> {
        let command = Command::Request { id: RequestId(id), method, params: "{}", sticky: false, unsafe_named: false };
        self.give(Input::Command(command))
    }

    fn lose(&mut self, epoch: u64) -> Vec<String> {
        self.give(Input::Lost { epoch: Epoch(epoch), cause: LossCause::Reset })
    }

    fn phase(&self) -> Phase {
        self.snapshot().phase
    }

    fn snapshot(&self) -> Snapshot {
        self.session.snapshot()
    }
}

fn refusal() -> Refusal {
    Refusal::new("auth", 10003, "", RefusalClass::Fatal, "check the key")
}

fn orders(names: &str) -> Vec<OpenOrder> {
    let order = |name: &str| OpenOrder { order_id: name.into(), client_id: String::new(), instrument: "X".into() };
    names.split_whitespace().map(order).collect()
}

fn has(lines: &[String], wanted: &str) -> bool {
    lines.iter().any(|line| line.contains(wanted))
}

/// A session of every dialect must be able to move to the engine's thread.
#[test]
fn a_session_is_send() {
    fn check<T: Send>() {}
    check::<Session<Words>>();
    let access =
        Access::standard("a", Environment::Test, Credentials::new("key", Secret::new("secret".into()), None).unwrap());
    assert!(access.is_ok());
    assert_ne!(Trip::Presumed, Trip::Told { venue_time: None });
}
