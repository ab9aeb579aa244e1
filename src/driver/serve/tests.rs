//! The carriage of embedded venues, tested with a venue that repeats what it hears. Clients are the websocket library's
//! and bare sockets; real sockets on loopback.

use super::*;
use crate::model::TimeFactor;
use crate::sim::exchange::{Floor, HttpIn, HttpOut, Input, Output};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{Error, protocol::CloseFrame};
use tokio_tungstenite::{WebSocketStream, client_async};

#[test]
fn a_text_goes_to_the_venue_and_its_answer_comes_back() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/x?y=1").await;
        client.send(Message::text("hello")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "hello");
        assert_eq!(server.connections().unwrap()[0].path, "/x?y=1");
    });
}

#[test]
fn what_the_venue_says_with_the_upgrade_is_not_lost() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/greet").await;
        assert_eq!(next_text(&mut client).await, "welcome");
    });
}

#[test]
fn a_rejected_upgrade_shows_the_venues_status() {
    on_a_runtime(async {
        let server = start();
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let error = client_async(url(&server, "/reject"), stream).await.unwrap_err();
        assert!(matches!(&error, Error::Http(answer) if answer.status() == 403), "{error}");
        assert_eq!(server.connections().unwrap(), []);
    });
}

#[test]
fn a_ping_is_answered_once_and_only_if_the_venue_answers() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::Ping("a".into())).await.unwrap();
        client.send(Message::text("after")).await.unwrap();
        assert_eq!(next(&mut client).await, Message::Pong("a".into()));
        assert_eq!(next(&mut client).await, Message::text("after"));
        server.apply(Fault::SilentPings).unwrap();
        client.send(Message::Ping("b".into())).await.unwrap();
        client.send(Message::text("after")).await.unwrap();
        assert_eq!(next(&mut client).await, Message::text("after"));
    });
}

#[test]
fn an_http_request_reaches_the_venue_whole_on_the_same_port() {
    on_a_runtime(async {
        let server = start();
        let answer = http(&server, "POST /a/b?c=d HTTP/1.1\r\nX-Key: k\r\nContent-Length: 4\r\n", "body").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("POST /a/b c=d k body"), "{answer}");
    });
}

#[test]
fn answers_are_dated_by_the_venues_clock() {
    on_a_runtime(async {
        let server = start();
        server.set_clock_skew(-86_400_000 * 365 * 20).unwrap();
        let answer = http(&server, "GET / HTTP/1.1\r\n", "").await;
        let year = server.now().unwrap().wall.millis() / 1000 / 31_556_952 + 1970;
        let date = answer.lines().find(|line| line.starts_with("date: ")).unwrap();
        assert!(date.contains(&format!(" {year} ")), "{date}");
    });
}

#[test]
fn tls_is_good_for_localhost_with_our_authority_and_only_with_it() {
    on_a_runtime(async {
        let server = Server::start(ServeOptions::new(Parrot::boxed())).unwrap();
        let stranger = Server::start(ServeOptions::new(Parrot::boxed())).unwrap();
        for name in ["localhost", "127.0.0.1"] {
            assert!(tls(&server, name, server.ca_pem().unwrap()).await.is_ok(), "{name}");
        }
        assert!(tls(&server, "localhost", stranger.ca_pem().unwrap()).await.is_err());
        assert!(tls(&server, "example.com", server.ca_pem().unwrap()).await.is_err());
    });
}

#[test]
fn an_expired_certificate_is_told_from_a_good_one() {
    on_a_runtime(async {
        let options = ServeOptions { certificate_expired: true, ..ServeOptions::new(Parrot::boxed()) };
        let server = Server::start(options).unwrap();
        let error = tls(&server, "localhost", server.ca_pem().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("expired"), "{error}");
    });
}

#[test]
fn plaintext_on_the_tls_port_gets_no_http_answer() {
    on_a_runtime(async {
        let server = Server::start(ServeOptions::new(Parrot::boxed())).unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    });
}

#[test]
fn a_deadline_is_kept_without_any_input() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("in 30")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "now");
    });
}

#[test]
fn the_venue_closes_with_its_code_and_reason() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("close")).await.unwrap();
        assert_eq!(close_code(next(&mut client).await), (4000, "bye".into()));
        assert!(client.next().await.is_none_or(|end| end.is_err()));
    });
}

