//! The venue's switch as we may speak of it: a belief with its evidence, never a fact.
//!
//! * **Off**: never armed, or taken off on purpose. Nothing fires.
//! * **Standing**: armed, and the venue watches the link (session-bound, grace). It fires some time after contact ends.
//! * **Running**: a countdown, fed; it fires within its bounds unless fed again.
//! * **Fading**: contact is lost; it will fire within its bounds unless contact is proven before the early one.
//! * **Tripped**: it fired, or may have. Only a new arm leads out.

use crate::model::{Epoch, Moment, Trip, TripBounds};
use std::time::Duration;

/// What is believed about one guard's switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Switch {
    /// Nothing fires.
    #[default]
    Off,
    /// Armed on this epoch; the venue watches the link.
    Standing {
        /// The epoch whose end fires it.
        epoch: Epoch,
    },
    /// A countdown is running.
    Running {
        /// When it fires if nothing more arrives.
        bounds: TripBounds,
    },
    /// Contact is lost.
    Fading {
        /// When it fires if contact does not resume.
        bounds: TripBounds,
    },
    /// It fired, or may have.
    Tripped {
        /// How we know.
        how: Trip,
    },
}

impl Switch {
    /// An arm of a switch that watches the link was acknowledged at `heard`. A trip comes back when it may have fired
    /// in the meantime; the switch stands again in any case.
    pub fn armed(&mut self, epoch: Epoch, heard: Moment) -> Option<Trip> {
        let missed = self.may_have_fired_by(heard);
        *self = Self::Standing { epoch };
        missed
    }

    /// A feed said at `sent` was acknowledged at `heard`. A trip comes back when the countdown may have ended before
    /// this feed reached the venue; it runs again in any case.
    pub fn fed(&mut self, sent: Moment, heard: Moment, window: Duration, rounding: Duration) -> Option<Trip> {
        let missed = self.may_have_fired_by(heard);
        let bounds = TripBounds { earliest: sent + window, latest: heard + window + rounding };
        *self = Self::Running { bounds };
        missed
    }

    /// The link that a standing switch watches was lost. `bounds` say when it fires now.
    pub fn lost(&mut self, bounds: TripBounds) {
        if let Self::Standing { .. } = self {
            *self = Self::Fading { bounds };
        }
    }

    /// The link over which a countdown is fed was lost: it goes on by itself.
    pub fn unfed(&mut self) {
        if let Self::Running { bounds } = *self {
            *self = Self::Fading { bounds };
        }
    }

    /// Time passed. A trip comes back, once, when the late bound has passed.
    pub fn expire(&mut self, now: Moment) -> Option<Trip> {
        let bounds = self.bounds()?;
        if now < bounds.latest {
            return None;
        }
        self.trip(Trip::Presumed)
    }

    /// Our clocks stood still for between `at_least` and `at_most`, and it went on: it fires sooner than they will show.
    pub fn went_on(&mut self, at_least: Duration, at_most: Duration) {
        if let Self::Running { bounds } | Self::Fading { bounds } = self {
            bounds.earliest = bounds.earliest - at_most;
            bounds.latest = (bounds.latest - at_least).max(bounds.earliest);
        }
    }

    /// It fired. A trip comes back unless that was known already or the switch was off.
    pub fn trip(&mut self, how: Trip) -> Option<Trip> {
        match self {
            Self::Off | Self::Tripped { .. } => None,
            Self::Standing { .. } | Self::Running { .. } | Self::Fading { .. } => {
                *self = Self::Tripped { how };
                Some(how)
            }
        }
    }

    /// It was taken off on purpose, and the venue confirmed it.
    pub fn disarmed(&mut self) {
        *self = Self::Off;
    }

    /// When it fires if nothing more arrives; only while counting or fading.
    pub const fn bounds(&self) -> Option<TripBounds> {
        match self {
            Self::Running { bounds } | Self::Fading { bounds } => Some(*bounds),
            Self::Off | Self::Standing { .. } | Self::Tripped { .. } => None,
        }
    }

