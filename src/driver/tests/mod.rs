//! The driver against real sockets on loopback. The session is a script, the peer is the synchronous side of the
//! websocket library on the test's own thread: nothing here shares a runtime with what is tested.

mod blackhole;
mod calls;
mod conformance;
mod faults;
mod frames;
mod handles;
mod hostile;
mod leases;
mod links;
mod peer;
mod script;
mod sockets;
mod stages;
mod tls;
mod turns;

pub(super) use peer::Peer;
pub(super) use script::{Do, Scripted, Seen};

use super::error::StartError;
use super::spec::{Settings, StageDeadlines};
use super::{Engine, EngineOptions, GuardHandle, Wait};
use crate::model::{Epoch, LinkRole, Policy};
use std::time::Duration;

/// Long enough that only a hang reaches it.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const FIRST: Epoch = Epoch(1);

pub(super) fn settings() -> Settings {
    Settings {
        policy: Policy::default(),
        extra_ca_pem: None,
        stages: StageDeadlines::default(),
        call_deadline: Duration::from_secs(5),
        event_capacity: 64,
        message_capacity: 64,
        recorder: None,
        keep_http: true,
        warm: None,
    }
}

/// Runs a script on an engine of its own.
fn run(script: Scripted) -> GuardHandle {
    run_with(script, settings())
}

fn run_with(script: Scripted, settings: Settings) -> GuardHandle {
    Engine::start().unwrap().add_machine(script, settings, None).unwrap()
}

/// A guard whose script dials the peer at the start, and the peer's end of that link.
fn linked(react: impl FnMut(&Seen) -> Vec<Do> + Send + 'static) -> Linked {
    let peer = Peer::listen();
    let (script, seen) = Scripted::new(peer.endpoint(), dialling_first(react));
    let guard = run(script);
    guard.start().unwrap();
    let theirs = peer.accept_websocket();
    seen.wait_for(|seen| matches!(seen, Seen::Dialled(FIRST)));
    Linked { guard, seen, theirs }
}

struct Linked {
    guard: GuardHandle,
    seen: script::Log,
    theirs: peer::Theirs,
}

/// `Start` dials epoch 1; everything else is up to `react`.
fn dialling_first(mut react: impl FnMut(&Seen) -> Vec<Do> + Send + 'static) -> impl FnMut(&Seen) -> Vec<Do> + Send {
    move |seen| match seen {
        Seen::Start => vec![Do::Dial(FIRST, LinkRole::Guard)],
        other => react(other),
    }
}
