//! What a line says: that it is JSON whatever is in it, and that the document lists exactly what is written.

use super::super::line::{self, Head};
use super::super::words;
use super::samples::{HOSTILE, every_kind};
use crate::model::{Epoch, Event, EventKind, Moment, Now, VenueName, WallTime};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn every_kind_is_one_line_of_json_with_the_same_first_fields() {
    for text in every_line() {
        let (line, end) = text.split_at(text.len() - 1);
        assert_eq!(end, "\n");
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&value["v"], &value["n"], &value["epoch"], &value["seq"]),
            (&1.into(), &9.into(), &2.into(), &7.into())
        );
        assert_eq!(value["guard"]["venue"], "deribit");
        assert_eq!((&value["boot_ns"], &value["mono_ns"]), (&11.into(), &10.into()));
        assert_eq!(value["wall"], "2026-11-20T12:00:00.000000001Z");
        assert!(value["kind"].is_string());
    }
}

#[test]
fn no_text_can_act_on_a_terminal_and_it_reads_back_as_it_was() {
    for text in every_line() {
        assert!(text.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{text}");
        assert!(!text.contains(['\u{2028}', '\u{202e}', '\u{feff}', '\u{e0041}']), "{text}");
    }
    let value: Value = serde_json::from_str(&line_of(EventKind::Disarmed { reason: HOSTILE.into() })).unwrap();
    assert_eq!(value["reason"], HOSTILE);
    assert_eq!(value["guard"]["account"], HOSTILE);
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let value: Value = serde_json::from_str(&line_of(EventKind::Disarmed { reason: "x".repeat(1_000_000) })).unwrap();
    let reason = value["reason"].as_str().unwrap();
    assert_eq!(reason.chars().count(), 1001);
    assert!(reason.ends_with('…'));
}

#[test]
fn wall_times_are_told_in_utc() {
    for (seconds, told) in [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (951_782_400, "2000-02-29T00:00:00.000000000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000000000Z"),
        (1_735_689_599, "2024-12-31T23:59:59.000000000Z"),
        (4_102_444_800, "2100-01-01T00:00:00.000000000Z"),
    ] {
        assert_eq!(words::rfc3339(WallTime::from_millis(seconds * 1000)), told);
    }
}

#[test]
fn the_document_lists_every_kind_with_exactly_its_fields() {
    let documented = documented(include_str!("../../../../docs/journal.md"));
    let common: BTreeSet<&str> = documented["every line"].clone();
    assert_eq!(common, BTreeSet::from(["v", "n", "guard", "epoch", "seq", "boot_ns", "mono_ns", "wall", "kind"]));
    for text in every_line() {
        let value: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let kind = value["kind"].as_str().unwrap();
        let fields: BTreeSet<&str> = value.keys().map(String::as_str).filter(|name| !common.contains(name)).collect();
        assert_eq!(documented.get(kind), Some(&fields), "docs/journal.md, {kind}");
    }
}

#[test]
fn the_document_and_the_samples_know_every_kind_the_writer_has() {
    let mut written = BTreeSet::new();
    for source in [include_str!("../line.rs"), include_str!("../writer.rs")] {
        for (opening, _) in source.match_indices("(\"kind\", \"").map(|(at, text)| (at + text.len(), text)) {
            written.insert(source[opening..].split('"').next().unwrap());
        }
        for (at, text) in source.match_indices("Line::own(") {
            let call = source[at + text.len()..].split(';').next().unwrap();
            written.extend(call.split('"').nth(1));
        }
    }
    let documented = documented(include_str!("../../../../docs/journal.md"));
    let documented: BTreeSet<&str> = documented.into_keys().filter(|kind| *kind != "every line").collect();
    assert_eq!(written, documented);
    let own = BTreeSet::from(["opened", "rotated", "not_rotated", "torn", "lost"]);
    let sampled: BTreeSet<String> = every_line().iter().map(|text| kind(text)).collect();
    assert_eq!(written, sampled.iter().map(String::as_str).chain(own).collect());
}

fn every_line() -> Vec<String> {
    every_kind().into_iter().map(line_of).collect()
}

fn line_of(kind: EventKind) -> String {
    let at = Now { at: Moment::from_nanos(11), wall: WallTime::from_nanos(1_795_176_000_000_000_001) };
    let guard = line::guard(VenueName::Deribit, HOSTILE);
    let head = Head { guard: Some(&guard), number: 9, at, mono_ns: 10 };
    line::event(&head, &Event { seq: 7, at: at.at, wall: at.wall, epoch: Epoch(2), kind })
}

fn kind(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    value["kind"].as_str().unwrap().to_owned()
}

/// Sections `### kind` and the names in the first column of their tables.
fn documented(text: &'static str) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let sections = text.split("\n### ").skip(1);
    let fields = |section: &'static str| {
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
    };
    sections.map(|section| (section.lines().next().unwrap().trim_matches('`'), fields(section))).collect()
}
