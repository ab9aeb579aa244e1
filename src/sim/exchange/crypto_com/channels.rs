//! Subscriptions at the embedded Crypto.com (specification, section 8): first answers, pushes to every session of the
//! account, and the unsubscribe that fires the switch.

use super::knobs::AllName;
use super::orders::Caller;
use super::report::{self, Shape};
use super::wire::{Refused, Reply, Request};
use super::{CryptoComExchange, markets};
use crate::model::Now;
use crate::sim::exchange::{ConnId, JournalKind, Order, OrderState, Output};
use serde_json::{Value, json};

/// A session may hold this many market channels.
const MARKET_CHANNELS_MAX: usize = 400;
/// User channels that exist; those that end with a dot take an instrument.
const USER_CHANNELS: [&str; 12] = [
    "user.order",
    "user.order.",
    "user.trade",
    "user.trade.",
    "user.balance",
    "user.positions",
    "user.account_risk",
    "user.position_balance",
    "user.advance.order",
    "user.advance.order.",
    "user.advanced.order",
    "user.advanced.order.",
];

impl CryptoComExchange {
    /// `subscribe` on the user websocket: one first answer for each channel.
    pub(super) fn subscribe_user(
        &mut self,
        conn: ConnId,
        caller: &Caller,
        request: &Request,
    ) -> Result<Reply, Refused> {
        let channels = channels_of(request)?;
        channels.iter().try_for_each(|channel| check_user_channel(channel))?;
        let frames = channels.iter().flat_map(|channel| self.first_answers(caller, request, channel)).collect();
        if let Some(state) = self.conns.get_mut(&conn) {
            state.channels.extend(channels);
        }
        Ok(Reply::Frames(frames))
    }

    /// `unsubscribe` on the user websocket: with the switch set, this is a loss of connectivity.
    pub(super) fn unsubscribe_user(
        &mut self,
        now: Now,
        conn: ConnId,
        caller: &Caller,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        const WHY: &str = "user channel unsubscribed";
        let channels = channels_of(request)?;
        let Some(state) = self.conns.get_mut(&conn) else { return Ok(Reply::Silent) };
        let dropped = channels.iter().filter(|channel| state.channels.remove(*channel)).count();
        if dropped > 0 && state.armed {
            state.armed = !self.knobs.unsubscribe_disarms;
            self.trips.set_off(now.at, conn, &caller.account, self.knobs.cancel_delay_ms.length(), WHY);
            if !state.armed {
                self.floor.note(now, &caller.account, Some(conn), JournalKind::SwitchOff, WHY);
            }
            if self.knobs.unsubscribe_closes {
                self.close(now, conn, 1000, WHY, pushes);
            }
        }
        Ok(Reply::Plain)
    }

    /// Market channels are acknowledged; nothing is ever published on them.
    pub(super) fn subscribe_market(&mut self, conn: ConnId, request: &Request) -> Result<Reply, Refused> {
        let channels = channels_of(request)?;
        let Some(state) = self.conns.get_mut(&conn) else { return Ok(Reply::Silent) };
        if request.method == "unsubscribe" {
            channels.iter().for_each(|channel| {
                state.channels.remove(channel);
            });
            return Ok(Reply::Plain);
        }
        if channels.iter().any(|channel| channel.starts_with("user.")) {
            return Err(Refused::new(40_003));
        }
        if state.channels.len() + channels.len() > MARKET_CHANNELS_MAX {
            return Err(Refused::new(40_107));
        }
        let frames = channels.iter().map(|channel| channel_ack(request, channel)).collect();
        state.channels.extend(channels);
        Ok(Reply::Frames(frames))
    }

    /// Tells every session of the account that listens what became of these orders.
    pub(super) fn tell_orders(&self, numbers: &[u64], out: &mut Vec<Output>) {
        for order in numbers.iter().filter_map(|number| self.floor.orders.get(number)) {
            let shown = self.shown(order.number, Shape::Push).unwrap_or_default();
            self.tell(order, "user.order", &shown, out);
            if let (OrderState::Filled, Some(details)) = (order.state, self.orders.details(order.number)) {
                self.tell(order, "user.trade", &report::trade(order, details), out);
            }
        }
    }

    fn tell(&self, order: &Order, channel: &str, data: &Value, out: &mut Vec<Output>) {
        let narrow = format!("{channel}.{}", order.instrument);
        for (conn, state) in &self.conns {
            if state.login.as_ref().is_none_or(|login| login.account != order.account) {
                continue;
            }
            let wide = match self.knobs.all_name {
                AllName::Plain => channel,
                AllName::Instrument => &narrow,
            };
            let names = [(channel, wide), (narrow.as_str(), narrow.as_str())];
            for (_, name) in names.into_iter().filter(|(written, _)| state.channels.contains(*written)) {
                let result = json!({
                    "subscription": name, "channel": channel, "instrument_name": order.instrument, "data": [data]
                });
                let frame = json!({ "id": -1, "method": "subscribe", "code": 0, "result": result });
                out.push(Output::Text(*conn, frame.to_string()));
            }
        }
    }

    fn first_answers(&self, caller: &Caller, request: &Request, channel: &str) -> Vec<Value> {
        let answer =
            |data: &[Value]| request.result(json!({ "subscription": channel, "channel": channel, "data": data }));
        if channel.starts_with("user.order") {
            let wanted = |o: &Order| o.account == caller.account && covers(channel, &o.instrument);
            let numbers = self.floor.open_orders(wanted);
            let open: Vec<Value> = numbers.into_iter().filter_map(|n| self.shown(n, Shape::Push)).collect();
            if open.is_empty() {
                return vec![answer(&[])];
            }
            return open.chunks(self.knobs.snapshot_size.max(1) as usize).map(answer).collect();
        }
        match channel {
            "user.balance" => vec![answer(&[report::balance()])],
            "user.positions" | "user.position_balance" | "user.account_risk" => vec![answer(&[])],
            // Only a confirmation: trades and advanced orders have no snapshot.
            _ => vec![channel_ack(request, channel)],
        }
    }
}

fn channel_ack(request: &Request, channel: &str) -> Value {
    let mut frame = request.success();
    frame["channel"] = json!(channel);
    frame
}

fn channels_of(request: &Request) -> Result<Vec<String>, Refused> {
    let list = request.params.get("channels").and_then(Value::as_array).ok_or_else(|| Refused::new(40_004))?;
    let names: Option<Vec<String>> = list.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    names.filter(|names| !names.is_empty()).ok_or_else(|| Refused::new(40_004))
}

fn check_user_channel(channel: &str) -> Result<(), Refused> {
    if USER_CHANNELS.contains(&channel) && !channel.ends_with('.') {
        return Ok(());
    }
    let instrument =
        USER_CHANNELS.iter().filter(|name| name.ends_with('.')).find_map(|name| channel.strip_prefix(name));
    match instrument {
        None => Err(Refused::new(40_003)),
        Some(name) if markets::find(name).is_none() => Err(Refused::saying(40_003, "Unknown symbol")),
        Some(_) => Ok(()),
    }
}

/// Whether `user.order` or `user.order.BTC_USD` is about this instrument.
fn covers(channel: &str, instrument: &str) -> bool {
    channel == "user.order" || channel.strip_prefix("user.order.") == Some(instrument)
}
