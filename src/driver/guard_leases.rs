//! What a guard's task does about leases: hands in what was renewed before anything else is handled, and looks at the
//! pages that other processes renew. The loop itself is `guard_task.rs`.

use super::clock;
use super::guard_task::GuardTask;
use super::lease::Watched;
use super::machine::Machine;
use crate::model::Moment;
use crate::session::{Command, Input};
use std::task::Context;

impl<M: Machine> GuardTask<M> {
    /// Every renewal made until now.
    pub(super) fn hand_in_renewals(&mut self, cx: &mut Context<'_>) {
        (0..self.leases.len()).for_each(|at| self.look_at_lease(cx, at));
    }

    /// Pages that other processes renew: nobody is woken when one changes.
    pub(super) fn look_at_pages(&mut self, cx: &mut Context<'_>) {
        self.doing = "looking at a shared lease";
        for at in 0..self.leases.len() {
            if self.leases[at].look_at().is_some_and(|due| due <= clock::moment()) {
                self.look_at_lease(cx, at);
            }
        }
    }

    /// When the next page must be looked at.
    pub(super) fn pages_due(&self) -> Option<Moment> {
        self.leases.iter().filter_map(Watched::look_at).min()
    }

    /// What the session then waits for anew must not be answered by a renewal made before.
    pub(super) fn rearm(&mut self, cx: &mut Context<'_>, acknowledge: &str) {
        self.command(cx, Command::Rearm { acknowledge });
        for state in self.machine.snapshot().leases {
            let waits = state.renewed_at.is_none();
            if let Some(watched) = self.leases.iter_mut().find(|watched| waits && watched.cell.id == state.id) {
                watched.restart();
            }
        }
    }

    fn look_at_lease(&mut self, cx: &mut Context<'_>, at: usize) {
        let (renewed, doubt) = self.leases[at].news();
        let lease = self.leases[at].cell.id;
        if let Some((at, due)) = renewed {
            self.hand_in(cx, Input::Renewed { lease, at, due }, None);
        }
        if let Some(why) = doubt {
            self.hand_in(cx, Input::LeaseDoubted { lease, why }, None);
        }
    }
}
