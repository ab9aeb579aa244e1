//! The messages of the embedded Bybit, as documented or captured (spec sections 4 to 11). Private, public and trade
//! sockets spell the same thing differently; every difference is in this file.

use super::conn::{Public, Socket};
use crate::model::WallTime;
use serde_json::{Map, Value, json};

/// A refusal in the venue's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// `retCode`.
    pub code: i64,
    /// `retMsg`.
    pub text: String,
}

/// One message of a client.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The operation.
    pub op: String,
    /// `req_id` or `reqId` as it came.
    pub id: Option<Value>,
    /// `args`.
    pub args: Vec<Value>,
    /// `header` of the trade socket.
    pub header: Value,
}

impl Failure {
    /// A refusal.
    pub fn new(code: i64, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Parameter error.
    pub fn params(what: impl std::fmt::Display) -> Self {
        Self::new(10001, format!("params error: {what}"))
    }

    /// A fault asked for this refusal; `code` overrides the usual one and may be a number or a text.
    pub fn on_command(code: Option<&str>) -> Self {
        let Some(code) = code else { return Self::new(10016, "Server error.") };
        code.parse().map_or_else(|_| Self::new(10016, code), |number| Self::new(number, "refused on command"))
    }
}

impl Request {
    /// Reads one; `None` when it is not an object.
    pub fn read(text: &str) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return None };
        let id = fields.remove("req_id").or_else(|| fields.remove("reqId")).filter(|id| !id.is_null());
        let args = match fields.remove("args") {
            Some(Value::Array(args)) => args,
            Some(_) | None => Vec::new(),
        };
        let op = fields.get("op").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self { op, id, args, header: fields.remove("header").unwrap_or(Value::Null) })
    }
}

/// The answer to an operation on the private socket and to subscriptions on public ones.
pub fn stream_answer(request: &Request, conn: &str, success: bool, text: &str) -> String {
    let mut answer = Map::new();
    answer.insert("success".into(), success.into());
    answer.insert("ret_msg".into(), text.into());
    answer.insert("op".into(), request.op.as_str().into());
    answer.insert("conn_id".into(), conn.into());
    insert_id(&mut answer, "req_id", request.id.as_ref());
    Value::Object(answer).to_string()
}

/// A positive answer to a public subscription.
pub fn public_subscribed(socket: Public, request: &Request, conn: &str) -> String {
    match socket {
        Public::Spot => stream_answer(request, conn, true, &request.op),
        Public::Futures | Public::Status => {
            let id = request.id.clone().unwrap_or_else(|| "".into());
            stream_answer(&Request { id: Some(id), ..request.clone() }, conn, true, "")
        }
        Public::Option => json!({"success": true, "conn_id": conn, "type": "COMMAND_RESP",
            "data": {"failTopics": [], "successTopics": request.args}})
        .to_string(),
    }
}

/// The answer to a JSON ping, which every socket spells its own way (spec section 5).
pub fn pong(socket: Socket, request: &Request, conn: &str, wall: WallTime) -> String {
    let millis = wall.millis().to_string();
    let mut answer = Map::new();
    match socket {
        Socket::Private => {
            answer.insert("op".into(), "pong".into());
            answer.insert("args".into(), json!([millis]));
            answer.insert("conn_id".into(), conn.into());
            insert_id(&mut answer, "req_id", request.id.as_ref());
        }
        Socket::Trade => {
            answer.insert("retCode".into(), 0.into());
            answer.insert("retMsg".into(), "OK".into());
            answer.insert("op".into(), "pong".into());
            answer.insert("data".into(), json!([millis]));
            answer.insert("connId".into(), conn.into());
        }
        Socket::Public(Public::Option) => {
            answer.insert("args".into(), json!([millis]));
            answer.insert("op".into(), "pong".into());
        }
        Socket::Public(Public::Spot | Public::Futures | Public::Status) => {
            answer.insert("success".into(), true.into());
            answer.insert("ret_msg".into(), "pong".into());
            answer.insert("conn_id".into(), conn.into());
            answer.insert("op".into(), "ping".into());
            answer.insert("req_id".into(), request.id.clone().unwrap_or_else(|| "".into()));
        }
    }
    Value::Object(answer).to_string()
}

