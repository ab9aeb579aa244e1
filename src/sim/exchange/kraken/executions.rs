//! The `executions` channel (spec section 8): a snapshot of what is open, then thin updates to every session of the
//! account.

use super::KrakenExchange;
use super::orders::Terms;
use super::wire::{channel, number, stamp_micros};
use crate::model::Now;
use crate::sim::exchange::{CancelCause, ConnId, Order, OrderState, Output};
use serde_json::{Value, json};

/// The channel's name.
pub const EXECUTIONS: &str = "executions";
/// How many fills a snapshot shows.
const SNAPSHOT_TRADES: usize = 50;

/// A step in an order's life as the channel tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Accepted.
    Pending,
    /// Resting.
    New,
    /// Changed.
    Amended,
    /// Executed.
    Trade,
    /// Executed in full.
    Filled,
}

impl Step {
    /// Shown also to subscriptions that do not want every transition.
    const fn always_shown(self) -> bool {
        match self {
            Self::New | Self::Filled | Self::Trade => true,
            Self::Pending | Self::Amended => false,
        }
    }
}

impl KrakenExchange {
    /// The snapshot after a subscription.
    pub(super) fn executions_snapshot(&self, account: &str, orders: bool, trades: bool) -> Vec<Value> {
        let mut rows = Vec::new();
        if orders {
            let open = self.floor.orders.values().filter(|order| order.account == account);
            let open = open.filter(|order| order.state == OrderState::Open);
            rows.extend(open.map(|order| full(order, &self.terms_of(order.number), "new")));
        }
        if trades {
            let filled = self.floor.orders.values().rev().filter(|order| order.account == account);
            let filled = filled.filter(|order| order.state == OrderState::Filled).take(SNAPSHOT_TRADES);
            rows.extend(filled.map(|order| trade(order, &self.terms_of(order.number))));
        }
        rows
    }

    /// Tells every session of the account about one step of one order.
    pub(super) fn push_step(&mut self, now: Now, order: u64, step: Step, out: &mut Vec<Output>) {
        let Some(order) = self.floor.orders.get(&order) else { return };
        let terms = self.terms_of(order.number);
        let row = match step {
            Step::Pending => full(order, &terms, "pending_new"),
            Step::New => thin(now, order, &terms, "new", "new"),
            Step::Amended => amended(now, order, &terms),
            Step::Trade => trade(order, &terms),
            Step::Filled => thin(now, order, &terms, "filled", "filled"),
        };
        let account = order.account.clone();
        self.push_rows(now, &account, vec![row], step.always_shown(), out);
    }

    /// Tells every session of the account that these orders are gone.
    pub(super) fn push_cancelled(&mut self, now: Now, account: &str, numbers: &[u64], out: &mut Vec<Output>) {
        let orders = numbers.iter().filter_map(|number| self.floor.orders.get(number));
        let rows: Vec<Value> = orders.map(|order| self.cancelled(now, order)).collect();
        if !rows.is_empty() {
            self.push_rows(now, account, rows, true, out);
        }
    }

    fn push_rows(&mut self, now: Now, account: &str, rows: Vec<Value>, always: bool, out: &mut Vec<Output>) {
        let data = Value::Array(rows);
        let sessions: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, conn)| {
                let subscription = conn.private(EXECUTIONS, account);
                subscription.is_some_and(|subscription| always || subscription.all_transitions)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in sessions {
            if let Some(conn) = self.conns.get_mut(&id) {
                let sequence = conn.count(now.at);
                out.push(Output::Text(id, channel(EXECUTIONS, "update", data.clone(), sequence)));
            }
        }
    }

    fn cancelled(&self, now: Now, order: &Order) -> Value {
        let reason = match order.state {
            OrderState::Cancelled(CancelCause::Switch) => self.knobs.expiry_reason.as_str(),
            OrderState::Cancelled(CancelCause::Venue) => "Cancelled by venue",
            OrderState::Cancelled(CancelCause::User) | OrderState::Open | OrderState::Filled => "User requested",
        };
        let mut row = thin(now, order, &self.terms_of(order.number), "canceled", "canceled");
        row["cum_qty"] = 0.0.into();
        row["cum_cost"] = 0.0.into();
        row["fee_usd_equiv"] = 0.0.into();
        row["avg_price"] = 0.0.into();
        row["cancel_reason"] = reason.into();
        row["reason"] = reason.into();
        row
    }
}

/// A row with everything in it: the first update and the snapshot.
fn full(order: &Order, terms: &Terms, state: &str) -> Value {
    let mut row = json!({
        "order_id": order.id, "symbol": order.instrument, "order_qty": number(&order.quantity), "cum_cost": 0.0,
        "cum_qty": 0.0, "time_in_force": terms.time_in_force.to_uppercase(), "exec_type": state, "side": order.side,
        "order_type": terms.order_type, "order_userref": terms.userref, "limit_price_type": "static",
        "stop_price": 0.0, "order_status": state, "fee_usd_equiv": 0.0, "fee_ccy_pref": "fciq",
        "timestamp": stamp_micros(order.updated.wall),
    });
    if terms.has_limit() {
        row["limit_price"] = number(&order.price);
    }
    if !order.client_id.is_empty() {
        row["cl_ord_id"] = order.client_id.as_str().into();
    }
    if terms.post_only {
        row["post_only"] = true.into();
    }
    row
}

/// A row with neither symbol nor side nor quantity, as captured for `new` and `canceled`.
fn thin(now: Now, order: &Order, terms: &Terms, kind: &str, status: &str) -> Value {
    let mut row = json!({"timestamp": stamp_micros(now.wall), "order_status": status, "exec_type": kind,
        "order_userref": terms.userref, "order_id": order.id});
    if !order.client_id.is_empty() {
        row["cl_ord_id"] = order.client_id.as_str().into();
    }
    row
}

fn amended(now: Now, order: &Order, terms: &Terms) -> Value {
    let mut row = thin(now, order, terms, "amended", "new");
    row["order_qty"] = number(&order.quantity);
    row["limit_price"] = number(&order.price);
    row["reason"] = "User requested".into();
    row
}

fn trade(order: &Order, terms: &Terms) -> Value {
    let (quantity, price) = (number(&order.quantity), number(&terms.fill_price));
    let cost = quantity.as_f64().unwrap_or(0.0) * price.as_f64().unwrap_or(0.0);
    json!({
        "order_id": order.id, "order_userref": terms.userref, "exec_id": super::orders::spell(order.number ^ 0xE0EC),
        "exec_type": "trade", "trade_id": order.number, "symbol": order.instrument, "side": order.side,
        "last_qty": quantity, "last_price": price, "liquidity_ind": "t", "cost": cost, "order_status": "filled",
        "order_type": terms.order_type, "timestamp": stamp_micros(order.updated.wall), "fee_usd_equiv": 0.0,
        "fees": [],
    })
}
