//! The embedded Kraken Spot: v2 websockets, the HTTP calls that clients need, resting orders, and the dead man's switch
//! exactly as published, with a knob wherever nothing is. It is no matching engine: limit orders rest for ever, market
//! orders are filled at once.
//!
//! Permissions a key may lack (`Account::lacks`) have the names that `GetApiKeyInfo` lists: `create-ws-token`,
//! `modify-trades`, `close-trades`, `query-open-trades`, `query-closed-trades`, `query-funds`.
//!
//! Steps for faults: on websockets the method (`cancel_all_orders_after`, `add_order`, `ping`, `subscribe`, and
//! `subscribe:executions` for one channel); over HTTP the last part of the path (`GetWebSocketsToken`).

mod auth;
mod conn;
mod executions;
mod http;
mod knobs;
mod limits;
mod listing;
mod market;
mod orders;
mod requests;
mod routes;
mod stream;
mod subscriptions;
mod switch;
mod system;
mod tokens;
mod wire;

#[cfg(test)]
mod tests;

pub use knobs::Knobs;
pub use system::System;

use super::{
    ConnId, Delayed, Exchange, Fault, Floor, Input, JournalKind, Knob, KnobError, Output, RateWindow, Treatment,
};
use crate::model::{Moment, Now, TimeFactor};
use auth::Keys;
use conn::Conn;
use limits::Limits;
use orders::Terms;
use std::collections::BTreeMap;
use std::time::Duration;
use tokens::Tokens;

/// Connection attempts are counted over this long, and too many of them are punished for as long (spec 2.5).
const CONNECTS_PER: Duration = Duration::from_secs(600);
/// The status of an upgrade during that ban.
const TOO_MANY: u16 = 429;

/// The venue.
#[derive(Debug)]
pub struct KrakenExchange {
    floor: Floor,
    knobs: Knobs,
    conns: BTreeMap<ConnId, Conn>,
    /// The state of the engine that was announced last.
    system: System,
    /// Running countdowns by account.
    timers: BTreeMap<String, Moment>,
    tokens: Tokens,
    keys: Keys,
    /// What the floor does not keep about an order; none for orders put there from outside.
    terms: BTreeMap<u64, Terms>,
    limits: Limits,
    connects: RateWindow,
    banned_until: Option<Moment>,
    delayed: Delayed,
}

/// Something that becomes due by itself.
enum Due {
    Command,
    System,
    Answer,
    Held(ConnId),
    Expiry(String),
    IdleClose(ConnId),
    Heartbeat(ConnId),
    Status(ConnId),
}

impl KrakenExchange {
    /// A venue without accounts.
    pub fn new(factor: TimeFactor) -> Self {
        Self {
            floor: Floor::new(factor),
            knobs: Knobs::default(),
            conns: BTreeMap::new(),
            system: System::Online,
            timers: BTreeMap::new(),
            tokens: Tokens::default(),
            keys: Keys::default(),
            terms: BTreeMap::new(),
            limits: Limits::default(),
            connects: RateWindow::default(),
            banned_until: None,
            delayed: Delayed::default(),
        }
    }
}

impl Exchange for KrakenExchange {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        self.floor.touch();
        self.catch_up(now, out);
        match input {
            Input::Tick | Input::Binary { .. } | Input::Pong { .. } => {}
            Input::Upgrade { conn, path } => self.upgrade(now, conn, path, out),
            Input::Text { conn, text } => self.hear(now, conn, text, out),
            Input::Ping { conn, payload } => {
                if self.conns.contains_key(&conn) && !self.floor.has(&Fault::SilentPings) {
                    out.push(Output::Pong(conn, payload.to_vec()));
                }
            }
            Input::Ended { conn, clean } => {
                self.end(now, conn, if clean { "client: close frame" } else { "client: lost" });
            }
            Input::Http { id, request } => self.http(now, id, request, out),
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.next_due().map(|(at, _)| at)
    }

    fn floor(&self) -> &Floor {
        &self.floor
    }

