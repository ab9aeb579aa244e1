//! Kraken's errors are texts of the form `E<Category>:<text>[:detail]`; gateway errors have no prefix. They are told
//! apart by prefix and turned into what to do next. An unknown text is transient: the caller never takes it for success.

use crate::model::{LossCause, Refusal, RefusalClass};

const KEY: &str =
    "check the API key, its secret, its expiry and its IP list; do not repeat, bad keys lead to a lockout";
const PERMISSION: &str =
    "give the key the permissions WebSocket interface, Cancel & close orders and Query open orders";
const NONCE: &str = "use this API key for this guard only: another program used it with larger nonces";
const TOKEN: &str = "the websocket token is no longer valid; a new one is fetched";
const LOCKOUT: &str =
    "Kraken locked this key's REST calls for about 15 minutes; wait and find out who sent bad requests";
const ACCOUNT: &str = "the account cannot trade through the API now; ask Kraken support";
const SLOWER: &str = "fewer requests; other programs with this key or this address count too";
const REQUEST: &str = "the request was not understood; this is a mistake in killcord or a change at Kraken";
const TRANSIENT: &str = "it is tried again; see status.kraken.com if it lasts";
const MODE: &str = "Kraken limits trading now; it is tried again";
const ADDRESS: &str = "the address does not answer like Kraken's REST API; check http_url";
const EDGE: &str =
    "Kraken's front door refuses this address (too many connections, or a blocked region); wait 10 minutes";

/// The first matching prefix wins. Sources: docs.kraken.com error pages and krakenfx/kraken-api-sdk.
const TABLE: &[(&str, RefusalClass, &str)] = &[
    ("EAPI:Invalid key", RefusalClass::Fatal, KEY),
    ("EAPI:Invalid signature", RefusalClass::Fatal, KEY),
    ("EAPI:Invalid nonce", RefusalClass::Fatal, NONCE),
    ("EAPI:Invalid token", RefusalClass::Session, TOKEN),
    ("ESession:", RefusalClass::Session, TOKEN),
    ("EAPI:Rate limit", RefusalClass::RateLimit, SLOWER),
    ("EAPI:Permission denied", RefusalClass::Fatal, PERMISSION),
    ("EAPI:Bad request", RefusalClass::Fatal, REQUEST),
    ("EGeneral:Permission denied", RefusalClass::Fatal, PERMISSION),
    ("EAccount:Invalid permissions", RefusalClass::Fatal, PERMISSION),
    ("EGeneral:Temporary lockout", RefusalClass::RateLimit, LOCKOUT),
    ("EGeneral:Too many requests", RefusalClass::RateLimit, SLOWER),
    ("EGeneral:Invalid arguments", RefusalClass::Fatal, REQUEST),
    ("EGeneral:Unknown method", RefusalClass::Fatal, REQUEST),
    ("EAuth:Rate limit", RefusalClass::RateLimit, SLOWER),
    ("EAuth:Too many requests", RefusalClass::RateLimit, SLOWER),
    ("EAuth:", RefusalClass::Fatal, ACCOUNT),
    ("EAccount:", RefusalClass::Fatal, ACCOUNT),
    ("EService:Throttled", RefusalClass::RateLimit, SLOWER),
    ("EService:Market in", RefusalClass::Retry, MODE),
    ("EOrder:Rate limit", RefusalClass::RateLimit, SLOWER),
    ("EOrder:Domain rate limit", RefusalClass::RateLimit, SLOWER),
    ("Exceeded msg rate", RefusalClass::RateLimit, SLOWER),
    ("Unsupported ", RefusalClass::Fatal, REQUEST),
    ("Event(s) not found", RefusalClass::Fatal, REQUEST),
    ("Subscription name invalid", RefusalClass::Fatal, REQUEST),
];

/// A refusal of `step` from the venue's own text.
pub(super) fn refusal(step: &'static str, text: &str) -> Refusal {
    let (code, detail) = split(text);
    let (class, advice) = classify(text);
    Refusal::new(step, code, detail, class, advice)
}

