//! What looks at a shared page mean for its lease: which of them found a renewal, made when, and why a page proves nothing.
//!
//! **When a renewal was made.** Renewing is one store of a changed progress word, and nobody is woken by it, so the page
//! is looked at again and again. A change that a look finds was stored after the look before. So it was made between the
//! two; that is all there is to know when the owner does not say more, and then the *later* look is taken for its time:
//! never earlier than the truth, later by less than the time between two looks. Whether it was in time is judged by the
//! earlier look, for a lease must not lapse because it was looked at late. An owner that also stores the time, before
//! the progress, is believed within those two looks and no further.
//!
//! **Whose renewal it was.** A lease belongs to the owner whose renewal was the first, for as long as it runs. Whatever
//! makes the page prove nothing (its owner died, another claimed it, the bytes are no page) ends that for good; the lease
//! then lapses when its budget is used up, as if nobody had renewed. Only a deliberate new beginning looks for an owner
//! again. A read can be torn, so a fault must be found by two looks in a row.
//!
//! Not here: the budget and what happens after it (`lease.rs`), reading, and finding out whether a process lives.

use crate::model::{LeasePage, Moment, PageClaim, PageFault};

/// See the module documentation.
#[derive(Clone, Debug, Default)]
pub struct PageWatch {
    /// The last page that was worth comparing with, and when it was looked at. None before the first.
    last: Option<(Moment, LeasePage)>,
    /// Whose lease it is: from the first renewal on.
    owner: Option<PageClaim>,
    /// What the look before found wrong.
    suspected: Option<PageFault>,
    /// What was found wrong and told. With an owner it stands until [`PageWatch::restart`].
    fault: Option<PageFault>,
}

/// A renewal that a look found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRenewal {
    /// The word it wrote.
    pub progress: u64,
    /// It was not made before this.
    pub earliest: Moment,
    /// It was not made after this.
    pub latest: Moment,
}

/// What one look found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PageNews {
    /// A renewal that counts, unless it came after the budget.
    pub renewal: Option<PageRenewal>,
    /// The page proves nothing from here on. Told once.
    pub fault: Option<PageFault>,
}

impl PageWatch {
    /// One look. `page` is what was read, and what is known against its owner or against the file; `now` was read from
    /// the clock after the page was.
    pub fn look(&mut self, now: Moment, page: Option<LeasePage>, against: Option<PageFault>) -> PageNews {
        if self.owner.is_some() && self.fault.is_some() {
            return PageNews::default();
        }
        let wrong = self.wrong(page.as_ref(), against);
        let renewal = page.filter(|page| self.is_owners(page, wrong)).and_then(|page| self.renewal(now, page));
        if let Some(page) = page
            && (wrong.is_none() || self.owner.is_none())
        {
            self.last = Some((now, page));
        }
        PageNews { renewal, fault: self.confirm(wrong) }
    }

    /// A deliberate new beginning: the next change by a living owner is the first renewal.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Whose lease it is.
    pub const fn owner(&self) -> Option<PageClaim> {
        self.owner
    }

    /// What stands against the page now.
    pub const fn fault(&self) -> Option<PageFault> {
        self.fault
    }

    fn wrong(&self, page: Option<&LeasePage>, against: Option<PageFault>) -> Option<PageFault> {
        let Some(page) = page else { return against.or(Some(PageFault::Damaged)) };
        match self.owner {
            Some(owner) if page.claim == owner => against,
            // What is known of its process is known of another owner's.
            Some(_) if page.claim.pid == 0 => Some(PageFault::Released),
            Some(_) => Some(PageFault::TwoOwners),
            None if page.claim.is_held() => against,
            None => against.filter(|fault| matches!(fault, PageFault::Damaged | PageFault::Removed)),
        }
    }

    /// A renewal can be this page's owner's. One that was made just before the owner died, or the file was removed, is.
    fn is_owners(&self, page: &LeasePage, wrong: Option<PageFault>) -> bool {
        page.claim.is_held() && if self.owner.is_some() { self.owner == Some(page.claim) } else { wrong.is_none() }
    }

    fn renewal(&mut self, now: Moment, page: LeasePage) -> Option<PageRenewal> {
        // The first look only remembers: nobody knows how old what it found is.
        let (before, last) = self.last?;
        let fresh = page.claim != last.claim;
        // A claim begins with progress 0, whatever was there.
        if page.progress == if fresh { 0 } else { last.progress } {
            return None;
        }
        self.owner = Some(page.claim);
        let told = page.renewed_at != 0 && (fresh || page.renewed_at != last.renewed_at);
        let exact = Moment::from_nanos(page.renewed_at);
        let (earliest, latest) =
            if told && exact <= now { (exact.max(before), exact.max(before)) } else { (before, now) };
        Some(PageRenewal { progress: page.progress, earliest, latest })
    }

    /// Found twice in a row, and not told before.
    fn confirm(&mut self, wrong: Option<PageFault>) -> Option<PageFault> {
        let confirmed = wrong.filter(|fault| self.suspected == Some(*fault));
        self.suspected = wrong;
        if wrong.is_none() {
            self.fault = None;
        }
        let news = confirmed.filter(|fault| self.fault != Some(*fault));
        self.fault = confirmed.or(self.fault);
        news
    }
}

#[cfg(test)]
#[path = "lease_page/tests.rs"]
mod tests;
