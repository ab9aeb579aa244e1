//! The lock around the hub. It is never held across a wait, so any thread may take it, and a command has taken effect
//! when its call returns.

use super::ServeError;
use super::hub::Hub;
use crate::sim::exchange::Exchange;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// The lock, and what the tasks wait on.
pub(super) struct Shared {
    hub: Mutex<Hub>,
    /// The hub was let go; what a thread waits for may have come.
    changed: Condvar,
    /// The venue's next deadline may have moved.
    pub tick: Notify,
    /// Whether dials are refused, or whether the venue is frozen, may have changed.
    pub host: Notify,
}

/// What changed that the tasks must look at.
#[derive(Default, Clone, Copy)]
pub(super) struct Stir {
    /// The venue's next deadline.
    pub tick: bool,
    /// Whether the venue is frozen or refuses dials.
    pub host: bool,
}

/// The hub while it is locked; stirs the tasks when it is let go. After a panic the ticking task finds the lock poisoned
/// and ends the server.
pub(super) struct Held<'a> {
    hub: MutexGuard<'a, Hub>,
    shared: &'a Shared,
}

impl Shared {
    pub fn new(exchange: Box<dyn Exchange>) -> Self {
        Self { hub: Mutex::new(Hub::new(exchange)), changed: Condvar::new(), tick: Notify::new(), host: Notify::new() }
    }

    /// Takes the lock; fails for ever once the venue has panicked.
    pub fn hold(&self) -> Result<Held<'_>, ServeError> {
        let hub = self.hub.lock().map_err(|_| ServeError::Panicked)?;
        Ok(Held { hub, shared: self })
    }

    /// Asks `find` again and again, whenever something has changed, for as long as `patience` lasts. Blocks the thread.
    pub fn wait<R>(
        &self,
        patience: Duration,
        mut find: impl FnMut(&Hub) -> Option<R>,
    ) -> Result<Option<R>, ServeError> {
        let mut found = None;
        let hub = self.hub.lock().map_err(|_| ServeError::Panicked)?;
        let missing = |hub: &mut Hub| {
            found = find(hub);
            found.is_none()
        };
        drop(self.changed.wait_timeout_while(hub, patience, missing).map_err(|_| ServeError::Panicked)?);
        Ok(found)
    }

    /// Takes the lock once the venue is not frozen.
    pub async fn hold_thawed(&self) -> Result<Held<'_>, ServeError> {
        loop {
            let changed = self.host.notified();
            {
                let held = self.hold()?;
                if !held.frozen {
                    return Ok(held);
                }
            }
            changed.await;
        }
    }
}

impl std::ops::Deref for Held<'_> {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl std::ops::DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let stir = std::mem::take(&mut self.hub.stir);
        if stir.tick || std::thread::panicking() {
            self.shared.tick.notify_one();
        }
        if stir.host {
            self.shared.host.notify_waiters();
        }
        self.shared.changed.notify_all();
    }
}