/// A refusal of `step` from an HTTP status without a readable answer.
pub(super) fn http_refusal(step: &'static str, status: u16) -> Refusal {
    let (class, advice) = match status {
        403 | 429 => (RefusalClass::RateLimit, EDGE),
        400..=499 => (RefusalClass::Fatal, ADDRESS),
        _ => (RefusalClass::Retry, TRANSIENT),
    };
    Refusal::new(step, format_args!("HTTP {status}"), "", class, advice)
}

/// An answer of HTTP 200 that is not Kraken's.
pub(super) fn unreadable(step: &'static str) -> Refusal {
    Refusal::new(step, "", "the answer could not be read", RefusalClass::Retry, ADDRESS)
}

/// A call without an answer: it may or may not have been acted upon.
pub(super) fn no_answer(step: &'static str, cause: &LossCause) -> Refusal {
    Refusal::unanswered(step, cause, TRANSIENT)
}

/// The token used was not accepted: a new one helps, repeating does not.
pub(super) fn is_token_error(text: &str) -> bool {
    text.starts_with("ESession:") || text.to_ascii_lowercase().contains("token")
}

/// A call came in behind one with a larger nonce; a fresh one cures it once.
pub(super) fn is_nonce_error(refusal: &Refusal) -> bool {
    refusal.code.starts_with("EAPI:Invalid nonce")
}

/// REST is closed for this key for a quarter of an hour; every further try makes it longer.
pub(super) fn is_lockout(refusal: &Refusal) -> bool {
    refusal.code.starts_with("EGeneral:Temporary lockout")
}

fn classify(text: &str) -> (RefusalClass, &'static str) {
    if let Some((_, class, advice)) = TABLE.iter().find(|(prefix, _, _)| text.starts_with(prefix)) {
        return (*class, advice);
    }
    if is_token_error(text) { (RefusalClass::Session, TOKEN) } else { (RefusalClass::Retry, TRANSIENT) }
}

/// `EGeneral:Invalid arguments:no_mpp` is code `EGeneral:Invalid arguments` and detail `no_mpp`.
fn split(text: &str) -> (&str, &str) {
    let Some((category, rest)) = text.split_once(':') else { return ("", text) };
    let is_category = category
        .strip_prefix('E')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()));
    if !is_category {
        return ("", text);
    }
    let end = rest.find(':').map_or(text.len(), |at| category.len() + 1 + at);
    (&text[..end], text[end..].trim_start_matches(':').trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_detail_and_class_are_told_apart() {
        for (text, code, detail, class) in [
            ("EGeneral:Permission denied", "EGeneral:Permission denied", "", RefusalClass::Fatal),
            ("EGeneral:Invalid arguments:timeout", "EGeneral:Invalid arguments", "timeout", RefusalClass::Fatal),
            ("EService:Throttled: 1700000000", "EService:Throttled", "1700000000", RefusalClass::RateLimit),
            ("EService:Unavailable", "EService:Unavailable", "", RefusalClass::Retry),
            ("EService:Market in cancel_only mode", "EService:Market in cancel_only mode", "", RefusalClass::Retry),
            ("EGeneral:Temporary lockout", "EGeneral:Temporary lockout", "", RefusalClass::RateLimit),
            ("ESession:Invalid session", "ESession:Invalid session", "", RefusalClass::Session),
            ("Token(s) not found", "", "Token(s) not found", RefusalClass::Session),
            ("Unsupported field: 'x' for ping", "", "Unsupported field: 'x' for ping", RefusalClass::Fatal),
            ("something new", "", "something new", RefusalClass::Retry),
        ] {
            let refusal = refusal("step", text);
            assert_eq!((refusal.code.as_str(), refusal.text.as_str(), refusal.class), (code, detail, class), "{text}");
        }
    }

    #[test]
    fn any_text_about_tokens_asks_for_a_new_one() {
        for text in ["EAPI:Invalid token", "ESession:Invalid session", "Token(s) not found", "token expired"] {
            assert!(is_token_error(text), "{text}");
        }
        assert!(!is_token_error("EGeneral:Permission denied"));
    }
}
