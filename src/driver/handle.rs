//! What an application holds of a guard. Cheap to copy, usable from any thread, and never in the way of the guard: no
//! call here waits for the guard's thread except the two that say `wait`.

use super::engine::Engine;
use super::error::{AttachError, CallError, WaitError};
use super::lease::{AttachedLease, LeaseHandle};
use super::queue::Inbound;
use super::shared::{Ask, Shared, lock};
use super::shared_lease::SharedLease;
use crate::model::{Acknowledgement, Event, LeaseTerms, Phase, RequestId, Snapshot};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A guard that runs on an [`Engine`]. Dropping the last handle lets go of the guard; it never disarms it.
#[derive(Clone)]
pub struct GuardHandle {
    owner: Arc<Owner>,
}

impl GuardHandle {
    pub(super) fn new(shared: Arc<Shared>, engine: Engine) -> Self {
        Self { owner: Arc::new(Owner { shared, _engine: engine }) }
    }

    /// Begins: dial, log in, arm, keep. `AlreadyStarted` the second time.
    pub fn start(&self) -> Result<(), CallError> {
        self.shared().ask(Ask::Start)
    }

    /// Drops the links without disarming, so that the switch acts.
    pub fn let_go(&self) -> Result<(), CallError> {
        self.shared().ask(Ask::LetGo { close_frame: false })
    }

    /// The same, with a close frame in place of a reset: how a venue sees a client that says goodbye and disarms nothing.
    /// For rehearsals; a reset cannot be held up by what is still unsent.
    pub fn close(&self) -> Result<(), CallError> {
        self.shared().ask(Ask::LetGo { close_frame: true })
    }

    /// The deliberate orderly end that keeps orders. [`GuardHandle::wait_ended`] tells when it is over.
    pub fn farewell(&self, reason: &str) -> Result<(), CallError> {
        self.shared().ask(Ask::Farewell { reason: reason.to_owned() })
    }

    /// Acknowledges a trip: orders may be permitted again once armed. The words are told as `Rearmed` when a latch came off.
    pub fn rearm(&self, acknowledge: Acknowledgement) -> Result<(), CallError> {
        self.shared().ask(Ask::Rearm { acknowledge })
    }

    /// Takes the switch off for maintenance, or puts it on again.
    pub fn maintenance(&self, begin: bool, reason: &str) -> Result<(), CallError> {
        self.shared().ask(Ask::Maintenance { begin, reason: reason.to_owned() })
    }

    /// Cancels everything the switch covers, over every path, proves it and latches. Works in every phase; a kill during
    /// a kill joins it. What it did is told as `KillEnded`.
    pub fn kill(&self, reason: &str) -> Result<(), CallError> {
        self.shared().ask_kill(reason)
    }

    /// Gives up a suspect or dead link that is kept, and uses the standby.
    pub fn abandon(&self) -> Result<(), CallError> {
        self.shared().ask(Ask::Abandon)
    }

    /// Takes a lease: from now on no order is permitted before its first renewal, and from then on the guard kills and
    /// keeps nothing any more as soon as the budget passes without another one. At most 16 per guard.
    pub fn lease(&self, terms: LeaseTerms) -> Result<LeaseHandle, CallError> {
        let cell = self.shared().ask_lease(terms, None)?;
        Ok(LeaseHandle::new(cell, self.owner.shared.clone()))
    }

    /// Takes a lease that another process renews through its page. Otherwise as [`GuardHandle::lease`].
    pub fn attach(&self, shared: &SharedLease, budget: Duration) -> Result<AttachedLease, AttachError> {
        let terms = LeaseTerms::new(shared.name(), budget)?;
        let cell = self.shared().ask_lease(terms, Some(shared.clone()))?;
        Ok(AttachedLease::new(LeaseHandle::new(cell, self.owner.shared.clone())))
    }

    /// Sends a request whose answer comes as [`Inbound::Answer`] with this id, or [`Inbound::Fate`] if there is none.
    /// `params` is JSON text. `unsafe_named` says that the caller knows that it breaks the protection.
    pub fn request(&self, method: &str, params: &str, unsafe_named: bool) -> Result<RequestId, CallError> {
        self.ask_request(method, params, false, unsafe_named)
    }

