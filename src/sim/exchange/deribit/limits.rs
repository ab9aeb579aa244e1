//! Credits at the embedded Deribit (specification, section 13): a pool that refills continuously, per account and class
//! of request. A request without credits ends the session.

use super::knobs::Knobs;
use crate::model::{Moment, TimeFactor};
use std::collections::BTreeMap;
use std::time::Duration;

/// Whose credits, by class.
#[derive(Debug, Default)]
pub struct Limits {
    pools: BTreeMap<(String, Class), Pool>,
}

/// Classes of requests with credits of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Orders, edits and cancels.
    Matching,
    /// Cancelling everything.
    CancelAll,
    /// Subscribing.
    Subscribe,
    /// Everything else.
    Other,
}

/// A pool as the moment at which it will be full again.
#[derive(Clone, Copy, Debug)]
struct Pool {
    full_at: Moment,
}

impl Limits {
    /// Takes the credits of one request; false when there are not enough.
    pub fn take(&mut self, at: Moment, whose: &str, class: Class, knobs: &Knobs, factor: TimeFactor) -> bool {
        let (one, most) = class.costs(knobs);
        let (one, most) = (factor.scale(one), factor.scale(most));
        let pool = self.pools.entry((whose.to_owned(), class)).or_insert(Pool { full_at: at });
        let full_at = pool.full_at.max(at) + one;
        if full_at.since(at) > most {
            return false;
        }
        pool.full_at = full_at;
        true
    }

    /// Forgets whose they were, with a connection that never logged in.
    pub fn forget(&mut self, whose: &str) {
        self.pools.retain(|(owner, _), _| owner != whose);
    }
}

impl Class {
    /// The class of a method.
    pub fn of(method: &str) -> Self {
        match method {
            "private/cancel_all" | "private/cancel_all_by_kind_or_type" => Self::CancelAll,
            "private/buy" | "private/sell" | "private/edit" | "private/edit_by_label" | "private/close_position" => {
                Self::Matching
            }
            "private/mass_quote" | "private/cancel" | "private/cancel_by_label" | "private/cancel_quotes" => {
                Self::Matching
            }
            method if method.starts_with("private/cancel_all_by_") => Self::Matching,
            "public/subscribe" | "private/subscribe" => Self::Subscribe,
            _ => Self::Other,
        }
    }

    /// How long one request takes to refill, and how long the whole pool does.
    fn costs(self, knobs: &Knobs) -> (Duration, Duration) {
        let per_second = |rate: u32, burst: u32| {
            let one = Duration::from_secs(1) / rate.max(1);
            (one, one * burst)
        };
        match self {
            Self::Matching => per_second(knobs.matching_rate, knobs.matching_burst),
            Self::CancelAll => per_second(200, 250),
            // 3,000 of 30,000 credits, 10,000 a second.
            Self::Subscribe => (Duration::from_millis(300), Duration::from_secs(3)),
            // 500 of 50,000 credits, 10,000 a second.
            Self::Other => (Duration::from_millis(50), Duration::from_secs(5)),
        }
    }
}
