//! HTTP calls: one answer or one failure each, on a connection that is kept.

use super::peer::ending;
use super::stages::request_head;
use super::*;
use crate::driver::call::WarmUp;
use crate::model::{CallTag, LossCause, Phase};
use crate::venue::{CallLine, HttpMethod, HttpRequest};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn a_call_is_written_as_given_and_its_answer_comes_back_whole() {
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![("API-Sign", "abc".into())]))]);
    let mut theirs = peer.accept();
    let (head, body) = request(&mut theirs);
    assert!(head.starts_with("POST /private?token=abc/0/private/Cancel?x=1 HTTP/1.1\r\n"), "{head}");
    let lower = head.to_ascii_lowercase();
    assert!(lower.contains(&format!("host: {}\r\n", peer.address())), "{head}");
    assert!(lower.contains("api-sign: abc\r\n"), "{head}");
    assert!(lower.contains("content-type: application/json\r\n"), "{head}");
    assert!(lower.contains(&format!("user-agent: killcord/{}\r\n", env!("CARGO_PKG_VERSION"))), "{head}");
    assert_eq!(body, "{\"a\":1}");
    answer(&mut theirs, "200 OK", "{\"ok\":true}");
    let date = Some("Thu, 01 Jan 2026 00:00:00 GMT".to_owned());
    seen.wait_for(|seen| *seen == Seen::Answered(CallTag(1), 200, "{\"ok\":true}".into(), date.clone()));
}

#[test]
fn a_content_type_of_the_dialect_replaces_ours() {
    let form = vec![("Content-Type", "application/x-www-form-urlencoded".to_owned())];
    let (peer, _seen, _guard) = calling(vec![(1, post(CallLine::Normal, form))]);
    let (head, _) = request(&mut peer.accept());
    let types: Vec<&str> = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("content-type")).collect();
    assert_eq!(types.len(), 1);
    assert!(types[0].ends_with("application/x-www-form-urlencoded"));
}

#[test]
fn the_next_call_uses_the_same_connection_and_the_kill_line_one_of_its_own() {
    let (peer, seen, _guard) = calling(vec![
        (1, post(CallLine::Normal, vec![])),
        (2, post(CallLine::Normal, vec![])),
        (3, post(CallLine::Kill, vec![])),
    ]);
    let mut normal = peer.accept();
    for tag in [1, 2] {
        request(&mut normal);
        answer(&mut normal, "200 OK", "{}");
        seen.wait_for(|seen| matches!(seen, Seen::Answered(got, ..) if *got == CallTag(tag)));
    }
    let mut kill = peer.accept();
    request(&mut kill);
    answer(&mut kill, "200 OK", "{}");
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(3), ..)));
    assert!(peer.nobody_comes());
}

#[test]
fn a_connection_for_each_line_is_open_before_it_is_needed_and_the_kill_uses_its_own() {
    let peer = Peer::listen();
    let mut settings = settings();
    settings.warm = Some(WarmUp { to: peer.endpoint(), pause: PATIENCE });
    let (script, seen) = Scripted::new(peer.endpoint(), |seen| match seen {
        Seen::Start => vec![Do::Phase(Phase::Connecting)],
        // A moment later: what the kernel has connected by then the event loop has seen.
        Seen::OtherCommand => vec![Do::WaitFor(Duration::from_millis(1))],
        Seen::Tick => vec![Do::Call(CallTag(1), post(CallLine::Kill, vec![])), Do::WaitFor(PATIENCE)],
        _ => vec![],
    });
    let guard = run_with(script, settings);
    assert!(peer.nobody_comes(), "nothing is dialled before the start");
    guard.start().unwrap();
    let mut waiting = [peer.accept(), peer.accept()];
    guard.kill("now").unwrap();
    request(&mut waiting[0]);
    answer(&mut waiting[0], "200 OK", "{}");
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(1), ..)));
    assert!(peer.nobody_comes(), "no other connection was opened for it");
}

#[test]
fn what_was_opened_ahead_and_closed_by_the_venue_is_opened_again_after_the_pause_and_no_sooner() {
    let peer = Peer::listen();
    let mut settings = settings();
    let pause = Duration::from_millis(300);
    settings.warm = Some(WarmUp { to: peer.endpoint(), pause });
    let (script, _seen) = Scripted::new(peer.endpoint(), |_| vec![Do::Phase(Phase::Connecting)]);
    let guard = run_with(script, settings);
    let began = crate::driver::clock::now().at;
    guard.start().unwrap();
    let (first, _second) = (peer.accept(), peer.accept());
    drop(first);
    let _again = peer.accept();
    let took = crate::driver::clock::now().at.since(began);
    assert!(took >= pause, "{took:?}");
    assert!(peer.nobody_comes(), "the other one still waits");
}

#[test]
fn a_kept_connection_that_the_venue_closed_is_replaced_without_a_failure() {
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![])), (2, post(CallLine::Normal, vec![]))]);
    let mut first = peer.accept();
    request(&mut first);
    first.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
    drop(first);
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(1), ..)));
    let mut second = peer.accept();
    request(&mut second);
    answer(&mut second, "200 OK", "{}");
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(2), ..)));
}

#[test]
fn a_call_whose_connection_ends_after_it_was_sent_fails_and_is_not_sent_again() {
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![]))]);
    let mut theirs = peer.accept();
    request(&mut theirs);
    drop(theirs);
    seen.wait_for(|seen| *seen == Seen::CallFailed(CallTag(1), LossCause::EndOfStream));
    assert!(peer.nobody_comes());
}

