//! The HTTP calls of the embedded Kraken and what each does. A path that is not here is answered with 404.

use super::KrakenExchange;
use super::http::{Call, text};
use super::market;
use super::orders::{Named, ORDER_TYPES, Terms, Wanted};
use super::requests::BATCH_ADD;
use super::wire::{Refused, stamp_seconds};
use crate::model::Now;
use crate::sim::exchange::Output;
use serde_json::{Map, Value, json};

type PublicAct = fn(&KrakenExchange, Now, &Value) -> Result<Value, Refused>;
type PrivateAct = fn(&mut KrakenExchange, &Call<'_>, &mut Vec<Output>) -> Result<Value, Refused>;

/// What a path leads to.
#[derive(Clone, Copy)]
pub enum Route {
    /// Needs nothing.
    Public(PublicAct),
    /// Needs a signature.
    Private {
        /// What it does.
        act: PrivateAct,
        /// What it costs in the key's counter.
        points: u32,
    },
}

/// The permissions that keys have unless they lack them.
const PERMISSIONS: [&str; 6] =
    ["query-funds", "query-open-trades", "query-closed-trades", "modify-trades", "close-trades", "create-ws-token"];

/// The route of this path.
pub fn find(path: &str) -> Option<Route> {
    if let Some(name) = path.strip_prefix("/0/public/") {
        return public(name).map(Route::Public);
    }
    path.strip_prefix("/0/private/").and_then(private)
}

fn public(name: &str) -> Option<PublicAct> {
    Some(match name {
        "Time" => |_, now, _| {
            let seconds = now.wall.nanos() / 1_000_000_000;
            Ok(json!({"unixtime": seconds, "rfc1123": stamp_seconds(seconds)}))
        },
        "SystemStatus" => |venue, now, _| {
            let stamp = stamp_seconds(now.wall.nanos() / 1_000_000_000);
            Ok(json!({"status": venue.system.word(), "timestamp": stamp, "upcoming_maintenance": [], "emergency": []}))
        },
        "Assets" => |_, _, params| {
            let wanted = text(params, "asset");
            market::assets(wanted.as_deref()).ok_or_else(|| "EQuery:Unknown asset".to_owned())
        },
        "AssetPairs" => |_, _, params| {
            let wanted = text(params, "pair");
            market::asset_pairs(wanted.as_deref()).ok_or_else(|| "EQuery:Unknown asset pair".to_owned())
        },
        "Ticker" => |_, _, params| {
            let wanted = text(params, "pair");
            market::ticker(wanted.as_deref()).ok_or_else(|| "EQuery:Unknown asset pair".to_owned())
        },
        _ => return None,
    })
}

fn private(name: &str) -> Option<Route> {
    let (points, act): (u32, PrivateAct) = match name {
        "GetWebSocketsToken" => (1, |venue, call, _| venue.token_call(call)),
        "CancelAllOrdersAfter" => (1, |venue, call, _| venue.timer_call(call)),
        "CancelAll" => (1, |venue, call, out| venue.cancel_all_call(call, out)),
        "CancelOrder" => (0, |venue, call, out| venue.cancel_call(call, out)),
        "CancelOrderBatch" => (0, |venue, call, out| venue.cancel_batch_call(call, out)),
        "AddOrder" => (0, |venue, call, out| venue.add_call(call, out)),
        "AddOrderBatch" => (0, |venue, call, out| venue.add_batch_call(call, out)),
        "AmendOrder" => (0, |venue, call, out| venue.amend_call(call, out)),
        "OpenOrders" => (1, |venue, call, _| venue.open_orders_call(call)),
        "ClosedOrders" => (2, |venue, call, _| venue.closed_orders_call(call)),
        "QueryOrders" => (1, |venue, call, _| venue.query_orders_call(call)),
        "OpenPositions" => (1, |_, _, _| Ok(json!({}))),
        "TradesHistory" => (2, |venue, call, _| venue.trades_call(call)),
        "Balance" => (1, |venue, call, _| venue.balance_call(call, false)),
        "BalanceEx" => (1, |venue, call, _| venue.balance_call(call, true)),
        "GetApiKeyInfo" => (1, |venue, call, _| Ok(venue.key_info_call(call))),
        _ => return None,
    };
    Some(Route::Private { act, points })
}

impl KrakenExchange {
    fn token_call(&mut self, call: &Call<'_>) -> Result<Value, Refused> {
        if self.lacks(&call.signer.key, "create-ws-token") {
            return Err("EGeneral:Permission denied".to_owned());
        }
        let token = self.make_token(call.now, call.signer);
        let seconds = self.knobs.token_ms.0 / 1_000;
        Ok(json!({"token": token, "expires": seconds}))
    }

    fn timer_call(&mut self, call: &Call<'_>) -> Result<Value, Refused> {
        self.permitted(call.signer, "cancel_all_orders_after")?;
        let timeout = call.text("timeout").and_then(|timeout| timeout.parse().ok());
        let timeout = timeout.ok_or("EGeneral:Invalid arguments:timeout")?;
        self.engine_is_up()?;
        self.set_timer(call.now, &call.signer.account, None, timeout)
    }

    fn cancel_all_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "cancel_all")?;
        self.cancel_all(call.caller(), out).map(|count| json!({"count": count}))
    }

    fn cancel_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "cancel_order")?;
        let named = named(call).ok_or("EGeneral:Invalid arguments:txid")?;
        self.cancel(call.caller(), &named, out).map(|numbers| json!({"count": numbers.len()}))
    }

    fn cancel_batch_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "batch_cancel")?;
        self.engine_is_up()?;
        let ids = |field: &str| call.params.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut count = 0;
        for id in ids("orders").iter().filter_map(Value::as_str) {
            let numbers = self.cancel(call.caller(), &Named::Id(id.to_owned()), out);
            count += numbers.map_or(0, |numbers| numbers.len());
        }
        for id in ids("cl_ord_ids").iter().filter_map(Value::as_str) {
            let numbers = self.cancel(call.caller(), &Named::ClientId(id.to_owned()), out);
            count += numbers.map_or(0, |numbers| numbers.len());
        }
        Ok(json!({"count": count}))
    }

    fn add_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "add_order")?;
        let wanted = wanted(call)?;
        let words = describe(&wanted);
        if call.text("validate").as_deref() == Some("true") {
            self.engine_is_up()?;
            return Ok(json!({"descr": {"order": words}}));
        }
        let client_id = wanted.client_id.clone();
        let number = self.place(call.caller(), wanted, out)?;
        let mut result = json!({"descr": {"order": words}, "txid": [self.order_id(number)]});
        if !client_id.is_empty() {
            result["cl_ord_id"] = client_id.into();
        }
        Ok(result)
    }

    /// Rows that are refused have an error; the others stand.
    fn add_batch_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "batch_add")?;
        let orders = call.params.get("orders").and_then(Value::as_array);
        let orders = orders.filter(|orders| BATCH_ADD.contains(&orders.len()));
        let mut rows = Vec::new();
        for order in orders.ok_or("EGeneral:Invalid arguments:orders")? {
            let mut fields = order.as_object().cloned().unwrap_or_default();
            fields.insert("pair".into(), call.params.get("pair").cloned().unwrap_or_default());
            let params = Value::Object(fields);
            let placed = wanted(&Call { params: &params, ..*call }).and_then(|wanted| {
                let words = describe(&wanted);
                self.place(call.caller(), wanted, out).map(|number| (number, words))
            });
            rows.push(match placed {
                Ok((number, words)) => json!({"txid": self.order_id(number), "descr": {"order": words}}),
                Err(error) => json!({"error": error}),
            });
        }
        Ok(json!({"orders": rows}))
    }

    fn amend_call(&mut self, call: &Call<'_>, out: &mut Vec<Output>) -> Result<Value, Refused> {
        self.permitted(call.signer, "amend_order")?;
        let named = named(call).ok_or("EGeneral:Invalid arguments:txid")?;
        let number =
            self.amend(call.caller(), &named, decimal(call, "limit_price")?, decimal(call, "order_qty")?, out)?;
        let amend_id = super::orders::spell(number ^ call.now.wall.nanos()).replacen('O', "T", 1);
        Ok(json!({"amend_id": amend_id}))
    }

    fn balance_call(&self, call: &Call<'_>, extended: bool) -> Result<Value, Refused> {
        if self.lacks(&call.signer.key, "query-funds") {
            return Err("EGeneral:Permission denied".to_owned());
        }
        let row = |amount: &str| if extended { json!({"balance": amount, "hold_trade": "0"}) } else { amount.into() };
        Ok(market::balances().map(|(key, _, amount)| (key.to_owned(), row(amount))).collect::<Map<_, _>>().into())
    }

    fn key_info_call(&self, call: &Call<'_>) -> Value {
        let key = &call.signer.key;
        let permissions: Vec<&str> =
            PERMISSIONS.into_iter().filter(|permission| !self.lacks(key, permission)).collect();
        json!({"api_key_name": "embedded", "api_key": key, "nonce": call.text("nonce"),
            "nonce_window": self.knobs.nonce_window, "permissions": permissions, "iban": "AA00 N84G 0000 0000",
            "valid_until": "0", "query_from": "0", "query_to": "0", "created_time": "1700000000",
            "modified_time": "1700000000", "ip_allowlist": [],
            "last_used": (call.now.wall.nanos() / 1_000_000_000).to_string()})
    }
}

