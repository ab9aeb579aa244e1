//! What an application's own request would do on the Kraken link, and how it becomes a line. Decided on decoded JSON, so
//! key order, white space and escapes change nothing; a method nobody has heard of counts as an order, because a new one
//! might be.

use super::wire;
use crate::model::Misuse;
use crate::venue::Screening;
use crate::venue::json::{Raw, clean, push_string, push_u64, read_object};
use crate::venue::requests::is_reserved;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

const NOT_AN_OBJECT: &str = "it is not one JSON object with every key once";
const PARAMS: &str = "the parameters are not one JSON object with every key once";
const RESERVED: &str = "its req_id is in the range killcord keeps for itself (8000000000000000 and up)";
const NO_METHOD: &str = "it has no method";
const NO_CHANNEL: &str = "it does not say from which channel";
const DISARM_INSTEAD: &str = "call farewell() to end and keep the orders, or maintenance() to take the switch off";
const KEEP_EXECUTIONS: &str = "the guard needs this subscription: without any Kraken closes the link";

/// Screens a whole line.
pub(super) fn line(line: &str) -> Screening {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        method: Option<Raw<'a>>,
        #[serde(borrow)]
        params: Option<Raw<'a>>,
        #[serde(borrow)]
        req_id: Option<Raw<'a>>,
    }
    let refused = |why| Screening::NotSendable { why };
    // Duplicate keys are refused by the decoder: which of them the venue would take is anybody's guess.
    let Some(request) = read_object::<Request<'_>>(line) else { return refused(NOT_AN_OBJECT) };
    if request.req_id.is_some_and(is_reserved) {
        return refused(RESERVED);
    }
    let Some(method) = request.method else { return refused(NO_METHOD) };
    match Params::read(request.params.map_or("", Raw::token)) {
        Ok(params) => classify(&method.text(), &params),
        Err(_) => refused(PARAMS),
    }
}

/// Screens a request that is still to become a line. Letter case is ignored: whether Kraken does is unknown.
pub(super) fn classify(method: &str, params: &Params<'_>) -> Screening {
    let plain = method.trim().to_ascii_lowercase();
    match plain.as_str() {
        wire::TIMER => Screening::BreaksProtection { method: clean(method), instead: DISARM_INSTEAD },
        "unsubscribe" => match params.channel.as_deref() {
            None => Screening::NotSendable { why: NO_CHANNEL },
            Some(channel) if channel.trim().eq_ignore_ascii_case(wire::EXECUTIONS) => {
                Screening::BreaksProtection { method: "unsubscribe executions".to_owned(), instead: KEEP_EXECUTIONS }
            }
            Some(_) => Screening::Harmless,
        },
        wire::CANCEL_ORDER | wire::CANCEL_ALL | "batch_cancel" => Screening::Cancel,
        wire::SUBSCRIBE | "ping" => Screening::Harmless,
        "" => Screening::NotSendable { why: NO_METHOD },
        // add_order, batch_add, amend_order, edit_order, and whatever Kraken adds.
        _ => Screening::Order,
    }
}

