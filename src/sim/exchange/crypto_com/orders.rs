//! Orders at the embedded Crypto.com (specification, sections 9 to 11): limit orders rest for ever, market orders are
//! filled at once at the instrument's fixed price. There is no matching.

use super::knobs::{CodStatus, Knobs};
use super::markets;
use super::wire::{Leg, Refused, Request};
use crate::model::Now;
use crate::sim::exchange::{CancelCause, ConnId, Floor, Order, OrderState};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Ids look like the captured ones: 19 digits, above 2^53.
const FIRST_ORDER_ID: u64 = 4_989_988_582_750_000_000;
const CLIENT_OID_MAX: usize = 36;
const OPEN_PER_INSTRUMENT_MAX: usize = 200;
const OPEN_MAX: usize = 1000;
const LIST_MAX: usize = 10;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account's name.
    pub account: String,
    /// The connection; `None` over HTTP.
    pub conn: Option<ConnId>,
    /// Whether that connection has its switch set.
    pub armed: bool,
}

/// What an order has beyond the floor's record of it.
#[derive(Clone, Debug)]
pub struct Details {
    /// `LIMIT` or `MARKET`.
    pub kind: &'static str,
    /// Time in force.
    pub time_in_force: String,
    /// Instructions.
    pub exec_inst: Vec<String>,
    /// A status that does not follow from the order's state.
    pub status: Option<&'static str>,
    /// The number in `reason`.
    pub reason: u32,
    /// The price of a fill.
    pub filled_at: Option<f64>,
    /// Created on a connection whose switch was not yet set.
    pub before_set: bool,
}

/// The order book's memory. Every method that changes orders adds their numbers to `touched`.
#[derive(Debug, Default)]
pub struct Orders {
    details: BTreeMap<u64, Details>,
}

/// An order that passed every check.
struct Draft {
    order: Order,
    details: Details,
}

impl Orders {
    /// What is known beyond the floor's record.
    pub fn details(&self, number: u64) -> Option<&Details> {
        self.details.get(&number)
    }

    /// The switch cancelled this order: what it shows follows from the knobs.
    pub fn mark_tripped(&mut self, number: u64, knobs: &Knobs) {
        if let Some(details) = self.details.get_mut(&number) {
            details.reason = knobs.cod_reason;
            details.status = match knobs.cod_status {
                CodStatus::Cancelled => None,
                CodStatus::Expired => Some("EXPIRED"),
            };
        }
    }

    /// `private/create-order`.
    pub fn create(
        &mut self,
        floor: &mut Floor,
        now: Now,
        knobs: &Knobs,
        caller: &Caller,
        request: &Request,
        touched: &mut Vec<u64>,
    ) -> Result<Value, Refused> {
        let draft = self.draft(floor, now, caller, &request.params, request.id)?;
        Ok(self.accept(floor, now, knobs, draft, touched))
    }

    /// `private/create-order-list`: each leg by itself.
    pub fn create_list(
        &mut self,
        floor: &mut Floor,
        now: Now,
        knobs: &Knobs,
        caller: &Caller,
        request: &Request,
        touched: &mut Vec<u64>,
    ) -> Result<Vec<Leg>, Refused> {
        let mut legs = Vec::new();
        for leg in list_of(request)? {
            let outcome = match self.draft(floor, now, caller, leg, request.id) {
                Ok(draft) => Ok(self.accept(floor, now, knobs, draft, touched)),
                Err(refused) => Err((refused, json!({ "client_oid": text(leg, "client_oid") }))),
            };
            legs.push(outcome);
        }
        Ok(legs)
    }

    /// `private/amend-order`: the order id stays, the client id becomes the new one.
    pub fn amend(
        &mut self,
        floor: &mut Floor,
        now: Now,
        knobs: &Knobs,
        caller: &Caller,
        request: &Request,
        touched: &mut Vec<u64>,
    ) -> Result<Value, Refused> {
        let number = find(floor, caller, &request.params, "orig_client_oid")?;
        let (price, quantity) = (text(&request.params, "new_price"), text(&request.params, "new_quantity"));
        if positive(price).is_none() || positive(quantity).is_none() {
            return Err(Refused::new(40_004));
        }
        let order = floor.orders.get_mut(&number).ok_or_else(|| Refused::new(40_401))?;
        if order.state != OrderState::Open {
            return Err(Refused::new(307));
        }
        order.price = price.to_owned();
        order.quantity = quantity.to_owned();
        order.client_id = client_oid(&request.params, request.id)?;
        order.updated = now;
        if knobs.amend_moves_owner {
            order.conn = caller.conn;
        }
        touched.push(number);
        Ok(ids(order))
    }

