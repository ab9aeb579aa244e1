//! Orders and balances as the embedded Crypto.com writes them, after the captured payloads (specification, sections 8
//! and 11).

use super::orders::{Details, decimal, positive};
use crate::sim::exchange::calendar::date;
use crate::sim::exchange::sign::{hex, sha256};
use crate::sim::exchange::{Order, OrderState};
use serde_json::{Value, json};

/// Where an order is shown; the fields differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A push on `user.order`: no reason.
    Push,
    /// A query: with the reason.
    Query,
}

/// An order.
pub fn order(order: &Order, details: &Details, shape: Shape) -> Value {
    let filled = order.state == OrderState::Filled;
    let price = details.filled_at.or(positive(&order.price)).unwrap_or_default();
    let quantity = positive(&order.quantity).unwrap_or_default();
    let done = |value: f64| if filled { decimal(value) } else { "0".to_owned() };
    let quote = order.instrument.split('_').next_back().unwrap_or_default();
    let mut fields = json!({
        "account_id": account_id(&order.account), "update_user_id": account_id(&order.account),
        "order_id": order.id, "client_oid": order.client_id, "instrument_name": order.instrument,
        "fee_instrument_name": quote, "order_type": details.kind, "time_in_force": details.time_in_force,
        "side": order.side.to_uppercase(), "exec_inst": details.exec_inst, "quantity": order.quantity,
        "order_value": decimal(price * quantity), "ref_price": "0", "maker_fee_rate": "0", "taker_fee_rate": "0",
        "avg_price": done(price), "cumulative_quantity": done(quantity), "cumulative_value": done(price * quantity),
        "cumulative_fee": "0", "status": status(order, details), "order_date": date(order.created.wall),
        "create_time": order.created.wall.millis(), "create_time_ns": order.created.wall.nanos().to_string(),
        "update_time": order.updated.wall.millis(), "transaction_time_ns": order.updated.wall.nanos()
    });
    if details.kind == "LIMIT" {
        fields["limit_price"] = json!(order.price);
    }
    if shape == Shape::Query {
        fields["reason"] = json!(details.reason);
        drop_open_rates(&mut fields, order);
    }
    fields
}

/// The only object in the list of `user-balance` and `user.balance`.
pub fn balance() -> Value {
    let position = json!({
        "instrument_name": "USD", "quantity": "1000000", "reserved_qty": "0", "market_value": "1000000",
        "collateral_eligible": true, "collateral_amount": "1000000", "haircut": "0",
        "max_withdrawal_balance": "1000000", "hourly_interest_rate": "0"
    });
    json!({
        "instrument_name": "USD", "total_available_balance": "1000000", "total_cash_balance": "1000000",
        "total_margin_balance": "1000000", "total_initial_margin": "0", "total_maintenance_margin": "0",
        "total_position_cost": "0", "total_position_im": "0", "total_haircut": "0", "total_borrow": "0",
        "total_collateral_value": "1000000", "total_session_unrealized_pnl": "0", "total_session_realized_pnl": "0",
        "total_effective_leverage": "0", "position_limit": "10000000", "used_position_limit": "0",
        "is_liquidating": false, "has_risk": false, "position_balances": [position], "credit_limits": [],
        "isolated_positions": []
    })
}

/// A fill, as `get-trades` and `user.trade` tell it.
pub fn trade(order: &Order, details: &Details) -> Value {
    json!({
        "account_id": account_id(&order.account), "event_date": date(order.updated.wall), "journal_type": "TRADING",
        "side": order.side.to_uppercase(), "instrument_name": order.instrument, "fees": "0",
        "trade_id": order.id, "trade_match_id": order.id, "order_id": order.id, "client_oid": order.client_id,
        "traded_price": decimal(details.filled_at.unwrap_or_default()), "traded_quantity": order.quantity,
        "fee_instrument_name": "USD", "taker_side": "TAKER", "match_count": 1, "match_index": 0,
        "create_time": order.updated.wall.millis(), "create_time_ns": order.updated.wall.nanos().to_string(),
        "transact_time_ns": order.updated.wall.nanos().to_string()
    })
}

/// A made-up but lasting account id.
pub fn account_id(account: &str) -> String {
    let digits = hex(&sha256(account.as_bytes())[..6]);
    format!("00000000-0000-4000-8000-{digits}")
}

/// Captured: open orders in queries carry no fee rates.
fn drop_open_rates(fields: &mut Value, order: &Order) {
    if let (OrderState::Open, Some(fields)) = (order.state, fields.as_object_mut()) {
        fields.remove("maker_fee_rate");
        fields.remove("taker_fee_rate");
    }
}

fn status(order: &Order, details: &Details) -> &'static str {
    details.status.unwrap_or(match order.state {
        OrderState::Open => "ACTIVE",
        OrderState::Cancelled(_) => "CANCELED",
        OrderState::Filled => "FILLED",
    })
}
