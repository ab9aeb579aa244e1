//! Disconnection protection (spec sections 7 and 18): for each account and product, a window that runs from the moment
//! the last subscribed connection is gone, until one comes back, logs in, subscribes and pings. This file holds the
//! windows and the rules of membership; what a tripped window cancels is in `orders.rs`.

use super::BybitExchange;
use super::conn::{Conn, Socket};
use super::knobs::{BareTopic, Knobs};
use super::product::Product;
use crate::model::{Moment, Now, TimeFactor};
use crate::sim::exchange::{CancelCause, ConnId, Fault, JournalKind, Output};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The window of a product until the client sets another (spec 7.1).
const WINDOW_DEFAULT: u64 = 10;

/// The deprecated topic without a product.
pub const BARE_TOPIC: &str = "dcp";

/// Windows as set, and windows that run.
#[derive(Debug, Default)]
pub struct Dcp {
    windows: BTreeMap<(String, Product), Window>,
    running: BTreeMap<(String, Product), Running>,
}

/// A setting, and the one that replaces it once it has propagated.
#[derive(Clone, Copy, Debug)]
struct Window {
    seconds: u64,
    next: Option<(Moment, u64)>,
}

/// A window that runs: everyone who held it off is gone.
#[derive(Clone, Debug)]
pub struct Running {
    /// When the cancels start.
    pub deadline: Moment,
    /// The connections that were subscribed and are gone.
    pub lost: BTreeSet<ConnId>,
}

/// How a connection stopped holding off a product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaving {
    /// The connection ended; true after a close frame.
    Ended {
        /// Whether a close frame came first.
        clean: bool,
    },
    /// It unsubscribed.
    Unsubscribed,
    /// Its pings stopped; only with the knob that makes them count.
    Silent,
}

impl Dcp {
    /// The window in force at this moment, in seconds of venue time.
    pub fn window(&self, account: &str, product: Product, at: Moment) -> u64 {
        let Some(window) = self.windows.get(&(account.to_owned(), product)) else { return WINDOW_DEFAULT };
        match window.next {
            Some((from, seconds)) if from <= at => seconds,
            Some(_) | None => window.seconds,
        }
    }

    /// A new window, in force from `from` on.
    pub fn set_window(&mut self, account: &str, product: Product, now: Moment, from: Moment, seconds: u64) {
        let before = self.window(account, product, now);
        self.windows.insert((account.to_owned(), product), Window { seconds: before, next: Some((from, seconds)) });
    }

    /// The window that runs for this product.
    pub fn running(&self, account: &str, product: Product) -> Option<&Running> {
        self.running.get(&(account.to_owned(), product))
    }

    /// Every window that runs for this account.
    pub fn running_of(&self, account: &str) -> impl Iterator<Item = (Product, &Running)> {
        self.running.iter().filter(move |((name, _), _)| name == account).map(|((_, product), run)| (*product, run))
    }

    /// The earliest window that ends.
    pub fn next_deadline(&self) -> Option<(Moment, (String, Product))> {
        self.running.iter().map(|(key, run)| (run.deadline, key.clone())).min()
    }
}

/// True when this connection holds off this product: private, logged in, subscribed, and not silent.
pub fn holds_off(conn: &Conn, product: Product, knobs: &Knobs) -> bool {
    conn.socket == Socket::Private && conn.login.is_some() && !conn.silent && has_topic(conn, product, knobs)
}

/// True when one of its topics speaks for this product.
pub fn has_topic(conn: &Conn, product: Product, knobs: &Knobs) -> bool {
    if knobs.pool_topics {
        return conn.topics.iter().any(|topic| topic == BARE_TOPIC || topic.starts_with("dcp."));
    }
    let bare = knobs.bare_dcp == BareTopic::Options && product == Product::Options && conn.topics.contains(BARE_TOPIC);
    bare || conn.topics.contains(product.topic())
}

/// From the loss of the last connection to the first cancel.
pub fn grace(knobs: &Knobs, factor: TimeFactor, seconds: u64) -> Duration {
    factor.scale(Duration::from_secs(seconds) + knobs.cancel_delay_ms.length())
}

impl BybitExchange {
    /// This connection no longer holds off these products: where nobody else does, the window starts at `at`.
    pub(super) fn leave(&mut self, at: Moment, id: ConnId, account: &str, products: &[Product], how: Leaving) {
        let exempt = match how {
            Leaving::Ended { clean } => clean && self.knobs.clean_close_exempt,
            Leaving::Unsubscribed => self.knobs.unsubscribe_disarms,
            Leaving::Silent => false,
        };
        for product in products {
            let key = (account.to_owned(), *product);
            if let Some(running) = self.dcp.running.get_mut(&key) {
                running.lost.insert(id);
            } else if !exempt && self.holders(account, *product).next().is_none() {
                let seconds = self.dcp.window(account, *product, at);
                let deadline = at + grace(&self.knobs, self.floor.factor, seconds);
                self.dcp.running.insert(key, Running { deadline, lost: BTreeSet::from([id]) });
            }
        }
    }

    /// Clears the windows that this connection's login, topics and pings are enough to clear.
    pub(super) fn resume(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(&id) else { return };
        let Some(account) = conn.account().filter(|_| conn.socket == Socket::Private) else { return };
        if self.knobs.reset_needs_ping && conn.pinged.is_none() {
            return;
        }
        let cleared: Vec<(String, Product)> = Product::ALL
            .into_iter()
            .filter(|product| !self.knobs.reset_needs_topic || holds_off(conn, *product, &self.knobs))
            .map(|product| (account.to_owned(), product))
            .collect();
        for key in cleared {
            self.dcp.running.remove(&key);
        }
    }

    /// Connections that hold off this product.
    pub(super) fn holders(&self, account: &str, product: Product) -> impl Iterator<Item = ConnId> {
        self.conns
            .iter()
            .filter(move |(_, conn)| conn.account() == Some(account) && holds_off(conn, product, &self.knobs))
            .map(|(id, _)| *id)
    }

    /// The window ended: everything this product covers goes, in one step.
    pub(super) fn trip(&mut self, now: Now, account: &str, product: Product, out: &mut Vec<Output>) {
        self.dcp.running.remove(&(account.to_owned(), product));
        if self.floor.has(&Fault::Dishonour) || !self.knobs.dcp_products.has(product) {
            return;
        }
        let orders = self.covered_orders(account, product);
        let detail = format!("{} {} orders", product.word(), orders.len());
        self.floor.note(now, account, None, JournalKind::Tripped, &detail);
        for number in &orders {
            self.floor.cancel_order(now, *number, CancelCause::Switch);
        }
        self.push_orders(now, account, &orders, out);
    }

    /// Open orders that a trip of this product cancels.
    pub(super) fn covered_orders(&self, account: &str, product: Product) -> Vec<u64> {
        let conditional = self.knobs.dcp_cancels_conditional;
        self.floor.open_orders(|order| {
            order.account == account
                && product.covers(&order.category)
                && (conditional || !self.terms.get(&order.number).is_some_and(|terms| terms.conditional()))
        })
    }
}
