//! The private methods of v2 websockets (spec sections 5 to 7): the switch and orders. Each carries a token of its own.

use super::KrakenExchange;
use super::auth::Signer;
use super::knobs::TimerPermission;
use super::market;
use super::orders::{Caller, Named, ORDER_TYPES, Terms, Wanted};
use super::stream::Answers;
use super::wire::{Refused, Request, with};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Output};
use serde_json::{Map, Value, json};

/// Private methods.
const METHODS: [&str; 7] =
    ["cancel_all_orders_after", "cancel_all", "cancel_order", "add_order", "amend_order", "batch_add", "batch_cancel"];
/// Smallest and largest `batch_add`, and `AddOrderBatch`.
pub const BATCH_ADD: std::ops::RangeInclusive<usize> = 2..=15;
/// Smallest and largest `batch_cancel`.
const BATCH_CANCEL: std::ops::RangeInclusive<usize> = 2..=50;

/// True for methods that need a token.
pub fn is_private(method: &str) -> bool {
    METHODS.contains(&method)
}

impl KrakenExchange {
    /// Runs a private request: token, permission, parameters, engine, in this order.
    pub(super) fn private_request(
        &mut self,
        now: Now,
        id: ConnId,
        request: &Request,
        effects: &mut Vec<Output>,
    ) -> Answers {
        let signer = match self.token_owner(now, id, &request.params) {
            Ok(signer) => signer,
            Err(error) => return vec![Err(error)],
        };
        if let Err(error) = self.permitted(&signer, &request.method) {
            return vec![Err(error)];
        }
        let caller = Caller { now, account: &signer.account, conn: Some(id) };
        let params = &request.params;
        let result = match request.method.as_str() {
            "cancel_order" => return self.cancel_named(caller, params, effects),
            "cancel_all_orders_after" => self.timer_request(caller, params),
            "cancel_all" => self.cancel_all(caller, effects).map(|count| json!({"count": count})),
            "add_order" => self.add_order(caller, params, effects),
            "amend_order" => self.amend_order(caller, params, effects),
            "batch_add" => self.batch_add(caller, params, effects),
            "batch_cancel" => {
                // The captured answer has no `result`.
                let count = self.batch_cancel(caller, params, effects);
                return vec![count.map(|count| with("orders_cancelled", count.into()))];
            }
            _ => Err("Unsupported event".to_owned()),
        };
        vec![result.map(|result| with("result", result))]
    }

    /// Whether this key may use this method; the same over HTTP.
    pub(super) fn permitted(&self, signer: &Signer, method: &str) -> Result<(), Refused> {
        let modify = !self.lacks(&signer.key, "modify-trades");
        let close = !self.lacks(&signer.key, "close-trades");
        let granted = match method {
            "add_order" | "amend_order" | "batch_add" => modify,
            "cancel_all_orders_after" => match self.knobs.timer_permission {
                TimerPermission::Either => modify || close,
                TimerPermission::Close => close,
                TimerPermission::Modify => modify,
            },
            _ => modify || close,
        };
        if granted { Ok(()) } else { Err("EGeneral:Permission denied".to_owned()) }
    }

    fn timer_request(&mut self, caller: Caller<'_>, params: &Value) -> Result<Value, Refused> {
        only_fields(params, &["timeout", "token"], "cancel_all_orders_after")?;
        let timeout = params.get("timeout").ok_or("EGeneral:Invalid arguments:timeout")?;
        // The text is invented in the manner of the captured `… must be a number_float`.
        let timeout = timeout.as_u64().ok_or("Timeout field must be a number_unsigned")?;
        self.engine_is_up()?;
        self.set_timer(caller.now, caller.account, caller.conn, timeout)
    }

