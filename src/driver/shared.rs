//! What a guard's task and the handles on it share. The task never waits for a lock here: where a handle holds one, it
//! keeps what it has and comes back. The handles live on any thread, Python's included.

use super::asks::Asks;
use super::clock;
use super::error::{CallError, WaitError};
use super::inherit::ProcessMark;
use super::lease_cell::LeaseCell;
use super::queue::{Inbound, Queue};
use super::shared_lease::SharedLease;
use super::turns::Shortcut;
use crate::model::{Acknowledgement, Coverage, Event, LeaseId, LeaseTerms, Misuse, Moment, Phase, RequestId, Snapshot};
use arc_swap::{ArcSwap, ArcSwapOption};
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::ops::Not;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};
use std::time::Duration;

/// Called when something became readable.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// One per guard.
pub(super) struct Shared {
    /// The process that runs the task. In any other one every call is refused.
    process: ProcessMark,
    snapshot: ArcSwap<Snapshot>,
    /// A claim may be believed until then, in nanoseconds; see [`Shared::present`].
    fresh_until: AtomicU64,
    asks: Mutex<Asks>,
    /// The way past the queue of asks, for lines of the application.
    shortcut: OnceLock<Weak<dyn Shortcut>>,
    /// Wakes the task.
    pub(super) task: AtomicWaker,
    pub(super) reader: Mutex<Reader>,
    /// Messages and fates nobody has read yet, for [`Shared::ask_request`].
    pub(super) unread: AtomicUsize,
    message_capacity: usize,
    wake: ArcSwapOption<Wake>,
    /// Counts publications; a waiter that saw the same number twice missed nothing.
    generation: AtomicU64,
    waiters: AtomicUsize,
    turnstile: Mutex<()>,
    changed: Condvar,
    /// Turns of the task: proof that it runs. Written by the task only.
    turns: AtomicU64,
    started: AtomicBool,
    released: AtomicBool,
    ended: AtomicBool,
    last_request: AtomicU64,
    last_lease: AtomicU64,
    /// Leases taken and not closed.
    pub(super) leases: AtomicUsize,
}

/// What waits to be read.
pub(super) struct Reader {
    pub(super) events: Queue<Event>,
    pub(super) inbound: Queue<Inbound>,
}

impl Reader {
    /// `capacities` are those for events and for messages.
    pub(super) fn new((events, inbound): (usize, usize)) -> Self {
        Self { events: Queue::new(events), inbound: Queue::new(inbound) }
    }
}

/// What a handle asks of its guard.
#[derive(Debug)]
pub(super) enum Ask {
    Start,
    LetGo { close_frame: bool },
    Farewell { reason: String },
    Rearm { acknowledge: Acknowledgement },
    Maintenance { begin: bool, reason: String },
    Abandon,
    LeaseAdd { lease: Arc<LeaseCell>, shared: Option<SharedLease> },
    LeaseClose { id: LeaseId, reason: String },
    Kill { reason: String },
    Request { id: RequestId, method: String, params: String, sticky: bool, unsafe_named: bool },
    Send { id: RequestId, line: String, unsafe_named: bool },
}

impl Shared {
    /// `capacities` are those for events and for messages.
    pub(super) fn new(first: Arc<Snapshot>, capacities: (usize, usize)) -> Self {
        let message_capacity = capacities.1;
        Self {
            process: ProcessMark::of_this_process(),
            snapshot: ArcSwap::new(first),
            fresh_until: AtomicU64::new(u64::MAX),
            asks: Mutex::new(Asks::default()),
            shortcut: OnceLock::new(),
            task: AtomicWaker::new(),
            reader: Mutex::new(Reader::new(capacities)),
            unread: AtomicUsize::new(0),
            message_capacity,
            wake: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            waiters: AtomicUsize::new(0),
            turnstile: Mutex::new(()),
            changed: Condvar::new(),
            turns: AtomicU64::new(0),
            started: AtomicBool::new(false),
            released: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            last_request: AtomicU64::new(0),
            last_lease: AtomicU64::new(0),
            leases: AtomicUsize::new(0),
        }
    }
}

/// For the handles.
impl Shared {
    /// Hands over something that only the guard's state can refuse.
    pub(super) fn ask(&self, ask: Ask) -> Result<(), CallError> {
        self.check_alive()?;
        if matches!(ask, Ask::Start) && self.started.swap(true, Ordering::AcqRel) {
            return Err(Misuse::AlreadyStarted.into());
        }
        // Leases that come and go may have taken what is reserved for commands; the end has a reserve of its own.
        let room = if matches!(ask, Ask::LetGo { .. }) { 2 * ASKS_RESERVED } else { ASKS_RESERVED };
        self.push_ask(ask, 0, ASKS_MAX + room)
    }

