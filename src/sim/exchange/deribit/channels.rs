//! Subscriptions at the embedded Deribit (specification, section 10): unknown and forbidden channels are silently
//! dropped, and there is no snapshot. Market channels are accepted; nothing is ever published on them.

use super::wire::{Refused, Request, notification};
use super::{Conn, DeribitExchange, markets, report};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Order, OrderState, Output};
use serde_json::{Value, json};
use std::time::Duration;

/// Market channels that take an instrument.
const MARKET_CHANNELS: [&str; 6] = ["book", "ticker", "trades", "quote", "chart", "incremental_ticker"];
/// Channels of the platform, without any part.
const PLATFORM_CHANNELS: [&str; 2] = ["platform_state", "platform_state.public_methods_state"];
/// Channels of the user, without any part.
const USER_CHANNELS: [&str; 2] = ["user.lock", "user.access_log"];
/// Indexes `platform_state` tells of.
const INDEXES: [&str; 3] = ["btc_usd", "eth_usd", "sol_usdc"];
const INTERVALS: [&str; 3] = ["raw", "100ms", "agg2"];
const KINDS: [&str; 6] = ["any", "future", "option", "spot", "future_combo", "option_combo"];

/// Whose orders a `user.*` channel tells of.
enum Whose<'a> {
    Instrument(&'a str),
    KindAndCurrency(&'a str, &'a str),
}

/// A channel such as `user.orders.any.any.raw`.
struct UserChannel<'a> {
    topic: &'a str,
    whose: Whose<'a>,
    interval: &'a str,
}

impl DeribitExchange {
    /// Every kind of subscribing and unsubscribing; the result lists what was actually done.
    pub(super) fn channels(&mut self, conn: ConnId, request: &Request) -> Result<Value, Refused> {
        let Some(state) = self.conns.get_mut(&conn) else { return Err(Refused::unauthorized("invalid_token")) };
        let authorised = state.login.is_some();
        let private = request.method.starts_with("private/");
        if request.method.ends_with("unsubscribe_all") {
            state.channels.retain(|channel| channel.starts_with("user.") != private);
            return Ok(json!("ok"));
        }
        let channels = channels_of(request)?;
        if request.method.ends_with("/unsubscribe") {
            return Ok(json!(
                channels.into_iter().filter(|channel| state.channels.remove(channel)).collect::<Vec<_>>()
            ));
        }
        if !authorised && channels.iter().any(|channel| !channel.starts_with("user.") && channel.ends_with(".raw")) {
            return Err(Refused::new(13_778));
        }
        let known = |channel: &String| exists(channel) && (private || !channel.starts_with("user."));
        let mut accepted: Vec<String> = channels.into_iter().filter(known).collect();
        if self.knobs.subscribe_drops {
            accepted.pop();
        }
        accepted.sort();
        state.channels.extend(accepted.iter().cloned());
        Ok(json!(accepted))
    }

    /// Who listens to `platform_state`.
    pub(super) fn platform_listeners(&self) -> Vec<ConnId> {
        let listens = |state: &Conn| state.channels.contains("platform_state");
        self.conns.iter().filter(|(_, state)| listens(state)).map(|(conn, _)| *conn).collect()
    }

    /// `platform_state` tells of one index after the other, whether anything changed or not (measured, section 14).
    pub(super) fn tell_platform_state(&mut self, now: Now, out: &mut Vec<Output>) {
        let listeners = self.platform_listeners();
        let every = self.knobs.platform_state_every_ms.length().map(|every| every.max(Duration::from_millis(1)));
        let Some(every) = every.filter(|_| !listeners.is_empty()) else {
            self.platform_due = None;
            return;
        };
        let due = *self.platform_due.get_or_insert(now.at + every);
        if due > now.at {
            return;
        }
        self.platform_due = Some(now.at + every);
        let index = INDEXES[usize::try_from(now.wall.millis() / 385 % 3).unwrap_or(0)];
        let frame = notification("platform_state", &json!({ "locked": false, "price_index": index, "reasons": [] }));
        listeners.into_iter().for_each(|conn| self.say(now, conn, &frame, out));
    }

