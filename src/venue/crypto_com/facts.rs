//! Crypto.com's published and measured numbers, each with its page (read 2026-01 to 2026-08; section numbers are those
//! of the single-page documentation's own headings). Nothing here is chosen by us except where it says so.
//!
//! <https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html>

use crate::model::{Coverage, Exposure, Step, SwitchKind, TimeFactor};
use crate::venue::{Facts, RateRule};
use std::time::Duration;

/// "Websocket Heartbeats": the venue sends one every 30 s. Measured on production: 30.000 s.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(30);

/// Measured on production in 2023: the first heartbeat came 30 to 33.5 s after connecting.
const FIRST_HEARTBEAT_SLACK: Duration = Duration::from_millis(3_500);

/// The page says an answer is due within 5 s; on production the venue closed 11 to 16 s after an unanswered heartbeat.
/// The bound counts what was seen, not what was promised.
const CUT_AFTER_UNANSWERED: Duration = Duration::from_secs(16);

/// Our allowance: no page says how long the mass cancel takes to start once the venue has seen the loss.
const CANCEL_ALLOWANCE: Duration = Duration::from_millis(500);

/// Our allowance on top of the heartbeat period before the venue's silence is remarkable.
const SPEAKS_SLACK: Duration = Duration::from_secs(5);

/// "Websocket Rate Limits": a limit is pro-rated over the calendar second in which the connection was opened, so the
/// page recommends waiting 1 s before the first request.
const SETTLE: Duration = Duration::from_secs(1);

/// "Rate Limits": 150 requests per second on the user websocket.
const MESSAGE_RULE: RateRule = RateRule { count: 150, per: Duration::from_secs(1) };

/// No limit on connection attempts is documented. Assumed, to be a good neighbour: 100 in 5 minutes.
const DIAL_RULE: RateRule = RateRule { count: 100, per: Duration::from_secs(300) };

/// One `get-cancel-on-disconnect` per second is under 1 % of the message limit.
const VENUE_PROBE_MIN: Duration = Duration::from_secs(1);

/// How long to pause after 42901: the counters are per calendar second.
pub(super) const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// "private/set-cancel-on-disconnect": once enabled it cannot be changed or disabled; no logout method exists.
const NO_FAREWELL: &str = "Crypto.com cancels the connection's orders at every end of an armed connection: \
     cancel-on-disconnect cannot be disabled once set, and there is no logout";

/// The same page.
const NO_DISARM: &str = "Crypto.com's cancel-on-disconnect cannot be disabled on the connection it was set on";

const REQUIRED: &[Step] = &[Step::Login, Step::Switch, Step::ReadBack];

/// Everything above, as it lasts at this venue. Rate limits count requests, not time, and are not scaled.
pub(super) fn facts(factor: TimeFactor) -> Facts {
    let bound = factor.scale(HEARTBEAT_EVERY + FIRST_HEARTBEAT_SLACK + CUT_AFTER_UNANSWERED + CANCEL_ALLOWANCE);
    Facts {
        kind: SwitchKind::SessionBound,
        coverage: Coverage::Connection,
        exposure: Exposure {
            bound,
            because: "heartbeat period 30 s + first heartbeat up to 3.5 s late + venue closes within 16 s of an \
                      unanswered one (observed; 5 s documented) + 0.5 s allowance for cancelling",
        },
        required: REQUIRED,
        can_read_back: true,
        settle: factor.scale(SETTLE),
        feed: None,
        tolerance: None,
        speaks_every: Some(factor.scale(HEARTBEAT_EVERY + SPEAKS_SLACK)),
        venue_probe_min: VENUE_PROBE_MIN,
        trips_within: bound,
        dial_rule: DIAL_RULE,
        message_rule: MESSAGE_RULE,
        order_rule: None,
        // No page says that answers to heartbeats are exempt. A cancel too many is refused anyhow; an answer refused for it
        // would end the connection, and every order of it.
        cancels_cost_keepalives: true,
        subscription_rule: None,
        no_farewell: Some(NO_FAREWELL),
        no_disarm: Some(NO_DISARM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a switch is worth is known only once it was asked for.
    #[test]
    fn armed_takes_login_switch_and_read_back() {
        assert_eq!(facts(TimeFactor::REAL).required, [Step::Login, Step::Switch, Step::ReadBack]);
    }

    #[test]
    fn the_bound_is_50_seconds_at_true_timing_and_scales() {
        assert_eq!(facts(TimeFactor::REAL).exposure.bound, Duration::from_secs(50));
        let fast = facts(TimeFactor::new(0.1).unwrap());
        assert_eq!(fast.trips_within, Duration::from_secs(5));
        assert_eq!(fast.speaks_every, Some(Duration::from_millis(3_500)));
    }
}