#[test]
fn the_venue_is_told_how_a_client_left() {
    on_a_runtime(async {
        let server = start();
        let mut polite = dial(&server, "/").await;
        polite.close(None).await.unwrap();
        journal_has(&server, JournalKind::Ended, "clean true").await;
        drop(dial(&server, "/").await);
        journal_has(&server, JournalKind::Ended, "clean false").await;
        assert_eq!(server.connections().unwrap(), []);
    });
}

#[test]
fn a_reset_is_a_reset_and_a_fin_is_the_end_of_the_stream() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        server.wire(WireFault::Reset, Selector::All).unwrap();
        let error = client.next().await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Io(io) if io.kind() == ErrorKind::ConnectionReset), "{error}");

        let mut client = dial(&server, "/").await;
        server.wire(WireFault::Fin, Selector::All).unwrap();
        assert_eq!(client.get_mut().read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(server.connections().unwrap(), [], "the venue knows at once");
    });
}

#[test]
fn a_bare_fin_sends_no_close_notify() {
    on_a_runtime(async {
        let server = Server::start(ServeOptions::new(Parrot::boxed())).unwrap();
        let mut stream = tls(&server, "localhost", server.ca_pem().unwrap()).await.unwrap();
        server.wire(WireFault::Fin, Selector::All).unwrap();
        let error = stream.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_front_end_close_reaches_the_chosen_websocket_only() {
    on_a_runtime(async {
        let server = start();
        let mut first = dial(&server, "/").await;
        let mut second = dial(&server, "/").await;
        let conn = server.connections().unwrap()[0].conn;
        server.wire(WireFault::Close { code: 1001, reason: "moving".into() }, Selector::Connection(conn)).unwrap();
        assert_eq!(close_code(next(&mut first).await), (1001, "moving".into()));
        second.send(Message::text("still here")).await.unwrap();
        assert_eq!(next_text(&mut second).await, "still here");
    });
}

#[test]
fn a_black_hole_holds_both_directions_and_heals_without_loss() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("in 30")).await.unwrap();
        journal_has(&server, JournalKind::LifeSign, "in 30").await;
        server.wire(WireFault::BlackHole, Selector::All).unwrap();
        let heard = server.journal(0).unwrap().entries.len();
        client.send(Message::text("from the dark")).await.unwrap();
        journal_has(&server, JournalKind::Heartbeat, "now").await;
        assert!(is_silent(&mut client).await, "the venue's own timer went on, but nothing came out");
        assert!(server.journal(heard as u64).unwrap().entries.iter().all(|entry| entry.detail != "from the dark"));
        server.heal().unwrap();
        let mut got = [next_text(&mut client).await, next_text(&mut client).await];
        got.sort();
        assert_eq!(got, ["from the dark", "now"]);
    });
}

#[test]
fn what_the_venue_ends_in_a_black_hole_stays_silent_until_healed() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("close in 30")).await.unwrap();
        journal_has(&server, JournalKind::LifeSign, "close in 30").await;
        server.wire(WireFault::BlackHole, Selector::All).unwrap();
        journal_has(&server, JournalKind::Ended, "by the venue").await;
        assert_eq!(server.connections().unwrap(), []);
        assert!(is_silent(&mut client).await);
        server.heal().unwrap();
        assert_eq!(close_code(next(&mut client).await), (4000, "late".into()));
    });
}

#[test]
fn a_dial_into_a_black_hole_is_taken_by_the_kernel_and_answered_after_healing() {
    on_a_runtime(async {
        let server = start();
        server.wire(WireFault::BlackHole, Selector::All).unwrap();
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let handshake = client_async(url(&server, "/"), stream);
        tokio::pin!(handshake);
        assert!(tokio::time::timeout(SILENCE, &mut handshake).await.is_err());
        server.heal().unwrap();
        assert!(handshake.await.is_ok());
    });
}

#[test]
fn a_venue_that_stops_reading_still_pushes() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("in 30")).await.unwrap();
        journal_has(&server, JournalKind::LifeSign, "in 30").await;
        server.wire(WireFault::StopReading, Selector::Websockets).unwrap();
        client.send(Message::text("unheard")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "now");
        assert!(is_silent(&mut client).await);
        server.heal().unwrap();
        assert_eq!(next_text(&mut client).await, "unheard");
    });
}

