//! HTTP at the embedded Deribit (specification, sections 1, 3.3 and 8.3): any method by GET with a query or by POST with
//! a JSON-RPC body, signed with Basic, Bearer or `deri-hmac-sha256`. Orders made here belong to no connection and are
//! covered by no switch.

use super::limits::Class;
use super::orders::Caller;
use super::scope::Scope;
use super::socket::usual_code;
use super::wire::{Refused, Request};
use super::{DeribitExchange, auth};
use crate::model::Now;
use crate::sim::exchange::calendar::http_date;
use crate::sim::exchange::{Fault, HttpId, HttpIn, HttpOut, Output, Treatment};
use serde_json::{Map, Value};

const PREFIX: &str = "/api/v2/";
/// What only makes sense on a connection.
const WEBSOCKET_ONLY: [&str; 10] = [
    "public/hello",
    "public/set_heartbeat",
    "public/disable_heartbeat",
    "public/subscribe",
    "public/unsubscribe",
    "public/unsubscribe_all",
    "private/subscribe",
    "private/unsubscribe",
    "private/unsubscribe_all",
    "private/logout",
];

impl DeribitExchange {
    /// An HTTP request arrived.
    pub(super) fn call(&mut self, now: Now, id: HttpId, http: HttpIn<'_>, out: &mut Vec<Output>) {
        let Some(path) = http.path.strip_prefix(PREFIX) else {
            return out.push(Output::Http(id, HttpOut { status: 404, headers: Vec::new(), body: String::new() }));
        };
        let request = match read(path, &http) {
            Ok(request) => request,
            Err(refused) => {
                let nameless = Request { id: None, method: path.to_owned(), params: Map::new() };
                return out.push(Output::Http(id, self.http_answer(now, &nameless, Err(refused))));
            }
        };
        let treatment = self.floor.treatment(&request.method);
        let mut pushes = Vec::new();
        let outcome = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => Err(Refused::on_command(code.as_deref(), usual_code(&request.method))),
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                self.perform_call(now, &request, &http, &mut pushes)
            }
        };
        self.note_refusal(now, None, &request.method, &outcome);
        let answer = Output::Http(id, self.http_answer(now, &request, outcome));
        let silenced = request.method == "public/test" && self.floor.has(&Fault::SilentPings);
        match treatment {
            Treatment::Normal | Treatment::Refuse(_) if silenced => {}
            Treatment::Normal | Treatment::Refuse(_) => out.push(answer),
            Treatment::LoseRequest | Treatment::LoseAnswer => {}
            Treatment::Late(by) => self.delayed.put(now.at + by, answer),
        }
        out.append(&mut pushes);
    }

    fn perform_call(
        &mut self,
        now: Now,
        request: &Request,
        http: &HttpIn<'_>,
        pushes: &mut Vec<Output>,
    ) -> Result<Value, Refused> {
        if self.floor.has(&Fault::Maintenance) {
            return Err(Refused::new(11_051));
        }
        let method = request.method.as_str();
        if WEBSOCKET_ONLY.contains(&method) {
            return Err(Refused::new(10_030));
        }
        if !method.starts_with("private/") {
            self.spend(now, "http", method)?;
            return match method {
                "public/auth" => self.log_in(now, None, request),
                _ => self.public_method(now, request),
            };
        }
        let caller = self.http_caller(now, request, http)?;
        self.spend(now, &caller.account, method)?;
        self.private_method(now, &caller, request, pushes)
    }

    fn http_caller(&mut self, now: Now, request: &Request, http: &HttpIn<'_>) -> Result<Caller, Refused> {
        if let Some(token) = auth::bearer(http).or(request.word("access_token")) {
            return self.bearer(now, token, &request.method);
        }
        let proved = auth::prove_http(&self.floor, now, &self.knobs, &mut self.nonces, http);
        let account = proved.ok_or_else(|| Refused::new(10_000))??;
        if !Scope::grant(account, "").allows(&request.method) {
            return Err(Refused::new(13_021));
        }
        Ok(Caller { account: account.name.clone(), conn: None, armed: false })
    }

    fn spend(&mut self, now: Now, whose: &str, method: &str) -> Result<(), Refused> {
        let class = Class::of(method);
        if self.knobs.rate_limits && !self.limits.take(now.at, whose, class, &self.knobs, self.floor.factor) {
            return Err(Refused::new(10_028));
        }
        Ok(())
    }

    fn http_answer(&self, now: Now, request: &Request, outcome: Result<Value, Refused>) -> HttpOut {
        let testnet = self.knobs.testnet;
        let (status, body) = match outcome {
            Ok(result) => (200, request.result(now, testnet, result)),
            Err(refused) => (status_of(refused.code), request.error(now, testnet, &refused)),
        };
        let mut answer = HttpOut::json(status, body.to_string());
        answer.headers.push(("date".into(), http_date(now.wall)));
        answer
    }
}

const fn status_of(code: i64) -> u16 {
    match code {
        10_000 | 13_004 | 13_009 => 401,
        13_021 => 403,
        10_028 => 429,
        11_051 => 503,
        11_094 => 500,
        _ => 400,
    }
}

/// The request of a path with a query, or of a JSON-RPC body.
fn read(path: &str, http: &HttpIn<'_>) -> Result<Request, Refused> {
    if http.body.is_empty() {
        return Ok(Request { id: None, method: path.to_owned(), params: query(http.query) });
    }
    let value = serde_json::from_str(http.body).map_err(|_| Refused::new(11_050).with("invalid json".into()))?;
    let request = Request::from_value(value)?;
    if !path.is_empty() && request.method != path {
        return Err(Refused::new(-32_601));
    }
    Ok(request)
}

fn query(text: &str) -> Map<String, Value> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), Value::String(decode(value)))).collect()
}

/// Percent and plus decoding; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
