//! Orders on the embedded Kraken (spec section 7), the same for websocket and HTTP: placing, amending, cancelling.
//! Limit orders rest for ever, market orders are filled at once, triggers never fire.

use super::KrakenExchange;
use super::executions::Step;
use super::limits::{amend_points, cancel_points};
use super::market::Pair;
use super::wire::Refused;
use crate::model::Now;
use crate::sim::exchange::spelling::mix;
use crate::sim::exchange::{CancelCause, ConnId, Order, OrderState, Output};
use std::time::Duration;

/// What the floor does not keep about an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// `limit`, `market`, `stop-loss`, …
    pub order_type: String,
    /// `gtc`, `gtd`, `ioc`, `fok`.
    pub time_in_force: String,
    /// Whether it may only be posted.
    pub post_only: bool,
    /// The client's number; zero when it has none.
    pub userref: i64,
    /// The price it was filled at.
    pub fill_price: String,
}

/// An order as a client wants it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which pair.
    pub pair: &'static Pair,
    /// `buy` or `sell`.
    pub side: String,
    /// Price as text; empty without a limit.
    pub price: String,
    /// Quantity as text.
    pub quantity: String,
    /// The client's id; empty when it has none.
    pub client_id: String,
    /// The rest.
    pub terms: Terms,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// When.
    pub now: Now,
    /// The account's name.
    pub account: &'a str,
    /// The connection; `None` over HTTP.
    pub conn: Option<ConnId>,
}

/// How a client names an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Named {
    /// By the venue's id.
    Id(String),
    /// By its own text.
    ClientId(String),
    /// By its own number; may name several.
    Userref(i64),
}

/// Order types that there are.
pub const ORDER_TYPES: [&str; 10] = [
    "limit",
    "market",
    "iceberg",
    "stop-loss",
    "stop-loss-limit",
    "take-profit",
    "take-profit-limit",
    "trailing-stop",
    "trailing-stop-limit",
    "settle-position",
];

impl Default for Terms {
    fn default() -> Self {
        Self {
            order_type: "limit".into(),
            time_in_force: "gtc".into(),
            post_only: false,
            userref: 0,
            fill_price: String::new(),
        }
    }
}

impl Terms {
    /// True when what is not filled at once is cancelled; limit orders are never filled here.
    pub fn never_rests(&self) -> bool {
        self.time_in_force == "ioc" || self.time_in_force == "fok"
    }

    /// True when the order has a limit price.
    pub fn has_limit(&self) -> bool {
        self.order_type.ends_with("limit") || self.order_type == "iceberg"
    }
}

impl KrakenExchange {
    /// Places an order and tells every session of the account.
    pub(super) fn place(&mut self, caller: Caller<'_>, wanted: Wanted, out: &mut Vec<Output>) -> Result<u64, Refused> {
        self.may_place(caller, &wanted)?;
        let Caller { now, account, conn } = caller;
        let market = wanted.terms.order_type == "market";
        let at_once = wanted.terms.never_rests();
        let order = Order {
            number: 0,
            id: String::new(),
            account: account.to_owned(),
            conn,
            client_id: wanted.client_id,
            instrument: wanted.pair.symbol.to_owned(),
            category: String::new(),
            side: wanted.side,
            price: wanted.price,
            quantity: wanted.quantity,
            state: OrderState::Open,
            created: now,
            updated: now,
        };
        let number = self.floor.open_order(now, order, spell);
        let fill_price = if market { wanted.pair.price.to_owned() } else { String::new() };
        self.terms.insert(number, Terms { fill_price, ..wanted.terms });
        self.push_step(now, number, Step::Pending, out);
        self.push_step(now, number, Step::New, out);
        if market {
            self.floor.fill_order(now, number);
            self.push_step(now, number, Step::Trade, out);
            self.push_step(now, number, Step::Filled, out);
        } else if at_once {
            self.floor.cancel_order(now, number, CancelCause::Venue);
            self.push_cancelled(now, account, &[number], out);
        }
        Ok(number)
    }

    /// Whether the engine would take this order now; counts it when it would.
    pub(super) fn may_place(&mut self, caller: Caller<'_>, wanted: &Wanted) -> Result<(), Refused> {
        if let Some(error) = self.system.refuses_order(wanted.terms.post_only) {
            return Err(error.to_owned());
        }
        let taken = |order: &Order| order.account == caller.account && order.client_id == wanted.client_id;
        if !wanted.client_id.is_empty() && !self.floor.open_orders(taken).is_empty() {
            return Err("EGeneral:Invalid arguments:cl_ord_id is not unique".to_owned());
        }
        self.engine_counts(caller, wanted.pair.symbol, 1)
    }