    fn floor_mut(&mut self) -> &mut Floor {
        self.floor.touch();
        &mut self.floor
    }

    fn would_trip_by(&self, _now: Moment, conns: &[ConnId]) -> Option<Moment> {
        self.foretell(conns)
    }

    fn knobs(&self) -> Vec<Knob> {
        self.knobs.list()
    }

    fn set_knob(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        self.floor.touch();
        self.knobs.set(name, value)?;
        if std::mem::take(&mut self.knobs.invalidate_tokens) {
            self.tokens.invalidate_all();
        }
        if std::mem::take(&mut self.knobs.skip_sequence) {
            self.conns.values_mut().for_each(|conn| conn.sequence += 1);
        }
        Ok(())
    }
}

impl KrakenExchange {
    /// Everything that became due before this input, in the order in which it became due.
    fn catch_up(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some((_, due)) = self.next_due().filter(|(at, _)| *at <= now.at) {
            match due {
                Due::Command => self.obey(now, out),
                Due::System => self.change_system(now, out),
                Due::Answer => self.release(now, out),
                Due::Held(conn) => self.hear_held(now, conn, out),
                Due::Expiry(account) => self.expire(now, &account, "timer ended", out),
                Due::IdleClose(conn) => self.close_idle(now, conn, out),
                Due::Heartbeat(conn) => self.beat(now, conn, out),
                Due::Status(conn) => self.say_status(now, conn, out),
            }
        }
    }

    /// What is due next; of things due at the same moment, the first of this list.
    fn next_due(&self) -> Option<(Moment, Due)> {
        if !self.knobs.say.is_empty() || !self.knobs.close_all.is_empty() {
            return Some((Moment::default(), Due::Command));
        }
        if self.wanted_system() != self.system {
            return Some((Moment::default(), Due::System));
        }
        let own = [
            self.delayed.next_deadline().map(|at| (at, Due::Answer)),
            self.next_expiry().map(|(at, account)| (at, Due::Expiry(account))),
        ];
        let conns = self.conns.iter().flat_map(|(id, conn)| self.next_of(*id, conn)).flatten();
        own.into_iter().flatten().chain(conns).min_by_key(|(at, _)| *at)
    }

    /// What is due next on one connection.
    fn next_of(&self, id: ConnId, conn: &Conn) -> [Option<(Moment, Due)>; 4] {
        let after = |from: Moment, period: Duration| from + self.floor.scaled(period);
        let bare = conn.subscriptions.is_empty();
        let silent = bare || self.floor.has(&Fault::NoHeartbeats);
        let knobs = &self.knobs;
        [
            conn.held.as_ref().map(|(until, _)| (*until, Due::Held(id))),
            bare.then(|| (after(conn.bare_since, knobs.idle_close_ms.length()), Due::IdleClose(id))),
            (!silent).then(|| (after(conn.last_channel_message, knobs.heartbeat_ms.length()), Due::Heartbeat(id))),
            knobs.status_every_ms.length().map(|period| (after(conn.last_status, period), Due::Status(id))),
        ]
    }

    fn upgrade(&mut self, now: Now, id: ConnId, path: &str, out: &mut Vec<Output>) {
        let status = if self.over_connect_limit(now) {
            Some(TOO_MANY)
        } else if path.split('?').next() != Some("/v2") {
            Some(404)
        } else {
            None
        };
        if let Some(status) = status {
            self.floor.note(now, "", Some(id), JournalKind::Refused, &format!("upgrade: {status} {path}"));
            out.push(Output::Reject(id, status));
            return;
        }
        self.floor.note(now, "", Some(id), JournalKind::Opened, path);
        self.conns.insert(id, Conn::open(id.0, now.at));
        out.push(Output::Accept(id));
        self.say_status(now, id, out);
    }

