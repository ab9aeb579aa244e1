//! Every number Kraken publishes that we rely on, with its page. Pages are on docs.kraken.com, read in stored copies up
//! to mid 2026; where Kraken says nothing the comment says so and the number is ours.

use super::KrakenConfig;
use crate::model::{Coverage, Exposure, Step, SwitchKind};
use crate::venue::{Facts, FeedRule, RateRule};
use std::time::Duration;

/// Trading websocket, v2: exchange/guides/websockets/introduction.
pub(super) const GUARD_URL: &str = "wss://ws-auth.kraken.com/v2";
/// The path of every v2 websocket: same page.
pub(super) const GUARD_PATH: &str = "/v2";
/// REST: api/docs/guides/spot-rest-intro.
pub(super) const HTTP_URL: &str = "https://api.kraken.com";

/// "Call every 15 to 30 seconds with a timeout of 60": api/docs/websocket-v2/cancel_after.
pub(super) const ADVISED_WINDOW_S: u32 = 60;
/// The shorter end of that advice: three spare tries inside the window.
pub(super) const ADVISED_CADENCE: Duration = Duration::from_secs(15);
/// No minimum is documented; the shortest timeout seen accepted in a capture is 5 s.
pub(super) const WINDOW_S_MIN: u32 = 5;
/// "Should be less than 86400": api/docs/websocket-v2/cancel_after.
pub(super) const WINDOW_S_END: u32 = 86_400;
/// Ours: below this, three feeds in a window would be closer together than a round trip and its retry deserve.
pub(super) const SHORT_WINDOW_S: u32 = 15;

/// "Times are rounded up to the next second": api/docs/websocket-v1/cancelallordersafter; captures agree for v2.
const ROUNDING: Duration = Duration::from_secs(1);
/// Ours: from expiry until the engine has begun to cancel. Kraken publishes nothing; the engine answers in milliseconds.
const CANCEL_ALLOWANCE: Duration = Duration::from_secs(1);

/// A token lives 900 s unused: api-reference/trading/get-websockets-token. Renewed at half of that, as Kraken's own SDK
/// does.
pub(super) const TOKEN_RENEW: Duration = Duration::from_secs(450);
/// Ours: pause before a failed token request is tried again. The slowest key tier regains a REST point in 3 s:
/// api/docs/guides/spot-ratelimits.
pub(super) const TOKEN_RETRY: Duration = Duration::from_secs(5);
/// Pause after a refusal that a person must resolve.
pub(super) const TOKEN_RETRY_FATAL: Duration = Duration::from_secs(60);
/// `EGeneral:Temporary lockout` lasts about 15 minutes, longer when hammered: krakenfx/kraken-api-sdk error guide.
pub(super) const TOKEN_RETRY_LOCKED: Duration = Duration::from_secs(900);

/// Heartbeats come about once a second when nothing else does: .../spot-websocket-v2/heartbeat. The reconnection guide
/// calls a link dead after 5 s without any message.
const SPEAKS_EVERY: Duration = Duration::from_secs(5);
/// Ours: the ping has no published limit; a round trip to the gateway costs it 20 µs.
const PROBE_MIN: Duration = Duration::from_secs(1);
/// "About 150 connection attempts per rolling 10 minutes per IP", then a ban: websockets-v2 general considerations.
const DIALS: RateRule = RateRule { count: 150, per: Duration::from_secs(600) };
/// Ours: no limit on messages of one private link is published, only the matching engine's per-pair counters. Bursts of
/// more than 15 subscriptions have been refused, orders have not.
const MESSAGES: RateRule = RateRule { count: 100, per: Duration::from_secs(1) };

/// Nothing can be read back, so the timer's acknowledgement is all the evidence there is. The subscription keeps the
/// venue from closing the socket: websockets-v2 general considerations.
const REQUIRED: &[Step] = &[Step::Switch, Step::Subscription];

/// The facts of one configuration, scaled. Rate limits count requests, not time, and are not scaled.
pub(super) fn facts(config: &KrakenConfig) -> Facts {
    let scale = |length| config.access.time_factor.scale(length);
    let window = Duration::from_secs(u64::from(config.window_s));
    let bound = scale(window + ROUNDING + CANCEL_ALLOWANCE);
    Facts {
        kind: SwitchKind::Countdown,
        coverage: Coverage::Account,
        exposure: Exposure {
            bound,
            because: "the window after the last feed, up to 1 s of rounding by the venue, 1 s to begin cancelling",
        },
        required: REQUIRED,
        can_read_back: false,
        settle: Duration::ZERO,
        feed: Some(FeedRule { window: scale(window), cadence: scale(config.cadence), rounding: scale(ROUNDING) }),
        tolerance: Some(scale(window)),
        speaks_every: Some(scale(SPEAKS_EVERY)),
        venue_probe_min: PROBE_MIN,
        trips_within: bound,
        dial_rule: DIALS,
        message_rule: MESSAGES,
        order_rule: None,
        cancels_cost_keepalives: false,
        subscription_rule: None,
        no_farewell: None,
        no_disarm: None,
    }
}
