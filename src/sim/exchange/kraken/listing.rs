//! Reading orders over HTTP (spec section 8.3): open, closed, by id, and executions.

use super::KrakenExchange;
use super::http::Call;
use super::market;
use super::wire::{Refused, stamp_fraction};
use crate::sim::exchange::{CancelCause, Order, OrderState};
use serde_json::{Map, Value, json};

/// `ClosedOrders` and `TradesHistory` show this many at a time.
const PAGE: usize = 50;

impl KrakenExchange {
    /// `OpenOrders`.
    pub(super) fn open_orders_call(&self, call: &Call<'_>) -> Result<Value, Refused> {
        self.may_read(call, "query-open-trades")?;
        Ok(json!({"open": self.listed(call, |order| order.state == OrderState::Open, usize::MAX)}))
    }

    /// `ClosedOrders`.
    pub(super) fn closed_orders_call(&self, call: &Call<'_>) -> Result<Value, Refused> {
        self.may_read(call, "query-closed-trades")?;
        let closed = |order: &Order| order.state != OrderState::Open;
        let count = self.floor.orders.values().filter(|order| self.wanted_by(call, order) && closed(order)).count();
        Ok(json!({"closed": self.listed(call, closed, PAGE), "count": count}))
    }

    /// `QueryOrders`.
    pub(super) fn query_orders_call(&self, call: &Call<'_>) -> Result<Value, Refused> {
        self.may_read(call, "query-open-trades")?;
        let ids = call.text("txid").ok_or("EGeneral:Invalid arguments:txid")?;
        let mut found = Map::new();
        for id in ids.split(',').map(str::trim) {
            let mut orders = self.floor.orders.values();
            let order = orders.find(|order| order.id == id && order.account == call.signer.account);
            let order = order.ok_or("EOrder:Unknown order")?;
            found.insert(order.id.clone(), self.row(order));
        }
        Ok(found.into())
    }

    /// `TradesHistory`.
    pub(super) fn trades_call(&self, call: &Call<'_>) -> Result<Value, Refused> {
        self.may_read(call, "query-closed-trades")?;
        let filled = self.floor.orders.values().rev().filter(|order| order.state == OrderState::Filled);
        let filled: Vec<&Order> = filled.filter(|order| order.account == call.signer.account).take(PAGE).collect();
        let trades: Map<String, Value> = filled.iter().map(|order| self.trade(order)).collect();
        Ok(json!({"trades": trades, "count": filled.len()}))
    }

    fn may_read(&self, call: &Call<'_>, permission: &str) -> Result<(), Refused> {
        self.engine_is_up()?;
        if self.lacks(&call.signer.key, permission) { Err("EGeneral:Permission denied".to_owned()) } else { Ok(()) }
    }

    /// Newest first, as far as a JSON object has an order at all.
    fn listed(&self, call: &Call<'_>, wanted: impl Fn(&Order) -> bool, most: usize) -> Map<String, Value> {
        let orders = self.floor.orders.values().rev().filter(|order| self.wanted_by(call, order) && wanted(order));
        orders.take(most).map(|order| (order.id.clone(), self.row(order))).collect()
    }

    fn wanted_by(&self, call: &Call<'_>, order: &Order) -> bool {
        let userref = call.text("userref").and_then(|userref| userref.parse::<i64>().ok());
        let client_id = call.text("cl_ord_id");
        order.account == call.signer.account
            && userref.is_none_or(|userref| self.terms_of(order.number).userref == userref)
            && client_id.is_none_or(|client_id| order.client_id == client_id)
    }

    fn row(&self, order: &Order) -> Value {
        let terms = self.terms_of(order.number);
        let (status, reason) = match order.state {
            OrderState::Open => ("open", None),
            OrderState::Filled => ("closed", None),
            OrderState::Cancelled(CancelCause::Switch) => ("canceled", Some(self.knobs.expiry_reason.as_str())),
            OrderState::Cancelled(CancelCause::User | CancelCause::Venue) => ("canceled", Some("User requested")),
        };
        let filled = order.state == OrderState::Filled;
        let pair = market::find(&order.instrument).map_or(order.instrument.as_str(), |pair| pair.altname);
        let price = if order.price.is_empty() { "0" } else { order.price.as_str() };
        let words = format!("{} {} {pair} @ {} {}", order.side, order.quantity, terms.order_type, order.price);
        let (executed, average) =
            if filled { (order.quantity.as_str(), terms.fill_price.as_str()) } else { ("0.00000000", "0.00000") };
        let mut row = json!({
            "refid": null, "userref": terms.userref, "status": status, "opentm": stamp_fraction(order.created.wall),
            "starttm": 0, "expiretm": 0, "vol": order.quantity, "vol_exec": executed, "cost": "0.00000",
            "fee": "0.00000", "price": average, "stopprice": "0.00000", "limitprice": "0.00000", "misc": "",
            "oflags": if terms.post_only { "fciq,post" } else { "fciq" },
            "descr": {"pair": pair, "type": order.side, "ordertype": terms.order_type, "price": price, "price2": "0",
                "leverage": "none", "order": words.trim_end(), "close": ""},
        });
        if !order.client_id.is_empty() {
            row["cl_ord_id"] = order.client_id.as_str().into();
        }
        if order.state != OrderState::Open {
            row["closetm"] = stamp_fraction(order.updated.wall).into();
            row["reason"] = reason.into();
        }
        row
    }

    fn trade(&self, order: &Order) -> (String, Value) {
        let terms = self.terms_of(order.number);
        let id = super::orders::spell(order.number ^ 0xE0EC).replacen('O', "T", 1);
        let pair = market::find(&order.instrument).map_or(order.instrument.as_str(), |pair| pair.name);
        let row = json!({"ordertxid": order.id, "postxid": "", "pair": pair, "time": stamp_fraction(order.updated.wall),
            "type": order.side, "ordertype": terms.order_type, "price": terms.fill_price, "cost": "0.00000",
            "fee": "0.00000", "vol": order.quantity, "margin": "0.00000", "misc": "", "trade_id": order.number,
            "maker": false});
        (id, row)
    }
}
