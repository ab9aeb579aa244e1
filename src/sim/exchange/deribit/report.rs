//! Orders and trades as the embedded Deribit writes them, after the captured payloads (specification, section 9).

use super::knobs::CodReason;
use super::markets;
use super::orders::Details;
use crate::sim::exchange::{CancelCause, Order, OrderState};
use serde_json::{Value, json};

/// The user id of every account.
const USER_ID: u64 = 96_103;

/// An order.
pub fn order(order: &Order, details: &Details, cod_reason: CodReason) -> Value {
    let contracts = markets::find(&order.instrument).map_or(details.amount, |i| details.amount / i.contract_size);
    let mut fields = json!({
        "order_id": order.id, "order_type": details.kind, "order_state": state(order, details),
        "instrument_name": order.instrument, "direction": order.side, "label": order.client_id,
        "amount": details.amount, "contracts": contracts, "price": details.price,
        "time_in_force": details.time_in_force, "post_only": details.post_only, "reject_post_only": false,
        "reduce_only": details.reduce_only, "replaced": details.replaced, "is_liquidation": false,
        "risk_reducing": false, "mmp": false, "api": true, "web": false, "user_id": USER_ID,
        "creation_timestamp": order.created.wall.millis(), "last_update_timestamp": order.updated.wall.millis()
    });
    if details.price.is_none() {
        fields["price"] = json!("market_price");
    }
    // Captured: a trigger order that waits has neither of the two.
    if let (None, filled) = (details.trigger_price, order.state == OrderState::Filled) {
        fields["filled_amount"] = json!(if filled { details.amount } else { 0.0 });
        fields["average_price"] = json!(details.filled_at.filter(|_| filled).unwrap_or(0.0));
    }
    if let Some(price) = details.trigger_price {
        fields["trigger_price"] = json!(price);
        fields["trigger"] = json!("last_price");
        fields["triggered"] = json!(false);
    }
    if let Some(reason) = cancel_reason(order, cod_reason) {
        fields["cancel_reason"] = json!(reason);
    }
    fields
}

/// A fill.
pub fn trade(order: &Order, details: &Details) -> Value {
    let price = details.filled_at.unwrap_or_default();
    json!({
        "trade_id": format!("{}-T", order.id), "order_id": order.id, "order_type": details.kind, "label": order.client_id,
        "instrument_name": order.instrument, "direction": order.side, "amount": details.amount, "price": price,
        "mark_price": price, "index_price": price, "fee": 0.0, "fee_currency": "BTC", "state": "filled",
        "liquidity": "T", "tick_direction": 0, "trade_seq": order.number, "self_trade": false,
        "post_only": details.post_only, "reduce_only": details.reduce_only, "matching_id": null,
        "timestamp": order.updated.wall.millis()
    })
}

fn state(order: &Order, details: &Details) -> &'static str {
    match order.state {
        OrderState::Open if details.trigger_price.is_some() => "untriggered",
        OrderState::Open => "open",
        OrderState::Cancelled(_) => "cancelled",
        OrderState::Filled => "filled",
    }
}

/// Only on cancelled orders.
const fn cancel_reason(order: &Order, cod_reason: CodReason) -> Option<&'static str> {
    match order.state {
        OrderState::Cancelled(CancelCause::User) => Some("user_request"),
        OrderState::Cancelled(CancelCause::Switch) => match cod_reason {
            CodReason::Documented => Some("cancel_on_disconnect"),
            CodReason::Unheard => Some("session_guard_x"),
            CodReason::Absent => None,
        },
        OrderState::Cancelled(CancelCause::Venue) | OrderState::Open | OrderState::Filled => None,
    }
}
