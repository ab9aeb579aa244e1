//! What a user configures for Crypto.com, and where that leads. Not here: what all venues share (`model::Access`).

use crate::model::{Access, ConfigError, Endpoint, Environment};

/// Configuration of a Crypto.com guard. The switch has no window and no scope to choose: it is per connection or off.
#[derive(Clone, Debug)]
pub struct CryptoComConfig {
    /// How to reach the account.
    pub access: Access,
}

/// Both addresses of one environment.
pub(super) struct Endpoints {
    pub guard: Endpoint,
    pub http: Endpoint,
}

impl CryptoComConfig {
    /// The addresses of the environment; refuses a custom environment without both, and a trade url.
    pub(super) fn endpoints(&self) -> Result<Endpoints, ConfigError> {
        if self.access.trade_url.is_some() {
            return Err(ConfigError::new(
                "trade_url",
                "given",
                "Crypto.com takes orders on the guarded link; there is no second one",
            ));
        }
        // Spec section 1: the production pair and the UAT sandbox pair, which has its own keys.
        match self.access.environment {
            Environment::Production => published("wss://stream.crypto.com/exchange/v1/user", "https://api.crypto.com"),
            Environment::Test => published("wss://uat-stream.3ona.co/exchange/v1/user", "https://uat-api.3ona.co"),
            Environment::Custom => Ok(Endpoints {
                guard: given("guard_url", self.access.guard_url.as_ref())?,
                http: without_base(given("http_url", self.access.http_url.as_ref())?),
            }),
        }
    }
}

fn published(guard: &str, http: &str) -> Result<Endpoints, ConfigError> {
    Ok(Endpoints { guard: Endpoint::parse("guard_url", guard)?, http: Endpoint::parse("http_url", http)? })
}

fn given(field: &'static str, endpoint: Option<&Endpoint>) -> Result<Endpoint, ConfigError> {
    endpoint.cloned().ok_or_else(|| ConfigError::new(field, "nothing", "a custom environment needs it"))
}

/// Calls bring the whole path of a method, so a base as the venue's pages print it (`/exchange/v1`) would be in it twice, and
/// every kill over HTTP would go nowhere.
fn without_base(mut endpoint: Endpoint) -> Endpoint {
    let path = endpoint.path.trim_end_matches('/');
    endpoint.path = path.strip_suffix("/exchange/v1").unwrap_or(path).to_owned();
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_address_may_be_given_with_or_without_the_base_the_pages_print() {
        for (given, expected) in [
            ("https://gate.example", ""),
            ("https://gate.example/", ""),
            ("https://gate.example/exchange/v1", ""),
            ("https://gate.example/exchange/v1/", ""),
            ("https://gate.example/east/exchange/v1", "/east"),
            ("https://gate.example/east", "/east"),
        ] {
            assert_eq!(without_base(Endpoint::parse("http_url", given).unwrap()).path, expected, "{given}");
        }
    }
}
