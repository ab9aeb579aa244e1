//! What a guard's task lets the world see: snapshots, events, messages. Collected during a turn and handed over at its
//! end, so that whatever had to be said to the venue has been said before anybody is told about it.

use super::clock;
use super::journal::Recorder;
use super::queue::Inbound;
use super::shared::{Reader, Shared};
use crate::model::{Event, EventKind, Moment, Phase, Snapshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, TryLockError};
use std::time::Duration;

/// The task's side of [`Shared`].
pub(super) struct Publisher {
    shared: Arc<Shared>,
    /// Told in this turn, or in one before while the reader held the lock.
    staged: Reader,
    recorder: Option<Recorder>,
    last: Arc<Snapshot>,
    last_seq: u64,
    published_at: Moment,
    /// Events were told since the last snapshot: it must not lag behind them.
    urgent: bool,
    /// Something was handled since the last snapshot.
    stale: bool,
    notify: bool,
}

impl Publisher {
    /// `capacities` are those of the reader's queues: what is staged is bounded like what waits.
    pub(super) fn new(
        shared: Arc<Shared>,
        first: Arc<Snapshot>,
        capacities: (usize, usize),
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            shared,
            staged: Reader::new(capacities),
            recorder,
            last_seq: first.seq,
            last: first,
            published_at: Moment::default(),
            urgent: false,
            stale: false,
            notify: false,
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        tracing::debug!(seq = event.seq, kind = event_word(&event.kind), "event");
        self.last_seq = event.seq;
        self.urgent = true;
        if let Some(recorder) = &self.recorder {
            recorder.record(&event);
        }
        self.staged.events.push(event);
    }

    pub(super) fn deliver(&mut self, inbound: Inbound) {
        self.staged.inbound.push(inbound);
    }

    /// Something was handled: the snapshot may have changed.
    pub(super) fn mark_stale(&mut self) {
        self.stale = true;
    }

    /// When a snapshot is due that is not urgent.
    pub(super) fn due(&self) -> Option<Moment> {
        self.stale.then(|| self.published_at + SNAPSHOT_EVERY)
    }

    /// Publishes a snapshot when events were told, or when the last one is old. Before the events: whoever reads an
    /// event finds a snapshot that knows of it.
    pub(super) fn publish(&mut self, now: Moment, take: impl FnOnce() -> Snapshot) {
        if self.urgent || self.due().is_some_and(|due| now >= due) {
            self.publish_now(now, take());
        }
    }

    pub(super) fn publish_now(&mut self, now: Moment, snapshot: Snapshot) {
        self.last = Arc::new(snapshot);
        self.shared.set_snapshot(self.last.clone());
        self.published_at = now;
        self.urgent = false;
        self.stale = false;
        self.notify = true;
    }

    /// Hands over what is staged and wakes who waits. False when a reader held a lock: come back soon.
    pub(super) fn hand_over(&mut self) -> bool {
        self.wake_journal();
        if self.notify && self.shared.notify() {
            self.notify = false;
        }
        self.hand_over_queues() && !self.notify
    }

    fn wake_journal(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.hand_over();
        }
    }

    /// Hands over what is staged, unless events were told: these come after a snapshot that knows of them.
    pub(super) fn hand_over_lines(&mut self) -> bool {
        !self.urgent && self.hand_over_queues()
    }

    /// True while events, or a change of phase, were told and not handed over.
    pub(super) fn has_told(&self) -> bool {
        self.urgent || self.notify
    }

    fn hand_over_queues(&mut self) -> bool {
        if self.staged.events.is_empty() && self.staged.inbound.is_empty() {
            return true;
        }
        let mut reader = match self.shared.reader.try_lock() {
            Ok(reader) => reader,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        self.staged.events.pour_into(&mut reader.events);
        self.staged.inbound.pour_into(&mut reader.inbound);
        self.shared.unread.store(reader.inbound.len(), Ordering::Relaxed);
        drop(reader);
        self.wake_reader();
        true
    }

    fn wake_reader(&self) {
        if let Some(wake) = self.shared.wake()
            && catch_unwind(AssertUnwindSafe(|| wake())).is_err()
        {
            // Foreign code; its bug must not cost the guard its link.
            tracing::warn!("a waker panicked");
        }
    }

    pub(super) fn last(&self) -> &Snapshot {
        &self.last
    }

    /// An event the session cannot tell any more.
    pub(super) fn tell_for_session(&mut self, kind: EventKind) {
        let now = clock::now();
        let event = Event { seq: self.last_seq + 1, at: now.at, wall: now.wall, epoch: self.last.epoch, kind };
        self.tell(event);
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Handles answer `Ended` from here on. Everything that was told can be read before anybody learns of it.
    pub(super) fn end(&mut self) {
        let mut reader = super::shared::lock(&self.shared.reader);
        self.staged.events.pour_into(&mut reader.events);
        self.staged.inbound.pour_into(&mut reader.inbound);
        self.shared.unread.store(reader.inbound.len(), Ordering::Relaxed);
        drop(reader);
        self.wake_journal();
        self.shared.end();
        self.wake_reader();
    }

    pub(super) fn phase(&self) -> Phase {
        self.last.phase
    }
}

/// The variant's name without its contents.
fn event_word(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::PhaseChanged { to, .. } => to.as_str(),
        EventKind::Dialling { .. } => "dialling",
        EventKind::LinkUp { .. } => "link up",
        EventKind::LinkLost { .. } => "link lost",
        EventKind::StepDone { .. } => "step done",
        EventKind::SwitchArmed { .. } => "switch armed",
        EventKind::Fed { .. } => "fed",
        EventKind::ReadBack { .. } => "read back",
        EventKind::Suspected { .. } => "suspected",
        EventKind::LinkDead { .. } => "link dead",
        EventKind::Recovered { .. } => "recovered",
        EventKind::Tripped { .. } => "tripped",
        EventKind::GapOpened { .. } => "gap opened",
        EventKind::GapClosed { .. } => "gap closed",
        EventKind::Stalled { .. } => "stalled",
        EventKind::Refused { .. } => "refused",
        EventKind::RateLimited { .. } => "rate limited",
        EventKind::Permit { .. } => "permit",
        EventKind::VenueNotice { .. } => "venue notice",
        EventKind::ClockOffset { .. } => "clock offset",
        EventKind::Disarmed { .. } => "disarmed",
        EventKind::Farewell { .. } => "farewell",
        EventKind::KillStarted { .. } => "kill started",
        EventKind::KillEnded { .. } => "kill ended",
        EventKind::Rearmed { .. } => "rearmed",
        EventKind::Reconciled { .. } => "reconciled",
        EventKind::Unreconciled { .. } => "unreconciled",
        EventKind::OrdersCancelled { .. } => "orders cancelled",
        EventKind::SubscriptionLost { .. } => "subscription lost",
        EventKind::LeaseWarning { .. } => "lease warning",
        EventKind::LeaseRenewed { .. } => "lease renewed",
        EventKind::LeaseLapsed { .. } => "lease lapsed",
        EventKind::LeaseDoubted { .. } => "lease doubted",
        EventKind::LeaseClosed { .. } => "lease closed",
        EventKind::LetGo => "let go",
        EventKind::RequestLost { .. } => "request lost",
        EventKind::Error { .. } => "error",
        EventKind::Overflow { .. } => "overflow",
    }
}

/// Ages and round trips in a snapshot may be this old; everything an event announces is never.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);