    fn add_order(&mut self, caller: Caller<'_>, params: &Value, effects: &mut Vec<Output>) -> Result<Value, Refused> {
        let wanted = wanted(params, text(params, "symbol").unwrap_or_default())?;
        if params.get("validate").and_then(Value::as_bool).unwrap_or(false) {
            self.engine_is_up()?;
            return Ok(json!({"order_id": ""}));
        }
        let client_id = wanted.client_id.clone();
        let userref = wanted.terms.userref;
        let number = self.place(caller, wanted, effects)?;
        let mut result = json!({"order_id": self.order_id(number)});
        if !client_id.is_empty() {
            result["cl_ord_id"] = client_id.into();
        }
        if userref != 0 {
            result["order_userref"] = userref.into();
        }
        Ok(result)
    }

    fn amend_order(&mut self, caller: Caller<'_>, params: &Value, effects: &mut Vec<Output>) -> Result<Value, Refused> {
        let named = match (text(params, "order_id"), text(params, "cl_ord_id")) {
            (Some(id), _) => Named::Id(id.to_owned()),
            (None, Some(id)) => Named::ClientId(id.to_owned()),
            (None, None) => return Err("EGeneral:Invalid arguments:order_id".to_owned()),
        };
        let price = decimal(params, "limit_price")?;
        let quantity = decimal(params, "order_qty")?;
        let number = self.amend(caller, &named, price, quantity, effects)?;
        let amend_id = super::orders::spell(number ^ caller.now.wall.nanos()).replacen('O', "T", 1);
        let mut result = json!({"amend_id": amend_id, "order_id": self.order_id(number)});
        if let Named::ClientId(id) = named {
            result["cl_ord_id"] = id.into();
        }
        Ok(result)
    }

    /// N names lead to N answers with the same method and id (spec 7.2).
    fn cancel_named(&mut self, caller: Caller<'_>, params: &Value, effects: &mut Vec<Output>) -> Answers {
        let named = names(params, "order_id");
        if named.is_empty() {
            return vec![Err("EGeneral:Invalid arguments:order_id".to_owned())];
        }
        named.iter().map(|named| self.cancel_one(caller, named, effects)).collect()
    }

    fn cancel_one(
        &mut self,
        caller: Caller<'_>,
        named: &Named,
        effects: &mut Vec<Output>,
    ) -> Result<Map<String, Value>, Refused> {
        let numbers = self.cancel(caller, named, effects)?;
        let result = match named {
            Named::ClientId(id) => json!({"cl_ord_id": id}),
            Named::Id(_) | Named::Userref(_) => {
                json!({"order_id": numbers.first().map(|number| self.order_id(*number))})
            }
        };
        Ok(with("result", result))
    }

    /// Rows that are refused have an error; the others stand (spec 7.3).
    fn batch_add(&mut self, caller: Caller<'_>, params: &Value, effects: &mut Vec<Output>) -> Result<Value, Refused> {
        let symbol = text(params, "symbol").unwrap_or_default();
        let orders = params.get("orders").and_then(Value::as_array).filter(|orders| BATCH_ADD.contains(&orders.len()));
        let orders = orders.ok_or("EGeneral:Invalid arguments:orders")?;
        let mut rows = Vec::new();
        for order in orders {
            let placed = wanted(order, symbol).and_then(|wanted| self.place(caller, wanted, effects));
            rows.push(match placed {
                Ok(number) => json!({"order_id": self.order_id(number)}),
                Err(error) => json!({"error": error}),
            });
        }
        Ok(rows.into())
    }

    fn batch_cancel(
        &mut self,
        caller: Caller<'_>,
        params: &Value,
        effects: &mut Vec<Output>,
    ) -> Result<usize, Refused> {
        let named = names(params, "orders");
        if !BATCH_CANCEL.contains(&named.len()) {
            return Err("EGeneral:Invalid arguments:orders".to_owned());
        }
        self.engine_is_up()?;
        let mut count = 0;
        for named in named {
            count += self.cancel(caller, &named, effects).map_or(0, |numbers| numbers.len());
        }
        Ok(count)
    }

