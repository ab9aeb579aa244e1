//! Deribit over HTTP: the kill, the list of open orders and the comparison of clocks, on a path that works while the
//! websocket is dead. Here too is what an answer to them means, since both paths answer alike.

use super::errors;
use super::wire::{self, Error, Frame};
use crate::model::{CallTag, Credentials, Moment, Refusal, RefusalClass, WallTime};
use crate::venue::{CallLine, CallReply, HttpMethod, HttpRequest, Outbox, Path, Report};
use std::time::Duration;

/// HTTP calls that may wait for their end at once; the oldest is given up beyond that.
const WAITING_MAX: usize = 32;

const TRY_AGAIN: &str =
    "no usable answer came back over HTTP; it may or may not have been acted upon, so read the open orders";

/// What an HTTP call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Call {
    /// Only the `Date` header of the reply matters.
    CompareClocks,
    CancelAll,
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
    pub fn make(&mut self, call: Call, at: WallTime, nonce: &str, credentials: &Credentials, out: &mut Outbox) {
        let uri = call.uri();
        let headers = match call {
            Call::CompareClocks => Vec::new(),
            Call::CancelAll | Call::OpenOrders(_) => {
                vec![("Authorization", wire::authorization(credentials, at, nonce, uri))]
            }
        };
        let (path, body) = (uri.to_owned(), String::new());
        let tag = out.call(HttpRequest { method: HttpMethod::Get, path, headers, body, line: call.line() });
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
            (Call::CompareClocks, _) => {}
            (_, CallReply::Failed(cause)) => {
                out.report(call.failed(Refusal::unanswered(call.method(), cause, TRY_AGAIN)));
            }
            (_, CallReply::Got { status, body, .. }) => {
                match Frame::read(body).filter(|frame| frame.result.is_some() || frame.error().is_some()) {
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
    /// Path and query, exactly as signed.
    fn uri(self) -> &'static str {
        match self {
            Self::CompareClocks => "/api/v2/public/get_time",
            Self::CancelAll => "/api/v2/private/cancel_all?detailed=true",
            Self::OpenOrders(_) => "/api/v2/private/get_open_orders",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::CompareClocks => "public/get_time",
            Self::CancelAll => wire::CANCEL_ALL,
            Self::OpenOrders(_) => wire::OPEN_ORDERS,
        }
    }

    /// It ended without a usable answer of the venue.
    fn failed(self, refusal: Refusal) -> Report {
        match self {
            Self::OpenOrders(asked) => Report::Unlisted { asked, refusal },
            Self::CompareClocks | Self::CancelAll => Report::Refused(refusal),
        }
    }

    fn line(self) -> CallLine {
        match self {
            Self::CancelAll => CallLine::Kill,
            Self::CompareClocks | Self::OpenOrders(_) => CallLine::Normal,
        }
    }

    fn settle(self, frame: &Frame<'_>, out: &mut Outbox) {
        if let Some(pause) = frame.error().as_ref().and_then(pause) {
            out.report(Report::RateLimited(pause));
        }
        match self {
            Self::CompareClocks => {}
            Self::CancelAll => cancelled(Path::Http, frame, out),
            Self::OpenOrders(asked) => listed(Path::Http, asked, frame, out),
        }
    }
}

/// How long the venue wants us to pause, if it does.
pub(super) fn pause(error: &Error<'_>) -> Option<Duration> {
    match (error.code(), error.wait_s()) {
        (Some(12998 | 13780), Some(wait_s)) => Some(Duration::from_secs(wait_s.min(3_600))),
        (Some(errors::TOO_MANY_REQUESTS | 10066 | 12998 | 13780), _) => Some(super::facts::RATE_LIMIT_PAUSE),
        (_, _) => None,
    }
}

/// A cancel-all was answered. It is handled per currency inside the venue: one part that failed makes it a refusal.
pub(super) fn cancelled(path: Path, frame: &Frame<'_>, out: &mut Outbox) {
    let all = frame.cancelled().filter(|_| frame.error().is_none());
    out.report(match all {
        Some(all) => match all.failure {
            None => Report::CancelledAll { path, count: Some(all.count) },
            Some(failure) => Report::Refused(errors::beside_arming(errors::refused(wire::CANCEL_ALL, &failure))),
        },
        None => errors::aside(wire::CANCEL_ALL, frame),
    });
}

/// The open orders were answered: all currencies in one list. Orders entered through Starbase are not in it.
pub(super) fn listed(path: Path, asked: Moment, frame: &Frame<'_>, out: &mut Outbox) {
    let orders = frame.open_orders().filter(|_| frame.error().is_none());
    out.report(match orders {
        Some(orders) => Report::OpenOrders { path, asked, orders, complete: true },
        None => Report::Unlisted { asked, refusal: errors::refusal(wire::OPEN_ORDERS, frame) },
    });
}
