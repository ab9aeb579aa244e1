//! What a user configures for Deribit, and where that leads. Not here: what all venues share (`model::Access`).

use crate::model::{Access, ConfigError, Endpoint, Environment};

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

/// Both addresses of one environment.
pub(super) struct Endpoints {
    pub guard: Endpoint,
    pub http: Endpoint,
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

    /// The addresses of the environment; refuses a custom environment without both, and a trade url.
    pub(super) fn endpoints(&self) -> Result<Endpoints, ConfigError> {
        if self.access.trade_url.is_some() {
            return Err(ConfigError::new(
                "trade_url",
                "given",
                "Deribit takes orders on the guarded link; there is no second one",
            ));
        }
        // Spec section 1. The `streams.` hosts serve public data only and can never arm anything.
        match self.access.environment {
            Environment::Production => published("wss://www.deribit.com/ws/api/v2", "https://www.deribit.com"),
            Environment::Test => published("wss://test.deribit.com/ws/api/v2", "https://test.deribit.com"),
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

/// Calls bring the whole path of a method, so a base as the venue's pages print it (`/api/v2`) would be in it twice, and
/// every kill over HTTP would go nowhere.
fn without_base(mut endpoint: Endpoint) -> Endpoint {
    let path = endpoint.path.trim_end_matches('/');
    endpoint.path = path.strip_suffix("/api/v2").unwrap_or(path).to_owned();
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
            ("https://gate.example/api/v2", ""),
            ("https://gate.example/api/v2/", ""),
            ("https://gate.example/east/api/v2", "/east"),
            ("https://gate.example/east", "/east"),
        ] {
            assert_eq!(without_base(Endpoint::parse("http_url", given).unwrap()).path, expected, "{given}");
        }
    }
}
