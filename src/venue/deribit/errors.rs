//! Deribit's error codes as refusals, each with what a person can do. The table is the long one of "RPC Error Codes"
//! (<https://docs.deribit.com/articles/errors>); the short one on the same page contradicts measured replies.

use super::wire::{Error, Frame, LOGIN};
use crate::model::{Refusal, RefusalClass};
use crate::venue::Report;

/// `too_many_requests`: the venue ends this session.
pub(super) const TOO_MANY_REQUESTS: i64 = 10028;
/// `system_maintenance`: the platform is down. Comes without id and times.
pub(super) const SYSTEM_MAINTENANCE: i64 = 11051;
/// `cod_not_enabled`: a mass quote was refused because the switch is off on this connection.
pub(super) const SWITCH_NOT_ENABLED: i64 = 13042;

/// The refusal that an answer other than the wanted one is.
pub(super) fn refusal(step: &'static str, frame: &Frame<'_>) -> Refusal {
    match frame.error() {
        Some(error) => refused(step, &error),
        None => Refusal::new(
            step,
            "",
            frame.result.map_or("", |result| result.bare()),
            RefusalClass::Retry,
            "the venue answered something else than yes, so it counts as no",
        ),
    }
}

/// The refusal that an error is.
pub(super) fn refused(step: &'static str, error: &Error<'_>) -> Refusal {
    let (class, advice) = meaning(step, error);
    Refusal::new(step, error.code_text(), &error.text(), class, advice)
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

/// A refusal of ours: the venue granted something, but not what protection needs.
pub(super) fn too_little(step: &'static str, text: &str, advice: &'static str) -> Refusal {
    Refusal::new(step, "", text, RefusalClass::Fatal, advice)
}

fn meaning(step: &'static str, error: &Error<'_>) -> (RefusalClass, &'static str) {
    use RefusalClass::{Fatal, Maintenance, RateLimit, Retry, Session};
    match error.code() {
        Some(13004) => (Fatal, "check the client id and secret, and that they belong to this environment"),
        Some(13009) if step == LOGIN => (
            Fatal,
            "the signature was not accepted: check the client secret, and that the key belongs to this environment",
        ),
        Some(13009 | 10000) => (Session, "the session is no longer logged in: the guard logs in afresh"),
        Some(13021 | 13403) => (Fatal, "give the API key the scopes account:read_write and trade:read_write"),
        Some(TOO_MANY_REQUESTS) => (RateLimit, "the venue ends the session: send less with this key"),
        Some(10066 | 12998 | 13780) => (RateLimit, "too many requests at once: send less with this key"),
        Some(10049) => {
            (Retry, "the venue could not switch it on for this connection: it is tried again; ask Deribit if it lasts")
        }
        Some(SWITCH_NOT_ENABLED) => (Retry, "cancel-on-disconnect is off on this connection: not armed"),
        Some(SYSTEM_MAINTENANCE) => (Maintenance, "the platform is down for maintenance"),
        Some(10041) => (Retry, "settlement is running (daily at 08:00 UTC, some seconds): it is tried again"),
        Some(10045) => (Retry, "an order of a liquidation cannot be cancelled: watch the account"),
        Some(10047 | 10050) => {
            (Retry, "the account's queue at the matching engine is full: send less; it is tried again")
        }
        Some(10019 | 11098) => (Fatal, "the account is locked: ask the venue's support"),
        Some(13025) => (Fatal, "the venue switched this method off: protection is not possible now"),
        Some(10030 | 10048 | -32601) => (Fatal, "this address does not serve this method: check the url in use"),
        Some(-32602) if error.param().is_some_and(|param| param == "interval") => {
            (Fatal, "the venue does not accept this heartbeat_s: use a shorter one")
        }
        Some(-32602 | -32600 | -32700 | -32000 | 11050) => {
            (Fatal, "the venue did not understand the request: report this to killcord with the code")
        }
        Some(_) | None => (Retry, "the venue could not do this now: it is tried again"),
    }
}
