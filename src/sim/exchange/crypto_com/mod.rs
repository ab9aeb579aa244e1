//! The embedded Crypto.com Exchange v1, written from the specification alone. A user and a market websocket, the same
//! methods over HTTP, heartbeats with the captured timing, and cancel on disconnect per connection. No market data and
//! no matching: limit orders rest for ever.

mod auth;
mod beats;
mod channels;
mod http;
mod knobs;
mod markets;
mod methods;
mod orders;
mod quota;
mod report;
mod socket;
mod wire;

#[cfg(test)]
mod tests;

use self::beats::{Beats, Due, Timing};
use self::knobs::Knobs;
use self::orders::Orders;
use self::quota::{HttpQuotas, Quota};
use super::trips::{Trip, Trips};
use super::{CancelCause, ConnId, Delayed, Exchange, Fault, Floor, Input, JournalKind, Knob, KnobError, Order, Output};
use crate::model::{Moment, Now, TimeFactor};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a heartbeat may say to a client that did not answer the one before (seen in 2022).
const WARNING: &str = "server did not receive any client heartbeat, going to disconnect soon";

/// The embedded Crypto.com.
pub struct CryptoComExchange {
    floor: Floor,
    knobs: Knobs,
    conns: BTreeMap<ConnId, Conn>,
    orders: Orders,
    trips: Trips,
    delayed: Delayed,
    http_quotas: HttpQuotas,
    /// Websocket requests by API key, for the knob `limit_by`.
    key_quotas: BTreeMap<String, Quota>,
}

/// A live websocket.
struct Conn {
    feed: Feed,
    /// Who logged in.
    login: Option<Login>,
    /// The switch is set; it cannot be taken off.
    armed: bool,
    /// Subscribed channels, as they were written.
    channels: BTreeSet<String>,
    beats: Beats,
    quota: Quota,
}

/// A login that was accepted.
#[derive(Clone)]
struct Login {
    key: String,
    account: String,
}

/// Which of the two websockets it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Feed {
    User,
    Market,
}

impl CryptoComExchange {
    /// A venue without accounts, whose periods run at this factor.
    pub fn new(factor: TimeFactor) -> Self {
        Self {
            floor: Floor::new(factor),
            knobs: Knobs::default(),
            conns: BTreeMap::new(),
            orders: Orders::default(),
            trips: Trips::default(),
            delayed: Delayed::default(),
            http_quotas: HttpQuotas::default(),
            key_quotas: BTreeMap::new(),
        }
    }

    fn timing(&self) -> Timing {
        Timing::new(&self.knobs, self.floor.factor)
    }

    /// Everything that is due by now, before anything new is looked at.
    fn catch_up(&mut self, now: Now, out: &mut Vec<Output>) {
        self.release(now.at, out);
        self.turn_out(now, out);
        let timing = self.timing();
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in ids {
            while let Some(due) = self.conns.get(&conn).and_then(|state| state.beats.due(now.at, &timing)) {
                self.perform_due(now, conn, due, &timing, out);
            }
        }
        while let Some(trip) = self.trips.take_due(now.at) {
            self.fire(now, &trip, out);
        }
    }

    /// Answers that were held back, unless the connection is gone.
    fn release(&mut self, at: Moment, out: &mut Vec<Output>) {
        let mut released = Vec::new();
        self.delayed.release(at, &mut released);
        out.extend(released.into_iter().filter(|output| match output {
            Output::Text(conn, _) => self.conns.contains_key(conn),
            Output::Http(..) => true,
            Output::Accept(_)
            | Output::Reject(..)
            | Output::Ping(..)
            | Output::Pong(..)
            | Output::Close(..)
            | Output::Drop(_) => false,
        }));
    }

    /// Closes what maintenance or a revoked key no longer allows.
    fn turn_out(&mut self, now: Now, out: &mut Vec<Output>) {
        let maintenance = self.floor.has(&Fault::Maintenance);
        let (code, why) = if maintenance { (1013, "maintenance") } else { (1000, "revoked key") };
        for conn in self.unwelcome() {
            self.close(now, conn, code, why, out);
        }
    }

