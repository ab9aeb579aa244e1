//! What an application sees: events without silent holes, one wake-up per batch, waits that end, and a last handle that
//! lets go.

use super::peer::{ending, send};
use super::*;
use crate::driver::clock;
use crate::driver::{CallError, Inbound, WaitError};
use crate::model::{EventKind, Misuse, Phase, RequestId};
use crate::session::{Fate, HangUp};
use crate::venue::Lane;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn events_are_read_in_order_and_an_overflow_says_exactly_how_many_are_missing() {
    let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |seen| match seen {
        Seen::Start => (0..100).map(|_| Do::Tell(EventKind::LetGo)).chain([Do::Phase(Phase::Connecting)]).collect(),
        _ => vec![],
    });
    let guard = run(script);
    guard.start().unwrap();
    let snapshot = guard.wait_phase(|phase| phase == Phase::Connecting, PATIENCE).unwrap();
    assert_eq!(snapshot.seq, 101);
    let events = all_events(&guard, 65);
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=65).collect::<Vec<u64>>());
    assert_eq!(events[64].kind, EventKind::Overflow { lost: 37 });
}

#[test]
fn the_waker_is_called_once_for_every_batch_even_while_nothing_is_read() {
    let mut link = linked(|seen| match seen {
        Seen::Line(..) => {
            vec![Do::Tell(EventKind::LetGo), Do::Tell(EventKind::LetGo), Do::Deliver(None), Do::Tell(EventKind::LetGo)]
        }
        _ => vec![],
    });
    let woken = Arc::new(AtomicUsize::new(0));
    let (count, (tell, told)) = (woken.clone(), std::sync::mpsc::channel());
    link.guard
        .set_waker(Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            tell.send(()).unwrap();
        }))
        .unwrap();
    // What the beginning told is readable, so that one is called at once.
    let before = told.try_iter().count();
    for batch in 1..=3 {
        send(&mut link.theirs, "x");
        told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(woken.load(Ordering::SeqCst), before + batch);
    }
    assert_eq!(all_events(&link.guard, 9).len(), 9);
}

#[test]
fn a_kill_is_handed_in_before_every_request_that_waits_and_finds_room_when_they_do_not() {
    let busy = Arc::new(AtomicBool::new(false));
    let held = busy.clone();
    let mut link = linked(move |seen| match seen {
        Seen::Line(..) => vec![Do::StallUntil(held.clone())],
        _ => vec![],
    });
    send(&mut link.theirs, "hold");
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    let waiting = (0..).take_while(|_| link.guard.send("order", false).is_ok()).count();
    assert!(waiting > 10, "{waiting}");
    link.guard.kill("red button").unwrap();
    link.guard.kill("red button, again").unwrap();
    busy.store(true, Ordering::SeqCst);
    assert_eq!(link.seen.wait_for(|_| true), Seen::OtherCommand);
    for _ in 0..waiting {
        let next = link.seen.wait_for(|_| true);
        assert!(matches!(next, Seen::Send(..)), "{next:?}");
    }
}

#[test]
fn a_waker_set_while_something_is_readable_is_called_at_once() {
    let mut link = linked(|seen| match seen {
        Seen::Line(..) => vec![Do::Deliver(None)],
        _ => vec![],
    });
    send(&mut link.theirs, "x");
    while link.guard.drain_messages(0).is_ok() && link.guard.snapshot().is_ok() {
        if !link.guard.drain_messages(1).unwrap().is_empty() {
            break;
        }
    }
    send(&mut link.theirs, "y");
    send(&mut link.theirs, "z");
    link.seen.wait_for(|seen| *seen == Seen::Line(FIRST, "z".into()));
    let (tell, told) = std::sync::mpsc::channel();
    link.guard.set_waker(Arc::new(move || tell.send(()).unwrap())).unwrap();
    told.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_waker_that_panics_costs_the_guard_nothing() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) => vec![Do::Deliver(None), Do::Say(*epoch, text.clone(), Lane::Order)],
        _ => vec![],
    });
    link.guard.set_waker(Arc::new(|| panic!("a bug of the application"))).unwrap();
    for text in ["one", "two"] {
        send(&mut link.theirs, text);
        assert_eq!(peer::text_of(&mut link.theirs), text);
    }
}

