//! What an application's own request would do on a Crypto.com link. Decided on decoded JSON, so key order, white space
//! and escapes change nothing; a method nobody has heard of counts as an order, because a new one might be.

use super::wire;
use crate::model::venue_text;
use crate::venue::Screening;
use crate::venue::json::{Raw, read_object};
use crate::venue::requests::is_reserved;
use serde::Deserialize;

const NOT_JSON: &str = "it is not a JSON object with a method";
const RESERVED: &str = "its id is in the range killcord keeps for itself (8000000000000000 and up)";
const PARAMS: &str = "the parameters are not a JSON object";

/// Screens a whole line.
pub(super) fn line(line: &str) -> Screening {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow, default)]
        id: Option<Raw<'a>>,
        #[serde(borrow)]
        method: Raw<'a>,
        #[serde(borrow, default)]
        params: Option<Raw<'a>>,
    }
    // Duplicate keys are refused by the decoder: which of them the venue would take is anybody's guess.
    match read_object::<Request<'_>>(line) {
        None => Screening::NotSendable { why: NOT_JSON },
        Some(request) if request.id.is_some_and(is_reserved) => Screening::NotSendable { why: RESERVED },
        Some(request) => method(&request.method.text(), request.params),
    }
}

/// Screens a request that is still to become a line; its parameters must be an object.
pub(super) fn request(name: &str, params: &str) -> Screening {
    match read_object::<Raw<'_>>(params) {
        Some(params) => method(name, Some(params)),
        None => Screening::NotSendable { why: PARAMS },
    }
}

/// Case is ignored: whether the venue ignores it too is unknown.
fn method(name: &str, params: Option<Raw<'_>>) -> Screening {
    let plain = name.trim().to_ascii_lowercase();
    match plain.as_str() {
        wire::UNSUBSCRIBE if touches_user_channel(params) => breaks(name, NEVER_UNSUBSCRIBE),
        wire::ARM => breaks(name, "the guard has armed it; ask with private/get-cancel-on-disconnect"),
        wire::LOGIN => breaks(name, "the guard logs this connection in by itself"),
        wire::ANSWER_HEARTBEAT => breaks(name, "the guard answers every heartbeat by itself"),
        wire::SUBSCRIBE | wire::UNSUBSCRIBE => Screening::Harmless,
        wire::CANCEL_ALL | wire::CANCEL_ALL_ADVANCED => Screening::Cancel,
        "private/cancel-order"
        | "private/cancel-order-list"
        | "private/advanced/cancel-order"
        | "private/advanced/cancel-order-list" => Screening::Cancel,
        _ if is_reading(&plain) => Screening::Harmless,
        _ => Screening::Order,
    }
}

const NEVER_UNSUBSCRIBE: &str =
    "Crypto.com takes it for a disconnect and cancels the orders; leave the channel subscribed";

fn breaks(name: &str, instead: &'static str) -> Screening {
    Screening::BreaksProtection { method: venue_text(name), instead }
}

fn is_reading(name: &str) -> bool {
    let last = name.strip_prefix("private/advanced/").or_else(|| name.strip_prefix("private/"));
    name.starts_with("public/") || last.is_some_and(|last| last.starts_with("get-") || last.starts_with("user-balance"))
}

/// True unless every channel is readable and surely none is a user channel.
fn touches_user_channel(params: Option<Raw<'_>>) -> bool {
    #[derive(Deserialize)]
    struct Channels {
        channels: Vec<String>,
    }
    let Some(named) = params.and_then(Raw::read_object::<Channels>) else { return true };
    named.channels.iter().any(|channel| channel.trim().to_ascii_lowercase().starts_with("user"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_cancels_and_readings_are_told_apart() {
        for (name, expected) in [
            ("private/create-order", Screening::Order),
            ("private/create-order-list", Screening::Order),
            ("private/amend-order", Screening::Order),
            ("private/batch-order-request", Screening::Order),
            ("private/close-position", Screening::Order),
            ("private/advanced/create-oco", Screening::Order),
            ("private/something-new", Screening::Order),
            ("private/cancel-order", Screening::Cancel),
            ("private/cancel-all-orders", Screening::Cancel),
            ("private/advanced/cancel-all-orders", Screening::Cancel),
            ("private/get-open-orders", Screening::Harmless),
            ("private/get-cancel-on-disconnect", Screening::Harmless),
            ("private/user-balance", Screening::Harmless),
            ("subscribe", Screening::Harmless),
            ("public/get-instruments", Screening::Harmless),
        ] {
            assert_eq!(request(name, "{}"), expected, "{name}");
            assert_eq!(line(&format!(r#"{{"id":1,"method":"{name}","params":{{}}}}"#)), expected, "{name}");
        }
    }

    #[test]
    fn no_spelling_of_an_unsubscribe_from_a_user_channel_slips_through() {
        for text in [
            r#"{"id":1,"method":"unsubscribe","params":{"channels":["user.trade"]}}"#,
            r#"{ "params" : {"channels":["book.X","user.order.BTC_USD"]} , "method" : "unsubscribe" }"#,
            r#"{"id":1,"meth\u006fd":"\u0075nsubscribe","params":{"channels":["\u0075ser.balance"]}}"#,
            r#"{"id":1,"method":"unsubscribe","params":{"channels":"user.order"}}"#,
            r#"{"id":1,"method":"unsubscribe"}"#,
            r#"{"id":1,"method":" Unsubscribe ","params":{"channels":[" USER.order"]}}"#,
        ] {
            assert!(matches!(line(text), Screening::BreaksProtection { .. }), "{text}");
        }
        let market = r#"{"id":1,"method":"unsubscribe","params":{"channels":["book.BTC_USD.10"]}}"#;
        assert_eq!(line(market), Screening::Harmless);
    }

    #[test]
    fn what_the_guard_does_itself_is_not_the_applications_to_do() {
        for name in ["private/set-cancel-on-disconnect", "public/auth", "public/respond-heartbeat"] {
            assert!(matches!(request(name, "{}"), Screening::BreaksProtection { .. }), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_request_or_wears_our_id_is_not_sendable() {
        for text in [
            "",
            "ping",
            "[1]",
            r#"["private/create-order"]"#,
            r#"{"id":1}"#,
            r#"{"id":8000000000000001,"method":"private/create-order"}"#,
            r#"{"method":"private/create-order","id":"8000000000000001"}"#,
            r#"{"id":8e15,"method":"private/create-order"}"#,
            r#"{"id":1,"method":"public/get-trades","method":"private/create-order"}"#,
            r#"{"id":1,"method":"private/create-order"} {"id":2}"#,
        ] {
            assert!(matches!(line(text), Screening::NotSendable { .. }), "{text}");
        }
        assert!(matches!(request("private/create-order", "[]"), Screening::NotSendable { .. }));
        assert!(matches!(request("private/create-order", "{"), Screening::NotSendable { .. }));
    }
}