/// The order that `txid`, `order_id`, `userref` or `cl_ord_id` names.
fn named(call: &Call<'_>) -> Option<Named> {
    if let Some(id) = call.text("txid").or_else(|| call.text("order_id")) {
        return Some(id.parse().map_or(Named::Id(id), Named::Userref));
    }
    call.text("cl_ord_id").map(Named::ClientId)
}

/// An order from the parameters of `AddOrder`.
fn wanted(call: &Call<'_>) -> Result<Wanted, Refused> {
    let pair = call.text("pair").and_then(|pair| market::find(&pair)).ok_or("EQuery:Unknown asset pair")?;
    let order_type = call.text("ordertype").filter(|order_type| ORDER_TYPES.contains(&order_type.as_str()));
    let order_type = order_type.ok_or("EGeneral:Invalid arguments:ordertype")?;
    let side = call.text("type").filter(|side| side == "buy" || side == "sell");
    let side = side.ok_or("EGeneral:Invalid arguments:type")?;
    let quantity = decimal(call, "volume")?.ok_or("EGeneral:Invalid arguments:volume")?;
    let terms = Terms {
        order_type,
        time_in_force: call.text("timeinforce").unwrap_or_else(|| "gtc".into()).to_lowercase(),
        post_only: call.text("oflags").is_some_and(|flags| flags.split(',').any(|flag| flag == "post")),
        userref: call.text("userref").and_then(|userref| userref.parse().ok()).unwrap_or(0),
        fill_price: String::new(),
    };
    let price = decimal(call, "price")?;
    if terms.has_limit() && price.is_none() {
        return Err("EGeneral:Invalid arguments:price".to_owned());
    }
    let client_id = call.text("cl_ord_id").unwrap_or_default();
    Ok(Wanted { pair, side, price: price.unwrap_or_default(), quantity, client_id, terms })
}

/// `buy 1.25 XBTUSD @ limit 37500`.
fn describe(wanted: &Wanted) -> String {
    let Wanted { side, quantity, pair, terms, price, .. } = wanted;
    format!("{side} {quantity} {} @ {} {price}", pair.altname, terms.order_type).trim_end().to_owned()
}

/// A number above zero in the client's spelling; `None` when it is missing.
fn decimal(call: &Call<'_>, field: &str) -> Result<Option<String>, Refused> {
    match call.text(field) {
        None => Ok(None),
        Some(value) if value.parse::<f64>().is_ok_and(|number| number > 0.0) => Ok(Some(value)),
        Some(_) => Err(format!("EGeneral:Invalid arguments:{field}")),
    }
}
