//! The venue's switch as we may speak of it.

use super::{Group, Part, at, length, unknown, when};
use killcord::model::{Epoch, Moment, Trip, TripBounds};
use killcord::parts::Switch;

pub const GROUP: Group = Group {
    name: "switch",
    promises: &[
        (
            "a_countdown_fires_between_two_bounds",
            "A countdown of sixty seconds is known to fire not before sixty seconds after the feed was said, and surely by sixty \
             seconds after its acknowledgement was heard, and one for the venue's rounding. A trip is presumed at the later \
             bound, once, and never before it.",
            "0s fed, said at 0s
             0.5s fed, said at 0s
             15s contact is lost
             60s look
             61s look
             61.5s look
             70s look",
        ),
        (
            "a_feed_in_time_is_no_trip",
            "A feed that was acknowledged before the early bound came in time, also after an outage.",
            "0.5s fed, said at 0s
             15s contact is lost
             59.5s fed, said at 59s",
        ),
        (
            "a_late_feed_is_told_as_a_trip_that_may_have_happened",
            "The acknowledgement of a feed that came too late looks like any other: only the clock knows. The countdown runs \
             again, and the trip is told all the same.",
            "0.5s fed, said at 0s
             15s contact is lost
             60.2s fed, said at 59.9s",
        ),
        (
            "a_grace_switch_armed_again_within_its_window_did_not_fire",
            "Where the venue waits for a window after the connection is gone, a new connection within it means that nothing was \
             cancelled, and one after it that something may have been.",
            "0s armed on link 1
             10s link lost, fires between 20s and 81s
             19s armed on link 2
             30s link lost, fires between 40s and 101s
             40s armed on link 3",
        ),
        (
            "what_the_venue_says_is_told_at_once",
            "The venue says that the switch fired: that needs no bound.",
            "0.5s fed, said at 0s
             20s the venue says it fired
             70s look",
        ),
        (
            "what_is_off_cannot_fire",
            "Taken off on purpose, and confirmed: nothing is presumed however long the silence.",
            "0.5s fed, said at 0s
             20s taken off
             3600s look",
        ),
    ],
    fresh: || Box::new(Asked(Switch::Off)),
};

struct Asked(Switch);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        let trip = match words {
            ["fed,", "said", "at", said] => self.0.fed(at(said), now, length("60s"), length("1s")),
            ["armed", "on", "link", number] => self.0.armed(Epoch(number.parse().unwrap()), now),
            ["contact", "is", "lost"] => {
                self.0.unfed();
                None
            }
            ["link", "lost,", "fires", "between", earliest, "and", latest] => {
                self.0.lost(TripBounds { earliest: at(earliest), latest: at(latest) });
                None
            }
            ["look"] => self.0.expire(now),
            ["the", "venue", "says", "it", "fired"] => self.0.trip(Trip::Told { venue_time: None }),
            ["taken", "off"] => {
                self.0.disarmed();
                None
            }
            _ => unknown(words),
        };
        let told = trip.map_or("", |trip| match trip {
            Trip::Told { .. } => "TRIPPED, the venue said so; ",
            Trip::Presumed => "TRIPPED, presumed; ",
        });
        format!("{told}{}", state(&self.0))
    }
}

fn state(switch: &Switch) -> String {
    let between = |bounds: &TripBounds| format!("between {} and {}", when(bounds.earliest), when(bounds.latest));
    match switch {
        Switch::Off => "off: nothing fires".to_owned(),
        Switch::Standing { epoch } => format!("standing: fires some time after link {} is gone", epoch.0),
        Switch::Running { bounds } => format!("running: fires {} unless fed", between(bounds)),
        Switch::Fading { bounds } => format!("fading: fires {} unless contact resumes", between(bounds)),
        Switch::Tripped { .. } => "tripped".to_owned(),
    }
}
