//! Orders at the embedded Deribit (specification, sections 8 and 9): limit and trigger orders rest for ever, market
//! orders are filled at once at the instrument's fixed price. There is no matching.

use super::knobs::Knobs;
use super::markets::{self, Instrument};
use super::wire::{Refused, Request};
use crate::model::Now;
use crate::sim::exchange::{CancelCause, ConnId, Floor, Order, OrderState};
use std::collections::BTreeMap;

/// Ids look like the captured ones: `BTC-584864807`.
const FIRST_ORDER_ID: u64 = 584_864_000;
const LABEL_MAX: usize = 64;
const LIMIT_TYPES: [&str; 4] = ["limit", "market", "market_limit", ""];
const TRIGGER_TYPES: [&str; 5] = ["stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop"];
const TIMES_IN_FORCE: [&str; 4] = ["good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel"];

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account's name.
    pub account: String,
    /// The connection; `None` over HTTP.
    pub conn: Option<ConnId>,
    /// Whether that connection has its switch on.
    pub armed: bool,
}

/// What an order has beyond the floor's record of it.
#[derive(Clone, Debug)]
pub struct Details {
    /// `limit`, `market`, `stop_market`, …
    pub kind: String,
    /// Time in force.
    pub time_in_force: String,
    /// Quantity as a number.
    pub amount: f64,
    /// Limit price; none on market orders.
    pub price: Option<f64>,
    /// Where a trigger order waits.
    pub trigger_price: Option<f64>,
    /// The price of a fill.
    pub filled_at: Option<f64>,
    /// Post-only as asked.
    pub post_only: bool,
    /// Reduce-only as asked.
    pub reduce_only: bool,
    /// It was edited.
    pub replaced: bool,
    /// Created on a connection whose switch was not yet on.
    pub before_enable: bool,
}

/// Which of an account's open orders are meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this currency.
    pub currency: Option<String>,
    /// Only this instrument.
    pub instrument: Option<String>,
    /// Only this kind of instrument.
    pub kind: Option<String>,
    /// Only trigger orders, or only the others.
    pub trigger: Option<bool>,
    /// Only this label.
    pub label: Option<String>,
}

/// The memory of all orders.
#[derive(Debug, Default)]
pub struct Orders {
    details: BTreeMap<u64, Details>,
}

impl Orders {
    /// What is known beyond the floor's record.
    pub fn details(&self, number: u64) -> Option<&Details> {
        self.details.get(&number)
    }

    /// `private/buy` and `private/sell`; the order's number.
    pub fn place(
        &mut self,
        floor: &mut Floor,
        now: Now,
        caller: &Caller,
        request: &Request,
        side: &str,
    ) -> Result<u64, Refused> {
        let instrument = instrument_of(request)?;
        check_in_time(request, now)?;
        let label = request.word("label").unwrap_or_default();
        if label.len() > LABEL_MAX {
            return Err(Refused::param("label", "too long"));
        }
        let details = draft(request, instrument, caller)?;
        let order = Order {
            number: 0,
            id: String::new(),
            account: caller.account.clone(),
            conn: caller.conn,
            client_id: label.to_owned(),
            instrument: instrument.name.to_owned(),
            category: instrument.kind.to_owned(),
            side: side.to_owned(),
            price: details.price.map(|price| price.to_string()).unwrap_or_default(),
            quantity: details.amount.to_string(),
            state: OrderState::Open,
            created: now,
            updated: now,
        };
        let spell = |number: u64| format!("{}-{}", instrument.currency, FIRST_ORDER_ID + number);
        let number = floor.open_order(now, order, spell);
        if details.filled_at.is_some() {
            floor.fill_order(now, number);
        } else if details.time_in_force == "fill_or_kill" || details.time_in_force == "immediate_or_cancel" {
            // Nothing ever matches here, so what may not rest ends at once.
            floor.cancel_order(now, number, CancelCause::Venue);
        }
        self.details.insert(number, details);
        Ok(number)
    }

    /// `private/edit`; the order's number.
    pub fn edit(
        &mut self,
        floor: &mut Floor,
        now: Now,
        knobs: &Knobs,
        caller: &Caller,
        request: &Request,
    ) -> Result<u64, Refused> {
        check_in_time(request, now)?;
        let number = find(floor, caller, request)?;
        let order = floor.orders.get_mut(&number).ok_or_else(|| Refused::new(10_004))?;
        let details = self.details.get_mut(&number).ok_or_else(|| Refused::new(10_004))?;
        if order.state != OrderState::Open {
            return Err(Refused::new(11_044));
        }
        let instrument = markets::find(&order.instrument).ok_or_else(|| Refused::new(10_004))?;
        if let Some(amount) = amount_of(request, instrument)? {
            details.amount = amount;
            order.quantity = amount.to_string();
        }
        if let Some(price) = positive(request, "price")? {
            details.price = Some(price);
            order.price = price.to_string();
        }
        if let Some(price) = positive(request, "trigger_price")? {
            details.trigger_price = Some(price);
        }
        details.replaced = true;
        order.updated = now;
        if knobs.edit_moves_owner {
            order.conn = caller.conn;
        }
        Ok(number)
    }

    /// `private/cancel`; the order's number.
    pub fn cancel(&mut self, floor: &mut Floor, now: Now, caller: &Caller, request: &Request) -> Result<u64, Refused> {
        let number = find(floor, caller, request)?;
        if !floor.cancel_order(now, number, CancelCause::User) {
            return Err(Refused::new(11_044));
        }
        Ok(number)
    }

