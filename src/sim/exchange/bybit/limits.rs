//! The venue's published limits (spec sections 10 and 16): requests per second and account for each kind of operation,
//! and requests per address. Connection attempts are counted in `mod.rs`.

use crate::model::Moment;
use crate::sim::exchange::RateWindow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Limits per account are counted over this long.
pub const PER: Duration = Duration::from_secs(1);
/// Requests per address are counted over this long.
pub const HTTP_PER: Duration = Duration::from_secs(5);
/// How long an address stays banned.
pub const HTTP_BAN: Duration = Duration::from_secs(600);
/// Requests per second on the trade socket, all connections of an address together.
pub const TRADE_MAX: u32 = 3_000;

/// What was used lately.
#[derive(Debug, Default)]
pub struct Limits {
    pools: BTreeMap<(String, String), RateWindow>,
    trade: RateWindow,
    http: RateWindow,
    http_banned_until: Moment,
}

/// Where a request stands against its limit; goes into the answer's headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The limit.
    pub limit: u32,
    /// How many are left in this second.
    pub left: u32,
    /// False when this request was one too many.
    pub granted: bool,
    /// How long until one is free again; zero unless exceeded.
    pub wait: Duration,
}

impl Limits {
    /// Counts `weight` uses of an operation (`create`, `cancel-batch`, …) of one account; `per` is a second of venue
    /// time.
    pub fn take(
        &mut self,
        now: Moment,
        per: Duration,
        account: &str,
        operation: &str,
        category: &str,
        weight: u32,
    ) -> Option<Standing> {
        let limit = limit_of(operation, category)?;
        let pool = (account.to_owned(), format!("{operation}:{}", group(category)));
        let window = self.pools.entry(pool).or_default();
        let room = window.room(now, limit, per);
        if room < weight {
            let wait = window.frees_at(per).map_or(Duration::ZERO, |at| at.since(now));
            return Some(Standing { limit, left: 0, granted: false, wait });
        }
        for _ in 0..weight {
            window.take(now, limit, per);
        }
        Some(Standing { limit, left: room - weight, granted: true, wait: Duration::ZERO })
    }

    /// Counts one message on a trade socket.
    pub fn trade(&mut self, now: Moment, per: Duration) -> bool {
        self.trade.take(now, TRADE_MAX, per)
    }

    /// Counts one HTTP request; false while the address is banned.
    pub fn http(&mut self, now: Moment, max: u32, per: Duration, ban: Duration) -> bool {
        if now < self.http_banned_until {
            return false;
        }
        let granted = self.http.take(now, max, per);
        if !granted {
            self.http_banned_until = now + ban;
        }
        granted
    }
}

/// Requests per second and account (spec section 16); `None` where no limit is published.
fn limit_of(operation: &str, category: &str) -> Option<u32> {
    match (operation, group(category)) {
        ("disconnected-cancel-all" | "query-dcp-info", _) => Some(5),
        ("realtime" | "history" | "list", _) => Some(50),
        ("cancel-all", "option") => Some(1),
        ("amend", "spot") => Some(10),
        ("create" | "cancel" | "cancel-all" | "create-batch" | "amend-batch" | "cancel-batch", "spot") => Some(20),
        ("create" | "amend" | "cancel" | "cancel-all" | "create-batch" | "amend-batch" | "cancel-batch", _) => Some(10),
        _ => None,
    }
}

/// Linear and inverse share their pools.
fn group(category: &str) -> &str {
    match category {
        "linear" | "inverse" => "futures",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_and_inverse_share_a_pool_and_spot_has_its_own() {
        let mut limits = Limits::default();
        let mut take = |category| limits.take(Moment::default(), PER, "a", "create", category, 5).unwrap().granted;
        assert!(take("linear") && take("inverse"));
        assert!(!take("linear"), "ten are used");
        assert!(take("spot"));
    }

    #[test]
    fn a_batch_that_does_not_fit_uses_nothing_up() {
        let mut limits = Limits::default();
        assert!(!limits.take(Moment::default(), PER, "a", "cancel-batch", "linear", 11).unwrap().granted);
        assert_eq!(limits.take(Moment::default(), PER, "a", "cancel-batch", "linear", 10).unwrap().left, 0);
    }

    #[test]
    fn an_address_that_asks_too_often_is_banned_for_a_while() {
        let mut limits = Limits::default();
        let at = |seconds: u64| Moment::from_nanos(seconds * 1_000_000_000);
        assert!((0..3).all(|_| limits.http(at(0), 3, HTTP_PER, HTTP_BAN)));
        assert!(!limits.http(at(0), 3, HTTP_PER, HTTP_BAN));
        assert!(!limits.http(at(599), 3, HTTP_PER, HTTP_BAN));
        assert!(limits.http(at(600), 3, HTTP_PER, HTTP_BAN));
    }
}
