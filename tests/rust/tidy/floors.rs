//! The floor table of `src/lib.rs`, read from there, and the paths each file uses, held against it. The table is the
//! only place where the rule is written; a note in brackets that is not understood fails.
//!
//! Not tested against the table: tests (both ends meet there), except those of the simulated venues, which must not
//! know the dialects even in a test.

use super::source::{Finding, Source, closing, is_name_byte, word_offsets};

const RULE: &str = "floor";

/// What each floor may use.
#[derive(Debug, Default)]
pub struct Table {
    floors: Vec<Floor>,
}

#[derive(Debug)]
struct Floor {
    number: u8,
    name: String,
    may_use: Vec<u8>,
    /// Files or folders of this floor that may use more.
    also: Vec<(String, u8)>,
    /// Folders of this floor that may use less: themselves and these floors.
    only: Vec<(String, u8)>,
    never_each_other: bool,
}

impl Table {
    pub fn parse(lib: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in lib.lines().filter_map(|line| line.strip_prefix("//!")) {
            if line.contains(" may use ") && line.contains("src/") {
                table.floors.push(Floor::parse(line)?);
            }
        }
        if table.floors.len() == 7 { Ok(table) } else { Err(format!("{} floors instead of 7", table.floors.len())) }
    }

    fn named(&self, name: &str) -> Option<&Floor> {
        self.floors.iter().find(|floor| floor.name == name)
    }
}

impl Floor {
    fn parse(line: &str) -> Result<Self, String> {
        let (head, uses) = line.split_once(" may use ").ok_or("no `may use`")?;
        let mut words = head.split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok()).ok_or(format!("no floor number in {line:?}"))?;
        let name = words.next().ok_or(format!("no floor name in {line:?}"))?.to_owned();
        let (numbers, notes) = uses.split_once('(').unwrap_or((uses, ""));
        let numbers = numbers.split_whitespace().filter(|word| *word != "nothing");
        let may_use: Vec<u8> =
            numbers.map(|word| word.parse().map_err(|_| format!("{word:?}?"))).collect::<Result<_, _>>()?;
        let mut floor = Self { number, name, may_use, also: Vec::new(), only: Vec::new(), never_each_other: false };
        let notes = notes.trim_end().trim_end_matches(')');
        notes.split(", ").filter(|note| !note.is_empty()).try_for_each(|note| floor.note(note))?;
        Ok(floor)
    }

    fn note(&mut self, note: &str) -> Result<(), String> {
        let unknown = format!("the note {note:?} is not understood");
        if note == "never each other" {
            self.never_each_other = true;
        } else if let Some(number) = note.strip_prefix("never ") {
            let number: u8 = number.parse().map_err(|_| unknown.clone())?;
            if self.may_use.contains(&number) {
                return Err(format!("{note:?} contradicts `may use`"));
            }
        } else if let Some((file, number)) = note.split_once(" also ") {
            self.also.push((file.trim_end_matches(".rs").to_owned(), number.parse().map_err(|_| unknown)?));
        } else if let Some((folder, number)) = note.split_once("/*: ") {
            let folder = folder.strip_prefix(&format!("{}/", self.name)).ok_or(unknown.clone())?;
            let number = number.strip_suffix(" only").ok_or(unknown.clone())?;
            self.only.push((folder.to_owned(), number.parse().map_err(|_| unknown)?));
        } else {
            return Err(unknown);
        }
        Ok(())
    }
}

/// The folders under `src/venue`.
pub fn dialects(sources: &[Source]) -> Vec<String> {
    let below = sources.iter().filter_map(|source| source.path.strip_prefix("src/venue/"));
    let mut names: Vec<String> =
        below.filter_map(|path| path.split_once('/')).map(|(name, _)| name.to_owned()).collect();
    names.dedup();
    names
}

pub fn wrong_uses(source: &Source, table: &Table, dialects: &[String]) -> Vec<Finding> {
    let Some(floor) = source.floor() else { return Vec::new() };
    let Some(floor) = table.named(floor) else {
        return vec![source.finding(RULE, 0, format!("{floor} is not in the floor table"))];
    };
    let here = module_path(&source.path);
    let code = if here.starts_with(&["sim".to_owned(), "exchange".to_owned()]) { &source.code } else { &source.live };
    let mut findings: Vec<Finding> = word_offsets(code, "path")
        .into_iter()
        .filter(|at| code[..*at].ends_with("#["))
        .map(|at| source.finding(RULE, at, "`#[path]` hides which floor a file is on"))
        .collect();
    for (offset, used) in used_paths(code, &here) {
        if let Some(why) = objection(floor, &here, &used, table, dialects) {
            findings.push(source.finding(RULE, offset, format!("uses crate::{}: {why}", used.join("::"))));
        }
    }
    findings
}

