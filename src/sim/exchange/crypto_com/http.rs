//! HTTP at the embedded Crypto.com (specification, sections 1 and 10): public methods by GET, private ones by POST with
//! the signed envelope. Orders made here belong to no connection and are covered by no switch.

use super::methods::METHODS;
use super::orders::Caller;
use super::wire::{Refused, Reply, Request};
use super::{CryptoComExchange, auth, markets};
use crate::model::Now;
use crate::sim::exchange::calendar::http_date;
use crate::sim::exchange::{Fault, HttpId, HttpIn, HttpOut, JournalKind, Output, Treatment};
use serde_json::{Value, json};

const PREFIX: &str = "/exchange/v1/";

impl CryptoComExchange {
    /// An HTTP request arrived.
    pub(super) fn call(&mut self, now: Now, id: HttpId, request: HttpIn<'_>, out: &mut Vec<Output>) {
        let method = request.path.strip_prefix(PREFIX).unwrap_or_default();
        if !(method.starts_with("public/") || method.starts_with("private/")) {
            return out.push(Output::Http(id, HttpOut { status: 404, headers: Vec::new(), body: String::new() }));
        }
        let treatment = self.floor.treatment(method);
        let mut pushes = Vec::new();
        let outcome = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => Err(Refused::on_command(code.as_deref(), 50_001)),
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                self.perform_call(now, method, &request, &mut pushes)
            }
        };
        let answer = Output::Http(id, self.answer(now, method, &request, outcome));
        match treatment {
            Treatment::Normal | Treatment::Refuse(_) => out.push(answer),
            Treatment::LoseRequest | Treatment::LoseAnswer => {}
            Treatment::Late(by) => self.delayed.put(now.at + by, answer),
        }
        out.append(&mut pushes);
    }

    fn perform_call(
        &mut self,
        now: Now,
        method: &str,
        request: &HttpIn<'_>,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        if self.floor.has(&Fault::Maintenance) {
            return Err(Refused::saying(50_001, "MAINTENANCE"));
        }
        match (request.method, method) {
            ("GET", "public/get-instruments") => Ok(Reply::Result(markets::instruments())),
            ("GET", "public/get-tickers") => Ok(Reply::Result(markets::tickers(now, wanted_instrument(request.query)))),
            ("POST", method) if METHODS.contains(&method) => self.perform_signed(now, method, request.body, pushes),
            _ => Err(Refused::new(40_002)),
        }
    }

    fn perform_signed(
        &mut self,
        now: Now,
        method: &str,
        body: &str,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        let request = Request::read(body).map_err(|_| Refused::new(40_001))?;
        if request.method != method {
            return Err(Refused::new(40_003));
        }
        let account = auth::verify(&self.floor, now, &request)?;
        auth::permit(account, method)?;
        let (key, account) = (account.key.clone(), account.name.clone());
        if self.knobs.http_limits && !self.http_quotas.take(now.at, &key, method, self.floor.factor) {
            return Err(Refused::new(42_901));
        }
        self.method(now, &Caller { account, conn: None, armed: false }, &request, pushes)
    }

    fn answer(&mut self, now: Now, method: &str, request: &HttpIn<'_>, outcome: Result<Reply, Refused>) -> HttpOut {
        let envelope = Request::read(request.body).unwrap_or_else(|_| Request::bare(method));
        let (status, body) = match outcome {
            Ok(reply) => (200, reply_body(&envelope, reply)),
            Err(refused) => {
                self.floor.note(now, "", None, JournalKind::Refused, &format!("{method} {}", refused.code));
                (self.status_of(&refused), envelope.refusal(&refused))
            }
        };
        let mut answer = HttpOut::json(status, body.to_string());
        answer.headers.push(("date".into(), http_date(now.wall)));
        answer
    }

    fn status_of(&self, refused: &Refused) -> u16 {
        if self.floor.has(&Fault::Maintenance) { 503 } else { refused.http_status() }
    }
}

/// The body of a success. Lists come as an array here, as documented for HTTP.
fn reply_body(request: &Request, reply: Reply) -> Value {
    match reply {
        Reply::Silent | Reply::Plain | Reply::Frames(_) => request.success(),
        Reply::Result(result) => request.result(result),
        Reply::NoError(result) => {
            let mut body = request.result(result);
            body["message"] = json!("NO_ERROR");
            body
        }
        Reply::Each(legs) => request.result(json!(request.legs(legs))),
    }
}

fn wanted_instrument(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("instrument_name="))
}
