//! The HTTP API of the embedded Bybit: from a request to an answer. Which paths there are is in `routes.rs`.

use super::BybitExchange;
use super::auth;
use super::limits::{HTTP_BAN, HTTP_PER, PER, Standing};
use super::orders::{Call, category};
use super::routes::{self, Access, Route};
use super::trade::reset_stamp;
use super::wire::{self, Done, Failure};
use crate::model::Now;
use crate::sim::exchange::calendar::http_date;
use crate::sim::exchange::spelling::{mix, unescape};
use crate::sim::exchange::{Account, Fault, HttpId, HttpIn, HttpOut, JournalKind, Output, Treatment};
use serde_json::{Map, Value};

/// What one request led to.
#[derive(Default)]
struct Served {
    account: String,
    standing: Option<Standing>,
    changed: Vec<u64>,
}

impl BybitExchange {
    /// One HTTP request.
    pub(super) fn http(&mut self, now: Now, id: HttpId, request: HttpIn<'_>, out: &mut Vec<Output>) {
        let (per, ban) = (self.floor.scaled(HTTP_PER), self.floor.scaled(HTTP_BAN));
        let banned = !self.limits.http(now.at, self.knobs.http_max, per, ban);
        let forbidden = banned || (request.method == "GET" && !request.body.is_empty());
        let Some(route) = routes::find(request.method, request.path).filter(|_| !forbidden) else {
            let status = if forbidden { 403 } else { 404 };
            self.floor.note(
                now,
                "",
                None,
                JournalKind::Refused,
                &format!("{} {}: {status}", request.method, request.path),
            );
            out.push(Output::Http(id, HttpOut { status, headers: Vec::new(), body: String::new() }));
            return;
        };
        self.serve(now, id, &request, route, out);
    }

    /// A trace id, as the venue puts into every answer.
    pub(super) fn trace(&mut self) -> String {
        let count = self.next_count();
        format!("{:016x}{:016x}", mix(count), mix(!count))
    }

    /// An operation on orders, counted against its limit and allowed by the key's permissions; the same on both paths.
    pub(super) fn order_operation(
        &mut self,
        operation: &str,
        call: &Call<'_>,
        standing: &mut Option<Standing>,
        changed: &mut Vec<u64>,
    ) -> Result<Done, Failure> {
        let category = category(call.params)?;
        self.permitted(call.key, &["ReadWrite", permission(&category)])?;
        let weight = match call.params.get("request") {
            Some(Value::Array(items)) if category != "option" => u32::try_from(items.len()).unwrap_or(u32::MAX),
            Some(_) | None => 1,
        };
        self.count_use(call, operation, &category, weight, standing)?;
        match operation {
            "create" => self.create(call, changed),
            "amend" => self.amend(call, changed),
            "cancel" => self.cancel(call, changed),
            "create-batch" => self.batch(call, changed, Self::place),
            "amend-batch" => self.batch(call, changed, Self::change),
            "cancel-batch" => self.batch(call, changed, Self::take_off),
            "cancel-all" => self.cancel_all(call, changed),
            other => Err(Failure::new(10_404, format!("{other} is not found"))),
        }
    }

    /// Refuses when the key lacks one of these.
    pub(super) fn permitted(&self, key: &str, permissions: &[&str]) -> Result<(), Failure> {
        let account = self.floor.accounts.get(key).filter(|account| account.valid);
        let lacks =
            |account: &Account| permissions.iter().any(|wanted| account.lacks.iter().any(|lack| lack == wanted));
        match account {
            Some(account) if !lacks(account) => Ok(()),
            Some(_) | None => Err(Failure::new(10_005, "Permission denied for current apikey")),
        }
    }

