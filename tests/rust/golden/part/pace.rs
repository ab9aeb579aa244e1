//! Did our clocks stand still?

use super::{Group, Part, at, unknown};
use crate::script::seconds;
use crate::sheet;
use killcord::model::Moment;
use killcord::parts::Pace;
use std::time::Duration;

pub const GROUP: Group = Group {
    name: "pace",
    promises: &[
        (
            "a_paused_machine_is_noticed_by_the_venues_clock",
            "A virtual machine that is paused finds its clocks as it left them. The venue's clock went on: what it shows between \
             a question and its answer bounds how long we stood still, from both sides, and it is told once.",
            "1.02s asked at 1s, the venue's clock shows 1.01s
             2.02s asked at 2s, the venue's clock shows 2.01s

             # Paused for twenty seconds, which our own clock does not know.
             3.02s asked at 3s, the venue's clock shows 23.01s
             4.02s asked at 4s, the venue's clock shows 24.01s",
        ),
        (
            "a_slow_answer_is_no_standstill",
            "An answer that was under way for nine seconds says little of the time at which the venue's clock showed that: it \
             proves nothing, whichever way was slow.",
            "1.02s asked at 1s, the venue's clock shows 1.01s
             11s asked at 2s, the venue's clock shows 10.9s
             21s asked at 12s, the venue's clock shows 12.1s
             22.02s asked at 22s, the venue's clock shows 22.01s",
        ),
        (
            "many_short_standstills_are_seen_together",
            "Standstills too short to be told one by one add up, and are told for what they are together.",
            "1.02s asked at 1s, the venue's clock shows 1.01s
             2.02s asked at 2s, the venue's clock shows 2.21s
             3.02s asked at 3s, the venue's clock shows 3.41s
             4.02s asked at 4s, the venue's clock shows 4.61s",
        ),
        (
            "a_stamp_of_the_past_is_not_believed_at_once",
            "One stamp that is too old to be true was held up on its way. Only three in a row are a venue's clock that was set \
             back; that is no standstill of ours.",
            "1.02s asked at 1s, the venue's clock shows 1.01s
             2.02s asked at 2s, the venue's clock shows 0.5s
             3.02s asked at 3s, the venue's clock shows 3.01s
             4.02s asked at 4s, the venue's clock shows 1s
             5.02s asked at 5s, the venue's clock shows 2s
             6.02s asked at 6s, the venue's clock shows 3s
             7.02s asked at 7s, the venue's clock shows 4s",
        ),
    ],
    fresh: || Box::new(Asked(Pace::default())),
};

/// What the venue's clock shows when the story begins.
const VENUE: u64 = 1_780_000_000_000;
const TOLERANCE: Duration = Duration::from_millis(500);

struct Asked(Pace);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        let ["asked", "at", asked, "the", "venue's", "clock", "shows", shown] = words else { unknown(words) };
        let millis = VENUE + u64::try_from(seconds(shown).as_millis()).unwrap();
        match self.0.hear(now, millis, at(asked.trim_end_matches(',')), TOLERANCE) {
            None => "nothing is concluded".to_owned(),
            Some(found) => format!(
                "our clocks STOOD STILL for {} to {}",
                sheet::length(found.at_least),
                sheet::length(found.at_most)
            ),
        }
    }
}
