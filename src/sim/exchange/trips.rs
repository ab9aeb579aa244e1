//! Session-bound switches on their way: a connection whose switch was set has ended, and after the venue's delay its
//! orders will be cancelled. What is covered and what sets a trip off is each venue's own business.

use super::ConnId;
use crate::model::Moment;
use std::collections::BTreeSet;
use std::time::Duration;

/// Connections whose trip is over are remembered; the oldest are forgotten, and nobody asks about those.
const SETTLED_MAX: usize = 4096;

/// Trips that were set off, by connection.
#[derive(Debug, Default)]
pub struct Trips {
    pending: Vec<Trip>,
    settled: BTreeSet<ConnId>,
}

/// A trip on its way.
#[derive(Clone, Debug)]
pub struct Trip {
    /// Whose orders.
    pub conn: ConnId,
    /// The account's name.
    pub account: String,
    /// When the cancelling starts.
    pub at: Moment,
    /// What set it off.
    pub why: &'static str,
}

impl Trips {
    /// Sets a trip off; without a delay it never comes.
    pub fn set_off(&mut self, now: Moment, conn: ConnId, account: &str, delay: Option<Duration>, why: &'static str) {
        let Some(delay) = delay else { return };
        self.pending.push(Trip { conn, account: account.to_owned(), at: now + delay, why });
    }

    /// Takes out the next trip that is due.
    pub fn take_due(&mut self, now: Moment) -> Option<Trip> {
        let index = self.pending.iter().position(|trip| trip.at <= now)?;
        Some(self.pending.remove(index))
    }

    /// The trip of this connection has cancelled.
    pub fn settle(&mut self, conn: ConnId) {
        if self.settled.len() == SETTLED_MAX {
            self.settled.pop_first();
        }
        self.settled.insert(conn);
    }

    /// When the next one is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.pending.iter().map(|trip| trip.at).min()
    }

    /// By when the trip of a connection that ended starts to cancel; `now` when it already did.
    pub fn of_ended(&self, now: Moment, conn: ConnId) -> Option<Moment> {
        let pending = self.pending.iter().filter(|trip| trip.conn == conn).map(|trip| trip.at.max(now)).min();
        pending.or_else(|| self.settled.contains(&conn).then_some(now))
    }
}
