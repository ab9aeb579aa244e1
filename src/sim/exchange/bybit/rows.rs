//! Order and execution rows as streams and HTTP lists show them (spec section 13). The key set is the documented one; a
//! row cancelled by the protection was never captured by anybody, and its guesses are knobs.

use super::knobs::Knobs;
use super::orders::Terms;
use crate::sim::exchange::spelling::mix;
use crate::sim::exchange::{CancelCause, Order, OrderState};
use serde_json::{Value, json};

/// Documented keys that are empty for every order here.
const ALWAYS_EMPTY: [&str; 17] = [
    "parentOrderLinkId",
    "blockTradeId",
    "isLeverage",
    "leavesValue",
    "feeCurrency",
    "triggerBy",
    "takeProfit",
    "stopLoss",
    "tpLimitPrice",
    "slLimitPrice",
    "tpTriggerBy",
    "slTriggerBy",
    "orderIv",
    "placeType",
    "marketUnit",
    "smpOrderId",
    "lastPriceOnCreated",
];

/// The row of an order. Streams add `category`; lists do not have it.
pub fn order(order: &Order, terms: &Terms, knobs: &Knobs) -> Value {
    let state = State::of(order, terms, knobs);
    let spot = order.category == "spot";
    let mut row = json!({
        "symbol": order.instrument, "orderId": order.id, "orderLinkId": order.client_id, "side": side(order),
        "positionIdx": terms.position_idx, "orderStatus": state.status, "cancelType": state.cancel_type,
        "rejectReason": state.reject_reason, "orderType": terms.order_type, "timeInForce": terms.time_in_force,
        "price": order.price, "qty": order.quantity, "leavesQty": state.leaves, "cumExecQty": state.executed,
        "cumExecValue": state.value, "avgPrice": state.average, "triggerPrice": terms.trigger_price,
        "stopOrderType": if terms.conditional() { "Stop" } else { "" }, "reduceOnly": terms.reduce_only,
        "createdTime": order.created.wall.millis().to_string(), "updatedTime": order.updated.wall.millis().to_string(),
        "cumExecFee": "0", "closedPnl": "0", "triggerDirection": 0, "closeOnTrigger": false, "smpType": "None",
        "smpGroup": 0, "cumFeeDetail": {}, "rpiTakerAccess": false, "rpiMatchedQty": "0",
    });
    for key in ALWAYS_EMPTY {
        row[key] = "".into();
    }
    if !spot {
        row["tpslMode"] = "".into();
        if order.category != "option" {
            row["createType"] = "CreateByUser".into();
        }
    }
    row
}

/// The row of the one execution of a filled order.
pub fn execution(order: &Order, terms: &Terms) -> Value {
    json!({
        "category": order.category, "symbol": order.instrument, "orderId": order.id, "orderLinkId": order.client_id,
        "side": side(order), "orderPrice": order.price, "orderQty": order.quantity, "leavesQty": "0",
        "execId": uuid(order.number ^ 0xE0EC), "execPrice": terms.fill_price, "execQty": order.quantity,
        "execValue": product(&order.quantity, &terms.fill_price), "execFee": "0", "feeRate": "0", "feeCurrency": "",
        "execType": "Trade", "execTime": order.updated.wall.millis().to_string(), "isMaker": false,
        "orderType": terms.order_type, "stopOrderType": "", "isLeverage": "0", "closedSize": "", "markPrice": "",
        "indexPrice": "", "underlyingPrice": "", "markIv": "", "tradeIv": "", "blockTradeId": "", "createType": "",
        "seq": order.number,
    })
}

/// The venue's spelling of an order number.
pub fn uuid(number: u64) -> String {
    let (head, tail) = (mix(number), mix(number ^ 0x5555_5555));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        head >> 32,
        head >> 16 & 0xffff,
        head & 0xfff,
        0x8000 | (tail >> 48 & 0x3fff),
        tail & 0xffff_ffff_ffff
    )
}

/// What differs by state.
struct State {
    status: &'static str,
    cancel_type: &'static str,
    reject_reason: String,
    leaves: String,
    executed: String,
    value: String,
    average: String,
}

impl State {
    fn of(order: &Order, terms: &Terms, knobs: &Knobs) -> Self {
        let mut state = Self {
            status: if terms.conditional() { "Untriggered" } else { "New" },
            cancel_type: "UNKNOWN",
            reject_reason: "EC_NoError".into(),
            leaves: order.quantity.clone(),
            executed: "0".into(),
            value: "0".into(),
            average: String::new(),
        };
        match order.state {
            OrderState::Open => {}
            OrderState::Filled => {
                state.status = "Filled";
                state.leaves = "0".into();
                state.executed.clone_from(&order.quantity);
                state.value = product(&order.quantity, &terms.fill_price);
                state.average.clone_from(&terms.fill_price);
            }
            OrderState::Cancelled(cause) => state.cancelled(cause, knobs),
        }
        state
    }

    fn cancelled(&mut self, cause: CancelCause, knobs: &Knobs) {
        self.status = "Cancelled";
        self.reject_reason = "EC_PerCancelRequest".into();
        self.cancel_type = match cause {
            CancelCause::User => "CancelByUser",
            CancelCause::Venue => "CancelByAdmin",
            CancelCause::Switch => {
                self.reject_reason.clone_from(&knobs.reject_reason);
                "CancelByDCP"
            }
        };
        if knobs.cancelled_leaves_zero {
            self.leaves = "0".into();
        }
    }
}

fn side(order: &Order) -> &'static str {
    if order.side == "sell" { "Sell" } else { "Buy" }
}

fn product(quantity: &str, price: &str) -> String {
    let value = quantity.parse::<f64>().unwrap_or(0.0) * price.parse::<f64>().unwrap_or(0.0);
    format!("{value}")
}