/// Why the module `here` must not use the path `used`; `None` when it may.
fn objection(floor: &Floor, here: &[String], used: &[String], table: &Table, dialects: &[String]) -> Option<String> {
    let Some(target) = used.first().and_then(|name| table.named(name)) else {
        return Some("not a floor; name the floor it comes from".to_owned());
    };
    let inner = here.get(1).map_or("", String::as_str);
    if let Some((folder, number)) = floor.only.iter().find(|(folder, _)| folder == inner) {
        let inside = target.number == floor.number && used.get(1) == Some(folder);
        let allowed = inside || target.number == *number;
        return (!allowed).then(|| format!("{}/{folder} may use floor {number} only", floor.name));
    }
    if target.number != floor.number {
        let also = floor.also.iter().any(|(file, number)| file == inner && *number == target.number);
        let allowed = also || floor.may_use.contains(&target.number);
        return (!allowed).then(|| format!("floor {} may not use floor {}", floor.number, target.number));
    }
    if !floor.never_each_other || here.len() < 2 {
        return None;
    }
    let other = used.get(1).map_or("*", String::as_str);
    let siblings = floor.name != "venue" || dialects.iter().any(|dialect| dialect == other) || other == "*";
    (siblings && other != inner).then(|| format!("{inner} must not use {other}: they stand side by side"))
}

/// `src/venue/kraken/wire.rs` is `venue::kraken::wire`; `src/venue/mod.rs` is `venue`.
fn module_path(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Every path that starts at `crate`, `super` or `self`, resolved from `here`, with the offset where it starts.
fn used_paths(code: &str, here: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for start in ["crate", "super", "self"] {
        for at in word_offsets(code, start) {
            let rest = code[at + start.len()..].trim_start();
            let is_start = !code[..at].trim_end().ends_with("::");
            if is_start && (rest.starts_with("::") || rest.starts_with("as ")) {
                let here = [here, &inline_modules(code, at)].concat();
                let mut paths = Vec::new();
                expand(&code[at..use_end(code, at)], &mut Vec::new(), &mut paths);
                found.extend(paths.into_iter().filter_map(|path| resolve(&here, &path)).map(|path| (at, path)));
            }
        }
    }
    found
}

/// The `mod name { … }` blocks around this offset, outermost first.
fn inline_modules(code: &str, at: usize) -> Vec<String> {
    let mut around = Vec::new();
    for start in word_offsets(&code[..at], "mod") {
        let rest = &code[start + 3..];
        let Some((name, _)) = rest.split_once('{') else { continue };
        let open = start + 3 + name.len();
        if name.trim().bytes().all(is_name_byte) && closing(code, open) > at {
            around.push(name.trim().to_owned());
        }
    }
    around
}

/// Where the path that starts at `at` ends, a group in braces included.
fn use_end(code: &str, at: usize) -> usize {
    let bytes = code.as_bytes();
    let mut end = at;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'{' if code[at..end].trim_end().ends_with("::") => return (closing(code, end) + 1).min(code.len()),
            b':' | b'*' => end += 1,
            byte if is_name_byte(*byte) || (byte.is_ascii_whitespace() && joins(code, end)) => end += 1,
            _ => return end,
        }
    }
    end
}

/// White space inside a path: before or after `::`.
fn joins(code: &str, at: usize) -> bool {
    code[at..].trim_start().starts_with("::") || code[..at].trim_end().ends_with("::")
}

/// `a::{b, c::{d, self}}` as `a::b`, `a::c::d`, `a::c`.
fn expand(text: &str, prefix: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    let depth = prefix.len();
    let mut rest = text.trim();
    while let Some((name, tail)) = rest.split_once("::").filter(|(name, _)| !name.contains(['{', ','])) {
        prefix.push(name.trim().to_owned());
        rest = tail.trim();
    }
    if let Some(group) = rest.strip_prefix('{') {
        let group = group.strip_suffix('}').unwrap_or(group);
        members(group).into_iter().for_each(|member| expand(member, prefix, paths));
    } else {
        let name = rest.split_whitespace().next().unwrap_or("");
        let last = (!name.is_empty() && (name != "self" || prefix.is_empty())).then(|| name.to_owned());
        paths.push(prefix.iter().cloned().chain(last).collect());
    }
    prefix.truncate(depth);
}

/// The members of a group, split at its own commas only.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut members) = (0, 0, Vec::new());
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                members.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    members.push(&group[from..]);
    members.into_iter().filter(|member| !member.trim().is_empty()).collect()
}

/// From the root of the crate; `None` for a path that leaves it.
fn resolve(here: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base: Vec<String> = if path.first()? == "crate" { Vec::new() } else { here.to_vec() };
    for (index, name) in path.iter().enumerate() {
        match name.as_str() {
            "crate" | "self" if index == 0 => {}
            "super" => drop(base.pop()?),
            name => base.push(name.to_owned()),
        }
    }
    Some(base)
}

mod proof;
