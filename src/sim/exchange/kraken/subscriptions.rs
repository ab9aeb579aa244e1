//! Subscribing and unsubscribing (spec sections 2 and 8). Public channels are acknowledged and, `instrument` apart,
//! stay silent: this venue has no market data.

use super::KrakenExchange;
use super::conn::Subscription;
use super::executions::EXECUTIONS;
use super::market;
use super::stream::Answers;
use super::wire::{self, Refused, Request, with};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Output};
use serde_json::{Value, json};

/// Public channels that are subscribed symbol by symbol.
const BY_SYMBOL: [&str; 5] = ["ticker", "book", "level3", "ohlc", "trade"];
/// The warnings that come with the executions channel.
const WARNINGS: [&str; 4] = [
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
];

impl KrakenExchange {
    /// Subscribes; what is pushed because of it goes into `effects`.
    pub(super) fn subscribe(&mut self, now: Now, id: ConnId, request: &Request, effects: &mut Vec<Output>) -> Answers {
        let params = &request.params;
        match channel(params) {
            EXECUTIONS | "balances" => vec![self.subscribe_private(now, id, params, effects)],
            "instrument" => {
                self.insert(id, "instrument", "", public());
                self.channel_spoke(now, id);
                let snapshot = json!({"channel": "instrument", "type": "snapshot", "data": market::instruments()});
                effects.push(Output::Text(id, snapshot.to_string()));
                let warning = json!(["tick_size is deprecated, use price_increment"]);
                vec![Ok(with("result", json!({"channel": "instrument", "snapshot": true, "warnings": warning})))]
            }
            "heartbeat" => {
                self.insert(id, "heartbeat", "", public());
                vec![Ok(with("result", json!({"channel": "heartbeat"})))]
            }
            // It cannot be subscribed, yet its payload comes with the refusal (spec 2.1).
            "status" => {
                self.say_status(now, id, effects);
                vec![Err("Symbol(s) not found".to_owned())]
            }
            name if BY_SYMBOL.contains(&name) => self.subscribe_symbols(id, name, params),
            _ => vec![Err("Subscription name invalid".to_owned())],
        }
    }

    /// Unsubscribes.
    pub(super) fn unsubscribe(&mut self, now: Now, id: ConnId, request: &Request) -> Answers {
        let params = &request.params;
        let name = channel(params).to_owned();
        if name == EXECUTIONS || name == "balances" {
            if let Err(error) = self.token_owner(now, id, params) {
                return vec![Err(error)];
            }
            return vec![self.remove(now, id, &name, "").map(|()| with("result", json!({"channel": name})))];
        }
        if !BY_SYMBOL.contains(&name.as_str()) {
            return vec![self.remove(now, id, &name, "").map(|()| with("result", json!({"channel": name})))];
        }
        let mut answers = Vec::new();
        for symbol in symbols(params) {
            let removed = self.remove(now, id, &name, symbol);
            answers.push(removed.map(|()| with("result", json!({"channel": name, "symbol": symbol}))));
        }
        answers
    }

    fn subscribe_private(
        &mut self,
        now: Now,
        id: ConnId,
        params: &Value,
        effects: &mut Vec<Output>,
    ) -> Result<serde_json::Map<String, Value>, Refused> {
        let name = channel(params);
        let signer = self.token_owner(now, id, params)?;
        let permission = if name == EXECUTIONS { "query-open-trades" } else { "query-funds" };
        if (name != EXECUTIONS || self.knobs.executions_need_permission) && self.lacks(&signer.key, permission) {
            return Err("EGeneral:Permission denied".to_owned());
        }
        if self.conns.get(&id).is_some_and(|conn| conn.private(name, &signer.account).is_some()) {
            return Err("Already subscribed".to_owned());
        }
        let flag = |field: &str, usual: bool| params.get(field).and_then(Value::as_bool).unwrap_or(usual);
        let subscription = Subscription {
            token: params.get("token").and_then(Value::as_str).map(str::to_owned),
            account: signer.account.clone(),
            all_transitions: flag("order_status", true),
        };
        self.insert(id, name, "", subscription);
        let (orders, trades) = (flag("snap_orders", true), flag("snap_trades", false));
        let (rows, result) = if name == EXECUTIONS {
            let (points, _) = self.knobs.tier.engine();
            let result = json!({"channel": name, "maxratecount": points as u64, "snapshot": true,
                "snap_orders": orders, "snap_trades": trades, "warnings": WARNINGS});
            (self.executions_snapshot(&signer.account, orders, trades), result)
        } else {
            (balance_rows(), json!({"channel": name, "snapshot": true}))
        };
        if orders || trades {
            self.push_snapshot(now, id, name, rows, effects);
        }
        Ok(with("result", result))
    }

    fn push_snapshot(&mut self, now: Now, id: ConnId, name: &str, rows: Vec<Value>, effects: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let sequence = conn.count(now.at);
        effects.push(Output::Text(id, wire::channel(name, "snapshot", Value::Array(rows), sequence)));
    }

    fn subscribe_symbols(&mut self, id: ConnId, name: &str, params: &Value) -> Answers {
        let mut answers = Vec::new();
        for symbol in symbols(params) {
            if market::find(symbol).is_none_or(|pair| pair.symbol != symbol) {
                answers.push(Err(format!("Currency pair not supported {symbol}")));
                continue;
            }
            let key = (name.to_owned(), symbol.to_owned());
            if self.conns.get(&id).is_some_and(|conn| conn.subscriptions.contains_key(&key)) {
                answers.push(Err("Already subscribed".to_owned()));
                continue;
            }
            self.insert(id, name, symbol, public());
            let mut result = json!({"channel": name, "symbol": symbol, "snapshot": true});
            for field in ["depth", "interval"] {
                if let Some(value) = params.get(field) {
                    result[field] = value.clone();
                }
            }
            answers.push(Ok(with("result", result)));
        }
        if answers.is_empty() { vec![Err("Symbol(s) not found".to_owned())] } else { answers }
    }

    fn insert(&mut self, id: ConnId, channel: &str, symbol: &str, subscription: Subscription) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.subscriptions.insert((channel.to_owned(), symbol.to_owned()), subscription);
        }
    }

    fn remove(&mut self, now: Now, id: ConnId, channel: &str, symbol: &str) -> Result<(), Refused> {
        let conn = self.conns.get_mut(&id).ok_or("Subscription Not Found")?;
        conn.subscriptions.remove(&(channel.to_owned(), symbol.to_owned())).ok_or("Subscription Not Found")?;
        conn.bare_since = now.at;
        Ok(())
    }

    fn channel_spoke(&mut self, now: Now, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.last_channel_message = now.at;
        }
    }
}

fn channel(params: &Value) -> &str {
    params.get("channel").and_then(Value::as_str).unwrap_or_default()
}

fn symbols(params: &Value) -> impl Iterator<Item = &str> {
    let list = params.get("symbol").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn public() -> Subscription {
    Subscription { token: None, account: String::new(), all_transitions: true }
}

fn balance_rows() -> Vec<Value> {
    market::balances()
        .map(|(_, asset, amount)| {
            let wallet = json!({"type": "spot", "id": "main", "balance": wire::number(amount)});
            json!({"asset": asset, "asset_class": "currency", "balance": wire::number(amount), "wallets": [wallet]})
        })
        .collect()
}