    /// `private/cancel-order`.
    pub fn cancel(
        &mut self,
        floor: &mut Floor,
        now: Now,
        caller: &Caller,
        params: &Map<String, Value>,
        touched: &mut Vec<u64>,
    ) -> Result<Value, Refused> {
        let number = find(floor, caller, params, "client_oid")?;
        if !floor.cancel_order(now, number, CancelCause::User) {
            return Err(Refused::new(316));
        }
        touched.push(number);
        Ok(floor.orders.get(&number).map(ids).unwrap_or_default())
    }

    /// `private/cancel-order-list`.
    pub fn cancel_list(
        &mut self,
        floor: &mut Floor,
        now: Now,
        caller: &Caller,
        request: &Request,
        touched: &mut Vec<u64>,
    ) -> Result<Vec<Leg>, Refused> {
        let mut legs = Vec::new();
        for leg in list_of(request)? {
            let named = json!({ "order_id": text(leg, "order_id"), "client_oid": text(leg, "client_oid") });
            legs.push(self.cancel(floor, now, caller, leg, touched).map_err(|refused| (refused, named)));
        }
        Ok(legs)
    }

    /// `private/cancel-all-orders`: every order of the account, whoever created it.
    pub fn cancel_all(
        &mut self,
        floor: &mut Floor,
        now: Now,
        caller: &Caller,
        params: &Map<String, Value>,
        touched: &mut Vec<u64>,
    ) -> Result<(), Refused> {
        let instrument = params.get("instrument_name").and_then(Value::as_str);
        if instrument.is_some_and(|name| markets::find(name).is_none()) {
            return Err(Refused::new(209));
        }
        if !matches!(text(params, "type"), "" | "ALL" | "LIMIT") {
            return Err(Refused::new(40_004));
        }
        let wanted = |o: &Order| o.account == caller.account && instrument.is_none_or(|name| name == o.instrument);
        for number in floor.open_orders(wanted) {
            floor.cancel_order(now, number, CancelCause::User);
            touched.push(number);
        }
        Ok(())
    }

    fn draft(
        &self,
        floor: &Floor,
        now: Now,
        caller: &Caller,
        params: &Map<String, Value>,
        id: Option<u64>,
    ) -> Result<Draft, Refused> {
        let instrument = markets::find(text(params, "instrument_name")).ok_or_else(|| Refused::new(209))?;
        let kind = match text(params, "type") {
            "LIMIT" => "LIMIT",
            "MARKET" => "MARKET",
            _ => return Err(Refused::new(218)),
        };
        let side = match text(params, "side") {
            "BUY" => "buy",
            "SELL" => "sell",
            _ => return Err(Refused::new(220)),
        };
        let (quantity, by_notional) = quantity(params, kind, side, instrument.last)?;
        if kind == "LIMIT" && positive(text(params, "price")).is_none() {
            return Err(Refused::new(308));
        }
        let time_in_force = time_in_force(params)?;
        let mut exec_inst = exec_inst(params, &time_in_force)?;
        if by_notional {
            exec_inst.push("NOTIONAL_ORDER".to_owned());
        }
        let client_id = client_oid(params, id)?;
        self.check_room(floor, caller, text(params, "client_oid"), instrument.symbol)?;
        let order = Order {
            number: 0,
            id: String::new(),
            account: caller.account.clone(),
            conn: caller.conn,
            client_id,
            instrument: instrument.symbol.to_owned(),
            category: String::new(),
            side: side.to_owned(),
            price: if kind == "LIMIT" { text(params, "price").to_owned() } else { String::new() },
            quantity,
            state: OrderState::Open,
            created: now,
            updated: now,
        };
        let details = Details {
            kind,
            time_in_force,
            exec_inst,
            status: None,
            reason: 0,
            filled_at: (kind == "MARKET").then_some(instrument.last),
            before_set: !caller.armed,
        };
        Ok(Draft { order, details })
    }

    /// Refuses a client id the client gave to an order that is still open, and more open orders than there may be.
    fn check_room(&self, floor: &Floor, caller: &Caller, given: &str, instrument: &str) -> Result<(), Refused> {
        let own = floor.open_orders(|o| o.account == caller.account);
        let open = || own.iter().filter_map(|number| floor.orders.get(number));
        if !given.is_empty() && open().any(|order| order.client_id == given) {
            return Err(Refused::new(204));
        }
        if own.len() >= OPEN_MAX || open().filter(|o| o.instrument == instrument).count() >= OPEN_PER_INSTRUMENT_MAX {
            return Err(Refused::new(318));
        }
        Ok(())
    }

