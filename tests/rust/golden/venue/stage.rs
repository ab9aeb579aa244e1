//! A guard, an embedded venue and the path between them, and what a script can do to them. The verbs:
//!
//! ```text
//! start                                        the application starts the guard
//! start quietly until armed                    the same, and only that it is armed is told
//! run 20s                                      time passes
//! run until armed [, at most 20s]              until so; it must be so within that time (60s)
//! order | orders 3                             the application sends orders, which are meant to rest
//! silence [to the venue | to us | on the links that exist]     nothing passes, and nobody is told
//! heal                                         everything passes again, and the venue behaves
//! reset | close 1001 | end of stream           the venue ends every connection
//! freeze the process 20s | freeze the thread 20s | freeze the machine 20s       the machine: all its clocks, too
//! lease quoter 1s every 200ms                  the application takes a lease and renews it
//! quoter stalls | repeats | gets on | announces a stall of 5s | is closed
//! kill red button | rearm anna looked          with the words that go with it
//! maintenance begins why | maintenance ends why
//! let go | farewell why
//! venue refuses|loses|ignores|delays STEP [3 times]   an error; the answer is lost; the request is lost; 5s late
//! venue is down | venue stops its heartbeats | venue answers no ping | venue says nonsense
//! revoke the key | restore the key
//! wall clock +90s                              somebody sets this machine's wall clock
//! kill the process | start the process         the program dies; it is started again
//! subscribe | break the protection | break the protection by name
//! another program places an order
//! show                                         what the guard says of itself, and what the venue would do
//! ```

use super::VenueWords;
use super::wire;
use super::words;
use crate::script::{NOT_SO, Stage, seconds};
use crate::sheet::{Sheet, length, moment};
use crate::worlds::Side;
use killcord::model::{CallTag, Epoch, LeaseTerms, LossCause, Moment, Policy, RequestId};
use killcord::session::{Command, HangUp, Session};
use killcord::sim::application::Conduct;
use killcord::sim::exchange::{Fault, JournalEntry, JournalKind, Order, OrderState};
use killcord::sim::network::{BOTH, Parcel, Way};
use killcord::sim::world::{Deed, Pause, World};
use killcord::venue::{HttpMethod, Venue};
use std::collections::BTreeMap;
use std::time::Duration;

/// One way.
const DELAY: Duration = Duration::from_millis(10);
/// Decides the jitter of dials; any would do.
const SEED: u64 = 1;
/// What is waited for comes within this, unless a script says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module documentation.
pub struct VenueStage<'a, V> {
    side: &'a Side<V>,
    words: &'a VenueWords,
    world: World<V>,
    start: Moment,
    journal_read: usize,
    calls: BTreeMap<CallTag, String>,
    /// What was asked on a link with this id.
    asked: BTreeMap<(Epoch, String), String>,
    orders: u64,
    requests: u64,
    leases: Vec<String>,
    /// Nouns of what the present command had told.
    told: Vec<String>,
}

impl<V: Venue> Stage for VenueStage<'_, V> {
    fn perform(&mut self, command: &str, sheet: &mut Sheet) {
        self.told.clear();
        let words: Vec<&str> = command.split_whitespace().collect();
        let known = self.time(&words, sheet)
            || self.path(&words)
            || self.application(&words)
            || self.leases(&words)
            || self.venue(&words)
            || self.machine(&words);
        assert!(known, "no such command: {command}");
        self.note(sheet);
    }
}

impl<'a, V: Venue> VenueStage<'a, V> {
    /// A world in which nothing has happened.
    pub fn new(side: &'a Side<V>, words: &'a VenueWords) -> Self {
        let mut world = side.world(DELAY, SEED);
        world.story.want();
        let start = world.now().at;
        Self {
            side,
            words,
            world,
            start,
            journal_read: 0,
            calls: BTreeMap::new(),
            asked: BTreeMap::new(),
            orders: 0,
            requests: 100,
            leases: Vec::new(),
            told: Vec::new(),
        }
    }

