//! The private methods that the websocket and HTTP share at the embedded Crypto.com.

use super::orders::{Caller, find};
use super::report::{self, Shape};
use super::wire::{Refused, Reply, Request};
use super::{CryptoComExchange, markets};
use crate::model::Now;
use crate::sim::exchange::{Order, OrderState, Output};
use serde_json::{Value, json};

/// How many finished orders or trades one query returns.
const HISTORY_MAX: usize = 100;

/// Every method of this file; anything else is unknown.
pub const METHODS: [&str; 16] = [
    "private/create-order",
    "private/create-order-list",
    "private/amend-order",
    "private/cancel-order",
    "private/cancel-order-list",
    "private/cancel-all-orders",
    "private/advanced/cancel-all-orders",
    "private/get-open-orders",
    "private/advanced/get-open-orders",
    "private/get-order-detail",
    "private/get-order-history",
    "private/get-trades",
    "private/user-balance",
    "private/get-positions",
    "private/get-currency-networks",
    "private/get-accounts",
];

impl CryptoComExchange {
    /// Performs a private method; what sessions are to hear about it is added to `pushes`.
    pub(super) fn method(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        let mut touched = Vec::new();
        let reply = self.order_method(now, caller, request, &mut touched);
        self.tell_orders(&touched, pushes);
        match reply {
            Some(reply) => reply,
            None => self.query(now, caller, request),
        }
    }

    /// Methods that change orders; `None` when it is not one of them.
    fn order_method(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Request,
        touched: &mut Vec<u64>,
    ) -> Option<Result<Reply, Refused>> {
        let (orders, floor, knobs) = (&mut self.orders, &mut self.floor, &self.knobs);
        Some(match request.method.as_str() {
            "private/create-order" => orders.create(floor, now, knobs, caller, request, touched).map(Reply::Result),
            "private/create-order-list" => {
                orders.create_list(floor, now, knobs, caller, request, touched).map(Reply::Each)
            }
            "private/amend-order" => orders.amend(floor, now, knobs, caller, request, touched).map(Reply::Result),
            "private/cancel-order" => orders.cancel(floor, now, caller, &request.params, touched).map(Reply::NoError),
            "private/cancel-order-list" => orders.cancel_list(floor, now, caller, request, touched).map(Reply::Each),
            "private/cancel-all-orders" => {
                orders.cancel_all(floor, now, caller, &request.params, touched).map(|()| Reply::Plain)
            }
            // Advanced orders live apart and there are none here.
            "private/advanced/cancel-all-orders" => Ok(Reply::Plain),
            _ => return None,
        })
    }

    fn query(&self, now: Now, caller: &Caller, request: &Request) -> Result<Reply, Refused> {
        let result = match request.method.as_str() {
            "private/get-open-orders" => self.open_orders(caller, request)?,
            "private/advanced/get-open-orders" | "private/get-positions" => json!({ "data": [] }),
            "private/get-order-detail" => {
                let number = find(&self.floor, caller, &request.params, "client_oid")?;
                self.shown(number, Shape::Query).ok_or_else(|| Refused::new(40_401))?
            }
            "private/get-order-history" => self.finished(caller, request, |_| true, Self::as_order),
            "private/get-trades" => {
                self.finished(caller, request, |order| order.state == OrderState::Filled, Self::as_trade)
            }
            "private/user-balance" => json!({ "data": [report::balance()] }),
            "private/get-currency-networks" => markets::networks(now),
            "private/get-accounts" => json!({
                "master_account": { "uuid": report::account_id(&caller.account), "enabled": true, "tradable": true },
                "sub_account_list": []
            }),
            _ => return Err(Refused::new(40_002)),
        };
        Ok(Reply::Result(result))
    }

    fn open_orders(&self, caller: &Caller, request: &Request) -> Result<Value, Refused> {
        let instrument = request.word("instrument_name");
        if instrument.is_some_and(|name| markets::find(name).is_none()) {
            return Err(Refused::new(209));
        }
        let wanted = |o: &Order| o.account == caller.account && instrument.is_none_or(|name| name == o.instrument);
        let numbers = self.floor.open_orders(wanted);
        Ok(json!({ "data": numbers.into_iter().filter_map(|n| self.shown(n, Shape::Query)).collect::<Vec<_>>() }))
    }

    /// Orders that are no longer open, newest first.
    fn finished(
        &self,
        caller: &Caller,
        request: &Request,
        wanted: impl Fn(&Order) -> bool,
        show: impl Fn(&Self, &Order) -> Option<Value>,
    ) -> Value {
        let instrument = request.word("instrument_name");
        let of_caller = |o: &&Order| {
            o.account == caller.account
                && o.state != OrderState::Open
                && instrument.is_none_or(|name| name == o.instrument)
                && wanted(o)
        };
        let newest = self.floor.orders.values().rev().filter(of_caller).take(HISTORY_MAX);
        json!({ "data": newest.filter_map(|order| show(self, order)).collect::<Vec<_>>() })
    }

    /// An order as the venue writes it.
    pub(super) fn shown(&self, number: u64, shape: Shape) -> Option<Value> {
        Some(report::order(self.floor.orders.get(&number)?, self.orders.details(number)?, shape))
    }

    fn as_order(&self, order: &Order) -> Option<Value> {
        self.shown(order.number, Shape::Query)
    }

    fn as_trade(&self, order: &Order) -> Option<Value> {
        Some(report::trade(order, self.orders.details(order.number)?))
    }
}
