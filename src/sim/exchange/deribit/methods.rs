//! The methods that websocket and HTTP share at the embedded Deribit.

use super::knobs::Detailed;
use super::orders::{Caller, Filter, find};
use super::wire::{Refused, Request};
use super::{DeribitExchange, markets, report};
use crate::model::Now;
use crate::sim::exchange::{CancelCause, OrderState, Output};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What `public/test` says.
pub const VERSION: &str = "1.2.26";
/// How many finished orders or trades one query returns at most.
const HISTORY_MAX: usize = 100;

impl DeribitExchange {
    /// A public method that does not concern one connection.
    pub(super) fn public_method(&self, now: Now, request: &Request) -> Result<Value, Refused> {
        match request.method.as_str() {
            "public/test" => match request.word("expected_result") {
                Some("exception") => Err(Refused::new(10_001)),
                Some(_) | None => Ok(json!({ "version": VERSION })),
            },
            "public/get_time" => Ok(json!(now.wall.millis())),
            "public/status" => Ok(json!({ "locked": "false", "locked_indices": [] })),
            "public/get_currencies" => Ok(markets::currencies()),
            "public/get_instruments" => {
                let filter = Filter::read(request)?;
                Ok(markets::instruments(filter.currency.as_deref(), filter.kind.as_deref()))
            }
            "public/ticker" => {
                let instrument = markets::find(request.need("instrument_name")?);
                let instrument = instrument.ok_or_else(|| Refused::param("instrument_name", "invalid instrument"))?;
                Ok(markets::ticker(instrument, now.wall.millis()))
            }
            _ => Err(Refused::new(-32_601)),
        }
    }

