//! The guard's process: it can stand still, alone or with its whole machine, die, and be started again.

use super::World;
use crate::model::Moment;
use crate::session::Session;
use crate::venue::Venue;
use std::time::Duration;

/// The kernel notices that its patience is over at its next retry.
pub(super) const KERNEL_LATE: Duration = Duration::from_millis(250);

/// What stands still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// The guard's thread; the application runs on.
    Thread,
    /// The whole process.
    Process,
    /// The machine, and all its clocks with it: a paused or migrated virtual machine.
    Machine,
}

impl<V: Venue> World<V> {
    /// Something stops running for this long; the network and the venue go on.
    pub fn freeze(&mut self, length: Duration, pause: Pause) {
        if !self.runs() {
            return;
        }
        let now = self.guard_now().at;
        self.application.advance(now);
        if pause == Pause::Machine {
            self.clock.stop(self.now);
            self.record.went_on = None;
        }
        self.paused_at = self.now;
        self.pause = Some((self.now + length, pause));
    }

    /// The process is killed: nobody runs its code any more, and its kernel resets what it leaves behind.
    pub fn kill_process(&mut self) {
        if !std::mem::replace(&mut self.alive, false) {
            return;
        }
        self.clock.go_on(self.now);
        (self.pause, self.wait_until) = (None, None);
        for conn in self.sockets() {
            self.close(conn);
        }
        self.dials.clear();
        self.calls.clear();
        self.inbox.clear();
        self.unacknowledged.clear();
        self.application = Default::default();
        (self.record.rearmed, self.record.permit_lost) = (None, None);
    }

    /// The program is started again, and knows nothing of before.
    pub fn start_process(&mut self, session: Session<V>) {
        if self.alive {
            return;
        }
        (self.session, self.alive) = (session, true);
        self.incarnation += 1;
        self.clock.never_show_again();
        self.events.clear();
    }

    /// True while the guard's process exists.
    pub const fn alive(&self) -> bool {
        self.alive
    }

    /// True while the guard's code runs.
    pub const fn runs(&self) -> bool {
        self.alive && self.pause.is_none()
    }

    /// True while the guard stands still, or is dead.
    pub const fn frozen(&self) -> bool {
        !self.runs()
    }

    /// The path works again; what the kernel gave up meanwhile is gone.
    pub fn heal_path(&mut self, blocked_too: bool) {
        let patience = self.machine.user_timeout + KERNEL_LATE;
        if blocked_too {
            self.network.heal(self.now, patience)
        } else {
            self.network.heal_cuts(self.now, patience)
        }
        let network = &self.network;
        self.unacknowledged.retain(|conn, _| network.down_since(*conn).is_some());
    }

    /// The last moment at which something written at `written` can still arrive.
    pub fn deliverable_until(&self, written: Moment) -> Moment {
        written + self.machine.user_timeout + KERNEL_LATE + self.network.delay() * 2
    }

    /// When, in the world, the first lease lapsed that has lapsed by now.
    pub fn lapsed_at(&mut self) -> Option<Moment> {
        let now = self.guard_now().at;
        if self.pause.is_none_or(|(_, pause)| pause == Pause::Thread) {
            self.application.advance(now);
        }
        self.application.lapsed_at(now).and_then(|due| self.clock.when(due))
    }

    /// True while some connection has data that the venue does not acknowledge.
    pub fn has_data_waiting(&self) -> bool {
        !self.unacknowledged.is_empty()
    }

    /// Sockets and dials the guard has.
    pub fn open_ends(&self) -> usize {
        self.sockets.len() + self.dials.len()
    }
}
