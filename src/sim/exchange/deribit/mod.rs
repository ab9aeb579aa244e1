//! The embedded Deribit v2, written from the specification alone. JSON-RPC over websocket and HTTP, tokens and scopes,
//! heartbeats with the measured timing, and cancel on disconnect per connection with a default per account. No market
//! data and no matching: limit orders rest for ever.

mod auth;
mod beats;
mod channels;
mod http;
mod knobs;
mod limits;
mod login;
mod markets;
mod methods;
mod orders;
mod report;
mod scope;
mod socket;
mod switch;
mod tokens;
mod wire;

#[cfg(test)]
mod tests;

use self::auth::Nonces;
use self::beats::{Beats, Due, Timing};
use self::knobs::{Knobs, TokenExpiry};
use self::limits::Limits;
use self::orders::Orders;
use self::tokens::{Pair, Tokens};
use super::trips::Trips;
use super::{ConnId, Delayed, Exchange, Fault, Floor, Input, JournalKind, Knob, KnobError, Output};
use crate::model::{Moment, Now, TimeFactor};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The embedded Deribit.
pub struct DeribitExchange {
    floor: Floor,
    knobs: Knobs,
    conns: BTreeMap<ConnId, Conn>,
    orders: Orders,
    tokens: Tokens,
    nonces: Nonces,
    limits: Limits,
    trips: Trips,
    delayed: Delayed,
    /// Accounts whose later connections start with the switch on.
    switch_defaults: BTreeSet<String>,
    /// Maintenance was announced on `platform_state`.
    announced: bool,
    /// When `platform_state` says something next; only while somebody listens.
    platform_due: Option<Moment>,
}

/// A live websocket.
struct Conn {
    /// The login, with its token.
    login: Option<Pair>,
    /// The account whose switch is on here.
    armed: Option<String>,
    /// Subscribed channels, as they were written.
    channels: BTreeSet<String>,
    beats: Beats,
}

