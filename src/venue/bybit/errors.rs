//! Bybit's error codes turned into what to do next. The private socket has texts only; the order-entry socket and REST
//! have codes, some of which mean different things on the two: v5/error. An unknown code is transient, except where the
//! protection itself is asked for: there a person must look.

use super::wire::{Frame, Verdict};
use crate::model::{LossCause, Refusal, RefusalClass};

/// What a code came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// An HTTP call.
    Http,
    /// An HTTP call about disconnection protection.
    Protection,
    /// The order-entry socket.
    Trade,
}

pub(super) const NOT_ENTITLED: &str = "disconnection protection (DCP) is for institutional clients and switched on by Bybit per product and account; ask \
     Bybit's client or relationship manager to enable it, or leave the product out";
pub(super) const WINDOW_DISAGREES: &str =
    "the venue shows another window than the one it acknowledged; find out which program sets it, or ask Bybit";
const KEY: &str = "check the API key and secret, that they belong to this environment (production, test and demo keys differ) and \
     have not expired";
const PERMISSION: &str = "give the key the permissions for orders and positions, and check its IP list";
const ADDRESS: &str =
    "Bybit refuses this address or region (a ban lasts at least 10 minutes); stop other clients here and wait";
const CLOCK: &str =
    "the clock of this machine differs from Bybit's; it is corrected and tried again, synchronise it all the same";
const SLOWER: &str = "fewer requests; other programs with this key or this address count too";
const SESSIONS: &str = "too many order-entry sessions of this account are open; close those that are not needed";
const RESTART: &str = "Bybit restarts this service; a new connection is routed to a healthy node";
const REQUEST: &str = "the request was not understood; this is a mistake in killcord or a change at Bybit";
const ELSEWHERE: &str = "the address does not answer like Bybit's REST API; check http_url";
const ACCOUNT: &str = "Bybit restricts this account or its mode; ask Bybit support";
const TRANSIENT: &str = "it is tried again; see Bybit's status page if it lasts";
const LOGIN_AGAIN: &str = "the link is logged in afresh";
const TOPIC: &str = "the private socket does not know this topic; check guard_url, and that Bybit has enabled DCP";

/// A refusal on the private socket, which gives no code. The text only picks the advice and, for a login, whether a
/// wrong clock may be behind it: `Params Error` is what an `expires` in the past gets.
pub(super) fn private_refusal(step: &'static str, frame: &Frame<'_>) -> Refusal {
    let text = frame.message();
    let (class, advice) = match text.as_str() {
        "Params Error" => (RefusalClass::Clock, CLOCK),
        "Request not authorized" => (RefusalClass::Session, LOGIN_AGAIN),
        text if text.starts_with("error:handler not found") => (RefusalClass::Fatal, TOPIC),
        _ if frame.verdict() == Verdict::Unsaid => (RefusalClass::Retry, TRANSIENT),
        _ => (RefusalClass::Fatal, KEY),
    };
    Refusal::new(step, "", &text, class, advice)
}

/// A refusal of a login on the order-entry socket: 10001 there is what an `expires` in the past gets.
pub(super) fn trade_login_refusal(code: Option<i64>, text: &str) -> Refusal {
    let mut refusal = refusal("auth", code, text, Source::Trade);
    if code == Some(10001) {
        refusal.class = RefusalClass::Clock;
        refusal.advice = crate::model::Advice(CLOCK);
    }
    refusal
}

/// A login refused as if for the clock, after the clock was corrected.
pub(super) fn not_the_clock(refusal: &Refusal) -> Refusal {
    Refusal::new(refusal.step, &refusal.code, &refusal.text, RefusalClass::Fatal, KEY)
}

/// A refusal by code.
pub(super) fn refusal(step: &'static str, code: Option<i64>, text: &str, source: Source) -> Refusal {
    let (class, advice) = match code.and_then(|code| known(code, source)) {
        Some(known) => known,
        None if source == Source::Protection => (RefusalClass::Fatal, NOT_ENTITLED),
        None => (RefusalClass::Retry, TRANSIENT),
    };
    Refusal::new(step, code.map(|code| code.to_string()).unwrap_or_default(), text, class, advice)
}

