//! What a run found, as figures: one flat JSON file in `target/proof` for each kind of run, written when all four venues came
//! to their end, and not at all when one did not. `KILLCORD_PROOF=1` asks for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// How many venues a whole run has.
const VENUES: usize = 4;

/// What the runs of this process have found: of each kind, of each venue.
static FOUND: Mutex<BTreeMap<&str, Kind>> = Mutex::new(BTreeMap::new());

/// The tree may change while a long run is on: it is looked at when the first one begins.
static COMMIT: OnceLock<String> = OnceLock::new();

#[derive(Default)]
struct Kind {
    venues: BTreeMap<&'static str, BTreeMap<String, u64>>,
    totals: BTreeMap<String, u64>,
    /// The venues run beside each other, each on one core.
    core_seconds: f64,
}

/// The figures of one venue in one kind of run.
pub struct Figures {
    kind: &'static str,
    venue: &'static str,
    took: f64,
    sums: Vec<(String, u64)>,
    most: Vec<(String, u64)>,
}

impl Figures {
    /// Of this kind of run at this venue, which begins now.
    pub fn of(kind: &'static str, venue: &'static str) -> Self {
        if is_wanted() {
            COMMIT.get_or_init(commit);
        }
        Self { kind, venue, took: 0.0, sums: Vec::new(), most: Vec::new() }
    }

    /// The run took so many seconds.
    pub fn after(self, took: f64) -> Self {
        Self { took, ..self }
    }

    /// A figure that adds up over the venues.
    pub fn sum(&mut self, name: impl Into<String>, count: u64) {
        self.sums.push((name.into(), count));
    }

    /// A figure of which the greatest is told.
    pub fn most(&mut self, name: impl Into<String>, value: u64) {
        self.most.push((name.into(), value));
    }

    /// This venue is done; the last one writes. `pace` names what is counted per second.
    pub fn finish(self, pace: &str) {
        if !is_wanted() {
            return;
        }
        let mut found = FOUND.lock().unwrap();
        let kind = found.entry(self.kind).or_default();
        let of_venue = kind.venues.entry(self.venue).or_default();
        for (name, count) in &self.sums {
            of_venue.insert(name.clone(), *count);
            *kind.totals.entry(name.clone()).or_default() += count;
        }
        for (name, value) in &self.most {
            of_venue.insert(name.clone(), *value);
            let known = kind.totals.entry(name.clone()).or_default();
            *known = (*known).max(*value);
        }
        kind.core_seconds += self.took;
        if kind.venues.len() == VENUES {
            kind.write(self.kind, pace);
        }
    }
}

impl Kind {
    fn write(&self, name: &str, pace: &str) {
        let mut fields =
            vec![format!("\"commit\": \"{}\"", COMMIT.get_or_init(commit)), "\"violations\": 0".to_owned()];
        fields.extend(self.totals.iter().map(|(name, count)| format!("\"{name}\": {count}")));
        let per_second = self.totals[pace] as f64 / self.core_seconds;
        fields.push(format!("\"core_seconds\": {:.1}", self.core_seconds));
        fields.push(format!("\"{pace}_per_second_and_core\": {per_second:.0}"));
        for (venue, figures) in &self.venues {
            fields.extend(figures.iter().map(|(name, count)| format!("\"{venue}_{name}\": {count}")));
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/proof");
        fs::create_dir_all(&folder).unwrap();
        let (fresh, whole) = (folder.join(format!("{name}.new")), folder.join(format!("{name}.json")));
        fs::write(&fresh, format!("{{\n {}\n}}\n", fields.join(",\n "))).unwrap();
        fs::rename(fresh, whole).unwrap();
    }
}

fn is_wanted() -> bool {
    number("KILLCORD_PROOF").is_some()
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The commit of the tree, with `-dirty` when what ran is not what is committed.
fn commit() -> String {
    let git = |words: &[&str]| {
        let done = Command::new("git").args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        done.map(|done| String::from_utf8_lossy(&done.stdout).trim_end().to_owned()).unwrap_or_default()
    };
    let changed = git(&["status", "--porcelain"]);
    let is_changed = changed.lines().any(|line| !line.get(3..).unwrap_or_default().starts_with("docs/proof"));
    git(&["rev-parse", "--short=9", "HEAD"]) + if is_changed { "-dirty" } else { "" }
}
