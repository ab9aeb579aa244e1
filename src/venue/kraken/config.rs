//! What a user can choose about a Kraken guard, checked as a whole when it is built. What every venue has in common
//! (addresses, keys) is [`Access`]; what Kraken fixes is in `facts.rs`.

use super::facts;
use crate::model::{Access, ConfigError, Environment};
use crate::venue::addresses::{Addresses, refuse_trade_url};
use crate::venue::sign;
use std::time::Duration;

/// One Kraken Spot account and how its countdown is kept.
#[derive(Clone, Debug)]
pub struct KrakenConfig {
    /// Addresses and key pair. The secret is the base64 text Kraken shows.
    pub access: Access,
    /// Seconds one feed grants; 5 to 86399.
    pub window_s: u32,
    /// Time between feeds, as on the real venue.
    pub cadence: Duration,
}

impl KrakenConfig {
    /// Kraken's advice: 60 s.
    pub const WINDOW_S_DEFAULT: u32 = facts::ADVISED_WINDOW_S;
    /// Kraken's advice: every 15 to 30 s.
    pub const CADENCE_DEFAULT: Duration = facts::ADVISED_CADENCE;

    /// The venue's own advice for window and cadence.
    pub const fn advised(access: Access) -> Self {
        Self { access, window_s: Self::WINDOW_S_DEFAULT, cadence: Self::CADENCE_DEFAULT }
    }
}

/// Refuses what cannot work and resolves the addresses.
pub(super) fn check(config: &KrakenConfig) -> Result<Addresses, ConfigError> {
    check_timing(config)?;
    let access = &config.access;
    if sign::decode_base64(access.credentials.secret.reveal()).is_none_or(|secret| secret.is_empty()) {
        return Err(ConfigError::new("credentials.secret", "[hidden]", "must be the base64 text Kraken shows"));
    }
    refuse_trade_url(access, "Kraken has no separate order-entry websocket")?;
    match access.environment {
        Environment::Production => Addresses::published(access, facts::GUARD_URL, facts::HTTP_URL),
        Environment::Test => Err(ConfigError::new(
            "environment",
            "test",
            "Kraken Spot has no test environment (its beta hosts trade real money); use an embedded venue",
        )),
        Environment::Custom => Addresses::custom(access, facts::GUARD_PATH),
    }
}

fn check_timing(config: &KrakenConfig) -> Result<(), ConfigError> {
    let KrakenConfig { window_s, cadence, .. } = *config;
    if !(facts::WINDOW_S_MIN..facts::WINDOW_S_END).contains(&window_s) {
        return Err(ConfigError::new("window_s", window_s, "must be at least 5 and less than 86400"));
    }
    let cadence_error =
        |rule: &str| Err(ConfigError::new("cadence", format_args!("{} s", cadence.as_secs_f64()), rule));
    if cadence < Duration::from_secs(1) {
        return cadence_error("must be at least 1 s");
    }
    let window = Duration::from_secs(u64::from(window_s));
    let short = window_s < facts::SHORT_WINDOW_S;
    if short && window < cadence.saturating_mul(2) + Duration::from_secs(1) {
        return cadence_error(
            "window_s must be at least twice the cadence and 1 s, so that one lost feed does not fire",
        );
    }
    if !short && window < cadence.saturating_mul(3) {
        return cadence_error("window_s must be at least three times the cadence, so that two lost feeds do not fire");
    }
    Ok(())
}
