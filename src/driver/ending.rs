//! How a guard's task ends: on purpose, because nobody holds a handle any more, or by a bug of ours. In every case all
//! connections are reset before anybody is told, and every request is given its fate.

use super::clock;
use super::guard_task::GuardTask;
use super::machine::Machine;
use super::publish::Publisher;
use super::queue::Inbound;
use super::shared::{Ask, Shared};
use crate::model::{Coverage, Epoch, ErrorReport, EventKind, Evidence, Fault, Moment, Phase, Snapshot};
use crate::session::Fate;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

impl<M: Machine> GuardTask<M> {
    pub(super) fn has_ended(&self) -> bool {
        if self.give_up_at.is_some_and(|at| clock::now().at >= at) {
            return true;
        }
        let stopped = self.world.publisher.phase() == Phase::Stopped;
        // An ordinary call that nobody will use must not hold up the end; that of a kill is wanted, whoever leaves.
        let idle = !self.world.has_links() && !self.world.calls.is_killing();
        stopped && idle && (self.ending || self.was_running)
    }

    /// The end on purpose.
    pub(super) fn finish(&mut self) {
        if self.world.publisher.phase().claims() {
            return self.fault("the session did not let go".into());
        }
        self.over = true;
        self.world.abort_everything();
        self.refuse_asks();
        self.world.publisher.end();
    }

    /// The end by a bug of ours. Resets every connection, so that the switch acts, and says so.
    pub(super) fn fault(&mut self, what: String) {
        tracing::error!(what, "guard faulted");
        self.over = true;
        self.world.abort_everything();
        self.refuse_asks();
        tell_fault(&mut self.world.publisher, what);
    }

    /// The engine went away under it, unless it had ended before.
    pub(super) fn engine_ended(&mut self) {
        if !self.over {
            self.fault(ENGINE_ENDED.into());
        }
    }

    /// What was asked and not handed in was surely not sent.
    fn refuse_asks(&mut self) {
        self.shared.take_last_asks(&mut self.asks);
        for ask in std::mem::take(&mut self.asks) {
            if let Ask::Request { id, .. } | Ask::Send { id, .. } = ask {
                self.world.settle(id, Fate::NotSent);
            }
        }
    }
}

/// A guard on its way to the engine's thread. If it never gets there, its handles must not wait for it for ever.
pub(super) struct Unborn {
    parts: Option<(Arc<Shared>, Publisher)>,
}

impl Unborn {
    pub(super) fn new(shared: Arc<Shared>, publisher: Publisher) -> Self {
        Self { parts: Some((shared, publisher)) }
    }

    /// It got there.
    pub(super) fn arrive(mut self) -> (Arc<Shared>, Publisher) {
        self.parts.take().expect("taken here, where it ends, and in drop only")
    }
}

impl Drop for Unborn {
    fn drop(&mut self) {
        let Some((shared, mut publisher)) = self.parts.take() else { return };
        let mut asks = VecDeque::new();
        shared.take_last_asks(&mut asks);
        for ask in asks {
            if let Ask::Request { id: request, .. } | Ask::Send { id: request, .. } = ask {
                publisher.deliver(Inbound::Fate { request, fate: Fate::NotSent });
            }
        }
        tell_fault(&mut publisher, ENGINE_ENDED.into());
    }
}

/// The last events, the last snapshot, and the end.
fn tell_fault(publisher: &mut Publisher, what: String) {
    let report = ErrorReport::Fault(Fault { what });
    let last = publisher.last().clone();
    let (from, to) = (last.phase, Phase::Faulted);
    publisher.tell_for_session(EventKind::PhaseChanged { from, to, why: "a bug in killcord; the link was reset" });
    if last.permit {
        publisher.tell_for_session(EventKind::Permit { given: false });
    }
    publisher.tell_for_session(EventKind::Error { report: report.clone() });
    let now = clock::now().at;
    publisher.publish_now(now, faulted(last, publisher.last_seq(), now, report));
    publisher.end();
}

/// Only text that was fixed at compile time: a formatted panic message may quote what was being read, secrets included.
pub(super) fn describe(doing: &'static str, payload: &(dyn std::any::Any + Send)) -> String {
    match payload.downcast_ref::<&'static str>() {
        Some(fixed) => format!("panic while {doing}: {fixed}"),
        None => format!("panic while {doing}"),
    }
}

/// What can still be said after a bug: nothing is claimed. Trip bounds stay, because the venue's timer runs on.
fn faulted(last: Snapshot, seq: u64, at: Moment, report: ErrorReport) -> Snapshot {
    Snapshot {
        seq,
        at,
        phase: Phase::Faulted,
        epoch: Epoch(0),
        evidence: Evidence::None,
        proven_at: None,
        coverage: Coverage::Nothing,
        round_trip: None,
        last_life: None,
        permit: false,
        waiting_for: "nothing; it faulted",
        last_error: Some(report),
        ..last
    }
}

/// The longest an HTTP call may take at its default, and a little more.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(6);
const ENGINE_ENDED: &str = "the engine's thread ended";
