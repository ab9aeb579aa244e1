//! The embedded Bybit v5: private, trade and public sockets, the HTTP API that clients need, resting orders, and
//! disconnection protection exactly as published, with a knob wherever nothing is. It is no matching engine: limit
//! orders rest for ever, market orders are filled at once.
//!
//! Permissions a key may lack (`Account::lacks`): `ContractTrade`, `Spot`, `Options` for orders of those products, and
//! `ReadWrite` for everything that changes something.
//!
//! Steps for faults: on the private and public sockets `auth`, `ping`, `subscribe:<topic>`, `unsubscribe:<topic>`; on
//! the trade socket the operation (`auth`, `ping`, `order.create`, …); over HTTP method and path
//! (`POST /v5/order/disconnected-cancel-all`).

mod auth;
mod conn;
mod dcp;
mod foretell;
mod http;
mod knobs;
mod limits;
mod listing;
mod market;
mod orders;
mod product;
mod reaper;
mod routes;
mod rows;
mod stream;
mod trade;
mod wire;

#[cfg(test)]
mod tests;

pub use knobs::Knobs;
pub use product::Product;

use super::{
    ConnId, Delayed, Exchange, Fault, Floor, Input, JournalKind, Knob, KnobError, Output, RateWindow, Treatment,
};
use crate::model::{Moment, Now, TimeFactor};
use conn::Conn;
use dcp::{Dcp, Leaving};
use limits::Limits;
use orders::Terms;
use std::collections::BTreeMap;
use std::time::Duration;

/// Connection attempts are counted over this long (spec section 10).
const CONNECTS_PER: Duration = Duration::from_secs(300);

/// The venue.
#[derive(Debug)]
pub struct BybitExchange {
    floor: Floor,
    knobs: Knobs,
    conns: BTreeMap<ConnId, Conn>,
    dcp: Dcp,
    /// What the floor does not keep about an order; none for orders put there from outside.
    terms: BTreeMap<u64, Terms>,
    limits: Limits,
    connects: RateWindow,
    delayed: Delayed,
    /// Numbers traces and pushed messages.
    count: u64,
}

/// Something that becomes due by itself.
enum Due {
    Restart,
    Answer,
    Reaped(ConnId),
    Silent(ConnId),
    Trip(String, Product),
}

impl BybitExchange {
    /// A venue without accounts.
    pub fn new(factor: TimeFactor) -> Self {
        Self {
            floor: Floor::new(factor),
            knobs: Knobs::default(),
            conns: BTreeMap::new(),
            dcp: Dcp::default(),
            terms: BTreeMap::new(),
            limits: Limits::default(),
            connects: RateWindow::default(),
            delayed: Delayed::default(),
            count: 0,
        }
    }
}

impl Exchange for BybitExchange {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        self.floor.touch();
        self.catch_up(now, out);
        match input {
            Input::Tick => {}
            Input::Upgrade { conn, path } => self.upgrade(now, conn, path, out),
            Input::Text { conn, text } => self.hear(now, conn, text, out),
            Input::Binary { conn } | Input::Pong { conn, .. } => self.frame(now, conn),
            Input::Ping { conn, payload } => {
                self.frame(now, conn);
                if self.conns.contains_key(&conn) && !self.floor.has(&Fault::SilentPings) {
                    out.push(Output::Pong(conn, payload.to_vec()));
                }
            }
            Input::Ended { conn, clean } => {
                let how = if clean { "client: close frame" } else { "client: lost" };
                self.end(now, now.at, conn, Leaving::Ended { clean }, how);
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
        self.knobs.set(name, value)
    }
}

impl BybitExchange {
    /// Everything that became due before this input, in the order in which it became due.
    fn catch_up(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some((at, due)) = self.next_due().filter(|(at, _)| *at <= now.at) {
            match due {
                Due::Restart => self.restart(now, out),
                Due::Answer => self.release(now, out),
                Due::Reaped(conn) => {
                    out.push(Output::Drop(conn));
                    self.end(now, at, conn, Leaving::Ended { clean: false }, "venue: idle");
                }
                Due::Silent(conn) => self.silence(at, conn),
                Due::Trip(account, product) => self.trip(now, &account, product, out),
            }
        }
    }

