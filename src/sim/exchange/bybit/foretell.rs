//! What would happen if one client fell silent now: the same rules as the machine's, played forward over the few events
//! that can still happen. It changes nothing, and it believes nothing that was acknowledged.

use super::BybitExchange;
use super::dcp::{grace, holds_off};
use super::product::Product;
use super::reaper::{reaped_at, silent_at};
use crate::model::Moment;
use crate::sim::exchange::{ConnId, Fault};
use std::collections::{BTreeMap, BTreeSet};

/// The future of one account when some of its connections say nothing more.
struct Future<'a> {
    venue: &'a BybitExchange,
    account: &'a str,
    /// Ours that are not lost yet, with the last activity that keeps them.
    alive: BTreeMap<ConnId, Moment>,
    /// Windows that run, and when they end.
    running: BTreeMap<Product, Moment>,
    /// The first trip of each product.
    tripped: BTreeMap<Product, Moment>,
}

impl BybitExchange {
    /// The latest moment by which every product that these connections hold off would have tripped; `None` when one
    /// of them never would.
    pub(super) fn foretell(&self, conns: &[ConnId]) -> Option<Moment> {
        if self.floor.has(&Fault::Dishonour) {
            return None;
        }
        let accounts: BTreeSet<&str> = self.floor.accounts.values().map(|account| account.name.as_str()).collect();
        let mut latest = None;
        for account in accounts {
            let products = self.products_of(account, conns);
            if products.is_empty() {
                continue;
            }
            if products.iter().any(|product| !self.sure_to_run(account, *product, conns)) {
                return None;
            }
            let future = self.future(account, conns).play();
            for product in products {
                latest = latest.max(Some(*future.tripped.get(&product)?));
            }
        }
        latest
    }

    /// Products that these connections hold off, or held off until the window that runs now.
    fn products_of(&self, account: &str, conns: &[ConnId]) -> Vec<Product> {
        let held = |product: &Product| self.holders(account, *product).any(|id| conns.contains(&id));
        let lost = |product: &Product| {
            self.dcp.running(account, *product).is_some_and(|run| run.lost.iter().any(|id| conns.contains(id)))
        };
        Product::ALL.into_iter().filter(|product| held(product) || lost(product)).collect()
    }

    /// Switched on, and held off by nobody else.
    fn sure_to_run(&self, account: &str, product: Product, conns: &[ConnId]) -> bool {
        self.knobs.dcp_products.has(product) && self.holders(account, product).all(|id| conns.contains(&id))
    }

    fn future<'a>(&'a self, account: &'a str, ours: &[ConnId]) -> Future<'a> {
        let live = self.conns.iter().filter(|(id, conn)| ours.contains(id) && conn.account() == Some(account));
        Future {
            venue: self,
            account,
            alive: live.map(|(id, conn)| (*id, conn.active)).collect(),
            running: self.dcp.running_of(account).map(|(product, run)| (product, run.deadline)).collect(),
            tripped: BTreeMap::new(),
        }
    }
}

impl Future<'_> {
    /// Plays until nothing can happen any more: every step takes a connection or a window away, and a window is started
    /// only by taking a connection away.
    fn play(mut self) -> Self {
        loop {
            let loss = self.alive.iter().map(|(id, active)| (self.lost_at(*id, *active), *id)).min();
            let trip = self.running.iter().map(|(product, deadline)| (*deadline, *product)).min();
            match (loss, trip) {
                (Some((lost, id)), Some((deadline, _))) if lost <= deadline => self.lose(lost, id),
                (_, Some((deadline, product))) => self.trip(deadline, product),
                (Some((lost, id)), None) => self.lose(lost, id),
                (None, None) => return self,
            }
        }
    }

    fn lost_at(&self, id: ConnId, active: Moment) -> Moment {
        let Some(conn) = self.venue.conns.get(&id) else { return active };
        let reaped = reaped_at(conn, active, &self.venue.knobs, self.venue.floor.factor);
        silent_at(conn, &self.venue.knobs, self.venue.floor.factor).map_or(reaped, |silent| silent.min(reaped))
    }

    fn lose(&mut self, at: Moment, id: ConnId) {
        self.alive.remove(&id);
        let Some(conn) = self.venue.conns.get(&id) else { return };
        for product in Product::ALL {
            let held = holds_off(conn, product, &self.venue.knobs);
            if held && !self.held_by_another(product) && !self.running.contains_key(&product) {
                let seconds = self.venue.dcp.window(self.account, product, at);
                self.running.insert(product, at + grace(&self.venue.knobs, self.venue.floor.factor, seconds));
            }
        }
    }

    /// By one of ours that is still there. Nobody else holds it off, or nothing would have been foretold.
    fn held_by_another(&self, product: Product) -> bool {
        self.venue.holders(self.account, product).any(|id| self.alive.contains_key(&id))
    }

    /// The rows of the first trip are pushed to ours that want them, which counts as activity there.
    fn trip(&mut self, at: Moment, product: Product) {
        self.running.remove(&product);
        let first = !self.tripped.contains_key(&product);
        self.tripped.entry(product).or_insert(at);
        let knobs = &self.venue.knobs;
        if !first || !knobs.push_is_activity || !knobs.dcp_products.has(product) {
            return;
        }
        let orders = self.venue.covered_orders(self.account, product);
        let categories: BTreeSet<&str> =
            orders.iter().map(|number| self.venue.floor.orders[number].category.as_str()).collect();
        for (id, active) in &mut self.alive {
            if categories.iter().any(|category| self.venue.conns[id].wants_orders(category)) {
                *active = at;
            }
        }
    }
}
