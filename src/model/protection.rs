//! What stands between resting orders and a dark machine: the kind of switch, what it covers, on what evidence we say
//! so, how long the venue may take, and when it fires.

use super::{Moment, WallTime};
use std::time::Duration;

/// The three kinds of venue-side switch. One interface over them never pretends they are one thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SwitchKind {
    /// Fires when the venue considers this connection closed (Crypto.com, Deribit).
    SessionBound,
    /// Fires when no subscribed connection has been alive for the window (Bybit).
    GraceAfterDrop,
    /// Fires when no feed has arrived for the window (Kraken).
    Countdown,
}

/// On what grounds something is said to be so, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Evidence {
    /// Nothing was asked.
    #[default]
    None,
    /// Asked; no answer yet. Not a success.
    Asked,
    /// The venue acknowledged it in this epoch.
    Acknowledged,
    /// The venue was asked afterwards and said it is so.
    ReadBack,
}

/// Exactly what the switch would cancel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Coverage {
    /// Nothing is proven to be covered.
    #[default]
    Nothing,
    /// Orders created on this connection, and no others.
    Connection,
    /// Every open order of the account.
    Account,
    /// Every active order of the account in these product lines, in the venue's spelling, sorted.
    Products(Vec<&'static str>),
}

/// The published bound from loss of contact to the start of cancelling, venue detection included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exposure {
    /// The bound itself.
    pub bound: Duration,
    /// How it adds up, for people.
    pub because: &'static str,
}

/// When the switch can fire if nothing more reaches the venue, on our clock, from the last acknowledged feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TripBounds {
    /// Not before this: feed sent plus window. From here on orders may already be gone.
    pub earliest: Moment,
    /// Surely by this: acknowledgement heard plus window plus the venue's rounding.
    pub latest: Moment,
}

/// How we know that the switch fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trip {
    /// The venue said so.
    Told {
        /// The venue's own time of it, when it gave one.
        venue_time: Option<WallTime>,
    },
    /// The late bound passed, or the venue must have noticed the loss of a session-bound link.
    Presumed,
}