/// The answer to the login on the trade socket.
pub fn trade_auth(request: &Request, conn: &str, outcome: Result<(), &Failure>) -> String {
    let (code, text) = outcome.map_or_else(|failure| (failure.code, failure.text.as_str()), |()| (0, "OK"));
    let mut answer = Map::new();
    answer.insert("retCode".into(), code.into());
    answer.insert("retMsg".into(), text.into());
    answer.insert("op".into(), "auth".into());
    answer.insert("connId".into(), conn.into());
    insert_id(&mut answer, "reqId", request.id.as_ref());
    Value::Object(answer).to_string()
}

/// A positive answer on the trade socket.
pub fn trade_done(request: &Request, conn: &str, result: Done, header: Value) -> String {
    let mut answer = Map::new();
    insert_id(&mut answer, "reqId", request.id.as_ref());
    answer.insert("retCode".into(), 0.into());
    answer.insert("retMsg".into(), "OK".into());
    answer.insert("op".into(), request.op.as_str().into());
    answer.insert("data".into(), result.result);
    answer.insert("retExtInfo".into(), result.ext);
    answer.insert("header".into(), header);
    answer.insert("connId".into(), conn.into());
    Value::Object(answer).to_string()
}

/// A refusal on the trade socket; the captured one has a header and no `retExtInfo`.
pub fn trade_failed(request: &Request, conn: &str, failure: &Failure, header: Value, with_id: bool) -> String {
    let mut answer = Map::new();
    insert_id(&mut answer, "reqId", request.id.as_ref().filter(|_| with_id));
    answer.insert("retCode".into(), failure.code.into());
    answer.insert("retMsg".into(), failure.text.as_str().into());
    answer.insert("op".into(), request.op.as_str().into());
    answer.insert("data".into(), json!({}));
    answer.insert("header".into(), header);
    answer.insert("connId".into(), conn.into());
    Value::Object(answer).to_string()
}

/// What an operation answers when it was done.
#[derive(Clone, PartialEq, Debug)]
pub struct Done {
    /// `result` over HTTP, `data` on the trade socket.
    pub result: Value,
    /// `retExtInfo`.
    pub ext: Value,
    /// `retMsg` over HTTP: the venue varies it.
    pub text: &'static str,
}

impl From<Value> for Done {
    fn from(result: Value) -> Self {
        Self { result, ext: json!({}), text: "OK" }
    }
}

/// The body of an HTTP answer. Without a result it has neither `result` nor `time`, as documented for setting the window.
pub fn envelope(outcome: &Result<Done, Failure>, wall: WallTime) -> String {
    match outcome {
        Ok(done) if done.result.is_null() => json!({"retCode": 0, "retMsg": done.text}),
        Ok(done) => json!({"retCode": 0, "retMsg": done.text, "result": done.result, "retExtInfo": done.ext,
            "time": wall.millis()}),
        Err(failure) => json!({"retCode": failure.code, "retMsg": failure.text, "result": {}, "retExtInfo": {},
            "time": wall.millis()}),
    }
    .to_string()
}

/// A text field of an object; numbers count as their text, as the venue takes both.
pub fn text<'a>(object: &'a Value, field: &str) -> Option<std::borrow::Cow<'a, str>> {
    match object.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number that came as a number or as a text.
pub fn whole(object: &Value, field: &str) -> Option<u64> {
    text(object, field)?.parse().ok()
}

fn insert_id(answer: &mut Map<String, Value>, name: &str, id: Option<&Value>) {
    if let Some(id) = id {
        answer.insert(name.into(), id.clone());
    }
}
