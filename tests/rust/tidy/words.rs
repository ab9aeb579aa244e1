//! Rules about words: what may not be written where. The world (hash order, clocks, sockets, files, threads, chance)
//! stays above the pure core; only one file reads a clock; nothing unwraps; unfinished work is not called done.

use super::source::{Finding, Source, closing, is_name_byte, line_of, word_offsets};

const PURE_FLOORS: &[&str] = &["model", "parts", "venue", "session", "sim"];
const CLOCK_FILE: &str = "src/driver/clock.rs";

/// Names that bring the world in. An address is only data, so `std::net` itself is not among them.
const WORLD: &[&str] = &[
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "RandomState",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "ToSocketAddrs",
    "rand",
    "getrandom",
    "fastrand",
    "tokio",
    "rustls",
    "pyo3",
    "libc",
    "rustix",
    "socket2",
    "println",
    "eprintln",
    "dbg",
];
const WORLD_PATHS: &[&str] = &["std::fs", "std::io", "std::thread", "std::env", "std::process", "std::os"];
const CLOCK_CALLS: &[&str] = &["Instant::now", "SystemTime::now", "clock_gettime", "UNIX_EPOCH.elapsed", "Utc::now"];
const SLEEPS: &[&str] = &["thread::sleep", "park_timeout", "nanosleep", "usleep"];

pub fn missing_opening(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().next().unwrap_or_default();
    let says = first.starts_with("//! ") && first.len() > 10;
    if says { Vec::new() } else { vec![source.finding("opening", 0, "the file does not open with a `//!` paragraph")] }
}

pub fn world_below_the_driver(source: &Source) -> Vec<Finding> {
    if !is_pure(source) {
        return Vec::new();
    }
    let names = WORLD.iter().flat_map(|name| word_offsets(&source.live, name).into_iter().map(move |at| (at, *name)));
    let paths =
        WORLD_PATHS.iter().flat_map(|path| path_offsets(&source.live, path).into_iter().map(move |at| (at, *path)));
    let finding = |(at, name)| source.finding("world in the core", at, format!("{name} below the driver"));
    names.chain(paths).map(finding).collect()
}

pub fn unsafe_below_the_driver(source: &Source) -> Vec<Finding> {
    if !is_pure(source) {
        return Vec::new();
    }
    let offsets = word_offsets(&source.live, "unsafe");
    offsets.into_iter().map(|at| source.finding("unsafe in the core", at, "unsafe below the driver")).collect()
}

pub fn clock_outside_the_clock_file(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("src/") || source.path == CLOCK_FILE {
        return Vec::new();
    }
    calls(source, "clock", CLOCK_CALLS, "only driver/clock.rs reads a clock")
}

/// Tests too: a sleep that makes a race pass is worse than a failing test.
pub fn sleeps(source: &Source) -> Vec<Finding> {
    let named = SLEEPS.iter().flat_map(|call| word_offsets(&source.code, call));
    named.map(|at| source.finding("sleep", at, "nothing waits by sleeping")).collect()
}

pub fn unwraps(source: &Source) -> Vec<Finding> {
    let found = source.live.match_indices(".unwrap()").chain(source.live.match_indices(".unwrap_err()"));
    found.map(|(at, _)| source.finding("unwrap", at, "no unwrap outside tests")).collect()
}

/// An `allow` or `expect` attribute says why, in the attribute or in a comment on the line above or beside it. Leaving
/// out documentation needs no words: it says that the names (or the error texts) are the documentation.
pub fn allowance_without_reason(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for opening in ["[allow(", "[expect("] {
        for (at, _) in source.live.match_indices(opening) {
            let inside = source.live[at..closing(&source.live, at)].trim_end();
            let names_say_it = inside.ends_with("(missing_docs)");
            if !names_say_it && !inside.contains("reason") && !is_explained(source, at) {
                findings.push(source.finding("allowance", at, "an allowance says its reason"));
            }
        }
    }
    findings
}

/// Words that admit unfinished work, and paths that exist on one machine only.
pub fn forbidden_words(path: &str, text: &str) -> Vec<Finding> {
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimple", "mented!"), concat!("to", "do!")];
    let machine = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
    let unfinished = unfinished.iter().map(|word| ("unfinished", *word));
    let machine = machine.iter().map(|word| ("machine path", *word));
    let mut findings = Vec::new();
    for (rule, word) in unfinished.chain(machine) {
        for (at, _) in text.match_indices(word).filter(|(at, _)| starts_a_word(text, *at)) {
            findings.push(Finding {
                rule,
                path: path.to_owned(),
                line: line_of(text, at),
                what: format!("says {word}"),
            });
        }
    }
    findings
}

fn is_pure(source: &Source) -> bool {
    source.floor().is_some_and(|floor| PURE_FLOORS.contains(&floor))
}

fn calls(source: &Source, rule: &'static str, calls: &[&str], what: &str) -> Vec<Finding> {
    let offsets = calls.iter().flat_map(|call| word_offsets(&source.live, call));
    offsets.map(|at| source.finding(rule, at, what)).collect()
}

