//! What handles have asked of a guard and its task has not taken yet. It decides one thing: a kill goes first.

use super::shared::Ask;
use std::collections::VecDeque;

/// What waits to be handed in.
#[derive(Default)]
pub(super) struct Asks {
    pub(super) waiting: VecDeque<Ask>,
    pub(super) bytes: usize,
    /// Kill has a place of its own, so that no number of requests can keep it out or come before it.
    pub(super) kill: Option<String>,
    /// The task has taken the last of them: nothing may be left lying here without a fate.
    pub(super) closed: bool,
}

impl Asks {
    pub(super) fn move_into(&mut self, into: &mut VecDeque<Ask>) {
        into.append(&mut self.waiting);
        if let Some(reason) = self.kill.take() {
            into.push_front(Ask::Kill { reason });
        }
        self.bytes = 0;
    }
}