    fn time(&mut self, words: &[&str], sheet: &mut Sheet) -> bool {
        match words {
            ["start", "quietly", "until", rest @ ..] => self.start_quietly(&rest.join(" "), sheet),
            ["run", "until", rest @ ..] => self.run_until(&rest.join(" "), sheet),
            ["run", length] => self.run(seconds(length), sheet),
            ["show"] => self.show(sheet),
            _ => return false,
        }
        true
    }

    /// What every story begins with, told once and for all in a promise of its own.
    fn start_quietly(&mut self, condition: &str, sheet: &mut Sheet) {
        let mut untold = Sheet::default();
        self.world.command(Command::Start);
        self.run_until(condition, &mut untold);
        self.note(&mut untold);
        let snapshot = self.world.snapshot();
        let permit = if snapshot.permit { ", orders are permitted" } else { "" };
        let told = format!("{}{permit} (how: armed_only_after_every_step.txt)", snapshot.phase.as_str());
        sheet.add(self.world.now().at.since(self.start), "then", told);
    }

    fn run(&mut self, length: Duration, sheet: &mut Sheet) {
        let limit = self.world.now().at + length;
        while self.world.step(limit) {
            self.note(sheet);
        }
    }

    fn run_until(&mut self, condition: &str, sheet: &mut Sheet) {
        let (condition, patience) = condition.split_once(", at most ").unwrap_or((condition, ""));
        let patience = if patience.is_empty() { PATIENCE } else { seconds(patience) };
        let limit = self.world.now().at + patience;
        while !self.is(condition) {
            if !self.world.step(limit) {
                return sheet.plain(format!("{NOT_SO}: {condition}, within {}", length(patience)));
            }
            self.note(sheet);
        }
    }

    fn is(&self, condition: &str) -> bool {
        let snapshot = self.world.snapshot();
        match condition {
            "permitted" => snapshot.permit,
            "no order rests" => self.resting() == 0,
            "an order rests" => self.resting() > 0,
            _ => match condition.strip_prefix("told ") {
                Some(text) => self.told.iter().any(|noun| noun.contains(text)),
                None => snapshot.phase.as_str() == condition,
            },
        }
    }

    fn resting(&self) -> usize {
        self.world.exchange.floor().open_orders(|_| true).len()
    }

    fn path(&mut self, words: &[&str]) -> bool {
        let (now, conns) = (self.world.now().at, self.world.sockets());
        match words {
            ["silence"] => BOTH.into_iter().for_each(|way| self.world.network.cut(now, way)),
            ["silence", "to", "the", "venue"] => self.world.network.cut(now, Way::Up),
            ["silence", "to", "us"] => self.world.network.cut(now, Way::Down),
            ["silence", "on", "the", "links", "that", "exist"] => {
                BOTH.into_iter().for_each(|way| self.world.network.block(now, way, &conns));
            }
            ["heal"] => {
                self.world.heal_path(true);
                self.world.exchange.floor_mut().heal();
            }
            ["reset"] => self.world.venue_drops_all(None),
            ["close", code] => self.world.venue_drops_all(Some(code.parse().unwrap())),
            ["end", "of", "stream"] => self.world.venue_ends_all(LossCause::EndOfStream),
            _ => return false,
        }
        true
    }

    fn application(&mut self, words: &[&str]) -> bool {
        match words {
            ["start"] => self.world.command(Command::Start),
            ["order"] => self.order(),
            ["orders", count] => (0..count.parse().unwrap()).for_each(|_: u64| self.order()),
            ["kill", "the", "process"] => self.world.kill_process(),
            ["kill", reason @ ..] => self.world.command(Command::Kill { reason: &reason.join(" ") }),
            ["rearm", acknowledge @ ..] => self.rearm(&acknowledge.join(" ")),
            ["maintenance", when, reason @ ..] => {
                self.world.command(Command::Maintenance { begin: *when == "begins", reason: &reason.join(" ") });
            }
            ["let", "go"] => self.world.command(Command::LetGo),
            ["abandon"] => self.world.command(Command::Abandon),
            ["farewell", reason @ ..] => self.world.command(Command::Farewell { reason: &reason.join(" ") }),
            ["subscribe"] => self.request(self.words.subscription, true, false),
            ["break", "the", "protection"] => self.request(self.words.breaks, false, false),
            ["break", "the", "protection", "by", "name"] => self.request(self.words.breaks, false, true),
            _ => return false,
        }
        true
    }