#[test]
fn websockets_can_be_dark_while_http_answers_and_the_other_way_round() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        server.wire(WireFault::BlackHole, Selector::Websockets).unwrap();
        client.send(Message::text("x")).await.unwrap();
        assert!(is_silent(&mut client).await);
        assert!(http(&server, "GET / HTTP/1.1\r\n", "").await.starts_with("HTTP/1.1 200"));
        server.heal().unwrap();
        assert_eq!(next_text(&mut client).await, "x");

        server.wire(WireFault::BlackHole, Selector::Http).unwrap();
        client.send(Message::text("y")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "y");
        let call = http(&server, "GET / HTTP/1.1\r\n", "");
        tokio::pin!(call);
        assert!(tokio::time::timeout(SILENCE, &mut call).await.is_err());
        server.heal().unwrap();
        assert!(call.await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn a_fault_of_an_account_befalls_its_websockets_only() {
    on_a_runtime(async {
        let server = start();
        let mut alice = dial(&server, "/").await;
        let mut bob = dial(&server, "/").await;
        for (client, name) in [(&mut alice, "login alice"), (&mut bob, "login bob")] {
            client.send(Message::text(name)).await.unwrap();
            assert_eq!(next_text(client).await, name);
        }
        server.wire(WireFault::BlackHole, Selector::Account("alice".into())).unwrap();
        for client in [&mut alice, &mut bob] {
            client.send(Message::text("x")).await.unwrap();
        }
        assert_eq!(next_text(&mut bob).await, "x");
        assert!(is_silent(&mut alice).await);
    });
}

#[test]
fn an_account_stays_dark_after_the_venue_has_ended_its_websocket() {
    on_a_runtime(async {
        let server = start();
        let mut alice = dial(&server, "/").await;
        for text in ["login alice", "close in 30"] {
            alice.send(Message::text(text)).await.unwrap();
        }
        journal_has(&server, JournalKind::LifeSign, "close in 30").await;
        assert_eq!(next_text(&mut alice).await, "login alice");
        server.wire(WireFault::BlackHole, Selector::Account("alice".into())).unwrap();
        journal_has(&server, JournalKind::Ended, "by the venue").await;
        dial(&server, "/").await;
        assert!(is_silent(&mut alice).await, "laying the faults anew does not let it out");
        server.heal().unwrap();
        assert_eq!(close_code(next(&mut alice).await), (4000, "late".into()));
    });
}

#[test]
fn a_drip_lets_one_byte_out_at_a_time() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        server.wire(WireFault::Drip(Duration::from_millis(10)), Selector::All).unwrap();
        let before = clock_now();
        client.send(Message::text("slow")).await.unwrap();
        assert_eq!(client.get_mut().read(&mut [0; 64]).await.unwrap(), 1);
        let mut rest = [0; 5];
        client.get_mut().read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"\x04slow");
        assert!(clock_now().since(before) >= Duration::from_millis(50));
        server.heal().unwrap();
        client.send(Message::text("quick")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "quick");
    });
}

#[test]
fn injected_bytes_arrive_as_they_are() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        server.wire(WireFault::Inject(vec![0xc3, 0x00]), Selector::All).unwrap();
        assert!(matches!(client.next().await, Some(Err(Error::Protocol(_)))));
    });
}

#[test]
fn a_frozen_venue_hears_nothing_and_its_timers_stand_still() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("in 30")).await.unwrap();
        journal_has(&server, JournalKind::LifeSign, "in 30").await;
        server.host(HostFault::Freeze).unwrap();
        client.send(Message::text("to the frozen")).await.unwrap();
        assert!(is_silent(&mut client).await);
        assert!(server.journal(0).unwrap().entries.iter().all(|entry| entry.kind != JournalKind::Heartbeat));
        server.heal().unwrap();
        assert_eq!(next_text(&mut client).await, "now", "timers run before what waited is read");
        assert_eq!(next_text(&mut client).await, "to the frozen");
    });
}

#[test]
fn refused_dials_are_refused_at_once_and_the_port_is_kept() {
    on_a_runtime(async {
        let server = start();
        server.host(HostFault::RefuseDials).unwrap();
        until("the listener to close", || async {
            let dialled = TcpStream::connect(server.address()).await;
            matches!(dialled, Err(error) if error.kind() == ErrorKind::ConnectionRefused)
        })
        .await;
        server.heal().unwrap();
        until("dials to be taken again", || async { TcpStream::connect(server.address()).await.is_ok() }).await;
        dial(&server, "/").await;
    });
}

#[test]
fn a_slow_accept_delays_the_first_word_by_that_much() {
    on_a_runtime(async {
        let server = start();
        server.host(HostFault::SlowAccept(SILENCE)).unwrap();
        let before = clock_now();
        dial(&server, "/").await;
        assert!(clock_now().since(before) >= SILENCE);
    });
}

