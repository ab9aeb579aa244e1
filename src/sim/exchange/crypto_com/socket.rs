//! One text frame on a websocket of the embedded Crypto.com: count it, apply faults, answer it.

use super::orders::Caller;
use super::quota::Quota;
use super::wire::{Refused, Reply, Request};
use super::{CryptoComExchange, Feed, Login, auth};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Fault, JournalKind, Output, Treatment};
use serde_json::{Value, json};

use super::knobs::{GetBeforeSet, LimitBy, ListReplies, Verdict};

impl CryptoComExchange {
    /// A text frame arrived.
    pub(super) fn hear(&mut self, now: Now, conn: ConnId, text: &str, out: &mut Vec<Output>) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        state.beats.heard(now.at);
        let request = match Request::read(text) {
            Ok(request) => request,
            Err(frame) => return out.push(Output::Text(conn, frame.to_string())),
        };
        if !self.within_limit(now, conn, &request) {
            return self.refuse_for_limit(now, conn, &request, out);
        }
        let usual = if request.method == "public/auth" { 40_101 } else { 50_001 };
        let treatment = self.floor.treatment(&request.method);
        let mut pushes = Vec::new();
        let outcome = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => Err(Refused::on_command(code.as_deref(), usual)),
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                self.perform(now, conn, &request, &mut pushes)
            }
        };
        if let Err(refused) = &outcome {
            let detail = format!("{} {}", request.method, refused.code);
            let account = self.account_of(conn);
            self.floor.note(now, &account, Some(conn), JournalKind::Refused, &detail);
        }
        let failed_login = request.method == "public/auth" && outcome.is_err();
        let frames = self.frames(&request, outcome);
        self.send(now, conn, frames, &treatment, out);
        out.append(&mut pushes);
        if failed_login && self.knobs.auth_failure_closes {
            self.close(now, conn, 1000, "failed login", out);
        }
    }

    /// The name of the account a connection is logged in to.
    pub(super) fn account_of(&self, conn: ConnId) -> String {
        self.conns.get(&conn).and_then(|s| s.login.as_ref()).map(|login| login.account.clone()).unwrap_or_default()
    }

    fn within_limit(&mut self, now: Now, conn: ConnId, request: &Request) -> bool {
        if request.method == "public/respond-heartbeat" && !self.knobs.heartbeat_answers_count {
            return true;
        }
        let Some(feed) = self.conns.get(&conn).map(|state| state.feed) else { return false };
        let limit = self.limit(feed);
        let Some(state) = self.conns.get_mut(&conn) else { return false };
        match (&state.login, self.knobs.limit_by) {
            (Some(login), LimitBy::Key) => {
                let fresh = || Quota::opening(now, limit, false, self.floor.factor);
                self.key_quotas.entry(login.key.clone()).or_insert_with(fresh).take(now.at, limit)
            }
            (Some(_), LimitBy::Connection) | (None, _) => state.quota.take(now.at, limit),
        }
    }

    fn refuse_for_limit(&mut self, now: Now, conn: ConnId, request: &Request, out: &mut Vec<Output>) {
        let refused = Refused::new(42_901);
        let account = self.account_of(conn);
        self.floor.note(now, &account, Some(conn), JournalKind::Refused, &format!("{} 42901", request.method));
        out.push(Output::Text(conn, request.refusal(&refused).to_string()));
        let often = self.conns.get(&conn).map_or(0, |state| state.quota.refused);
        if self.knobs.limit_closes_after != 0 && often >= self.knobs.limit_closes_after {
            self.close(now, conn, 1000, "rate limit", out);
        }
    }

    fn perform(
        &mut self,
        now: Now,
        conn: ConnId,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        if self.floor.has(&Fault::Maintenance) {
            return Err(Refused::saying(50_001, "MAINTENANCE"));
        }
        let Some(state) = self.conns.get(&conn) else { return Ok(Reply::Silent) };
        let (feed, armed, login) = (state.feed, state.armed, state.login.clone());
        match (feed, request.method.as_str()) {
            (_, "public/respond-heartbeat") => Ok(self.heartbeat_answered(now, conn, request)),
            (Feed::User, "public/auth") => self.log_in(now, conn, request),
            (Feed::Market, "subscribe" | "unsubscribe") => self.subscribe_market(conn, request),
            (Feed::User, method) => {
                let account = self.session_account(login, method)?;
                let caller = Caller { account, conn: Some(conn), armed };
                self.perform_private(now, conn, &caller, request, pushes)
            }
            (Feed::Market, _) => Err(Refused::new(40_002)),
        }
    }

    /// The account behind a session, as long as its key is good and may do this.
    fn session_account(&self, login: Option<Login>, method: &str) -> Result<String, Refused> {
        let private = method.starts_with("private/") || method == "subscribe" || method == "unsubscribe";
        if !private {
            return Err(Refused::new(40_002));
        }
        let account = login.and_then(|login| self.floor.accounts.get(&login.key)).filter(|account| account.valid);
        let account = account.ok_or_else(|| Refused::new(40_101))?;
        auth::permit(account, method)?;
        Ok(account.name.clone())
    }

    fn perform_private(
        &mut self,
        now: Now,
        conn: ConnId,
        caller: &Caller,
        request: &Request,
        pushes: &mut Vec<Output>,
    ) -> Result<Reply, Refused> {
        match request.method.as_str() {
            "private/set-cancel-on-disconnect" => self.set_switch(now, conn, caller, request),
            "private/get-cancel-on-disconnect" => self.read_switch(caller),
            "subscribe" => self.subscribe_user(conn, caller, request),
            "unsubscribe" => self.unsubscribe_user(now, conn, caller, request, pushes),
            method if method.starts_with("private/get-") || method == "private/user-balance" => {
                if !self.knobs.websocket_queries {
                    return Err(Refused::new(40_002));
                }
                self.method(now, caller, request, pushes)
            }
            _ => self.method(now, caller, request, pushes),
        }
    }

    fn log_in(&mut self, now: Now, conn: ConnId, request: &Request) -> Result<Reply, Refused> {
        let account = auth::verify(&self.floor, now, request)?;
        let login = Login { key: account.key.clone(), account: account.name.clone() };
        let Some(state) = self.conns.get_mut(&conn) else { return Ok(Reply::Silent) };
        if state.login.is_some() && self.knobs.repeated_auth == Verdict::Refuse {
            return Err(Refused::new(40_006));
        }
        self.floor.note(now, &login.account, Some(conn), JournalKind::LoggedIn, "public/auth");
        state.login = Some(login);
        Ok(Reply::Plain)
    }

    /// There is no reply to it (captured: 126 answers, no acknowledgement).
    fn heartbeat_answered(&mut self, now: Now, conn: ConnId, request: &Request) -> Reply {
        let timing = self.timing();
        let Some(state) = self.conns.get_mut(&conn) else { return Reply::Silent };
        let counts = state.beats.answered(now.at, request.id, self.knobs.any_heartbeat_id, &timing);
        if counts {
            let account = self.account_of(conn);
            self.floor.note(now, &account, Some(conn), JournalKind::LifeSign, "public/respond-heartbeat");
        }
        Reply::Silent
    }

    fn set_switch(&mut self, now: Now, conn: ConnId, caller: &Caller, request: &Request) -> Result<Reply, Refused> {
        match request.word("scope") {
            Some("CONNECTION") => {}
            Some("ACCOUNT") => return Err(Refused::new(self.knobs.account_scope_code)),
            Some(_) | None => return Err(Refused::new(40_004)),
        }
        if caller.armed && self.knobs.repeated_set == Verdict::Refuse {
            return Err(Refused::new(40_003));
        }
        if let Some(state) = self.conns.get_mut(&conn) {
            state.armed = true;
        }
        self.floor.note(now, &caller.account, Some(conn), JournalKind::SwitchSet, "CONNECTION");
        Ok(Reply::Result(json!({ "scope": "CONNECTION" })))
    }

    fn read_switch(&self, caller: &Caller) -> Result<Reply, Refused> {
        let betrayed = self.floor.has(&Fault::Dishonour) && !self.knobs.dishonour_reads_back;
        if caller.armed && !betrayed {
            return Ok(Reply::Result(json!({ "scope": "CONNECTION" })));
        }
        match self.knobs.get_before_set {
            GetBeforeSet::Null => Ok(Reply::Result(json!({ "scope": null }))),
            GetBeforeSet::Empty => Ok(Reply::Result(json!({}))),
            GetBeforeSet::Absent => Ok(Reply::Plain),
            GetBeforeSet::Error => Err(Refused::new(40_401)),
        }
    }

    /// The frames of an outcome, all with the request's id.
    fn frames(&self, request: &Request, outcome: Result<Reply, Refused>) -> Vec<Value> {
        match outcome {
            Err(refused) => vec![request.refusal(&refused)],
            Ok(Reply::Silent) => Vec::new(),
            Ok(Reply::Plain) => vec![request.success()],
            Ok(Reply::Result(result)) => vec![request.result(result)],
            Ok(Reply::NoError(result)) => {
                let mut frame = request.result(result);
                frame["message"] = json!("NO_ERROR");
                vec![frame]
            }
            Ok(Reply::Frames(frames)) => frames,
            Ok(Reply::Each(legs)) => match self.knobs.list_replies {
                ListReplies::Separate => legs.into_iter().map(|leg| request.leg(leg)).collect(),
                ListReplies::Array => vec![request.result(json!(request.legs(legs)))],
                ListReplies::ResultList => vec![request.result(json!({ "result_list": request.legs(legs) }))],
            },
        }
    }

    fn send(&mut self, now: Now, conn: ConnId, frames: Vec<Value>, how: &Treatment, out: &mut Vec<Output>) {
        let texts = frames.into_iter().map(|frame| Output::Text(conn, frame.to_string()));
        match how {
            Treatment::Normal | Treatment::Refuse(_) => out.extend(texts),
            Treatment::LoseRequest | Treatment::LoseAnswer => {}
            Treatment::Late(by) => texts.for_each(|text| self.delayed.put(now.at + *by, text)),
        }
    }
}