    fn order(&mut self) {
        self.orders += 1;
        (self.side.order)(&mut self.world, self.orders);
    }

    fn request(&mut self, (method, params): (&str, &str), sticky: bool, unsafe_named: bool) {
        self.requests += 1;
        self.world.command(Command::Request { id: RequestId(self.requests), method, params, sticky, unsafe_named });
    }

    fn rearm(&mut self, acknowledge: &str) {
        self.world.command(Command::Rearm { acknowledge });
        let now = self.world.guard_now().at;
        for lease in self.world.snapshot().leases.into_iter().filter(|lease| lease.renewed_at.is_none()) {
            self.world.application.restart(lease.id, now);
        }
    }

    fn leases(&mut self, words: &[&str]) -> bool {
        if let ["lease", name, budget, "every", period] = words {
            assert!(LeaseTerms::new(name, seconds(budget)).is_ok());
            self.world.take_lease(name, seconds(budget), seconds(period));
            self.leases.push((*name).to_owned());
            return true;
        }
        let Some(which) = words.first().and_then(|name| self.leases.iter().position(|lease| lease == name)) else {
            return false;
        };
        let now = self.world.guard_now().at;
        match &words[1..] {
            ["stalls"] => self.world.application.behave(which, Conduct::Silent, now),
            ["repeats"] => self.world.application.behave(which, Conduct::Repeating, now),
            ["gets", "on"] => self.world.application.behave(which, Conduct::Renewing, now),
            ["announces", "a", "stall", "of", length] => self.world.application.extend(which, seconds(length), now),
            ["is", "closed"] => {
                self.world.close_lease(which);
                self.leases.remove(which);
            }
            _ => return false,
        }
        true
    }

    fn venue(&mut self, words: &[&str]) -> bool {
        let fault = match words {
            ["venue", "is", "down"] => Fault::Maintenance,
            ["venue", "stops", "its", "heartbeats"] => Fault::NoHeartbeats,
            ["venue", "answers", "no", "ping"] => Fault::SilentPings,
            ["venue", "says", "nonsense"] => {
                let (now, conns) = (self.world.now().at, self.world.sockets());
                for conn in conns {
                    self.world.network.send(now, Way::Down, Parcel::Down(conn, "{".to_owned()), 1);
                }
                return true;
            }
            ["venue", how, rest @ ..] => {
                let (step, times) = match rest {
                    [step @ .., times, "times"] => (step, times.parse().unwrap()),
                    step => (step, u32::MAX),
                };
                misbehaviour(how, step.join(" "), times)
            }
            ["another", "program", "places", "an", "order"] => {
                self.foreign_order();
                return true;
            }
            ["revoke", "the", "key"] => return self.set_keys(false),
            ["restore", "the", "key"] => return self.set_keys(true),
            _ => return false,
        };
        let now = self.world.now();
        self.world.exchange.floor_mut().apply(now, fault);
        true
    }

    fn set_keys(&mut self, valid: bool) -> bool {
        self.world.exchange.floor_mut().accounts.values_mut().for_each(|account| account.valid = valid);
        true
    }

    fn foreign_order(&mut self) {
        let now = self.world.now();
        let (instrument, category) = self.words.market;
        let order = Order {
            number: 0,
            id: String::new(),
            account: "simulated".into(),
            conn: None,
            client_id: "somebody-else".into(),
            instrument: instrument.into(),
            category: category.into(),
            side: "buy".into(),
            price: "1000".into(),
            quantity: "0.01".into(),
            state: OrderState::Open,
            created: now,
            updated: now,
        };
        self.world.exchange.floor_mut().open_order(now, order, |number| format!("OTHER-{number}"));
    }

