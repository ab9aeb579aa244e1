//! Every deadline a guard can have, in one enum with one line each. What expiry does is one `match`, in
//! `session/deadline.rs`. The table knows when; it does not know what.

use crate::model::Moment;

/// Why a guard will wake up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Deadline {
    /// A lease may be half used up, or lapsed; or its first renewal is looked for.
    Lease,
    /// A lease lapsed, and whatever links are left are aborted now.
    LeaseAbort,
    /// The next dial of the guarding link (or of its standby) may begin.
    Dial,
    /// The guarding link has settled: the first word may be said.
    Settle,
    /// The awaited step of login or arming must have been acknowledged by now.
    Step,
    /// The next protocol ping on the guarding link is due.
    Probe,
    /// The verdict on the guarding link may change by silence alone.
    Judge,
    /// The next venue-level request that proves more than the socket is due.
    VenueProbe,
    /// The next read-back of the switch is due.
    ReadBack,
    /// The next feed is due.
    Feed,
    /// The outstanding feed must have been acknowledged by now.
    FeedAnswer,
    /// The early trip bound: from now on the countdown may have ended.
    TripEarly,
    /// The late trip bound: by now the switch has fired if nothing reached the venue.
    TripLate,
    /// A session-bound link that is kept although dead: by now the venue must have closed it and tripped.
    Abandon,
    /// The dialect asked to be called back: a setting has had time to act.
    HoldOff,
    /// The dialect asked to be called back: a token must be renewed.
    Renew,
    /// The dialect asked to be called back: something transient is tried again.
    Retry,
    /// A kill goes on: the open orders are read, cancel-all is said again, or it is given up.
    Kill,
    /// The venue's open orders are read and compared with what was sent, or must have come by now.
    Audit,
    /// Sticky subscriptions said on a new link must have been answered by now.
    Sticky,
    /// A deliberate farewell must have been confirmed by now.
    Farewell,
    /// The next dial of the trade link may begin.
    TradeDial,
    /// The trade link must have logged in by now.
    TradeStep,
    /// The next protocol ping on the trade link is due, or its verdict may change.
    TradeProbe,
    /// The next venue-level ping on the trade link is due.
    TradeVenueProbe,
}

const COUNT: usize = Deadline::ALL.len();

/// When each deadline falls, if it is set.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    at: [Option<Moment>; COUNT],
}

impl Deadlines {
    /// Sets a deadline, replacing an earlier setting.
    pub fn set(&mut self, deadline: Deadline, at: Moment) {
        self.at[deadline as usize] = Some(at);
    }

    /// Sets or clears a deadline.
    pub fn put(&mut self, deadline: Deadline, at: Option<Moment>) {
        self.at[deadline as usize] = at;
    }

    /// Clears a deadline.
    pub fn stop(&mut self, deadline: Deadline) {
        self.at[deadline as usize] = None;
    }

    /// Clears them all.
    pub fn stop_all(&mut self) {
        self.at = [None; COUNT];
    }

    /// When a deadline falls.
    pub fn when(&self, deadline: Deadline) -> Option<Moment> {
        self.at[deadline as usize]
    }

    /// Takes out the first deadline, in the order of the enum, that has passed. It fires once: setting it again is the
    /// business of whoever handles it.
    pub fn take_expired(&mut self, now: Moment) -> Option<Deadline> {
        let expired = Deadline::ALL.into_iter().find(|d| self.at[*d as usize].is_some_and(|at| at <= now))?;
        self.stop(expired);
        Some(expired)
    }

    /// The earliest deadline and when it falls.
    pub fn next(&self) -> Option<(Moment, Deadline)> {
        Deadline::ALL.into_iter().filter_map(|d| Some((self.at[d as usize]?, d))).min()
    }
}

impl Deadline {
    /// Every deadline, in the order in which simultaneous ones are handled.
    pub const ALL: [Deadline; 25] = [
        Self::Lease,
        Self::LeaseAbort,
        Self::Dial,
        Self::Settle,
        Self::Step,
        Self::Probe,
        Self::Judge,
        Self::VenueProbe,
        Self::ReadBack,
        Self::Feed,
        Self::FeedAnswer,
        Self::TripEarly,
        Self::TripLate,
        Self::Abandon,
        Self::HoldOff,
        Self::Renew,
        Self::Retry,
        Self::Kill,
        Self::Audit,
        Self::Sticky,
        Self::Farewell,
        Self::TradeDial,
        Self::TradeStep,
        Self::TradeProbe,
        Self::TradeVenueProbe,
    ];

    /// What the guard waits for, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "the application to renew a lease",
            Self::LeaseAbort => "cancel-all to be acknowledged after a lease lapsed",
            Self::Dial => "the next dial",
            Self::Settle => "the link to settle",
            Self::Step => "an acknowledgement",
            Self::Probe => "the next ping",
            Self::Judge => "an answer to a ping",
            Self::VenueProbe => "the next venue-level probe",
            Self::ReadBack => "the next read-back",
            Self::Feed => "the next feed",
            Self::FeedAnswer => "the acknowledgement of a feed",
            Self::TripEarly => "the early trip bound",
            Self::TripLate => "the late trip bound",
            Self::Abandon => "the venue to have tripped",
            Self::HoldOff => "a setting to act",
            Self::Renew => "the token to be renewed",
            Self::Retry => "another try",
            Self::Kill => "the orders to be gone",
            Self::Audit => "the list of open orders",
            Self::Sticky => "the answer to a subscription",
            Self::Farewell => "the farewell to be confirmed",
            Self::TradeDial => "the next dial of the trade link",
            Self::TradeStep => "the login of the trade link",
            Self::TradeProbe => "the next ping on the trade link",
            Self::TradeVenueProbe => "the next venue-level ping on the trade link",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    #[test]
    fn the_list_of_all_deadlines_is_the_enum_in_its_order() {
        for (index, deadline) in Deadline::ALL.into_iter().enumerate() {
            assert_eq!(deadline as usize, index);
        }
    }

    #[test]
    fn a_deadline_fires_once() {
        let mut table = Deadlines::default();
        table.set(Deadline::Feed, at(5));
        assert_eq!(table.take_expired(at(4)), None);
        assert_eq!(table.take_expired(at(5)), Some(Deadline::Feed));
        assert_eq!(table.take_expired(at(9)), None);
    }

    #[test]
    fn what_was_put_falls_when_it_was_put_and_nothing_clears_it() {
        let mut table = Deadlines::default();
        table.put(Deadline::Feed, Some(at(5)));
        assert_eq!((table.when(Deadline::Feed), table.when(Deadline::Dial)), (Some(at(5)), None));
        table.put(Deadline::Feed, None);
        assert_eq!((table.when(Deadline::Feed), table.next()), (None, None));
    }

    /// An operator asks what a guard waits for: no two answers are the same, and none is empty.
    #[test]
    fn every_deadline_has_words_of_its_own() {
        let mut words: Vec<&str> = Deadline::ALL.into_iter().map(Deadline::as_str).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), COUNT);
        assert!(words.iter().all(|word| word.contains(' ')));
    }

    #[test]
    fn the_next_deadline_is_the_earliest() {
        let mut table = Deadlines::default();
        table.set(Deadline::Dial, at(9));
        table.set(Deadline::Retry, at(3));
        assert_eq!(table.next(), Some((at(3), Deadline::Retry)));
        table.stop_all();
        assert_eq!(table.next(), None);
    }
}
