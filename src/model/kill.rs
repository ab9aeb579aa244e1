//! What a kill did: each path with its times, and what was left.

use super::{Moment, OrderRef, Refusal};

/// The report of one kill. Every time is on the guard's clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KillReport {
    /// The reason the caller gave.
    pub reason: String,
    /// When it was asked for.
    pub began: Moment,
    /// Cancel-all on the link.
    pub link: KillPath,
    /// Cancel-all over HTTP, on a connection of its own.
    pub http: KillPath,
    /// When the guarding link was dropped: on session-bound venues so that the switch acts too, on a countdown when it did
    /// not acknowledge cancel-all, so that no order that waits in it arrives later.
    pub dropped: Option<Moment>,
    /// When the venue's list of open orders was read and was empty.
    pub proven: Option<Moment>,
    /// When the venue's list of open orders was last read as a whole; `None`: never, and then `left` says nothing.
    pub listed: Option<Moment>,
    /// What that list named: what was still open when the kill was given up.
    pub left: Vec<LeftOrder>,
    /// When it ended.
    pub ended: Moment,
    /// The last refusal during the kill: why something was left.
    pub refusal: Option<Refusal>,
}

/// One path of a kill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KillPath {
    /// When cancel-all was first said; `None` when this path could not be used.
    pub sent: Option<Moment>,
    /// When the venue first acknowledged it.
    pub acknowledged: Option<Moment>,
    /// How many orders the venue said it cancelled, added up, when it says so.
    pub cancelled: Option<u64>,
}

/// An order that was still open when a kill was given up.
pub type LeftOrder = OrderRef;
