//! What a Deribit login must have brought before it counts, when it must be renewed, and the nonces it is signed with.

use super::config::DeribitConfig;
use super::errors;
use super::wire::{self, Frame};
use crate::model::{Environment, Epoch, Refusal, WallTime};
use crate::venue::{Errand, Report};
use std::time::Duration;

/// A token is renewed when this much of its life has passed. What the venue does to a socket whose token expired is
/// documented nowhere, so it must never happen.
const RENEW_AT_PERCENT: u64 = 80;

/// Renewed no sooner than this, whatever the venue says: renewals cost credits, and running out ends the session.
const RENEW_AFTER_MIN: Duration = Duration::from_secs(5);

/// Renewed no later than this. Year-long tokens were captured on production.
const RENEW_AFTER_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Assumed where the venue names no lifetime; short lives of 600 s were once usual on production.
const LIFETIME_UNSAID_S: u64 = 600;

/// Makes nonces that are never used twice: epoch, counter and wall clock, so that neither a restart within the same
/// nanosecond nor a clock set back can repeat one.
#[derive(Default)]
pub(super) struct Nonces {
    epoch: Epoch,
    count: u64,
}

impl Nonces {
    pub fn enter(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    pub fn next(&mut self, wall: WallTime) -> String {
        self.count += 1;
        // `k` is no hexadecimal digit, so the three numbers cannot run into each other.
        format!("{:x}k{:x}k{:x}", self.epoch.0, self.count, wall.nanos())
    }
}

/// Checks everything a login must have brought; says when to renew it.
pub(super) fn accepted(answer: &Frame<'_>, config: &DeribitConfig) -> Result<Report, Refusal> {
    if let Some(refusal) = wrong_environment(wire::LOGIN, answer, config.access.environment) {
        return Err(refusal);
    }
    let grant = answer.grant().filter(|_| answer.error().is_none());
    let grant = grant.ok_or_else(|| errors::refusal(wire::LOGIN, answer))?;
    match grant.missing() {
        None => Ok(renewal(grant.expires_in_s.unwrap_or(LIFETIME_UNSAID_S), config)),
        Some(missing) => Err(errors::too_little(
            wire::LOGIN,
            &format!("granted without {missing}: {}", grant.scope()),
            "give the API key the scopes account:read_write (for the switch) and trade:read_write (for cancels)",
        )),
    }
}

/// A refusal when the answer comes from another environment than configured.
pub(super) fn wrong_environment(step: &'static str, answer: &Frame<'_>, configured: Environment) -> Option<Refusal> {
    let wrong = match (configured, answer.testnet()) {
        (Environment::Production, Some(true)) => "the test environment answered",
        (Environment::Test, Some(false)) => "the production environment answered",
        (Environment::Production | Environment::Test, Some(_) | None) | (Environment::Custom, _) => return None,
    };
    Some(errors::too_little(step, wrong, "check which environment is configured: nothing was armed there"))
}

fn renewal(lifetime_s: u64, config: &DeribitConfig) -> Report {
    let life = Duration::from_secs(lifetime_s.min(RENEW_AFTER_MAX.as_secs() * 2));
    let after = (life * RENEW_AT_PERCENT as u32 / 100).clamp(RENEW_AFTER_MIN, RENEW_AFTER_MAX);
    Report::CallMeBack { after: config.access.time_factor.scale(after), errand: Errand::Renew }
}