    /// The open orders of an account that a filter means, oldest first, whatever connection created them.
    pub fn open(&self, floor: &Floor, account: &str, filter: &Filter) -> Vec<u64> {
        floor.open_orders(|order| order.account == account && self.matches(order, filter))
    }

    /// Whether a filter means this order.
    pub fn matches(&self, order: &Order, filter: &Filter) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == "any" || w == value);
        let trigger = self.details.get(&order.number).is_some_and(|details| details.trigger_price.is_some());
        let currency = markets::find(&order.instrument).map_or("", |instrument| instrument.currency);
        is(&filter.currency, currency)
            && is(&filter.instrument, &order.instrument)
            && is(&filter.kind, &order.category)
            && filter.trigger.is_none_or(|wanted| wanted == trigger)
            && filter.label.as_deref().is_none_or(|label| label == order.client_id)
    }
}

impl Filter {
    /// What a request narrows a query or a cancel-all to.
    pub fn read(request: &Request) -> Result<Self, Refused> {
        let currency = request.word("currency");
        if currency.is_some_and(|currency| !markets::knows_currency(currency)) {
            return Err(Refused::param("currency", "invalid currency"));
        }
        let instrument = request.word("instrument_name");
        if instrument.is_some_and(|name| markets::find(name).is_none()) {
            return Err(Refused::param("instrument_name", "invalid instrument"));
        }
        let trigger = match request.word("type") {
            None | Some("all") => None,
            Some("limit") => Some(false),
            Some(kind) if ["trigger", "stop", "take", "trailing"].iter().any(|word| kind.starts_with(word)) => {
                Some(true)
            }
            Some(_) => return Err(Refused::param("type", "invalid value")),
        };
        let own = |word: Option<&str>| word.map(str::to_owned);
        let (kind, label) = (request.word("kind"), request.word("label"));
        Ok(Self { currency: own(currency), instrument: own(instrument), kind: own(kind), trigger, label: own(label) })
    }
}

/// The order a request names by `order_id`.
pub fn find(floor: &Floor, caller: &Caller, request: &Request) -> Result<u64, Refused> {
    let id = request.need("order_id")?;
    let own = floor.orders.values().find(|order| order.id == id && order.account == caller.account);
    own.map(|order| order.number).ok_or_else(|| Refused::new(10_004))
}

fn instrument_of(request: &Request) -> Result<&'static Instrument, Refused> {
    let name = request.need("instrument_name")?;
    markets::find(name).ok_or_else(|| Refused::param("instrument_name", "invalid instrument"))
}

/// `valid_until` is the venue's time in milliseconds.
fn check_in_time(request: &Request, now: Now) -> Result<(), Refused> {
    match request.number("valid_until")? {
        Some(until) if until < now.wall.millis() as f64 => Err(Refused::new(13_888)),
        Some(_) | None => Ok(()),
    }
}

fn draft(request: &Request, instrument: &Instrument, caller: &Caller) -> Result<Details, Refused> {
    let kind = request.word("type").unwrap_or("limit");
    let triggered = TRIGGER_TYPES.contains(&kind);
    if !triggered && !LIMIT_TYPES.contains(&kind) {
        return Err(Refused::param("type", "invalid value"));
    }
    let time_in_force = request.word("time_in_force").unwrap_or("good_til_cancelled");
    if !TIMES_IN_FORCE.contains(&time_in_force) {
        return Err(Refused::param("time_in_force", "invalid value"));
    }
    let amount = amount_of(request, instrument)?.ok_or_else(|| Refused::param("amount", "required"))?;
    let price = positive(request, "price")?;
    let priced = kind == "limit" || kind.ends_with("_limit") && kind != "market_limit";
    if priced && price.is_none() {
        return Err(Refused::param("price", "required"));
    }
    let trigger_price = positive(request, "trigger_price")?.or(positive(request, "trigger_offset")?);
    if triggered && trigger_price.is_none() {
        return Err(Refused::param("trigger_price", "required"));
    }
    Ok(Details {
        kind: kind.to_owned(),
        time_in_force: time_in_force.to_owned(),
        amount,
        price: price.filter(|_| priced),
        trigger_price: trigger_price.filter(|_| triggered),
        filled_at: kind.starts_with("market").then_some(instrument.last),
        post_only: request.flag("post_only").unwrap_or(false),
        reduce_only: request.flag("reduce_only").unwrap_or(false),
        replaced: false,
        before_enable: !caller.armed,
    })
}

/// The amount, from `amount` or from `contracts`; both must agree.
fn amount_of(request: &Request, instrument: &Instrument) -> Result<Option<f64>, Refused> {
    let amount = positive(request, "amount")?;
    let from_contracts = positive(request, "contracts")?.map(|contracts| contracts * instrument.contract_size);
    match (amount, from_contracts) {
        (Some(amount), Some(other)) if (amount - other).abs() > amount * 1e-9 => {
            Err(Refused::param("contracts", "must agree with amount"))
        }
        (amount, other) => Ok(amount.or(other)),
    }
}

fn positive(request: &Request, name: &str) -> Result<Option<f64>, Refused> {
    match request.number(name)? {
        Some(number) if number <= 0.0 => Err(Refused::param(name, "must be positive")),
        number => Ok(number),
    }
}