    fn machine(&mut self, words: &[&str]) -> bool {
        match words {
            ["freeze", "the", "process", length] => self.world.freeze(seconds(length), Pause::Process),
            ["freeze", "the", "thread", length] => self.world.freeze(seconds(length), Pause::Thread),
            ["freeze", "the", "machine", length] => self.world.freeze(seconds(length), Pause::Machine),
            ["wall", "clock", by] => {
                let back = by.starts_with('-');
                let millis = i64::try_from(seconds(by.trim_start_matches(['+', '-'])).as_millis()).unwrap();
                self.world.clock.set_wall(if back { -millis } else { millis });
            }
            ["start", "the", "process"] => {
                let dialect = (self.side.dialect)();
                let session = Session::new(dialect, Policy::default(), SEED, self.world.guard_now());
                self.world.start_process(session);
                self.calls.clear();
                self.world.command(Command::Start);
            }
            _ => return false,
        }
        true
    }

    /// Puts what happened since the last time on the sheet: the venue's journal first, because a step is of one side only.
    fn note(&mut self, sheet: &mut Sheet) {
        let journal = self.world.exchange.floor().journal();
        for entry in &journal[self.journal_read..] {
            if let Some(noun) = venue_words(entry) {
                sheet.add(entry.at.since(self.start), "venue", noun);
            }
        }
        self.journal_read = journal.len();
        for (at, deed) in self.world.story.take() {
            let (verb, noun) = self.deed(&deed);
            if verb == "tell" {
                self.told.push(noun.clone());
            }
            if !noun.is_empty() {
                sheet.add(at.since(self.start), verb, noun);
            }
        }
    }

    /// An empty noun is not shown.
    fn deed(&mut self, deed: &Deed) -> (&'static str, String) {
        match deed {
            Deed::Heard(epoch, text) => {
                let asked = wire::id(text).and_then(|id| self.asked.get(&(*epoch, id)));
                let about =
                    asked.filter(|_| !wire::is_named(text)).map_or_else(String::new, |name| format!("{name}: "));
                ("hear", format!("link {}: {about}{}", epoch.0, wire::heard(text)))
            }
            Deed::Said(epoch, text) => {
                if let Some((id, name)) = wire::id(text).zip(wire::name(text)) {
                    self.asked.insert((*epoch, id), name);
                }
                ("say", format!("link {}: {}", epoch.0, wire::said(text)))
            }
            Deed::Called(tag, request) => {
                let method = match request.method {
                    HttpMethod::Get => "GET",
                    HttpMethod::Post => "POST",
                };
                let call = format!("{method} {}", wire::path(&request.path));
                self.calls.insert(*tag, call.split(' ').take(2).collect::<Vec<_>>().join(" "));
                ("call", format!("{call} {}", wire::said_by_body(&request.body, &request.path)).trim_end().to_owned())
            }
            Deed::Answered(tag, status, body) => {
                let status = if *status == 200 { String::new() } else { format!("status {status} ") };
                let call = self.call(*tag);
                let said = format!("{status}{}", wire::answered(body, call));
                ("reply", format!("{call}: {}", if said.is_empty() { "answered" } else { &said }))
            }
            Deed::Unanswered(tag, cause) => ("reply", format!("{}: none ({cause})", self.call(*tag))),
            Deed::HungUp(epoch, HangUp::Abort) => ("drop", format!("link {}, aborted", epoch.0)),
            Deed::HungUp(epoch, HangUp::Gracefully) => ("drop", format!("link {}, closed in order", epoch.0)),
            Deed::Muted(epoch) => ("mute", format!("link {}: nothing is written any more that keeps it", epoch.0)),
            Deed::Told(event) => words::event(&event.kind, self.start),
            Deed::Sent(request) => ("sent", format!("request {}", request.0)),
            Deed::Delivered(request) => ("answer", format!("request {} is answered", request.0)),
            Deed::Ended(request, fate) => ("fate", format!("request {}: {}", request.0, words::fate(fate))),
        }
    }

