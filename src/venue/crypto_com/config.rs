//! What a user configures for Crypto.com, and where that leads. Not here: what all venues share (`model::Access`).

use crate::model::{Access, ConfigError, Environment};
use crate::venue::addresses::{Addresses, refuse_trade_url};

/// Configuration of a Crypto.com guard. The switch has no window and no scope to choose: it is per connection or off.
#[derive(Clone, Debug)]
pub struct CryptoComConfig {
    /// How to reach the account.
    pub access: Access,
}

impl CryptoComConfig {
    /// The addresses of the environment. Spec section 1: the production pair and the UAT sandbox pair, which has its own
    /// keys.
    pub(super) fn addresses(&self) -> Result<Addresses, ConfigError> {
        let access = &self.access;
        refuse_trade_url(access, "Crypto.com takes orders on the guarded link; there is no second one")?;
        let published = |stream: &str, http| Addresses::published(access, &format!("{stream}{GUARD_PATH}"), http);
        match access.environment {
            Environment::Production => published("wss://stream.crypto.com", "https://api.crypto.com"),
            Environment::Test => published("wss://uat-stream.3ona.co", "https://uat-api.3ona.co"),
            Environment::Custom => Ok(Addresses::custom(access, GUARD_PATH)?.without_http_base("/exchange/v1")),
        }
    }
}

const GUARD_PATH: &str = "/exchange/v1/user";
