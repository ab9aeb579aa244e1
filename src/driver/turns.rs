//! Whose turn it is: the guard's own task on the engine's thread, or, for the length of one line, a thread of the
//! application that has an order to send. Handing an order over to another thread costs a wake-up, several times the
//! price of the order itself; so where the guard is at rest the caller does the work, with the same session, the same
//! checks and the same socket, under the one lock that makes it a turn like any other.
//!
//! A caller never waits for the lock, and gives way ([`Shortcut::try_ask`] hands the ask back) whenever anything is not
//! as the session last saw it: a tick is due, something has arrived that was not read, an earlier ask still waits. So a
//! line is judged by the live state of the guard, never by one that the engine had no chance to change, and lines keep
//! their order. The engine may have to wait for a caller: for the few microseconds of one line, or, if the caller loses
//! its core just then, until it is scheduled again.

use super::clock;
use super::ending;
use super::guard_task::GuardTask;
use super::machine::Machine;
use super::shared::{Ask, lock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

/// One guard and the lock around it.
pub(super) struct Turns<M: Machine>(Mutex<GuardTask<M>>);

/// The guard's task, to be spawned on the engine. Dropping it ends the guard.
pub(super) struct Task<M: Machine>(Arc<Turns<M>>);

/// What a handle knows of the lock.
pub(super) trait Shortcut: Send + Sync {
    /// Does what is asked at once, on the calling thread, or hands it back untouched.
    fn try_ask(&self, ask: Ask) -> Result<(), Ask>;
}

impl<M: Machine> Task<M> {
    /// Puts the lock around a guard, and shows its handles the short way.
    pub(super) fn new(task: GuardTask<M>) -> Self {
        let shared = task.shared.clone();
        let turns = Arc::new(Turns(Mutex::new(task)));
        let shortcut: Weak<dyn Shortcut> = Arc::downgrade(&turns) as _;
        shared.open_shortcut(shortcut);
        Self(turns)
    }
}

impl<M: Machine> Future for Task<M> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        lock(&self.0.0).poll_turn(cx)
    }
}

impl<M: Machine> Drop for Task<M> {
    fn drop(&mut self) {
        lock(&self.0.0).engine_ended();
    }
}

impl<M: Machine> Shortcut for Turns<M> {
    fn try_ask(&self, ask: Ask) -> Result<(), Ask> {
        match self.0.try_lock() {
            // Whatever cannot be finished here is left to the task, which is woken for it; nobody needs this waker.
            Ok(mut task) if task.is_at_rest() => {
                task.hear_at_once(&mut Context::from_waker(Waker::noop()), ask);
                Ok(())
            }
            Ok(_) | Err(_) => Err(ask),
        }
    }
}

impl<M: Machine> GuardTask<M> {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        self.guarded(|task| task.turn(cx)).unwrap_or(Poll::Ready(()))
    }

    /// True when nothing has happened that the session does not know of: no tick is due, nothing unread has arrived, no
    /// earlier ask waits. Then an ask may be heard without a turn of the task before it.
    fn is_at_rest(&self) -> bool {
        let punctual = self.until.is_none_or(|until| clock::moment() < until);
        punctual
            && !self.over
            && !self.unfinished
            && self.asks.is_empty()
            && !self.shared.has_asks()
            && !self.world.has_news()
    }

    /// Hears an ask on the thread of the one who asks. What that causes beyond a line and its fate is left to the task.
    fn hear_at_once(&mut self, cx: &mut Context<'_>, ask: Ask) {
        let before = self.until;
        let heard = self.guarded(|task| {
            task.world.unpolled = false;
            task.hear(cx, ask);
            task.world.publisher.hand_over_lines()
        });
        let sooner = self.until.is_some_and(|until| before.is_none_or(|before| until < before));
        if heard != Some(true) || sooner || self.world.unpolled || self.world.has_loose_ends() {
            self.shared.task.wake();
        }
    }

    /// Nothing when it panicked: then every connection of the guard was reset and it is over.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => Some(done),
            Err(payload) => {
                self.fault(ending::describe(self.doing, payload.as_ref()));
                None
            }
        }
    }
}
