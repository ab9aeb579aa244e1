//! Orders by name only: what was compared after a re-arm, and who cancelled what. No prices, no quantities, no positions:
//! killcord keeps no book.

use super::{Epoch, Moment};

/// An order's names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OrderRef {
    /// The venue's id; empty when it was never told.
    pub order_id: String,
    /// The client's id (client order id, label, link id); empty when it has none.
    pub client_id: String,
    /// The instrument in the venue's spelling; empty when it was not said.
    pub instrument: String,
}

impl OrderRef {
    /// The ids it has: the venue's, the client's, both or none.
    pub fn ids(self) -> Vec<String> {
        [self.order_id, self.client_id].into_iter().filter(|id| !id.is_empty()).collect()
    }
}

/// How many there are, and the first of them by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally<T> {
    /// All of them.
    pub count: u64,
    /// At most [`Tally::NAMED_MAX`].
    pub named: Vec<T>,
}

/// Why the venue's open orders were compared with what was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Occasion {
    /// Every so often, told only when there is something new.
    Audit,
    /// The guard started, and its switch will cover the whole account: whatever rests already is about to be covered.
    Start,
    /// A new link was armed.
    Armed,
    /// The application acknowledged a trip.
    Rearmed,
}

/// Who cancelled an order, as far as there is evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CancelledBy {
    /// The venue's switch.
    Switch,
    /// A kill of this guard.
    Kill,
    /// Somebody who may: the application through this guard, another program, a person at the website.
    User,
    /// The venue, for reasons of its own.
    Venue,
    /// Nobody said.
    Unknown,
}

/// Who, and on what evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribution {
    /// Who.
    pub by: CancelledBy,
    /// The venue's word for it, or what else speaks for it.
    pub evidence: String,
}

/// What became of an order whose answer was never heard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Resolution {
    /// It rests: the venue lists its client id.
    Resting,
    /// The venue does not list its client id: it never arrived, was refused, or is done already.
    NotResting,
    /// It had no client id by which it could be recognised.
    Undecided,
}

/// Ours, and still resting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptOrder {
    /// Its names.
    pub order: OrderRef,
    /// The link it was sent on.
    pub link: Epoch,
    /// True when the switch of this epoch covers it.
    pub covered: bool,
}

/// Ours, and not resting any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GoneOrder {
    /// Its names.
    pub order: OrderRef,
    /// The link it was sent on.
    pub link: Epoch,
    /// If it was cancelled rather than filled: by whom.
    pub attribution: Attribution,
}

/// Ours, sent, and never answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownOrder {
    /// Its names.
    pub order: OrderRef,
    /// The link it was sent on.
    pub link: Epoch,
    /// What the list says of it.
    pub resolution: Resolution,
}

/// Resting, and not sent through this guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignOrder {
    /// Its names.
    pub order: OrderRef,
    /// True when the switch covers it all the same, because it covers the account: then it is cancelled too.
    pub covered: bool,
}

/// The venue's open orders, compared with what this guard sent and heard acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reconciliation {
    /// Why it was made.
    pub occasion: Occasion,
    /// When the list was asked for.
    pub asked: Moment,
    /// Ours, still resting.
    pub kept: Tally<KeptOrder>,
    /// Ours, gone.
    pub gone: Tally<GoneOrder>,
    /// Ours, sent and never answered.
    pub unknown: Tally<UnknownOrder>,
    /// Not ours.
    pub foreign: Tally<ForeignOrder>,
    /// Resting orders that the switch of this epoch does not cover, ours and others.
    pub uncovered: u64,
    /// Too young to be judged by this list; they are in the next one.
    pub unsettled: u64,
    /// Orders that this guard may have sent and no longer remembers, or could not tell apart: where this is not zero, a
    /// foreign order may be one of ours.
    pub forgotten: u64,
}

/// One of our orders that the venue said it cancelled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CancelledOrder {
    /// Its names.
    pub order: OrderRef,
    /// The link it was sent on.
    pub link: Epoch,
    /// Who, and what says so.
    pub attribution: Attribution,
}

impl<T> Tally<T> {
    /// So many are named.
    pub const NAMED_MAX: usize = 100;

    /// Counts one, and names it while there is room.
    pub fn add(&mut self, one: T) {
        self.count += 1;
        if self.named.len() < Self::NAMED_MAX {
            self.named.push(one);
        }
    }
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        Self { count: 0, named: Vec::new() }
    }
}

impl Attribution {
    /// `evidence` is cleaned and cut like every word of a venue.
    pub fn new(by: CancelledBy, evidence: &str) -> Self {
        Self { by, evidence: super::venue_text(evidence) }
    }
}

impl Occasion {
    /// The word used in events and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Start => "start",
            Self::Armed => "armed",
            Self::Rearmed => "rearmed",
        }
    }
}

impl CancelledBy {
    /// The word used in events and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Kill => "kill",
            Self::User => "user",
            Self::Venue => "venue",
            Self::Unknown => "unknown",
        }
    }
}

impl Resolution {
    /// The word used in events and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::NotResting => "not_resting",
            Self::Undecided => "undecided",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_all_and_names_the_first() {
        let mut tally = Tally::default();
        (0..250_u64).for_each(|n| tally.add(n));
        assert_eq!((tally.count, tally.named.len(), tally.named[99]), (250, 100, 99));
    }
}