    /// A private method; what sessions are to hear about it is added to `pushes`.
    pub(super) fn private_method(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Value, Refused> {
        let method = request.method.strip_prefix("private/").unwrap_or_default();
        match method {
            "enable_cancel_on_disconnect" | "disable_cancel_on_disconnect" | "get_cancel_on_disconnect" => {
                self.switch_method(now, caller, request)
            }
            "buy" | "sell" => {
                let number = self.orders.place(&mut self.floor, now, caller, request, method)?;
                self.placed(now, number, pushes)
            }
            "edit" => {
                let number = self.orders.edit(&mut self.floor, now, &self.knobs, caller, request)?;
                self.placed(now, number, pushes)
            }
            "cancel" => {
                let number = self.orders.cancel(&mut self.floor, now, caller, request)?;
                self.tell_orders(now, &[number], pushes);
                self.shown(number)
            }
            "cancel_by_label" => {
                request.need("label")?;
                self.cancel_all(now, caller, request, pushes)
            }
            "cancel_all_by_currency" => {
                request.need("currency")?;
                self.cancel_all(now, caller, request, pushes)
            }
            "cancel_all_by_instrument" => {
                request.need("instrument_name")?;
                self.cancel_all(now, caller, request, pushes)
            }
            "cancel_all" | "cancel_all_by_kind_or_type" => self.cancel_all(now, caller, request, pushes),
            _ => self.query(caller, request, method),
        }
    }

    /// An order as the venue writes it.
    pub(super) fn shown(&self, number: u64) -> Result<Value, Refused> {
        let pair = self.floor.orders.get(&number).zip(self.orders.details(number));
        let show = |(order, details)| report::order(order, details, self.knobs.cod_reason);
        pair.map(show).ok_or_else(|| Refused::new(10_004))
    }

    fn placed(&mut self, now: Now, number: u64, pushes: &mut Vec<Output>) -> Result<Value, Refused> {
        self.tell_orders(now, &[number], pushes);
        Ok(json!({ "order": self.shown(number)?, "trades": self.trades_of(number) }))
    }

    /// The fills of an order: one, or none.
    pub(super) fn trades_of(&self, number: u64) -> Vec<Value> {
        let order = self.floor.orders.get(&number).filter(|order| order.state == OrderState::Filled);
        order
            .zip(self.orders.details(number))
            .map(|(order, details)| report::trade(order, details))
            .into_iter()
            .collect()
    }

    fn cancel_all(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Value, Refused> {
        let filter = Filter::read(request)?;
        let numbers = self.orders.open(&self.floor, &caller.account, &filter);
        for number in &numbers {
            self.floor.cancel_order(now, *number, CancelCause::User);
        }
        self.tell_orders(now, &numbers, pushes);
        Ok(match (request.flag("detailed").unwrap_or(false), self.knobs.detailed) {
            (false, _) => json!(numbers.len()),
            (true, Detailed::Orders) => {
                numbers.iter().filter_map(|n| self.shown(*n).ok()).map(|order| json!({ "order": order })).collect()
            }
            (true, Detailed::Reports) => self.reports(&numbers),
        })
    }

    /// One report for each currency and type (section 8.1).
    fn reports(&self, numbers: &[u64]) -> Value {
        let mut groups: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
        for number in numbers {
            let (Some(order), Some(details)) = (self.floor.orders.get(number), self.orders.details(*number)) else {
                continue;
            };
            let currency = markets::find(&order.instrument).map_or("", |instrument| instrument.currency);
            let kind = if details.trigger_price.is_some() { "trigger" } else { "limit" };
            groups.entry((currency, kind)).or_default().push(report::order(order, details, self.knobs.cod_reason));
        }
        let report = |((currency, kind), orders)| json!({ "currency": currency, "type": kind, "result": orders });
        groups.into_iter().map(report).collect()
    }

    fn query(&self, caller: &Caller, request: &Request, method: &str) -> Result<Value, Refused> {
        match method {
            "get_open_orders" => self.open_orders(caller, request),
            "get_open_orders_by_currency" | "get_open_orders_by_label" => {
                request.need("currency")?;
                self.open_orders(caller, request)
            }
            "get_open_orders_by_instrument" => {
                request.need("instrument_name")?;
                self.open_orders(caller, request)
            }
            "get_order_state" => self.shown(find(&self.floor, caller, request)?),
            "get_order_state_by_label" => self.finished_or_open(caller, request, |_| true),
            "get_order_history_by_currency" | "get_order_history_by_instrument" => {
                self.finished_or_open(caller, request, |state| state != OrderState::Open)
            }
            method if method.starts_with("get_user_trades_by_order") => {
                Ok(json!(self.trades_of(find(&self.floor, caller, request)?)))
            }
            method if method.starts_with("get_user_trades_by_") => {
                let numbers = self.numbers(caller, request, |state| state == OrderState::Filled)?;
                let trades: Vec<Value> = numbers.into_iter().flat_map(|number| self.trades_of(number)).collect();
                Ok(json!({ "trades": trades, "has_more": false }))
            }
            "get_positions" | "get_user_locks" => Ok(json!([])),
            "get_account_summary" => Ok(self.summary(request.word("currency").unwrap_or("BTC"))),
            "get_account_summaries" => Ok(json!({ "summaries": [self.summary("BTC"), self.summary("ETH")] })),
            _ => Err(Refused::new(-32_601)),
        }
    }

    fn open_orders(&self, caller: &Caller, request: &Request) -> Result<Value, Refused> {
        let numbers = self.orders.open(&self.floor, &caller.account, &Filter::read(request)?);
        Ok(numbers.into_iter().filter_map(|number| self.shown(number).ok()).collect())
    }

    fn finished_or_open(
        &self,
        caller: &Caller,
        request: &Request,
        wanted: impl Fn(OrderState) -> bool,
    ) -> Result<Value, Refused> {
        let numbers = self.numbers(caller, request, wanted)?;
        Ok(numbers.into_iter().filter_map(|number| self.shown(number).ok()).collect())
    }

    /// Orders of any state, newest first.
    fn numbers(
        &self,
        caller: &Caller,
        request: &Request,
        wanted: impl Fn(OrderState) -> bool,
    ) -> Result<Vec<u64>, Refused> {
        let filter = Filter::read(request)?;
        let own = self.floor.orders.values().rev().filter(|o| o.account == caller.account && wanted(o.state));
        Ok(own
            .filter(|order| self.orders.matches(order, &filter))
            .map(|order| order.number)
            .take(HISTORY_MAX)
            .collect())
    }

    fn summary(&self, currency: &str) -> Value {
        let rate = |rate: u32, burst: u32| json!({ "rate": rate, "burst": burst });
        json!({
            "currency": currency, "balance": 1_000.0, "equity": 1_000.0, "available_funds": 1_000.0,
            "available_withdrawal_funds": 1_000.0, "margin_balance": 1_000.0, "initial_margin": 0.0,
            "maintenance_margin": 0.0, "session_rpl": 0.0, "session_upl": 0.0, "total_pl": 0.0,
            "limits": {
                "limits_per_currency": false,
                "non_matching_engine": rate(20, 100),
                "matching_engine": {
                    "trading": { "total": rate(self.knobs.matching_rate, self.knobs.matching_burst) },
                    "cancel_all": rate(200, 250)
                }
            }
        })
    }
}
