//! Deribit's published and measured numbers, each with its page (read 2026-03 to 2026-09). Nothing here is chosen by us
//! except where it says so. "Measured" is a third party's probe of production in September 2026.

use super::config::MatchingCredits;
use crate::model::{Coverage, Exposure, Step, SwitchKind, TimeFactor};
use crate::venue::{Facts, RateRule};
use std::time::Duration;

/// Measured at interval 10: the first test request came up to 12.6 s after opening an idle socket.
const TEST_REQUEST_SLACK: Duration = Duration::from_millis(2_600);

/// Measured at interval 10: the venue closed 10.0 s after an unanswered test request. Whether that is the interval or a
/// constant is unknown, so the larger of the two is counted.
const CLOSE_AFTER_UNANSWERED: Duration = Duration::from_secs(10);

/// Our allowance: no page says how long cancelling takes to start once the venue has seen the loss.
const CANCEL_ALLOWANCE: Duration = Duration::from_millis(1_500);

/// <https://docs.deribit.com/articles/rate-limits>: non-matching requests cost 500 credits from a pool of 50,000 that
/// refills at 10,000 a second, so 100 at once and 20 a second; running out ends the session.
const MESSAGE_RULE: RateRule = RateRule { count: 100, per: Duration::from_secs(5) };

/// <https://docs.deribit.com/articles/rate-limits>: a subscription costs 3,000 credits from a pool of 30,000 that refills
/// at 10,000 a second, so 10 at once and 3.3 a second; running out ends the session.
const SUBSCRIPTION_RULE: RateRule = RateRule { count: 10, per: Duration::from_secs(3) };

/// <https://docs.deribit.com/articles/connection-management-best-practices.md>: 32 connections per IP at a time, then
/// HTTP 429. No limit on attempts is documented. Assumed, to be a good neighbour: 100 in 5 minutes.
const DIAL_RULE: RateRule = RateRule { count: 100, per: Duration::from_secs(300) };

/// One `public/test` per second costs 5 % of the credits that flow in.
const VENUE_PROBE_MIN: Duration = Duration::from_secs(1);

/// How long to pause after 10028; the session is over anyway, and 50 ms of refill is one request.
pub(super) const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// <https://docs.deribit.com/articles/json-rpc-overview.md>: the longest message accepted.
pub(super) const LINE_LENGTH_MAX: usize = 32 * 1024;

const REQUIRED: &[Step] = &[Step::Heartbeat, Step::Login, Step::Switch, Step::ReadBack];

/// Everything above, as it lasts at this venue at this interval. Rate limits count requests and are not scaled.
pub(super) fn facts(heartbeat_s: u32, matching: MatchingCredits, factor: TimeFactor) -> Facts {
    let interval = Duration::from_secs(u64::from(heartbeat_s));
    let close = interval.max(CLOSE_AFTER_UNANSWERED);
    let bound = factor.scale(interval + TEST_REQUEST_SLACK + close + CANCEL_ALLOWANCE);
    Facts {
        kind: SwitchKind::SessionBound,
        // Account scope makes the switch the default of later connections; what this guard can vouch for stays its own.
        coverage: Coverage::Connection,
        exposure: Exposure {
            bound,
            because: "heartbeat interval + 2.6 s until the test request + the larger of the interval and 10 s until \
                      the venue closes (measured at 10 s) + 1.5 s allowance for cancelling",
        },
        required: REQUIRED,
        can_read_back: true,
        settle: Duration::ZERO,
        feed: None,
        tolerance: None,
        // It speaks up only when nobody else does: a heartbeat when the venue has sent nothing for an interval, a test
        // request when the client has not. Our own probes and their answers keep both from falling due, so that its
        // silence means nothing and no alarm may hang on it.
        speaks_every: None,
        venue_probe_min: VENUE_PROBE_MIN,
        trips_within: bound,
        dial_rule: DIAL_RULE,
        message_rule: MESSAGE_RULE,
        order_rule: Some(matching.rule()),
        cancels_cost_keepalives: false,
        subscription_rule: Some(SUBSCRIPTION_RULE),
        no_farewell: None,
        no_disarm: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_grows_with_the_interval_and_scales() {
        assert_eq!(
            facts(10, MatchingCredits::default(), TimeFactor::REAL).exposure.bound,
            Duration::from_millis(24_100)
        );
        assert_eq!(
            facts(60, MatchingCredits::default(), TimeFactor::REAL).exposure.bound,
            Duration::from_millis(124_100)
        );
        let fast = facts(10, MatchingCredits::default(), TimeFactor::new(0.1).unwrap());
        assert_eq!(fast.trips_within, Duration::from_millis(2_410));
    }
}
