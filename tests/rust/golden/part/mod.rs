//! Every part alone, by a script of its own words: `15s say` means that this is asked of the part at 15 s.

mod cadence;
mod deadlines;
mod lease;
mod lease_page;
mod liveness;
mod pace;
mod ratelimit;
mod redial;
mod switch;

use super::files::Told;
use super::script::{self, Promise, Stage};
use super::sheet::{Sheet, moment};
use killcord::model::Moment;
use std::time::Duration;

/// Name, title, script.
type Entry = (&'static str, &'static str, &'static str);

/// A part that can be asked.
trait Part {
    /// What it answers; words it does not know are a mistake in a script.
    fn ask(&mut self, now: Moment, words: &[&str]) -> String;
}

/// One part: its name, its promises, and a fresh one.
struct Group {
    name: &'static str,
    promises: &'static [Entry],
    fresh: fn() -> Box<dyn Part>,
}

const GROUPS: [Group; 9] = [
    cadence::GROUP,
    deadlines::GROUP,
    lease::GROUP,
    lease_page::GROUP,
    liveness::GROUP,
    pace::GROUP,
    ratelimit::GROUP,
    redial::GROUP,
    switch::GROUP,
];

/// Every promise of every part, as it is kept now.
pub fn tell() -> Vec<Told> {
    let mut all = Vec::new();
    for group in &GROUPS {
        for (name, title, text) in group.promises {
            let promise = Promise { name, title, script: (*text).to_owned() };
            all.push(script::tell(group.name, &promise, &mut PartStage((group.fresh)())));
        }
    }
    all
}

/// Folder and name of every promise of every part.
pub fn names() -> Vec<(String, String)> {
    let of =
        |group: &'static Group| group.promises.iter().map(|(name, ..)| (group.name.to_owned(), (*name).to_owned()));
    const { &GROUPS }.iter().flat_map(of).collect()
}

struct PartStage(Box<dyn Part>);

impl Stage for PartStage {
    fn perform(&mut self, command: &str, sheet: &mut Sheet) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (at, words) = words.split_first().unwrap();
        let at = script::seconds(at);
        let answer = self.0.ask(START + at, words);
        sheet.plain(format!("{:>8}  {answer}", moment(at)));
    }
}

/// Where the clock stands when a story begins: not at its own beginning, because some things are older than a story.
const START: Moment = Moment::from_nanos(1_000_000_000_000);

/// A moment as the story counts.
fn when(at: Moment) -> String {
    moment(at.since(START))
}

fn maybe(at: Option<Moment>) -> String {
    at.map_or_else(|| "never".to_owned(), when)
}

fn unknown(words: &[&str]) -> ! {
    panic!("no such question: {words:?}")
}

/// A moment of the story, as a script writes it.
fn at(text: &str) -> Moment {
    START + script::seconds(text)
}

fn length(text: &str) -> Duration {
    script::seconds(text)
}