/// A refusal by HTTP status, when the body says nothing better.
pub(super) fn http_refusal(step: &'static str, status: u16) -> Refusal {
    let (class, advice) = match status {
        401 => (RefusalClass::Fatal, KEY),
        403 => (RefusalClass::RateLimit, ADDRESS),
        429 => (RefusalClass::RateLimit, SLOWER),
        400..=499 => (RefusalClass::Fatal, ELSEWHERE),
        _ => (RefusalClass::Retry, TRANSIENT),
    };
    Refusal::new(step, format_args!("HTTP {status}"), "", class, advice)
}

/// A call without an answer: it may or may not have been acted upon.
pub(super) fn no_answer(step: &'static str, cause: &LossCause) -> Refusal {
    Refusal::unanswered(step, cause, TRANSIENT)
}

/// An answer that is not Bybit's, or not one to this request.
pub(super) fn unreadable(step: &'static str) -> Refusal {
    Refusal::new(step, "", "the answer could not be read", RefusalClass::Retry, TRANSIENT)
}

/// True for the codes that say our clock is off.
pub(super) const fn is_clock(code: Option<i64>) -> bool {
    matches!(code, Some(10002 | -1))
}

/// The order-entry socket restarts: requests in flight are answered, new ones are refused.
pub(super) const fn is_restart(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::No(Some(10019)))
}

const fn known(code: i64, source: Source) -> Option<(RefusalClass, &'static str)> {
    Some(match code {
        10002 | -1 => (RefusalClass::Clock, CLOCK),
        // On the order-entry socket this code counts sessions.
        10003 if matches!(source, Source::Trade) => (RefusalClass::RateLimit, SESSIONS),
        10003 | 10004 | 10007 | 33004 | -2015 => (RefusalClass::Fatal, KEY),
        10005 if matches!(source, Source::Protection) => (RefusalClass::Fatal, NOT_ENTITLED),
        10005 | 10010 => (RefusalClass::Fatal, PERMISSION),
        10008 | 10024 | 10027 | 10028 | 100_028 | 10029 => (RefusalClass::Fatal, ACCOUNT),
        10009 => (RefusalClass::Fatal, ADDRESS),
        10001 | 10017 | 10404 => (RefusalClass::Fatal, REQUEST),
        10006 | 10018 | 10403 | 10429 | 20003 | 30035 => (RefusalClass::RateLimit, SLOWER),
        10019 => (RefusalClass::Retry, RESTART),
        20001 => (RefusalClass::Session, LOGIN_AGAIN),
        429 | 10000 | 10014 | 10016 | 20006 => (RefusalClass::Retry, TRANSIENT),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_means_different_things_by_socket() {
        assert_eq!(refusal("x", Some(10003), "", Source::Http).class, RefusalClass::Fatal);
        assert_eq!(refusal("x", Some(10003), "", Source::Trade).class, RefusalClass::RateLimit);
        assert_eq!(refusal("x", Some(10005), "", Source::Protection).advice.0, NOT_ENTITLED);
        assert_eq!(refusal("x", Some(10005), "", Source::Http).advice.0, PERMISSION);
    }

    #[test]
    fn an_unknown_code_is_transient_but_not_where_protection_is_asked_for() {
        assert_eq!(refusal("x", Some(99_999), "new", Source::Http).class, RefusalClass::Retry);
        let unknown = refusal("x", Some(99_999), "new", Source::Protection);
        assert_eq!((unknown.class, unknown.code.as_str()), (RefusalClass::Fatal, "99999"));
    }

    #[test]
    fn http_statuses_without_a_readable_body_are_classed() {
        for (status, class) in [
            (401, RefusalClass::Fatal),
            (403, RefusalClass::RateLimit),
            (404, RefusalClass::Fatal),
            (429, RefusalClass::RateLimit),
            (502, RefusalClass::Retry),
        ] {
            assert_eq!(http_refusal("x", status).class, class, "{status}");
        }
    }
}
