//! The messages of the embedded Kraken (spec sections 2, 4, 5 and 8) and its two ways to write a time. Numbers are JSON
//! numbers, an error on a websocket is one text, and over HTTP it is an array.

use crate::model::WallTime;
use crate::sim::exchange::calendar::date;
use serde_json::{Map, Value, json};

/// What an operation answers when it was not done: an error in Kraken's words.
pub type Refused = String;

/// One message of a client.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method; empty when it is missing.
    pub method: String,
    /// `params`; null when missing.
    pub params: Value,
    /// `req_id` as it came.
    pub id: Option<Value>,
}

impl Request {
    /// Reads one; `None` when it is not an object.
    pub fn read(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return None };
        let method = fields.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        let params = fields.remove("params").unwrap_or(Value::Null);
        Some(Self { method, params, id: fields.remove("req_id").filter(|id| !id.is_null()) })
    }
}

/// A positive answer; `extra` holds what stands beside `method`, usually `result`.
pub fn done(request: &Request, extra: Map<String, Value>, wall: WallTime) -> String {
    let mut answer = extra;
    answer.insert("method".into(), request.method.as_str().into());
    answer.insert("success".into(), true.into());
    finish(answer, request, wall)
}

/// A refusal. `method` differs from the request's in one documented case.
pub fn refused(request: &Request, method: &str, error: &str, wall: WallTime) -> String {
    let mut answer = Map::new();
    answer.insert("error".into(), error.into());
    answer.insert("method".into(), method.into());
    answer.insert("success".into(), false.into());
    if error.starts_with("ESession:") {
        answer.insert("status".into(), "error".into());
    }
    finish(answer, request, wall)
}

/// The answer to a ping: neither `success` nor `result`, as captured.
pub fn pong(request: &Request, wall: WallTime) -> String {
    let mut answer = Map::new();
    answer.insert("method".into(), "pong".into());
    finish(answer, request, wall)
}

/// One pair as the content of an answer.
pub fn with(name: &str, value: Value) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert(name.into(), value);
    map
}

/// The unsolicited state of the engine; a captured maintenance frame had no `connection_id`.
pub fn status(connection: Option<u64>, system: &str) -> String {
    let mut data = json!({"api_version": "v2", "system": system, "version": "2.0.4"});
    if let Some(connection) = connection {
        data["connection_id"] = connection.into();
    }
    json!({"channel": "status", "data": [data], "type": "update"}).to_string()
}

/// The unsolicited sign of life.
pub fn heartbeat() -> String {
    json!({"channel": "heartbeat"}).to_string()
}

/// One message of a private channel.
pub fn channel(name: &str, kind: &str, data: Value, sequence: u64) -> String {
    json!({"channel": name, "type": kind, "data": data, "sequence": sequence}).to_string()
}

/// The body of an HTTP answer.
pub fn envelope(outcome: &Result<Value, Refused>) -> String {
    match outcome {
        Ok(result) => json!({"error": [], "result": result}),
        Err(error) => json!({"error": [error]}),
    }
    .to_string()
}

/// `2026-01-01T00:00:00.400000Z`.
pub fn stamp_micros(wall: WallTime) -> String {
    let nanos = wall.nanos();
    format!("{}.{:06}Z", stamp(nanos / 1_000_000_000), nanos % 1_000_000_000 / 1_000)
}

/// `2026-01-01T00:00:00Z`.
pub fn stamp_seconds(seconds: u64) -> String {
    format!("{}Z", stamp(seconds))
}

/// Seconds with a fraction, as order lists show times.
pub fn stamp_fraction(wall: WallTime) -> f64 {
    (wall.nanos() / 1_000) as f64 / 1e6
}

/// A price or quantity as the JSON number it is on websockets.
pub fn number(text: &str) -> Value {
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

fn finish(mut answer: Map<String, Value>, request: &Request, wall: WallTime) -> String {
    if let Some(id) = &request.id {
        answer.insert("req_id".into(), id.clone());
    }
    let stamp = stamp_micros(wall);
    answer.insert("time_in".into(), stamp.as_str().into());
    answer.insert("time_out".into(), stamp.into());
    Value::Object(answer).to_string()
}

fn stamp(seconds: u64) -> String {
    let day = date(WallTime::from_millis(seconds * 1_000));
    format!("{day}T{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_captured() {
        assert_eq!(stamp_seconds(1_716_146_540), "2024-05-19T19:22:20Z");
        assert_eq!(stamp_micros(WallTime::from_nanos(1_716_146_539_975_239_000)), "2024-05-19T19:22:19.975239Z");
        assert_eq!(stamp_seconds(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(stamp_seconds(0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_pong_has_neither_success_nor_result() {
        let request = Request::read(r#"{"method":"ping","req_id":101}"#).unwrap();
        let answer: Value = serde_json::from_str(&pong(&request, WallTime::from_millis(0))).unwrap();
        assert_eq!(answer["req_id"], 101);
        assert!(answer.get("success").is_none() && answer.get("result").is_none());
    }
}
