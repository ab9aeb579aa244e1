//! What an application holds of a lease. Renewing reads a clock and writes two numbers: no lock, no allocation, no system
//! call, nobody woken. In a forked child it renews a copy that nobody reads.

use super::clock;
use super::error::CallError;
use super::lease_cell::{LeaseCell, LeaseGaps};
use super::lease_word::Renewal;
use super::page_watch::WatchedPage;
use super::shared::{Ask, Shared};
use super::shared_lease::SharedLease;
use crate::model::{LeaseState, LeaseTerms, Moment, PageFault};
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
        LeaseState { id: self.cell.id, terms: self.cell.terms.clone(), renewed_at, due, lapsed, doubt: None }
    }
}

impl fmt::Debug for LeaseHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseHandle({}, {:?})", self.cell.terms.name(), self.cell.terms.budget())
    }
}

/// One lease of a guard that another process renews. Dropping it ends nothing.
#[derive(Clone, Debug)]
pub struct AttachedLease(LeaseHandle);

impl AttachedLease {
    pub(super) const fn new(lease: LeaseHandle) -> Self {
        Self(lease)
    }

    /// As [`LeaseHandle::extend`].
    pub fn extend(&self, by: Duration) -> bool {
        self.0.extend(by)
    }

    /// As [`LeaseHandle::close`].
    pub fn close(&self, reason: &str) -> Result<(), CallError> {
        self.0.close(reason)
    }

    /// The observed times between renewals, as the guard saw or was told them.
    pub fn gaps(&self) -> LeaseGaps {
        self.0.gaps()
    }

    /// What was agreed.
    pub fn terms(&self) -> &LeaseTerms {
        self.0.terms()
    }

    /// Where it stands by what the guard saw when it last looked.
    pub fn state(&self) -> LeaseState {
        self.0.state()
    }
}

/// A lease as the guard's task watches it.
pub(super) struct Watched {
    pub(super) cell: Arc<LeaseCell>,
    /// Where another process renews it.
    page: Option<WatchedPage>,
    /// What was last handed in.
    told: Option<(Moment, Moment)>,
}

impl Watched {
    pub(super) fn new(cell: Arc<LeaseCell>, shared: Option<&SharedLease>) -> Self {
        let page = shared.map(|shared| WatchedPage::new(shared, cell.terms.budget()));
        Self { cell, page, told: None }
    }

    /// What was renewed since the last look, and then why its page proves nothing any more.
    pub(super) fn news(&mut self) -> (Option<(Moment, Moment)>, Option<PageFault>) {
        let fault = self.page.as_mut().and_then(|page| page.look(&self.cell));
        let read = self.cell.read();
        let news = read.filter(|_| read != self.told);
        self.told = read;
        (news, fault)
    }

    /// When its page must be looked at.
    pub(super) fn look_at(&self) -> Option<Moment> {
        self.page.as_ref().map(WatchedPage::look_at)
    }

    /// A deliberate new beginning.
    pub(super) fn restart(&mut self) {
        self.cell.restart();
        if let Some(page) = &mut self.page {
            page.restart();
        }
    }
}
