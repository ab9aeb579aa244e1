//! Everything a guard's task has outside of its session: links, dials, calls, farewells, and the way to the readers.
//! Performs actions; decides nothing.

use super::alarm::Wishes;
use super::call::Calls;
use super::dial::Dialler;
use super::farewell::Farewell;
use super::link::{Leaving, Link, Websocket};
use super::publish::Publisher;
use super::queue::Inbound;
use crate::model::{Endpoint, Epoch, LinkRole, LossCause, Moment, RequestId};
use crate::session::{Action, Fate, HangUp};
use crate::venue::Lane;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The outside of one guard.
pub(super) struct World {
    pub(super) links: Vec<Link>,
    pub(super) calls: Calls,
    pub(super) publisher: Publisher,
    pub(super) wishes: Wishes,
    dialler: Dialler,
    /// The link on which the order that was said last had to be queued.
    queued_on: Option<Epoch>,
    dials: Vec<Dial>,
    farewells: Vec<Farewell>,
    /// Requests handed in whose fate nobody has been told yet; true for those that get an answer.
    pending: BTreeMap<RequestId, bool>,
    /// Links are let go of with a close frame instead of a reset.
    pub(super) ends_with_close_frame: bool,
    /// Something new must be polled before the task may sleep.
    pub(super) unpolled: bool,
}

/// The message that is being handled.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) epoch: Epoch,
    pub(super) text: &'a str,
}

struct Dial {
    epoch: Epoch,
    future: Pin<Box<dyn Future<Output = Result<Websocket, LossCause>> + Send>>,
}

impl World {
    pub(super) fn new(dialler: Dialler, calls: Calls, publisher: Publisher) -> Self {
        Self {
            links: Vec::new(),
            calls,
            publisher,
            wishes: dialler.wishes.clone(),
            dialler,
            dials: Vec::new(),
            farewells: Vec::new(),
            pending: BTreeMap::new(),
            queued_on: None,
            ends_with_close_frame: false,
            unpolled: false,
        }
    }

    /// Does what the session wants. `Wait` is the task's own business.
    pub(super) fn perform(
        &mut self,
        cx: &mut Context<'_>,
        now: Moment,
        action: Action<'_>,
        incoming: Option<Incoming<'_>>,
    ) {
        match action {
            Action::Dial { epoch, role, endpoint } => self.dial(epoch, role, endpoint),
            Action::Say { epoch, line, lane } => {
                let queued = self.link(epoch).is_some_and(|link| link.say(cx, now, line, lane));
                self.queued_on = (queued && lane == Lane::Order).then_some(epoch);
            }
            Action::Ping { epoch, nonce } => {
                if let Some(link) = self.link(epoch) {
                    link.ping(cx, now, nonce);
                }
            }
            Action::Mute { epoch } => {
                if let Some(link) = self.link(epoch) {
                    link.mute();
                }
            }
            Action::Call { tag, request, endpoint } => {
                tracing::debug!(tag = tag.0, ?request, "call");
                self.calls.start(tag, request, endpoint);
                self.unpolled = true;
            }
            Action::HangUp { epoch, how } => self.hang_up(epoch, how),
            Action::Tell(event) => self.publisher.tell(event),
            Action::Deliver { role, answers } => self.deliver(role, answers, incoming),
            Action::Sent { request } => {
                if let Some(link) = self.queued_on.take().and_then(|epoch| self.link(epoch)) {
                    link.name_last_order(request);
                }
                self.sent(request);
            }
            Action::Fate { request, fate } => self.settle(request, fate),
            Action::Wait { .. } => {}
        }
    }

    fn dial(&mut self, epoch: Epoch, role: LinkRole, endpoint: &Endpoint) {
        tracing::debug!(epoch = epoch.0, ?role, %endpoint, "dial");
        let (dialler, endpoint) = (self.dialler.clone(), endpoint.clone());
        let future = Box::pin(async move { dialler.websocket(&endpoint).await });
        self.dials.push(Dial { epoch, future });
        self.unpolled = true;
    }

    /// The live link of this epoch. A line for any other is a line for nobody.
    fn link(&mut self, epoch: Epoch) -> Option<&mut Link> {
        let found = self.links.iter_mut().find(|link| link.epoch == epoch && link.leaving().is_none());
        if found.is_none() {
            tracing::debug!(epoch = epoch.0, "said to a link that is not there");
        }
        found
    }

