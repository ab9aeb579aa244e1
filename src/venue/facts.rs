//! What a dialect publishes about its venue: the numbers the session goes by. Not the numbers themselves, which are beside
//! their sources in each dialect's own `facts.rs`.

use super::Screening;
use crate::model::{Coverage, Exposure, Step, SwitchKind};
use std::time::Duration;

/// Out of which of a venue's pools a line is paid ([`Facts::order_rule`], [`Facts::subscription_rule`]). Where a venue
/// has one pool for everything, that is [`Facts::message_rule`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Toll {
    /// What neither touches an order nor subscribes.
    Message,
    /// Creates or changes an order.
    Order,
    /// Takes orders off.
    Cancel,
    /// Subscribes to something.
    Subscription,
    /// Nobody knows which: it is counted in every pool.
    Unknown,
}

impl Toll {
    /// What the kind alone says; right where a venue has no more pools than kinds.
    pub fn of(kind: &Screening) -> Self {
        match kind {
            Screening::Cancel => Self::Cancel,
            Screening::Order => Self::Order,
            Screening::Harmless | Screening::BreaksProtection { .. } | Screening::NotSendable { .. } => Self::Message,
        }
    }
}

/// Published numbers of one venue, as configured and scaled. The sources are beside the constants in `facts.rs`.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// The kind of switch.
    pub kind: SwitchKind,
    /// What it covers once armed as configured.
    pub coverage: Coverage,
    /// The published bound.
    pub exposure: Exposure,
    /// The steps that must be acknowledged in an epoch before it may be called armed.
    pub required: &'static [Step],
    /// True when the venue can be asked whether the switch is on.
    pub can_read_back: bool,
    /// How long to wait between link up and the first word.
    pub settle: Duration,
    /// Countdown switches: how they are fed.
    pub feed: Option<FeedRule>,
    /// Grace switches: how long a drop may last without a trip. Countdown: the window. Session-bound: none.
    pub tolerance: Option<Duration>,
    /// On an armed link, the venue itself says something at least this often.
    pub speaks_every: Option<Duration>,
    /// The shortest time between venue-level probes that its limits comfortably allow.
    pub venue_probe_min: Duration,
    /// Session-bound: after this long without contact the venue must have closed and tripped.
    pub trips_within: Duration,
    /// Its limit on connection attempts.
    pub dial_rule: RateRule,
    /// Its limit on messages per link.
    pub message_rule: RateRule,
    /// A limit of its own on orders *and* cancels whose breach ends the session; `None` where a breach is an error like
    /// any other, or where orders count as messages.
    pub order_rule: Option<RateRule>,
    /// The same for subscriptions.
    pub subscription_rule: Option<RateRule>,
    /// Cancels come out of `message_rule` as keepalives do, and what is refused for it may be a keepalive: cancels may not
    /// use up all of it. False where a breach can cost nothing but the request.
    pub cancels_cost_keepalives: bool,
    /// Why a farewell (an end that keeps orders) is impossible here; `None` when it is possible.
    pub no_farewell: Option<&'static str>,
    /// Why a deliberate disarm on a live link is impossible here; `None` when it is possible.
    pub no_disarm: Option<&'static str>,
}

/// How a countdown is fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedRule {
    /// Time a feed grants.
    pub window: Duration,
    /// Time between feeds.
    pub cadence: Duration,
    /// The venue may be this much later than the window says (whole-second rounding).
    pub rounding: Duration,
}

/// At most `count` in any `per`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateRule {
    /// How many.
    pub count: u32,
    /// In any stretch of this length.
    pub per: Duration,
}
