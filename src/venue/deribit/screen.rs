//! What an application's own request would do on a Deribit link. Decided on decoded JSON, so key order, white space and
//! escapes change nothing; a private method nobody has heard of counts as an order, because a new one might be.

use super::facts::LINE_LENGTH_MAX;
use super::wire;
use crate::model::{LinkRole, venue_text};
use crate::venue::json::{Raw, read_object};
use crate::venue::requests::is_reserved;
use crate::venue::{Screened, Screening, Toll};
use serde::Deserialize;

const NOT_JSON: &str = "it is not a JSON object with a method";
const RESERVED: &str = "its id is in the range killcord keeps for itself (8000000000000000 and up)";
const PARAMS: &str = "the parameters are not a JSON object";
pub(super) const TOO_LONG: &str = "it is longer than the 32 kB Deribit accepts";

/// Screens a whole line.
pub(super) fn line(line: &str) -> Screened {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow, default)]
        id: Option<Raw<'a>>,
        #[serde(borrow)]
        method: Raw<'a>,
    }
    // Duplicate keys are refused by the decoder: which of them the venue would take is anybody's guess.
    match read_object::<Request<'_>>(line) {
        None => refused(NOT_JSON),
        Some(_) if line.len() > LINE_LENGTH_MAX => refused(TOO_LONG),
        Some(request) if request.id.is_some_and(is_reserved) => refused(RESERVED),
        Some(request) => classify(&request.method.text()),
    }
}

/// Screens a request that is still to become a line; its parameters must be an object.
pub(super) fn request(name: &str, params: &str) -> Screened {
    match read_object::<Raw<'_>>(params) {
        Some(_) => classify(name),
        None => refused(PARAMS),
    }
}

fn refused(why: &'static str) -> Screened {
    Screened::new(LinkRole::Guard, Screening::NotSendable { why })
}

/// Case is ignored: whether the venue ignores it too is unknown.
fn classify(name: &str) -> Screened {
    let plain = name.trim().to_ascii_lowercase();
    let kind = method(name, &plain);
    let toll = toll(&kind, &plain);
    Screened { role: LinkRole::Guard, kind, toll }
}

/// Which credits a sendable line costs. Every cancel counts as one of the matching engine, though some have a pool of their
/// own. What is not a cancel and unknown may cost either, so it costs both.
fn toll(kind: &Screening, plain: &str) -> Toll {
    match (kind, plain) {
        (Screening::Order, _) if MATCHED.contains(&plain) => Toll::Order,
        (Screening::Order, _) => Toll::Unknown,
        (Screening::Harmless, wire::SUBSCRIBE | "public/subscribe") => Toll::Subscription,
        (Screening::Cancel | Screening::Harmless, _) => Toll::of(kind),
        (Screening::BreaksProtection { .. } | Screening::NotSendable { .. }, _) => Toll::of(kind),
    }
}

/// `plain` is the name without blanks around it and in small letters.
fn method(name: &str, plain: &str) -> Screening {
    match plain {
        wire::LOGOUT => breaks(name, "it ends the session and leaves the orders unprotected; use the guard's farewell"),
        wire::DISARM => breaks(name, "use the guard's maintenance or farewell"),
        wire::SET_HEARTBEAT | wire::DISABLE_HEARTBEAT => {
            breaks(name, "the venue notices a dead link by it; the interval is the guard's heartbeat_s")
        }
        wire::LOGIN | "public/exchange_token" | "public/fork_token" => {
            breaks(name, "the guard logs this connection in by itself, and tokens it holds may be invalidated")
        }
        "private/unsubscribe_all" | "public/unsubscribe_all" => {
            breaks(name, "it would end the guard's own channels too; name yours with private/unsubscribe")
        }
        _ if CANCELS.contains(&plain) => Screening::Cancel,
        _ if HARMLESS.contains(&plain) || plain.starts_with("private/get_") => Screening::Harmless,
        _ if changes_keys(plain) => breaks(name, "manage API keys elsewhere: changing this one ends the session"),
        _ if plain.starts_with("public/") => Screening::Harmless,
        _ => Screening::Order,
    }
}

const CANCELS: [&str; 11] = [
    "private/cancel",
    wire::CANCEL_ALL,
    "private/cancel_all_by_currency",
    "private/cancel_all_by_currency_pair",
    "private/cancel_all_by_instrument",
    "private/cancel_all_by_kind_or_type",
    "private/cancel_by_label",
    "private/cancel_quotes",
    "private/cancel_block_rfq",
    "private/cancel_block_rfq_quote",
    "private/cancel_all_block_rfq_quotes",
];

