//! Where a venue's guarding link and its HTTP calls go, and the rules that hold for every venue: published addresses
//! cannot be overridden, and custom ones are given whole.

use crate::model::{Access, ConfigError, Endpoint, TimeFactor};

/// Both addresses of one environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// The guarding websocket.
    pub guard: Endpoint,
    /// The prefix of HTTP calls.
    pub http: Endpoint,
}

impl Addresses {
    /// The venue's own, of its production or test environment.
    pub fn published(access: &Access, guard: &str, http: &str) -> Result<Self, ConfigError> {
        if access.guard_url.is_some() || access.trade_url.is_some() || access.http_url.is_some() {
            return Err(ConfigError::new("guard_url", "given", "addresses are given in the custom environment only"));
        }
        if access.time_factor != TimeFactor::REAL {
            let rule = "must be 1 outside the custom environment";
            return Err(ConfigError::new("time_factor", access.time_factor.get(), rule));
        }
        Ok(Self { guard: Endpoint::parse("guard_url", guard)?, http: Endpoint::parse("http_url", http)? })
    }

    /// The user's own: a gateway, an embedded venue. A guard address without a path gets the venue's.
    pub fn custom(access: &Access, guard_path: &str) -> Result<Self, ConfigError> {
        let mut guard = needed("guard_url", access.guard_url.as_ref())?;
        if guard.path.trim_matches('/').is_empty() {
            guard.path = guard_path.to_owned();
        }
        Ok(Self { guard, http: needed("http_url", access.http_url.as_ref())? })
    }

    /// Calls bring the whole path of a method, so a base as the venue's pages print it would be in it twice, and every
    /// kill over HTTP would go nowhere.
    pub fn without_http_base(mut self, base: &str) -> Self {
        let path = self.http.path.trim_end_matches('/');
        self.http.path = path.strip_suffix(base).unwrap_or(path).to_owned();
        self
    }
}

/// An address that a custom environment cannot do without.
pub fn needed(field: &'static str, endpoint: Option<&Endpoint>) -> Result<Endpoint, ConfigError> {
    endpoint.cloned().ok_or_else(|| ConfigError::new(field, "nothing", "is needed in the custom environment"))
}

/// For venues that take orders on the guarding link.
pub fn refuse_trade_url(access: &Access, rule: &'static str) -> Result<(), ConfigError> {
    if access.trade_url.is_some() { Err(ConfigError::new("trade_url", "given", rule)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credentials, Environment, Secret};

    fn access() -> Access {
        let credentials = Credentials::new("key", Secret::new("secret".into()), None).unwrap();
        Access::standard("desk", Environment::Production, credentials).unwrap()
    }

    fn endpoint(url: &str) -> Option<Endpoint> {
        Some(Endpoint::parse("url", url).unwrap())
    }

    #[test]
    fn published_addresses_cannot_be_overridden_nor_their_time_shortened() {
        let published = |access: &Access| Addresses::published(access, "wss://a.example/ws", "https://a.example");
        assert!(published(&access()).is_ok());
        let overridden = Access { http_url: endpoint("https://b.example"), ..access() };
        assert_eq!(published(&overridden).unwrap_err().field, "guard_url");
        let hurried = Access { time_factor: TimeFactor::new(0.5).unwrap(), ..access() };
        assert_eq!(published(&hurried).unwrap_err().field, "time_factor");
    }

    #[test]
    fn custom_addresses_are_given_whole_and_the_link_gets_the_venues_path() {
        let half = Access { guard_url: endpoint("wss://gate.example"), ..access() };
        assert_eq!(Addresses::custom(&half, "/ws").unwrap_err().field, "http_url");
        let whole = Access { http_url: endpoint("https://gate.example"), ..half };
        assert_eq!(Addresses::custom(&whole, "/ws").unwrap().guard.path, "/ws");
    }

    #[test]
    fn an_http_address_may_be_given_with_or_without_the_base_the_pages_print() {
        for (given, expected) in [
            ("https://gate.example", ""),
            ("https://gate.example/", ""),
            ("https://gate.example/api/v2", ""),
            ("https://gate.example/api/v2/", ""),
            ("https://gate.example/east/api/v2", "/east"),
            ("https://gate.example/east", "/east"),
        ] {
            let access = Access { guard_url: endpoint("wss://gate.example"), http_url: endpoint(given), ..access() };
            let addresses = Addresses::custom(&access, "/ws").unwrap().without_http_base("/api/v2");
            assert_eq!(addresses.http.path, expected, "{given}");
        }
    }
}