#[test]
fn a_client_that_breaks_the_framing_is_closed_with_the_code_for_it() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.get_mut().write_all(&[0x81, 0x01, b'a']).await.unwrap();
        assert_eq!(close_code(next(&mut client).await).0, 1002);
        journal_has(&server, JournalKind::Ended, "clean false").await;
    });
}

#[test]
fn a_client_that_leaves_too_much_unread_is_cut_off() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("flood")).await.unwrap();
        journal_has(&server, JournalKind::Ended, "clean false").await;
        until("the reset", || async { client.get_ref().peek(&mut [0; 1]).await.is_err() }).await;
    });
}

#[test]
fn a_port_in_use_is_refused_by_name() {
    let server = start();
    let options = ServeOptions { port: server.address().port(), ..ServeOptions::new(Parrot::boxed()) };
    let error = Server::start(options).err().unwrap();
    assert!(matches!(&error, ServeError::Listen { address, .. } if *address == server.address()), "{error}");
}

#[test]
fn a_stopped_venue_ends_its_connections_and_can_still_be_read() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("heard")).await.unwrap();
        assert_eq!(next_text(&mut client).await, "heard");
        server.stop();
        assert!(client.next().await.is_none_or(|end| end.is_err()));
        assert!(TcpStream::connect(server.address()).await.is_err());
        assert_eq!(server.journal(0).unwrap().entries[0].detail, "heard");
    });
}

#[test]
fn a_venue_that_panics_ends_every_connection_and_says_so() {
    on_a_runtime(async {
        let server = start();
        let mut bystander = dial(&server, "/").await;
        let mut client = dial(&server, "/").await;
        client.send(Message::text("panic")).await.unwrap();
        assert!(client.next().await.is_none_or(|end| end.is_err()));
        assert!(bystander.next().await.is_none_or(|end| end.is_err()));
        assert!(matches!(server.journal(0), Err(ServeError::Panicked)));
    });
}

#[test]
fn an_unknown_key_is_named_by_its_tail_only() {
    let error = start().revoke_key("ABCDEFGHIJ").unwrap_err();
    assert_eq!(error.to_string(), "the embedded venue has no key ending in GHIJ");
}

#[test]
fn waiting_for_the_journal_ends_with_the_entry_or_with_patience() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        client.send(Message::text("in 30")).await.unwrap();
        let beat = |entry: &JournalEntry| entry.kind == JournalKind::Heartbeat;
        let (number, entry) = server.wait_journal(0, Duration::from_secs(5), beat).unwrap().unwrap();
        assert_eq!((number, entry.detail.as_str()), (1, "now"));
        assert_eq!(server.wait_journal(number + 1, Duration::from_millis(20), beat).unwrap(), None);
    });
}

#[test]
fn the_journal_is_numbered_and_can_be_read_from_any_number_on() {
    on_a_runtime(async {
        let server = start();
        let mut client = dial(&server, "/").await;
        for text in ["a", "b", "c"] {
            client.send(Message::text(text)).await.unwrap();
            assert_eq!(next_text(&mut client).await, text);
        }
        let details = |since| server.journal(since).unwrap().entries.into_iter().map(|e| e.detail).collect::<String>();
        assert_eq!((details(0).as_str(), details(2).as_str(), details(9).as_str()), ("abc", "c", ""));
        assert_eq!(server.journal(9).unwrap().first, 3);
    });
}

/// A silence long enough to be told from a delay, short enough for many tests.
const SILENCE: Duration = Duration::from_millis(120);

type Client = WebSocketStream<TcpStream>;

fn on_a_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test to end") });
}

fn start() -> Server {
    Server::start(ServeOptions { plaintext: true, ..ServeOptions::new(Parrot::boxed()) }).unwrap()
}

fn url(server: &Server, path: &str) -> String {
    format!("ws://{}{path}", server.address())
}

async fn dial(server: &Server, path: &str) -> Client {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    client_async(url(server, path), stream).await.unwrap().0
}

async fn next(client: &mut Client) -> Message {
    client.next().await.expect("the stream goes on").expect("a message")
}

async fn next_text(client: &mut Client) -> String {
    next(client).await.into_text().unwrap().to_string()
}

async fn is_silent(client: &mut Client) -> bool {
    tokio::time::timeout(SILENCE, client.next()).await.is_err()
}