#[test]
fn a_call_that_is_not_answered_fails_at_its_deadline_and_its_connection_is_not_used_again() {
    let (peer, seen, _guard) = calling_within(
        Duration::from_millis(300),
        vec![(1, post(CallLine::Normal, vec![])), (2, post(CallLine::Normal, vec![]))],
    );
    let mut silent = peer.accept();
    request(&mut silent);
    seen.wait_for(|seen| *seen == Seen::CallFailed(CallTag(1), LossCause::StageTimeout { stage: "http" }));
    ending(&mut silent).ok();
    let mut next = peer.accept();
    request(&mut next);
    answer(&mut next, "200 OK", "{}");
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(2), ..)));
}

#[test]
fn an_error_status_and_a_redirect_are_answers_and_nobody_follows() {
    let elsewhere = Peer::listen();
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![])), (2, post(CallLine::Normal, vec![]))]);
    let mut theirs = peer.accept();
    request(&mut theirs);
    answer(&mut theirs, "503 Service Unavailable", "down");
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(1), 503, body, _) if body == "down"));
    request(&mut theirs);
    let redirect = format!("HTTP/1.1 307 Go\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address());
    theirs.write_all(redirect.as_bytes()).unwrap();
    seen.wait_for(|seen| matches!(seen, Seen::Answered(CallTag(2), 307, ..)));
    assert!(elsewhere.nobody_comes());
}

#[test]
fn an_answer_without_end_is_too_large() {
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![]))]);
    let mut theirs = peer.accept();
    request(&mut theirs);
    theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").unwrap();
    // Until the far end has had enough.
    while theirs.write_all(&[b'x'; 65536]).is_ok() {}
    seen.wait_for(|seen| *seen == Seen::CallFailed(CallTag(1), LossCause::TooLarge));
}

#[test]
fn a_body_that_is_no_text_is_a_protocol_failure() {
    let (peer, seen, _guard) = calling(vec![(1, post(CallLine::Normal, vec![]))]);
    let mut theirs = peer.accept();
    request(&mut theirs);
    theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xc3\x28").unwrap();
    seen.wait_for(|seen| *seen == Seen::CallFailed(CallTag(1), LossCause::Protocol));
}

#[test]
fn letting_go_does_not_wait_for_an_ordinary_call() {
    let (peer, guard) = calling_until_let_go(CallLine::Normal);
    let mut silent = peer.accept();
    request(&mut silent);
    guard.let_go().unwrap();
    guard.wait_ended(PATIENCE).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the connection is over");
}

#[test]
fn letting_go_leaves_a_kill_the_time_to_be_answered() {
    let (peer, guard) = calling_until_let_go(CallLine::Kill);
    let mut theirs = peer.accept();
    request(&mut theirs);
    guard.let_go().unwrap();
    assert!(guard.wait_ended(Duration::from_millis(50)).is_err(), "the kill is still under way");
    answer(&mut theirs, "200 OK", "{}");
    guard.wait_ended(PATIENCE).unwrap();
}

#[test]
fn nobody_listening_is_a_refused_connection() {
    let (peer, seen, guard) = not_started(settings(), vec![(1, post(CallLine::Normal, vec![]))]);
    drop(peer);
    guard.start().unwrap();
    seen.wait_for(|seen| *seen == Seen::CallFailed(CallTag(1), LossCause::ConnectionRefused));
}

fn calling(calls: Vec<(u64, HttpRequest)>) -> (Peer, script::Log, GuardHandle) {
    calling_within(settings().call_deadline, calls)
}

/// Makes the calls one after the other, each when the one before has ended.
fn calling_within(deadline: Duration, calls: Vec<(u64, HttpRequest)>) -> (Peer, script::Log, GuardHandle) {
    let mut settings = settings();
    settings.call_deadline = deadline;
    let (peer, seen, guard) = not_started(settings, calls);
    guard.start().unwrap();
    (peer, seen, guard)
}

fn not_started(settings: Settings, calls: Vec<(u64, HttpRequest)>) -> (Peer, script::Log, GuardHandle) {
    let peer = Peer::listen();
    let mut calls = calls.into_iter();
    let (script, seen) = Scripted::new(peer.endpoint(), move |seen| match seen {
        Seen::Start | Seen::Answered(..) | Seen::CallFailed(..) => {
            calls.next().map(|(tag, request)| Do::Call(CallTag(tag), request)).into_iter().collect()
        }
        _ => vec![],
    });
    (peer, seen, run_with(script, settings))
}

/// A guard that makes one call and stops when it is let go of. Its calls may take longer than anybody waits here.
fn calling_until_let_go(line: CallLine) -> (Peer, GuardHandle) {
    let peer = Peer::listen();
    let mut settings = settings();
    settings.call_deadline = 3 * PATIENCE;
    let (script, _) = Scripted::new(peer.endpoint(), move |seen| match seen {
        Seen::Start => vec![Do::Phase(Phase::Connecting), Do::Call(CallTag(1), post(line, vec![]))],
        Seen::LetGo => vec![Do::Phase(Phase::Stopped)],
        _ => vec![],
    });
    let guard = run_with(script, settings);
    guard.start().unwrap();
    (peer, guard)
}

fn post(line: CallLine, headers: Vec<(&'static str, String)>) -> HttpRequest {
    let path = "/0/private/Cancel?x=1".into();
    HttpRequest { method: HttpMethod::Post, path, headers, body: "{\"a\":1}".into(), line }
}

fn request(theirs: &mut TcpStream) -> (String, String) {
    let head = request_head(theirs);
    let mut body = vec![0; "{\"a\":1}".len()];
    theirs.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn answer(theirs: &mut TcpStream, status: &str, body: &str) {
    let date = "Date: Thu, 01 Jan 2026 00:00:00 GMT";
    let text = format!("HTTP/1.1 {status}\r\n{date}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    theirs.write_all(text.as_bytes()).unwrap();
}
