//! What the guard took and what it did, whole and with its moment in the world, for whoever wants to tell it: golden traces
//! do. Nothing is kept unless somebody wants it. What a line means is not known here.

use crate::model::{CallTag, Epoch, Event, LossCause, Moment, RequestId};
use crate::session::{Action, Fate, HangUp, Input};
use crate::venue::{CallReply, HttpRequest};

/// See the module documentation.
#[derive(Debug, Default)]
pub struct Story {
    wanted: bool,
    deeds: Vec<(Moment, Deed)>,
}

/// One thing that came to the guard, or that it did. Protocol pings and the passing of time are left out.
#[derive(Clone, PartialEq, Debug)]
pub enum Deed {
    /// A line came.
    Heard(Epoch, String),
    /// An HTTP call was answered, with this status and body.
    Answered(CallTag, u16, String),
    /// An HTTP call was not answered.
    Unanswered(CallTag, LossCause),
    /// It wrote a line.
    Said(Epoch, String),
    /// It made an HTTP call.
    Called(CallTag, HttpRequest),
    /// It ended a link or gave up a dial.
    HungUp(Epoch, HangUp),
    /// From now on not even the websocket layer answers on this link.
    Muted(Epoch),
    /// It told an event.
    Told(Event),
    /// A request of the application was written.
    Sent(RequestId),
    /// The answer to a request of the application was handed to it.
    Delivered(RequestId),
    /// A request of the application will not be answered.
    Ended(RequestId, Fate),
}

impl Story {
    /// Everything is kept from now on.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// What was kept since the last time, oldest first.
    pub fn take(&mut self) -> Vec<(Moment, Deed)> {
        std::mem::take(&mut self.deeds)
    }

    pub(super) fn takes(&mut self, now: Moment, input: &Input<'_>) {
        if self.wanted
            && let Some(deed) = taken(input)
        {
            self.deeds.push((now, deed));
        }
    }

    pub(super) fn does(&mut self, now: Moment, action: &Action<'_>) {
        if self.wanted
            && let Some(deed) = done(action)
        {
            self.deeds.push((now, deed));
        }
    }
}

/// What comes of dials and links is told by events.
fn taken(input: &Input<'_>) -> Option<Deed> {
    match input {
        Input::Line { epoch, text } => Some(Deed::Heard(*epoch, (*text).to_owned())),
        Input::Answered { tag, reply: CallReply::Got { status, body, .. } } => {
            Some(Deed::Answered(*tag, *status, (*body).to_owned()))
        }
        Input::Answered { tag, reply: CallReply::Failed(cause) } => Some(Deed::Unanswered(*tag, cause.clone())),
        Input::Tick
        | Input::Dialled { .. }
        | Input::Missed { .. }
        | Input::Pong { .. }
        | Input::PeerPing { .. }
        | Input::SendQueue { .. }
        | Input::Lost { .. }
        | Input::Renewed { .. }
        | Input::LeaseDoubted { .. }
        | Input::Command(_) => None,
    }
}

fn done(action: &Action<'_>) -> Option<Deed> {
    match action {
        Action::Say { epoch, line, .. } => Some(Deed::Said(*epoch, (*line).to_owned())),
        Action::Call { tag, request, .. } => Some(Deed::Called(*tag, request.clone())),
        Action::HangUp { epoch, how } => Some(Deed::HungUp(*epoch, *how)),
        Action::Mute { epoch } => Some(Deed::Muted(*epoch)),
        Action::Tell(event) => Some(Deed::Told(event.clone())),
        Action::Sent { request } => Some(Deed::Sent(*request)),
        Action::Deliver { answers, .. } => answers.map(Deed::Delivered),
        Action::Fate { request, fate } => Some(Deed::Ended(*request, fate.clone())),
        Action::Dial { .. } | Action::Ping { .. } | Action::Wait { .. } => None,
    }
}
