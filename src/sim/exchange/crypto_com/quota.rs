//! Rate limits of the embedded Crypto.com. Websocket requests are counted in calendar seconds, and the second in which a
//! connection opened has only its remaining part of the quota (specification, sections 4 and 13). HTTP requests are
//! counted in fixed windows by API key and method.

use crate::model::{Moment, Now, TimeFactor};
use std::collections::BTreeMap;
use std::time::Duration;

/// A count of requests per window.
#[derive(Clone, Debug)]
pub struct Quota {
    window: Duration,
    ends: Moment,
    left: u32,
    /// How often something was refused.
    pub refused: u32,
}

/// HTTP requests of each key, by method.
#[derive(Debug, Default)]
pub struct HttpQuotas {
    windows: BTreeMap<(String, String), Quota>,
}

impl Quota {
    /// The quota of a connection opened now.
    pub fn opening(now: Now, limit: u32, prorated: bool, factor: TimeFactor) -> Self {
        let window = factor.scale(Duration::from_secs(1));
        let whole = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX).max(1);
        let left = whole - now.wall.nanos() % whole;
        let part = u128::from(limit) * u128::from(left) / u128::from(whole);
        let first = if prorated { u32::try_from(part).unwrap_or(limit) } else { limit };
        Self { window, ends: now.at + Duration::from_nanos(left), left: first, refused: 0 }
    }

    fn fresh(at: Moment, limit: u32, window: Duration) -> Self {
        Self { window, ends: at + window, left: limit, refused: 0 }
    }

    /// Takes one; false when none is left in this window.
    pub fn take(&mut self, at: Moment, limit: u32) -> bool {
        if self.ends <= at {
            let window = self.window.as_nanos().max(1);
            let passed = at.since(self.ends).as_nanos() / window + 1;
            self.ends = self.ends + self.window * u32::try_from(passed).unwrap_or(u32::MAX);
            self.left = limit;
        }
        if self.left == 0 {
            self.refused = self.refused.saturating_add(1);
            return false;
        }
        self.left -= 1;
        true
    }
}

impl HttpQuotas {
    /// Takes one of this key's requests for this method, which must be a known one; false when none is left.
    pub fn take(&mut self, at: Moment, key: &str, method: &str, factor: TimeFactor) -> bool {
        let (limit, per) = http_limit(method);
        let fresh = || Quota::fresh(at, limit, factor.scale(per));
        self.windows.entry((key.to_owned(), method.to_owned())).or_insert_with(fresh).take(at, limit)
    }
}

fn http_limit(method: &str) -> (u32, Duration) {
    let tenth = Duration::from_millis(100);
    match method {
        "private/create-order" | "private/cancel-order" | "private/cancel-all-orders" => (15, tenth),
        "private/get-order-detail" => (30, tenth),
        "private/get-trades" | "private/get-order-history" => (1, Duration::from_secs(1)),
        _ => (3, tenth),
    }
}
