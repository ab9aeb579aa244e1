//! Cancel on disconnect at the embedded Deribit (specification, section 6): on and off per connection, with a default
//! per account for connections that log in later. Every end of a connection fires it, except `private/logout`.

use super::knobs::SwitchOverHttp;
use super::orders::Caller;
use super::wire::{Refused, Request};
use super::{Conn, DeribitExchange, End};
use crate::model::{Moment, Now};
use crate::sim::exchange::trips::Trip;
use crate::sim::exchange::{CancelCause, ConnId, Fault, JournalKind, Order, Output};
use serde_json::{Value, json};

/// What a request of the switch is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Connection,
    Account,
}

impl DeribitExchange {
    /// The three methods of the switch.
    pub(super) fn switch_method(&mut self, now: Now, caller: &Caller, request: &Request) -> Result<Value, Refused> {
        let scope = match request.word("scope") {
            None | Some("connection") => Scope::Connection,
            Some("account") => Scope::Account,
            Some(_) => return Err(Refused::param("scope", "invalid value")),
        };
        let over_http = caller.conn.is_none();
        let account_over_http = scope == Scope::Account && self.knobs.switch_over_http == SwitchOverHttp::Account;
        if over_http && !account_over_http {
            return Err(Refused::new(10_030));
        }
        match request.method.as_str() {
            "private/enable_cancel_on_disconnect" => self.enable(now, caller, scope),
            "private/disable_cancel_on_disconnect" => self.disable(now, caller, scope),
            _ => return Ok(self.read_switch(caller, scope)),
        }
        Ok(json!("ok"))
    }

    /// A login: the account's default decides, unless the connection keeps what it had.
    pub(super) fn switch_at_login(&mut self, now: Now, conn: ConnId, account: &str, again: bool) {
        let Some(state) = self.conns.get(&conn) else { return };
        let keeps = again && self.knobs.reauth_keeps_switch && state.armed.as_deref().is_none_or(|a| a == account);
        if !keeps {
            let on = self.switch_defaults.contains(account);
            self.turn(now, conn, account, on, "account default");
        }
    }

    fn enable(&mut self, now: Now, caller: &Caller, scope: Scope) {
        if let Some(conn) = caller.conn {
            self.turn(now, conn, &caller.account, true, "connection");
        }
        if scope == Scope::Account {
            self.switch_defaults.insert(caller.account.clone());
            if self.knobs.account_reaches_open_connections {
                let of_account = |s: &Conn| s.login.as_ref().is_some_and(|pair| pair.account == caller.account);
                let open: Vec<ConnId> = self.conns.iter().filter(|(_, s)| of_account(s)).map(|(c, _)| *c).collect();
                open.into_iter().for_each(|conn| self.turn(now, conn, &caller.account, true, "account"));
            }
        }
    }

    fn disable(&mut self, now: Now, caller: &Caller, scope: Scope) {
        if scope == Scope::Account {
            self.switch_defaults.remove(&caller.account);
        }
        let includes_this = scope == Scope::Connection || self.knobs.account_disable_includes_this;
        if let Some(conn) = caller.conn.filter(|_| includes_this) {
            self.turn(now, conn, &caller.account, false, "disabled");
        }
    }

    fn turn(&mut self, now: Now, conn: ConnId, account: &str, on: bool, why: &str) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let was_on = state.armed.is_some();
        state.armed = on.then(|| account.to_owned());
        if on {
            self.floor.note(now, account, Some(conn), JournalKind::SwitchSet, why);
        } else if was_on {
            self.floor.note(now, account, Some(conn), JournalKind::SwitchOff, why);
        }
    }

    fn read_switch(&self, caller: &Caller, scope: Scope) -> Value {
        let betrayed = self.floor.has(&Fault::Dishonour) && !self.knobs.dishonour_reads_back;
        let (name, on) = match scope {
            Scope::Connection => ("connection", caller.armed),
            Scope::Account => ("account", self.switch_defaults.contains(&caller.account)),
        };
        json!({ "scope": name, "enabled": on && !betrayed })
    }

    /// A connection ended, by whichever side.
    pub(super) fn end(&mut self, now: Now, conn: ConnId, end: End) {
        let Some(state) = self.conns.remove(&conn) else { return };
        self.tokens.forget_conn(conn);
        self.limits.forget(&anonymous(conn));
        let (why, fires) = self.judge(end);
        let account = state.armed.clone().or(state.login.map(|pair| pair.account)).unwrap_or_default();
        self.floor.note(now, &account, Some(conn), JournalKind::Ended, why);
        if let Some(account) = state.armed.filter(|_| fires) {
            self.trips.set_off(now.at, conn, &account, self.knobs.cancel_delay_ms.length(), why);
        }
    }

    /// What to call an end, and whether it fires the switch.
    fn judge(&self, end: End) -> (&'static str, bool) {
        let down = self.floor.has(&Fault::Maintenance) && !self.knobs.cod_on_maintenance;
        match end {
            End::Client(why) | End::Venue(why) => (why, !down),
            End::RateLimit => ("too many requests", !down && self.knobs.cod_on_rate_limit),
            End::Logout => ("logout", false),
        }
    }

    /// The switch fires: every covered order goes, and every other session hears of it.
    pub(super) fn fire(&mut self, now: Now, trip: &Trip, out: &mut Vec<Output>) {
        if self.floor.has(&Fault::Dishonour) {
            return;
        }
        self.trips.settle(trip.conn);
        let covered = |order: &Order| {
            let details = self.orders.details(order.number);
            let early = details.is_some_and(|d| d.before_enable) && !self.knobs.cod_covers_pre_enable_orders;
            let trigger = details.is_some_and(|d| d.trigger_price.is_some()) && !self.knobs.cod_covers_trigger_orders;
            order.conn == Some(trip.conn) && order.account == trip.account && !early && !trigger
        };
        let mut numbers = self.floor.open_orders(covered);
        numbers.truncate(numbers.len().saturating_sub(self.knobs.cod_partial_failure as usize));
        let detail = format!("{}: {} orders", trip.why, numbers.len());
        self.floor.note(now, &trip.account, Some(trip.conn), JournalKind::Tripped, &detail);
        for number in &numbers {
            self.floor.cancel_order(now, *number, CancelCause::Switch);
        }
        self.tell_orders(now, &numbers, out);
    }

    /// By when a live connection's switch fires if nothing more arrives on it; `None` when it is off or never fires.
    pub(super) fn trip_in_silence(&self, state: &Conn) -> Option<Moment> {
        state.armed.as_ref()?;
        if !self.judge(End::Venue("")).1 {
            return None;
        }
        let silence = state.beats.end_in_silence(&self.timing(), self.beating());
        let end = [silence, self.closes_with_token(state)].into_iter().flatten().min()?;
        Some(end + self.knobs.cancel_delay_ms.length()?)
    }
}

/// Whose credits a connection uses before it logs in.
pub fn anonymous(conn: ConnId) -> String {
    format!("connection {}", conn.0)
}
