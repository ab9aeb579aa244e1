//! Our own bugs: the link is reset, the guard says so, and nobody else is hurt.

use super::peer::{ending, send, text_of};
use super::*;
use crate::driver::{CallError, Inbound};
use crate::model::{ErrorReport, EventKind, Misuse, Phase};
use crate::session::Fate;
use crate::venue::Lane;

#[test]
fn a_panic_resets_the_link_and_leaves_an_honest_snapshot_and_events_with_the_next_numbers() {
    let mut link = linked(|seen| match seen {
        Seen::Dialled(_) => vec![Do::Phase(Phase::Armed), Do::Permit(true)],
        Seen::Line(..) => vec![Do::Panic],
        _ => vec![],
    });
    link.guard.wait_phase(|phase| phase == Phase::Armed, PATIENCE).unwrap();
    send(&mut link.theirs, "poison");
    assert_eq!(ending(link.theirs.get_mut()), Err(std::io::ErrorKind::ConnectionReset));
    let snapshot = link.guard.wait_ended(PATIENCE).unwrap();
    assert_eq!((snapshot.phase, snapshot.permit, snapshot.claim()), (Phase::Faulted, false, false));
    assert!(matches!(&snapshot.last_error, Some(ErrorReport::Fault(fault)) if fault.what.contains("scripted")));
    let events = link.guard.drain_events(100).unwrap();
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(matches!(events[2].kind, EventKind::PhaseChanged { from: Phase::Armed, to: Phase::Faulted, .. }));
    assert_eq!(events[3].kind, EventKind::Permit { given: false });
    assert!(matches!(events[4].kind, EventKind::Error { .. }));
    assert_eq!(snapshot.seq, 5);
    assert_eq!(link.guard.let_go(), Err(CallError::Misuse(Misuse::Ended)));
}

#[test]
fn a_panic_message_that_may_quote_what_was_read_is_not_repeated() {
    let mut link = linked(|seen| match seen {
        Seen::Line(_, text) => vec![Do::PanicWith(text.clone())],
        _ => vec![],
    });
    send(&mut link.theirs, "hunter2");
    let snapshot = link.guard.wait_ended(PATIENCE).unwrap();
    assert!(!format!("{snapshot:?}").contains("hunter2"));
}

#[test]
fn a_request_in_flight_at_a_fault_is_unknown() {
    let link = linked(|seen| match seen {
        Seen::Request(id) => vec![Do::Sent(*id)],
        Seen::Send(..) => vec![Do::Panic],
        _ => vec![],
    });
    let request = link.guard.request("private/buy", "{}", false).unwrap();
    let line = link.guard.send("poison", false).unwrap();
    link.guard.wait_ended(PATIENCE).unwrap();
    let messages = link.guard.drain_messages(10).unwrap();
    let expected = [
        Inbound::Sent { request },
        Inbound::Fate { request, fate: Fate::Unknown },
        Inbound::Fate { request: line, fate: Fate::Unknown },
    ];
    assert_eq!(messages, expected);
}

#[test]
fn a_panic_of_one_guard_leaves_the_others_on_its_engine_alone() {
    let engine = Engine::start().unwrap();
    let peer = Peer::listen();
    let poisoned = Scripted::new(peer.endpoint(), |_| vec![Do::Panic]).0;
    let (script, seen) = Scripted::new(
        peer.endpoint(),
        dialling_first(|seen| match seen {
            Seen::Line(epoch, text) => vec![Do::Say(*epoch, text.clone(), Lane::Order)],
            _ => vec![],
        }),
    );
    let healthy = engine.add_machine(script, settings(), None).unwrap();
    healthy.start().unwrap();
    let mut theirs = peer.accept_websocket();
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(_)));
    let poisoned = engine.add_machine(poisoned, settings(), None).unwrap();
    poisoned.start().unwrap();
    assert_eq!(poisoned.wait_ended(PATIENCE).unwrap().phase, Phase::Faulted);
    send(&mut theirs, "still here");
    assert_eq!(text_of(&mut theirs), "still here");
}

#[test]
fn a_session_that_never_comes_to_rest_is_a_fault() {
    let (script, _seen) =
        Scripted::new(Peer::listen().endpoint(), |_| (0..100_001).map(|_| Do::Permit(false)).collect());
    let guard = run(script);
    guard.start().unwrap();
    assert_eq!(guard.wait_ended(PATIENCE).unwrap().phase, Phase::Faulted);
}

#[test]
fn a_claim_is_withdrawn_from_the_snapshot_while_the_engine_does_not_run() {
    let mut link = linked(|seen| match seen {
        Seen::Dialled(_) => {
            vec![Do::Phase(Phase::Armed), Do::Permit(true), Do::WaitFor(Duration::from_millis(50))]
        }
        Seen::Line(..) => vec![Do::Stall(Duration::from_millis(1500))],
        _ => vec![Do::WaitFor(Duration::from_millis(50))],
    });
    link.guard.wait_phase(|phase| phase == Phase::Armed, PATIENCE).unwrap();
    send(&mut link.theirs, "stall");
    let late = link.guard.wait_phase(|phase| phase == Phase::Degraded, PATIENCE).unwrap();
    assert_eq!((late.permit, late.claim()), (false, false));
    // It is the script's snapshot again as soon as the engine runs.
    link.guard.wait_phase(|phase| phase == Phase::Armed, PATIENCE).unwrap();
}
