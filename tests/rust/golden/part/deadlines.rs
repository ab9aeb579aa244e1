//! When a guard will wake up, and why.

use super::{Group, Part, at, unknown, when};
use killcord::model::Moment;
use killcord::parts::{Deadline, Deadlines};

pub const GROUP: Group = Group {
    name: "deadlines",
    promises: &[
        (
            "the_earliest_is_waited_for_and_says_why",
            "A guard always knows what it waits for next, and can say it in words.",
            "0s set Feed 15s
             0s set Probe 250ms
             0s set TripLate 61s
             0s next
             0s stop Probe
             0s next",
        ),
        (
            "a_deadline_fires_once",
            "What has fallen due is handled once. Waking too early finds nothing; waking late finds everything that was missed, \
             lapses of leases first, because after one nothing may be said any more.",
            "0s set Feed 15s
             0s set Lease 20s
             14.999s expired

             # Nobody ran for a while.
             40s expired
             40s expired
             40s expired
             40s next",
        ),
        (
            "setting_again_replaces",
            "A deadline that is set again has moved; the old moment means nothing any more.",
            "0s set Judge 1s
             0.5s set Judge 1.5s
             1s expired
             1.5s expired",
        ),
    ],
    fresh: || Box::new(Asked(Deadlines::default())),
};

struct Asked(Deadlines);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["set", name, until] => {
                self.0.set(named(name), at(until));
                format!("waits for {} until {}", named(name).as_str(), when(at(until)))
            }
            ["stop", name] => {
                self.0.stop(named(name));
                format!("does not wait for {} any more", named(name).as_str())
            }
            ["next"] => match self.0.next() {
                Some((at, deadline)) => format!("the next is {}, at {}", deadline.as_str(), when(at)),
                None => "waits for nothing".to_owned(),
            },
            ["expired"] => match self.0.take_expired(now) {
                Some(deadline) => format!("due: {}", deadline.as_str()),
                None => "nothing is due".to_owned(),
            },
            _ => unknown(words),
        }
    }
}

fn named(name: &str) -> Deadline {
    Deadline::ALL.into_iter().find(|deadline| format!("{deadline:?}") == name).unwrap()
}