    /// The venue's id of an order.
    pub(super) fn order_id(&self, number: u64) -> String {
        self.floor.orders.get(&number).map(|order| order.id.clone()).unwrap_or_default()
    }
}

/// An order from the params of a message, whose numbers must be JSON numbers.
fn wanted(params: &Value, symbol: &str) -> Result<Wanted, Refused> {
    let pair = market::find(symbol).filter(|pair| pair.symbol == symbol);
    let pair = pair.ok_or_else(|| format!("Currency pair not supported {symbol}"))?;
    let order_type = text(params, "order_type").filter(|order_type| ORDER_TYPES.contains(order_type));
    let order_type = order_type.ok_or("EGeneral:Invalid arguments:order_type")?;
    let side = text(params, "side").filter(|side| *side == "buy" || *side == "sell");
    let side = side.ok_or("EGeneral:Invalid arguments:side")?;
    let flag = |field: &str| params.get(field).and_then(Value::as_bool).unwrap_or(false);
    if flag("no_mpp") && order_type != "market" {
        let error = "EGeneral:Invalid arguments:no_mpp order option is only available when ordertype = market";
        return Err(error.to_owned());
    }
    let quantity = match decimal(params, "order_qty")? {
        Some(quantity) => quantity,
        None => decimal(params, "cash_order_qty")?.ok_or("EGeneral:Invalid arguments:volume")?,
    };
    let terms = Terms {
        order_type: order_type.to_owned(),
        time_in_force: text(params, "time_in_force").unwrap_or("gtc").to_owned(),
        post_only: flag("post_only"),
        userref: params.get("order_userref").and_then(Value::as_i64).unwrap_or(0),
        fill_price: String::new(),
    };
    let price = decimal(params, "limit_price")?;
    if terms.has_limit() && price.is_none() {
        return Err("EGeneral:Invalid arguments:limit_price".to_owned());
    }
    let client_id = text(params, "cl_ord_id").unwrap_or_default().to_owned();
    Ok(Wanted { pair, side: side.to_owned(), price: price.unwrap_or_default(), quantity, client_id, terms })
}

/// Orders named by exactly one of three arrays.
fn names(params: &Value, ids: &str) -> Vec<Named> {
    let list = |field: &str| params.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let texts = |values: Vec<Value>| values.into_iter().filter_map(|value| value.as_str().map(str::to_owned));
    let numbers = |values: Vec<Value>| values.into_iter().filter_map(|value| value.as_i64());
    let by_id = list(ids);
    let mut named: Vec<Named> = texts(by_id.clone()).map(Named::Id).collect();
    named.extend(numbers(by_id).map(Named::Userref));
    named.extend(texts(list("cl_ord_id")).map(Named::ClientId));
    named.extend(numbers(list("order_userref")).map(Named::Userref));
    named
}

/// A JSON number above zero in the client's spelling; `None` when it is missing.
fn decimal(params: &Value, field: &str) -> Result<Option<String>, Refused> {
    match params.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) if number.as_f64().is_some_and(|number| number > 0.0) => {
            Ok(Some(number.to_string()))
        }
        Some(Value::Number(_)) => Err(format!("EGeneral:Invalid arguments:{field}")),
        Some(_) => {
            let mut name = field.to_owned();
            name[..1].make_ascii_uppercase();
            Err(format!("{name} field must be a number_float"))
        }
    }
}

fn text<'a>(params: &'a Value, field: &str) -> Option<&'a str> {
    params.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn only_fields(params: &Value, known: &[&str], method: &str) -> Result<(), Refused> {
    let fields = params.as_object().into_iter().flat_map(Map::keys);
    match fields.into_iter().find(|field| !known.contains(&field.as_str())) {
        Some(field) => Err(format!("Unsupported field: '{field}' for the given msg type: {method}")),
        None => Ok(()),
    }
}
