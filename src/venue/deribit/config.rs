//! What a user configures for Deribit, and where that leads. Not here: what all venues share (`model::Access`).

use crate::model::{Access, ConfigError, Environment};
use crate::venue::RateRule;
use crate::venue::addresses::{Addresses, refuse_trade_url};
use std::time::Duration;

/// Shortest interval `public/set_heartbeat` accepts (spec 5.1).
const HEARTBEAT_S_MIN: u32 = 10;

/// Longest interval a client has documented (spec 5.1); Deribit states none.
const HEARTBEAT_S_MAX: u32 = 3_600;

/// Requests of the matching engine a second. The lower end is the lowest tier's; the upper one is ours, far above any
/// tier that is published, and there to catch a slip of the pen.
const MATCHING_RATE: (u32, u32) = (5, 1_000);

/// The same at once.
const MATCHING_BURST: (u32, u32) = (20, 5_000);

/// Configuration of a Deribit guard.
#[derive(Clone, Debug)]
pub struct DeribitConfig {
    /// How to reach the account.
    pub access: Access,
    /// Heartbeat interval in seconds, 10 to 3600. The exposure grows with it; take 10 unless there is a reason.
    pub heartbeat_s: u32,
    /// How far cancel-on-disconnect reaches.
    pub scope: DeribitScope,
    /// What the account may ask of the matching engine. More than the account really has costs the session, and with it
    /// the orders.
    pub matching: MatchingCredits,
}

/// How often the matching engine may be asked: orders, edits and cancels together, per (sub)account.
/// <https://docs.deribit.com/articles/rate-limits>: by volume of the last seven days 30 a second and 100 at once above
/// 25 million USD, 20 and 50 above 5 million, 10 and 30 above 1 million, else 5 and 20; recalculated every hour. Running
/// out ends the session. `private/get_account_summary` says an account's own under `limits.matching_engine.trading.total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MatchingCredits {
    /// A second, sustained.
    pub rate: u32,
    /// At once.
    pub burst: u32,
}

impl Default for MatchingCredits {
    /// The lowest tier: it holds for every account.
    fn default() -> Self {
        Self { rate: 5, burst: 20 }
    }
}

impl MatchingCredits {
    /// Never more than a full pool in the time in which an empty one fills.
    pub(super) fn rule(self) -> RateRule {
        RateRule { count: self.burst, per: Duration::from_secs(u64::from(self.burst)) / self.rate.max(1) }
    }
}

/// How far `private/enable_cancel_on_disconnect` reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum DeribitScope {
    /// This connection only.
    #[default]
    Connection,
    /// This connection, and every connection the account opens from now on starts with it switched on, other programs'
    /// connections included. It stays so after the guard ends.
    Account,
}

impl DeribitConfig {
    /// Refuses an interval the venue would refuse, and credits that no account has.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        within("heartbeat_s", self.heartbeat_s, (HEARTBEAT_S_MIN, HEARTBEAT_S_MAX), "seconds")?;
        within("matching_rate", self.matching.rate, MATCHING_RATE, "requests a second")?;
        within("matching_burst", self.matching.burst, MATCHING_BURST, "requests")
    }

    /// The addresses of the environment. Spec section 1; the `streams.` hosts serve public data only and can never arm
    /// anything.
    pub(super) fn addresses(&self) -> Result<Addresses, ConfigError> {
        let access = &self.access;
        refuse_trade_url(access, "Deribit takes orders on the guarded link; there is no second one")?;
        let published =
            |host| Addresses::published(access, &format!("wss://{host}{GUARD_PATH}"), &format!("https://{host}"));
        match access.environment {
            Environment::Production => published("www.deribit.com"),
            Environment::Test => published("test.deribit.com"),
            Environment::Custom => Ok(Addresses::custom(access, GUARD_PATH)?.without_http_base("/api/v2")),
        }
    }
}

const GUARD_PATH: &str = "/ws/api/v2";

fn within(field: &'static str, value: u32, (least, most): (u32, u32), unit: &str) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(field, value, format!("must be between {least} and {most} {unit}")))
}