    /// Tells every session of the account that listens what became of these orders.
    pub(super) fn tell_orders(&mut self, now: Now, numbers: &[u64], out: &mut Vec<Output>) {
        let mut frames = Vec::new();
        for number in numbers {
            let pair = self.floor.orders.get(number).zip(self.orders.details(*number));
            let Some((order, details)) = pair else { continue };
            let shown = report::order(order, details, self.knobs.cod_reason);
            let trades = self.trades_of(*number);
            for (conn, state) in &self.conns {
                if state.login.as_ref().is_none_or(|pair| pair.account != order.account) {
                    continue;
                }
                let told = state.channels.iter().filter_map(|name| {
                    let channel = UserChannel::parse(name).filter(|channel| channel.is_about(order))?;
                    Some(notification(name, &channel.data(order, &shown, &trades)?))
                });
                frames.extend(told.map(|frame| (*conn, frame)));
            }
        }
        frames.into_iter().for_each(|(conn, frame)| self.say(now, conn, &frame, out));
    }
}

impl<'a> UserChannel<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let parts: Vec<&str> = name.split('.').collect();
        let (topic, whose, interval) = match parts.as_slice() {
            ["user", topic, instrument, interval] if markets::find(instrument).is_some() => {
                (*topic, Whose::Instrument(instrument), *interval)
            }
            ["user", topic, kind, currency, interval] if KINDS.contains(kind) && known_currency(currency) => {
                (*topic, Whose::KindAndCurrency(kind, currency), *interval)
            }
            _ => return None,
        };
        let known = matches!(topic, "orders" | "changes" | "trades") && INTERVALS.contains(&interval);
        known.then_some(Self { topic, whose, interval })
    }

    fn is_about(&self, order: &Order) -> bool {
        match self.whose {
            Whose::Instrument(name) => name == order.instrument,
            Whose::KindAndCurrency(kind, currency) => {
                let instrument = markets::find(&order.instrument);
                let belongs = instrument.is_some_and(|i| i.belongs_to(&currency.to_uppercase()) || currency == "any");
                belongs && (kind == "any" || kind == order.category)
            }
        }
    }

    /// What it says; `None` when this is nothing for it.
    fn data(&self, order: &Order, shown: &Value, trades: &[Value]) -> Option<Value> {
        match self.topic {
            "orders" if self.interval == "raw" => Some(shown.clone()),
            "orders" => Some(json!([shown])),
            "changes" => Some(json!({
                "instrument_name": order.instrument, "orders": [shown], "trades": trades, "positions": []
            })),
            _ => (order.state == OrderState::Filled).then(|| json!(trades)),
        }
    }
}

fn channels_of(request: &Request) -> Result<Vec<String>, Refused> {
    let wrong = || Refused::param("channels", "wrong format");
    let list = request.params.get("channels").and_then(Value::as_array).ok_or_else(wrong)?;
    list.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn exists(channel: &str) -> bool {
    if PLATFORM_CHANNELS.contains(&channel) || USER_CHANNELS.contains(&channel) {
        return true;
    }
    let mut parts = channel.split('.');
    match (parts.next(), parts.next()) {
        (Some("user"), Some("portfolio")) => parts.next().is_some_and(known_currency),
        (Some("user"), _) => UserChannel::parse(channel).is_some(),
        (Some("deribit_price_index"), Some(_)) => true,
        (Some(topic), Some(instrument)) => MARKET_CHANNELS.contains(&topic) && markets::find(instrument).is_some(),
        (_, None) | (None, _) => false,
    }
}

fn known_currency(currency: &str) -> bool {
    currency == "any" || markets::knows_currency(&currency.to_uppercase())
}
