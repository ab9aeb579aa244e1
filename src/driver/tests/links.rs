//! A link's life: what comes in, what goes out, how it ends.

use super::peer::{ending, reset, send, text_of};
use super::*;
use crate::model::LossCause;
use crate::session::HangUp;
use crate::venue::Lane;
use std::io::{Read, Write};
use std::net::Shutdown;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[test]
fn a_line_in_is_answered_by_a_line_out_on_the_same_link() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) => vec![Do::Say(*epoch, format!("you said {text}"), Lane::Keepalive)],
        _ => vec![],
    });
    send(&mut link.theirs, "one");
    assert_eq!(text_of(&mut link.theirs), "you said one");
    send(&mut link.theirs, "two");
    assert_eq!(text_of(&mut link.theirs), "you said two");
}

#[test]
fn lines_arrive_in_the_order_they_were_said_and_none_is_missing_behind_a_full_socket() {
    const LINES: usize = 400;
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => {
            let big = "x".repeat(60_000);
            (0..LINES).map(|n| Do::Say(*epoch, format!("{n} {big}"), Lane::Order)).collect()
        }
        _ => vec![],
    });
    send(&mut link.theirs, "go");
    // 24 MB do not fit into any socket: most of them wait in the lane until we read.
    for n in 0..LINES {
        assert_eq!(text_of(&mut link.theirs).split(' ').next(), Some(n.to_string().as_str()));
    }
}

#[test]
fn a_keepalive_overtakes_orders_that_wait_behind_a_full_socket() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) if text == "orders" => {
            (0..400).map(|n| Do::Say(*epoch, format!("order {n} {}", "x".repeat(60_000)), Lane::Order)).collect()
        }
        Seen::Line(epoch, _) => vec![Do::Say(*epoch, "keepalive".into(), Lane::Keepalive)],
        _ => vec![],
    });
    send(&mut link.theirs, "orders");
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    send(&mut link.theirs, "heartbeat");
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    let place = (0..401).position(|_| text_of(&mut link.theirs) == "keepalive").unwrap();
    assert!(place < 399, "the keepalive came last, at place {place}");
}

#[test]
fn a_ping_of_ours_carries_its_nonce_big_endian_and_comes_back() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => vec![Do::Ping(*epoch, 0x0102_0304_0506_0708)],
        _ => vec![],
    });
    send(&mut link.theirs, "ping me");
    assert_eq!(link.theirs.read().unwrap(), Message::Ping(Bytes::from_static(&[1, 2, 3, 4, 5, 6, 7, 8])));
    link.theirs.flush().unwrap();
    link.seen.wait_for(|seen| *seen == Seen::Pong(FIRST, 0x0102_0304_0506_0708));
}

#[test]
fn a_ping_of_the_peer_is_answered_at_once_and_told() {
    let mut link = linked(|_| vec![]);
    link.theirs.send(Message::Ping(Bytes::from_static(b"are you there"))).unwrap();
    assert_eq!(link.theirs.read().unwrap(), Message::Pong(Bytes::from_static(b"are you there")));
    link.seen.wait_for(|seen| *seen == Seen::PeerPing(FIRST));
}

#[test]
fn a_muted_link_says_what_was_said_before_and_answers_no_ping_any_more_but_still_listens() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) if text == "lapse" => vec![
            Do::Say(*epoch, "cancel all".into(), Lane::Control),
            Do::Mute(*epoch),
            Do::Say(*epoch, "heartbeat".into(), Lane::Keepalive),
        ],
        Seen::Line(epoch, text) if text == "end" => vec![Do::HangUp(*epoch, HangUp::Abort)],
        _ => vec![],
    });
    send(&mut link.theirs, "lapse");
    assert_eq!(text_of(&mut link.theirs), "cancel all");
    for _ in 0..3 {
        link.theirs.send(Message::Ping(Bytes::from_static(b"are you there"))).unwrap();
        link.seen.wait_for(|seen| *seen == Seen::PeerPing(FIRST));
        send(&mut link.theirs, "cancelled");
        link.seen.wait_for(|seen| matches!(seen, Seen::Line(_, text) if text == "cancelled"));
    }
    send(&mut link.theirs, "end");
    let after = link.theirs.read();
    assert!(after.is_err(), "{after:?} after the mute");
}