/// `std::net` as written, and as a member of `use std::{...}`.
fn path_offsets(code: &str, path: &str) -> Vec<usize> {
    let mut offsets = word_offsets(code, path);
    let (crate_name, member) = path.split_once("::").expect("a world path has two parts");
    let opening = format!("{crate_name}::{{");
    for (at, _) in code.match_indices(&opening) {
        let group = at + opening.len() - 1;
        let inside = &code[group..closing(code, group)];
        offsets.extend(word_offsets(inside, member).into_iter().map(|found| group + found));
    }
    offsets
}

fn is_explained(source: &Source, at: usize) -> bool {
    let line = line_of(&source.text, at);
    let lines: Vec<&str> = source.text.lines().collect();
    let above = line.checked_sub(2).and_then(|index| lines.get(index)).unwrap_or(&"");
    above.trim_start().starts_with("//") || lines.get(line - 1).is_some_and(|beside| beside.contains("// "))
}

fn starts_a_word(text: &str, at: usize) -> bool {
    !at.checked_sub(1).is_some_and(|before| is_name_byte(text.as_bytes()[before]))
}

mod proof {
    use super::*;

    fn count(rule: fn(&Source) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[test]
    fn a_file_without_a_paragraph_is_found() {
        assert_eq!(count(missing_opening, "src/model/a.rs", "use std::fmt;"), 1);
        assert_eq!(count(missing_opening, "src/model/a.rs", "//!\n"), 1);
        assert_eq!(count(missing_opening, "src/model/a.rs", "//! What time is here.\n"), 0);
    }

    #[test]
    fn the_world_is_found_in_the_core_and_allowed_in_the_driver() {
        let each = ["use std::collections::HashMap;", "use std::{fmt, io::Write};", "let a = std::fs::read(b);"];
        for text in each.into_iter().chain([
            "use std::time::Instant;",
            "use std::net::TcpStream;",
            "rand::random()",
            "tokio::spawn(a)",
        ]) {
            for floor in PURE_FLOORS {
                assert_eq!(count(world_below_the_driver, &format!("src/{floor}/a.rs"), text), 1, "{text}");
            }
            assert_eq!(count(world_below_the_driver, "src/driver/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn a_hash_map_in_a_comment_or_a_test_is_no_world() {
        let text = "// HashMap\n#[cfg(test)]\nmod tests { use std::collections::HashMap; }";
        assert_eq!(count(world_below_the_driver, "src/model/a.rs", text), 0);
    }

    #[test]
    fn unsafe_is_found_in_the_core() {
        assert_eq!(count(unsafe_below_the_driver, "src/parts/a.rs", "unsafe { a() }"), 1);
        assert_eq!(count(unsafe_below_the_driver, "src/driver/a.rs", "unsafe { a() }"), 0);
    }

    #[test]
    fn a_clock_is_found_everywhere_but_in_the_clock_file() {
        for text in
            ["Instant::now()", "std::time::SystemTime::now()", "tokio::time::Instant::now()", "clock_gettime(a)"]
        {
            assert_eq!(count(clock_outside_the_clock_file, "src/driver/mod.rs", text), 1, "{text}");
            assert_eq!(count(clock_outside_the_clock_file, "src/python/a.rs", text), 1, "{text}");
            assert_eq!(count(clock_outside_the_clock_file, CLOCK_FILE, text), 0, "{text}");
        }
    }

    #[test]
    fn a_sleep_is_found_in_tests_too() {
        assert_eq!(count(sleeps, "src/driver/a.rs", "std::thread::sleep(a)"), 1);
        assert_eq!(count(sleeps, "src/driver/tests.rs", "thread::sleep(a)"), 1);
    }

    #[test]
    fn an_unwrap_is_found_outside_tests_only() {
        assert_eq!(count(unwraps, "src/venue/a.rs", "fn a() { b().unwrap() }"), 1);
        assert_eq!(count(unwraps, "src/venue/a.rs", "fn a() { b().unwrap_or_default() }"), 0);
        assert_eq!(count(unwraps, "src/venue/tests.rs", "fn a() { b().unwrap() }"), 0);
    }

    #[test]
    fn an_allowance_without_a_reason_is_found() {
        assert_eq!(count(allowance_without_reason, "src/driver/a.rs", "#[allow(dead_code)]\nfn a() {}"), 1);
        assert_eq!(count(allowance_without_reason, "src/driver/a.rs", "#[allow(x, reason = \"y\")]\nfn a() {}"), 0);
        assert_eq!(count(allowance_without_reason, "src/driver/a.rs", "// Why.\n#[allow(x)]\nfn a() {}"), 0);
        assert_eq!(count(allowance_without_reason, "src/driver/a.rs", "#[allow(missing_docs)]\nfn a() {}"), 0);
    }

    #[test]
    fn unfinished_work_and_machine_paths_are_found() {
        let words =
            [concat!("// TO", "DO later"), concat!("to", "do!()"), concat!("see /ho", "me/x"), concat!("FIX", "ME")];
        for text in words {
            assert_eq!(forbidden_words("docs/a.md", text).len(), 1, "{text}");
        }
        assert!(forbidden_words("docs/a.md", "https://example.org/network/homework").is_empty());
    }
}
