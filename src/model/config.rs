//! Configuration that cannot hold nonsense: every value is checked when it is built, and a refusal names the field, the
//! value and the rule. What only one venue has (windows, scopes, products) is configured in that venue's dialect.

use super::{Endpoint, Secret, VenueName};
use std::fmt;
use std::time::Duration;

/// A configuration value was refused. Nothing was started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field} = {value} is not possible: {rule}")]
pub struct ConfigError {
    /// The field, as the user spells it.
    pub field: &'static str,
    /// The value given, or `[hidden]` where it may be secret.
    pub value: String,
    /// The rule it broke.
    pub rule: String,
}

impl ConfigError {
    /// An error for `field` with the value given and the rule it broke.
    pub fn new(field: &'static str, value: impl fmt::Display, rule: impl Into<String>) -> Self {
        Self { field, value: value.to_string(), rule: rule.into() }
    }
}

/// Which of a venue's environments is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Environment {
    /// Real orders, real money.
    Production,
    /// The venue's own test environment.
    Test,
    /// Addresses given by the user: a gateway, an embedded venue.
    Custom,
}

/// How much faster than life an embedded venue runs: 1 is true timing, 0.1 is ten times as fast. Applies to the venue's
/// own periods and windows only, and only to [`Environment::Custom`].
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct TimeFactor(f64);

impl TimeFactor {
    /// True timing.
    pub const REAL: TimeFactor = TimeFactor(1.0);

    /// Accepts 0.001 to 1.
    pub fn new(factor: f64) -> Result<Self, ConfigError> {
        if (0.001..=1.0).contains(&factor) {
            Ok(Self(factor))
        } else {
            Err(ConfigError::new("time_factor", factor, "must be between 0.001 and 1"))
        }
    }

    /// A venue duration as it lasts here.
    pub fn scale(self, length: Duration) -> Duration {
        if self == Self::REAL { length } else { length.mul_f64(self.0) }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Whom a guard protects and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// The venue.
    pub venue: VenueName,
    /// Which of its environments.
    pub environment: Environment,
    /// The user's own name for the account, shown in events; not a secret.
    pub account: String,
    /// How fast the venue's time runs.
    pub time_factor: TimeFactor,
}

/// A key pair. Printing it shows the last four characters of the key at most.
#[derive(Clone)]
pub struct Credentials {
    /// The public half: API key or client id.
    pub key: String,
    /// The secret half.
    pub secret: Secret,
    /// Kraken's static API password, when the key has one.
    pub otp: Option<Secret>,
}

impl Credentials {
    /// Refuses an empty key or secret, and characters no venue uses.
    pub fn new(key: &str, secret: Secret, otp: Option<Secret>) -> Result<Self, ConfigError> {
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(ConfigError::new("credentials.key", "[hidden]", "must be visible ASCII and not empty"));
        }
        if secret.is_empty() {
            return Err(ConfigError::new("credentials.secret", "[hidden]", "must not be empty"));
        }
        if !secret.reveal().chars().all(|c| c.is_ascii_graphic()) {
            return Err(ConfigError::new("credentials.secret", "[hidden]", "must be visible ASCII without spaces"));
        }
        Ok(Self { key: key.to_owned(), secret, otp })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = self.key.len().checked_sub(4).filter(|start| *start >= 4).map_or("", |start| &self.key[start..]);
        write!(f, "Credentials(key=…{tail}, secret=[secret])")
    }
}

/// How to reach one account on one venue: what every dialect's configuration has in common.
#[derive(Clone, Debug)]
pub struct Access {
    /// The user's own name for the account, shown in events; not a secret.
    pub account: String,
    /// Which environment.
    pub environment: Environment,
    /// The guarding websocket; given exactly when the environment is custom.
    pub guard_url: Option<Endpoint>,
    /// The order-entry websocket, where the venue has a separate one; custom environment only.
    pub trade_url: Option<Endpoint>,
    /// The HTTP address; given exactly when the environment is custom.
    pub http_url: Option<Endpoint>,
    /// The key pair.
    pub credentials: Credentials,
    /// How fast the venue's time runs; other than 1 in a custom environment only.
    pub time_factor: TimeFactor,
}

impl Access {
    /// Access to the venue's own production or test environment.
    pub fn standard(account: &str, environment: Environment, credentials: Credentials) -> Result<Self, ConfigError> {
        if environment == Environment::Custom {
            return Err(ConfigError::new("environment", "custom", "needs its own urls"));
        }
        Ok(Self {
            account: account.to_owned(),
            environment,
            guard_url: None,
            trade_url: None,
            http_url: None,
            credentials,
            time_factor: TimeFactor::REAL,
        })
    }

    /// Access to addresses of the user's own: a gateway, an embedded venue.
    pub fn custom(
        account: &str,
        guard_url: Endpoint,
        trade_url: Option<Endpoint>,
        http_url: Endpoint,
        credentials: Credentials,
        time_factor: TimeFactor,
    ) -> Self {
        Self {
            account: account.to_owned(),
            environment: Environment::Custom,
            guard_url: Some(guard_url),
            trade_url,
            http_url: Some(http_url),
            credentials,
            time_factor,
        }
    }
}

