//! The dead man's switch (spec section 5): one countdown per account in the engine, set by any key over any path, blind
//! to connections and tokens. Expiry cancels everything at once and leaves the switch off.

use super::KrakenExchange;
use super::knobs::{DisarmedTrigger, TooLong};
use super::wire::{Refused, stamp_seconds};
use crate::model::{Moment, Now};
use crate::sim::exchange::{CancelCause, ConnId, Fault, JournalKind, Output};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Timeouts must stay below this many seconds.
const TIMEOUT_END: u64 = 86_400;

impl KrakenExchange {
    /// Sets, resets or, with zero, takes off the account's countdown, and returns what the acknowledgement says.
    pub(super) fn set_timer(
        &mut self,
        now: Now,
        account: &str,
        conn: Option<ConnId>,
        seconds: u64,
    ) -> Result<Value, Refused> {
        let seconds = self.allowed_timeout(seconds)?;
        let current = now.wall.nanos().div_ceil(1_000_000_000);
        let mut answer = json!({"currentTime": stamp_seconds(current)});
        if seconds == 0 {
            self.timers.remove(account);
            self.floor.note(now, account, conn, JournalKind::SwitchOff, "timeout 0");
            if self.knobs.disarmed_trigger == DisarmedTrigger::Zero {
                answer["triggerTime"] = "0".into();
            }
            return Ok(answer);
        }
        let rounding = Duration::from_nanos((current * 1_000_000_000).saturating_sub(now.wall.nanos()));
        let extra = if self.knobs.deadline_from_current_time { rounding } else { Duration::ZERO };
        let deadline = now.at + self.floor.scaled(Duration::from_secs(seconds) + extra);
        self.timers.insert(account.to_owned(), deadline);
        let detail = format!("timeout {seconds}");
        self.floor.note(now, account, conn, JournalKind::SwitchSet, &detail);
        self.floor.note(now, account, conn, JournalKind::LifeSign, &detail);
        answer["triggerTime"] = stamp_seconds(current.saturating_add(seconds)).into();
        Ok(answer)
    }

    /// The next countdown to end; none while the engine is down, because nothing counts there.
    pub(super) fn next_expiry(&self) -> Option<(Moment, String)> {
        if self.system.refuses_all().is_some() {
            return None;
        }
        self.timers.iter().map(|(account, deadline)| (*deadline, account.clone())).min()
    }

    /// The countdown ended, or the engine came back with it running.
    pub(super) fn expire(&mut self, now: Now, account: &str, why: &str, out: &mut Vec<Output>) {
        self.timers.remove(account);
        if self.floor.has(&Fault::Dishonour) {
            return;
        }
        let orders = self.floor.open_orders(|order| order.account == account);
        self.floor.note(now, account, None, JournalKind::Tripped, &format!("{why}, {} orders", orders.len()));
        for number in &orders {
            self.floor.cancel_order(now, *number, CancelCause::Switch);
        }
        let step = if self.knobs.expiry_in_one_message { orders.len().max(1) } else { 1 };
        for part in orders.chunks(step) {
            self.push_cancelled(now, account, part, out);
        }
    }

    /// Everything of the accounts whose countdown was running goes when the engine comes back, whatever time was left.
    pub(super) fn expire_after_maintenance(&mut self, now: Now, out: &mut Vec<Output>) {
        let accounts: Vec<String> = self.timers.keys().cloned().collect();
        for account in accounts {
            self.expire(now, &account, "engine restarted", out);
        }
    }

    /// When the orders of these connections' accounts would start to go if nothing more arrived. `None` while the
    /// engine is down: nobody can say when it cancels. The countdown is the account's and outlives connections, so a
    /// venue with a single account needs no connection to tell whose it is.
    pub(super) fn foretell(&self, conns: &[ConnId]) -> Option<Moment> {
        if self.floor.has(&Fault::Dishonour) || self.wanted_system().refuses_all().is_some() {
            return None;
        }
        let mut accounts: BTreeSet<&str> =
            conns.iter().filter_map(|id| self.conns.get(id)?.account.as_deref()).collect();
        let all: BTreeSet<&str> = self.floor.accounts.values().map(|account| account.name.as_str()).collect();
        if accounts.is_empty() && all.len() == 1 {
            accounts = all;
        }
        let deadlines: Option<Vec<Moment>> =
            accounts.iter().map(|account| self.timers.get(*account).copied()).collect();
        deadlines?.into_iter().max()
    }

    fn allowed_timeout(&self, seconds: u64) -> Result<u64, Refused> {
        match self.knobs.too_long {
            TooLong::Refuse if seconds >= TIMEOUT_END => Err("EGeneral:Invalid arguments:timeout".to_owned()),
            TooLong::Clamp => Ok(seconds.min(TIMEOUT_END - 1)),
            TooLong::Refuse | TooLong::Accept => Ok(seconds),
        }
    }
}
