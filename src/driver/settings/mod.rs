//! The file that `killcord run`, `check`, `drill` and `kill` read: from bytes to sections of checked values, or to every
//! mistake with its line, column and key. A plain function of its input: it opens no file, reads no variable and no clock.
//!
//! What it checks is shape: syntax, known keys, types, words out of a list, what must be there, what must not be there
//! twice. Whether a number is in range is asked of the code that will use it, when the accounts are built from this; each
//! value carries its place, so that this refusal has a line as well. Secrets never stand in the file.
//!
//! Neighbours: `shape` (which keys there are), `section` (one table against its shape), `nearest` (what was meant).

mod nearest;
mod section;
mod shape;
#[cfg(test)]
mod tests;

pub use section::{Section, Value};
pub use shape::{Field, Kind, Shape};

use crate::model::LeaseTerms;
use section::Reader;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More than any file for [`ACCOUNTS_MAX`] accounts needs; bounds what a wrong path makes us parse.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// A guard has a thread of its own; a file with more accounts than this is meant for several hosts.
pub const ACCOUNTS_MAX: usize = 64;
/// What a person reads before mending the first; more would be consequences of the same slip.
pub const MISTAKES_MAX: usize = 20;

/// Where in the file, both counted from 1; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in it.
    pub column: u32,
}

/// One thing that is wrong with the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// Which key, with the tables it is in: `account.desk.heartbeat_s`. Empty for a mistake of syntax.
    pub key: String,
    /// The value as it stands there, shortened; empty where there is none, `[hidden]` where it may be secret.
    pub value: String,
    /// What is wrong, or what it must be.
    pub rule: String,
}

/// A file whose shape is right.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// `[run]`: the process that guards.
    pub run: Section,
    /// `[policy]`: for every account that does not say otherwise.
    pub policy: Section,
    /// `[[account]]`, in the order of the file. Never empty; no name twice.
    pub accounts: Vec<AccountSection>,
}

/// One `[[account]]`.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountSection {
    /// The keys with plain values; `name` and `venue` are among them.
    pub values: Section,
    /// Where the secrets are: exactly one of `env` and `file`.
    pub credentials: Section,
    /// Addresses of the user's own.
    pub endpoints: Option<Section>,
    /// What differs from the file's policy.
    pub policy: Section,
    /// The leases the guard waits for, in the order of the file. No name twice.
    pub leases: Vec<Section>,
}

/// Reads a file. Refuses it with every mistake that was found, in the order of the file, at most [`MISTAKES_MAX`].
pub fn read(bytes: &[u8]) -> Result<Settings, Vec<Mistake>> {
    let text = text_of(bytes)?;
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text);
    if !errors.is_empty() {
        errors.iter().for_each(|error| reader.syntax(error));
        return Err(reader.into_mistakes());
    }
    let settings = settings(&mut reader, &root);
    match reader.into_mistakes() {
        none if none.is_empty() => Ok(settings),
        mistakes => Err(mistakes),
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Vec<Mistake>> {
    let whole =
        |rule: String| Mistake { place: Place { line: 1, column: 1 }, key: String::new(), value: String::new(), rule };
    if bytes.len() > FILE_BYTES_MAX {
        return Err(vec![whole(format!("the file has {} bytes; {FILE_BYTES_MAX} at most", bytes.len()))]);
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        let place = section::place_in(&good, good.len());
        vec![Mistake { place, ..whole("must be UTF-8".into()) }]
    })
}

fn settings(reader: &mut Reader<'_>, root: &Spanned<DeTable<'_>>) -> Settings {
    let table = root.get_ref();
    reader.unknown(table, &shape::ROOT, "");
    let accounts = reader.tables(table, "account", "account");
    if accounts.is_empty() && !table.contains_key("account") {
        reader.missing(root.span().start, "account", "at least one [[account]] is needed");
    }
    if let Some(extra) = accounts.get(ACCOUNTS_MAX) {
        reader.mistake(extra.0, "account", "", format!("{ACCOUNTS_MAX} accounts at most"));
    }
    let accounts: Vec<_> =
        accounts.into_iter().take(ACCOUNTS_MAX).map(|(at, table)| account(reader, at, table)).collect();
    repeated_names(reader, accounts.iter().map(|account| &account.values), "account");
    repeated_credentials(reader, &accounts);
    Settings {
        run: reader.optional(table, "run", &shape::RUN, "run").unwrap_or_default(),
        policy: reader.optional(table, "policy", &shape::POLICY, "policy").unwrap_or_default(),
        accounts,
    }
}

