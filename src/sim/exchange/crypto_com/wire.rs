//! Requests and replies of the embedded Crypto.com: the shared envelope of websocket and HTTP (specification, section 2)
//! and the response codes (section 12). Numbers go out as numbers; numbers and numeric strings are understood.

use serde_json::{Map, Value, json};

/// A request as it was read. The signature needs `id` and `nonce` exactly as they were written.
#[derive(Clone)]
pub struct Request {
    /// The id, when there was one.
    pub id: Option<u64>,
    /// The method.
    pub method: String,
    /// The parameters; an empty object when there were none.
    pub params: Map<String, Value>,
    /// The nonce, when there was one.
    pub nonce: Option<u64>,
    /// The key, when the request is signed.
    pub api_key: Option<String>,
    /// The signature, when the request is signed.
    pub sig: Option<String>,
}

/// A refusal with the venue's code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The code.
    pub code: u32,
    /// The text beside it.
    pub message: String,
}

/// What became of one order of a list: its result, or why not and which one it was.
pub type Leg = Result<Value, (Refused, Value)>;

/// What a method answers, before the envelope is put around it.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Nothing at all (a heartbeat answer has no reply).
    Silent,
    /// Success without a result.
    Plain,
    /// Success with a result.
    Result(Value),
    /// Success with a result and `NO_ERROR`.
    NoError(Value),
    /// Several orders, each with its own outcome.
    Each(Vec<Leg>),
    /// Several frames with the request's id (first answers to subscriptions).
    Frames(Vec<Value>),
}

impl Request {
    /// Reads a request; otherwise the frame that says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, Value> {
        let wrong = |code| error_frame(&Refused::new(code), text);
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return Err(wrong(40_001)) };
        let id = read_number(fields.get("id")).map_err(|()| wrong(40_003))?;
        let nonce = read_number(fields.get("nonce")).map_err(|()| wrong(40_003))?;
        let Some(method) = fields.get("method").and_then(Value::as_str) else { return Err(wrong(40_003)) };
        let params = match fields.get("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params.clone(),
            Some(_) => return Err(wrong(40_003)),
        };
        let word = |name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self { id, method: method.to_owned(), params, nonce, api_key: word("api_key"), sig: word("sig") })
    }

    /// What a public GET is answered as: it has no envelope of its own.
    pub fn bare(method: &str) -> Self {
        Self { id: None, method: method.to_owned(), params: Map::new(), nonce: None, api_key: None, sig: None }
    }

    /// A parameter that is a string.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// The reply without anything but success.
    pub fn success(&self) -> Value {
        json!({ "id": self.reply_id(), "method": self.method, "code": 0 })
    }

    /// The reply that refuses.
    pub fn refusal(&self, refused: &Refused) -> Value {
        json!({ "id": self.reply_id(), "method": self.method, "code": refused.code, "message": refused.message })
    }

    /// The reply with a result.
    pub fn result(&self, result: Value) -> Value {
        let mut frame = self.success();
        frame["result"] = result;
        frame
    }

    /// One leg of a list as a reply of its own.
    pub fn leg(&self, leg: Leg) -> Value {
        match leg {
            Ok(result) => self.result(result),
            Err((refused, named)) => {
                let mut frame = self.refusal(&refused);
                frame["result"] = named;
                frame
            }
        }
    }

    /// The legs of a list as one array.
    pub fn legs(&self, legs: Vec<Leg>) -> Vec<Value> {
        let entry = |(index, leg): (usize, Leg)| {
            let (code, message, mut entry) = match leg {
                Ok(result) => (0, None, result),
                Err((refused, named)) => (refused.code, Some(refused.message), named),
            };
            entry["index"] = json!(index);
            entry["code"] = json!(code);
            if let Some(message) = message {
                entry["message"] = json!(message);
            }
            entry
        };
        legs.into_iter().enumerate().map(entry).collect()
    }

    fn reply_id(&self) -> i64 {
        self.id.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
    }
}

impl Refused {
    /// A refusal with the venue's own name for the code.
    pub fn new(code: u32) -> Self {
        Self { code, message: code_name(code).to_owned() }
    }

    /// A refusal with a text of its own.
    pub fn saying(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A refusal on command: a number is a code, anything else a text.
    pub fn on_command(code: Option<&str>, usual: u32) -> Self {
        match code.map(|code| (code, code.parse())) {
            None => Self::new(usual),
            Some((_, Ok(code))) => Self::new(code),
            Some((text, Err(_))) => Self::saying(usual, text),
        }
    }

    /// The HTTP status this code comes with.
    pub const fn http_status(&self) -> u16 {
        match self.code {
            40_101 | 40_103 | 40_104 => 401,
            40_401 | 43_012 => 200,
            40_801 => 408,
            42_901 => 429,
            201 | 205 | 206 | 210..=212 | 214..=217 | 219 | 301..=307 | 309..=317 | 320 | 321 | 43_003..=43_005 => 500,
            _ => 400,
        }
    }
}

/// The frame that answers what could not be read as a request.
fn error_frame(refused: &Refused, original: &str) -> Value {
    json!({ "id": -1, "method": "ERROR", "code": refused.code, "message": refused.message, "original": original })
}

/// A number or a numeric string up to 2^63 - 1.
fn read_number(value: Option<&Value>) -> Result<Option<u64>, ()> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    number.filter(|number| i64::try_from(*number).is_ok()).map(Some).ok_or(())
}

const fn code_name(code: u32) -> &'static str {
    match code {
        0 => "NO_ERROR",
        204 => "DUPLICATE_CLORDID",
        209 => "INVALID_INSTRUMENT",
        212 => "INVALID_ORDERID",
        213 => "INVALID_ORDERQTY",
        218 => "INVALID_ORDTYPE",
        219 => "INVALID_EXECINST",
        220 => "INVALID_SIDE",
        221 => "INVALID_TIF",
        306 => "INSUFFICIENT_AVAILABLE_BALANCE",
        307 => "INVALID_ORDSTATUS",
        308 => "INVALID_PRICE",
        316 => "NO_ACTIVE_ORDER",
        318 => "EXCEEDS_MAX_ALLOWED_ORDERS",
        40_001 => "BAD_REQUEST",
        40_002 => "METHOD_NOT_FOUND",
        40_003 => "INVALID_REQUEST",
        40_004 => "MISSING_OR_INVALID_ARGUMENT",
        40_005 => "INVALID_DATE",
        40_006 => "DUPLICATE_REQUEST",
        40_101 => "UNAUTHORIZED",
        40_102 => "INVALID_NONCE",
        40_103 => "IP_ILLEGAL",
        40_104 => "USER_TIER_INVALID",
        40_107 => "EXCEED_MAX_SUBSCRIPTIONS",
        40_401 => "NOT_FOUND",
        40_801 => "REQUEST_TIMEOUT",
        42_901 => "TOO_MANY_REQUESTS",
        50_001 => "ERR_INTERNAL",
        _ => "ERROR",
    }
}
