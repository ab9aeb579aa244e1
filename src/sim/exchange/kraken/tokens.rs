//! Websocket tokens (spec section 3): made over HTTP, good for fifteen minutes unless a live private subscription holds
//! them, and never the reason for a close.

use super::KrakenExchange;
use super::auth::Signer;
use super::wire::Refused;
use crate::model::{Moment, Now};
use crate::sim::exchange::{ConnId, JournalKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use std::collections::BTreeMap;

/// The tokens made so far that may still be good.
#[derive(Debug, Default)]
pub struct Tokens {
    made: BTreeMap<String, Token>,
    count: u64,
}

#[derive(Debug)]
struct Token {
    signer: Signer,
    made: Moment,
    invalidated: bool,
}

impl Tokens {
    /// Invalidates every token made so far; no connection is closed for it.
    pub fn invalidate_all(&mut self) {
        for token in self.made.values_mut() {
            token.invalidated = true;
        }
    }
}

impl KrakenExchange {
    /// Makes a token and forgets those that can never be good again.
    pub(super) fn make_token(&mut self, now: Now, signer: &Signer) -> String {
        let stale: Vec<String> =
            self.tokens.made.keys().filter(|text| !self.token_lives(now.at, text)).cloned().collect();
        for text in stale {
            self.tokens.made.remove(&text);
        }
        self.tokens.count += 1;
        let seed = format!("{}:{}:{}", self.tokens.count, now.wall.nanos(), signer.key);
        let text = STANDARD_NO_PAD.encode(crate::sim::exchange::sign::sha256(seed.as_bytes()));
        let token = Token { signer: signer.clone(), made: now.at, invalidated: false };
        self.tokens.made.insert(text.clone(), token);
        text
    }

    /// Whose token the params hold, or why it is refused. The first good one on a connection is its login.
    pub(super) fn token_owner(&mut self, now: Now, id: ConnId, params: &Value) -> Result<Signer, Refused> {
        let text = params.get("token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = text.ok_or("Token(s) not found")?;
        let token = self.tokens.made.get(text).ok_or("ESession:Invalid session")?;
        let signer = token.signer.clone();
        let key_is_good = self.floor.accounts.get(&signer.key).is_some_and(|account| account.valid);
        if !self.token_lives(now.at, text) || !key_is_good {
            return Err("EAPI:Invalid token".to_owned());
        }
        let Some(conn) = self.conns.get_mut(&id) else { return Err("ESession:Invalid session".to_owned()) };
        if conn.account.as_deref() != Some(&signer.account) {
            conn.account = Some(signer.account.clone());
            self.floor.note(now, &signer.account, Some(id), JournalKind::LoggedIn, "token");
        }
        Ok(signer)
    }

    fn token_lives(&self, now: Moment, text: &str) -> bool {
        let Some(token) = self.tokens.made.get(text).filter(|token| !token.invalidated) else { return false };
        let young = now < token.made + self.floor.scaled(self.knobs.token_ms.length());
        let subscriptions = self.conns.values().flat_map(|conn| conn.subscriptions.values());
        young || subscriptions.into_iter().any(|subscription| subscription.token.as_deref() == Some(text))
    }
}