    /// The same with a subscription that, once accepted, is said again on every new link before it is called armed.
    pub fn subscribe(&self, method: &str, params: &str) -> Result<RequestId, CallError> {
        self.ask_request(method, params, true, false)
    }

    fn ask_request(
        &self,
        method: &str,
        params: &str,
        sticky: bool,
        unsafe_named: bool,
    ) -> Result<RequestId, CallError> {
        self.shared().ask_request(method.len() + params.len(), |id| Ask::Request {
            id,
            method: method.to_owned(),
            params: params.to_owned(),
            sticky,
            unsafe_named,
        })
    }

    /// Sends a line as it is. Whatever it causes comes as [`Inbound::Message`]; a refusal comes as [`Inbound::Fate`].
    pub fn send(&self, line: &str, unsafe_named: bool) -> Result<RequestId, CallError> {
        self.shared().ask_request(line.len(), |id| Ask::Send { id, line: line.to_owned(), unsafe_named })
    }

    /// Where the guard stands. Never waits. When the guard's thread is later than its policy allows, the claim is
    /// already withdrawn here, before that thread gets to say so itself.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, CallError> {
        self.shared().check_process()?;
        Ok(self.shared().present())
    }

    /// The oldest events not yet read, at most `max`. Numbers are contiguous, except that one `Overflow` with number
    /// `n` and `lost` stands for the events `n` to `n + lost - 1`; read the snapshot then.
    pub fn drain_events(&self, max: usize) -> Result<Vec<Event>, CallError> {
        self.shared().check_process()?;
        Ok(lock(&self.shared().reader).events.drain(max))
    }

    /// The oldest messages, answers and fates not yet read, at most `max`.
    pub fn drain_messages(&self, max: usize) -> Result<Vec<Inbound>, CallError> {
        self.shared().check_process()?;
        let mut reader = lock(&self.shared().reader);
        let drained = reader.inbound.drain(max);
        self.shared().unread.store(reader.inbound.len(), Ordering::Relaxed);
        Ok(drained)
    }

    /// Sets what is called once for every batch of events or messages that became readable, whether or not the batches
    /// before were read: who waits for a phase need not read events. At once when there is something already. It runs on
    /// the guard's thread: it must not wait for anything (a lock, the GIL); writing to an eventfd or a pipe, unless it is
    /// readable already, is the intended use.
    pub fn set_waker(&self, waker: Arc<dyn Fn() + Send + Sync>) -> Result<(), CallError> {
        self.shared().check_process()?;
        self.shared().set_wake(Some(waker));
        Ok(())
    }

    /// Takes the waker away.
    pub fn clear_waker(&self) -> Result<(), CallError> {
        self.shared().check_process()?;
        self.shared().set_wake(None);
        Ok(())
    }

    /// Waits until the phase is one that `wanted` accepts, and returns that snapshot.
    pub fn wait_phase(&self, wanted: impl Fn(Phase) -> bool, timeout: Duration) -> Result<Arc<Snapshot>, WaitError> {
        self.shared().wait(timeout, wanted)
    }

    /// Waits until the guard has ended: let go, farewell complete, or faulted. Returns the last snapshot.
    pub fn wait_ended(&self, timeout: Duration) -> Result<Arc<Snapshot>, WaitError> {
        match self.shared().wait(timeout, |_| false) {
            Err(WaitError::Ended(snapshot)) => Ok(snapshot),
            other => other,
        }
    }

    /// Wakes the guard's thread and tells how many turns it has made for this guard. The same number twice, with time
    /// in between, means that the thread does not run: what a watchdog asks. Never waits.
    pub fn pulse(&self) -> Result<u64, CallError> {
        self.shared().pulse()
    }

    /// True once the guard has ended; what it left can still be read.
    pub fn has_ended(&self) -> bool {
        self.shared().has_ended()
    }

    fn shared(&self) -> &Shared {
        &self.owner.shared
    }
}

impl fmt::Debug for GuardHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.shared().present();
        write!(f, "GuardHandle({}, {})", snapshot.venue, snapshot.phase.as_str())
    }
}

/// The last one lets go. Holds the engine, so that a guard keeps the thread it runs on.
struct Owner {
    shared: Arc<Shared>,
    _engine: Engine,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.release();
    }
}
