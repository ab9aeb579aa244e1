//! A session that does what a test says, and a log of everything that was handed to it.

use super::PATIENCE;
use crate::driver::machine::Machine;
use crate::model::{
    CallTag, Coverage, Endpoint, Epoch, Event, EventKind, Evidence, Exposure, LinkRole, LossCause, Moment, Now, Phase,
    RequestId, Snapshot, SwitchKind, VenueName,
};
use crate::session::{Action, Command, Fate, HangUp, Input};
use crate::venue::{CallReply, HttpRequest, Lane};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// An input, owned.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::driver) enum Seen {
    Tick,
    Dialled(Epoch),
    Missed(Epoch, LossCause),
    Line(Epoch, String),
    Pong(Epoch, u64),
    PeerPing(Epoch),
    SendQueue(Epoch, Duration),
    Lost(Epoch, LossCause),
    Answered(CallTag, u16, String, Option<String>),
    CallFailed(CallTag, LossCause),
    Start,
    LetGo,
    Request(RequestId),
    Send(RequestId, String),
    Renewed(crate::model::LeaseId),
    LeaseDoubted(crate::model::LeaseId, crate::model::PageFault),
    OtherCommand,
}

/// An action, owned.
#[derive(Clone, Debug)]
pub(in crate::driver) enum Do {
    Dial(Epoch, LinkRole),
    Say(Epoch, String, Lane),
    Ping(Epoch, u64),
    Call(CallTag, HttpRequest),
    HangUp(Epoch, HangUp),
    Mute(Epoch),
    Tell(EventKind),
    Phase(Phase),
    Permit(bool),
    Deliver(Option<RequestId>),
    Sent(RequestId),
    Fate(RequestId, Fate),
    /// Wait until this long after now.
    WaitFor(Duration),
    Panic,
    PanicWith(String),
    /// Keep the engine's thread busy without letting anything else run, for so long or until this is set.
    Stall(Duration),
    StallUntil(Arc<AtomicBool>),
}

type React = Box<dyn FnMut(&Seen) -> Vec<Do> + Send>;

/// See the module documentation.
pub(in crate::driver) struct Scripted {
    endpoint: Endpoint,
    react: React,
    log: Sender<(Now, Seen)>,
    now: Now,
    actions: VecDeque<Do>,
    acting: Option<Do>,
    until: Option<Moment>,
    snapshot: Snapshot,
    drained: bool,
}

impl Scripted {
    pub(in crate::driver) fn new(
        endpoint: Endpoint,
        react: impl FnMut(&Seen) -> Vec<Do> + Send + 'static,
    ) -> (Self, Log) {
        let (log, seen) = channel();
        let script = Self {
            endpoint,
            react: Box::new(react),
            log,
            now: Now::default(),
            actions: VecDeque::new(),
            acting: None,
            until: None,
            snapshot: blank(),
            drained: true,
        };
        (script, Log(seen))
    }

    fn event(&mut self, kind: EventKind) -> Action<'static> {
        self.snapshot.seq += 1;
        Action::Tell(Event {
            seq: self.snapshot.seq,
            at: self.now.at,
            wall: self.now.wall,
            epoch: self.snapshot.epoch,
            kind,
        })
    }
}

impl Machine for Scripted {
    fn handle(&mut self, now: Now, input: Input<'_>) {
        assert!(self.drained, "handled before drained");
        assert!(now.at >= self.now.at, "time went back");
        self.drained = false;
        self.now = now;
        let seen = owned(input);
        self.actions.extend((self.react)(&seen));
        // Nobody listens any more when the test is over.
        let _ = self.log.send((now, seen));
    }

