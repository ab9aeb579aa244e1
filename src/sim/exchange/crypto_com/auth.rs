//! Who may do what at the embedded Crypto.com: the signature (specification, section 3), the nonce window, revoked keys
//! and missing permissions.

use super::wire::{Refused, Request};
use crate::model::Now;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{Account, Floor};
use serde_json::{Map, Value};

/// A nonce may be this far from the venue's clock, in either direction.
const NONCE_WINDOW_MS: u64 = 60_000;
/// From this depth on the vendor's Java sample writes a list as its own text.
const JAVA_DEPTH: u32 = 3;

/// Two of the vendor's three samples; they differ only in lists within lists, and the third one crashes there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sample {
    JavaScript,
    Java,
}

/// The account that signed this request.
pub fn verify<'a>(floor: &'a Floor, now: Now, request: &Request) -> Result<&'a Account, Refused> {
    let unauthorized = || Refused::new(40_101);
    let account = request.api_key.as_deref().and_then(|key| floor.accounts.get(key)).ok_or_else(unauthorized)?;
    let given = request.sig.as_deref().ok_or_else(unauthorized)?;
    let signed = |sample| hmac_sha256_hex(account.secret.as_bytes(), payload(request, sample).as_bytes()) == given;
    if !account.valid || !(signed(Sample::JavaScript) || signed(Sample::Java)) {
        return Err(unauthorized());
    }
    check_nonce(request.nonce, now)?;
    if account.lacks.iter().any(|lack| lack == "ip") {
        return Err(Refused::new(40_103));
    }
    Ok(account)
}

/// Refuses what this key has no permission for.
pub fn permit(account: &Account, method: &str) -> Result<(), Refused> {
    let trading = ["create", "cancel", "amend", "close", "advanced"].iter().any(|word| method.contains(word));
    let lacks = |words: [&str; 2]| account.lacks.iter().any(|lack| words.contains(&lack.as_str()));
    if trading && lacks(["trade", "Can Trade"]) || !trading && lacks(["read", "Can Read"]) {
        return Err(Refused::new(40_101));
    }
    Ok(())
}

fn check_nonce(nonce: Option<u64>, now: Now) -> Result<(), Refused> {
    match nonce {
        Some(nonce) if nonce.abs_diff(now.wall.millis()) <= NONCE_WINDOW_MS => Ok(()),
        Some(_) | None => Err(Refused::new(40_102)),
    }
}

fn payload(request: &Request, sample: Sample) -> String {
    let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
    let key = request.api_key.as_deref().unwrap_or_default();
    let mut text = format!("{}{}{key}", request.method, number(request.id));
    push_object(&mut text, &request.params, sample, 0);
    text + &number(request.nonce)
}

fn push_object(text: &mut String, object: &Map<String, Value>, sample: Sample, depth: u32) {
    let mut keys: Vec<&String> = object.keys().collect();
    keys.sort();
    for key in keys {
        text.push_str(key);
        push_value(text, &object[key], sample, depth + 1);
    }
}

fn push_value(text: &mut String, value: &Value, sample: Sample, depth: u32) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number_text(number)),
        Value::String(word) => text.push_str(word),
        Value::Array(items) if sample == Sample::Java && depth >= JAVA_DEPTH => push_java_list(text, items),
        Value::Array(items) => items.iter().for_each(|item| push_value(text, item, sample, depth + 1)),
        Value::Object(fields) => push_object(text, fields, sample, depth),
    }
}

/// Java's own text of a list of words: `[POST_ONLY, REDUCE_ONLY]`.
fn push_java_list(text: &mut String, items: &[Value]) {
    let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    text.push_str(&format!("[{}]", words.join(", ")));
}

