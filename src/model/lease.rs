//! The words of a lease: its number, its name and its budget, and what a snapshot says of it.

use super::{ConfigError, Moment, PageFault};
use std::sync::Arc;
use std::time::Duration;

/// Names one lease of one guard, for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LeaseId(pub u64);

/// What is agreed when a lease is taken. Cannot hold nonsense.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseTerms {
    name: Arc<str>,
    budget: Duration,
}

/// A lease as a snapshot shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseState {
    /// Its number.
    pub id: LeaseId,
    /// What was agreed.
    pub terms: LeaseTerms,
    /// The last renewal that counted; none before the first, or since `rearm()`.
    pub renewed_at: Option<Moment>,
    /// When it lapses, or lapsed, without another renewal.
    pub due: Option<Moment>,
    /// It lapsed. No renewal changes that.
    pub lapsed: bool,
    /// Why its shared page proves nothing, when it has one and it does not.
    pub doubt: Option<PageFault>,
}

impl LeaseTerms {
    /// The shortest budget: below it ordinary scheduling is a stall.
    pub const BUDGET_MIN: Duration = Duration::from_millis(10);
    /// The longest budget.
    pub const BUDGET_MAX: Duration = Duration::from_secs(3600);
    /// Longest name, in bytes.
    const NAME_MAX: usize = 64;

    /// Accepts names of 1 to 64 bytes without control characters and budgets from 10 ms to an hour.
    pub fn new(name: &str, budget: Duration) -> Result<Self, ConfigError> {
        if name.is_empty() || name.len() > Self::NAME_MAX || name.chars().any(char::is_control) {
            let rule = "must have 1 to 64 bytes and no control characters";
            return Err(ConfigError::new("name", format!("{name:?}"), rule));
        }
        if !(Self::BUDGET_MIN..=Self::BUDGET_MAX).contains(&budget) {
            return Err(ConfigError::new("budget_s", budget.as_secs_f64(), "must be between 0.01 and 3600"));
        }
        Ok(Self { name: name.into(), budget })
    }

    /// Who promises to be alive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to be kept.
    pub fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// The longest time between two renewals.
    pub const fn budget(&self) -> Duration {
        self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_between_10_ms_and_an_hour() {
        let refused = |nanos: u64| LeaseTerms::new("a", Duration::from_nanos(nanos)).is_err();
        assert!(refused(9_999_999) && !refused(10_000_000));
        assert!(refused(3_600_000_000_001) && !refused(3_600_000_000_000));
    }

    #[test]
    fn a_name_is_short_and_printable() {
        let refused = |name: &str| LeaseTerms::new(name, Duration::from_secs(1)).is_err();
        assert!(refused("") && refused("a\nb") && refused(&"x".repeat(65)) && !refused(&"x".repeat(64)));
    }
}