/// How a connection ended, as far as the switch cares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client or its network.
    Client(&'static str),
    /// The venue noticed silence, or closed for another reason that fires the switch.
    Venue(&'static str),
    /// Credits were exhausted.
    RateLimit,
    /// `private/logout`, which keeps orders.
    Logout,
}

impl DeribitExchange {
    /// A venue without accounts, whose periods run at this factor.
    pub fn new(factor: TimeFactor) -> Self {
        Self {
            floor: Floor::new(factor),
            knobs: Knobs::default(),
            conns: BTreeMap::new(),
            orders: Orders::default(),
            tokens: Tokens::default(),
            nonces: Nonces::default(),
            limits: Limits::default(),
            trips: Trips::default(),
            delayed: Delayed::default(),
            switch_defaults: BTreeSet::new(),
            announced: false,
            platform_due: None,
        }
    }

    fn timing(&self) -> Timing {
        Timing::new(&self.knobs, self.floor.factor)
    }

    /// Whether the venue sends heartbeats at all.
    fn beating(&self) -> bool {
        !self.floor.has(&Fault::NoHeartbeats)
    }

    /// Everything that is due by now, before anything new is looked at.
    fn catch_up(&mut self, now: Now, out: &mut Vec<Output>) {
        self.release(now.at, out);
        self.announce_maintenance(now, out);
        self.tell_platform_state(now, out);
        for (conn, code, why) in self.unwelcome(now.at) {
            self.close(now, conn, code, "", End::Venue(why), out);
        }
        let (timing, beating) = (self.timing(), self.beating());
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in ids {
            while let Some(due) = self.conns.get(&conn).and_then(|s| s.beats.due(now.at, &timing, beating)) {
                self.perform_due(now, conn, due, out);
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
        for output in released {
            match &output {
                Output::Text(conn, _) => match self.conns.get_mut(conn) {
                    Some(state) => state.beats.spoke(at),
                    None => continue,
                },
                Output::Http(..) => {}
                Output::Accept(_)
                | Output::Reject(..)
                | Output::Ping(..)
                | Output::Pong(..)
                | Output::Close(..)
                | Output::Drop(_) => continue,
            }
            out.push(output);
        }
    }

    /// Says something on a connection.
    fn say(&mut self, now: Now, conn: ConnId, frame: &Value, out: &mut Vec<Output>) {
        if let Some(state) = self.conns.get_mut(&conn) {
            state.beats.spoke(now.at);
            out.push(Output::Text(conn, frame.to_string()));
        }
    }

    /// `platform_state` tells of maintenance once, before requests begin to fail.
    fn announce_maintenance(&mut self, now: Now, out: &mut Vec<Output>) {
        let maintenance = self.floor.has(&Fault::Maintenance);
        if maintenance && !self.announced {
            let frame = wire::notification("platform_state", &json!({ "maintenance": true }));
            self.platform_listeners().into_iter().for_each(|conn| self.say(now, conn, &frame, out));
        }
        self.announced = maintenance;
    }

    /// Connections that must be closed at once, with code and reason.
    fn unwelcome(&self, at: Moment) -> Vec<(ConnId, u16, &'static str)> {
        let maintenance = self.floor.has(&Fault::Maintenance) && self.knobs.maintenance_closes;
        let revoked = |pair: &Pair| self.floor.accounts.get(&pair.key).is_none_or(|account| !account.valid);
        let why = |state: &Conn| {
            let login = state.login.as_ref();
            if maintenance {
                Some((1001, "maintenance"))
            } else if self.knobs.revoked_key_closes && login.is_some_and(revoked) {
                Some((1000, "revoked key"))
            } else if self.closes_with_token(state).is_some_and(|when| when <= at) {
                Some((1000, "token expired"))
            } else {
                None
            }
        };
        self.conns.iter().filter_map(|(conn, state)| why(state).map(|(code, why)| (*conn, code, why))).collect()
    }

    fn closes_with_token(&self, state: &Conn) -> Option<Moment> {
        match self.knobs.token_expiry {
            TokenExpiry::Close => state.login.as_ref().map(|pair| pair.expires),
            TokenExpiry::Ignore | TokenExpiry::Refuse => None,
        }
    }

    fn perform_due(&mut self, now: Now, conn: ConnId, due: Due, out: &mut Vec<Output>) {
        match due {
            Due::HeartbeatClose => {
                self.close(now, conn, 4000, "heartbeat close", End::Venue("heartbeat close"), out);
            }
            Due::NeverUsed => {
                out.push(Output::Drop(conn));
                self.end(now, conn, End::Venue("never used"));
            }
            Due::Inactive => self.close(now, conn, 1000, "inactivity", End::Venue("inactivity"), out),
            Due::Heartbeat => self.beat(now, conn, "heartbeat", out),
            Due::TestRequest => {
                self.beat(now, conn, "test_request", out);
                if let Some(state) = self.conns.get_mut(&conn) {
                    state.beats.asked(now.at);
                }
            }
        }
    }

    fn beat(&mut self, now: Now, conn: ConnId, kind: &str, out: &mut Vec<Output>) {
        let account = self.account_of(conn);
        self.floor.note(now, &account, Some(conn), JournalKind::Heartbeat, kind);
        self.say(now, conn, &wire::heartbeat(kind), out);
    }

    /// The name of the account a connection is logged in to.
    fn account_of(&self, conn: ConnId) -> String {
        self.conns.get(&conn).and_then(|s| s.login.as_ref()).map(|pair| pair.account.clone()).unwrap_or_default()
    }

    fn close(&mut self, now: Now, conn: ConnId, code: u16, reason: &str, end: End, out: &mut Vec<Output>) {
        if self.conns.contains_key(&conn) {
            out.push(Output::Close(conn, code, reason.to_owned()));
            self.end(now, conn, end);
        }
    }

    fn upgrade(&mut self, now: Now, conn: ConnId, path: &str, out: &mut Vec<Output>) {
        if !matches!(path.split('?').next(), Some("/ws/api/v2" | "/ws/api/v2/")) {
            return out.push(Output::Reject(conn, 404));
        }
        if self.floor.has(&Fault::Maintenance) && self.knobs.maintenance_closes {
            return out.push(Output::Reject(conn, 503));
        }
        let most = self.knobs.connections_max as usize;
        if most != 0 && self.conns.len() >= most {
            return out.push(Output::Reject(conn, 429));
        }
        let state = Conn { login: None, armed: None, channels: BTreeSet::new(), beats: Beats::new(now.at) };
        self.conns.insert(conn, state);
        self.floor.note(now, "", Some(conn), JournalKind::Opened, path);
        out.push(Output::Accept(conn));
    }

    fn ping(&mut self, now: Now, conn: ConnId, payload: &[u8], out: &mut Vec<Output>) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        if self.knobs.pings_count_as_activity {
            state.beats.active(now.at);
        }
        if self.knobs.answers_pings && !self.floor.has(&Fault::SilentPings) {
            out.push(Output::Pong(conn, payload.to_vec()));
        }
    }
}

impl Exchange for DeribitExchange {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        self.floor.touch();
        self.catch_up(now, out);
        match input {
            Input::Tick | Input::Pong { .. } => {}
            Input::Upgrade { conn, path } => self.upgrade(now, conn, path, out),
            Input::Text { conn, text } => self.hear(now, conn, text, out),
            Input::Binary { conn } => self.hear(now, conn, "", out),
            Input::Ping { conn, payload } => self.ping(now, conn, payload, out),
            Input::Ended { conn, clean } => {
                self.end(now, conn, End::Client(if clean { "client closed" } else { "client gone" }));
            }
            Input::Http { id, request } => self.call(now, id, request, out),
        }
        // What was due at this very moment because of the input: a trip without delay, an answer late by nothing.
        self.catch_up(now, out);
    }

    fn next_deadline(&self) -> Option<Moment> {
        let maintenance = self.floor.has(&Fault::Maintenance);
        let at_once = maintenance != self.announced || maintenance && self.knobs.maintenance_closes;
        if at_once && !self.conns.is_empty() || !self.unwelcome(Moment::default()).is_empty() {
            return Some(Moment::default());
        }
        let (timing, beating) = (self.timing(), self.beating());
        let beats = self.conns.values().filter_map(|state| state.beats.next_deadline(&timing, beating));
        let tokens = self.conns.values().filter_map(|state| self.closes_with_token(state));
        beats
            .chain(tokens)
            .chain(self.platform_due)
            .chain(self.trips.next_deadline())
            .chain(self.delayed.next_deadline())
            .min()
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
        let of = |conn: &ConnId| match self.conns.get(conn) {
            Some(state) => self.trip_in_silence(state).map(|at| at.max(now)),
            None => self.trips.of_ended(now, *conn),
        };
        conns.iter().filter_map(of).max()
    }

    fn knobs(&self) -> Vec<Knob> {
        self.knobs.list()
    }

    fn set_knob(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        self.floor.touch();
        self.knobs.set(name, value)?;
        if std::mem::take(&mut self.knobs.invalidate_tokens) {
            self.tokens.expire_all();
            self.conns.values_mut().filter_map(|state| state.login.as_mut()).for_each(Pair::expire);
        }
        Ok(())
    }
}