/// `1.0` signs as `1`, as in both samples.
fn number_text(number: &serde_json::Number) -> String {
    match (number.is_f64(), number.as_f64()) {
        (true, Some(float)) => float.to_string(),
        (true, None) | (false, _) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, TimeFactor, WallTime};

    /// The worked vectors A, B, C, E, F and G of the specification, section 3.
    #[test]
    fn the_published_vectors_verify() {
        let (key, secret) = ("KILLCORDDUMMYKEY0001", "killcord-dummy-secret-0001");
        let order = r#"{"instrument_name":"BTC_USD","side":"BUY","type":"LIMIT","price":"20000.5","quantity":"0.0100","client_oid":"kc-0001","exec_inst":["POST_ONLY"],"time_in_force":"GOOD_TILL_CANCEL"}"#;
        let list = r#"{"contingency_type":"LIST","order_list":[{"instrument_name":"BTC_USD","order_id":"18342311"},{"order_id":"18342312","instrument_name":"BTC_USD","client_oid":null}]}"#;
        let vectors = [
            (
                key,
                secret,
                "public/auth",
                1,
                "{}",
                1_700_000_000_000,
                "5bff10556d78accd324c17db0ecde3f6284147493a19f57ad690c1575f4d2bce",
            ),
            (
                "token",
                "secretKey",
                "public/auth",
                11,
                "{}",
                1_589_594_102_779,
                "9dcebf6eeec155f829227ee447dee73120e0aead42fab74d38ed5d8271793dc8",
            ),
            (
                "my_key",
                "my_secret",
                "foo",
                2,
                "{}",
                1,
                "686978ec793e35bef9c01ef80250ceb3c061dd994ea1e917e10f3e7be9f75ff4",
            ),
            (
                key,
                secret,
                "private/create-order",
                7,
                order,
                1_700_000_000_123,
                "4ab8b84c505e4456146c1f13150e7ec92649dd0ab2a53cac6cedfd1340c8abcd",
            ),
            (
                key,
                secret,
                "private/cancel-order-list",
                8,
                list,
                1_700_000_000_456,
                "981230795b8443c164af123e0314c5c325241c4b002de7862d02306d9897c0a7",
            ),
            (
                key,
                secret,
                "private/user-balance",
                9,
                "{}",
                1_700_000_000_789,
                "7db69f9bb3606b5b0572fc1372bc6a4d4771520e2705bedd470288095eb59225",
            ),
        ];
        for (key, secret, method, id, params, nonce, sig) in vectors {
            let mut floor = Floor::new(TimeFactor::REAL);
            floor.add_account(key, secret, "main");
            let text = format!(
                r#"{{"id":{id},"method":"{method}","params":{params},"nonce":{nonce},"api_key":"{key}","sig":"{sig}"}}"#
            );
            let Ok(request) = Request::read(&text) else { panic!("{text}") };
            let now = Now { at: Moment::default(), wall: WallTime::from_millis(nonce) };
            assert_eq!(verify(&floor, now, &request).map(|a| a.name.as_str()), Ok("main"), "{method}");
            let broken = Request { sig: Some(sig.replace('5', "6")), ..request };
            assert_eq!(verify(&floor, now, &broken).unwrap_err().code, 40_101);
        }
    }

    #[test]
    fn a_list_within_a_list_may_be_signed_like_javascript_or_like_java() {
        let text = r#"{"id":1,"method":"m","params":{"order_list":[{"exec_inst":["POST_ONLY"]}]},"nonce":2}"#;
        let Ok(request) = Request::read(text) else { panic!() };
        assert_eq!(payload(&request, Sample::JavaScript), "m1order_listexec_instPOST_ONLY2");
        assert_eq!(payload(&request, Sample::Java), "m1order_listexec_inst[POST_ONLY]2");
    }

    #[test]
    fn the_nonce_window_is_sixty_seconds_either_way() {
        let now = Now { at: Moment::default(), wall: WallTime::from_millis(1_700_000_060_000) };
        for (nonce, good) in [(0, true), (120_000, true), (120_001, false)] {
            assert_eq!(check_nonce(Some(1_700_000_000_000 + nonce), now).is_ok(), good);
        }
        assert!(check_nonce(Some(1_699_999_999_999), now).is_err());
        assert!(check_nonce(None, now).is_err());
    }
}
