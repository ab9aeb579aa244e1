//! Configuration as Python hands it over: checked here, by the same code that a Rust caller meets, when the Python object
//! is built. The classes here have no face of their own; `killcord.config` wraps them. The venues are in `venues.rs`.

use super::errors;
use crate::model::{self, Access, ConfigError, Endpoint, Policy, Scheme, TimeFactor};
use pyo3::prelude::*;
use std::time::Duration;

/// A checked policy. `killcord.Policy` is its face.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct PolicySpec(Policy);

/// Takes a setter per field of the policy, and gives a getter per field, both in seconds.
macro_rules! policy_fields {
    ($($field:ident as $name:ident),*) => {
        #[pymethods]
        impl PolicySpec {
            #[new]
            #[pyo3(signature = (*, $($name = None,)* latch_after_trip = None))]
            #[allow(clippy::too_many_arguments, reason = "keyword-only in Python, one per field")]
            fn new(py: Python<'_>, $($name: Option<f64>,)* latch_after_trip: Option<bool>) -> PyResult<Self> {
                let mut builder = Policy::builder();
                $(if let Some(value) = $name {
                    builder = builder.$field(seconds(py, stringify!($name), value)?);
                })*
                if let Some(latch) = latch_after_trip {
                    builder = builder.latch_after_trip(latch);
                }
                builder.build().map(Self).map_err(|error| refused(py, error))
            }

            $(#[getter]
            fn $name(&self) -> f64 {
                self.0.$field.as_secs_f64()
            })*

            #[getter]
            fn latch_after_trip(&self) -> bool {
                self.0.latch_after_trip
            }
        }

        /// A field as Python spells it: with its unit.
        fn python_name(field: &'static str) -> &'static str {
            match field {
                $(stringify!($field) => stringify!($name),)*
                "cadence" => "cadence_s",
                other => other,
            }
        }
    };
}

policy_fields!(
    probe_every as probe_every_s,
    suspect_margin as suspect_margin_s,
    dead_margin as dead_margin_s,
    dead_floor as dead_floor_s,
    step_deadline as step_deadline_s,
    venue_probe_every as venue_probe_every_s,
    read_back_every as read_back_every_s,
    user_timeout as user_timeout_s,
    stall_limit as stall_limit_s
);

impl PolicySpec {
    /// What a session needs.
    pub fn model(&self) -> Policy {
        self.0
    }
}

/// Checked addresses of the user's own. `killcord.Endpoints` is its face.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct EndpointsSpec {
    guard_url: Endpoint,
    http_url: Endpoint,
    trade_url: Option<Endpoint>,
    ca_pem: Option<String>,
    time_factor: TimeFactor,
}

#[pymethods]
impl EndpointsSpec {
    #[new]
    fn new(
        py: Python<'_>,
        guard_url: &str,
        http_url: &str,
        trade_url: Option<&str>,
        ca_pem: Option<String>,
        time_factor: f64,
    ) -> PyResult<Self> {
        let checked = || {
            Ok(Self {
                guard_url: websocket("guard_url", guard_url)?,
                http_url: http("http_url", http_url)?,
                trade_url: trade_url.map(|url| websocket("trade_url", url)).transpose()?,
                ca_pem: ca_pem.map(certificates).transpose()?,
                time_factor: TimeFactor::new(time_factor)?,
            })
        };
        checked().map_err(|error| refused(py, error))
    }
}

impl EndpointsSpec {
    /// Access to these addresses.
    pub fn access(&self, account: &str, credentials: model::Credentials) -> Access {
        let (guard, trade, http) = (self.guard_url.clone(), self.trade_url.clone(), self.http_url.clone());
        Access::custom(account, guard, trade, http, credentials, self.time_factor)
    }

    /// Certificate authorities to accept beside the machine's own.
    pub fn ca_pem(&self) -> Option<String> {
        self.ca_pem.clone()
    }
}

/// The value of a Python enum, which crosses as its word.
pub fn named<T: Copy>(py: Python<'_>, field: &'static str, word: &str, known: &[(&str, T)]) -> PyResult<T> {
    known
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| errors::config_refusal(py, field, word, "must be a member of the enum"))
}

/// A length of time from Python.
pub fn seconds(py: Python<'_>, field: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| {
        errors::config_refusal(py, field, &value.to_string(), "must be a number of seconds that is not negative")
    })
}

fn websocket(field: &'static str, url: &str) -> Result<Endpoint, ConfigError> {
    let endpoint = Endpoint::parse(field, url)?;
    match endpoint.scheme {
        Scheme::Wss | Scheme::Ws => Ok(endpoint),
        Scheme::Https | Scheme::Http => Err(ConfigError::new(field, endpoint, "must be a websocket address (wss)")),
    }
}

fn http(field: &'static str, url: &str) -> Result<Endpoint, ConfigError> {
    let endpoint = Endpoint::parse(field, url)?;
    match endpoint.scheme {
        Scheme::Https | Scheme::Http => Ok(endpoint),
        Scheme::Wss | Scheme::Ws => Err(ConfigError::new(field, endpoint, "must be an HTTP address (https)")),
    }
}

/// A path instead of the text itself is the likely mistake, and would show only at the first dial.
fn certificates(pem: String) -> Result<String, ConfigError> {
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(pem);
    }
    Err(ConfigError::new("ca_pem", "[text]", "must be the text of one or more certificates in PEM form"))
}

/// A refusal by a check of ours, with the field as Python spells it.
pub fn refused(py: Python<'_>, error: ConfigError) -> PyErr {
    errors::config_refusal(py, python_name(error.field), &error.value, &error.rule)
}
