//! What a user can choose about a Bybit guard, checked as a whole when it is built. What every venue has in common
//! (addresses, keys) is [`Access`]; what Bybit fixes is in `facts.rs`.

use super::facts;
use crate::model::{Access, ConfigError, Endpoint, Environment, TimeFactor};

/// One Bybit unified account and which of its product lines are to be protected.
#[derive(Clone, Debug)]
pub struct BybitConfig {
    /// Addresses and key pair (HMAC keys).
    pub access: Access,
    /// The product lines that must be protected; not empty, no duplicates. Bybit must have switched each of them on.
    pub products: Vec<BybitProduct>,
    /// Seconds from the noticed drop until the venue cancels; 3 to 300.
    pub window_s: u32,
    /// Seconds of silence after which the venue gives a connection up; 30 to 600. Shorter is safer.
    pub max_active_time_s: u32,
    /// Whether a second link carries orders (`/v5/trade`).
    pub trade_link: bool,
}

/// A product line with a disconnection protection of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BybitProduct {
    /// USDT, USDC and inverse perpetuals and futures.
    Derivatives,
    /// Spot.
    Spot,
    /// Options.
    Options,
}

impl BybitConfig {
    /// The window Bybit sets when it switches a product on.
    pub const WINDOW_S_DEFAULT: u32 = facts::WINDOW_S_PUBLISHED;
    /// The shortest the venue accepts, because every second of it is exposure.
    pub const MAX_ACTIVE_TIME_S_DEFAULT: u32 = facts::MAX_ACTIVE_TIME_S_MIN;
}

impl BybitProduct {
    /// Every product line.
    pub const ALL: [BybitProduct; 3] = [Self::Derivatives, Self::Spot, Self::Options];

    /// The venue's spelling: v5/order/dcp.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Derivatives => "DERIVATIVES",
            Self::Spot => "SPOT",
            Self::Options => "OPTIONS",
        }
    }

    /// The topic that makes a private link count for this product: v5/websocket/private/dcp.
    pub(super) const fn topic(self) -> &'static str {
        match self {
            Self::Derivatives => "dcp.future",
            Self::Spot => "dcp.spot",
            Self::Options => "dcp.option",
        }
    }

    /// How a refusal of that subscription is named.
    pub(super) const fn subscribe_step(self) -> &'static str {
        match self {
            Self::Derivatives => "subscribe dcp.future",
            Self::Spot => "subscribe dcp.spot",
            Self::Options => "subscribe dcp.option",
        }
    }
}

/// Where the links and the HTTP calls go.
pub(super) struct Addresses {
    pub(super) guard: Endpoint,
    pub(super) trade: Option<Endpoint>,
    pub(super) http: Endpoint,
}

/// Refuses what cannot work and resolves the addresses.
pub(super) fn check(config: &BybitConfig) -> Result<Addresses, ConfigError> {
    check_products(&config.products)?;
    check_range("window_s", config.window_s, facts::WINDOW_S_MIN, facts::WINDOW_S_MAX)?;
    let (least, most) = (facts::MAX_ACTIVE_TIME_S_MIN, facts::MAX_ACTIVE_TIME_S_MAX);
    check_range("max_active_time_s", config.max_active_time_s, least, most)?;
    if config.access.credentials.otp.is_some() {
        return Err(ConfigError::new("credentials.otp", "[hidden]", "Bybit keys have none"));
    }
    let mut addresses = match config.access.environment {
        Environment::Production => published(config, facts::STREAM_URL, facts::HTTP_URL)?,
        Environment::Test => published(config, facts::STREAM_TEST_URL, facts::HTTP_TEST_URL)?,
        Environment::Custom => custom(config)?,
    };
    addresses.guard = addresses.guard.with_query("max_active_time", &format!("{}s", config.max_active_time_s));
    Ok(addresses)
}

fn check_products(products: &[BybitProduct]) -> Result<(), ConfigError> {
    let shown = || products.iter().map(|product| product.as_str()).collect::<Vec<_>>().join(", ");
    if products.is_empty() {
        return Err(ConfigError::new("products", "nothing", "name at least one of DERIVATIVES, SPOT, OPTIONS"));
    }
    if products.iter().enumerate().any(|(at, product)| products[..at].contains(product)) {
        return Err(ConfigError::new("products", shown(), "must not name a product twice"));
    }
    Ok(())
}

fn check_range(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(field, value, format!("must be between {least} and {most}")))
}

fn published(config: &BybitConfig, stream: &str, http: &str) -> Result<Addresses, ConfigError> {
    let access = &config.access;
    if access.guard_url.is_some() || access.trade_url.is_some() || access.http_url.is_some() {
        return Err(ConfigError::new("guard_url", "given", "addresses are given in the custom environment only"));
    }
    if access.time_factor != TimeFactor::REAL {
        return Err(ConfigError::new(
            "time_factor",
            access.time_factor.get(),
            "must be 1 outside the custom environment",
        ));
    }
    let link = |field, path| Endpoint::parse(field, &format!("{stream}{path}"));
    Ok(Addresses {
        guard: link("guard_url", facts::GUARD_PATH)?,
        trade: config.trade_link.then(|| link("trade_url", facts::TRADE_PATH)).transpose()?,
        http: Endpoint::parse("http_url", http)?,
    })
}

fn custom(config: &BybitConfig) -> Result<Addresses, ConfigError> {
    let access = &config.access;
    let missing = |field, rule| ConfigError::new(field, "nothing", rule);
    let guard = access.guard_url.clone();
    let http = access.http_url.clone();
    let trade = match (config.trade_link, access.trade_url.clone()) {
        (true, None) => return Err(missing("trade_url", "is needed in the custom environment when trade_link is on")),
        (true, Some(url)) => Some(with_path("trade_url", url, facts::TRADE_PATH)?),
        (false, _) => None,
    };
    let guard = guard.ok_or_else(|| missing("guard_url", "is needed in the custom environment"))?;
    if guard.path.contains("max_active_time") {
        return Err(ConfigError::new("guard_url", guard, "must not set max_active_time; max_active_time_s does"));
    }
    Ok(Addresses {
        guard: with_path("guard_url", guard, facts::GUARD_PATH)?,
        trade,
        http: http.ok_or_else(|| missing("http_url", "is needed in the custom environment"))?,
    })
}

/// A link to any other path would log in and protect nothing: the `dcp.*` topics exist on the private path only.
fn with_path(field: &'static str, mut url: Endpoint, path: &str) -> Result<Endpoint, ConfigError> {
    if url.path.is_empty() || url.path == "/" {
        url.path = path.to_owned();
    }
    if url.path.split('?').next().is_some_and(|given| given.ends_with(path)) {
        return Ok(url);
    }
    Err(ConfigError::new(field, url, format!("the path must end with {path}")))
}