    fn over_connect_limit(&mut self, now: Now) -> bool {
        let per = self.floor.scaled(CONNECTS_PER);
        if self.banned_until.is_some_and(|until| now.at < until) {
            return true;
        }
        let granted = self.connects.take(now.at, self.knobs.connects_max, per);
        self.banned_until = (!granted).then(|| now.at + per);
        !granted
    }

    /// A connection ended; harmless when it already had. The countdown does not care.
    fn end(&mut self, now: Now, id: ConnId, how: &str) {
        let Some(conn) = self.conns.remove(&id) else { return };
        self.floor.note(now, conn.account.as_deref().unwrap_or_default(), Some(id), JournalKind::Ended, how);
    }

    fn close_idle(&mut self, now: Now, id: ConnId, out: &mut Vec<Output>) {
        out.push(match u16::try_from(self.knobs.idle_close_code) {
            Ok(0) | Err(_) => Output::Drop(id),
            Ok(code) => Output::Close(id, code, String::new()),
        });
        self.end(now, id, "venue: no subscription");
    }

    fn beat(&mut self, now: Now, id: ConnId, out: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.last_channel_message = now.at;
        let account = conn.account.clone().unwrap_or_default();
        self.floor.note(now, &account, Some(id), JournalKind::Heartbeat, "heartbeat");
        out.push(Output::Text(id, wire::heartbeat()));
    }

    fn say_status(&mut self, now: Now, id: ConnId, out: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.last_status = now.at;
        let number = (self.system != System::Maintenance).then_some(conn.number);
        out.push(Output::Text(id, wire::status(number, self.system.word())));
    }

    /// The state of the engine as a fault or a knob wants it.
    fn wanted_system(&self) -> System {
        if self.floor.has(&Fault::Maintenance) { System::Maintenance } else { self.knobs.system }
    }

    fn change_system(&mut self, now: Now, out: &mut Vec<Output>) {
        let before = self.system;
        self.system = self.wanted_system();
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        for id in ids {
            self.say_status(now, id, out);
        }
        if before == System::Maintenance {
            self.expire_after_maintenance(now, out);
        }
    }

    /// A text for everybody, or the end of every connection, as the knobs ask.
    fn obey(&mut self, now: Now, out: &mut Vec<Output>) {
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        let text = std::mem::take(&mut self.knobs.say);
        if !text.is_empty() {
            out.extend(ids.iter().map(|id| Output::Text(*id, text.clone())));
        }
        let how = std::mem::take(&mut self.knobs.close_all);
        if how.is_empty() {
            return;
        }
        let (code, reason) = how.split_once(' ').unwrap_or((&how, ""));
        for id in ids {
            out.push(code.parse().map_or(Output::Drop(id), |code| Output::Close(id, code, reason.to_owned())));
            self.end(now, id, &format!("venue: {how}"));
        }
    }

    /// Answers held back until now, except to connections that are gone.
    fn release(&mut self, now: Now, out: &mut Vec<Output>) {
        let mut due = Vec::new();
        self.delayed.release(now.at, &mut due);
        out.extend(due.into_iter().filter(|output| match output {
            Output::Text(conn, _) => self.conns.contains_key(conn),
            Output::Accept(_)
            | Output::Reject(..)
            | Output::Ping(..)
            | Output::Pong(..)
            | Output::Close(..)
            | Output::Drop(_)
            | Output::Http(..) => true,
        }));
    }

    /// Hands an answer over as a fault wants it: now, later or never. A request that is lost never gets here.
    fn answer(&mut self, now: Now, treatment: &Treatment, output: Output, out: &mut Vec<Output>) {
        match treatment {
            Treatment::Normal | Treatment::Refuse(_) => out.push(output),
            Treatment::Late(by) => self.delayed.put(now.at + *by, output),
            Treatment::LoseAnswer | Treatment::LoseRequest => {}
        }
    }

    /// True when this key lacks this permission.
    fn lacks(&self, key: &str, permission: &str) -> bool {
        let account = self.floor.accounts.get(key).filter(|account| account.valid);
        account.is_none_or(|account| account.lacks.iter().any(|lack| lack == permission))
    }
}
