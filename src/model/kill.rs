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
    /// When the link was dropped so that the switch acts too; only on session-bound venues.
    pub dropped: Option<Moment>,
    /// When the venue's list of open orders was read and was empty.
    pub proven: Option<Moment>,
    /// What was still open when the kill was given up; empty when it was proven or could not be read.
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
