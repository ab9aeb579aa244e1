//! Creating, amending and cancelling orders (spec sections 11 and 12), the same for HTTP and the trade socket, and
//! telling the account's private connections about it.

use super::BybitExchange;
use super::market;
use super::rows;
use super::wire::{Done, Failure, text, whole};
use crate::model::Now;
use crate::sim::exchange::spelling::mix;
use crate::sim::exchange::{CancelCause, ConnId, Order, OrderState, Output};
use serde_json::{Value, json};

/// Longest `orderLinkId` and `reqId`.
pub const ID_MAX: usize = 36;
/// A futures cancel-all takes at most this many, chosen at random.
const CANCEL_ALL_MAX: usize = 500;

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When.
    pub now: Now,
    /// The account's name.
    pub account: &'a str,
    /// The API key.
    pub key: &'a str,
    /// The trade connection; `None` over HTTP.
    pub conn: Option<ConnId>,
    /// What.
    pub params: &'a Value,
}

/// What the floor does not keep about an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// `Limit` or `Market`.
    pub order_type: String,
    /// `GTC`, `PostOnly`, …
    pub time_in_force: String,
    /// Whether it may only reduce a position.
    pub reduce_only: bool,
    /// Position index in hedge mode.
    pub position_idx: u64,
    /// Trigger price; empty unless the order is conditional.
    pub trigger_price: String,
    /// `Order`, `StopOrder`, `tpslOrder`, …
    pub filter: String,
    /// The price it was filled at.
    pub fill_price: String,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            order_type: "Limit".into(),
            time_in_force: "GTC".into(),
            reduce_only: false,
            position_idx: 0,
            trigger_price: String::new(),
            filter: "Order".into(),
            fill_price: String::new(),
        }
    }
}

impl Terms {
    /// True while it waits for its trigger; nothing here ever triggers it.
    pub fn conditional(&self) -> bool {
        !self.trigger_price.is_empty()
    }

    /// True when what is not filled at once is cancelled; limit orders are never filled here.
    fn never_rests(&self) -> bool {
        !self.conditional() && (self.time_in_force == "IOC" || self.time_in_force == "FOK")
    }
}

impl BybitExchange {
    /// `order.create` and `POST /v5/order/create`.
    pub(super) fn create(&mut self, call: &Call<'_>, changed: &mut Vec<u64>) -> Result<Done, Failure> {
        let number = self.place(call, call.params, &category(call.params)?)?;
        changed.push(number);
        Ok(self.named(number).into())
    }

    /// `order.amend` and `POST /v5/order/amend`.
    pub(super) fn amend(&mut self, call: &Call<'_>, changed: &mut Vec<u64>) -> Result<Done, Failure> {
        let number = self.change(call, call.params, &category(call.params)?)?;
        changed.push(number);
        Ok(self.named(number).into())
    }

    /// `order.cancel` and `POST /v5/order/cancel`.
    pub(super) fn cancel(&mut self, call: &Call<'_>, changed: &mut Vec<u64>) -> Result<Done, Failure> {
        let number = self.take_off(call, call.params, &category(call.params)?)?;
        changed.push(number);
        Ok(self.named(number).into())
    }

