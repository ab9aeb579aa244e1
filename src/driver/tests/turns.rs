//! The short way for an application's line: on the caller's own thread, when the guard is at rest, and never past anything
//! that the session has not heard of. The engine's thread is kept from running, so what happens, happens on this one.

use super::peer::{Theirs, ending, send, text_of};
use super::*;
use crate::driver::Inbound;
use crate::model::Phase;
use crate::venue::Lane;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_line_to_a_guard_at_rest_goes_out_without_its_engine() {
    let mut held = held_up(say_it);
    let id = held.guard.send("at once", false).unwrap();
    assert_eq!(text_of(&mut held.theirs), "at once");
    assert_eq!(held.guard.drain_messages(9).unwrap(), [Inbound::Sent { request: id }]);
    assert!(!held.is_released());
}

#[test]
fn a_line_waits_for_what_has_arrived_before_it() {
    let mut held = held_up(say_it);
    send(&mut held.theirs, "you have tripped");
    held.guard.send("an order", false).unwrap();
    assert_eq!(held.seen.so_far(), []);
    held.release();
    let order = |seen: &Seen| matches!(seen, Seen::Line(..) | Seen::Send(..));
    assert_eq!(held.seen.wait_for(order), Seen::Line(FIRST, "you have tripped".into()));
    assert!(matches!(held.seen.wait_for(order), Seen::Send(..)));
}

#[test]
fn a_line_waits_for_a_tick_that_is_due_and_lines_keep_their_order() {
    let mut held = held_up(|seen| match seen {
        Seen::Send(_, line) if line == "first" => [say_it(seen), vec![Do::WaitFor(Duration::ZERO)]].concat(),
        Seen::Tick => vec![Do::WaitFor(PATIENCE)],
        other => say_it(other),
    });
    for line in ["first", "second", "third"] {
        held.guard.send(line, false).unwrap();
    }
    assert_eq!(held.seen.so_far().len(), 1, "only the first was heard");
    held.release();
    let heard: Vec<String> = (0..3).map(|_| text_of(&mut held.theirs)).collect();
    assert_eq!(heard, ["first", "second", "third"]);
}

#[test]
fn a_bug_met_on_the_callers_thread_resets_the_link_and_faults_the_guard() {
    let mut held = held_up(|seen| match seen {
        Seen::Send(..) => vec![Do::Panic],
        _ => vec![],
    });
    held.guard.send("x", false).unwrap();
    assert_eq!(held.guard.wait_ended(PATIENCE).unwrap().phase, Phase::Faulted);
    assert_eq!(ending(held.theirs.get_mut()), Err(std::io::ErrorKind::ConnectionReset));
    assert!(held.guard.send("y", false).is_err());
}

#[test]
fn a_phase_that_changes_with_a_line_is_told_by_the_task() {
    let held = held_up(|seen| match seen {
        Seen::Send(..) => vec![Do::Phase(Phase::Degraded)],
        _ => vec![],
    });
    held.guard.send("x", false).unwrap();
    held.release();
    assert_eq!(held.guard.wait_phase(|phase| phase == Phase::Degraded, PATIENCE).unwrap().phase, Phase::Degraded);
}

#[test]
fn a_spinning_engine_pinned_to_a_core_does_everything_a_parked_one_does() {
    let peer = Peer::listen();
    let (script, seen) = Scripted::new(peer.endpoint(), dialling_first(say_it));
    let options = EngineOptions { wait: Wait::Spin, cpu: Some(0) };
    let guard = Engine::start_with(options).unwrap().add_machine(script, settings(), None).unwrap();
    guard.start().unwrap();
    let mut theirs = peer.accept_websocket();
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(FIRST)));
    send(&mut theirs, "news");
    seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    guard.send("x", false).unwrap();
    assert_eq!(text_of(&mut theirs), "x");
    guard.let_go().unwrap();
}

#[test]
fn a_core_that_does_not_exist_is_refused_when_the_engine_starts() {
    let options = EngineOptions { wait: Wait::Park, cpu: Some(1_000_000) };
    assert!(matches!(Engine::start_with(options), Err(StartError::Local { what: "cpu", .. })));
}

fn say_it(seen: &Seen) -> Vec<Do> {
    match seen {
        Seen::Send(id, line) => vec![Do::Say(FIRST, line.clone(), Lane::Order), Do::Sent(*id)],
        _ => vec![],
    }
}

/// A linked guard whose engine's thread is kept busy by another guard.
struct Held {
    guard: GuardHandle,
    seen: script::Log,
    theirs: Theirs,
    free: Arc<AtomicBool>,
    _other: GuardHandle,
}

fn held_up(react: impl FnMut(&Seen) -> Vec<Do> + Send + 'static) -> Held {
    let (peer, engine, free) = (Peer::listen(), Engine::start().unwrap(), Arc::new(AtomicBool::new(false)));
    let (script, seen) = Scripted::new(peer.endpoint(), dialling_first(react));
    let guard = engine.add_machine(script, settings(), None).unwrap();
    guard.start().unwrap();
    let theirs = peer.accept_websocket();
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(FIRST)));
    let set = free.clone();
    let (stalling, stalled) = Scripted::new(peer.endpoint(), move |seen| match seen {
        Seen::Start => vec![Do::StallUntil(set.clone())],
        _ => vec![],
    });
    let other = engine.add_machine(stalling, settings(), None).unwrap();
    other.start().unwrap();
    stalled.wait_for(|seen| *seen == Seen::Start);
    Held { guard, seen, theirs, free, _other: other }
}

impl Held {
    fn release(&self) {
        self.free.store(true, Ordering::SeqCst);
    }

    /// The stall takes the flag back when it ends.
    fn is_released(&self) -> bool {
        self.free.load(Ordering::SeqCst)
    }
}

impl Drop for Held {
    /// A test that fails must not leave a thread busy.
    fn drop(&mut self) {
        self.release();
    }
}
