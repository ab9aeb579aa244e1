//! Tokens of the embedded Deribit (specification, sections 3.1 and 3.5): pairs of access and refresh token that live
//! with a connection, with a named session, or, when they were issued over HTTP, by themselves.

use super::knobs::Eviction;
use super::scope::Scope;
use crate::model::Moment;
use crate::sim::exchange::ConnId;
use crate::sim::exchange::sign::hmac_sha256_hex;
use std::collections::VecDeque;

/// Pairs remembered; the oldest are forgotten first.
const TOKENS_MAX: usize = 4096;
/// Named sessions of one key.
const SESSIONS_MAX: usize = 16;

/// Every living pair, oldest first.
#[derive(Default)]
pub struct Tokens {
    pairs: VecDeque<Pair>,
    issued: u64,
}

/// One pair. It has no `Debug`: tokens are secrets.
#[derive(Clone)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// Whose key.
    pub key: String,
    /// The account's name.
    pub account: String,
    /// What it may do.
    pub scope: Scope,
    /// Where it is good.
    pub home: Home,
    /// Until when the access token is good.
    pub expires: Moment,
}

/// Where a pair is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// On this connection.
    Conn(ConnId),
    /// Over HTTP.
    Http,
    /// Everywhere, as part of a named session.
    Session,
}

impl Tokens {
    /// Issues a pair. Its text follows from the secret and a counter, so that runs repeat.
    pub fn issue(&mut self, secret: &str, mut pair: Pair) -> Pair {
        self.issued += 1;
        let text = |kind: &str| {
            let spell =
                |part: u32| hmac_sha256_hex(secret.as_bytes(), format!("{kind} {part} {}", self.issued).as_bytes());
            format!("{}.1{}{}", self.issued, spell(1), spell(2))
        };
        (pair.access, pair.refresh) = (text("access"), text("refresh"));
        if self.pairs.len() == TOKENS_MAX {
            self.pairs.pop_front();
        }
        self.pairs.push_back(pair.clone());
        pair
    }

    /// The living pair of an access token, where it is good.
    pub fn by_access(&self, at: Moment, token: &str, here: Home) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.access == token && pair.good(here) && pair.expires > at)
    }

    /// Takes the pair of a refresh token, where it is good: it can be used once.
    pub fn take_refresh(&mut self, token: &str, here: Home) -> Option<Pair> {
        let index = self.pairs.iter().position(|pair| pair.refresh == token && pair.good(here))?;
        self.pairs.remove(index)
    }

    /// Every access token is past its time; refresh tokens stay good.
    pub fn expire_all(&mut self) {
        self.pairs.iter_mut().for_each(Pair::expire);
    }

    /// A connection ended: its own pairs end with it.
    pub fn forget_conn(&mut self, conn: ConnId) {
        self.pairs.retain(|pair| pair.home != Home::Conn(conn));
    }

    /// A session was logged out.
    pub fn forget_session(&mut self, key: &str, name: &str) {
        self.pairs.retain(|pair| pair.key != key || pair.scope.session.as_deref() != Some(name));
    }

    /// The session that must go before `name` can begin: 16 of a key are the most.
    pub fn crowded_out(&self, key: &str, name: &str, eviction: Eviction) -> Option<String> {
        let mut sessions: Vec<(&str, Moment)> = Vec::new();
        for pair in self.pairs.iter().filter(|pair| pair.key == key) {
            if let Some(session) = pair.scope.session.as_deref() {
                sessions.retain(|(known, _)| *known != session);
                sessions.push((session, pair.expires));
            }
        }
        if sessions.len() < SESSIONS_MAX || sessions.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let leaving = match eviction {
            Eviction::Oldest => sessions.first(),
            Eviction::Shortest => sessions.iter().min_by_key(|(_, expires)| *expires),
        };
        leaving.map(|(session, _)| (*session).to_owned())
    }
}

impl Pair {
    /// Its access token is past its time.
    pub fn expire(&mut self) {
        self.expires = Moment::default();
    }

    fn good(&self, here: Home) -> bool {
        self.home == Home::Session || self.home == here
    }
}