    /// What is due next. Losses come before trips of the same moment, as in `foretell.rs`.
    fn next_due(&self) -> Option<(Moment, Due)> {
        if self.knobs.drop_all || !self.knobs.say.is_empty() {
            return Some((Moment::default(), Due::Restart));
        }
        let dues = [
            self.delayed.next_deadline().map(|at| (at, Due::Answer)),
            self.next_reaped().map(|(at, conn)| (at, Due::Reaped(conn))),
            self.next_silent().map(|(at, conn)| (at, Due::Silent(conn))),
            self.dcp.next_deadline().map(|(at, (account, product))| (at, Due::Trip(account, product))),
        ];
        dues.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn upgrade(&mut self, now: Now, id: ConnId, path: &str, out: &mut Vec<Output>) {
        if !self.connects.take(now.at, self.knobs.connects_max, self.floor.scaled(CONNECTS_PER)) {
            let status = u16::try_from(self.knobs.connects_status).unwrap_or(403);
            self.floor.note(now, "", Some(id), JournalKind::Refused, &format!("upgrade: {status} too many"));
            out.push(Output::Reject(id, status));
            return;
        }
        match Conn::open(id, path, self.knobs.idle_default_ms.length(), now.at) {
            Some(conn) => {
                self.floor.note(now, "", Some(id), JournalKind::Opened, path);
                self.conns.insert(id, conn);
                out.push(Output::Accept(id));
            }
            None => {
                self.floor.note(now, "", Some(id), JournalKind::Refused, &format!("upgrade: 404 {path}"));
                out.push(Output::Reject(id, 404));
            }
        }
    }

    /// A connection ended at `at`; harmless when it already had.
    fn end(&mut self, now: Now, at: Moment, id: ConnId, leaving: Leaving, how: &str) {
        let Some(conn) = self.conns.remove(&id) else { return };
        let account = conn.account().unwrap_or_default().to_owned();
        self.floor.note(now, &account, Some(id), JournalKind::Ended, how);
        let held: Vec<Product> =
            Product::ALL.into_iter().filter(|product| dcp::holds_off(&conn, *product, &self.knobs)).collect();
        self.leave(at, id, &account, &held, leaving);
    }

    /// The pings of this connection stopped for too long: it no longer holds anything off, but stays open.
    fn silence(&mut self, at: Moment, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let account = conn.account().unwrap_or_default().to_owned();
        let knobs = &self.knobs;
        let held: Vec<Product> =
            Product::ALL.into_iter().filter(|product| dcp::holds_off(conn, *product, knobs)).collect();
        conn.silent = true;
        self.leave(at, id, &account, &held, Leaving::Silent);
    }

    /// A gateway restart, or a text for everybody, as the knobs ask.
    fn restart(&mut self, now: Now, out: &mut Vec<Output>) {
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        let text = std::mem::take(&mut self.knobs.say);
        if !text.is_empty() {
            out.extend(ids.iter().map(|id| Output::Text(*id, text.clone())));
        }
        if std::mem::take(&mut self.knobs.drop_all) {
            for id in ids {
                out.push(Output::Drop(id));
                self.end(now, now.at, id, Leaving::Ended { clean: false }, "venue: restart");
            }
        }
    }

    /// Answers held back until now, except to connections that are gone.
    fn release(&mut self, now: Now, out: &mut Vec<Output>) {
        let mut due = Vec::new();
        self.delayed.release(now.at, &mut due);
        out.extend(due.into_iter().filter(|output| match output {
            Output::Text(conn, _) | Output::Drop(conn) => self.conns.contains_key(conn),
            Output::Accept(_)
            | Output::Reject(..)
            | Output::Ping(..)
            | Output::Pong(..)
            | Output::Close(..)
            | Output::Http(..) => true,
        }));
    }

    /// Hands an answer over as a fault wants it: now, later or never. A request that is lost or refused never gets
    /// here.
    fn answer(&mut self, now: Now, treatment: &Treatment, output: Output, out: &mut Vec<Output>) {
        match treatment {
            Treatment::Normal | Treatment::Refuse(_) => out.push(output),
            Treatment::Late(by) => self.delayed.put(now.at + *by, output),
            Treatment::LoseAnswer | Treatment::LoseRequest => {}
        }
    }

    /// A number that no trace or pushed message had before.
    fn next_count(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}