    fn accept(&mut self, floor: &mut Floor, now: Now, knobs: &Knobs, draft: Draft, touched: &mut Vec<u64>) -> Value {
        let Draft { order, mut details } = draft;
        let number = floor.open_order(now, order, |number| (FIRST_ORDER_ID + number).to_string());
        if details.kind == "MARKET" {
            floor.fill_order(now, number);
            if knobs.notional_ends_cancelled && details.exec_inst.iter().any(|inst| inst == "NOTIONAL_ORDER") {
                details.status = Some("CANCELED");
            }
        } else if details.time_in_force != "GOOD_TILL_CANCEL" {
            // Nothing ever matches here, so what may not rest ends at once.
            details.reason = if details.time_in_force == "FILL_OR_KILL" { 43_003 } else { 43_004 };
            floor.cancel_order(now, number, CancelCause::Venue);
        }
        self.details.insert(number, details);
        touched.push(number);
        floor.orders.get(&number).map(ids).unwrap_or_default()
    }
}

/// The order a request names by `order_id`, or by its client id under this name.
pub fn find(floor: &Floor, caller: &Caller, params: &Map<String, Value>, client_name: &str) -> Result<u64, Refused> {
    let (order_id, client_id) = (id_text(params, "order_id"), text(params, client_name));
    if order_id.is_empty() && client_id.is_empty() {
        return Err(Refused::new(40_004));
    }
    let named = |o: &&Order| match order_id.as_str() {
        "" => o.client_id == client_id,
        id => o.id == id,
    };
    let own = floor.orders.values().rev().filter(|order| order.account == caller.account);
    own.clone()
        .find(named)
        .map(|order| order.number)
        .ok_or_else(|| Refused::new(if order_id.is_empty() { 40_401 } else { 212 }))
}

/// A positive decimal in a string, as the venue wants every number of an order.
pub fn positive(number: &str) -> Option<f64> {
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    number.parse().ok().filter(|value: &f64| plain && *value > 0.0 && value.is_finite())
}

/// A decimal as the venue writes it, without trailing zeros.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ids(order: &Order) -> Value {
    json!({ "client_oid": order.client_id, "order_id": order.id })
}

fn text<'a>(params: &'a Map<String, Value>, name: &str) -> &'a str {
    params.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An id as text, even when it was sent as a number.
fn id_text(params: &Map<String, Value>, name: &str) -> String {
    match params.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The legs of a list, one to ten objects.
fn list_of(request: &Request) -> Result<Vec<&Map<String, Value>>, Refused> {
    let legs = request.params.get("order_list").and_then(Value::as_array).ok_or_else(|| Refused::new(40_004))?;
    if legs.is_empty() || legs.len() > LIST_MAX {
        return Err(Refused::new(40_004));
    }
    legs.iter().map(|leg| leg.as_object().ok_or_else(|| Refused::new(40_004))).collect()
}

/// The quantity, and whether it follows from a notional (market buys only).
fn quantity(params: &Map<String, Value>, kind: &str, side: &str, last: f64) -> Result<(String, bool), Refused> {
    if let Some(quantity) = params.get("quantity") {
        let quantity = quantity.as_str().ok_or_else(|| Refused::new(40_004))?;
        positive(quantity).ok_or_else(|| Refused::new(213))?;
        return Ok((quantity.to_owned(), false));
    }
    match positive(text(params, "notional")) {
        Some(notional) if kind == "MARKET" && side == "buy" => Ok((decimal(notional / last), true)),
        Some(_) | None => Err(Refused::new(213)),
    }
}

fn time_in_force(params: &Map<String, Value>) -> Result<String, Refused> {
    match text(params, "time_in_force") {
        "" => Ok("GOOD_TILL_CANCEL".to_owned()),
        known @ ("GOOD_TILL_CANCEL" | "IMMEDIATE_OR_CANCEL" | "FILL_OR_KILL") => Ok(known.to_owned()),
        _ => Err(Refused::new(221)),
    }
}

fn exec_inst(params: &Map<String, Value>, time_in_force: &str) -> Result<Vec<String>, Refused> {
    const KNOWN: [&str; 5] = ["POST_ONLY", "SMART_POST_ONLY", "REDUCE_ONLY", "ISOLATED_MARGIN", "MARGIN_ORDER"];
    let words: Vec<String> = match params.get("exec_inst") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => return Err(Refused::new(219)),
    };
    let post_only = words.iter().any(|word| word.ends_with("POST_ONLY"));
    if words.iter().any(|word| !KNOWN.contains(&word.as_str())) || post_only && time_in_force != "GOOD_TILL_CANCEL" {
        return Err(Refused::new(219));
    }
    Ok(words)
}

/// The client's id; the request's id where there is none (captured; the documentation says the nonce).
fn client_oid(params: &Map<String, Value>, id: Option<u64>) -> Result<String, Refused> {
    match text(params, "client_oid") {
        "" => Ok(id.map(|id| id.to_string()).unwrap_or_default()),
        given if given.len() <= CLIENT_OID_MAX => Ok(given.to_owned()),
        _ => Err(Refused::new(40_004)),
    }
}
