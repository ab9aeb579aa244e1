//! A test bench for one embedded venue: it owns the clock, ticks exactly at the venue's deadlines, and keeps everything
//! the venue said with its time. It knows nothing of any venue.

use super::{ConnId, Exchange, HttpId, HttpIn, HttpOut, Input, JournalEntry, JournalKind, Output};
use crate::model::{Moment, Now, WallTime};
use serde_json::Value;
use std::time::Duration;

/// The wall clock at moment zero: an exact second.
const WALL_START_MS: u64 = 1_700_000_000_000;

/// One venue on the bench.
pub struct Rig<E> {
    /// The venue.
    pub venue: E,
    /// Everything it said, with its time.
    pub said: Vec<(Moment, Output)>,
    at: Moment,
    next_id: u64,
}

impl<E: Exchange> Rig<E> {
    /// At moment zero.
    pub fn new(venue: E) -> Self {
        Self { venue, said: Vec::new(), at: Moment::default(), next_id: 1 }
    }

    /// What both clocks say.
    pub fn now(&self) -> Now {
        Now { at: self.at, wall: WallTime::from_nanos(WALL_START_MS * 1_000_000 + self.at.nanos()) }
    }

    /// The wall clock in milliseconds.
    pub fn wall_ms(&self) -> u64 {
        self.now().wall.millis()
    }

    /// Hands one input over; the answer to it.
    pub fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        let now = self.now();
        self.venue.handle(now, input, &mut out);
        self.said.extend(out.iter().cloned().map(|output| (now.at, output)));
        out
    }

    /// Opens a websocket, which must be accepted.
    pub fn open(&mut self, path: &str) -> ConnId {
        let conn = ConnId(self.take_id());
        assert_eq!(self.give(Input::Upgrade { conn, path }).first(), Some(&Output::Accept(conn)), "{path}");
        conn
    }

    /// Asks for a websocket that must be refused; the status.
    pub fn open_refused(&mut self, path: &str) -> u16 {
        let conn = ConnId(self.take_id());
        match self.give(Input::Upgrade { conn, path }).as_slice() {
            [Output::Reject(refused, status)] if *refused == conn => *status,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// Says something; what the venue says on the same connection at once.
    pub fn say(&mut self, conn: ConnId, message: &Value) -> Vec<Value> {
        let out = self.give(Input::Text { conn, text: &message.to_string() });
        texts(&out, conn)
    }

    /// Says something that is answered by exactly one message.
    pub fn ask(&mut self, conn: ConnId, message: &Value) -> Value {
        let mut answers = self.say(conn, message);
        assert_eq!(answers.len(), 1, "{message} -> {answers:?}");
        answers.remove(0)
    }

    /// The client's side of a connection goes away.
    pub fn drop_client(&mut self, conn: ConnId) {
        self.give(Input::Ended { conn, clean: false });
    }

    /// An HTTP request; `None` when it is not answered at once.
    pub fn call(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Option<HttpOut> {
        let id = HttpId(self.take_id());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let request = HttpIn { method, path, query, headers: &headers, body };
        self.give(Input::Http { id, request }).into_iter().find_map(|output| match output {
            Output::Http(answered, answer) if answered == id => Some(answer),
            _ => None,
        })
    }

    /// Lets time pass, ticking at every deadline on the way and at the end.
    pub fn run(&mut self, length: Duration) {
        let end = self.at + length;
        while let Some(due) = self.venue.next_deadline().filter(|due| *due <= end) {
            let due = due.max(self.at);
            self.at = due;
            self.give(Input::Tick);
            let next = self.venue.next_deadline();
            assert!(next.is_none_or(|next| next > due), "deadline {next:?} does not move at {due:?}");
        }
        self.at = end;
        self.give(Input::Tick);
    }

    /// Lets milliseconds pass.
    pub fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Every message on a connection so far, with its time in milliseconds.
    pub fn heard(&self, conn: ConnId) -> Vec<(u64, Value)> {
        let of = |(at, output): &(Moment, Output)| match output {
            Output::Text(to, text) if *to == conn => Some((at.nanos() / 1_000_000, read(text))),
            _ => None,
        };
        self.said.iter().filter_map(of).collect()
    }

    /// When and how the venue closed a connection: milliseconds, code (1006 without a close frame) and reason.
    pub fn closed(&self, conn: ConnId) -> Option<(u64, u16, String)> {
        self.said.iter().find_map(|(at, output)| match output {
            Output::Close(to, code, reason) if *to == conn => Some((at.nanos() / 1_000_000, *code, reason.clone())),
            Output::Drop(to) if *to == conn => Some((at.nanos() / 1_000_000, 1006, String::new())),
            _ => None,
        })
    }

    /// Journal entries of one kind.
    pub fn journal(&self, kind: JournalKind) -> Vec<&JournalEntry> {
        self.venue.floor().journal().iter().filter(|entry| entry.kind == kind).collect()
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// The messages on one connection among these outputs.
pub fn texts(out: &[Output], conn: ConnId) -> Vec<Value> {
    let of = |output: &Output| match output {
        Output::Text(to, text) if *to == conn => Some(read(text)),
        _ => None,
    };
    out.iter().filter_map(of).collect()
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
