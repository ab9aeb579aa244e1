//! One account on one venue as Python hands it over: the faces of the four dialects' configurations, checked by building
//! the dialect.

use super::config::{EndpointsSpec, named, refused, seconds};
use super::credentials::Credentials;
use crate::model::{Access, ConfigError, Environment, VenueName};
use crate::venue::bybit::{Bybit, BybitConfig, BybitProduct};
use crate::venue::crypto_com::{CryptoCom, CryptoComConfig};
use crate::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use crate::venue::kraken::{Kraken, KrakenConfig};
use crate::venue::{Direct, Venue};
use pyo3::prelude::*;
use sha2::{Digest, Sha256};

/// One account on one venue, checked. The classes of `killcord.venues` are its faces.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct VenueSpec {
    dialect: Dialect,
    ca_pem: Option<String>,
}

enum Dialect {
    CryptoCom(CryptoComConfig),
    Deribit(DeribitConfig),
    Bybit(BybitConfig),
    Kraken(KrakenConfig),
}

#[pymethods]
impl VenueSpec {
    #[staticmethod]
    fn crypto_com(
        py: Python<'_>,
        credentials: &Credentials,
        account: &str,
        environment: &str,
        custom: Option<&EndpointsSpec>,
    ) -> PyResult<Self> {
        let access = access(py, credentials, account, environment, custom)?;
        Self::checked(py, Dialect::CryptoCom(CryptoComConfig { access }), custom)
    }

    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "called by one Python class only, which has them as fields")]
    fn deribit(
        py: Python<'_>,
        credentials: &Credentials,
        account: &str,
        environment: &str,
        custom: Option<&EndpointsSpec>,
        heartbeat_s: u32,
        scope: &str,
        matching_rate: u32,
        matching_burst: u32,
    ) -> PyResult<Self> {
        let access = access(py, credentials, account, environment, custom)?;
        let scope =
            named(py, "scope", scope, &[("connection", DeribitScope::Connection), ("account", DeribitScope::Account)])?;
        let matching = MatchingCredits { rate: matching_rate, burst: matching_burst };
        Self::checked(py, Dialect::Deribit(DeribitConfig { access, heartbeat_s, scope, matching }), custom)
    }

    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "called by one Python class only, which has them as fields")]
    fn bybit(
        py: Python<'_>,
        credentials: &Credentials,
        account: &str,
        environment: &str,
        custom: Option<&EndpointsSpec>,
        products: Vec<String>,
        window_s: u32,
        max_active_time_s: u32,
        trade_link: bool,
    ) -> PyResult<Self> {
        let access = access(py, credentials, account, environment, custom)?;
        let known = BybitProduct::ALL.map(|product| (product.as_str(), product));
        let products = products.iter().map(|word| named(py, "products", word, &known)).collect::<PyResult<_>>()?;
        let config = BybitConfig { access, products, window_s, max_active_time_s, trade_link };
        Self::checked(py, Dialect::Bybit(config), custom)
    }

    #[staticmethod]
    #[allow(clippy::too_many_arguments, reason = "called by one Python class only, which has them as fields")]
    fn kraken(
        py: Python<'_>,
        credentials: &Credentials,
        account: &str,
        environment: &str,
        custom: Option<&EndpointsSpec>,
        window_s: u32,
        cadence_s: f64,
    ) -> PyResult<Self> {
        let access = access(py, credentials, account, environment, custom)?;
        let cadence = seconds(py, "cadence_s", cadence_s)?;
        Self::checked(py, Dialect::Kraken(KrakenConfig { access, window_s, cadence }), custom)
    }

    /// What tells this account from others on this host: the same for two guards that would take each other's session.
    /// Made of venue, address and key, which it does not show.
    fn identity(&self) -> String {
        let Access { environment, guard_url, credentials, .. } = self.dialect.access();
        let place = guard_url.as_ref().map(|url| format!("{}:{}", url.host, url.port)).unwrap_or_default();
        let hash = Sha256::digest(format!("{environment:?}|{place}|{}", credentials.key));
        let short: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{short}", self.dialect.venue_name())
    }
}

impl VenueSpec {
    /// The dialect, ready to run.
    pub fn venue(&self, py: Python<'_>) -> PyResult<Box<dyn Venue + Send>> {
        self.dialect.build().map_err(|error| refused(py, error))
    }

    /// The dialect as the writer of single calls.
    pub fn direct(&self, py: Python<'_>) -> PyResult<Box<dyn Direct + Send + Sync>> {
        self.dialect.direct().map_err(|error| refused(py, error))
    }

    /// Certificate authorities to accept beside the machine's own.
    pub fn ca_pem(&self) -> Option<Vec<u8>> {
        self.ca_pem.clone().map(String::into_bytes)
    }

    /// Building the dialect once is the check; the result is thrown away because a guard needs a fresh one.
    fn checked(py: Python<'_>, dialect: Dialect, custom: Option<&EndpointsSpec>) -> PyResult<Self> {
        let spec = Self { dialect, ca_pem: custom.and_then(EndpointsSpec::ca_pem) };
        spec.venue(py)?;
        Ok(spec)
    }
}

impl Dialect {
    fn access(&self) -> &Access {
        match self {
            Self::CryptoCom(config) => &config.access,
            Self::Deribit(config) => &config.access,
            Self::Bybit(config) => &config.access,
            Self::Kraken(config) => &config.access,
        }
    }

    const fn venue_name(&self) -> VenueName {
        match self {
            Self::CryptoCom(_) => VenueName::CryptoCom,
            Self::Deribit(_) => VenueName::Deribit,
            Self::Bybit(_) => VenueName::Bybit,
            Self::Kraken(_) => VenueName::Kraken,
        }
    }

    fn build(&self) -> Result<Box<dyn Venue + Send>, ConfigError> {
        Ok(match self {
            Self::CryptoCom(config) => Box::new(CryptoCom::new(config.clone())?),
            Self::Deribit(config) => Box::new(Deribit::new(config.clone())?),
            Self::Bybit(config) => Box::new(Bybit::new(config.clone())?),
            Self::Kraken(config) => Box::new(Kraken::new(config.clone())?),
        })
    }

    fn direct(&self) -> Result<Box<dyn Direct + Send + Sync>, ConfigError> {
        Ok(match self {
            Self::CryptoCom(config) => Box::new(CryptoCom::new(config.clone())?),
            Self::Deribit(config) => Box::new(Deribit::new(config.clone())?),
            Self::Bybit(config) => Box::new(Bybit::new(config.clone())?),
            Self::Kraken(config) => Box::new(Kraken::new(config.clone())?),
        })
    }
}

fn access(
    py: Python<'_>,
    credentials: &Credentials,
    account: &str,
    environment: &str,
    custom: Option<&EndpointsSpec>,
) -> PyResult<Access> {
    let known = [("production", Environment::Production), ("test", Environment::Test), ("custom", Environment::Custom)];
    let environment = named(py, "environment", environment, &known)?;
    let Some(own) = custom else {
        return Access::standard(account, environment, credentials.model()).map_err(|error| refused(py, error));
    };
    Ok(own.access(account, credentials.model()))
}