    fn poll(&mut self) -> Action<'_> {
        self.acting = self.actions.pop_front();
        match self.acting.take() {
            None => {
                self.drained = true;
                Action::Wait { until: self.until, why: "the script" }
            }
            Some(Do::WaitFor(length)) => {
                self.until = Some(self.now.at + length);
                self.poll()
            }
            Some(Do::Panic) => panic!("scripted"),
            Some(Do::PanicWith(secret)) => panic!("scripted with {secret}"),
            Some(Do::Stall(length)) => {
                let end = crate::driver::clock::now().at + length;
                while crate::driver::clock::now().at < end {
                    std::hint::spin_loop();
                }
                self.poll()
            }
            Some(Do::StallUntil(set)) => {
                while !set.swap(false, Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
                self.poll()
            }
            Some(Do::Tell(kind)) => self.event(kind),
            Some(Do::Phase(to)) => {
                let from = std::mem::replace(&mut self.snapshot.phase, to);
                self.event(EventKind::PhaseChanged { from, to, why: "the script" })
            }
            Some(Do::Permit(given)) => {
                self.snapshot.permit = given;
                self.event(EventKind::Permit { given })
            }
            Some(Do::Dial(epoch, role)) => Action::Dial { epoch, role, endpoint: &self.endpoint },
            Some(Do::Call(tag, request)) => Action::Call { tag, request, endpoint: &self.endpoint },
            Some(Do::Ping(epoch, nonce)) => Action::Ping { epoch, nonce },
            Some(Do::Mute(epoch)) => Action::Mute { epoch },
            Some(Do::HangUp(epoch, how)) => Action::HangUp { epoch, how },
            Some(Do::Deliver(answers)) => Action::Deliver { role: LinkRole::Guard, answers },
            Some(Do::Sent(request)) => Action::Sent { request },
            Some(Do::Fate(request, fate)) => Action::Fate { request, fate },
            Some(Do::Say(epoch, line, lane)) => match self.acting.insert(Do::Say(epoch, line, lane)) {
                Do::Say(epoch, line, lane) => Action::Say { epoch: *epoch, line, lane: *lane },
                _ => unreachable!("just inserted"),
            },
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }
}

/// What was handed in, in order.
pub(in crate::driver) struct Log(Receiver<(Now, Seen)>);

impl Log {
    /// The next input that satisfies `wanted`; those before it are passed over.
    pub(super) fn wait_for(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        self.wait_with_time(wanted).1
    }

    pub(super) fn wait_with_time(&self, wanted: impl Fn(&Seen) -> bool) -> (Now, Seen) {
        let mut passed = Vec::new();
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok((now, seen)) if wanted(&seen) => return (now, seen),
                Ok((_, seen)) => passed.push(seen),
                Err(error) => panic!("{error} after {passed:?}"),
            }
        }
    }

    /// Everything handed in so far.
    pub(super) fn so_far(&self) -> Vec<Seen> {
        self.0.try_iter().map(|(_, seen)| seen).collect()
    }

    pub(super) fn lost(&self) -> LossCause {
        match self.wait_for(|seen| matches!(seen, Seen::Lost(..) | Seen::Missed(..))) {
            Seen::Lost(_, cause) | Seen::Missed(_, cause) => cause,
            other => unreachable!("{other:?}"),
        }
    }
}

fn owned(input: Input<'_>) -> Seen {
    match input {
        Input::Tick => Seen::Tick,
        Input::Dialled { epoch } => Seen::Dialled(epoch),
        Input::Missed { epoch, cause } => Seen::Missed(epoch, cause),
        Input::Line { epoch, text } => Seen::Line(epoch, text.into()),
        Input::Pong { epoch, nonce } => Seen::Pong(epoch, nonce),
        Input::PeerPing { epoch } => Seen::PeerPing(epoch),
        Input::SendQueue { epoch, stuck_for } => Seen::SendQueue(epoch, stuck_for),
        Input::Lost { epoch, cause } => Seen::Lost(epoch, cause),
        Input::Answered { tag, reply: CallReply::Got { status, body, date } } => {
            Seen::Answered(tag, status, body.into(), date.map(Into::into))
        }
        Input::Answered { tag, reply: CallReply::Failed(cause) } => Seen::CallFailed(tag, cause),
        Input::Renewed { lease, .. } => Seen::Renewed(lease),
        Input::LeaseDoubted { lease, why } => Seen::LeaseDoubted(lease, why),
        Input::Command(Command::Start) => Seen::Start,
        Input::Command(Command::LetGo) => Seen::LetGo,
        Input::Command(Command::Request { id, .. }) => Seen::Request(id),
        Input::Command(Command::Send { id, line, .. }) => Seen::Send(id, line.into()),
        Input::Command(_) => Seen::OtherCommand,
    }
}

fn blank() -> Snapshot {
    Snapshot {
        seq: 0,
        at: Moment::default(),
        venue: VenueName::Deribit,
        kind: SwitchKind::SessionBound,
        phase: Phase::Stopped,
        epoch: Epoch(0),
        evidence: Evidence::None,
        proven_at: None,
        coverage: Coverage::Nothing,
        exposure: Exposure { bound: Duration::from_secs(10), because: "the script" },
        trip: None,
        round_trip: None,
        last_life: None,
        permit: false,
        latched: false,
        maintenance: false,
        leases: vec![],
        clock_offset_ms: None,
        gap_since: None,
        waiting_for: "the script",
        last_error: None,
    }
}
