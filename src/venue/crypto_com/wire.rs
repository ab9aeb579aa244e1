//! Crypto.com's messages, written and read. One envelope serves the websocket and HTTP. Not here: what follows from a
//! message (`script.rs`, `mod.rs`) and what the application may send (`screen.rs`).
//!
//! <https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html>, "Common API Reference" and "Digital Signature".

use crate::model::{Credentials, WallTime};
use crate::venue::OpenOrder;
use crate::venue::json::{Raw, push_string, push_u64, read_object};
use crate::venue::sign::hmac_sha256_hex;
use serde::Deserialize;
use serde_json::Value;

pub(super) const LOGIN: &str = "public/auth";
pub(super) const HEARTBEAT: &str = "public/heartbeat";
pub(super) const ANSWER_HEARTBEAT: &str = "public/respond-heartbeat";
pub(super) const ARM: &str = "private/set-cancel-on-disconnect";
pub(super) const READ_BACK: &str = "private/get-cancel-on-disconnect";
pub(super) const SUBSCRIBE: &str = "subscribe";
pub(super) const UNSUBSCRIBE: &str = "unsubscribe";
pub(super) const CANCEL_ALL: &str = "private/cancel-all-orders";
/// Trigger, OCO and OTO orders live in a namespace of their own and survive `private/cancel-all-orders`.
pub(super) const CANCEL_ALL_ADVANCED: &str = "private/advanced/cancel-all-orders";
pub(super) const OPEN_ORDERS: &str = "private/get-open-orders";

/// The only scope of v1: orders created on this connection.
const SCOPE: &str = "CONNECTION";
pub(super) const ARM_PARAMS: &str = r#"{"scope":"CONNECTION"}"#;

/// Any message of the venue. No field may be relied upon: heartbeats were captured without `code`, and errors that
/// belong to no request come with id -1 and method `ERROR`. Numbers may arrive as strings.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow, default)]
    pub id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    method: Option<Raw<'a>>,
    #[serde(borrow, default)]
    code: Option<Raw<'a>>,
    #[serde(borrow, default)]
    result: Option<Raw<'a>>,
    #[serde(borrow, default)]
    message: Option<Raw<'a>>,
}

impl<'a> Frame<'a> {
    /// Reads a message; `None` when it is not a JSON object.
    pub fn read(line: &'a str) -> Option<Self> {
        read_object(line)
    }

    pub fn is(&self, method: &str) -> bool {
        self.method.is_some_and(|named| named.text() == method)
    }

    /// The id exactly as it arrived, if it is something that can be echoed: a number or a string.
    pub fn id_token(&self) -> Option<&'a str> {
        let token = self.id?.token();
        token.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit()).then_some(token)
    }

    /// The response code; `None` when there is none or it is no number.
    pub fn code(&self) -> Option<i64> {
        self.code.and_then(Raw::as_i64)
    }

    /// The code as text for a refusal; empty when there is none.
    pub fn code_text(&self) -> &'a str {
        self.code.map_or("", Raw::bare)
    }

    /// What the venue says in words. Some successes say `NO_ERROR`, which is nothing.
    pub fn message(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.message.map(Raw::text).filter(|text| !text.is_empty() && text != "NO_ERROR")
    }

    /// True when this acknowledges or confirms that the switch is on: code 0 and the scope we asked for.
    pub fn says_switch_is_on(&self) -> bool {
        #[derive(Deserialize)]
        struct Scope<'a> {
            #[serde(borrow, default)]
            scope: Option<Raw<'a>>,
        }
        let scope = self.result.and_then(Raw::read_object::<Scope<'_>>).and_then(|result| result.scope);
        self.code() == Some(0) && scope.is_some_and(|scope| scope.text() == SCOPE)
    }

    /// The open orders this lists; `None` when it holds no list. An order of which nothing is understood is still
    /// counted, with empty names.
    pub fn open_orders(&self) -> Option<Vec<OpenOrder>> {
        #[derive(Deserialize)]
        struct Listing<'a> {
            #[serde(borrow)]
            data: Vec<Raw<'a>>,
        }
        let listing = self.result?.read_object::<Listing<'_>>()?;
        Some(listing.data.into_iter().map(open_order).collect())
    }
}

