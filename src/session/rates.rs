//! What the venue lets a guard say, in each of its pools, and how much of that the application may use up. Not a queue:
//! what is too much is refused, by name and with the time to wait.
//!
//! Four fifths of a pool are for the application, because keepalives and a kill come out of it too. Cancels are held back
//! only where a breach ends the session or may, and then only by the last tenth: one cancel too many would there take every
//! other order with it.

use crate::model::Moment;
use crate::parts::RateLimit;
use crate::venue::{Facts, RateRule, Toll};
use std::time::Duration;

/// So long before a link is seen to be silent its silence may have begun.
const SEEN_LATE: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Rates {
    messages: RateLimit,
    orders: Option<Matching>,
    subscriptions: Option<RateLimit>,
    /// Everything that is said, where cancels come out of the pool that keepalives come out of.
    all: Option<RateLimit>,
    /// Since when what was said may be on its way still.
    held_up: Option<Moment>,
}

/// Orders and cancels come out of one pool and may use it up to different marks.
struct Matching {
    orders: RateLimit,
    cancels: RateLimit,
}

impl Rates {
    pub(super) fn new(facts: &Facts) -> Self {
        let matching = |rule: RateRule| Matching { orders: four_fifths(rule), cancels: nine_tenths(rule) };
        Self {
            messages: four_fifths(facts.message_rule),
            orders: facts.order_rule.map(matching),
            subscriptions: facts.subscription_rule.map(four_fifths),
            all: facts.cancels_cost_keepalives.then(|| nine_tenths(facts.message_rule)),
            held_up: None,
        }
    }

    /// How long the application must wait before it may say this; `None` when it may now.
    pub(super) fn wait(&self, now: Moment, toll: Toll) -> Option<Duration> {
        let ready = match (toll, &self.orders) {
            (Toll::Cancel, Some(matching)) => matching.cancels.ready_at(now),
            (Toll::Order, Some(matching)) => matching.orders.ready_at(now),
            (Toll::Unknown, Some(matching)) => matching.orders.ready_at(now).max(self.messages.ready_at(now)),
            (Toll::Cancel, None) => self.all.as_ref().map_or(now, |all| all.ready_at(now)),
            (Toll::Order | Toll::Unknown, None) | (Toll::Message, _) => self.messages.ready_at(now),
            (Toll::Subscription, _) => {
                self.subscriptions.as_ref().unwrap_or(&self.messages).ready_at(now).max(self.messages.ready_at(now))
            }
        };
        (ready > now).then(|| ready.since(now))
    }

    /// Counts one that is said.
    pub(super) fn take(&mut self, now: Moment, toll: Toll) {
        if let Some(all) = &mut self.all {
            all.take(now);
        }
        match (toll, &mut self.orders) {
            (Toll::Order | Toll::Cancel, Some(matching)) => matching.take(now),
            (Toll::Unknown, Some(matching)) => {
                matching.take(now);
                self.messages.take(now);
            }
            (Toll::Order | Toll::Cancel | Toll::Unknown, None) | (Toll::Message, _) => self.messages.take(now),
            (Toll::Subscription, _) => {
                self.messages.take(now);
                if let Some(subscriptions) = &mut self.subscriptions {
                    subscriptions.take(now);
                }
            }
        }
    }

    /// The link is not fresh any more: what was said lately may not have arrived.
    pub(super) fn hold_up(&mut self, now: Moment) {
        self.held_up.get_or_insert(now - SEEN_LATE);
    }

    /// It is fresh again. What was held up arrived all at once, and the venue counts it from now.
    pub(super) fn arrived(&mut self, now: Moment) {
        let Some(since) = self.held_up.take() else { return };
        self.messages.count_late(since, now);
        if let Some(all) = &mut self.all {
            all.count_late(since, now);
        }
        if let Some(matching) = &mut self.orders {
            matching.orders.count_late(since, now);
            matching.cancels.count_late(since, now);
        }
        if let Some(subscriptions) = &mut self.subscriptions {
            subscriptions.count_late(since, now);
        }
    }
}

impl Matching {
    fn take(&mut self, now: Moment) {
        self.orders.take(now);
        self.cancels.take(now);
    }
}

fn four_fifths(rule: RateRule) -> RateLimit {
    RateLimit::new(rule.count.saturating_mul(4) / 5, rule.per)
}

fn nine_tenths(rule: RateRule) -> RateLimit {
    RateLimit::new(rule.count - rule.count.div_ceil(10), rule.per)
}

#[cfg(test)]
mod tests;
