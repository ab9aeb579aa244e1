//! Every number Bybit publishes that we rely on, with its page. Pages are in bybit-exchange/docs at commit `072c197d`
//! (2026-07-24); where Bybit says nothing the comment says so and the number is ours.

use super::BybitConfig;
use crate::model::{Coverage, Exposure, Step, SwitchKind};
use crate::venue::{Facts, RateRule};
use std::time::Duration;

/// Private and order-entry websockets: v5/websocket/wss-authentication.
pub(super) const STREAM_URL: &str = "wss://stream.bybit.com";
/// The same in the test environment: same page.
pub(super) const STREAM_TEST_URL: &str = "wss://stream-testnet.bybit.com";
/// REST: v5/guide.
pub(super) const HTTP_URL: &str = "https://api.bybit.com";
/// The same in the test environment: same page.
pub(super) const HTTP_TEST_URL: &str = "https://api-testnet.bybit.com";
/// The only path with `dcp.*` topics: v5/websocket/private/dcp.
pub(super) const GUARD_PATH: &str = "/v5/private";
/// Order entry; no topics: v5/websocket/trade/guideline.
pub(super) const TRADE_PATH: &str = "/v5/trade";

/// `timeWindow`: v5/order/dcp.
pub(super) const WINDOW_S_MIN: u32 = 3;
/// `timeWindow`: v5/order/dcp.
pub(super) const WINDOW_S_MAX: u32 = 300;
/// "Default trigger time is 10 seconds": v5/order/dcp.
pub(super) const WINDOW_S_PUBLISHED: u32 = 10;
/// `max_active_time`: v5/websocket/wss-authentication.
pub(super) const MAX_ACTIVE_TIME_S_MIN: u32 = 30;
/// `max_active_time`: v5/websocket/wss-authentication.
pub(super) const MAX_ACTIVE_TIME_S_MAX: u32 = 600;
/// The venue looks for idle connections every 30 s: v5/websocket/wss-authentication.
const IDLE_SCAN: Duration = Duration::from_secs(30);
/// Ours: from the end of the window until cancelling has begun. Bybit publishes nothing.
const CANCEL_ALLOWANCE: Duration = Duration::from_secs(1);

/// "Query or set again after 10 s": v5/order/dcp.
pub(super) const HOLD_OFF: Duration = Duration::from_secs(10);
/// Ours: how often a window that does not show is set again before a person is asked.
pub(super) const WINDOW_TRIES: u32 = 3;
/// Ours: what only a person can change is asked again no sooner than this.
pub(super) const FATAL_PAUSE: Duration = Duration::from_secs(60);
/// Ours: pause before an unanswered query is repeated; the limit is 5/s: v5/rate-limit.
pub(super) const QUERY_RETRY: Duration = Duration::from_secs(1);

/// Ours: how often an unanswered query is repeated before the link is given up.
pub(super) const QUERY_TRIES: u32 = 3;

/// Ours, as ccxt and the official samples do: `expires` must lie ahead of the venue's clock when it is read.
pub(super) const LOGIN_EXPIRY_MS: i64 = 10_000;
/// Ours: a request stamped more than 1 s ahead of the venue's clock is refused (v5/guide), so stamps lean back.
pub(super) const STAMP_LEAN_MS: i64 = 250;
/// `recv_window` default: v5/guide.
pub(super) const RECV_WINDOW_MS: &str = "5000";
/// Ours: no limit on pings is published, 20 s is the advised interval, 2 s has been harmless.
const PROBE_MIN: Duration = Duration::from_secs(2);
/// "Max 500 connections in 5 minutes" per domain: v5/websocket/wss-authentication.
const DIALS: RateRule = RateRule { count: 500, per: Duration::from_secs(300) };
/// Ours: 3,000 requests a second per IP are published for order entry (v5/websocket/trade/guideline) and a lower limit
/// per session (code 20003) without its number.
const MESSAGES: RateRule = RateRule { count: 100, per: Duration::from_secs(1) };

/// All three conditions of v5/websocket/private/dcp, and the ping that v5/order/dcp names beside reconnecting.
const REQUIRED: &[Step] = &[Step::Login, Step::Subscription, Step::Ping, Step::Window, Step::ReadBack];

/// The facts of one configuration, scaled. Rate limits count requests, not time, and are not scaled.
pub(super) fn facts(config: &BybitConfig) -> Facts {
    let scale = |length| config.access.time_factor.scale(length);
    let window = Duration::from_secs(u64::from(config.window_s));
    let idle = Duration::from_secs(u64::from(config.max_active_time_s));
    let bound = scale(idle + IDLE_SCAN + window + CANCEL_ALLOWANCE);
    let mut products: Vec<&'static str> = config.products.iter().map(|product| product.as_str()).collect();
    products.sort_unstable();
    Facts {
        kind: SwitchKind::GraceAfterDrop,
        coverage: Coverage::Products(products),
        exposure: Exposure {
            bound,
            because: "max_active_time until the venue gives a silent link up, 30 s between its scans, the window, 1 s to \
                      begin cancelling; as long as no other connection of the account holds a dcp topic",
        },
        required: REQUIRED,
        can_read_back: true,
        settle: Duration::ZERO,
        feed: None,
        tolerance: Some(scale(window)),
        speaks_every: None,
        venue_probe_min: PROBE_MIN,
        trips_within: bound,
        dial_rule: DIALS,
        message_rule: MESSAGES,
        order_rule: None,
        cancels_cost_keepalives: false,
        subscription_rule: None,
        no_farewell: Some("Bybit keeps the protection on after a close; cancel or move the orders first, then let go"),
        no_disarm: Some("Bybit's disconnection protection can be taken off by Bybit only, not by API"),
    }
}
