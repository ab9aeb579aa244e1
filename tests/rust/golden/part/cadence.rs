//! When a countdown is fed.

use super::{Group, Part, length, unknown, when};
use killcord::model::Moment;
use killcord::parts::Cadence;

pub const GROUP: Group = Group {
    name: "cadence",
    promises: &[
        (
            "counts_from_the_saying",
            "The next feed is due a whole period after the last one was *said*, not after its acknowledgement was heard: a slow \
             venue must not stretch the rhythm.",
            "0s every 15s

             0s say
             0.4s acknowledged

             # A venue that takes nine seconds to answer.
             15s say
             24s acknowledged",
        ),
        (
            "one_feed_is_in_flight",
            "While a feed is unanswered no other is said, because two could overtake each other on the way to the engine. A \
             refusal is an answer.",
            "0s every 15s
             0s say
             5s say
             6s refused
             6s say
             6.1s acknowledged
             7s say",
        ),
    ],
    fresh: || Box::new(Asked { cadence: Cadence::new(length("15s")), said: Moment::default() }),
};

struct Asked {
    cadence: Cadence,
    said: Moment,
}

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["every", period] => {
                self.cadence = Cadence::new(length(period));
                "no feed is in flight".to_owned()
            }
            ["say"] if self.cadence.say(now) => {
                self.said = now;
                "a feed is said, and is in flight".to_owned()
            }
            ["say"] => "nothing is said: a feed is in flight".to_owned(),
            ["acknowledged"] => format!("the next feed is due at {}", when(self.cadence.acknowledged(self.said))),
            ["refused"] => {
                self.cadence.refused();
                format!("refused; {}", if self.cadence.in_flight() { "still in flight" } else { "another may be said" })
            }
            _ => unknown(words),
        }
    }
}