#[test]
fn on_a_muted_link_cancel_all_still_leaves_behind_a_full_socket_and_neither_orders_nor_pongs_do() {
    const LINES: usize = 400;
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) if text == "lapse" => {
            let big = "x".repeat(60_000);
            let mut all: Vec<Do> = (0..LINES).map(|n| Do::Say(*epoch, format!("{n} {big}"), Lane::Order)).collect();
            all.extend([Do::Say(*epoch, "heartbeat".into(), Lane::Keepalive)]);
            all.extend([Do::Say(*epoch, "cancel all".into(), Lane::Control), Do::Mute(*epoch)]);
            all
        }
        Seen::Line(epoch, text) if text == "end" => vec![Do::HangUp(*epoch, HangUp::Abort)],
        _ => vec![],
    });
    send(&mut link.theirs, "lapse");
    link.theirs.send(Message::Ping(Bytes::from_static(b"are you there"))).unwrap();
    let mut orders = 0;
    loop {
        match link.theirs.read().unwrap() {
            Message::Text(text) if text.as_str() == "cancel all" => break,
            Message::Text(text) => assert_eq!(text.split(' ').next(), Some(orders.to_string().as_str())),
            other => panic!("{other:?} from a muted link"),
        }
        orders += 1;
    }
    assert!(orders < LINES - 1, "all {orders} orders left before cancel-all");
    link.seen.wait_for(|seen| *seen == Seen::PeerPing(FIRST));
    send(&mut link.theirs, "end");
    let after = link.theirs.read();
    assert!(after.is_err(), "{after:?} after the mute");
}

#[test]
fn a_close_frame_is_told_with_its_code_and_a_cleaned_reason_and_is_answered() {
    let mut link = linked(|_| vec![]);
    let reason = format!("a\u{1b}b{}", "c".repeat(110));
    link.theirs.close(Some(CloseFrame { code: 4001.into(), reason: reason.into() })).unwrap();
    let expected = format!("a b{}", "c".repeat(110));
    assert_eq!(link.seen.lost(), LossCause::Closed { code: 4001, reason: expected });
    assert!(matches!(link.theirs.read().unwrap(), Message::Close(Some(_))));
}

#[test]
fn a_fin_without_a_close_frame_is_an_end_of_stream() {
    let link = linked(|_| vec![]);
    link.theirs.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(link.seen.lost(), LossCause::EndOfStream);
}

#[test]
fn a_reset_is_a_reset() {
    let link = linked(|_| vec![]);
    reset(link.theirs.get_ref().try_clone().unwrap());
    drop(link.theirs);
    assert_eq!(link.seen.lost(), LossCause::Reset);
}

#[test]
fn a_message_larger_than_allowed_ends_the_link() {
    let mut link = linked(|_| vec![]);
    // A frame header that announces 8 MiB.
    let header = [0x81, 127, 0, 0, 0, 0, 0, 0x80, 0, 0];
    link.theirs.get_mut().write_all(&header).unwrap();
    assert_eq!(link.seen.lost(), LossCause::TooLarge);
}

#[test]
fn what_is_not_a_websocket_frame_ends_the_link() {
    let mut link = linked(|_| vec![]);
    link.theirs.get_mut().write_all(&[0xff; 32]).unwrap();
    assert_eq!(link.seen.lost(), LossCause::Protocol);
}

#[test]
fn invalid_utf8_ends_the_link() {
    let mut link = linked(|_| vec![]);
    link.theirs.get_mut().write_all(&[0x81, 2, 0xc3, 0x28]).unwrap();
    assert_eq!(link.seen.lost(), LossCause::Protocol);
}

#[test]
fn an_abort_is_a_reset_for_the_peer_and_nothing_of_that_epoch_is_handed_in_any_more() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => vec![Do::HangUp(*epoch, HangUp::Abort)],
        _ => vec![],
    });
    send(&mut link.theirs, "one");
    // Sent before the reset arrives, or not at all; either way nobody hears of it.
    let sent = link.theirs.get_mut().write_all(b"\x81\x03two");
    assert!(sent.is_err() || ending(link.theirs.get_mut()) == Err(std::io::ErrorKind::ConnectionReset));
    link.guard.let_go().unwrap();
    link.guard.wait_ended(PATIENCE).unwrap();
    assert_eq!(link.seen.so_far(), [Seen::Line(FIRST, "one".into()), Seen::LetGo]);
}

