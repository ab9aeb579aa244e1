//! At most so many in any stretch of time.

use super::{Group, Part, length, unknown, when};
use crate::sheet;
use killcord::model::Moment;
use killcord::parts::RateLimit;

pub const GROUP: Group = Group {
    name: "ratelimit",
    promises: &[
        (
            "no_stretch_of_time_ever_holds_more",
            "Three in any ten seconds, wherever the ten seconds begin: a bucket that refills would allow six across a boundary, \
             and venues ban for that.",
            "0s at most 3 in 10s
             8s take
             9s take
             9.5s take
             9.6s take

             # A new ten seconds by the clock on the wall, not by the venue.
             11s take
             18s take
             18.5s take
             19s take",
        ),
        (
            "what_is_scarce_is_spread",
            "When two thirds are used up what is left is spread over a whole stretch, so that there is always one left for the \
             moment it is needed.",
            "0s at most 6 in 60s
             0s take
             1s take
             2s take
             2s scarce
             3s take
             3s scarce
             62s scarce",
        ),
    ],
    fresh: || Box::new(Asked(RateLimit::new(1, length("1s")))),
};

struct Asked(RateLimit);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["at", "most", count, "in", per] => {
                self.0 = RateLimit::new(count.parse().unwrap(), length(per));
                "none is used".to_owned()
            }
            ["take"] => {
                let ready = self.0.ready_at(now);
                if ready > now {
                    return format!("not before {}", when(ready));
                }
                self.0.take(now);
                "taken".to_owned()
            }
            ["scarce"] if self.0.is_scarce(now) => {
                format!("scarce: one every {} from now on", sheet::length(self.0.sparse()))
            }
            ["scarce"] => "plenty".to_owned(),
            _ => unknown(words),
        }
    }
}
