//! Login and arming as a script: `public/auth`, `set-cancel-on-disconnect`, `get-cancel-on-disconnect`, and only then
//! the order channel. One state per awaited answer, consumed on use; a refusal ends the script, and the session decides
//! what then. Not here: anything said after arming.

use super::errors;
use super::wire::{self, Frame};
use crate::model::{Credentials, LinkRole, ReadBackVerdict, Step, WallTime};
use crate::venue::requests::Requests;
use crate::venue::{Lane, Outbox, Report};

/// Which answer the script waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Script {
    /// Nothing was said on this link.
    #[default]
    Silent,
    ExpectLogin {
        id: u64,
    },
    ExpectSwitch {
        id: u64,
    },
    ExpectReadBack {
        id: u64,
    },
    ExpectSubscription {
        id: u64,
    },
    /// Every step was answered.
    Running,
    /// The venue refused a step that arming needs.
    Stopped,
}

/// What the script needs to speak.
pub(super) struct Talk<'t> {
    /// The wall clock as the venue will judge it.
    pub nonce: WallTime,
    pub credentials: &'t Credentials,
    pub requests: &'t mut Requests,
    pub out: &'t mut Outbox,
}

impl Script {
    /// Says the login.
    pub fn begin(talk: &mut Talk<'_>) -> Self {
        let id = talk.requests.id();
        let (nonce, credentials) = (talk.nonce, talk.credentials);
        talk.out.say(LinkRole::Guard, Lane::Control, |line| {
            wire::push_signed(line, id, wire::LOGIN, None, nonce, credentials);
        });
        Self::ExpectLogin { id }
    }

    /// True when the script waits for the answer with this id.
    pub fn awaits(self, answer: u64) -> bool {
        match self {
            Self::ExpectLogin { id }
            | Self::ExpectSwitch { id }
            | Self::ExpectReadBack { id }
            | Self::ExpectSubscription { id } => id == answer,
            Self::Silent | Self::Running | Self::Stopped => false,
        }
    }

    /// Takes the awaited answer and says the next step.
    pub fn hear(self, answer: &Frame<'_>, talk: &mut Talk<'_>) -> Self {
        match self {
            Self::ExpectLogin { .. } => logged_in(answer, talk),
            Self::ExpectSwitch { .. } => switched_on(answer, talk),
            Self::ExpectReadBack { .. } => read_back(answer, talk),
            Self::ExpectSubscription { .. } => subscribed(answer, talk),
            Self::Silent | Self::Running | Self::Stopped => self,
        }
    }
}

fn logged_in(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if answer.code() != Some(0) {
        return refused(wire::LOGIN, answer, talk);
    }
    talk.out.report(Report::Done(Step::Login));
    Script::ExpectSwitch { id: talk.say(wire::ARM, wire::ARM_PARAMS) }
}

fn switched_on(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if !answer.says_switch_is_on() {
        return refused(wire::ARM, answer, talk);
    }
    talk.out.report(Report::Done(Step::Switch));
    Script::ExpectReadBack { id: talk.say(wire::READ_BACK, "{}") }
}

/// No page shows the answer of a connection that never set the switch, so anything but our own scope means "not on".
fn read_back(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if answer.says_switch_is_on() {
        talk.out.report(Report::Done(Step::ReadBack));
        // A `user.*` channel can be subscribed but never unsubscribed: the venue takes that for a disconnect.
        return Script::ExpectSubscription { id: talk.say(wire::SUBSCRIBE, r#"{"channels":["user.order"]}"#) };
    }
    if answer.code() != Some(0) {
        return refused(wire::READ_BACK, answer, talk);
    }
    talk.out.report(Report::ReadBack(ReadBackVerdict::Disagrees));
    Script::Stopped
}

/// Order updates are wanted, not needed: a refusal is reported and the switch stays on.
fn subscribed(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if answer.code() == Some(0) {
        talk.out.report(Report::Done(Step::Subscription));
    } else {
        talk.out.report(errors::aside(wire::SUBSCRIBE, answer));
    }
    Script::Running
}

fn refused(step: &'static str, answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    talk.out.report(Report::Refused(errors::while_arming(step, answer)));
    Script::Stopped
}

impl Talk<'_> {
    /// Says a request of our own and returns its id.
    pub fn say(&mut self, method: &str, params: &str) -> u64 {
        let (id, nonce) = (self.requests.id(), self.nonce);
        self.out.say(LinkRole::Guard, Lane::Control, |line| wire::push_request(line, id, method, params, nonce));
        id
    }
}
