//! The reader of frames held against another one, and the writer against the reader of the embedded venues: no two of
//! them share code.

use crate::driver::frame::{Masks, push_close, push_ping, push_text};
use crate::driver::hostile::read_frames;
use crate::driver::serve::{Decoder, Incoming};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

#[test]
fn wsproto_and_this_reader_deliver_the_same_and_end_with_the_same_code() {
    let verdicts = std::fs::read_to_string(here("tests/frames/wsproto.txt")).unwrap();
    let mut ends = std::collections::BTreeSet::new();
    for line in verdicts.lines() {
        let [bytes, said, end] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
        let bytes = from_hex(bytes);
        for piece in [1, 3, usize::MAX] {
            let ours = read_frames(&bytes, piece);
            let words: Vec<String> =
                ours.said.iter().map(|(kind, payload)| format!("{kind}{}", hex(payload))).collect();
            let code = ours.code.map_or("open".into(), |code| code.to_string());
            let ours = (comparable(words.iter().map(String::as_str), end), code.as_str());
            assert_eq!(ours, (comparable(said.split_terminator(' '), end), end), "{}", hex(&bytes));
        }
        ends.insert(end);
    }
    assert!(["open", "1000", "1002", "1005", "1007", "4001"].iter().all(|end| ends.contains(end)), "{ends:?}");
}

#[test]
fn every_frame_the_fuzzer_kept_is_read_to_its_end_in_pieces_of_any_size() {
    let kept = std::fs::read_dir(here("fuzz/corpus/frames")).unwrap();
    let mut count = 0;
    for file in kept {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let whole = read_frames(&bytes, usize::MAX);
        assert!((1..9).all(|piece| read_frames(&bytes, piece) == whole), "{}", hex(&bytes));
        count += 1;
    }
    assert!(count > 0, "no corpus");
}

proptest! {
    #[test]
    fn whatever_is_said_is_read_by_the_embedded_venue_as_it_was_said(
        lines in prop::collection::vec((any::<String>(), any::<u64>()), 0..8),
        big in 0_usize..70_000,
        piece in 1_usize..5_000,
    ) {
        let (mut out, mut masks, mut expected) = (Vec::new(), Masks::default(), Vec::new());
        for (line, nonce) in lines.into_iter().chain([("x".repeat(big), 0)]) {
            push_text(&mut out, &mut masks, &line).unwrap();
            push_ping(&mut out, &mut masks, nonce).unwrap();
            expected.extend([Incoming::Text(line), Incoming::Ping(nonce.to_be_bytes().to_vec())]);
        }
        push_close(&mut out, &mut masks, 1002).unwrap();
        expected.push(Incoming::Close(Some(1002)));
        let (mut venue, mut read) = (Decoder::default(), Vec::new());
        for part in out.chunks(piece) {
            venue.push(part);
            while let Some(incoming) = venue.next().unwrap() {
                read.push(incoming);
            }
        }
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_how_they_are_cut_changes_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1_usize..200,
    ) {
        prop_assert_eq!(read_frames(&bytes, piece), read_frames(&bytes, usize::MAX));
    }
}

/// What is to be the same. Text may be refused as soon as it cannot become right any more, or when a character is complete,
/// so that a control frame in between is read by one reader and not by the other.
fn comparable<'a>(said: impl Iterator<Item = &'a str>, end: &str) -> Vec<&'a str> {
    said.filter(|word| end != "1007" || word.starts_with(['t', 'b'])).collect()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