#[test]
fn messages_answers_and_fates_reach_the_application_as_they_came() {
    let mut link = linked(|seen| match seen {
        Seen::Line(_, text) if text == "answer" => vec![Do::Deliver(Some(RequestId(1)))],
        Seen::Line(..) => vec![Do::Deliver(None)],
        Seen::Request(id) => vec![Do::Say(FIRST, "ask".into(), Lane::Order), Do::Sent(*id)],
        Seen::Send(id, _) => vec![Do::Fate(*id, Fate::Refused(Misuse::Latched))],
        _ => vec![],
    });
    assert_eq!(link.guard.request("private/buy", "{}", false), Ok(RequestId(1)));
    assert_eq!(peer::text_of(&mut link.theirs), "ask");
    send(&mut link.theirs, "update \u{1f980}");
    send(&mut link.theirs, "answer");
    link.seen.wait_for(|seen| *seen == Seen::Line(FIRST, "answer".into()));
    assert_eq!(link.guard.send("raw", false), Ok(RequestId(2)));
    let expected = [
        Inbound::Sent { request: RequestId(1) },
        Inbound::Message { role: LinkRole::Guard, epoch: FIRST, text: "update \u{1f980}".into() },
        Inbound::Answer { request: RequestId(1), text: "answer".into() },
        Inbound::Fate { request: RequestId(2), fate: Fate::Refused(Misuse::Latched) },
    ];
    assert_eq!(all_messages(&link.guard, 4), expected);
}

#[test]
fn a_reader_that_stopped_reading_cannot_go_on_sending_for_ever() {
    let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |seen| match seen {
        Seen::Send(id, _) => vec![Do::Fate(*id, Fate::NotSent)],
        _ => vec![],
    });
    let guard = run(script);
    guard.start().unwrap();
    let refused = (0..100_000).find_map(|_| guard.send("x", false).err());
    assert!(matches!(refused, Some(CallError::Misuse(Misuse::TooManyPending { .. }))), "{refused:?}");
}

#[test]
fn a_line_too_long_for_any_venue_is_refused_where_it_is_made() {
    let guard = run(Scripted::new(Peer::listen().endpoint(), |_| vec![]).0);
    let refused = guard.send(&"x".repeat((1 << 20) + 1), false);
    assert_eq!(refused, Err(CallError::Misuse(Misuse::NotSendable { why: "longer than 1 MiB" })));
}

#[test]
fn a_guard_is_started_once() {
    let guard = run(Scripted::new(Peer::listen().endpoint(), |_| vec![]).0);
    assert_eq!(guard.start(), Ok(()));
    assert_eq!(guard.start(), Err(CallError::Misuse(Misuse::AlreadyStarted)));
}

