//! A venue's end that breaks RFC 6455, or keeps to it in ways nobody expects: what ends the link, with which close code,
//! and what is still a message.

use super::peer::{ending, send};
use super::*;
use crate::driver::clock;
use crate::driver::dial::MESSAGE_MAX;
use crate::model::LossCause;
use std::io::Write;
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[test]
fn every_breach_of_the_framing_ends_the_link_with_1002() {
    let mut breaches: Vec<(&str, Vec<u8>)> = vec![
        ("a first reserved bit", vec![0xc1, 0]),
        ("a second reserved bit", vec![0xa1, 0]),
        ("a third reserved bit", vec![0x91, 0]),
        ("a masked frame from a server", vec![0x81, 0x82, 1, 2, 3, 4, 0, 0]),
        ("a ping in pieces", vec![0x09, 0]),
        ("a close frame in pieces", vec![0x08, 0]),
        ("a ping of 126 bytes", [&[0x89, 126, 0, 126][..], &[0; 126]].concat()),
        ("a continuation of nothing", vec![0x80, 0]),
        ("a message inside a message", vec![0x01, 0, 0x81, 0]),
        ("a close frame with half a code", vec![0x88, 1, 3]),
    ];
    let unknown = [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf];
    breaches.extend(unknown.map(|opcode| ("an unknown opcode", vec![0x80 | opcode, 0])));
    for (what, bytes) in breaches {
        assert_eq!(broken_by(&bytes), (LossCause::Protocol, Some(1002)), "{what}: {bytes:x?}");
    }
}

#[test]
fn text_that_is_not_utf8_ends_the_link_with_1007() {
    let cases: [&[u8]; 4] = [
        &[0x81, 2, 0xc3, 0x28],
        // The same in two fragments, cut inside the character.
        &[0x01, 1, 0xc3, 0x80, 1, 0x28],
        // A character that never ends.
        &[0x01, 1, b'a', 0x80, 1, 0xc3],
        // The reason of a close frame is text too.
        &[0x88, 4, 0x0f, 0xa1, 0xc3, 0x28],
    ];
    for bytes in cases {
        assert_eq!(broken_by(bytes), (LossCause::Protocol, Some(1007)), "{bytes:x?}");
    }
}

#[test]
fn an_announced_length_beyond_the_limit_ends_the_link_with_1009_before_the_payload() {
    for announced in [MESSAGE_MAX as u64 + 1, 64 << 20, (1 << 63) - 1, u64::MAX] {
        let bytes = [&[0x82, 127][..], &announced.to_be_bytes()].concat();
        assert_eq!(broken_by(&bytes), (LossCause::TooLarge, Some(1009)), "{announced}");
    }
}

#[test]
fn a_message_of_the_largest_size_is_delivered_in_one_frame_and_in_fragments() {
    let mut link = linked(|_| vec![]);
    send(&mut link.theirs, &"x".repeat(MESSAGE_MAX));
    arrives(&link, MESSAGE_MAX);
    let quarter = vec![b'y'; MESSAGE_MAX / 4];
    for first in [0x01, 0, 0, 0x80] {
        link.theirs.get_mut().write_all(&frame(first, &quarter)).unwrap();
    }
    arrives(&link, MESSAGE_MAX);
}

#[test]
fn one_byte_more_in_fragments_ends_the_link_with_1009() {
    let quarter = vec![b'y'; MESSAGE_MAX / 4];
    let fragments = [0x01, 0, 0, 0].map(|first| frame(first, &quarter)).concat();
    assert_eq!(broken_by(&[fragments, frame(0x80, b"z")].concat()), (LossCause::TooLarge, Some(1009)));
}

#[test]
fn a_message_in_a_million_fragments_is_one_message_and_the_link_answers_afterwards() {
    let mut link = linked(|_| vec![]);
    let begun = clock::now().at;
    link.theirs
        .get_mut()
        .write_all(&[frame(0x01, b"a"), frame(0, b"a").repeat(999_998), frame(0x80, b"a")].concat())
        .unwrap();
    arrives(&link, 1_000_000);
    println!("a million fragments: {:?}", clock::now().at.since(begun));
    link.theirs.send(Message::Ping(Bytes::from_static(b"still there"))).unwrap();
    assert_eq!(link.theirs.read().unwrap(), Message::Pong(Bytes::from_static(b"still there")));
}

#[test]
fn text_cut_inside_a_character_is_text_and_a_ping_between_fragments_is_answered() {
    let mut link = linked(|_| vec![]);
    link.theirs.get_mut().write_all(&[0x01, 1, 0xc3, 0x89, 1, b'?', 0x80, 1, 0xa4]).unwrap();
    assert_eq!(link.theirs.read().unwrap(), Message::Pong(Bytes::from_static(b"?")));
    link.seen.wait_for(|seen| *seen == Seen::Line(FIRST, "ä".into()));
}

/// RFC 6455, section 5.7, those a server may send.
#[test]
fn the_examples_of_the_specification_are_read() {
    let mut link = linked(|_| vec![]);
    let hello = Seen::Line(FIRST, "Hello".into());
    link.theirs.get_mut().write_all(&[0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f]).unwrap();
    link.seen.wait_for(|seen| *seen == hello);
    link.theirs.get_mut().write_all(&[0x01, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f]).unwrap();
    link.seen.wait_for(|seen| *seen == hello);
    link.theirs.get_mut().write_all(&[0x89, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f]).unwrap();
    assert_eq!(link.theirs.read().unwrap(), Message::Pong(Bytes::from_static(b"Hello")));
    link.theirs.get_mut().write_all(&frame(0x82, &[0; 256])).unwrap();
    arrives(&link, 256);
    link.theirs.get_mut().write_all(&frame(0x82, &[0; 65_536])).unwrap();
    arrives(&link, 65_536);
}

#[test]
fn a_close_code_that_must_not_be_sent_is_answered_with_1002() {
    for code in [0u16, 999, 1004, 1005, 1006, 1016, 2999, 5000] {
        let (cause, answer) = broken_by(&[&[0x88, 2][..], &code.to_be_bytes()].concat());
        assert!(matches!(cause, LossCause::Closed { code: 1002, .. }), "{code}: {cause:?}");
        assert_eq!(answer, Some(1002), "{code}");
    }
}

/// What ended a link on which the peer said this, and the close code the peer was told.
fn broken_by(bytes: &[u8]) -> (LossCause, Option<u16>) {
    let mut link = linked(|_| vec![]);
    let mut theirs = link.theirs.get_mut().try_clone().unwrap();
    // Refused when the link is gone before all is written.
    let _ = link.theirs.get_mut().write_all(bytes);
    let cause = link.seen.lost();
    (cause, close_code(&mut theirs))
}

/// The code of the masked close frame that arrives, alone, before the end.
fn close_code(theirs: &mut TcpStream) -> Option<u16> {
    use std::io::Read;
    let mut head = [0; 8];
    theirs.read_exact(&mut head).ok()?;
    assert!(head[0] == 0x88 && head[1] >= 0x82, "a masked close frame with a code, not {head:x?}");
    let _ = ending(theirs);
    Some(u16::from_be_bytes([head[6] ^ head[2], head[7] ^ head[3]]))
}

fn arrives(link: &Linked, length: usize) {
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(FIRST, text) if text.len() == length));
}

/// An unmasked frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..65_536 => bytes.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
        length => bytes.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
    }
    bytes.extend_from_slice(payload);
    bytes
}