    fn call(&self, tag: CallTag) -> &str {
        self.calls.get(&tag).map_or("a call of before", String::as_str)
    }

    /// What the guard says of itself, beside what is so.
    fn show(&mut self, sheet: &mut Sheet) {
        let (now, snapshot) = (self.world.now().at, self.world.snapshot());
        let start = format!("{:>8}", moment(now.since(self.start)));
        let mut first = true;
        let mut row = |name: &str, text: String| {
            let time = if std::mem::take(&mut first) { start.clone() } else { " ".repeat(8) };
            sheet.plain(format!("{time}  {name:<9} {text}"));
        };
        let claim = if snapshot.claim() { "claimed" } else { "nothing is claimed" };
        let permit = if snapshot.permit { "orders are permitted" } else { "no order is permitted" };
        let latched = if snapshot.latched { ", latched" } else { "" };
        row("phase", format!("{}: {claim}, {permit}{latched}", snapshot.phase.as_str()));
        row("evidence", words::evidence_word(snapshot.evidence).to_owned());
        row("covers", words::coverage_words(&snapshot.coverage));
        if let Some(trip) = &snapshot.trip {
            row("fires", words::bounds(trip, self.start));
        }
        if let Some(since) = snapshot.gap_since {
            row("gap", format!("since {}", moment(since.since(self.start))));
        }
        for lease in &snapshot.leases {
            let due = lease.due.map_or_else(
                || "not renewed yet".to_owned(),
                |due| format!("good until {}", moment(due.since(self.start))),
            );
            let state = if lease.lapsed { "lapsed, was " } else { "" };
            row("lease", format!("{}: {state}{due}", lease.terms.name()));
        }
        row("truth", self.truth(now));
    }

    /// What the venue itself would say, which no client can ask.
    fn truth(&self, now: Moment) -> String {
        let resting = match self.resting() {
            0 => "no order rests at the venue".to_owned(),
            1 => "1 order rests at the venue".to_owned(),
            count => format!("{count} orders rest at the venue"),
        };
        let trips = match self.world.exchange.would_trip_by(now, self.world.connections()) {
            Some(at) if at <= now => "would do nothing more".to_owned(),
            Some(at) => format!("would start to cancel within {}", length(at.since(now))),
            None => "would cancel nothing".to_owned(),
        };
        format!("{resting}; if this machine went dark now, the venue {trips}")
    }
}

/// What a trader sees at the venue; None for what the guard's own lines say already.
fn venue_words(entry: &JournalEntry) -> Option<String> {
    let conn =
        entry.conn.map_or_else(|| "a connection".to_owned(), |conn| format!("connection {}", conn.0 % 1_000_000));
    match entry.kind {
        JournalKind::Ended => Some(format!("{conn} has ended: {}", entry.detail)),
        JournalKind::Tripped => Some(format!("THE SWITCH FIRES {}", entry.detail).trim_end().to_owned()),
        JournalKind::OrderOpened => Some("an order rests".to_owned()),
        JournalKind::OrderCancelled => {
            let by = entry.detail.rsplit(' ').next().unwrap_or_default();
            Some(format!("an order is cancelled by the {}", by.to_lowercase()))
        }
        JournalKind::SwitchOff => Some("the switch is off".to_owned()),
        JournalKind::Opened
        | JournalKind::LoggedIn
        | JournalKind::Refused
        | JournalKind::SwitchSet
        | JournalKind::LifeSign
        | JournalKind::Heartbeat
        | JournalKind::FaultApplied => None,
    }
}

fn misbehaviour(how: &str, step: String, times: u32) -> Fault {
    match how {
        "refuses" => Fault::Refuse { step, code: None, times },
        "loses" => Fault::LoseAnswer { step, times },
        "ignores" => Fault::LoseRequest { step, times },
        "delays" => Fault::Late { step, by: Duration::from_secs(5), times },
        _ => panic!("no such misbehaviour: {how}"),
    }
}
