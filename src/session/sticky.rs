//! Subscriptions that outlive their link: asked for once by the application, accepted by the venue, and said again on
//! every new link before it is called armed. One that is refused then, or not answered, is told; it does not keep the
//! guard from being armed, because no switch hangs on it.

use super::{Deadline, Session};
use crate::model::{EventKind, LinkRole, Misuse, RequestId};
use crate::venue::{Composed, Lane, Screened, Screening, Toll, Venue, refusal_in};

/// So many are remembered per guard.
const STICKY_MAX: usize = 64;
/// Why one was not said again. Waiting would put arming off, and saying it all the same may end the session.
const NO_ROOM: &str = "the venue's limit on messages or subscriptions leaves no room for it on this link";
/// Numbers of our own repetitions; an engine counts the application's requests from 1.
const FIRST_OWN: u64 = 1 << 62;

/// See the module.
#[derive(Default)]
pub(super) struct Stickies {
    all: Vec<Sticky>,
    pub(super) last: u64,
    /// They were said on the link that is being armed.
    said: bool,
}

struct Sticky {
    method: String,
    params: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The application's own request, not answered yet.
    Asked(RequestId),
    /// Accepted.
    Kept,
    /// Said again on a new link, not answered yet.
    Repeated(RequestId),
}

impl<V: Venue> Session<V> {
    /// What can be said again unasked on every link: nothing that touches an order or the protection.
    pub(super) fn check_sticky(&self, kind: &Screening) -> Result<(), Misuse> {
        if *kind != Screening::Harmless {
            return Err(Misuse::NotSendable { why: "only a subscription can be sticky" });
        }
        if self.stickies.all.len() >= STICKY_MAX {
            return Err(Misuse::TooManyPending { limit: STICKY_MAX });
        }
        Ok(())
    }

    /// A request of the application was sent. A sticky one is remembered; the unsubscription with its parameters ends
    /// that.
    pub(super) fn note_request(&mut self, id: RequestId, method: &str, params: &str, sticky: bool) {
        let ends = |each: &Sticky| {
            each.params == params && (method.contains("unsubscribe") || sticky && each.method == method)
        };
        self.stickies.all.retain(|each| !ends(each));
        if sticky {
            let (method, params) = (method.to_owned(), params.to_owned());
            self.stickies.all.push(Sticky { method, params, state: State::Asked(id) });
        }
    }

    /// Every step of arming is done. False while sticky subscriptions are still to be answered on this link.
    pub(super) fn stickies_are_settled(&mut self) -> bool {
        if !std::mem::replace(&mut self.stickies.said, true) {
            self.deadlines.stop(Deadline::Step);
            self.repeat_stickies();
            self.deadlines.set(Deadline::Sticky, self.now.at + self.policy.step_deadline);
        }
        let waits = self.stickies.all.iter().any(|each| matches!(each.state, State::Repeated(_)));
        if !waits {
            self.deadlines.stop(Deadline::Sticky);
        }
        !waits
    }

    /// True when this answers a repetition of ours, which nobody awaits.
    pub(super) fn hear_sticky(&mut self, request: RequestId, text: &str) -> bool {
        let Some(at) = self.stickies.all.iter().position(|each| each.state.awaits(request)) else {
            return request.0 >= FIRST_OWN;
        };
        let refusal = refusal_in(text);
        let sticky = &mut self.stickies.all[at];
        let repeated = std::mem::replace(&mut sticky.state, State::Kept) == State::Repeated(request);
        match refusal {
            Some(why) if repeated => {
                let method = sticky.method.clone();
                self.tell(EventKind::SubscriptionLost { method, why });
            }
            Some(_) => drop(self.stickies.all.remove(at)),
            None => {}
        }
        if repeated {
            self.arm_if_complete();
        }
        repeated
    }

    /// The deadline: whoever was not answered is told, and nothing waits for it any more.
    pub(super) fn stickies_overdue(&mut self) {
        for at in 0..self.stickies.all.len() {
            let sticky = &mut self.stickies.all[at];
            if let State::Repeated(_) = sticky.state {
                sticky.state = State::Kept;
                let method = sticky.method.clone();
                self.tell(EventKind::SubscriptionLost { method, why: "not answered in time".to_owned() });
            }
        }
        self.arm_if_complete();
    }

    /// The link is gone: what was not answered on it will be said again, unless it was never accepted.
    pub(super) fn lose_stickies(&mut self) {
        self.stickies.said = false;
        self.deadlines.stop(Deadline::Sticky);
        self.stickies.all.retain(|each| !matches!(each.state, State::Asked(_)));
        self.stickies.all.iter_mut().for_each(|each| each.state = State::Kept);
    }

    fn repeat_stickies(&mut self) {
        for at in 0..self.stickies.all.len() {
            self.stickies.last += 1;
            let request = RequestId(FIRST_OWN + self.stickies.last);
            let sticky = &self.stickies.all[at];
            match self.venue.compose(self.now, request, &sticky.method, &sticky.params) {
                Ok(Composed { line, screened: Screened { role: LinkRole::Guard, .. } }) => {
                    if self.rates.wait(self.now.at, Toll::Subscription).is_some() {
                        let (method, why) = (sticky.method.clone(), NO_ROOM.to_owned());
                        self.tell(EventKind::SubscriptionLost { method, why });
                        continue;
                    }
                    self.stickies.all[at].state = State::Repeated(request);
                    self.rates.take(self.now.at, Toll::Subscription);
                    self.out.say(LinkRole::Guard, Lane::Control, |into| into.push_str(&line));
                }
                Ok(Composed { screened: Screened { role: LinkRole::Trade, .. }, .. }) => {}
                Err(misuse) => {
                    let method = sticky.method.clone();
                    self.tell(EventKind::SubscriptionLost { method, why: misuse.to_string() });
                }
            }
        }
    }
}

impl State {
    fn awaits(self, answered: RequestId) -> bool {
        match self {
            Self::Asked(request) | Self::Repeated(request) => request == answered,
            Self::Kept => false,
        }
    }
}