/// How quickly a guard suspects, gives up and tries again. Defaults are the measured ones of `docs/promises.md`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Time between protocol pings on a healthy link. Default 250 ms; 50 ms to 5 s.
    pub probe_every: Duration,
    /// Suspect when the oldest unanswered probe is older than the round trip estimate plus this. Default 250 ms.
    pub suspect_margin: Duration,
    /// Dead when the oldest unanswered probe is older than the round trip estimate plus this. Default 800 ms.
    pub dead_margin: Duration,
    /// Dead never sooner than this. Default 1 s.
    pub dead_floor: Duration,
    /// A step of login or arming must be acknowledged within this. Default 2 s; 100 ms to 30 s.
    pub step_deadline: Duration,
    /// Time between venue-level requests that prove more than the socket. Default 5 s; 1 s to 60 s.
    pub venue_probe_every: Duration,
    /// Time between read-backs of the switch, where the venue can be asked. Default 30 s; 5 s to 600 s.
    pub read_back_every: Duration,
    /// `TCP_USER_TIMEOUT`: the longest time a written keepalive may stay deliverable. Default 5 s; 1 s to 30 s.
    pub user_timeout: Duration,
    /// Our own lateness that withdraws the claim before anything else is said. Default 500 ms; 100 ms to 10 s.
    pub stall_limit: Duration,
    /// Whether the application must acknowledge a trip before orders are permitted again. Default true.
    pub latch_after_trip: bool,
}

impl Policy {
    /// Starts from the defaults.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder(Self::default())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            probe_every: Duration::from_millis(250),
            suspect_margin: Duration::from_millis(250),
            dead_margin: Duration::from_millis(800),
            dead_floor: Duration::from_secs(1),
            step_deadline: Duration::from_secs(2),
            venue_probe_every: Duration::from_secs(5),
            read_back_every: Duration::from_secs(30),
            user_timeout: Duration::from_secs(5),
            stall_limit: Duration::from_millis(500),
            latch_after_trip: true,
        }
    }
}

/// Collects a [`Policy`] and checks it as a whole.
#[derive(Clone, Copy, Debug)]
pub struct PolicyBuilder(Policy);

macro_rules! setters {
    ($($field:ident),*) => { $(
        #[doc = concat!("Sets [`Policy::", stringify!($field), "`].")]
        pub fn $field(mut self, value: Duration) -> Self {
            self.0.$field = value;
            self
        }
    )* };
}

impl PolicyBuilder {
    setters!(
        probe_every,
        suspect_margin,
        dead_margin,
        dead_floor,
        step_deadline,
        venue_probe_every,
        read_back_every,
        user_timeout,
        stall_limit
    );

    /// Sets [`Policy::latch_after_trip`].
    pub fn latch_after_trip(mut self, value: bool) -> Self {
        self.0.latch_after_trip = value;
        self
    }

    /// Checks every range and the relations between fields.
    pub fn build(self) -> Result<Policy, ConfigError> {
        let p = self.0;
        within("probe_every", p.probe_every, 50, 5_000)?;
        within("suspect_margin", p.suspect_margin, 50, 30_000)?;
        within("dead_margin", p.dead_margin, 100, 60_000)?;
        within("dead_floor", p.dead_floor, 200, 60_000)?;
        within("step_deadline", p.step_deadline, 100, 30_000)?;
        within("venue_probe_every", p.venue_probe_every, 1_000, 60_000)?;
        within("read_back_every", p.read_back_every, 5_000, 600_000)?;
        within("user_timeout", p.user_timeout, 1_000, 30_000)?;
        within("stall_limit", p.stall_limit, 100, 10_000)?;
        if p.dead_margin <= p.suspect_margin {
            return Err(broken_rule("dead_margin", p.dead_margin, "must be longer than suspect_margin"));
        }
        if p.user_timeout < p.dead_floor {
            return Err(broken_rule(
                "user_timeout",
                p.user_timeout,
                "must not be shorter than dead_floor: the kernel is the last layer, not the first",
            ));
        }
        Ok(p)
    }
}

fn within(field: &'static str, value: Duration, min_ms: u64, max_ms: u64) -> Result<(), ConfigError> {
    if (Duration::from_millis(min_ms)..=Duration::from_millis(max_ms)).contains(&value) {
        return Ok(());
    }
    Err(broken_rule(field, value, format!("must be between {} s and {} s", seconds(min_ms), seconds(max_ms))))
}

fn broken_rule(field: &'static str, value: Duration, rule: impl Into<String>) -> ConfigError {
    ConfigError::new(field, format_args!("{} s", value.as_secs_f64()), rule)
}

fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_a_valid_one() {
        assert_eq!(Policy::builder().build(), Ok(Policy::default()));
    }

    #[test]
    fn a_policy_error_names_field_value_and_rule() {
        let error = Policy::builder().probe_every(Duration::from_millis(10)).build().unwrap_err();
        assert_eq!(error.to_string(), "probe_every = 0.01 s is not possible: must be between 0.05 s and 5 s");
    }

    #[test]
    fn dead_must_come_after_suspect() {
        let slow = Policy::builder().suspect_margin(Duration::from_secs(2)).build().unwrap_err();
        assert_eq!(slow.field, "dead_margin");
    }

    #[test]
    fn credentials_never_show_the_secret_or_the_whole_key() {
        let credentials = Credentials::new("KILLCORDKEY0001", Secret::new("s3cret".into()), None).unwrap();
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("KILLCORDKEY0001"), "{shown}");
        let error = Credentials::new("", Secret::new("s3cret".into()), None).unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
    }

    #[test]
    fn a_time_factor_above_one_or_not_a_number_is_refused() {
        assert!(TimeFactor::new(1.5).is_err());
        assert!(TimeFactor::new(f64::NAN).is_err());
        assert_eq!(TimeFactor::new(0.1).unwrap().scale(Duration::from_secs(10)), Duration::from_secs(1));
    }
}
