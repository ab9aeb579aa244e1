//! The HTTP API of the embedded Kraken: from a request to an answer. Which calls there are is in `routes.rs`. Errors
//! come with status 200 and an array, as at the venue.

use super::KrakenExchange;
use super::auth::Signer;
use super::orders::Caller;
use super::routes::{self, Route};
use super::wire::{self, Refused};
use crate::model::Now;
use crate::sim::exchange::calendar::http_date;
use crate::sim::exchange::spelling::unescape;
use crate::sim::exchange::{HttpId, HttpIn, HttpOut, JournalKind, Output, Treatment};
use serde_json::{Map, Value};

/// One signed call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When.
    pub now: Now,
    /// Who.
    pub signer: &'a Signer,
    /// What.
    pub params: &'a Value,
}

impl<'a> Call<'a> {
    /// A parameter as text; numbers count as their text.
    pub fn text(&self, field: &str) -> Option<String> {
        text(self.params, field)
    }

    /// Who asks the engine.
    pub fn caller(&self) -> Caller<'a> {
        Caller { now: self.now, account: &self.signer.account, conn: None }
    }
}

impl KrakenExchange {
    /// One HTTP request.
    pub(super) fn http(&mut self, now: Now, id: HttpId, request: HttpIn<'_>, out: &mut Vec<Output>) {
        let step = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(route) = routes::find(request.path) else {
            self.floor.note(now, "", None, JournalKind::Refused, &format!("{}: 404", request.path));
            let unknown = Err("EGeneral:Unknown method".to_owned());
            out.push(Output::Http(id, HttpOut::json(404, wire::envelope(&unknown))));
            return;
        };
        let treatment = self.floor.treatment(&step);
        let mut effects = Vec::new();
        let mut account = String::new();
        let outcome = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => {
                if let Some(status) = code.as_deref().and_then(|code| code.strip_prefix("HTTP ")?.parse().ok()) {
                    self.floor.note(now, "", None, JournalKind::Refused, &format!("{step}: {status}"));
                    out.push(Output::Http(id, HttpOut { status, headers: Vec::new(), body: String::new() }));
                    return;
                }
                Err(code.clone().unwrap_or_else(|| "EService:Unavailable".to_owned()))
            }
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                self.serve(now, &request, route, &mut account, &mut effects)
            }
        };
        if let Err(error) = &outcome {
            self.floor.note(now, &account, None, JournalKind::Refused, &format!("{step}: {error}"));
        }
        let mut answer = HttpOut::json(200, wire::envelope(&outcome));
        answer.headers.push(("date".into(), http_date(now.wall)));
        self.answer(now, &treatment, Output::Http(id, answer), out);
        out.append(&mut effects);
    }

    fn serve(
        &mut self,
        now: Now,
        request: &HttpIn<'_>,
        route: Route,
        account: &mut String,
        effects: &mut Vec<Output>,
    ) -> Result<Value, Refused> {
        match route {
            Route::Public(act) => act(self, now, &fields(request.query)),
            Route::Private { act, points } => {
                if request.method != "POST" {
                    return Err("EGeneral:Unknown method".to_owned());
                }
                let params = body(request.body)?;
                let nonce = text(&params, "nonce");
                let signer = self.signer(now, request, nonce.as_deref())?;
                account.clone_from(&signer.account);
                let (factor, tier) = (self.floor.factor, self.knobs.tier);
                if self.knobs.rest_limit && !self.limits.rest(now.at, factor, tier, &signer.key, points) {
                    return Err("EAPI:Rate limit exceeded".to_owned());
                }
                act(self, &Call { now, signer: &signer, params: &params }, effects)
            }
        }
    }
}

/// A parameter as text; numbers and truth values count as their text.
pub fn text(params: &Value, field: &str) -> Option<String> {
    match params.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn body(body: &str) -> Result<Value, Refused> {
    if !body.starts_with('{') {
        return Ok(fields(body));
    }
    serde_json::from_str(body).map_err(|_| "EAPI:Bad request".to_owned())
}

fn fields(form: &str) -> Value {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (unescape(name), Value::String(unescape(value)))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_json_bodies_read_alike() {
        let form = body("nonce=5&pair=XBT%2FUSD&a+b=1").unwrap();
        assert_eq!(text(&form, "pair").as_deref(), Some("XBT/USD"));
        assert_eq!(text(&form, "a b").as_deref(), Some("1"));
        let json = body(r#"{"nonce": 5, "pair": "XBT/USD"}"#).unwrap();
        assert_eq!(text(&json, "nonce").as_deref(), Some("5"));
        assert!(body("{").is_err());
    }
}
