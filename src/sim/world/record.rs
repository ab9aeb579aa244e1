//! What the checker needs to know of a world and cannot ask the venue: what the guard wrote and when, and when what takes
//! orders off reached the venue.

use super::super::exchange::ConnId;
use crate::model::{LinkRole, Moment};
use std::time::Duration;

/// See the module documentation.
#[derive(Debug, Default)]
pub struct Record {
    /// What was written since the checker last looked, oldest first.
    pub sent: Vec<Sent>,
    /// Dials since the checker last looked: when, and for which role.
    pub dialled: Vec<(Moment, LinkRole)>,
    /// When a cancel-all last reached the venue.
    pub cancel_heard: Option<Moment>,
    /// When the venue last learned that a connection of the guard had ended.
    pub end_heard: Option<Moment>,
    /// When the application last acknowledged a trip.
    pub rearmed: Option<Moment>,
    /// When leave to create orders was last withdrawn.
    pub permit_lost: Option<Moment>,
    /// When the guard itself last ended a connection that was up.
    pub hung_up: Option<Moment>,
    /// When the guard's machine last went on after it had stood still with its clocks, and for how long it had.
    pub went_on: Option<(Moment, Duration)>,
    /// Lines with the venue's time handed to the guard since the checker last looked: what the venue's clock showed, in
    /// milliseconds since the Unix epoch.
    pub stamps: Vec<u64>,
    /// Lines of connections the guard had already left, handed in all the same.
    pub leaked: u64,
}

/// One thing the guard wrote on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// When, in the world.
    pub at: Moment,
    /// On which connection.
    pub conn: ConnId,
    /// What.
    pub what: What,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A protocol ping.
    Ping,
    /// The websocket layer's answer to the venue's ping.
    Pong,
    /// A line that takes every order off.
    CancelAll,
    /// A line that takes the switch off or weakens what it depends on.
    Disarm,
    /// Any other line: it may be a sign of life.
    Line,
}