fn close_code(message: Message) -> (u16, String) {
    match message {
        Message::Close(Some(CloseFrame { code, reason })) => (code.into(), reason.to_string()),
        other => panic!("not a close frame with a code: {other:?}"),
    }
}

async fn http(server: &Server, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("{head}Host: localhost\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn tls(server: &Server, name: &str, ca: &str) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn journal_has(server: &Server, kind: JournalKind, detail: &str) {
    let found = || async {
        server.journal(0).unwrap().entries.iter().any(|entry| entry.kind == kind && entry.detail == detail)
    };
    until(detail, found).await;
}

async fn until<F: Future<Output = bool>>(what: &str, reached: impl Fn() -> F) {
    let start = clock_now();
    while !reached().await {
        assert!(clock_now().since(start) < Duration::from_secs(5), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn clock_now() -> Moment {
    crate::driver::clock::now().at
}

/// Repeats what it hears, and does a few things on command.
struct Parrot {
    floor: Floor,
    alarm: Option<(Moment, ConnId, bool)>,
}

impl Parrot {
    fn boxed() -> Box<dyn Exchange> {
        Box::new(Self { floor: Floor::new(TimeFactor::REAL), alarm: None })
    }

    fn obey(&mut self, now: Now, conn: ConnId, text: &str, out: &mut Vec<Output>) {
        self.floor.note(now, "", Some(conn), JournalKind::LifeSign, text);
        let in_millis = |millis: &str| now.at + Duration::from_millis(millis.parse().unwrap());
        if let Some(millis) = text.strip_prefix("in ") {
            self.alarm = Some((in_millis(millis), conn, false));
        } else if let Some(millis) = text.strip_prefix("close in ") {
            self.alarm = Some((in_millis(millis), conn, true));
        } else if text == "close" {
            out.push(Output::Close(conn, 4000, "bye".into()));
        } else if text == "flood" {
            out.push(Output::Text(conn, "x".repeat(17 << 20)));
        } else if text == "panic" {
            panic!("as asked");
        } else {
            if let Some(name) = text.strip_prefix("login ") {
                self.floor.note(now, name, Some(conn), JournalKind::LoggedIn, "");
            }
            out.push(Output::Text(conn, text.into()));
        }
    }

    fn ring(&mut self, now: Now, out: &mut Vec<Output>) {
        let Some((at, conn, close)) = self.alarm else { return };
        if at > now.at {
            return;
        }
        self.alarm = None;
        if close {
            self.floor.note(now, "", Some(conn), JournalKind::Ended, "by the venue");
            out.push(Output::Close(conn, 4000, "late".into()));
        } else {
            self.floor.note(now, "", Some(conn), JournalKind::Heartbeat, "now");
            out.push(Output::Text(conn, "now".into()));
        }
    }
}

impl Exchange for Parrot {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        match input {
            Input::Tick => self.ring(now, out),
            Input::Upgrade { conn, path: "/reject" } => out.push(Output::Reject(conn, 403)),
            Input::Upgrade { conn, path } => {
                out.push(Output::Accept(conn));
                if path == "/greet" {
                    out.push(Output::Text(conn, "welcome".into()));
                }
            }
            Input::Text { conn, text } => self.obey(now, conn, text, out),
            Input::Ping { conn, payload } if !self.floor.has(&Fault::SilentPings) => {
                out.push(Output::Pong(conn, payload.to_vec()));
            }
            Input::Ping { .. } | Input::Binary { .. } | Input::Pong { .. } => {}
            Input::Ended { conn, clean } => {
                self.floor.note(now, "", Some(conn), JournalKind::Ended, &format!("clean {clean}"));
            }
            Input::Http { id, request: HttpIn { method, path, query, body, headers } } => {
                let key = headers.iter().find(|(name, _)| name == "x-key").map_or("", |(_, value)| value);
                let body = format!("{method} {path} {query} {key} {body}");
                out.push(Output::Http(id, HttpOut::json(200, body)));
            }
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.alarm.map(|(at, _, _)| at)
    }

    fn floor(&self) -> &Floor {
        &self.floor
    }

    fn floor_mut(&mut self) -> &mut Floor {
        &mut self.floor
    }

    fn would_trip_by(&self, _: Moment, _: &[ConnId]) -> Option<Moment> {
        None
    }

    fn knobs(&self) -> Vec<Knob> {
        Vec::new()
    }

    fn set_knob(&mut self, _: &str, _: &str) -> Result<(), KnobError> {
        Ok(())
    }
}