    /// Changes price and quantity of an open order.
    pub(super) fn amend(
        &mut self,
        caller: Caller<'_>,
        named: &Named,
        price: Option<String>,
        quantity: Option<String>,
        out: &mut Vec<Output>,
    ) -> Result<u64, Refused> {
        self.engine_is_up()?;
        let number = self.find(caller.account, named)?.first().copied().unwrap_or_default();
        let (symbol, created) = self
            .floor
            .orders
            .get(&number)
            .map_or_else(Default::default, |order| (order.instrument.clone(), order.created.at));
        self.engine_counts(caller, &symbol, amend_points(self.venue_age(caller.now, created)))?;
        if let Some(order) = self.floor.orders.get_mut(&number) {
            order.price = price.unwrap_or_else(|| order.price.clone());
            order.quantity = quantity.unwrap_or_else(|| order.quantity.clone());
            order.updated = caller.now;
        }
        self.push_step(caller.now, number, Step::Amended, out);
        Ok(number)
    }

    /// Cancels what is named and returns the numbers.
    pub(super) fn cancel(
        &mut self,
        caller: Caller<'_>,
        named: &Named,
        out: &mut Vec<Output>,
    ) -> Result<Vec<u64>, Refused> {
        self.engine_is_up()?;
        let numbers = self.find(caller.account, named)?;
        for number in &numbers {
            self.pay_for_cancel(caller, *number);
            self.floor.cancel_order(caller.now, *number, CancelCause::User);
        }
        self.push_cancelled(caller.now, caller.account, &numbers, out);
        Ok(numbers)
    }

    /// Cancels everything of the account and returns how many there were.
    pub(super) fn cancel_all(&mut self, caller: Caller<'_>, out: &mut Vec<Output>) -> Result<usize, Refused> {
        self.engine_is_up()?;
        let numbers = self.floor.open_orders(|order| order.account == caller.account);
        for number in &numbers {
            self.floor.cancel_order(caller.now, *number, CancelCause::User);
        }
        self.push_cancelled(caller.now, caller.account, &numbers, out);
        Ok(numbers.len())
    }

    /// Refuses while the engine is down.
    pub(super) fn engine_is_up(&self) -> Result<(), Refused> {
        self.system.refuses_all().map_or(Ok(()), |error| Err(error.to_owned()))
    }

    /// The terms of an order; the usual ones for an order that was put there from outside.
    pub(super) fn terms_of(&self, number: u64) -> Terms {
        self.terms.get(&number).cloned().unwrap_or_default()
    }

    /// Open orders that are named; an error when there is none.
    fn find(&self, account: &str, named: &Named) -> Result<Vec<u64>, Refused> {
        let numbers = self.floor.open_orders(|order| {
            order.account == account
                && match named {
                    Named::Id(id) => order.id == *id,
                    Named::ClientId(id) => order.client_id == *id,
                    Named::Userref(userref) => *userref != 0 && self.terms_of(order.number).userref == *userref,
                }
        });
        if numbers.is_empty() { Err(self.knobs.gone_order_text.clone()) } else { Ok(numbers) }
    }

    fn engine_counts(&mut self, caller: Caller<'_>, symbol: &str, points: u32) -> Result<(), Refused> {
        let (factor, tier) = (self.floor.factor, self.knobs.tier);
        let granted = !self.knobs.engine_limit
            || self.limits.engine(caller.now.at, factor, tier, (caller.account, symbol), points);
        if granted { Ok(()) } else { Err("EOrder:Rate limit exceeded".to_owned()) }
    }

    fn pay_for_cancel(&mut self, caller: Caller<'_>, number: u64) {
        let Some(order) = self.floor.orders.get(&number) else { return };
        let (symbol, points) = (order.instrument.clone(), cancel_points(self.venue_age(caller.now, order.created.at)));
        let (factor, tier) = (self.floor.factor, self.knobs.tier);
        self.limits.engine_penalty(caller.now.at, factor, tier, (caller.account, &symbol), points);
    }

    /// An order's age as the venue counts it.
    fn venue_age(&self, now: Now, created: crate::model::Moment) -> Duration {
        now.at.since(created).div_f64(self.floor.factor.get())
    }
}

/// The venue's spelling of an order number: `OQCLML-BW3P3-BUCMWZ`.
pub fn spell(number: u64) -> String {
    let spread = mix(number);
    format!("O{}-{}-{}", letters(spread, 5), letters(spread >> 32, 5), letters(number, 6))
}

fn letters(mut number: u64, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        text.push(char::from(ALPHABET[(number % 32) as usize]));
        number /= 32;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_ids_have_the_published_form_and_differ() {
        let ids: std::collections::BTreeSet<String> = (0..5_000).map(spell).collect();
        assert_eq!(ids.len(), 5_000);
        assert!(ids.iter().all(|id| id.len() == 19 && id.starts_with('O') && id.split('-').count() == 3));
    }
}