    fn hang_up(&mut self, epoch: Epoch, how: HangUp) {
        tracing::debug!(epoch = epoch.0, ?how, "hang up");
        self.dials.retain(|dial| dial.epoch != epoch);
        if let Some(link) = self.links.iter_mut().find(|link| link.epoch == epoch) {
            link.leave(match how {
                HangUp::Abort if self.ends_with_close_frame => Leaving::Farewell,
                HangUp::Abort => Leaving::Reset,
                HangUp::Gracefully => Leaving::Farewell,
            });
        }
    }

    fn deliver(&mut self, role: LinkRole, answers: Option<RequestId>, incoming: Option<Incoming<'_>>) {
        let Some(Incoming { epoch, text }) = incoming else {
            tracing::debug!("nothing came in that could be delivered");
            return;
        };
        let text = text.to_owned();
        self.publisher.deliver(match answers {
            Some(request) => {
                self.pending.remove(&request);
                Inbound::Answer { request, text }
            }
            None => Inbound::Message { role, epoch, text },
        });
    }

    /// A request is handed to the session, which owes it an answer or a fate; a line without an answer only a fate.
    pub(super) fn expect(&mut self, request: RequestId, answered: bool) {
        self.pending.insert(request, answered);
    }

    fn sent(&mut self, request: RequestId) {
        if self.pending.get(&request) == Some(&false) {
            self.pending.remove(&request);
        }
        self.publisher.deliver(Inbound::Sent { request });
    }

    /// A request will not be answered.
    pub(super) fn settle(&mut self, request: RequestId, fate: Fate) {
        self.pending.remove(&request);
        // The session cannot know what still waited for the socket when the link went.
        let unsent = fate == Fate::Unknown && self.links.iter().any(|link| link.never_wrote(request));
        let fate = if unsent { Fate::NotSent } else { fate };
        self.publisher.deliver(Inbound::Fate { request, fate });
    }

    /// The next dial that ended. A success is a link already.
    pub(super) fn poll_dialled(&mut self, cx: &mut Context<'_>) -> Option<(Epoch, Result<(), LossCause>)> {
        for at in 0..self.dials.len() {
            if let Poll::Ready(result) = self.dials[at].future.as_mut().poll(cx) {
                let Dial { epoch, .. } = self.dials.swap_remove(at);
                let result = result.map(|websocket| self.links.push(Link::new(epoch, websocket)));
                self.unpolled = true;
                return Some((epoch, result));
            }
        }
        None
    }

    /// Takes out the links that were left, and moves farewells on.
    pub(super) fn sweep(&mut self, cx: &mut Context<'_>, now: Moment) {
        let mut at = 0;
        while at < self.links.len() {
            match self.links[at].leaving() {
                None => at += 1,
                Some(Leaving::Reset) => drop(self.links.remove(at)),
                Some(Leaving::Farewell | Leaving::Answer) => {
                    let link = self.links.remove(at);
                    self.farewells.push(Farewell::new(link, now));
                }
            }
        }
        let wishes = self.wishes.clone();
        self.farewells.retain_mut(|farewell| !farewell.poll(cx, &wishes));
    }

    /// True when bytes wait in the kernel that have not been read.
    pub(super) fn has_unread(&self) -> bool {
        self.links.iter().any(|link| link.leaving().is_none() && link.has_unread())
    }

    /// True when a link has something to say that was not heard yet: bytes, an end, an error.
    pub(super) fn has_news(&self) -> bool {
        self.links.iter().any(|link| link.leaving().is_none() && link.has_news())
    }

    /// True when the task must look after something: a link that was left or takes no more, events that were told.
    pub(super) fn has_loose_ends(&self) -> bool {
        self.publisher.has_told() || self.links.iter().any(|link| link.leaving().is_some() || link.is_stuck())
    }

    /// True when another order could not be queued on some link.
    pub(super) fn is_order_lane_full(&self) -> bool {
        self.links.iter().any(Link::is_order_lane_full)
    }

    /// True while a socket of a link is open, or about to be.
    pub(super) fn has_links(&self) -> bool {
        !(self.links.is_empty() && self.dials.is_empty() && self.farewells.is_empty())
    }

    /// Resets every connection and drops everything else. Requests handed in may or may not have been acted upon.
    pub(super) fn abort_everything(&mut self) {
        self.links.clear();
        self.dials.clear();
        self.farewells.clear();
        self.calls.clear();
        for request in std::mem::take(&mut self.pending).into_keys() {
            self.settle(request, Fate::Unknown);
        }
    }
}