    /// True while the last thing known is that it fired.
    pub const fn is_tripped(&self) -> bool {
        matches!(self, Self::Tripped { .. })
    }

    /// The new acknowledgement was heard at `heard`; the venue received the request at some time before that. Only when
    /// even `heard` is before the early bound is it certain that the switch did not fire in between.
    fn may_have_fired_by(&self, heard: Moment) -> Option<Trip> {
        self.bounds().filter(|bounds| heard >= bounds.earliest).map(|_| Trip::Presumed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const ROUNDING: Duration = Duration::from_secs(1);

    fn s(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    fn running() -> Switch {
        let mut switch = Switch::Off;
        assert_eq!(switch.fed(s(100), s(101), WINDOW, ROUNDING), None);
        switch
    }

    #[test]
    fn bounds_run_from_send_and_from_acknowledgement() {
        assert_eq!(running().bounds(), Some(TripBounds { earliest: s(160), latest: s(162) }));
    }

    #[test]
    fn a_feed_acknowledged_before_the_early_bound_is_no_trip() {
        assert_eq!(running().fed(s(158), s(159), WINDOW, ROUNDING), None);
    }

    /// The acknowledgement of a late feed looks like any other; only the clock knows.
    #[test]
    fn a_feed_acknowledged_after_the_early_bound_may_have_come_too_late() {
        let mut switch = running();
        assert_eq!(switch.fed(s(155), s(160), WINDOW, ROUNDING), Some(Trip::Presumed));
        assert!(matches!(switch, Switch::Running { .. }), "it runs again, and the trip is still told");
    }

    #[test]
    fn a_trip_is_presumed_at_the_late_bound_and_told_once() {
        let mut switch = running();
        switch.unfed();
        assert_eq!(switch.expire(s(161)), None);
        assert_eq!(switch.expire(s(162)), Some(Trip::Presumed));
        assert_eq!(switch.expire(s(163)), None);
        assert!(switch.is_tripped());
    }

    #[test]
    fn a_countdown_goes_on_while_our_clocks_stand_still() {
        let mut switch = running();
        switch.went_on(Duration::from_secs(30), Duration::from_secs(31));
        assert_eq!(switch.bounds(), Some(TripBounds { earliest: s(129), latest: s(132) }));
        assert_eq!(switch.fed(s(128), s(129), WINDOW, ROUNDING), Some(Trip::Presumed));
        switch.went_on(Duration::from_secs(200), Duration::from_secs(200));
        assert_eq!(switch.expire(s(129)), Some(Trip::Presumed));
        switch.went_on(Duration::MAX, Duration::MAX);
        assert!(switch.is_tripped());
    }

    #[test]
    fn a_grace_switch_armed_again_in_time_did_not_fire() {
        let mut switch = Switch::Off;
        switch.armed(Epoch(1), s(0));
        switch.lost(TripBounds { earliest: s(10), latest: s(70) });
        assert_eq!(switch.armed(Epoch(2), s(9)), None);
        switch.lost(TripBounds { earliest: s(20), latest: s(80) });
        assert_eq!(switch.armed(Epoch(3), s(20)), Some(Trip::Presumed));
    }

    /// Nothing more will be fed, and it fires when it was going to.
    #[test]
    fn a_countdown_that_is_no_longer_fed_fades_with_the_same_bounds() {
        let mut switch = running();
        let before = switch.bounds();
        switch.unfed();
        assert!(matches!(switch, Switch::Fading { bounds } if Some(bounds) == before));
        assert!(!switch.is_tripped());
    }

    #[test]
    fn a_switch_that_is_off_cannot_trip() {
        let mut switch = running();
        switch.disarmed();
        assert_eq!(switch.expire(s(1_000)), None);
        assert_eq!(switch.trip(Trip::Presumed), None);
    }
}