fn open_order(item: Raw<'_>) -> OpenOrder {
    #[derive(Deserialize, Default)]
    struct Item<'a> {
        #[serde(borrow, default)]
        order_id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        client_oid: Option<Raw<'a>>,
        #[serde(borrow, default)]
        instrument_name: Option<Raw<'a>>,
    }
    let item = item.read_object::<Item<'_>>().unwrap_or_default();
    let text = |field: Option<Raw<'_>>| field.map_or_else(String::new, |field| field.text().into_owned());
    OpenOrder {
        order_id: text(item.order_id),
        client_id: text(item.client_oid),
        instrument: text(item.instrument_name),
    }
}

/// The id of a heartbeat in the two forms captured on production, character by character; `None` for everything else,
/// which then goes through the full decoder. Nothing but a heartbeat can match: the whole line is compared.
pub(super) fn plain_heartbeat_id(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(r#"{"id":"#)?;
    let (id, tail) = rest.split_at(rest.bytes().position(|byte| !byte.is_ascii_digit())?);
    let known = tail == r#","method":"public/heartbeat"}"# || tail == r#","method":"public/heartbeat","code":0}"#;
    // A leading zero is no JSON number; the decoder may say what it is.
    (known && !id.is_empty() && !id.starts_with('0')).then_some(id)
}

/// Answers a heartbeat with its own id, exactly as it arrived. No signature, no reply.
pub(super) fn push_heartbeat_answer(line: &mut String, id_token: &str) {
    line.push_str(r#"{"id":"#);
    line.push_str(id_token);
    line.push_str(r#","method":""#);
    line.push_str(ANSWER_HEARTBEAT);
    line.push_str(r#""}"#);
}

/// A request on the logged-in websocket: neither key nor signature, which the venue would refuse after login.
pub(super) fn push_request(line: &mut String, id: u64, method: &str, params: &str, nonce: WallTime) {
    push_head(line, id, method);
    line.push_str(r#","params":"#);
    line.push_str(params);
    push_nonce(line, nonce);
    line.push('}');
}

/// A signed request: `public/auth` on the websocket (without `params`), everything private over HTTP.
pub(super) fn push_signed(
    line: &mut String,
    id: u64,
    method: &str,
    params: Option<&str>,
    nonce: WallTime,
    credentials: &Credentials,
) {
    push_head(line, id, method);
    if let Some(params) = params {
        line.push_str(r#","params":"#);
        line.push_str(params);
    }
    line.push_str(r#","api_key":"#);
    push_string(line, &credentials.key);
    line.push_str(r#","sig":""#);
    line.push_str(&signature(method, id, params.unwrap_or("{}"), nonce.millis(), credentials));
    line.push('"');
    push_nonce(line, nonce);
    line.push('}');
}

fn push_head(line: &mut String, id: u64, method: &str) {
    line.push_str(r#"{"id":"#);
    push_u64(line, id);
    line.push_str(r#","method":"#);
    push_string(line, method);
}

fn push_nonce(line: &mut String, nonce: WallTime) {
    line.push_str(r#","nonce":"#);
    push_u64(line, nonce.millis());
}

/// "Digital Signature": HMAC-SHA256 over method, id, key, parameters and nonce, nothing between them.
fn signature(method: &str, id: u64, params: &str, nonce_ms: u64, credentials: &Credentials) -> String {
    let mut text = format!("{method}{id}{}", credentials.key);
    push_param_string(&mut text, &serde_json::from_str(params).unwrap_or(Value::Null));
    push_u64(&mut text, nonce_ms);
    hmac_sha256_hex(credentials.secret.reveal(), &text)
}

/// The recursive rule of the vendor's JavaScript sample and command line client. (Its Java sample renders arrays
/// inside arrays differently, so nothing that nests them is ever signed here.)
fn push_param_string(text: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (name, value) in fields {
                text.push_str(name);
                push_param_string(text, value);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| push_param_string(text, element)),
        Value::String(string) => text.push_str(string),
        Value::Number(_) | Value::Bool(_) | Value::Null => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn sign(key: (&str, &str), method: &str, id: u64, params: &str, nonce: u64) -> String {
        let credentials = Credentials::new(key.0, Secret::new(key.1.into()), None).unwrap();
        signature(method, id, params, nonce, &credentials)
    }

    const DUMMY: (&str, &str) = ("KILLCORDDUMMYKEY0001", "killcord-dummy-secret-0001");

    #[test]
    fn vector_a_login_without_parameters() {
        let expected = "5bff10556d78accd324c17db0ecde3f6284147493a19f57ad690c1575f4d2bce";
        assert_eq!(sign(DUMMY, "public/auth", 1, "{}", 1_700_000_000_000), expected);
    }

    #[test]
    fn vector_b_the_inputs_of_the_vendors_java_sample() {
        let expected = "9dcebf6eeec155f829227ee447dee73120e0aead42fab74d38ed5d8271793dc8";
        assert_eq!(sign(("token", "secretKey"), "public/auth", 11, "{}", 1_589_594_102_779), expected);
    }

    #[test]
    fn vector_c_asserted_by_an_independent_client() {
        let expected = "686978ec793e35bef9c01ef80250ceb3c061dd994ea1e917e10f3e7be9f75ff4";
        assert_eq!(sign(("my_key", "my_secret"), "foo", 2, "{}", 1), expected);
    }

    #[test]
    fn vector_d_one_parameter() {
        let expected = "5e48ad687c9d915fda1a0657f8c264a775e03280a48c2b3a848e999438b2062e";
        let params = r#"{"order_id":"53287421324"}"#;
        assert_eq!(sign(DUMMY, "private/get-order-detail", 11, params, 1_587_846_358_253), expected);
    }

    #[test]
    fn vector_e_keys_are_sorted_and_arrays_have_nothing_between() {
        let expected = "4ab8b84c505e4456146c1f13150e7ec92649dd0ab2a53cac6cedfd1340c8abcd";
        let params = r#"{"instrument_name":"BTC_USD","side":"BUY","type":"LIMIT","price":"20000.5","quantity":"0.0100",
            "client_oid":"kc-0001","exec_inst":["POST_ONLY"],"time_in_force":"GOOD_TILL_CANCEL"}"#;
        assert_eq!(sign(DUMMY, "private/create-order", 7, params, 1_700_000_000_123), expected);
    }

    #[test]
    fn vector_f_objects_inside_an_array_and_null() {
        let expected = "981230795b8443c164af123e0314c5c325241c4b002de7862d02306d9897c0a7";
        let params = r#"{"contingency_type":"LIST","order_list":[{"instrument_name":"BTC_USD","order_id":"18342311"},
            {"order_id":"18342312","instrument_name":"BTC_USD","client_oid":null}]}"#;
        assert_eq!(sign(DUMMY, "private/cancel-order-list", 8, params, 1_700_000_000_456), expected);
    }

    #[test]
    fn vector_g_empty_parameters_sign_as_nothing() {
        let expected = "7db69f9bb3606b5b0572fc1372bc6a4d4771520e2705bedd470288095eb59225";
        assert_eq!(sign(DUMMY, "private/user-balance", 9, "{}", 1_700_000_000_789), expected);
    }

    #[test]
    fn only_a_whole_plain_heartbeat_takes_the_short_way() {
        assert_eq!(plain_heartbeat_id(r#"{"id":1696269422236,"method":"public/heartbeat"}"#), Some("1696269422236"));
        assert_eq!(
            plain_heartbeat_id(r#"{"id":1587523073344,"method":"public/heartbeat","code":0}"#),
            Some("1587523073344")
        );
        for line in [
            r#"{"id":1,"method":"public/heartbeat","code":0,"message":"x"}"#,
            r#"{"id":,"method":"public/heartbeat"}"#,
            r#"{"id":"1","method":"public/heartbeat"}"#,
            r#"{"id":-1,"method":"public/heartbeat"}"#,
            r#"{"id":01,"method":"public/heartbeat"}"#,
            r#"{"id":1"#,
            "",
        ] {
            assert_eq!(plain_heartbeat_id(line), None, "{line}");
        }
    }
}