fn account(reader: &mut Reader<'_>, at: usize, table: &DeTable<'_>) -> AccountSection {
    let label = match table.get("name").map(|name| name.get_ref()) {
        Some(DeValue::String(name)) if shape::is_name(name) => format!("account.{name}"),
        _ => "account".to_owned(),
    };
    let venue = table.get("venue").and_then(|venue| venue.get_ref().as_str());
    let values = reader.section(at, table, &shape::account(venue), &label);
    let policy = reader.optional(table, "policy", &shape::POLICY, &format!("{label}.policy")).unwrap_or_default();
    let endpoints = reader.optional(table, "endpoints", &shape::ENDPOINTS, &format!("{label}.endpoints"));
    let tables = reader.tables(table, "lease", &format!("{label}.lease"));
    let leases: Vec<_> =
        tables.into_iter().map(|(at, table)| lease(reader, at, table, &format!("{label}.lease"))).collect();
    repeated_names(reader, leases.iter(), &format!("{label}.lease"));
    AccountSection { credentials: credentials(reader, table, &label), values, endpoints, policy, leases }
}

fn lease(reader: &mut Reader<'_>, at: usize, table: &DeTable<'_>, label: &str) -> Section {
    let section = reader.section(at, table, &shape::LEASE.shape(), label);
    if let (Some((Value::Text(name), _)), Some((Value::Number(budget_s), place))) =
        (section.get("name"), section.get("budget_s"))
    {
        let budget = Duration::try_from_secs_f64(*budget_s).unwrap_or_default();
        if let Err(error) = LeaseTerms::new(name, budget) {
            reader.at(*place, format!("{label}.{}", error.field), budget_s.to_string(), error.rule);
        }
    }
    section
}

fn credentials(reader: &mut Reader<'_>, account: &DeTable<'_>, label: &str) -> Section {
    let label = format!("{label}.credentials");
    let Some(section) = reader.optional(account, "credentials", &shape::CREDENTIALS, &label) else {
        return Section::default();
    };
    if section.len() != 1 && reader.is_clean_under(&label) {
        let at = account.get("credentials").map_or(0, |value| value.span().start);
        reader.mistake(at, &label, "", "must name exactly one source: env or file".into());
    }
    section
}

fn repeated_names<'s>(reader: &mut Reader<'_>, sections: impl Iterator<Item = &'s Section>, label: &str) {
    let mut seen: BTreeMap<&str, Place> = BTreeMap::new();
    for section in sections {
        let Some((Value::Text(name), place)) = section.get("name") else { continue };
        match seen.get(name.as_str()) {
            Some(first) => reader.at(
                *place,
                format!("{label}.{name}.name"),
                name.clone(),
                format!("is taken already, in line {}", first.line),
            ),
            None => drop(seen.insert(name, *place)),
        }
    }
}

/// The same keys at the same venue are the same account: two guards of it would take its session from each other.
fn repeated_credentials(reader: &mut Reader<'_>, accounts: &[AccountSection]) {
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    for account in accounts {
        let text = |section: &Section, key| section.get(key).map(|(value, _)| format!("{value:?}"));
        let endpoint = account.endpoints.as_ref().and_then(|section| text(section, "guard_url"));
        for key in ["env", "file"] {
            let Some((Value::Text(source), place)) = account.credentials.get(key) else { continue };
            let venue = text(&account.values, "venue");
            let identity = format!("{venue:?} {:?} {endpoint:?} {key} {source}", text(&account.values, "environment"));
            match seen.get(&identity) {
                Some(first) => reader.at(
                    *place,
                    format!("credentials.{key}"),
                    source.clone(),
                    format!("line {} guards the same account already", first.line),
                ),
                None => drop(seen.insert(identity, *place)),
            }
        }
    }
}
