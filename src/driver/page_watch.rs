//! The guard's side of a shared lease: looks at the page often enough, finds out whether its owner lives, and passes what
//! that means to the lease's cell. Reads and never writes. What a look means is judged in `parts/lease_page.rs`.

use super::clock;
use super::lease_cell::LeaseCell;
use super::page_file::PageFile;
use super::process::OwnerWatch;
use super::shared_lease::SharedLease;
use crate::model::{Moment, PageFault};
use crate::session::PageWatch;
use std::sync::Arc;
use std::time::Duration;

/// One page, watched for one lease.
#[derive(Debug)]
pub(super) struct WatchedPage {
    file: Arc<PageFile>,
    judge: PageWatch,
    owner: OwnerWatch,
    look_every: Duration,
    look_at: Moment,
}

impl WatchedPage {
    pub(super) fn new(shared: &SharedLease, budget: Duration) -> Self {
        let look_every = (budget / LOOKS_PER_BUDGET).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
        let file = shared.file.clone();
        Self { file, judge: PageWatch::default(), owner: OwnerWatch::default(), look_every, look_at: Moment::default() }
    }

    /// When it must be looked at again.
    pub(super) const fn look_at(&self) -> Moment {
        self.look_at
    }

    /// Looks, when it is time to or when the lease would lapse by what was seen before.
    pub(super) fn look(&mut self, cell: &LeaseCell) -> Option<PageFault> {
        let now = clock::moment();
        if now < self.look_at && cell.read().is_none_or(|(_, due)| now <= due) {
            return None;
        }
        self.look_at = now + self.look_every;
        let (page, wrong) = self.file.look()?;
        let claim = page.map(|page| page.claim).filter(|claim| claim.is_held());
        let against = wrong.or_else(|| self.owner.against(claim?));
        // After the page was read: what it says cannot be of a later time.
        let news = self.judge.look(clock::moment(), page, against);
        if let Some(renewal) = news.renewal {
            cell.renew_between(renewal.progress, renewal.earliest, renewal.latest);
        }
        news.fault
    }

    /// A deliberate new beginning.
    pub(super) fn restart(&mut self) {
        self.judge.restart();
        self.look_at = Moment::default();
    }
}

/// What is seen late is judged late by no more than the time between two looks.
const LOOKS_PER_BUDGET: u32 = 8;
/// Below this a look costs more than it tells.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(1);
/// A lapse is acted upon within 50 ms of the budget: this, and what an engine on a busy machine needs.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(20);
