//! What is asked on a Deribit link once it is armed, and what the answers mean: probes, read-backs, renewals of the
//! login, the kill, the disarming and the farewell.

use super::script::Script;
use super::wire::{self, Frame, Reach};
use super::{Deribit, calls, errors, login};
use crate::model::{LinkRole, Now, ReadBackVerdict};
use crate::venue::{Errand, Outbox, Path, Report};
use std::time::Duration;

/// How many requests of our own may wait for an answer on the armed link; far above what the session asks at once.
const ASKED_MAX: usize = 32;

/// A renewal that is not answered is tried again after this.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// What an answer on the armed link is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Probe,
    ReadBack(Reach),
    Renewal,
    CancelAll,
    OpenOrders,
    Disarm,
    /// The farewell's two steps before the logout: switch off, and see that it is off.
    FarewellOff,
    FarewellReadBack,
}

impl Deribit {
    pub(super) fn ask(&mut self, now: Now, ask: Ask, out: &mut Outbox) {
        let mut talk = self.talk(now, out);
        let id = match ask {
            Ask::Probe => talk.say(wire::TEST, "{}"),
            Ask::ReadBack(reach) => talk.say(wire::READ_BACK, reach.params()),
            Ask::Renewal => talk.say_login(),
            Ask::CancelAll => talk.say(wire::CANCEL_ALL, wire::CANCEL_ALL_PARAMS),
            Ask::OpenOrders => talk.say(wire::OPEN_ORDERS, "{}"),
            Ask::Disarm | Ask::FarewellOff => talk.say(wire::DISARM, Reach::Connection.params()),
            Ask::FarewellReadBack => talk.say(wire::READ_BACK, Reach::Connection.params()),
        };
        if self.link.asked.len() >= ASKED_MAX {
            self.link.asked.remove(0);
        }
        self.link.asked.push((id, ask));
    }

    pub(super) fn ask_read_back(&mut self, now: Now, out: &mut Outbox) {
        // A new round replaces one that was never answered in full.
        self.forget_read_backs();
        for reach in self.config.scope.reaches() {
            self.ask(now, Ask::ReadBack(*reach), out);
        }
    }

    fn forget_read_backs(&mut self) {
        self.link.asked.retain(|(_, ask)| !matches!(ask, Ask::ReadBack(_)));
    }

    pub(super) fn answered(&mut self, now: Now, ask: Ask, frame: &Frame<'_>, out: &mut Outbox) {
        match ask {
            Ask::Probe => out.report(Report::ProbeAnswered(LinkRole::Guard)),
            Ask::ReadBack(reach) => self.read_back(reach, frame, out),
            Ask::Renewal => self.renewed(now, frame, out),
            Ask::CancelAll => calls::cancelled(Path::Link, frame, out),
            Ask::OpenOrders => calls::listed(Path::Link, frame, out),
            Ask::Disarm if frame.says_ok() => out.report(Report::Disarmed),
            Ask::Disarm => out.report(errors::aside(wire::DISARM, frame)),
            Ask::FarewellOff if frame.says_ok() => self.ask(now, Ask::FarewellReadBack, out),
            Ask::FarewellOff => self.log_out(now, false, out),
            Ask::FarewellReadBack => {
                self.log_out(now, frame.switch_is_on(Reach::Connection) == Some(false), out);
            }
        }
    }

    /// One disagreeing answer decides the round; agreement needs all of them. An error says nothing about the switch.
    fn read_back(&mut self, reach: Reach, frame: &Frame<'_>, out: &mut Outbox) {
        let more = self.link.asked.iter().any(|(_, ask)| matches!(ask, Ask::ReadBack(_)));
        match frame.switch_is_on(reach).filter(|_| frame.error().is_none()) {
            Some(true) if more => {}
            Some(true) => out.report(Report::ReadBack(ReadBackVerdict::Agrees)),
            Some(false) => {
                self.forget_read_backs();
                out.report(Report::ReadBack(ReadBackVerdict::Disagrees));
            }
            None => {
                self.forget_read_backs();
                out.report(Report::Refused(errors::refusal(wire::READ_BACK, frame)));
            }
        }
    }

    /// Renews the login on the same socket. Called back soon, in case no answer comes or the script is not through; the
    /// answer replaces that by the real date.
    pub(super) fn renew(&mut self, now: Now, out: &mut Outbox) {
        if self.link.script == Script::Running {
            self.ask(now, Ask::Renewal, out);
        }
        out.report(Report::CallMeBack { after: RENEW_AGAIN, errand: Errand::Renew });
    }

    /// Whether a renewed login keeps the switch on is documented nowhere, so the venue is asked.
    fn renewed(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) {
        match login::accepted(frame, &self.config) {
            Ok(renewal) => {
                out.report(renewal);
                self.ask_read_back(now, out);
            }
            Err(refusal) => out.report(Report::Refused(errors::beside_arming(refusal))),
        }
    }

    /// The last words of a farewell. There is no answer: the venue closes. Only once the switch is seen to be off is it
    /// sure that closing keeps the orders, whichever of the two ends it sees first.
    fn log_out(&mut self, now: Now, confirmed: bool, out: &mut Outbox) {
        self.talk(now, out).say(wire::LOGOUT, "{}");
        out.report(Report::FarewellDone { confirmed });
    }
}