#[test]
fn an_abort_resets_the_connection_even_while_a_copy_of_the_descriptor_lives_elsewhere() {
    let peer = Peer::listen();
    let (script, seen) = Scripted::new(
        peer.endpoint(),
        dialling_first(|seen| match seen {
            Seen::LetGo => vec![Do::HangUp(FIRST, HangUp::Abort)],
            _ => vec![],
        }),
    );
    let guard = run(script);
    guard.start().unwrap();
    let mut theirs = peer.accept_websocket();
    seen.wait_for(|seen| *seen == Seen::Dialled(FIRST));
    let copy = sockets::our_end_of(theirs.get_ref().peer_addr().unwrap()).try_clone_to_owned().unwrap();
    guard.let_go().unwrap();
    assert_eq!(ending(theirs.get_mut()), Err(std::io::ErrorKind::ConnectionReset));
    drop(copy);
}

#[test]
fn a_graceful_end_flushes_what_was_said_and_then_closes() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => {
            vec![Do::Say(*epoch, "goodbye".into(), Lane::Control), Do::HangUp(*epoch, HangUp::Gracefully)]
        }
        _ => vec![],
    });
    send(&mut link.theirs, "end");
    assert_eq!(text_of(&mut link.theirs), "goodbye");
    assert!(matches!(link.theirs.read().unwrap(), Message::Close(_)));
    // The answer to the close frame goes out with the next call; then the connection ends in order.
    let end = link.theirs.read().unwrap_err();
    assert!(matches!(end, tokio_tungstenite::tungstenite::Error::ConnectionClosed), "{end}");
    assert_eq!(ending(link.theirs.get_mut()), Ok(vec![]));
}

#[test]
fn a_graceful_end_does_not_wait_for_ever_for_a_peer_that_says_nothing() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => vec![Do::HangUp(*epoch, HangUp::Gracefully)],
        _ => vec![],
    });
    send(&mut link.theirs, "end");
    let mut close_frame = [0; 2];
    link.theirs.get_mut().read_exact(&mut close_frame).unwrap();
    let mut rest = Vec::new();
    let end = link.theirs.get_mut().read_to_end(&mut rest).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn several_links_live_side_by_side() {
    let peer = Peer::listen();
    let (script, seen) = Scripted::new(peer.endpoint(), |seen| match seen {
        Seen::Start => vec![Do::Dial(Epoch(1), LinkRole::Guard), Do::Dial(Epoch(2), LinkRole::Trade)],
        Seen::Line(epoch, text) => vec![Do::Say(*epoch, format!("{} {text}", epoch.0), Lane::Order)],
        _ => vec![],
    });
    let guard = run(script);
    guard.start().unwrap();
    let (mut a, mut b) = (peer.accept_websocket(), peer.accept_websocket());
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(_)));
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(_)));
    send(&mut a, "x");
    send(&mut b, "x");
    let mut answers = [text_of(&mut a), text_of(&mut b)];
    answers.sort();
    assert_eq!(answers, ["1 x", "2 x"]);
    drop(a);
    let Seen::Lost(..) = seen.wait_for(|seen| matches!(seen, Seen::Lost(..))) else { unreachable!() };
    send(&mut b, "still");
    assert!(text_of(&mut b).ends_with("still"));
}

#[test]
fn a_peer_that_stops_reading_shows_in_the_send_queue_and_so_does_its_return() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, _) => {
            let big = "x".repeat(1 << 20);
            (0..20).map(|_| Do::Say(*epoch, big.clone(), Lane::Order)).chain([Do::Ping(*epoch, 7)]).collect()
        }
        _ => vec![],
    });
    send(&mut link.theirs, "fill");
    let stuck_for = |seen: &Seen| if let Seen::SendQueue(FIRST, age) = seen { Some(*age) } else { None };
    link.seen.wait_for(|seen| stuck_for(seen).is_some_and(|age| age > Duration::from_millis(150)));
    for _ in 0..20 {
        text_of(&mut link.theirs);
    }
    link.theirs.flush().unwrap();
    link.seen.wait_for(|seen| stuck_for(seen) == Some(Duration::ZERO));
}