    /// Counts a request against its limit.
    pub(super) fn count_use(
        &mut self,
        call: &Call<'_>,
        operation: &str,
        category: &str,
        weight: u32,
        standing: &mut Option<Standing>,
    ) -> Result<(), Failure> {
        let per = self.floor.scaled(PER);
        *standing = self.limits.take(call.now.at, per, call.account, operation, category, weight);
        match standing {
            Some(standing) if !standing.granted => {
                Err(Failure::new(10_006, "Too many visits. Exceeded the API Rate Limit."))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn serve(&mut self, now: Now, id: HttpId, request: &HttpIn<'_>, route: &'static Route, out: &mut Vec<Output>) {
        let step = format!("{} {}", request.method, request.path);
        let treatment = self.floor.treatment(&step);
        let mut served = Served::default();
        let outcome = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => match code.as_deref().and_then(status_on_command) {
                Some(status) => {
                    self.floor.note(now, "", None, JournalKind::Refused, &format!("{step}: {status}"));
                    out.push(Output::Http(id, HttpOut { status, headers: Vec::new(), body: String::new() }));
                    return;
                }
                None => Err(Failure::on_command(code.as_deref())),
            },
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                self.run(now, request, route, &mut served)
            }
        };
        if let Err(failure) = &outcome {
            let detail = format!("{step}: {} {}", failure.code, failure.text);
            self.floor.note(now, &served.account, None, JournalKind::Refused, &detail);
        }
        let answer = self.http_answer(now, &outcome, served.standing);
        self.answer(now, &treatment, Output::Http(id, answer), out);
        self.push_orders(now, &served.account, &served.changed, out);
    }

    fn run(
        &mut self,
        now: Now,
        request: &HttpIn<'_>,
        route: &'static Route,
        served: &mut Served,
    ) -> Result<Done, Failure> {
        if self.floor.has(&Fault::Maintenance) && route.access != Access::Always {
            return Err(Failure::new(10_016, "Server error."));
        }
        let params = params(request)?;
        let mut key = String::new();
        if route.access == Access::Private {
            let account = auth::http(&self.floor, request, now.wall)?;
            key.clone_from(&account.key);
            served.account.clone_from(&account.name);
        }
        let call = Call { now, account: &served.account, key: &key, conn: None, params: &params };
        (route.act)(self, &call, &mut served.standing, &mut served.changed)
    }

    fn http_answer(&mut self, now: Now, outcome: &Result<Done, Failure>, standing: Option<Standing>) -> HttpOut {
        let status = match outcome {
            Err(failure) if failure.code == 10_003 => u16::try_from(self.knobs.invalid_key_status).unwrap_or(200),
            Ok(_) | Err(_) => 200,
        };
        let mut answer = HttpOut::json(status, wire::envelope(outcome, now.wall));
        answer.headers.push(("date".into(), http_date(now.wall)));
        answer.headers.push(("Traceid".into(), self.trace()));
        if let Some(standing) = standing {
            answer.headers.push(("X-Bapi-Limit".into(), standing.limit.to_string()));
            answer.headers.push(("X-Bapi-Limit-Status".into(), standing.left.to_string()));
            answer.headers.push(("X-Bapi-Limit-Reset-Timestamp".into(), reset_stamp(now, standing)));
        }
        answer
    }
}

/// The permission that orders of this category need.
pub fn permission(category: &str) -> &'static str {
    match category {
        "spot" => "Spot",
        "option" => "Options",
        _ => "ContractTrade",
    }
}

/// A fault's code of the form `HTTP 502` asks for a bare status.
fn status_on_command(code: &str) -> Option<u16> {
    code.strip_prefix("HTTP ")?.parse().ok()
}

/// Query or body as one object.
fn params(request: &HttpIn<'_>) -> Result<Value, Failure> {
    if request.method != "GET" {
        let body = if request.body.is_empty() { "{}" } else { request.body };
        return match serde_json::from_str(body) {
            Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
            Ok(_) | Err(_) => Err(Failure::params("the body is not a JSON object")),
        };
    }
    let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    let fields: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), unescape(value).into())).collect();
    Ok(Value::Object(fields))
}
