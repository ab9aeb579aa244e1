//! What a user configures for Deribit, and where that leads. Not here: what all venues share (`model::Access`).

use crate::model::{Access, ConfigError, Environment};
use crate::venue::addresses::{Addresses, refuse_trade_url};

/// Shortest interval `public/set_heartbeat` accepts (spec 5.1).
const HEARTBEAT_S_MIN: u32 = 10;

/// Longest interval a client has documented (spec 5.1); Deribit states none.
const HEARTBEAT_S_MAX: u32 = 3_600;

/// Configuration of a Deribit guard.
#[derive(Clone, Debug)]
pub struct DeribitConfig {
    /// How to reach the account.
    pub access: Access,
    /// Heartbeat interval in seconds, 10 to 3600. The exposure grows with it; take 10 unless there is a reason.
    pub heartbeat_s: u32,
    /// How far cancel-on-disconnect reaches.
    pub scope: DeribitScope,
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
    /// Refuses an interval the venue would refuse.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (HEARTBEAT_S_MIN..=HEARTBEAT_S_MAX).contains(&self.heartbeat_s) {
            return Ok(());
        }
        Err(ConfigError::new(
            "heartbeat_s",
            self.heartbeat_s,
            format!("must be between {HEARTBEAT_S_MIN} and {HEARTBEAT_S_MAX} seconds"),
        ))
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
