//! Login and arming as a script: `set_heartbeat`, `auth`, `enable_cancel_on_disconnect`, `get_cancel_on_disconnect`, and
//! only then the channels. One state per awaited answer, consumed on use; a refusal ends the script, and the session
//! decides what then. Each step waits for the one before: requests of different kinds sent together are handled
//! concurrently, and the session keeps orders back until the switch is read back.

use super::config::{DeribitConfig, DeribitScope};
use super::errors;
use super::login::{self, Nonces};
use super::wire::{self, Frame, Reach};
use crate::model::{LinkRole, Moment, Now, ReadBackVerdict, Refusal, RefusalClass, Step, WallTime};
use crate::venue::requests::Requests;
use crate::venue::{Lane, Outbox, Report};

/// Which answer the script waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Script {
    /// Nothing was said on this link.
    #[default]
    Silent,
    ExpectHeartbeat {
        id: u64,
    },
    ExpectLogin {
        id: u64,
    },
    ExpectSwitch(Pair),
    ExpectReadBack(Pair),
    ExpectSubscription {
        id: u64,
    },
    /// Every step was answered.
    Running,
    /// The venue refused a step that arming needs.
    Stopped,
}

/// The same request about the connection and, when so configured, about the account: of one kind, so they may travel
/// together and be answered in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pair {
    connection: Option<u64>,
    account: Option<u64>,
}

/// What the script needs to speak.
pub(super) struct Talk<'t> {
    pub now: Now,
    /// The wall clock as the venue will judge it.
    pub signed_at: WallTime,
    pub config: &'t DeribitConfig,
    pub nonces: &'t mut Nonces,
    pub requests: &'t mut Requests,
    /// Id and time of what was said last.
    pub last_said: &'t mut (u64, Moment),
    pub out: &'t mut Outbox,
}

