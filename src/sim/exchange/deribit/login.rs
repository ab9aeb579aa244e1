//! Sessions at the embedded Deribit: issuing, renewing and taking back tokens, and who may call what (specification,
//! sections 3.4 to 3.6).

use super::knobs::TokenExpiry;
use super::orders::Caller;
use super::scope::Scope;
use super::tokens::{Home, Pair};
use super::wire::{Refused, Request};
use super::{DeribitExchange, auth};
use crate::model::{Moment, Now};
use crate::sim::exchange::{Account, ConnId, JournalKind};
use serde_json::{Value, json};
use std::time::Duration;

impl DeribitExchange {
    /// `public/auth`, on a connection or over HTTP.
    pub(super) fn log_in(&mut self, now: Now, conn: Option<ConnId>, request: &Request) -> Result<Value, Refused> {
        let here = conn.map_or(Home::Http, Home::Conn);
        let pair = match request.need("grant_type")? {
            "refresh_token" => self.refreshed(now, here, request.need("refresh_token")?)?,
            _ => self.proven(now, here, request)?,
        };
        let mut result = json!({
            "access_token": pair.access, "refresh_token": pair.refresh, "token_type": "bearer",
            "expires_in": pair.expires.since(now.at).as_secs(), "scope": pair.scope.text(), "enabled_features": []
        });
        if let Some(state) = request.word("state") {
            result["state"] = json!(state);
        }
        if let Some(session) = &pair.scope.session {
            result["sid"] = json!(session);
        }
        self.floor.note(now, &pair.account, conn, JournalKind::LoggedIn, "public/auth");
        if let Some(conn) = conn {
            self.attach(now, conn, pair);
        }
        Ok(result)
    }

    /// Who calls a private method on a connection: a token in the parameters, or the socket's own login.
    pub(super) fn caller(&self, now: Now, conn: ConnId, request: &Request) -> Result<Caller, Refused> {
        let state = self.conns.get(&conn).ok_or_else(|| Refused::unauthorized("invalid_token"))?;
        let pair = match request.word("access_token") {
            Some(token) => self.tokens.by_access(now.at, token, Home::Conn(conn)),
            None => state.login.as_ref(),
        };
        let pair = pair.ok_or_else(|| Refused::unauthorized("invalid_token"))?;
        if pair.expires <= now.at && self.knobs.token_expiry != TokenExpiry::Ignore {
            return Err(Refused::unauthorized("token has expired"));
        }
        self.check(&pair.key, &pair.scope, &request.method)?;
        let armed = state.armed.as_deref() == Some(pair.account.as_str());
        Ok(Caller { account: pair.account.clone(), conn: Some(conn), armed })
    }

    /// Who calls a private method over HTTP with a bearer token.
    pub(super) fn bearer(&self, now: Now, token: &str, method: &str) -> Result<Caller, Refused> {
        let pair = self.tokens.by_access(now.at, token, Home::Http);
        let pair = pair.ok_or_else(|| Refused::unauthorized("invalid_token"))?;
        self.check(&pair.key, &pair.scope, method)?;
        Ok(Caller { account: pair.account.clone(), conn: None, armed: false })
    }

    /// `private/logout`: takes the tokens of the session back unless told otherwise.
    pub(super) fn forget_login(&mut self, conn: ConnId, request: &Request) {
        let session = self.conns.get(&conn).and_then(|state| state.login.as_ref()).and_then(|pair| {
            let name = pair.scope.session.clone()?;
            Some((pair.key.clone(), name))
        });
        if let Some((key, name)) = session.filter(|_| request.flag("invalidate_token").unwrap_or(true)) {
            self.tokens.forget_session(&key, &name);
        }
    }

    fn check(&self, key: &str, scope: &Scope, method: &str) -> Result<(), Refused> {
        if !self.floor.accounts.get(key).is_some_and(|account| account.valid) {
            return Err(Refused::unauthorized("invalid_token"));
        }
        if scope.allows(method) { Ok(()) } else { Err(Refused::new(13_021)) }
    }

    fn proven(&mut self, now: Now, here: Home, request: &Request) -> Result<Pair, Refused> {
        let account = auth::prove(&self.floor, now, &self.knobs, &mut self.nonces, request)?;
        let scope = Scope::grant(account, request.word("scope").unwrap_or_default());
        let (secret, pair) = (account.secret.clone(), self.fresh_pair(now.at, here, account, scope));
        let eviction = self.knobs.session_eviction;
        let name = pair.scope.session.as_deref();
        if let Some(leaving) = name.and_then(|name| self.tokens.crowded_out(&pair.key, name, eviction)) {
            self.evict(&pair.key, &leaving);
        }
        Ok(self.tokens.issue(&secret, pair))
    }

    fn refreshed(&mut self, now: Now, here: Home, token: &str) -> Result<Pair, Refused> {
        let invalid = || Refused::unauthorized("invalid_token");
        let old = self.tokens.take_refresh(token, here).ok_or_else(invalid)?;
        let account = self.floor.accounts.get(&old.key).filter(|account| account.valid).ok_or_else(invalid)?;
        let (secret, pair) = (account.secret.clone(), self.fresh_pair(now.at, here, account, old.scope));
        Ok(self.tokens.issue(&secret, pair))
    }

    fn fresh_pair(&self, at: Moment, here: Home, account: &Account, scope: Scope) -> Pair {
        let usual = u64::from(self.knobs.token_lifetime_s);
        let life = Duration::from_secs(scope.expires_s.unwrap_or(usual).min(usual));
        Pair {
            access: String::new(),
            refresh: String::new(),
            key: account.key.clone(),
            account: account.name.clone(),
            home: if scope.session.is_some() { Home::Session } else { here },
            scope,
            expires: at + life,
        }
    }

    fn attach(&mut self, now: Now, conn: ConnId, pair: Pair) {
        let account = pair.account.clone();
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let again = state.login.replace(pair).is_some();
        self.switch_at_login(now, conn, &account, again);
    }

    /// A crowded-out session: its tokens and the logins made with them are gone.
    fn evict(&mut self, key: &str, session: &str) {
        self.tokens.forget_session(key, session);
        for state in self.conns.values_mut() {
            let evicted = |pair: &Pair| pair.key == key && pair.scope.session.as_deref() == Some(session);
            state.login.take_if(|pair| evicted(pair));
        }
    }
}
