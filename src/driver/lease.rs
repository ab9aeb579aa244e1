//! What an application holds of a lease. Renewing reads a clock and writes two numbers: no lock, no allocation, no system
//! call, nobody woken. In a forked child it renews a copy that nobody reads.

use super::clock;
use super::error::CallError;
use super::lease_cell::{LeaseCell, LeaseGaps, Renewal};
use super::shared::{Ask, Shared};
use crate::model::{LeaseState, LeaseTerms, Moment};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One lease of a guard. Dropping it ends nothing: a promise that nobody keeps any more lapses.
#[derive(Clone)]
pub struct LeaseHandle {
    cell: Arc<LeaseCell>,
    shared: Arc<Shared>,
}

impl LeaseHandle {
    pub(super) fn new(cell: Arc<LeaseCell>, shared: Arc<Shared>) -> Self {
        Self { cell, shared }
    }

    /// Says that the application is alive and got on: `progress` must differ from the renewal before.
    pub fn renew(&self, progress: u64) -> Renewal {
        self.cell.renew(progress, clock::moment())
    }

    /// Announces a planned stall of this length from now on. False when there is nothing to extend: never renewed, or
    /// lapsed.
    pub fn extend(&self, by: Duration) -> bool {
        self.cell.extend(clock::moment(), by)
    }

    /// Ends the promise on purpose: the guard no longer needs it. Undoes no lapse; again is harmless.
    pub fn close(&self, reason: &str) -> Result<(), CallError> {
        if self.cell.close() {
            self.shared.ask(Ask::LeaseClose { id: self.cell.id, reason: reason.to_owned() })?;
            self.shared.leases.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The observed times between renewals.
    pub fn gaps(&self) -> LeaseGaps {
        self.cell.gaps()
    }

    /// What was agreed.
    pub fn terms(&self) -> &LeaseTerms {
        &self.cell.terms
    }

    /// Where it stands, judged now and not when the guard last looked.
    pub fn state(&self) -> LeaseState {
        let read = self.cell.read();
        let lapsed = read.is_some_and(|(_, due)| clock::moment() > due);
        let (renewed_at, due): (Option<Moment>, Option<Moment>) = read.unzip();
        LeaseState { id: self.cell.id, terms: self.cell.terms.clone(), renewed_at, due, lapsed }
    }
}

impl fmt::Debug for LeaseHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseHandle({}, {:?})", self.cell.terms.name(), self.cell.terms.budget())
    }
}

/// A lease as the guard's task watches it.
pub(super) struct Watched {
    pub(super) cell: Arc<LeaseCell>,
    /// What was last handed in.
    told: Option<(Moment, Moment)>,
}

impl Watched {
    pub(super) const fn new(cell: Arc<LeaseCell>) -> Self {
        Self { cell, told: None }
    }

    /// What was renewed since the last look.
    pub(super) fn news(&mut self) -> Option<(Moment, Moment)> {
        let read = self.cell.read();
        let news = read.filter(|_| read != self.told);
        self.told = read;
        news
    }
}
