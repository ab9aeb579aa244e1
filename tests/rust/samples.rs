//! The frames captured from the real venues, as they are kept beside the project, through the dialects' decoders: none
//! may be a breach, and every heartbeat must be answered with its own id. A copy of most of them is part of each
//! dialect's own tests; this reads the originals, and says aloud when they are not there.

use super::worlds::{CRYPTO_COM, KRAKEN, Side};
use killcord::model::{Epoch, LinkRole, Moment, Now, WallTime};
use killcord::venue::{Heard, Item, Outbox, Venue};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const NOW: Now = Now { at: Moment::from_nanos(1_000_000_000_000), wall: WallTime::from_millis(1_716_000_000_000) };

#[test]
fn every_captured_frame_of_kraken_is_understood() {
    let Some(text) = captured("kraken.jsonl") else { return };
    let heard = hear_all(&KRAKEN, text.lines().filter(|line| line.starts_with('{')));
    assert!(heard.len() >= 20, "only {} frames were read", heard.len());
}

#[test]
fn every_captured_user_channel_result_of_crypto_com_is_understood() {
    let Some(text) = captured("cryptocom-user-channel-results-2026.jsonl") else { return };
    let pushes = text.lines().filter(|line| line.starts_with('{')).map(|line| {
        let captured: serde_json::Value = serde_json::from_str(line).expect("a captured line is JSON");
        let result = &captured["result"];
        format!(r#"{{"id":-1,"method":"subscribe","code":0,"result":{result}}}"#)
    });
    let pushes: Vec<String> = pushes.collect();
    let heard = hear_all(&CRYPTO_COM, pushes.iter().map(String::as_str));
    assert!(!heard.is_empty() && heard.iter().all(|(heard, _)| *heard == Heard::Application), "{heard:?}");
}

#[test]
fn every_captured_heartbeat_of_crypto_com_is_answered_with_its_own_id() {
    let Some(text) = captured("cryptocom-user-socket-2023.txt") else { return };
    let beats: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("venue  text"))
        .filter_map(|line| line.split_once("b'")?.1.strip_suffix('\''))
        .collect();
    let heard = hear_all(&CRYPTO_COM, beats.iter().copied());
    assert!(heard.len() >= 4, "only {} heartbeats were read", heard.len());
    for (beat, (heard, said)) in beats.iter().zip(&heard) {
        let id = beat.trim_start_matches(r#"{"id":"#).split(',').next().expect("a heartbeat has an id");
        assert_eq!(*heard, Heard::Ours, "{beat}");
        assert!(said.contains(id) && said.contains("public/respond-heartbeat"), "{beat} was answered with {said}");
    }
}

/// What the dialect made of each line, and what it said to it.
fn hear_all<'a, V: Venue>(side: &Side<V>, lines: impl Iterator<Item = &'a str>) -> Vec<(Heard, String)> {
    let mut venue = (side.dialect)();
    let mut out = Outbox::default();
    venue.prepare(NOW, &mut out);
    venue.begin(NOW, LinkRole::Guard, Epoch(1), &mut out);
    lines
        .map(|line| {
            out.clear();
            let heard = venue.hear(NOW, LinkRole::Guard, line, &mut out);
            (heard.unwrap_or_else(|breach| panic!("{breach} in {line}")), said(&out))
        })
        .collect()
}

fn said(out: &Outbox) -> String {
    let lines = out.items().iter().filter_map(|item| match item {
        Item::Say { text, .. } => Some(out.text(text)),
        Item::Call { .. } | Item::Report(_) => None,
    });
    lines.collect()
}

fn captured(name: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/venues/samples");
    match std::fs::read_to_string(folder.join(Path::new(name))) {
        Ok(text) => Some(text),
        Err(why) => {
            // Past the capture of test output: nobody reads that of a test that passes.
            let _ =
                writeln!(std::io::stderr(), "NOT TESTED: captured frames {name} are not beside the project ({why})");
            None
        }
    }
}
