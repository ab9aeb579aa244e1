//! Requests, replies and notifications of the embedded Deribit: JSON-RPC with the venue's own fields (specification,
//! sections 2 and 12).

use crate::model::Now;
use serde_json::{Map, Value, json};

/// A frame may be this long.
const REQUEST_BYTES_MAX: usize = 32 * 1024;

/// A request as it was read.
#[derive(Clone)]
pub struct Request {
    /// Echoed as it was; a request without one is answered without one (measured).
    pub id: Option<Value>,
    /// The method.
    pub method: String,
    /// The parameters.
    pub params: Map<String, Value>,
}

/// A refusal with the venue's code.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// The code.
    pub code: i64,
    /// The text beside it.
    pub message: String,
    /// Particulars.
    pub data: Option<Value>,
}

impl Request {
    /// Reads a request; otherwise the error frame, which has no id.
    pub fn read(now: Now, testnet: bool, text: &str) -> Result<Self, Value> {
        let wrong = |refused: Refused| Self::nameless().error(now, testnet, &refused);
        if text.len() > REQUEST_BYTES_MAX {
            return Err(wrong(Refused::saying(-32_600, "request entity too large")));
        }
        let Ok(value) = serde_json::from_str(text) else {
            return Err(wrong(Refused::new(11_050).with(json!("invalid json"))));
        };
        Self::from_value(value).map_err(wrong)
    }

    /// Reads an object; batches and positional parameters do not exist here.
    pub fn from_value(value: Value) -> Result<Self, Refused> {
        let Value::Object(mut fields) = value else { return Err(Refused::saying(-32_600, "Invalid Request")) };
        let params = match fields.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(Refused::new(-32_602)),
        };
        let Some(Value::String(method)) = fields.remove("method") else {
            return Err(Refused::saying(-32_600, "Invalid Request"));
        };
        Ok(Self { id: fields.remove("id").filter(|id| !id.is_null()), method, params })
    }

    /// A string parameter.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// A string parameter that must be there.
    pub fn need(&self, name: &str) -> Result<&str, Refused> {
        self.word(name).ok_or_else(|| Refused::param(name, "missing or wrong format"))
    }

    /// A number, also as text: a query string has nothing else.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Refused> {
        let number = match self.params.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        number.filter(|n| n.is_finite()).map(Some).ok_or_else(|| Refused::param(name, "wrong format"))
    }

    /// A flag, also as text.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.params.get(name) {
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        }
    }

    /// The reply with a result.
    pub fn result(&self, now: Now, testnet: bool, result: Value) -> Value {
        self.envelope(now, testnet, "result", result)
    }

    /// The reply that refuses. During maintenance it is bare (section 2).
    pub fn error(&self, now: Now, testnet: bool, refused: &Refused) -> Value {
        let mut error = json!({ "code": refused.code, "message": refused.message });
        if let Some(data) = &refused.data {
            error["data"] = data.clone();
        }
        if refused.code == 11_051 {
            return json!({ "jsonrpc": "2.0", "error": error });
        }
        self.envelope(now, testnet, "error", error)
    }

    fn nameless() -> Self {
        Self { id: None, method: String::new(), params: Map::new() }
    }

    fn envelope(&self, now: Now, testnet: bool, name: &str, value: Value) -> Value {
        let micros = now.wall.nanos() / 1_000;
        let mut frame = json!({
            "jsonrpc": "2.0", name: value, "usIn": micros, "usOut": micros, "usDiff": 0, "testnet": testnet
        });
        if let Some(id) = &self.id {
            frame["id"] = id.clone();
        }
        frame
    }
}

impl Refused {
    /// A refusal with the venue's own name for the code.
    pub fn new(code: i64) -> Self {
        Self::saying(code, code_name(code))
    }

    /// A refusal with a text of its own.
    pub fn saying(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// A parameter is wrong.
    pub fn param(name: &str, reason: &str) -> Self {
        Self::new(-32_602).with(json!({ "reason": reason, "param": name }))
    }

    /// The token or signature is no good, with the reason in `data`.
    pub fn unauthorized(reason: &str) -> Self {
        Self::new(13_009).with(json!({ "reason": reason }))
    }

    /// A refusal on command: a number is a code, anything else a text.
    pub fn on_command(code: Option<&str>, usual: i64) -> Self {
        match code.map(|code| (code, code.parse())) {
            None => Self::new(usual),
            Some((_, Ok(code))) => Self::new(code),
            Some((text, Err(_))) => Self::saying(usual, text),
        }
    }

    /// The same with particulars.
    pub fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

/// A notification on a channel.
pub fn notification(channel: &str, data: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": "subscription", "params": { "channel": channel, "data": data } })
}

/// `heartbeat` or `test_request`.
pub fn heartbeat(kind: &str) -> Value {
    json!({ "jsonrpc": "2.0", "method": "heartbeat", "params": { "type": kind } })
}

const fn code_name(code: i64) -> &'static str {
    match code {
        10_000 => "authorization_required",
        10_001 => "error",
        10_004 => "order_not_found",
        10_009 => "not_enough_funds",
        10_010 => "already_closed",
        10_019 => "locked_by_admin",
        10_028 => "too_many_requests",
        10_030 => "must_be_websocket_request",
        10_040 => "retry",
        10_041 => "settlement_in_progress",
        10_047 => "matching_engine_queue_full",
        10_048 => "not_on_this_server",
        10_049 => "cancel_on_disconnect_failed",
        10_050 => "lock_time_exceeded",
        10_066 => "too_many_concurrent_requests",
        11_008 => "already_filled",
        11_044 => "not_open_order",
        11_050 => "bad_request",
        11_051 => "system_maintenance",
        11_054 => "post_only_reject",
        11_094 => "internal_server_error",
        11_098 => "account_locked",
        13_004 => "invalid_credentials",
        13_009 => "unauthorized",
        13_021 => "forbidden",
        13_028 => "temporarily_unavailable",
        13_042 => "cod_not_enabled",
        13_778 => "raw_subscriptions_not_available_for_unauthorized",
        13_888 => "timed_out",
        -32_600 => "Invalid Request",
        -32_601 => "Method not found",
        -32_602 => "Invalid params",
        _ => "error",
    }
}
