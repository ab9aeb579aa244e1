//! One text frame on a websocket of the embedded Deribit: note the sign of life, count credits, apply faults, answer.

use super::limits::Class;
use super::switch::anonymous;
use super::wire::{Refused, Request};
use super::{DeribitExchange, End};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Fault, JournalKind, Output, Treatment};
use serde_json::{Value, json};
use std::time::Duration;

/// The shortest heartbeat interval in seconds.
const INTERVAL_S_MIN: f64 = 10.0;

impl DeribitExchange {
    /// A text frame arrived.
    pub(super) fn hear(&mut self, now: Now, conn: ConnId, text: &str, out: &mut Vec<Output>) {
        if !self.conns.contains_key(&conn) {
            return;
        }
        let request = match Request::read(now, self.knobs.testnet, text) {
            Ok(request) => request,
            Err(frame) => {
                self.note_life(now, conn, "");
                return self.say(now, conn, &frame, out);
            }
        };
        let treatment = self.floor.treatment(&request.method);
        if treatment == Treatment::LoseRequest {
            return;
        }
        self.note_life(now, conn, &request.method);
        if !self.has_credits(now, conn, &request.method) {
            return self.refuse_for_credits(now, conn, &request, out);
        }
        let mut pushes = Vec::new();
        let outcome = match &treatment {
            Treatment::Refuse(code) => Err(Refused::on_command(code.as_deref(), usual_code(&request.method))),
            Treatment::Normal | Treatment::LoseRequest | Treatment::LoseAnswer | Treatment::Late(_) => {
                if request.method == "private/logout" && self.caller(now, conn, &request).is_ok() {
                    return self.log_out(now, conn, &request, out);
                }
                self.perform(now, conn, &request, &mut pushes)
            }
        };
        self.note_refusal(now, Some(conn), &request.method, &outcome);
        let terminated = outcome.as_ref().is_err_and(|refused| refused.code == 10_028);
        self.answer(now, conn, &request, outcome, &treatment, out);
        out.append(&mut pushes);
        if terminated {
            self.terminate(now, conn, out);
        }
    }

    /// Writes a refusal into the journal.
    pub(super) fn note_refusal<T>(
        &mut self,
        now: Now,
        conn: Option<ConnId>,
        method: &str,
        outcome: &Result<T, Refused>,
    ) {
        if let Err(refused) = outcome {
            let account = conn.map(|conn| self.account_of(conn)).unwrap_or_default();
            self.floor.note(now, &account, conn, JournalKind::Refused, &format!("{method} {}", refused.code));
        }
    }

    fn note_life(&mut self, now: Now, conn: ConnId, method: &str) {
        let test = method == "public/test";
        let (counts, answers) = (test || self.knobs.any_frame_counts, test || self.knobs.any_frame_answers);
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let answered = state.beats.heard(now.at, counts, answers);
        if test || answered {
            let account = self.account_of(conn);
            self.floor.note(now, &account, Some(conn), JournalKind::LifeSign, method);
        }
    }

    fn has_credits(&mut self, now: Now, conn: ConnId, method: &str) -> bool {
        let whose = match self.account_of(conn) {
            account if account.is_empty() => anonymous(conn),
            account => account,
        };
        let class = Class::of(method);
        !self.knobs.rate_limits || self.limits.take(now.at, &whose, class, &self.knobs, self.floor.factor)
    }

    /// No credits: an error, and the session is terminated (section 13).
    fn refuse_for_credits(&mut self, now: Now, conn: ConnId, request: &Request, out: &mut Vec<Output>) {
        let refused = Refused::new(10_028);
        self.note_refusal(now, Some(conn), &request.method, &Err::<(), _>(refused.clone()));
        let frame = request.error(now, self.knobs.testnet, &refused);
        self.say(now, conn, &frame, out);
        self.terminate(now, conn, out);
    }

    fn terminate(&mut self, now: Now, conn: ConnId, out: &mut Vec<Output>) {
        let code = u16::try_from(self.knobs.rate_close_code).unwrap_or(1000);
        self.close(now, conn, code, "", End::RateLimit, out);
    }

    /// No response; orders stay, and nothing watches over them any more (section 7.1).
    fn log_out(&mut self, now: Now, conn: ConnId, request: &Request, out: &mut Vec<Output>) {
        self.forget_login(conn, request);
        let account = self.account_of(conn);
        if self.conns.get(&conn).is_some_and(|state| state.armed.is_some()) {
            self.floor.note(now, &account, Some(conn), JournalKind::SwitchOff, "logout");
        }
        let code = u16::try_from(self.knobs.logout_close_code).unwrap_or(1000);
        self.close(now, conn, code, "", End::Logout, out);
    }

    fn perform(
        &mut self,
        now: Now,
        conn: ConnId,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Value, Refused> {
        if self.floor.has(&Fault::Maintenance) {
            return Err(Refused::new(11_051));
        }
        match request.method.as_str() {
            "public/auth" => self.log_in(now, Some(conn), request),
            "public/hello" => {
                request.need("client_name")?;
                request.need("client_version")?;
                Ok(json!({ "version": super::methods::VERSION }))
            }
            "public/set_heartbeat" => self.set_heartbeat(now, conn, request),
            "public/disable_heartbeat" => {
                self.set_interval(now, conn, None);
                Ok(json!("ok"))
            }
            "public/subscribe" | "public/unsubscribe" | "public/unsubscribe_all" => self.channels(conn, request),
            method if method.starts_with("private/") => {
                let caller = self.caller(now, conn, request)?;
                match method {
                    "private/subscribe" | "private/unsubscribe" | "private/unsubscribe_all" => {
                        self.channels(conn, request)
                    }
                    _ => self.private_method(now, &caller, request, pushes),
                }
            }
            _ => self.public_method(now, request),
        }
    }

    fn set_heartbeat(&mut self, now: Now, conn: ConnId, request: &Request) -> Result<Value, Refused> {
        let most = f64::from(self.knobs.interval_max_s);
        let interval = request.number("interval")?.filter(|interval| (INTERVAL_S_MIN..=most).contains(interval));
        let interval = interval.ok_or_else(|| Refused::param("interval", "must be at least 10"))?;
        self.set_interval(now, conn, Some(self.floor.scaled(Duration::from_secs_f64(interval))));
        Ok(json!("ok"))
    }

    fn set_interval(&mut self, now: Now, conn: ConnId, interval: Option<Duration>) {
        if let Some(state) = self.conns.get_mut(&conn) {
            state.beats.set_interval(now.at, interval);
        }
    }

    fn answer(
        &mut self,
        now: Now,
        conn: ConnId,
        request: &Request,
        outcome: Result<Value, Refused>,
        how: &Treatment,
        out: &mut Vec<Output>,
    ) {
        if request.method == "public/test" && self.floor.has(&Fault::SilentPings) {
            return;
        }
        let testnet = self.knobs.testnet;
        let frame = match outcome {
            Ok(result) => request.result(now, testnet, result),
            Err(refused) => request.error(now, testnet, &refused),
        };
        match how {
            Treatment::Normal | Treatment::Refuse(_) => self.say(now, conn, &frame, out),
            Treatment::LoseRequest | Treatment::LoseAnswer => {}
            Treatment::Late(by) => self.delayed.put(now.at + *by, Output::Text(conn, frame.to_string())),
        }
    }
}

/// The error a refusal on command has when the fault names none.
pub fn usual_code(method: &str) -> i64 {
    match method {
        "public/auth" => 13_004,
        "private/enable_cancel_on_disconnect" => 10_049,
        _ => 11_094,
    }
}