    /// The three batch operations: positional results, and success as a whole even when single ones failed.
    pub(super) fn batch(
        &mut self,
        call: &Call<'_>,
        changed: &mut Vec<u64>,
        one: fn(&mut Self, &Call<'_>, &Value, &str) -> Result<u64, Failure>,
    ) -> Result<Done, Failure> {
        let category = category(call.params)?;
        let most = if category == "spot" { 10 } else { 20 };
        let Some(Value::Array(items)) = call.params.get("request") else { return Err(Failure::params("request")) };
        if items.is_empty() || items.len() > most {
            return Err(Failure::params(format_args!("request: 1 to {most} items")));
        }
        let (mut list, mut ext) = (Vec::new(), Vec::new());
        for item in items {
            match one(self, call, item, &category) {
                Ok(number) => {
                    changed.push(number);
                    list.push(self.batch_row(number));
                    ext.push(json!({"code": 0, "msg": "OK"}));
                }
                Err(failure) => {
                    list.push(json!({"category": category, "symbol": text(item, "symbol").unwrap_or_default(),
                        "orderId": "", "orderLinkId": text(item, "orderLinkId").unwrap_or_default(), "createAt": ""}));
                    ext.push(json!({"code": failure.code, "msg": failure.text}));
                }
            }
        }
        Ok(Done { result: json!({"list": list}), ext: json!({"list": ext}), text: "OK" })
    }

    /// `POST /v5/order/cancel-all`.
    pub(super) fn cancel_all(&mut self, call: &Call<'_>, changed: &mut Vec<u64>) -> Result<Done, Failure> {
        let category = category(call.params)?;
        let mut numbers = self.cancel_all_scope(call, &category)?;
        if (category == "linear" || category == "inverse") && numbers.len() > CANCEL_ALL_MAX {
            numbers.sort_by_key(|number| mix(*number));
            numbers.truncate(CANCEL_ALL_MAX);
        }
        for number in &numbers {
            self.floor.cancel_order(call.now, *number, CancelCause::User);
        }
        let list: Vec<Value> = numbers.iter().map(|number| self.named(*number)).collect();
        changed.extend(numbers);
        Ok(json!({"list": list, "success": "1"}).into())
    }

    /// Tells every private connection of the account that wants to know.
    pub(super) fn push_orders(&mut self, now: Now, account: &str, numbers: &[u64], out: &mut Vec<Output>) {
        let mut sent = Vec::new();
        for (id, conn) in &self.conns {
            if conn.account() != Some(account) || conn.socket != super::conn::Socket::Private {
                continue;
            }
            for topic in conn.topics.iter().filter(|topic| is_order_topic(topic)) {
                let rows = self.rows_for(topic, numbers);
                if !rows.is_empty() {
                    sent.push((*id, topic.clone(), rows));
                }
            }
        }
        for (id, topic, rows) in sent {
            let message = json!({"id": format!("{}-{}", self.next_count(), now.wall.millis()), "topic": topic,
                "creationTime": now.wall.millis(), "data": rows});
            out.push(Output::Text(id, message.to_string()));
            if self.knobs.push_is_activity
                && let Some(conn) = self.conns.get_mut(&id)
            {
                conn.active = now.at;
            }
        }
    }

    /// The terms of an order; the usual ones for an order that was put there from outside.
    pub(super) fn terms_of(&self, number: u64) -> Terms {
        self.terms.get(&number).cloned().unwrap_or_default()
    }

    /// Places one order and returns its number.
    pub(super) fn place(&mut self, call: &Call<'_>, params: &Value, category: &str) -> Result<u64, Failure> {
        let symbol = text(params, "symbol").ok_or_else(|| Failure::params("symbol"))?;
        let instrument = market::find(category, &symbol).ok_or_else(|| Failure::params("symbol invalid"))?;
        let side = match text(params, "side").as_deref() {
            Some("Buy") => "buy",
            Some("Sell") => "sell",
            Some(_) | None => return Err(Failure::params("side invalid")),
        };
        let market = match text(params, "orderType").as_deref() {
            Some("Market") => true,
            Some("Limit") => false,
            Some(_) | None => return Err(Failure::params("orderType invalid")),
        };
        let quantity = positive(params, "qty")?;
        let price = if market { "0".to_owned() } else { positive(params, "price")? };
        let client_id = self.new_link_id(call.account, params)?;
        let order = Order {
            number: 0,
            id: String::new(),
            account: call.account.to_owned(),
            conn: call.conn,
            client_id,
            instrument: symbol.into_owned(),
            category: category.to_owned(),
            side: side.to_owned(),
            price,
            quantity,
            state: OrderState::Open,
            created: call.now,
            updated: call.now,
        };
        let number = self.floor.open_order(call.now, order, rows::uuid);
        let terms = terms(params, market, instrument.price);
        if market && !terms.conditional() {
            self.floor.fill_order(call.now, number);
        } else if terms.never_rests() {
            self.floor.cancel_order(call.now, number, CancelCause::Venue);
        }
        self.terms.insert(number, terms);
        Ok(number)
    }

    /// Amends one order and returns its number.
    pub(super) fn change(&mut self, call: &Call<'_>, params: &Value, category: &str) -> Result<u64, Failure> {
        let number = self.find_open(call.account, params, category)?;
        let price = params.get("price").map(|_| positive(params, "price")).transpose()?;
        let quantity = params.get("qty").map(|_| positive(params, "qty")).transpose()?;
        if let Some(order) = self.floor.orders.get_mut(&number) {
            order.price = price.unwrap_or_else(|| order.price.clone());
            order.quantity = quantity.unwrap_or_else(|| order.quantity.clone());
            order.updated = call.now;
        }
        Ok(number)
    }

    /// Cancels one order and returns its number.
    pub(super) fn take_off(&mut self, call: &Call<'_>, params: &Value, category: &str) -> Result<u64, Failure> {
        let number = self.find_open(call.account, params, category)?;
        self.floor.cancel_order(call.now, number, CancelCause::User);
        Ok(number)
    }

    fn rows_for(&self, topic: &str, numbers: &[u64]) -> Vec<Value> {
        let executions = topic.starts_with("execution");
        let category = topic.split_once('.').map(|(_, category)| category).filter(|category| *category != "fast");
        let orders = numbers.iter().filter_map(|number| self.floor.orders.get(number));
        orders
            .filter(|order| category.is_none_or(|category| order.category == category))
            .filter(|order| !executions || order.state == OrderState::Filled)
            .map(|order| {
                let terms = self.terms_of(order.number);
                if executions {
                    return rows::execution(order, &terms);
                }
                let mut row = rows::order(order, &terms, &self.knobs);
                row["category"] = order.category.as_str().into();
                row
            })
            .collect()
    }

    fn new_link_id(&self, account: &str, params: &Value) -> Result<String, Failure> {
        let Some(link_id) = text(params, "orderLinkId") else { return Ok(String::new()) };
        if link_id.len() > ID_MAX {
            return Err(Failure::params("orderLinkId is longer than 36 characters"));
        }
        if self.floor.orders.values().any(|order| order.account == account && order.client_id == *link_id) {
            return Err(Failure::new(110_072, "OrderLinkedID is duplicate"));
        }
        Ok(link_id.into_owned())
    }

    /// The open order these parameters name; `orderId` wins over `orderLinkId`.
    fn find_open(&self, account: &str, params: &Value, category: &str) -> Result<u64, Failure> {
        let id = text(params, "orderId");
        let link_id = text(params, "orderLinkId");
        if id.is_none() && link_id.is_none() {
            return Err(Failure::params("orderId or orderLinkId is required"));
        }
        let symbol = text(params, "symbol").ok_or_else(|| Failure::params("symbol"))?;
        let named = |order: &&Order| match (&id, &link_id) {
            (Some(id), _) => order.id == **id,
            (None, Some(link_id)) => order.client_id == **link_id,
            (None, None) => false,
        };
        let missing = if category == "spot" {
            Failure::new(170_213, "Order does not exist.")
        } else {
            Failure::new(110_001, "order not exists or too late to cancel")
        };
        let mut orders = self.floor.orders.values();
        orders
            .find(|order| {
                order.account == account
                    && order.category == category
                    && order.instrument == *symbol
                    && order.state == OrderState::Open
                    && named(order)
            })
            .map(|order| order.number)
            .ok_or(missing)
    }

    /// Which open orders a cancel-all takes: `symbol` wins over `baseCoin` wins over `settleCoin`; on spot only plain
    /// orders unless `orderFilter` names another kind (spec section 12).
    fn cancel_all_scope(&self, call: &Call<'_>, category: &str) -> Result<Vec<u64>, Failure> {
        let params = call.params;
        let (symbol, base, settle) = (text(params, "symbol"), text(params, "baseCoin"), text(params, "settleCoin"));
        let futures = category == "linear" || category == "inverse";
        if futures && symbol.is_none() && base.is_none() && settle.is_none() {
            return Err(Failure::params("symbol, baseCoin or settleCoin is required"));
        }
        let usual = if category == "spot" { Some("Order") } else { None };
        let filter = text(params, "orderFilter");
        let filter = filter.as_deref().or(usual);
        Ok(self.floor.open_orders(|order| {
            let instrument = market::find(&order.category, &order.instrument);
            let in_scope = match (&symbol, &base, &settle) {
                (Some(symbol), _, _) => order.instrument == **symbol,
                (None, Some(base), _) => instrument.is_some_and(|instrument| *instrument.base == **base),
                (None, None, Some(settle)) if category != "spot" => {
                    instrument.is_some_and(|instrument| *instrument.settle == **settle)
                }
                (None, None, _) => true,
            };
            let kind = self.terms.get(&order.number).map_or("Order", |terms| terms.filter.as_str());
            order.account == call.account
                && order.category == category
                && in_scope
                && filter.is_none_or(|filter| filter == kind)
        }))
    }

    fn named(&self, number: u64) -> Value {
        self.floor
            .orders
            .get(&number)
            .map_or(Value::Null, |order| json!({"orderId": order.id, "orderLinkId": order.client_id}))
    }

    fn batch_row(&self, number: u64) -> Value {
        self.floor.orders.get(&number).map_or(Value::Null, |order| {
            json!({"category": order.category, "symbol": order.instrument, "orderId": order.id,
                "orderLinkId": order.client_id, "createAt": order.created.wall.millis().to_string()})
        })
    }
}

/// The category, which every order operation needs.
pub fn category(params: &Value) -> Result<String, Failure> {
    let category = text(params, "category").filter(|category| market::is_category(category));
    category.map(std::borrow::Cow::into_owned).ok_or_else(|| Failure::params("category invalid"))
}

fn is_order_topic(topic: &str) -> bool {
    topic == "order" || topic.starts_with("order.") || topic == "execution" || topic.starts_with("execution.")
}

fn terms(params: &Value, market: bool, price: &str) -> Terms {
    let usual = Terms::default();
    let trigger_price = text(params, "triggerPrice").unwrap_or_default().into_owned();
    let stop = !trigger_price.is_empty();
    Terms {
        order_type: if market { "Market".into() } else { usual.order_type },
        time_in_force: text(params, "timeInForce")
            .map_or_else(|| if market { "IOC".to_owned() } else { usual.time_in_force }, std::borrow::Cow::into_owned),
        reduce_only: params.get("reduceOnly").and_then(Value::as_bool).unwrap_or(false),
        position_idx: whole(params, "positionIdx").unwrap_or(0),
        trigger_price,
        filter: text(params, "orderFilter")
            .map_or_else(|| if stop { "StopOrder".to_owned() } else { usual.filter }, std::borrow::Cow::into_owned),
        fill_price: if market && !stop { price.to_owned() } else { String::new() },
    }
}

/// A number above zero that came as text (or, leniently, as a number), in the client's spelling.
fn positive(params: &Value, field: &str) -> Result<String, Failure> {
    let value = text(params, field).filter(|value| value.parse::<f64>().is_ok_and(|number| number > 0.0));
    value.map(std::borrow::Cow::into_owned).ok_or_else(|| Failure::params(format_args!("{field} invalid")))
}