    /// Connections that must be closed at once.
    fn unwelcome(&self) -> Vec<ConnId> {
        let maintenance = self.floor.has(&Fault::Maintenance) && self.knobs.maintenance_closes;
        let revoked = |login: &Login| self.floor.accounts.get(&login.key).is_none_or(|account| !account.valid);
        let leaves =
            |state: &Conn| maintenance || self.knobs.revoked_key_closes && state.login.as_ref().is_some_and(revoked);
        self.conns.iter().filter(|(_, state)| leaves(state)).map(|(conn, _)| *conn).collect()
    }

    fn perform_due(&mut self, now: Now, conn: ConnId, due: Due, timing: &Timing, out: &mut Vec<Output>) {
        let silent = self.floor.has(&Fault::NoHeartbeats);
        let Some(state) = self.conns.get_mut(&conn) else { return };
        match due {
            Due::Cut(why) => self.close(now, conn, 1000, why, out),
            Due::Heartbeat if silent => state.beats.beat(now.at, None, timing),
            Due::Heartbeat => {
                let id = now.wall.millis();
                let mut frame = json!({ "id": id, "method": "public/heartbeat" });
                if self.knobs.heartbeat_warns && state.beats.owes_answer() {
                    frame["message"] = json!(WARNING);
                }
                state.beats.beat(now.at, Some(id), timing);
                if self.knobs.heartbeat_code {
                    frame["code"] = json!(0);
                }
                let account = state.login.as_ref().map_or("", |login| login.account.as_str());
                self.floor.note(now, account, Some(conn), JournalKind::Heartbeat, &id.to_string());
                out.push(Output::Text(conn, frame.to_string()));
            }
            Due::Ping => {
                state.beats.pinged(now.at);
                out.push(Output::Ping(conn, now.at.nanos().to_le_bytes().to_vec()));
            }
        }
    }

    /// The venue ends a connection with a close frame, whose reason is always empty (captured).
    fn close(&mut self, now: Now, conn: ConnId, code: u16, why: &'static str, out: &mut Vec<Output>) {
        if self.conns.contains_key(&conn) {
            out.push(Output::Close(conn, code, String::new()));
            self.end(now, conn, why);
        }
    }

    /// A connection ended, by whichever side: a switch that is set goes off.
    fn end(&mut self, now: Now, conn: ConnId, why: &'static str) {
        let Some(state) = self.conns.remove(&conn) else { return };
        let account = state.login.map(|login| login.account).unwrap_or_default();
        self.floor.note(now, &account, Some(conn), JournalKind::Ended, why);
        if state.armed {
            self.trips.set_off(now.at, conn, &account, self.knobs.cancel_delay_ms.length(), why);
        }
    }

    /// The switch fires: every covered order goes, and every other session hears of it.
    fn fire(&mut self, now: Now, trip: &Trip, out: &mut Vec<Output>) {
        if self.floor.has(&Fault::Dishonour) {
            return;
        }
        self.trips.settle(trip.conn);
        let before_set = |o: &Order| self.orders.details(o.number).is_some_and(|details| details.before_set);
        let covers_all = self.knobs.covers_before_set;
        let covered =
            |o: &Order| o.conn == Some(trip.conn) && o.account == trip.account && (covers_all || !before_set(o));
        let mut numbers = self.floor.open_orders(covered);
        numbers.truncate(numbers.len().saturating_sub(self.knobs.cancel_leaves as usize));
        let detail = format!("{}: {} orders", trip.why, numbers.len());
        self.floor.note(now, &trip.account, Some(trip.conn), JournalKind::Tripped, &detail);
        for number in &numbers {
            self.floor.cancel_order(now, *number, CancelCause::Switch);
            self.orders.mark_tripped(*number, &self.knobs);
        }
        self.tell_orders(&numbers, out);
    }

