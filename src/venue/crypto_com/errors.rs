//! Crypto.com's response codes as refusals, each with what a person can do. The table is the documentation's "Response
//! and Reason Codes"; the five-digit 1xxxx codes are those of the older v2 API, which some paths still answer with.

use super::wire::{Frame, LOGIN};
use crate::model::{Advice, Refusal, RefusalClass};
use crate::venue::Report;

/// Codes that mean "no such method here".
pub(super) fn is_method_not_found(frame: &Frame<'_>) -> bool {
    matches!(frame.code(), Some(40002 | 10008))
}

/// Codes that mean "too many requests".
pub(super) fn is_rate_limit(frame: &Frame<'_>) -> bool {
    matches!(frame.code(), Some(42901 | 10006))
}

/// Codes that mean "your nonce is not my time".
pub(super) fn is_clock(frame: &Frame<'_>) -> bool {
    matches!(frame.code(), Some(40102 | 10007))
}

/// The refusal that an answer other than success is.
pub(super) fn refusal(step: &'static str, frame: &Frame<'_>) -> Refusal {
    let (class, advice) = meaning(step, frame.code());
    Refusal::new(step, frame.code_text(), &frame.message().unwrap_or_default(), class, advice)
}

/// The refusal of a step of arming. The login before it was accepted on this very connection, so that "unauthorised" is not
/// about the session but about what the key may do, and only a person can change that.
pub(super) fn while_arming(step: &'static str, frame: &Frame<'_>) -> Refusal {
    let refusal = refusal(step, frame);
    match refusal.class {
        RefusalClass::Session => Refusal {
            class: RefusalClass::Fatal,
            advice: Advice("the key was let in and may not do this: enable trading for it (no withdrawals are needed)"),
            ..refusal
        },
        RefusalClass::Fatal
        | RefusalClass::Clock
        | RefusalClass::Retry
        | RefusalClass::RateLimit
        | RefusalClass::Maintenance => refusal,
    }
}

/// The report of a refusal that arming does not hang on.
pub(super) fn aside(step: &'static str, frame: &Frame<'_>) -> Report {
    Report::Refused(beside_arming(refusal(step, frame)))
}

/// What arming does not hang on must never make anybody give up an armed link: closing it would cancel the orders. If
/// the login or the key really is gone, the next read-back says so.
pub(super) fn beside_arming(mut refusal: Refusal) -> Refusal {
    use RefusalClass::{Clock, Fatal, Maintenance, RateLimit, Retry, Session};
    refusal.class = match refusal.class {
        Fatal | Clock | Retry | Session => Retry,
        RateLimit => RateLimit,
        Maintenance => Maintenance,
    };
    refusal
}

fn meaning(step: &'static str, code: Option<i64>) -> (RefusalClass, &'static str) {
    use RefusalClass::{Clock, Fatal, RateLimit, Retry, Session};
    match code {
        Some(40101 | 10002) if step != LOGIN => {
            (Session, "the session is no longer logged in: the guard logs in afresh; was the API key changed?")
        }
        Some(40101 | 10002) => (
            Fatal,
            "check the API key, its secret, and that it belongs to this environment (production and UAT differ)",
        ),
        Some(40102 | 10007) => {
            (Clock, "the clock is more than 60 s from the venue's: the nonce is corrected; synchronise the clock")
        }
        Some(40103 | 10003) => (Fatal, "add this machine's public address to the API key's allowed addresses"),
        Some(40104 | 10005) => (Fatal, "this account's tier may not use the exchange API: finish its verification"),
        Some(202 | 401 | 406 | 408 | 409 | 410) => {
            (Fatal, "the account or its user is suspended, inactive or unknown: ask the venue's support")
        }
        Some(42901 | 10006) => (RateLimit, "too many requests in this second: send less on this connection"),
        Some(40002 | 10008) => (Fatal, "the venue does not offer this method here: check the address in use"),
        Some(40001 | 40003 | 40004 | 40005 | 10004 | 10009) => {
            (Fatal, "the venue did not understand the request: report this to killcord with the code")
        }
        Some(40107) => (Retry, "this connection has too many subscriptions: use another one for market data"),
        Some(40801) => (Retry, "the venue did not answer itself in time: it is tried again"),
        Some(0) => (Retry, "the venue said yes but not to what was asked: it counts as no"),
        None => (Retry, "the answer has no code, so it counts as no"),
        Some(_) => (Retry, "the venue could not do this now: it is tried again"),
    }
}
