//! A dial that fails says at which stage and why.

use super::peer::ending;
use super::*;
use crate::model::{Endpoint, LossCause};
use std::io::{Read, Write};
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

#[test]
fn nobody_listening_is_a_refused_connection() {
    let peer = Peer::listen();
    let endpoint = peer.endpoint();
    drop(peer);
    assert_eq!(missed(endpoint), LossCause::ConnectionRefused);
}

#[test]
fn a_name_nobody_knows_is_a_resolve_loss() {
    let endpoint = Endpoint::parse("url", "wss://killcord.invalid/ws").unwrap();
    assert_eq!(missed(endpoint), LossCause::Resolve { host: "killcord.invalid".into() });
}

#[test]
fn a_peer_that_accepts_and_says_nothing_is_a_timeout_of_the_upgrade() {
    let peer = Peer::listen();
    let seen = dial_quickly(peer.endpoint());
    let mut theirs = peer.accept();
    assert_eq!(seen.1.lost(), LossCause::StageTimeout { stage: "upgrade" });
    assert_eq!(ending(&mut theirs), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn a_peer_that_answers_one_byte_at_a_time_does_not_outlive_the_upgrade_deadline() {
    let peer = Peer::listen();
    let (_guard, seen) = dial_quickly(peer.endpoint());
    let mut theirs = peer.accept();
    let mut fed = 0;
    // Stops by itself: the far end resets.
    while fed < 100_000 && theirs.write_all(b"H").is_ok() {
        fed += 1;
        std::thread::yield_now();
    }
    assert!(matches!(
        seen.lost(),
        LossCause::StageTimeout { stage: "upgrade" } | LossCause::NotWebsocket | LossCause::TooLarge
    ));
}

#[test]
fn an_address_that_swallows_everything_is_a_timeout_of_connect() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // A backlog of zero takes one connection; SYNs after it are dropped in silence.
    rustix::net::listen(&listener, 0).unwrap();
    let fill: Vec<_> = (0..2).map(|_| non_blocking_connect(listener.local_addr().unwrap())).collect();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (_guard, seen) = dial_quickly(Endpoint::parse("url", &url).unwrap());
    assert_eq!(seen.lost(), LossCause::StageTimeout { stage: "connect" });
    drop(fill);
}

#[test]
fn an_http_refusal_of_the_upgrade_carries_its_status() {
    assert_eq!(
        answered(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        LossCause::UpgradeRefused { status: 403 }
    );
}

#[test]
fn a_redirect_is_a_refusal_and_is_not_followed() {
    let elsewhere = Peer::listen();
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.endpoint());
    assert_eq!(answered(answer.as_bytes()), LossCause::UpgradeRefused { status: 302 });
    assert!(elsewhere.nobody_comes());
}

#[test]
fn a_peer_that_speaks_no_http_is_not_a_websocket() {
    assert_eq!(answered(b"220 mail.example.com ESMTP\r\n\r\n"), LossCause::NotWebsocket);
}

#[test]
fn an_upgrade_with_the_wrong_key_is_not_a_websocket() {
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    assert_eq!(answered(answer), LossCause::NotWebsocket);
}

#[test]
fn an_extension_that_was_not_asked_for_is_not_a_websocket() {
    let extended = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    assert_eq!(upgraded_with(extended), Some(LossCause::NotWebsocket));
    assert_eq!(upgraded_with("Sec-WebSocket-Protocol: chat\r\n"), Some(LossCause::NotWebsocket));
    // So that the two above are refused for what they say.
    assert_eq!(upgraded_with("X-Other: header\r\n"), None);
}

#[test]
fn an_answer_without_end_or_with_countless_headers_is_too_large() {
    let status = "HTTP/1.1 101 Switching Protocols\r\n";
    let endless = format!("{status}X-Long: {}", "x".repeat(20 << 20));
    assert_eq!(answered(endless.as_bytes()), LossCause::TooLarge);
    let countless = format!("{status}{}\r\n", "X-A: b\r\n".repeat(100_000));
    assert_eq!(answered(countless.as_bytes()), LossCause::TooLarge);
}

#[test]
fn a_peer_that_hangs_up_during_the_upgrade_is_an_end_of_stream() {
    assert_eq!(answered(b""), LossCause::EndOfStream);
}

#[test]
fn the_upgrade_says_who_we_are_and_asks_for_exactly_the_path_given() {
    let peer = Peer::listen();
    let (_guard, _seen) = dial_quickly(peer.endpoint());
    let head = request_head(&mut peer.accept());
    assert!(head.starts_with("GET /private?token=abc HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("Host: {}\r\n", peer.address())), "{head}");
    assert!(head.to_ascii_lowercase().contains(&format!("user-agent: killcord/{}\r\n", env!("CARGO_PKG_VERSION"))));
    assert!(!head.to_ascii_lowercase().contains("extensions"), "compression must not be offered: {head}");
}

#[test]
fn a_name_with_two_addresses_connects_to_the_one_that_answers() {
    // `localhost` is ::1 and 127.0.0.1; only the latter listens.
    let peer = Peer::listen();
    let url = format!("ws://localhost:{}/", peer.address().port());
    let (_guard, seen) = dial_quickly(Endpoint::parse("url", &url).unwrap());
    let _theirs = peer.accept_websocket();
    seen.wait_for(|seen| *seen == Seen::Dialled(FIRST));
}

fn missed(endpoint: Endpoint) -> LossCause {
    dial_quickly(endpoint).1.lost()
}

/// The loss after the peer has read the request and answered this.
fn answered(answer: &[u8]) -> LossCause {
    let peer = Peer::listen();
    let (_guard, seen) = dial_quickly(peer.endpoint());
    let mut theirs = peer.accept();
    request_head(&mut theirs);
    // Both are refused when the far end has reset already.
    let _ = theirs.write_all(answer);
    let _ = theirs.shutdown(std::net::Shutdown::Write);
    seen.lost()
}

/// The loss after an upgrade that is right but for one more header; `None` when there is none.
fn upgraded_with(header: &str) -> Option<LossCause> {
    let peer = Peer::listen();
    let (_guard, seen) = dial_quickly(peer.endpoint());
    let mut theirs = peer.accept();
    let head = request_head(&mut theirs);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{header}\r\n"
    );
    theirs.write_all(answer.as_bytes()).unwrap();
    match seen.wait_for(|seen| matches!(seen, Seen::Dialled(_) | Seen::Missed(..))) {
        Seen::Missed(_, cause) => Some(cause),
        _ => None,
    }
}

pub(super) fn request_head(theirs: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        theirs.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn dial_quickly(endpoint: Endpoint) -> (GuardHandle, script::Log) {
    let (script, seen) = Scripted::new(endpoint, dialling_first(|_| vec![]));
    let mut settings = settings();
    let short = Duration::from_millis(300);
    settings.stages = StageDeadlines { resolve: PATIENCE, connect: short, tls: short, upgrade: short };
    let guard = run_with(script, settings);
    guard.start().unwrap();
    (guard, seen)
}

fn non_blocking_connect(to: std::net::SocketAddr) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let _ = socket.connect(&to.into());
    socket
}
