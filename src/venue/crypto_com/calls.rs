//! Crypto.com over HTTP: the kill, the list of open orders and the comparison of clocks, on a path that works while the
//! websocket is dead. Here too is what an answer to them means, since both paths answer alike.

use super::errors;
use super::wire::{self, Frame};
use crate::model::{CallTag, Credentials, Moment, Refusal, RefusalClass, WallTime};
use crate::venue::{CallLine, CallReply, HttpMethod, HttpRequest, Outbox, Path, Report};

/// HTTP calls that may wait for their end at once; the oldest is given up beyond that.
const WAITING_MAX: usize = 32;

const HEADERS: [(&str, &str); 1] = [("Content-Type", "application/json")];

const TRY_AGAIN: &str =
    "no usable answer came back over HTTP; it may or may not have been acted upon, so read the open orders";

/// What an HTTP call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Call {
    /// Only the `Date` header of the reply matters.
    CompareClocks,
    CancelAll,
    CancelAllAdvanced,
    /// With the moment it was asked for.
    OpenOrders(Moment),
}

/// The calls that have not ended.
#[derive(Default)]
pub(super) struct Calls {
    waiting: Vec<(CallTag, Call)>,
}

impl Calls {
    /// Signs and makes a call.
    pub fn make(&mut self, call: Call, id: u64, nonce: WallTime, credentials: &Credentials, out: &mut Outbox) {
        let mut body = String::new();
        wire::push_signed(&mut body, id, call.method(), Some("{}"), nonce, credentials);
        let tag = out.call(HttpRequest {
            method: HttpMethod::Post,
            path: format!("/exchange/v1/{}", call.method()),
            headers: HEADERS.map(|(name, value)| (name, value.to_owned())).to_vec(),
            body,
            line: call.line(),
        });
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.remove(0);
        }
        self.waiting.push((tag, call));
    }

    /// A call ended. One that is not waited for is ignored.
    pub fn hear(&mut self, tag: CallTag, reply: &CallReply<'_>, out: &mut Outbox) {
        let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == tag) else { return };
        let (_, call) = self.waiting.remove(at);
        match (call, reply) {
            // The link's own login says whatever is wrong with the key.
            (Call::CompareClocks, _) => {}
            (_, CallReply::Failed(cause)) => {
                out.report(call.failed(Refusal::unanswered(call.method(), cause, TRY_AGAIN)));
            }
            (_, CallReply::Got { status, body, .. }) => {
                match Frame::read(body).filter(|frame| frame.code().is_some()) {
                    Some(frame) => call.settle(&frame, out),
                    // A proxy's page, not the venue's answer.
                    None => {
                        let code = format!("HTTP {status}");
                        let refusal = Refusal::new(call.method(), code, "", RefusalClass::Retry, TRY_AGAIN);
                        out.report(call.failed(refusal));
                    }
                }
            }
        }
    }
}

impl Call {
    fn method(self) -> &'static str {
        match self {
            Self::CancelAll => wire::CANCEL_ALL,
            Self::CancelAllAdvanced => wire::CANCEL_ALL_ADVANCED,
            // The cheapest private method with an answer that names no amounts when there are no orders.
            Self::CompareClocks | Self::OpenOrders(_) => wire::OPEN_ORDERS,
        }
    }

    /// It ended without a usable answer of the venue.
    fn failed(self, refusal: Refusal) -> Report {
        match self {
            Self::OpenOrders(asked) => Report::Unlisted { asked, refusal },
            Self::CompareClocks | Self::CancelAll | Self::CancelAllAdvanced => Report::Refused(refusal),
        }
    }

    fn line(self) -> CallLine {
        match self {
            Self::CancelAll | Self::CancelAllAdvanced => CallLine::Kill,
            Self::CompareClocks | Self::OpenOrders(_) => CallLine::Normal,
        }
    }

    fn settle(self, frame: &Frame<'_>, out: &mut Outbox) {
        if errors::is_rate_limit(frame) {
            out.report(Report::RateLimited(super::facts::RATE_LIMIT_PAUSE));
        }
        match self {
            Self::CompareClocks => {}
            Self::CancelAll => cancelled(Path::Http, frame, out),
            Self::CancelAllAdvanced => cancelled_advanced(frame, out),
            Self::OpenOrders(asked) => listed(Path::Http, asked, frame, out),
        }
    }
}

/// A cancel-all was answered. Success means queued and names no count; the open orders tell when it is done.
pub(super) fn cancelled(path: Path, frame: &Frame<'_>, out: &mut Outbox) {
    out.report(if frame.code() == Some(0) {
        Report::CancelledAll { path, count: None }
    } else {
        errors::aside(wire::CANCEL_ALL, frame)
    });
}

/// The sweep of advanced orders was answered. Success is not a second `CancelledAll`; a venue without them is fine.
pub(super) fn cancelled_advanced(frame: &Frame<'_>, out: &mut Outbox) {
    if frame.code() != Some(0) && !errors::is_method_not_found(frame) {
        out.report(errors::aside(wire::CANCEL_ALL_ADVANCED, frame));
    }
}

/// The open orders were answered. There is no paging in v1.
pub(super) fn listed(path: Path, asked: Moment, frame: &Frame<'_>, out: &mut Outbox) {
    out.report(match frame.open_orders() {
        Some(orders) if frame.code() == Some(0) => Report::OpenOrders { path, asked, orders, complete: true },
        Some(_) | None => Report::Unlisted { asked, refusal: errors::refusal(wire::OPEN_ORDERS, frame) },
    });
}
