//! What is asked on a Deribit link once it is armed, and what the answers mean: probes, read-backs, renewals of the
//! login, the kill, the disarming and the farewell.

use super::wire::{self, Frame, Reach};
use super::{Deribit, calls, errors, login};
use crate::model::{LinkRole, Moment, Now, ReadBackVerdict, Step};
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
    /// The two steps of switching on again: after maintenance, or after the venue said that it is not on.
    Rearm(Reach),
    RearmReadBack(Reach),
    Renewal,
    CancelAll,
    /// With the moment it was asked for.
    OpenOrders(Moment),
    Disarm,
    /// The two steps before a farewell's logout: switch off, and see that it is off.
    FarewellOff,
    FarewellReadBack,
}

impl Deribit {
    pub(super) fn ask(&mut self, now: Now, ask: Ask, out: &mut Outbox) {
        let mut talk = self.talk(now, out);
        let id = match ask {
            Ask::Probe => talk.say(wire::TEST, "{}"),
            Ask::ReadBack(reach) => talk.say(wire::READ_BACK, reach.params()),
            Ask::Rearm(reach) => talk.say(wire::ARM, reach.params()),
            Ask::RearmReadBack(reach) => talk.say(wire::READ_BACK, reach.params()),
            Ask::Renewal => talk.say_login(),
            Ask::CancelAll => talk.say(wire::CANCEL_ALL, wire::CANCEL_ALL_PARAMS),
            Ask::OpenOrders(_) => talk.say(wire::OPEN_ORDERS, "{}"),
            Ask::Disarm | Ask::FarewellOff => talk.say(wire::DISARM, Reach::Connection.params()),
            Ask::FarewellReadBack => talk.say(wire::READ_BACK, Reach::Connection.params()),
        };
        if self.link.asked.len() >= ASKED_MAX {
            self.link.asked.remove(0);
        }
        self.link.asked.push((id, ask));
    }

    /// Asks about everything that is configured. A new round replaces one that was never answered in full. Whoever asks
    /// goes on guarding: a farewell whose answers come too late must not log out any more.
    pub(super) fn ask_read_back(&mut self, now: Now, out: &mut Outbox) {
        self.forget_asked(|ask| ask.is_read_back() || ask.is_farewell());
        for reach in self.config.scope.reaches() {
            self.ask(now, Ask::ReadBack(*reach), out);
        }
    }

    /// Switches everything that is configured on again, on a link whose script is through.
    pub(super) fn rearm(&mut self, now: Now, out: &mut Outbox) {
        self.forget_asked(|ask| ask.is_rearming() || ask.is_farewell());
        for reach in self.config.scope.reaches() {
            self.ask(now, Ask::Rearm(*reach), out);
        }
    }

    /// True while switching on again is under way.
    pub(super) fn is_rearming(&self) -> bool {
        self.still_asked(Ask::is_rearming)
    }

    fn forget_asked(&mut self, which: fn(Ask) -> bool) {
        self.link.asked.retain(|(_, ask)| !which(*ask));
    }

    fn still_asked(&self, which: fn(Ask) -> bool) -> bool {
        self.link.asked.iter().any(|(_, ask)| which(*ask))
    }

    pub(super) fn answered(&mut self, now: Now, ask: Ask, frame: &Frame<'_>, out: &mut Outbox) {
        match ask {
            Ask::Probe if frame.error().is_none() => out.report(Report::ProbeAnswered(LinkRole::Guard)),
            // A refusal answers the question and does not give the proof.
            Ask::Probe => out.report(Report::Refused(errors::refusal(wire::TEST, frame))),
            Ask::ReadBack(reach) => self.read_back(reach, frame, out),
            Ask::Rearm(_) => self.rearmed(now, frame, out),
            Ask::RearmReadBack(reach) => self.rearm_read_back(reach, frame, out),
            Ask::Renewal => self.renewed(now, frame, out),
            Ask::CancelAll => calls::cancelled(Path::Link, frame, out),
            Ask::OpenOrders(asked) => calls::listed(Path::Link, asked, frame, out),
            Ask::Disarm if frame.says_ok() => out.report(Report::Disarmed),
            Ask::Disarm => out.report(errors::aside(wire::DISARM, frame)),
            Ask::FarewellOff if frame.says_ok() => self.ask(now, Ask::FarewellReadBack, out),
            Ask::FarewellReadBack if frame.switch_is_on(Reach::Connection) == Some(false) => self.log_out(now, out),
            // Nothing is said and nothing is closed: closing a link whose switch may be on would cancel the orders.
            Ask::FarewellOff | Ask::FarewellReadBack => out.report(errors::aside(wire::DISARM, frame)),
        }
    }

    /// One disagreeing answer decides the round; agreement needs all of them. An error says nothing about the switch.
    fn read_back(&mut self, reach: Reach, frame: &Frame<'_>, out: &mut Outbox) {
        let report = match frame.switch_is_on(reach) {
            Some(true) if self.still_asked(Ask::is_read_back) => return,
            Some(true) => Report::ReadBack(ReadBackVerdict::Agrees),
            Some(false) => Report::ReadBack(ReadBackVerdict::Disagrees),
            None => Report::Refused(errors::refusal(wire::READ_BACK, frame)),
        };
        self.forget_asked(Ask::is_read_back);
        out.report(report);
    }

    fn rearmed(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) {
        if !frame.says_ok() {
            self.forget_asked(Ask::is_rearming);
            out.report(errors::aside(wire::ARM, frame));
        } else if !self.still_asked(Ask::is_rearming) {
            for reach in self.config.scope.reaches() {
                self.ask(now, Ask::RearmReadBack(*reach), out);
            }
        }
    }

    /// A "no" here is a refusal and not a read-back that disagrees: that would have it switched on again without a pause.
    fn rearm_read_back(&mut self, reach: Reach, frame: &Frame<'_>, out: &mut Outbox) {
        if frame.switch_is_on(reach) != Some(true) {
            self.forget_asked(Ask::is_rearming);
            out.report(errors::aside(wire::ARM, frame));
        } else if !self.still_asked(Ask::is_rearming) {
            out.report(Report::Done(Step::Switch));
            out.report(Report::Done(Step::ReadBack));
        }
    }

    /// Renews the login on the same socket. Called back soon, in case no answer comes; the answer replaces that by the
    /// real date. Before the login of this link there is nothing to renew, and it sets a date of its own.
    pub(super) fn renew(&mut self, now: Now, out: &mut Outbox) {
        if self.link.script.is_logged_in() {
            self.ask(now, Ask::Renewal, out);
            out.report(Report::CallMeBack { after: RENEW_AGAIN, errand: Errand::Renew });
        }
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

    /// The last words of a farewell. There is no answer: the venue closes. The switch was seen to be off, so whichever of
    /// the two ends it sees first, the orders stay.
    fn log_out(&mut self, now: Now, out: &mut Outbox) {
        self.talk(now, out).say(wire::LOGOUT, "{}");
        out.report(Report::FarewellDone { confirmed: true });
    }
}

impl Ask {
    fn is_read_back(self) -> bool {
        matches!(self, Self::ReadBack(_))
    }

    fn is_rearming(self) -> bool {
        matches!(self, Self::Rearm(_) | Self::RearmReadBack(_))
    }

    fn is_farewell(self) -> bool {
        matches!(self, Self::FarewellOff | Self::FarewellReadBack)
    }
}
