//! A message of any of the four venues as one line: what it is called, and what it says. Left out is what nobody can read or
//! may see: ids, times, nonces, keys, tokens, signatures. It reads JSON and nothing of any venue.

use serde_json::{Map, Value};

/// What a line that was heard says, in short.
pub fn heard(text: &str) -> String {
    cut(&said(text), HEARD)
}

/// What a line or a body says.
pub fn said(text: &str) -> String {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return form(text) };
    let mut words: Vec<String> = called(&message).into_iter().collect();
    leaves(None, &message, &mut words);
    short(&words.join(" "))
}

/// The same for a body, which need not say what its path says.
pub fn said_by_body(text: &str, path: &str) -> String {
    let said = said(text);
    let name = name(text).filter(|name| path.ends_with(name.as_str()));
    name.and_then(|name| said.strip_prefix(&name)).map_or_else(|| said.clone(), |rest| rest.trim_start().to_owned())
}

/// The same for the body of an answer, in short.
pub fn answered(text: &str, path: &str) -> String {
    cut(&said_by_body(text, path), HEARD)
}

/// What a message is called.
pub fn name(text: &str) -> Option<String> {
    called(&serde_json::from_str(text).ok()?)
}

/// True when a message says itself what it is.
pub fn is_named(text: &str) -> bool {
    name(text).is_some()
}

/// The number that joins question and answer.
pub fn id(text: &str) -> Option<String> {
    let message: Value = serde_json::from_str(text).ok()?;
    Some(message.get("id")?.to_string())
}

/// A path without what its query holds of ids and times.
pub fn path(text: &str) -> String {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    format!("{path} {}", form(query)).trim_end().to_owned()
}

/// What a message is called: its method, operation, channel or topic.
fn called(message: &Value) -> Option<String> {
    let of = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
    NAMES.into_iter().find_map(of)
}

const NAMES: [&str; 4] = ["method", "op", "channel", "topic"];
/// So many characters of a message that was heard are shown.
const HEARD: usize = 90;
/// So many characters of a message are shown.
const LONG: usize = 170;
/// Nobody can read them, or may.
const LEFT_OUT: [&str; 36] = [
    "warnings",
    "timeSecond",
    "timeNano",
    "id",
    "req_id",
    "reqId",
    "jsonrpc",
    "usIn",
    "usOut",
    "usDiff",
    "testnet",
    "nonce",
    "sig",
    "signature",
    "api_key",
    "client_id",
    "token",
    "access_token",
    "refresh_token",
    "state",
    "data",
    "conn_id",
    "connId",
    "time_in",
    "time_out",
    "currentTime",
    "triggerTime",
    "timestamp",
    "time",
    "creationTime",
    "ts",
    "expires_in",
    "expires",
    "sid",
    "header",
    "retExtInfo",
];
/// Times in milliseconds and more.
const STAMP: f64 = 1e11;

fn leaves(key: Option<&str>, value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(map) => object(map, words),
        Value::Array(list) => {
            let scalars: Vec<String> = list.iter().filter_map(scalar).collect();
            if key == Some("args") && list.len() == 1 && list[0].is_object() {
                return leaves(None, &list[0], words);
            }
            let text = if list.iter().any(Value::is_object) || list.iter().any(Value::is_array) {
                format!("{} rows", list.len())
            } else {
                scalars.join(",")
            };
            if !text.is_empty() || list.is_empty() {
                words.push(format!("{}=[{text}]", key.unwrap_or("list")));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            words.extend(scalar(value).map(|text| key.map_or_else(|| text.clone(), |key| format!("{key}={text}"))));
        }
    }
}

fn object(map: &Map<String, Value>, words: &mut Vec<String>) {
    for (key, value) in map.iter().filter(|(key, _)| !NAMES.contains(&key.as_str())) {
        if !LEFT_OUT.contains(&key.as_str()) {
            leaves(Some(key), value, words);
        }
    }
}

/// None where it is empty, a time, or too long to be a word.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.as_f64().is_some_and(|number| number.abs() >= STAMP) => return None,
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return None,
    };
    let readable = !text.is_empty() && text.len() <= 80 && !text.split(' ').any(is_random);
    let is_time = text.len() >= 12 && text.bytes().all(|b| b.is_ascii_digit());
    (readable && !is_time).then_some(text)
}

/// Keys, tokens, signatures, long ids.
fn is_random(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    word.len() > 16 && digits > 1
}

fn form(text: &str) -> String {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let kept =
        pairs.filter(|(key, value)| !LEFT_OUT.contains(key) && scalar(&Value::String((*value).into())).is_some());
    short(&kept.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
}

fn short(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&clean, LONG)
}

fn cut(text: &str, long: usize) -> String {
    if text.chars().count() <= long {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(long).collect::<String>().trim_end())
}

#[test]
fn what_is_secret_or_unreadable_is_left_out_and_the_rest_is_told() {
    let line = r#"{"id":8000000000000001,"method":"public/auth","nonce":1780000000120,"api_key":"k","sig":"ab12",
        "params":{"scope":"CONNECTION","expires":1780000000120,"args":["KILLCORDSIMULATION01",1,"cafe12"]}}"#;
    assert_eq!(said(line), "public/auth args=[1,cafe12] scope=CONNECTION");
    assert_eq!(said("nonce=17800&timeout=60&token=abc"), "timeout=60");
    assert_eq!(path("/v5/order/realtime?category=linear&cursor="), "/v5/order/realtime category=linear");
}
