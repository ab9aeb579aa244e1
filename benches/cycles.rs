//! The cycles of the pure core that are timed (`answer.rs`) and counted (`counts.rs`): one input, the decision, what it
//! says, drained until the session waits. No socket, no kernel, no thread.

use killcord::model::{Epoch, LinkRole, Now, RequestId};
use killcord::session::{Action, Command, Input, Session};
use killcord::venue::{Intent, Outbox, Path, Venue};
use std::hint::black_box;
use std::time::Duration;

#[path = "../tests/rust/worlds.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with the simulation, which uses all of it")]
mod worlds;
use worlds::Side;

/// One of them, ready to run as often as one likes.
pub struct Cycle {
    /// What it is, in words.
    pub name: &'static str,
    /// Once through.
    pub run: Box<dyn FnMut()>,
}

/// As an engine holds it: one session's code for all venues, and a call through a table for each question to the dialect.
type Dialect = Box<dyn Venue + Send>;

/// The same side, with the dialect in a box.
macro_rules! boxed {
    ($name:ident) => {
        const $name: Side<Dialect> = Side {
            name: worlds::$name.name,
            dialect: || Box::new((worlds::$name.dialect)()),
            exchange: worlds::$name.exchange,
            order: |_, _| {},
        };
    };
}

boxed!(CRYPTO_COM);
boxed!(DERIBIT);
boxed!(BYBIT);
boxed!(KRAKEN);

/// All of them, each with a session of its own that was armed in a simulated world.
pub fn all() -> Vec<Cycle> {
    let fill = r#"{"id":-1,"method":"subscribe","code":0,"result":{"channel":"user.order","data":[{"order_id":"1"}]}}"#;
    vec![
        hear("crypto_com: a heartbeat, the dialect alone", &CRYPTO_COM, HEARTBEAT),
        line("crypto_com: heartbeat to answer", &CRYPTO_COM, HEARTBEAT),
        line("crypto_com: heartbeat in an unusual form", &CRYPTO_COM, UNUSUAL),
        line("deribit: test request to answer", &DERIBIT, TEST_REQUEST),
        line("kraken: heartbeat", &KRAKEN, r#"{"channel":"heartbeat"}"#),
        line("bybit: pong of the venue", &BYBIT, r#"{"req_id":"x","op":"pong","args":["1780000000000"]}"#),
        line("crypto_com: an application's message", &CRYPTO_COM, fill),
        cancel("kraken: a cancel through the gate", &KRAKEN),
        early_tick("an early tick", &DERIBIT),
        say("deribit: a probe", &DERIBIT, Intent::Probe(LinkRole::Guard)),
        say("crypto_com: a signed call", &CRYPTO_COM, Intent::OpenOrders(Path::Http)),
        say("bybit: a signed call", &BYBIT, Intent::OpenOrders(Path::Http)),
        say("kraken: a signed call", &KRAKEN, Intent::OpenOrders(Path::Http)),
        login("crypto_com: a signed login", &CRYPTO_COM),
        login("deribit: the first words on a link", &DERIBIT),
        login("bybit: a signed login", &BYBIT),
    ]
}

fn line(name: &'static str, side: &Side<Dialect>, text: &'static str) -> Cycle {
    let mut armed = Armed::new(side);
    let run = move || {
        let epoch = armed.epoch;
        armed.handle(Input::Line { epoch, text: black_box(text) });
    };
    Cycle { name, run: Box::new(run) }
}

/// At a venue that sets no pace for cancels: what is counted must not be a refusal.
fn cancel(name: &'static str, side: &Side<Dialect>) -> Cycle {
    let mut armed = Armed::new(side);
    let line = r#"{"method":"cancel_order","params":{"order_id":["OM5CRX-N2HAL-GFGWE9"]},"req_id":7}"#;
    let run = move || {
        let send = Command::Send { id: RequestId(7), line: black_box(line), unsafe_named: false };
        armed.handle(Input::Command(send));
    };
    Cycle { name, run: Box::new(run) }
}

fn early_tick(name: &'static str, side: &Side<Dialect>) -> Cycle {
    let mut armed = Armed::new(side);
    Cycle { name, run: Box::new(move || armed.handle(Input::Tick)) }
}

/// What the dialect alone does; the session around it would want an answer.
fn say(name: &'static str, side: &Side<Dialect>, intent: Intent) -> Cycle {
    let (armed, mut venue, mut out) = (Armed::new(side), (side.dialect)(), Outbox::default());
    let run = move || {
        venue.say(armed.now, black_box(intent), &mut out);
        while black_box(out.pop()).is_some() {}
        out.clear();
    };
    Cycle { name, run: Box::new(run) }
}

/// What the dialect alone does with a message: read it and, where that is its business, answer.
fn hear(name: &'static str, side: &Side<Dialect>, text: &'static str) -> Cycle {
    let (armed, mut venue, mut out) = (Armed::new(side), (side.dialect)(), Outbox::default());
    venue.begin(armed.now, LinkRole::Guard, armed.epoch, &mut out);
    let run = move || {
        out.clear();
        let heard = venue.hear(armed.now, LinkRole::Guard, black_box(text), &mut out);
        assert!(black_box(heard).is_ok());
        while black_box(out.pop()).is_some() {}
    };
    Cycle { name, run: Box::new(run) }
}

/// The first words on a link, signed where the venue wants that at once, and what is forgotten when it goes.
fn login(name: &'static str, side: &Side<Dialect>) -> Cycle {
    let (armed, mut venue, mut out) = (Armed::new(side), (side.dialect)(), Outbox::default());
    let run = move || {
        out.clear();
        venue.begin(armed.now, LinkRole::Guard, armed.epoch, &mut out);
        assert!(black_box(out.pop()).is_some(), "nothing was said");
        venue.forget(LinkRole::Guard);
    };
    Cycle { name, run: Box::new(run) }
}

/// A session that was armed in a simulated world, and its clock.
struct Armed {
    session: Session<Dialect>,
    epoch: Epoch,
    now: Now,
}

impl Armed {
    fn new(side: &Side<Dialect>) -> Self {
        let mut world = side.world(Duration::from_millis(1), 1);
        world.command(Command::Start);
        let end = world.now().at + Duration::from_secs(30);
        while world.step(end) {}
        let snapshot = world.snapshot();
        assert!(snapshot.claim(), "{snapshot:?}");
        Self { epoch: snapshot.epoch, now: world.now(), session: world.session }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.now.at = self.now.at + Duration::from_nanos(1);
        self.session.handle(self.now, input);
        while !matches!(black_box(self.session.poll()), Action::Wait { .. }) {}
    }
}

const HEARTBEAT: &str = r#"{"id":1587523073344,"method":"public/heartbeat","code":0}"#;
/// The same with its fields in another order: read by the full decoder.
const UNUSUAL: &str = r#"{"method":"public/heartbeat","code":0,"id":1587523073344}"#;
const TEST_REQUEST: &str = r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;