    /// Hands over a request and names it. Refused when too many wait to be sent, or when the answers of earlier ones
    /// are not being read.
    pub(super) fn ask_request(
        &self,
        length: usize,
        build: impl FnOnce(RequestId) -> Ask,
    ) -> Result<RequestId, CallError> {
        self.check_alive()?;
        if length > LINE_MAX {
            return Err(Misuse::NotSendable { why: "longer than 1 MiB" }.into());
        }
        let limit = self.message_capacity.saturating_mul(2);
        if self.unread.load(Ordering::Relaxed) > limit {
            return Err(Misuse::TooManyPending { limit }.into());
        }
        let id = RequestId(self.last_request.fetch_add(1, Ordering::Relaxed) + 1);
        let shortcut = self.shortcut.get().and_then(Weak::upgrade);
        let refused = match shortcut {
            Some(shortcut) => shortcut.try_ask(build(id)).err(),
            None => Some(build(id)),
        };
        match refused {
            Some(ask) => self.push_ask(ask, length, ASKS_MAX).map(|()| id),
            None => Ok(id),
        }
    }

    /// Makes a lease, which the guard needs from the moment this returns to its asker.
    pub(super) fn ask_lease(
        &self,
        terms: LeaseTerms,
        shared: Option<SharedLease>,
    ) -> Result<Arc<LeaseCell>, CallError> {
        self.check_alive()?;
        if !self.started.load(Ordering::Acquire) {
            return Err(Misuse::NotApplicable { call: "lease", why: "the guard was not started" }.into());
        }
        let taken = |count: usize| (count < LEASES_MAX).then_some(count + 1);
        if self.leases.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).is_err() {
            return Err(Misuse::NotApplicable { call: "lease", why: "a guard has 16 leases at most" }.into());
        }
        let id = LeaseId(self.last_lease.fetch_add(1, Ordering::Relaxed) + 1);
        let cell = Arc::new(LeaseCell::new(id, terms));
        self.push_ask(Ask::LeaseAdd { lease: cell.clone(), shared }, 0, ASKS_MAX + ASKS_RESERVED)?;
        Ok(cell)
    }

    /// Goes before everything that waits to be handed in. Two that meet here are one.
    pub(super) fn ask_kill(&self, reason: &str) -> Result<(), CallError> {
        self.check_alive()?;
        let mut asks = lock(&self.asks);
        if asks.closed {
            return Err(Misuse::Ended.into());
        }
        asks.kill.get_or_insert_with(|| reason.to_owned());
        drop(asks);
        self.task.wake();
        Ok(())
    }

    fn push_ask(&self, ask: Ask, length: usize, limit: usize) -> Result<(), CallError> {
        let mut asks = lock(&self.asks);
        if asks.closed {
            return Err(Misuse::Ended.into());
        }
        let too_long = length > 0 && asks.bytes + length > ASK_BYTES_MAX;
        if too_long || asks.waiting.len() >= limit {
            return Err(Misuse::TooManyPending { limit }.into());
        }
        asks.bytes += length;
        asks.waiting.push_back(ask);
        drop(asks);
        self.task.wake();
        Ok(())
    }

    /// Refuses in a forked child, before any lock is touched: another thread may have held it at the fork.
    pub(super) fn check_process(&self) -> Result<(), CallError> {
        if self.process.is_this_process() { Ok(()) } else { Err(CallError::Forked) }
    }

    fn check_alive(&self) -> Result<(), CallError> {
        self.check_process()?;
        if self.ended.load(Ordering::Acquire) { Err(Misuse::Ended.into()) } else { Ok(()) }
    }

    /// The last snapshot, with its claim withdrawn when the task should have run since and did not: a guard that cannot
    /// act must not go on saying *armed* only because nobody is there to take it back.
    pub(super) fn present(&self) -> Arc<Snapshot> {
        let snapshot = self.snapshot.load_full();
        if !snapshot.claim() && !snapshot.permit {
            return snapshot;
        }
        let now = clock::now().at;
        let fresh_until = Moment::from_nanos(self.fresh_until.load(Ordering::Acquire));
        if now <= fresh_until { snapshot } else { Arc::new(withdrawn(&snapshot, now)) }
    }

    /// Waits until `wanted` is true of the phase. `wanted` runs outside of all locks.
    pub(super) fn wait(&self, timeout: Duration, wanted: impl Fn(Phase) -> bool) -> Result<Arc<Snapshot>, WaitError> {
        self.check_process().map_err(|_| WaitError::Forked)?;
        let deadline = clock::now().at + timeout;
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let result = loop {
            let seen = self.generation.load(Ordering::SeqCst);
            let ended = self.ended.load(Ordering::Acquire);
            let snapshot = self.present();
            if wanted(snapshot.phase) {
                break Ok(snapshot);
            }
            if ended {
                break Err(WaitError::Ended(snapshot));
            }
            let left = deadline.since(clock::now().at);
            if left.is_zero() {
                break Err(WaitError::TimedOut(snapshot));
            }
            self.wait_for_change(seen, left.min(WAIT_SLICE));
        };
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn wait_for_change(&self, seen: u64, at_most: Duration) {
        let turnstile = lock(&self.turnstile);
        if self.generation.load(Ordering::SeqCst) == seen {
            // Whether it was notified, timed out or neither is read from the state by the caller.
            drop(self.changed.wait_timeout(turnstile, at_most));
        }
    }

    pub(super) fn set_wake(&self, wake: Option<Wake>) {
        self.wake.store(wake.clone().map(Arc::new));
        // Looked at after the store: what comes from here on calls the new waker by itself.
        let readable = {
            let reader = lock(&self.reader);
            !reader.events.is_empty() || !reader.inbound.is_empty()
        };
        if readable && let Some(wake) = wake {
            wake();
        }
    }

    /// No handle is left. Never disarms: the task lets go.
    pub(super) fn release(&self) {
        if self.check_process().is_ok() {
            self.released.store(true, Ordering::Release);
            self.task.wake();
        }
    }

    /// Wakes the task and tells how many turns it has made.
    pub(super) fn pulse(&self) -> Result<u64, CallError> {
        self.check_process()?;
        let turns = self.turns.load(Ordering::Acquire);
        self.task.wake();
        Ok(turns)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// For the task.
impl Shared {
    /// A turn was made.
    pub(super) fn count_turn(&self) {
        let turns = self.turns.load(Ordering::Relaxed);
        self.turns.store(turns.wrapping_add(1), Ordering::Release);
    }

    /// Moves what was asked into `into`; false when a handle is just writing and the task must come back.
    pub(super) fn take_asks(&self, into: &mut VecDeque<Ask>) -> bool {
        match self.asks.try_lock() {
            Ok(mut asks) => asks.move_into(into),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().move_into(into),
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }

    /// The same in the last turn of a guard, which may wait for a handle that is just writing. No more are taken.
    pub(super) fn take_last_asks(&self, into: &mut VecDeque<Ask>) {
        let mut asks = lock(&self.asks);
        asks.closed = true;
        asks.move_into(into);
    }

    /// True when something waits to be taken, or is just being written.
    pub(super) fn has_asks(&self) -> bool {
        self.asks.try_lock().is_ok_and(|asks| asks.waiting.is_empty() && !asks.closed).not()
    }

    pub(super) fn open_shortcut(&self, shortcut: Weak<dyn Shortcut>) {
        // A guard has one task, which comes here once.
        let _ = self.shortcut.set(shortcut);
    }

    pub(super) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    pub(super) fn set_fresh_until(&self, until: Moment) {
        self.fresh_until.store(until.nanos(), Ordering::Release);
    }

    pub(super) fn set_snapshot(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(snapshot);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Nothing more will happen. Waits for a waiter on its way to sleep, which only the last turn of a guard may.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.generation.fetch_add(1, Ordering::SeqCst);
        let _turnstile = lock(&self.turnstile);
        self.changed.notify_all();
    }

    /// Wakes those who wait; false when one of them is just going to sleep and the task must come back.
    pub(super) fn notify(&self) -> bool {
        if self.waiters.load(Ordering::SeqCst) == 0 {
            return true;
        }
        let free = !matches!(self.turnstile.try_lock(), Err(TryLockError::WouldBlock));
        if free {
            self.changed.notify_all();
        }
        free
    }

    pub(super) fn wake(&self) -> Option<Arc<Wake>> {
        self.wake.load_full()
    }
}

/// A poisoned lock here protects nothing that a panic can leave half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn withdrawn(snapshot: &Snapshot, now: Moment) -> Snapshot {
    Snapshot {
        at: now,
        phase: if snapshot.claim() { Phase::Degraded } else { snapshot.phase },
        coverage: Coverage::Nothing,
        permit: false,
        waiting_for: "killcord's own engine, which is late",
        ..snapshot.clone()
    }
}

/// A line longer than this is refused by every venue.
const LINE_MAX: usize = 1 << 20;
/// Leases of one guard, as many as the session takes.
const LEASES_MAX: usize = 16;
/// Requests that may wait for the task at one time.
const ASKS_MAX: usize = 4096;
/// The same for large ones.
const ASK_BYTES_MAX: usize = 32 << 20;
/// Room beyond that for what is not a request: letting go must always be possible.
const ASKS_RESERVED: usize = 256;
/// A waiter looks again this often by itself: a claim can lapse without anybody there to announce it.
const WAIT_SLICE: Duration = Duration::from_millis(500);
