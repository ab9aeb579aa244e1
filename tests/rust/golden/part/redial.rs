//! When to dial again.

use super::{Group, Part, at, length, unknown, when};
use killcord::model::Moment;
use killcord::parts::Redial;

pub const GROUP: Group = Group {
    name: "redial",
    promises: &[
        (
            "quick_at_first_and_never_slower_than_a_second",
            "The first dial is immediate, four quick ones follow, then one a second, each a little off the beat so that a \
             thousand guards do not knock in step. A path that heals is found within a second.",
            "0s dial until 6s",
        ),
        (
            "sparse_while_the_allowance_is_scarce",
            "When little is left of what the venue allows, the rest is spread over its window.",
            "0s dial
             0.3s dial
             0.6s dial with little left
             1s next
             30s dial with little left
             31s next",
        ),
        (
            "a_success_begins_anew",
            "After a link did what it was dialled for, the next loss starts with quick tries again.",
            "0s dial until 4s
             5s succeeded
             6s dial until 7s",
        ),
        (
            "a_pause_is_never_shortened",
            "The venue asked for a pause of a minute, or a person must act first: nothing makes it shorter.",
            "0s dial
             0s pause until 60s
             0s pause until 10s
             0s next
             61s next",
        ),
    ],
    fresh: || Box::new(Asked(Redial::new(length("24s"), 7))),
};

struct Asked(Redial);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["dial"] => self.dial(now, false),
            ["dial", "with", "little", "left"] => self.dial(now, true),
            ["dial", "until", end] => {
                let (mut dials, mut next) = (Vec::new(), self.0.next(now));
                while next < at(end) {
                    dials.push(when(next));
                    self.0.begin(next, false);
                    next = self.0.next(next);
                }
                format!("dials at {}", dials.join(", "))
            }
            ["succeeded"] => {
                self.0.succeeded();
                "forgets its failures".to_owned()
            }
            ["pause", "until", until] => {
                self.0.pause_until(at(until));
                format!("not before {}", when(self.0.next(now)))
            }
            ["next"] => format!("the next dial may begin at {}", when(self.0.next(now))),
            _ => unknown(words),
        }
    }
}

impl Asked {
    fn dial(&mut self, now: Moment, scarce: bool) -> String {
        let next = self.0.next(now);
        if next > now {
            return format!("not before {}", when(next));
        }
        self.0.begin(now, scarce);
        format!("dials; the next not before {}", when(self.0.next(now)))
    }
}