/// Writes a request. `token` is put into the parameters; without any parameters the key is left out, because Kraken
/// refuses a ping that has it.
pub(super) fn write(method: &str, params: &Params<'_>, token: Option<&str>, id: u64) -> String {
    const ENVELOPE_LENGTH: usize = 128;
    let mut line = String::with_capacity(params.inner.len() + method.len() + ENVELOPE_LENGTH);
    line.push_str(r#"{"method":"#);
    push_string(&mut line, method);
    if !params.inner.is_empty() || token.is_some() {
        line.push_str(r#","params":{"#);
        line.push_str(params.inner);
        if let Some(token) = token {
            line.push_str(if params.inner.is_empty() { r#""token":"# } else { r#","token":"# });
            push_string(&mut line, token);
        }
        line.push('}');
    }
    line.push_str(r#","req_id":"#);
    push_u64(&mut line, id);
    line.push('}');
    line
}

/// What must be known of a request's parameters.
pub(super) struct Params<'a> {
    /// The text between the braces.
    inner: &'a str,
    channel: Option<String>,
    has_token: bool,
}

impl<'a> Params<'a> {
    /// Reads the text of an object; nothing and `null` are an empty one.
    pub(super) fn read(text: &'a str) -> Result<Self, Misuse> {
        let text = text.trim();
        if text.is_empty() || text == "null" {
            return Ok(Self { inner: "", channel: None, has_token: false });
        }
        let keys: Keys = serde_json::from_str(text).map_err(|_| Misuse::NotSendable { why: PARAMS })?;
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().trim();
        Ok(Self { inner, channel: keys.channel, has_token: keys.has_token })
    }

    /// True when the method is private and the parameters lack the token that it needs.
    pub(super) fn lack_token(&self, method: &str) -> bool {
        !self.has_token
            && match method {
                "ping" => false,
                wire::SUBSCRIBE | "unsubscribe" => {
                    matches!(self.channel.as_deref(), Some(wire::EXECUTIONS | "balances" | "level3"))
                }
                _ => true,
            }
    }
}

/// The keys of the parameters that matter, escapes resolved.
#[derive(Default)]
struct Keys {
    channel: Option<String>,
    has_token: bool,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeyReader)
    }
}

struct KeyReader;

impl<'de> Visitor<'de> for KeyReader {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut seen = BTreeSet::new();
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "channel" {
                keys.channel = Some(map.next_value()?);
            } else {
                keys.has_token |= key == "token";
                map.next_value::<IgnoredAny>()?;
            }
            if !seen.insert(key) {
                return Err(A::Error::custom("a key appears twice"));
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, params: &str) -> Screening {
        classify(method, &Params::read(params).unwrap())
    }

    #[test]
    fn orders_cancels_and_readings_are_told_apart() {
        for (method, expected) in [
            ("add_order", Screening::Order),
            ("batch_add", Screening::Order),
            ("amend_order", Screening::Order),
            ("edit_order", Screening::Order),
            ("something_new", Screening::Order),
            ("cancel_order", Screening::Cancel),
            ("cancel_all", Screening::Cancel),
            ("batch_cancel", Screening::Cancel),
            ("subscribe", Screening::Harmless),
            ("ping", Screening::Harmless),
        ] {
            assert_eq!(kind(method, "{}"), expected, "{method}");
            assert_eq!(line(&format!(r#"{{"method":"{method}","params":{{}},"req_id":1}}"#)), expected, "{method}");
        }
    }

    #[test]
    fn no_spelling_of_the_timer_or_of_leaving_executions_slips_through() {
        for text in [
            r#"{"method":"cancel_all_orders_after","params":{"timeout":0}}"#,
            r#"{"method":"cancel_all_orders_after","params":{"timeout":60}}"#,
            "\n { \"params\" : {\"timeout\":0} , \"method\" : \"cancel_all_orders_after\" } ",
            r#"{"meth\u006fd":"\u0063ancel_all_orders_after","params":{}}"#,
            r#"{"method":" Cancel_All_Orders_After "}"#,
            r#"{"method":"unsubscribe","params":{"channel":"executions"}}"#,
            r#"{"params":{"ch\u0061nnel":"\u0065xecutions"},"method":"unsubscribe"}"#,
            r#"{"method":"UNSUBSCRIBE","params":{"channel":"Executions"}}"#,
        ] {
            assert!(matches!(line(text), Screening::BreaksProtection { .. }), "{text}");
        }
        let other = r#"{"method":"unsubscribe","params":{"channel":"ticker"}}"#;
        assert_eq!(line(other), Screening::Harmless);
    }

    #[test]
    fn what_is_not_a_request_or_wears_our_id_is_not_sendable() {
        for text in [
            "",
            "ping",
            "[1]",
            r#"["add_order",{},1]"#,
            r#"{"params":{}}"#,
            r#"{"method":""}"#,
            r#"{"method":"ping","method":"add_order"}"#,
            r#"{"method":"ping"} {"method":"add_order"}"#,
            r#"{"method":"ping","req_id":8000000000000001}"#,
            r#"{"method":"ping","req_id":8.000000000000001e15}"#,
            r#"{"method":"add_order","params":[]}"#,
            r#"{"method":"add_order","params":{"a":1,"\u0061":2}}"#,
            r#"{"method":"unsubscribe","params":{}}"#,
            r#"{"method":"unsubscribe","params":{"channel":["executions"]}}"#,
        ] {
            assert!(matches!(line(text), Screening::NotSendable { .. }), "{text}");
        }
    }

    #[test]
    fn the_token_is_added_where_it_is_needed_and_missing() {
        let written = |method: &str, params: &str| {
            let params = Params::read(params).unwrap();
            write(method, &params, params.lack_token(method).then_some("T\"K"), 5)
        };
        for (method, params, expected) in [
            ("cancel_all", "", r#"{"method":"cancel_all","params":{"token":"T\"K"},"req_id":5}"#),
            ("cancel_all", "{ }", r#"{"method":"cancel_all","params":{"token":"T\"K"},"req_id":5}"#),
            ("add_order", r#" {"a":1} "#, r#"{"method":"add_order","params":{"a":1,"token":"T\"K"},"req_id":5}"#),
            ("add_order", r#"{"token":"x"}"#, r#"{"method":"add_order","params":{"token":"x"},"req_id":5}"#),
            ("ping", "{}", r#"{"method":"ping","req_id":5}"#),
            ("ping", "null", r#"{"method":"ping","req_id":5}"#),
            (
                "subscribe",
                r#"{"channel":"ticker"}"#,
                r#"{"method":"subscribe","params":{"channel":"ticker"},"req_id":5}"#,
            ),
            (
                "subscribe",
                r#"{"channel":"balances"}"#,
                r#"{"method":"subscribe","params":{"channel":"balances","token":"T\"K"},"req_id":5}"#,
            ),
        ] {
            assert_eq!(written(method, params), expected);
        }
    }
}
