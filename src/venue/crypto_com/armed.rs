//! What is asked on a Crypto.com link once it is armed, and what the answers mean: probes, read-backs and the kill.

use super::calls::{self, Call};
use super::wire::{self, Frame};
use super::{CryptoCom, errors};
use crate::model::{LinkRole, Moment, Now, ReadBackVerdict, Step};
use crate::venue::{Lane, Outbox, Path, Report};

/// How many requests of our own may wait for an answer on the armed link; far above what the session asks at once.
const ASKED_MAX: usize = 32;

/// What an answer on the armed link is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Probe,
    ReadBack,
    /// The two steps of setting the switch once more, after the venue said that it is not on.
    Rearm,
    RearmReadBack,
    CancelAll,
    CancelAllAdvanced,
    /// With the moment it was asked for.
    OpenOrders(Moment),
}

impl CryptoCom {
    pub(super) fn ask(&mut self, now: Now, ask: Ask, out: &mut Outbox) {
        let (id, nonce) = (self.requests.id(), self.nonce(now));
        out.say(LinkRole::Guard, Lane::Control, |line| wire::push_request(line, id, ask.method(), ask.params(), nonce));
        if self.asked.len() >= ASKED_MAX {
            self.asked.remove(0);
        }
        self.asked.push((id, ask));
    }

    pub(super) fn answered(&mut self, now: Now, ask: Ask, frame: &Frame<'_>, out: &mut Outbox) {
        match ask {
            // A refusal answers the question and does not give the proof.
            Ask::Probe if frame.code() != Some(0) => read_back(frame, out),
            Ask::Probe => {
                out.report(Report::ProbeAnswered(LinkRole::Guard));
                if !frame.says_switch_is_on() {
                    read_back(frame, out);
                }
            }
            Ask::ReadBack => read_back(frame, out),
            // No page says how a second `set` is answered, so whatever the answer is, the venue is asked.
            Ask::Rearm => self.ask(now, Ask::RearmReadBack, out),
            Ask::RearmReadBack if frame.says_switch_is_on() => {
                out.report(Report::Done(Step::Switch));
                out.report(Report::Done(Step::ReadBack));
            }
            // Not a read-back that disagrees: that would have it set again without a pause.
            Ask::RearmReadBack => out.report(errors::aside(wire::ARM, frame)),
            Ask::CancelAll => calls::cancelled(Path::Link, frame, out),
            Ask::CancelAllAdvanced => calls::cancelled_advanced(frame, out),
            // In 2026 some pages list this method for HTTP only.
            Ask::OpenOrders(asked) if errors::is_method_not_found(frame) => {
                self.call(now, Call::OpenOrders(asked), out)
            }
            Ask::OpenOrders(asked) => calls::listed(Path::Link, asked, frame, out),
        }
    }
}

impl Ask {
    fn method(self) -> &'static str {
        match self {
            Self::Probe | Self::ReadBack | Self::RearmReadBack => wire::READ_BACK,
            Self::Rearm => wire::ARM,
            Self::CancelAll => wire::CANCEL_ALL,
            Self::CancelAllAdvanced => wire::CANCEL_ALL_ADVANCED,
            Self::OpenOrders(_) => wire::OPEN_ORDERS,
        }
    }

    fn params(self) -> &'static str {
        match self {
            Self::Rearm => wire::ARM_PARAMS,
            Self::Probe
            | Self::ReadBack
            | Self::RearmReadBack
            | Self::CancelAll
            | Self::CancelAllAdvanced
            | Self::OpenOrders(_) => "{}",
        }
    }
}

/// An error says nothing about the switch, so it is a refusal and no verdict.
fn read_back(frame: &Frame<'_>, out: &mut Outbox) {
    out.report(if frame.says_switch_is_on() {
        Report::ReadBack(ReadBackVerdict::Agrees)
    } else if frame.code() == Some(0) {
        Report::ReadBack(ReadBackVerdict::Disagrees)
    } else {
        Report::Refused(errors::refusal(wire::READ_BACK, frame))
    });
}
