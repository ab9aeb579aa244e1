//! What is to be done after one input, in order. Empty whenever the next input is handled, so it is bounded by what one
//! input can cause.

use super::contract::{Fate, HangUp};
use crate::model::{CallTag, Epoch, Event, LinkRole, RequestId};
use crate::venue::{HttpRequest, Lane};
use std::collections::VecDeque;
use std::ops::Range;

/// An `Action` that owns what it needs; lines stay in the outbox until they are rendered.
#[derive(Debug)]
pub(super) enum Queued {
    Dial { epoch: Epoch, role: LinkRole },
    Say { epoch: Epoch, lane: Lane, text: Range<usize> },
    Ping { epoch: Epoch, nonce: u64 },
    Mute { epoch: Epoch },
    Call { tag: CallTag, request: HttpRequest },
    HangUp { epoch: Epoch, how: HangUp },
    Tell(Event),
    Deliver { role: LinkRole, answers: Option<RequestId> },
    Sent { request: RequestId },
    Fate { request: RequestId, fate: Fate },
}

/// First in, first out.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Queued>,
    /// Nothing is said on any link.
    muted: bool,
}

impl Queue {
    pub(super) fn push(&mut self, queued: Queued) {
        let said = matches!(queued, Queued::Say { .. } | Queued::Ping { .. });
        if !(self.muted && said) {
            self.items.push_back(queued);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.items.pop_front()
    }

    /// From now on lines and pings are dropped; what waits already is said.
    pub(super) fn mute(&mut self) {
        self.muted = true;
    }

    pub(super) fn unmute(&mut self) {
        self.muted = false;
    }

    /// Nothing of a lost epoch may still be said.
    pub(super) fn unsay(&mut self, lost: Epoch) {
        self.items.retain(|queued| match queued {
            Queued::Say { epoch, .. } | Queued::Ping { epoch, .. } => *epoch != lost,
            Queued::Dial { .. }
            | Queued::Mute { .. }
            | Queued::Call { .. }
            | Queued::HangUp { .. }
            | Queued::Tell(_)
            | Queued::Deliver { .. }
            | Queued::Sent { .. }
            | Queued::Fate { .. } => true,
        });
    }
}