    fn upgrade(&mut self, now: Now, conn: ConnId, path: &str, out: &mut Vec<Output>) {
        let feed = match path.split('?').next().unwrap_or_default() {
            "/exchange/v1/user" => Feed::User,
            "/exchange/v1/market" => Feed::Market,
            _ => return out.push(Output::Reject(conn, 404)),
        };
        if self.floor.has(&Fault::Maintenance) && self.knobs.maintenance_closes {
            return out.push(Output::Reject(conn, 503));
        }
        let most = self.knobs.connections_max as usize;
        if most != 0 && self.conns.len() >= most {
            return out.push(Output::Reject(conn, 429));
        }
        let timing = self.timing();
        let state = Conn {
            feed,
            login: None,
            armed: false,
            channels: BTreeSet::new(),
            beats: Beats::new(now.at, &timing),
            quota: Quota::opening(now, self.limit(feed), self.knobs.opening_second_prorated, self.floor.factor),
        };
        self.conns.insert(conn, state);
        self.floor.note(now, "", Some(conn), JournalKind::Opened, path);
        out.push(Output::Accept(conn));
    }

    const fn limit(&self, feed: Feed) -> u32 {
        match feed {
            Feed::User => self.knobs.requests_per_s,
            Feed::Market => self.knobs.market_requests_per_s,
        }
    }

    /// A live connection's trip if nothing more arrives on it; `None` when its switch is not set or never fires.
    fn trip_in_silence(&self, conn: ConnId) -> Option<Moment> {
        let state = self.conns.get(&conn).filter(|state| state.armed)?;
        let cut = state.beats.cut_in_silence(&self.timing(), !self.floor.has(&Fault::NoHeartbeats))?;
        Some(cut + self.knobs.cancel_delay_ms.length()?)
    }
}

impl Exchange for CryptoComExchange {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        self.floor.touch();
        self.catch_up(now, out);
        match input {
            Input::Tick => {}
            Input::Upgrade { conn, path } => self.upgrade(now, conn, path, out),
            Input::Text { conn, text } => self.hear(now, conn, text, out),
            Input::Binary { conn } => self.hear(now, conn, "", out),
            Input::Ping { conn, payload } => {
                let answers = self.knobs.answers_pings && !self.floor.has(&Fault::SilentPings);
                if answers && self.conns.contains_key(&conn) {
                    out.push(Output::Pong(conn, payload.to_vec()));
                }
            }
            Input::Pong { conn, .. } => {
                if let Some(state) = self.conns.get_mut(&conn) {
                    state.beats.ponged();
                }
            }
            Input::Ended { conn, clean } => self.end(now, conn, if clean { "client closed" } else { "client gone" }),
            Input::Http { id, request } => self.call(now, id, request, out),
        }
        // What was due at this very moment because of the input: a trip without delay, an answer late by nothing.
        self.catch_up(now, out);
    }

    fn next_deadline(&self) -> Option<Moment> {
        if !self.unwelcome().is_empty() {
            return Some(Moment::default());
        }
        let timing = self.timing();
        let beats = self.conns.values().map(|state| state.beats.next_deadline(&timing));
        beats.chain(self.trips.next_deadline()).chain(self.delayed.next_deadline()).min()
    }

    fn floor(&self) -> &Floor {
        &self.floor
    }

    fn floor_mut(&mut self) -> &mut Floor {
        self.floor.touch();
        &mut self.floor
    }

    fn would_trip_by(&self, now: Moment, conns: &[ConnId]) -> Option<Moment> {
        if self.floor.has(&Fault::Dishonour) {
            return None;
        }
        let of = |conn: &ConnId| match self.conns.contains_key(conn) {
            true => self.trip_in_silence(*conn).map(|at| at.max(now)),
            false => self.trips.of_ended(now, *conn),
        };
        conns.iter().filter_map(of).max()
    }

    fn knobs(&self) -> Vec<Knob> {
        self.knobs.list()
    }

    fn set_knob(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        self.floor.touch();
        self.knobs.set(name, value)
    }
}