impl Script {
    /// Says the first step. The heartbeat comes before the login: a socket that has said nothing is closed after a
    /// minute, and its answer tells the venue's clock and environment before anything is signed.
    pub fn begin(talk: &mut Talk<'_>) -> Self {
        let interval = talk.config.heartbeat_s;
        Self::ExpectHeartbeat { id: talk.say(wire::SET_HEARTBEAT, &format!(r#"{{"interval":{interval}}}"#)) }
    }

    /// True when the script waits for the answer with this id.
    pub fn awaits(self, answer: u64) -> bool {
        match self {
            Self::ExpectHeartbeat { id } | Self::ExpectLogin { id } | Self::ExpectSubscription { id } => id == answer,
            Self::ExpectSwitch(pair) | Self::ExpectReadBack(pair) => pair.reach(answer).is_some(),
            Self::Silent | Self::Running | Self::Stopped => false,
        }
    }

    /// What the script waits for, in the venue's spelling.
    pub fn step(self) -> Option<&'static str> {
        match self {
            Self::ExpectHeartbeat { .. } => Some(wire::SET_HEARTBEAT),
            Self::ExpectLogin { .. } => Some(wire::LOGIN),
            Self::ExpectSwitch(_) => Some(wire::ARM),
            Self::ExpectReadBack(_) => Some(wire::READ_BACK),
            Self::Silent | Self::ExpectSubscription { .. } | Self::Running | Self::Stopped => None,
        }
    }

    /// True once this link's login was accepted.
    pub fn is_logged_in(self) -> bool {
        match self {
            Self::ExpectSwitch(_) | Self::ExpectReadBack(_) | Self::ExpectSubscription { .. } | Self::Running => true,
            Self::Silent | Self::ExpectHeartbeat { .. } | Self::ExpectLogin { .. } | Self::Stopped => false,
        }
    }

    /// Takes the awaited answer and says the next step.
    pub fn hear(self, id: u64, answer: &Frame<'_>, talk: &mut Talk<'_>) -> Self {
        match self {
            Self::ExpectHeartbeat { .. } => heartbeat_set(answer, talk),
            Self::ExpectLogin { .. } => logged_in(answer, talk),
            Self::ExpectSwitch(pair) => switched_on(pair, id, answer, talk),
            Self::ExpectReadBack(pair) => read_back(pair, id, answer, talk),
            Self::ExpectSubscription { .. } => subscribed(answer, talk),
            Self::Silent | Self::Running | Self::Stopped => self,
        }
    }
}

fn heartbeat_set(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if let Some(refusal) = login::wrong_environment(wire::SET_HEARTBEAT, answer, talk.config.access.environment) {
        return stopped(refusal, talk);
    }
    if !answer.says_ok() {
        return stopped(errors::refusal(wire::SET_HEARTBEAT, answer), talk);
    }
    talk.out.report(Report::Done(Step::Heartbeat));
    Script::ExpectLogin { id: talk.say_login() }
}

fn logged_in(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    match login::accepted(answer, talk.config) {
        Err(refusal) => stopped(refusal, talk),
        Ok(renewal) => {
            talk.out.report(Report::Done(Step::Login));
            talk.out.report(renewal);
            Script::ExpectSwitch(Pair::say(wire::ARM, talk))
        }
    }
}

fn switched_on(mut pair: Pair, id: u64, answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    if !answer.says_ok() {
        return stopped(errors::refusal(wire::ARM, answer), talk);
    }
    if !pair.complete(id) {
        return Script::ExpectSwitch(pair);
    }
    talk.out.report(Report::Done(Step::Switch));
    Script::ExpectReadBack(Pair::say(wire::READ_BACK, talk))
}

fn read_back(mut pair: Pair, id: u64, answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    match pair.reach(id).and_then(|reach| answer.switch_is_on(reach)) {
        None => return stopped(errors::refusal(wire::READ_BACK, answer), talk),
        Some(false) => {
            talk.out.report(Report::ReadBack(ReadBackVerdict::Disagrees));
            return Script::Stopped;
        }
        Some(true) => {}
    }
    if !pair.complete(id) {
        return Script::ExpectReadBack(pair);
    }
    talk.out.report(Report::Done(Step::ReadBack));
    Script::ExpectSubscription { id: talk.say(wire::SUBSCRIBE, wire::CHANNELS_PARAMS) }
}

/// The channels are wanted, not needed: what is missing is reported and the switch stays on.
fn subscribed(answer: &Frame<'_>, talk: &mut Talk<'_>) -> Script {
    talk.out.report(match answer.channels_missing() {
        None => errors::aside(wire::SUBSCRIBE, answer),
        Some(missing) if missing.is_empty() => Report::Done(Step::Subscription),
        Some(missing) => Report::Refused(Refusal::new(
            wire::SUBSCRIBE,
            "",
            &format!("not subscribed: {}", missing.join(", ")),
            RefusalClass::Retry,
            "the venue leaves out channels the key may not read: order updates or notices will be missing",
        )),
    });
    Script::Running
}

fn stopped(refusal: Refusal, talk: &mut Talk<'_>) -> Script {
    talk.out.report(Report::Refused(refusal));
    Script::Stopped
}

impl Pair {
    /// Says the same request for every reach that is configured.
    pub fn say(method: &str, talk: &mut Talk<'_>) -> Self {
        let connection = Some(talk.say(method, Reach::Connection.params()));
        let account = match talk.config.scope {
            DeribitScope::Connection => None,
            DeribitScope::Account => Some(talk.say(method, Reach::Account.params())),
        };
        Self { connection, account }
    }

    /// What this answer is about, if it is awaited.
    pub fn reach(self, id: u64) -> Option<Reach> {
        match (self.connection, self.account) {
            (Some(asked), _) if asked == id => Some(Reach::Connection),
            (_, Some(asked)) if asked == id => Some(Reach::Account),
            (_, _) => None,
        }
    }

    /// Crosses this answer off; true when none is left.
    pub fn complete(&mut self, id: u64) -> bool {
        self.connection = self.connection.filter(|asked| *asked != id);
        self.account = self.account.filter(|asked| *asked != id);
        self.connection.is_none() && self.account.is_none()
    }
}

impl Talk<'_> {
    /// Says a request of our own and returns its id.
    pub fn say(&mut self, method: &str, params: &str) -> u64 {
        let id = self.next_id();
        self.out.say(LinkRole::Guard, Lane::Control, |line| wire::push_request(line, id, method, params));
        id
    }

    /// Says the login and returns its id.
    pub fn say_login(&mut self) -> u64 {
        let id = self.next_id();
        let nonce = self.nonces.next(self.now.wall);
        let (credentials, at) = (&self.config.access.credentials, self.signed_at);
        self.out.say(LinkRole::Guard, Lane::Control, |line| wire::push_login(line, id, credentials, at, &nonce));
        id
    }

    fn next_id(&mut self) -> u64 {
        let id = self.requests.id();
        *self.last_said = (id, self.now.at);
        id
    }
}
