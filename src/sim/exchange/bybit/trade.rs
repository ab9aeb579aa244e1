//! The trade socket (spec sections 4, 10 and 11): login, and orders with per-request timestamps. It has no topics, so
//! its death never fires anything.

use super::BybitExchange;
use super::auth;
use super::conn::Login;
use super::limits::{PER, Standing};
use super::orders::{Call, ID_MAX, category};
use super::wire::{self, Done, Failure, Request};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Fault, Output, Treatment};
use serde_json::{Value, json};

/// Permission codes: the refusals that were seen to come without `reqId`.
const PERMISSION_CODES: [i64; 3] = [10_003, 10_005, 10_010];

impl BybitExchange {
    /// One message on the trade socket that is not a ping.
    pub(super) fn trade(&mut self, now: Now, id: ConnId, request: Request, out: &mut Vec<Output>) {
        let treatment = self.floor.treatment(&request.op);
        if treatment == Treatment::LoseRequest {
            return;
        }
        if request.op == "auth" {
            return self.trade_login(now, id, &request, &treatment, out);
        }
        let login = self.conns.get(&id).and_then(|conn| conn.login.clone());
        let mut changed = Vec::new();
        let mut standing = None;
        let outcome = match &treatment {
            Treatment::Refuse(code) => Err(Failure::on_command(code.as_deref())),
            Treatment::Normal | Treatment::LoseAnswer | Treatment::LoseRequest | Treatment::Late(_) => {
                self.trade_request(now, id, login.as_ref(), &request, &mut standing, &mut changed)
            }
        };
        let header = self.trade_answer_header(now, standing);
        let name = self.conn_name(id);
        let answer = match outcome {
            Ok(done) => wire::trade_done(&request, &name, done, header),
            Err(failure) => {
                self.note_refused(now, id, &format!("{}: {} {}", request.op, failure.code, failure.text));
                let with_id = !(self.knobs.omit_request_id && PERMISSION_CODES.contains(&failure.code));
                wire::trade_failed(&request, &name, &failure, header, with_id)
            }
        };
        self.answer(now, &treatment, Output::Text(id, answer), out);
        if let Some(login) = login {
            self.push_orders(now, &login.account, &changed, out);
        }
    }

    fn trade_login(&mut self, now: Now, id: ConnId, request: &Request, treatment: &Treatment, out: &mut Vec<Output>) {
        let again = self.conns.get(&id).is_some_and(|conn| conn.login.is_some());
        let outcome = match treatment {
            Treatment::Refuse(code) => Err(Failure::on_command(code.as_deref())),
            _ if again => Err(Failure::new(20_001, "Repeat auth")),
            Treatment::Normal | Treatment::LoseAnswer | Treatment::LoseRequest | Treatment::Late(_) => {
                self.log_in(now, id, request).map_err(auth::LoginError::trade)
            }
        };
        let answer = wire::trade_auth(request, &self.conn_name(id), outcome.as_ref().copied());
        self.answer(now, treatment, Output::Text(id, answer), out);
        if let Err(failure) = &outcome {
            self.note_refused(now, id, &format!("auth: {} {}", failure.code, failure.text));
        }
        if outcome.is_err() && !again {
            self.drop_after_failed_login(now, id, out);
        }
    }

    fn trade_request(
        &mut self,
        now: Now,
        id: ConnId,
        login: Option<&Login>,
        request: &Request,
        standing: &mut Option<Standing>,
        changed: &mut Vec<u64>,
    ) -> Result<Done, Failure> {
        if !self.limits.trade(now.at, self.floor.scaled(PER)) {
            return Err(Failure::new(10_403, "Exceed the ip rate limit"));
        }
        let unauthed = Failure::new(i64::from(self.knobs.unauthed_code), "Permission denied for current apikey");
        let login = login.ok_or(unauthed)?;
        if self.knobs.trade_restarting {
            return Err(Failure::new(10_019, "ws trade service is restarting, do not send new request"));
        }
        let operation = request.op.strip_prefix("order.").filter(|operation| is_operation(operation));
        let operation = operation.ok_or_else(|| Failure::new(10_404, "op type is not found"))?;
        self.check_request_id(id, request)?;
        auth::trade_header(&request.header, now.wall)?;
        if self.floor.has(&Fault::Maintenance) {
            return Err(Failure::new(10_016, "Service is restarting"));
        }
        let params = request.args.first().unwrap_or(&Value::Null);
        let call = Call { now, account: &login.account, key: &login.key, conn: Some(id), params };
        // An op with a bad category is refused with 10404 here, not with 10001 as over HTTP (spec section 10).
        category(params).map_err(|_| Failure::new(10_404, "category is not correct"))?;
        self.order_operation(operation, &call, standing, changed)
    }

    fn check_request_id(&mut self, id: ConnId, request: &Request) -> Result<(), Failure> {
        let Some(Value::String(request_id)) = &request.id else { return Ok(()) };
        if request_id.len() > ID_MAX {
            return Err(Failure::params("reqId is longer than 36 characters"));
        }
        let fresh = self.conns.get_mut(&id).is_some_and(|conn| conn.fresh_request_id(request_id));
        if fresh { Ok(()) } else { Err(Failure::new(20_006, "Duplicate reqId")) }
    }

    fn trade_answer_header(&mut self, now: Now, standing: Option<Standing>) -> Value {
        let mut header = json!({"Traceid": self.trace(), "Timenow": now.wall.millis().to_string()});
        if let Some(standing) = standing {
            header["X-Bapi-Limit"] = standing.limit.to_string().into();
            header["X-Bapi-Limit-Status"] = standing.left.to_string().into();
            header["X-Bapi-Limit-Reset-Timestamp"] = reset_stamp(now, standing).into();
        }
        header
    }
}

/// When a request of this kind is granted again: now, unless the limit was exceeded.
pub fn reset_stamp(now: Now, standing: Standing) -> String {
    let wait = u64::try_from(standing.wait.as_millis()).unwrap_or(u64::MAX);
    now.wall.millis().saturating_add(wait).to_string()
}

fn is_operation(operation: &str) -> bool {
    ["create", "amend", "cancel", "create-batch", "amend-batch", "cancel-batch"].contains(&operation)
}