/// Requests of the matching engine, by the article on rate limits; cancels are above.
const MATCHED: [&str; 6] = [
    "private/buy",
    "private/sell",
    "private/edit",
    "private/edit_by_label",
    "private/close_position",
    "private/mass_quote",
];

const HARMLESS: [&str; 6] = [
    wire::ARM,
    wire::SUBSCRIBE,
    "private/unsubscribe",
    "private/simulate_portfolio",
    "private/list_api_keys",
    "private/verify_block_trade",
];

fn changes_keys(name: &str) -> bool {
    name.contains("api_key") || name == "private/change_scope_in_api_key"
}

fn breaks(name: &str, instead: &'static str) -> Screening {
    Screening::BreaksProtection { method: venue_text(name), instead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_cancels_and_readings_are_told_apart() {
        for (name, expected) in [
            ("private/buy", Screening::Order),
            ("private/sell", Screening::Order),
            ("private/edit", Screening::Order),
            ("private/edit_by_label", Screening::Order),
            ("private/close_position", Screening::Order),
            ("private/mass_quote", Screening::Order),
            ("private/something_new", Screening::Order),
            ("private/cancel", Screening::Cancel),
            ("private/cancel_all", Screening::Cancel),
            ("private/cancel_all_by_kind_or_type", Screening::Cancel),
            ("private/get_open_orders", Screening::Harmless),
            ("private/get_cancel_on_disconnect", Screening::Harmless),
            ("private/enable_cancel_on_disconnect", Screening::Harmless),
            ("private/subscribe", Screening::Harmless),
            ("public/test", Screening::Harmless),
        ] {
            assert_eq!(request(name, "{}").kind, expected, "{name}");
            let text = format!(r#"{{"params":{{}},"id":7,"jsonrpc":"2.0","method":"{name}"}}"#);
            assert_eq!(line(&text).kind, expected, "{name}");
        }
    }

    #[test]
    fn what_costs_credits_of_the_matching_engine_is_told_from_what_does_not() {
        for (name, expected) in [
            ("private/buy", Toll::Order),
            ("Private/Edit", Toll::Order),
            ("private/mass_quote", Toll::Order),
            ("private/cancel", Toll::Cancel),
            ("private/cancel_all", Toll::Cancel),
            ("private/something_new", Toll::Unknown),
            ("private/subscribe", Toll::Subscription),
            ("public/subscribe", Toll::Subscription),
            ("private/unsubscribe", Toll::Message),
            ("private/get_open_orders", Toll::Message),
            ("public/test", Toll::Message),
        ] {
            let text = format!(r#"{{"params":{{}},"id":7,"jsonrpc":"2.0","method":"{name}"}}"#);
            assert_eq!(line(&text).toll, expected, "{name}");
        }
    }

    #[test]
    fn what_would_weaken_protection_is_named_in_every_spelling() {
        for text in [
            r#"{"id":1,"method":"private/logout","params":{}}"#,
            r#"{ "method" : "private\/logout" }"#,
            r#"{"id":1,"meth\u006fd":"private/l\u006fgout"}"#,
            r#"{"id":1,"method":"Private/Logout"}"#,
            r#"{"id":1,"method":"private/disable_cancel_on_disconnect"}"#,
            r#"{"id":1,"method":"public/disable_heartbeat"}"#,
            r#"{"id":1,"method":"public/set_heartbeat","params":{"interval":3600}}"#,
            r#"{"id":1,"method":"public/exchange_token"}"#,
            r#"{"id":1,"method":"public/auth"}"#,
            r#"{"id":1,"method":"private/unsubscribe_all"}"#,
            r#"{"id":1,"method":"private/disable_api_key"}"#,
        ] {
            assert!(matches!(line(text).kind, Screening::BreaksProtection { .. }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_request_or_wears_our_id_is_not_sendable() {
        let long = format!(r#"{{"id":1,"method":"private/buy","params":{{"label":"{}"}}}}"#, "x".repeat(33_000));
        for text in [
            "",
            "[]",
            r#"[{"id":1,"method":"private/buy"}]"#,
            r#"{"id":1}"#,
            r#"{"id":8000000000000001,"method":"private/buy"}"#,
            r#"{"id":"8000000000000001","method":"private/buy"}"#,
            r#"{"id":1,"method":"public/test","method":"private/buy"}"#,
            long.as_str(),
        ] {
            assert!(matches!(line(text).kind, Screening::NotSendable { .. }), "{}", &text[..text.len().min(80)]);
        }
        assert!(matches!(request("private/buy", "7").kind, Screening::NotSendable { .. }));
    }
}