#[test]
fn dropping_the_last_handle_lets_go() {
    let mut link = linked(|seen| match seen {
        Seen::LetGo => vec![Do::HangUp(FIRST, HangUp::Abort), Do::Phase(Phase::Stopped)],
        _ => vec![],
    });
    let other = link.guard.clone();
    drop(link.guard);
    send(&mut link.theirs, "another handle still guards");
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    drop(other);
    link.seen.wait_for(|seen| *seen == Seen::LetGo);
    assert_eq!(ending(link.theirs.get_mut()), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn a_session_that_ignores_letting_go_loses_its_link_all_the_same() {
    let mut link = linked(|seen| match seen {
        Seen::Dialled(_) => vec![Do::Phase(Phase::Armed)],
        _ => vec![],
    });
    drop(link.guard);
    link.seen.wait_for(|seen| *seen == Seen::LetGo);
    assert_eq!(ending(link.theirs.get_mut()), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn waiting_for_the_end_ends_when_the_links_are_closed_and_calls_are_refused_afterwards() {
    let link = linked(|seen| match seen {
        Seen::Dialled(_) => vec![Do::Phase(Phase::Armed)],
        Seen::LetGo => vec![Do::HangUp(FIRST, HangUp::Abort), Do::Phase(Phase::Stopped)],
        _ => vec![],
    });
    link.guard.let_go().unwrap();
    let last = link.guard.wait_ended(PATIENCE).unwrap();
    assert_eq!(last.phase, Phase::Stopped);
    assert!(link.guard.has_ended());
    assert_eq!(link.guard.let_go(), Err(CallError::Misuse(Misuse::Ended)));
    assert!(matches!(link.guard.wait_phase(|phase| phase == Phase::Armed, PATIENCE), Err(WaitError::Ended(_))));
    assert_eq!(all_events(&link.guard, 2).len(), 2);
}

#[test]
fn a_wait_that_is_not_fulfilled_times_out_with_the_last_snapshot() {
    let guard = run(Scripted::new(Peer::listen().endpoint(), |_| vec![]).0);
    let waited = guard.wait_phase(|phase| phase == Phase::Armed, Duration::from_millis(20));
    assert!(matches!(waited, Err(WaitError::TimedOut(snapshot)) if snapshot.phase == Phase::Stopped));
}

#[test]
fn a_tick_comes_when_it_was_asked_for_and_not_before() {
    let (script, seen) = Scripted::new(Peer::listen().endpoint(), |seen| match seen {
        Seen::Start => vec![Do::WaitFor(Duration::from_millis(40))],
        _ => vec![Do::WaitFor(PATIENCE)],
    });
    let guard = run(script);
    guard.start().unwrap();
    let (started, _) = seen.wait_with_time(|seen| *seen == Seen::Start);
    let (ticked, _) = seen.wait_with_time(|seen| *seen == Seen::Tick);
    let waited = ticked.at.since(started.at);
    assert!((40..140).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn what_has_arrived_is_read_before_anybody_is_judged() {
    let go_on = Arc::new(AtomicBool::new(false));
    let gate = go_on.clone();
    let mut link = linked(move |seen| match seen {
        // Late for its tick, with a message in the kernel that nobody has read.
        Seen::Line(_, text) if text == "stall" => {
            vec![Do::WaitFor(Duration::from_nanos(1)), Do::StallUntil(gate.clone())]
        }
        _ => vec![Do::WaitFor(PATIENCE)],
    });
    let proof = Seen::Line(FIRST, "proof of life".into());
    for round in 0..100 {
        send(&mut link.theirs, "stall");
        // Read already: whatever follows is not in the same buffer.
        link.seen.wait_for(|seen| *seen == Seen::Line(FIRST, "stall".into()));
        send(&mut link.theirs, "proof of life");
        go_on.store(true, Ordering::SeqCst);
        let next = link.seen.wait_for(|seen| *seen == Seen::Tick || *seen == proof);
        assert_eq!(next, proof, "round {round}");
    }
}

/// Reads until that many events are there.
fn all_events(guard: &GuardHandle, count: usize) -> Vec<crate::model::Event> {
    gather(count, || guard.drain_events(usize::MAX).unwrap())
}

fn all_messages(guard: &GuardHandle, count: usize) -> Vec<Inbound> {
    gather(count, || guard.drain_messages(usize::MAX).unwrap())
}

fn gather<T>(count: usize, drain: impl Fn() -> Vec<T>) -> Vec<T> {
    let give_up = crate::driver::clock::now().at + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count && crate::driver::clock::now().at < give_up {
        all.extend(drain());
        std::thread::yield_now();
    }
    all
}

#[test]
fn a_pulse_counts_the_turns_of_a_guard_that_is_at_rest() {
    let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |_| vec![]);
    let guard = run(script);
    let first = guard.pulse().unwrap();
    let deadline = clock::now().at + PATIENCE;
    while guard.pulse().unwrap() == first {
        assert!(clock::now().at < deadline, "no turn was made");
        std::thread::yield_now();
    }
}
