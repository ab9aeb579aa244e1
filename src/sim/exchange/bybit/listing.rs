//! Reading orders and executions (spec section 14): newest first, twenty to a page unless asked otherwise, with a
//! cursor that contains percent escapes, as the venue's does.

use super::BybitExchange;
use super::market;
use super::orders::{Call, category};
use super::rows;
use super::wire::{Done, Failure, text, whole};
use crate::sim::exchange::spelling::unescape;
use crate::sim::exchange::{Order, OrderState};
use serde_json::{Value, json};
use std::time::Duration;

/// Page size unless asked otherwise.
const PAGE: u64 = 20;
/// Largest page.
const PAGE_MAX: u64 = 50;
/// Closed orders that `realtime` still shows.
const CLOSED_MAX: usize = 500;
/// How long history shows orders that were cancelled without a fill.
const CANCELLED_KEPT: Duration = Duration::from_secs(24 * 3600);

impl BybitExchange {
    /// `GET /v5/order/realtime`.
    pub(super) fn realtime(&self, call: &Call<'_>) -> Result<Done, Failure> {
        let category = category(call.params)?;
        let one = names_one(call.params);
        let scoped = ["symbol", "baseCoin", "settleCoin"].iter().any(|field| text(call.params, field).is_some());
        if category == "linear" && !one && !scoped {
            return Err(Failure::params("symbol, baseCoin or settleCoin is required"));
        }
        let closed = whole(call.params, "openOnly").unwrap_or(0) != 0;
        let mut orders = self.matching(call, &category);
        if !one {
            orders.retain(|order| (order.state == OrderState::Open) != closed);
        }
        if closed {
            orders.truncate(CLOSED_MAX);
        }
        Ok(self.page(call.params, &category, &orders))
    }

    /// `GET /v5/order/history`.
    pub(super) fn history(&self, call: &Call<'_>) -> Result<Done, Failure> {
        let category = category(call.params)?;
        let kept = self.floor.scaled(CANCELLED_KEPT);
        let mut orders = self.matching(call, &category);
        orders.retain(|order| match order.state {
            OrderState::Open => false,
            OrderState::Filled => true,
            OrderState::Cancelled(_) => call.now.at.since(order.updated.at) < kept,
        });
        Ok(self.page(call.params, &category, &orders))
    }

    /// `GET /v5/execution/list`.
    pub(super) fn executions(&self, call: &Call<'_>) -> Result<Done, Failure> {
        let category = category(call.params)?;
        let mut orders = self.matching(call, &category);
        orders.retain(|order| order.state == OrderState::Filled);
        let list: Vec<Value> = orders
            .iter()
            .take(page_size(call.params, 100))
            .map(|order| rows::execution(order, &self.terms_of(order.number)))
            .collect();
        Ok(json!({"category": category, "nextPageCursor": "", "list": list}).into())
    }

    /// The account's orders of this category that the filters let through, newest first.
    fn matching(&self, call: &Call<'_>, category: &str) -> Vec<&Order> {
        let field = |name| text(call.params, name);
        let (id, link_id) = (field("orderId"), field("orderLinkId"));
        let (symbol, base, settle) = (field("symbol"), field("baseCoin"), field("settleCoin"));
        let filter = field("orderFilter");
        let orders = self.floor.orders.values().rev().filter(|order| {
            let instrument = market::find(&order.category, &order.instrument);
            let fits =
                |wanted: &Option<std::borrow::Cow<'_, str>>, has: &str| wanted.as_deref().is_none_or(|w| w == has);
            order.account == call.account
                && order.category == category
                && fits(&id, &order.id)
                && fits(&link_id, &order.client_id)
                && fits(&symbol, &order.instrument)
                && fits(&base, instrument.map_or("", |instrument| instrument.base))
                && fits(&settle, instrument.map_or("", |instrument| instrument.settle))
                && fits(&filter, &self.terms_of(order.number).filter)
        });
        orders.collect()
    }

    fn page(&self, params: &Value, category: &str, orders: &[&Order]) -> Done {
        let after = text(params, "cursor").map(|cursor| unescape(&unescape(&cursor)));
        let after = after.as_deref().and_then(|cursor| cursor.rsplit(',').next()?.split(':').next().map(str::to_owned));
        let start = after.and_then(|id| orders.iter().position(|order| order.id == id)).map_or(0, |last| last + 1);
        let size = page_size(params, PAGE_MAX);
        let shown = &orders[start..orders.len().min(start + size)];
        let more = start + shown.len() < orders.len();
        let list: Vec<Value> =
            shown.iter().map(|order| rows::order(order, &self.terms_of(order.number), &self.knobs)).collect();
        let cursor = match (shown.first(), shown.last()) {
            (Some(first), Some(last)) if more => format!("{}%2C{}", mark(first), mark(last)),
            _ => String::new(),
        };
        json!({"category": category, "nextPageCursor": cursor, "list": list}).into()
    }
}

fn mark(order: &Order) -> String {
    format!("{}%3A{}", order.id, order.created.wall.millis())
}

fn names_one(params: &Value) -> bool {
    text(params, "orderId").is_some() || text(params, "orderLinkId").is_some()
}

fn page_size(params: &Value, most: u64) -> usize {
    let size = whole(params, "limit").unwrap_or(PAGE).clamp(1, most);
    usize::try_from(size).unwrap_or(1)
}
