//! One websocket at the venue: which socket it is, who logged in, what is subscribed, when it was last heard. It holds
//! no rules about time; `reaper.rs` and `dcp.rs` do.

use crate::model::Moment;
use crate::sim::exchange::ConnId;
use crate::sim::exchange::spelling::mix;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// The trade socket remembers this many request ids; the horizon of the venue is unknown.
const REQUEST_IDS_MAX: usize = 1_000;
/// No idle limit below this (spec section 3).
const LIMIT_LOW: u64 = 30;
/// Nor above this.
const LIMIT_HIGH: u64 = 600;
/// The alphabet of the venue's connection names.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// One connection.
#[derive(Debug)]
pub struct Conn {
    /// Which socket.
    pub socket: Socket,
    /// Its name in `conn_id` and `connId`.
    pub name: String,
    /// Idle limit in venue time.
    pub idle_limit: Duration,
    /// Last activity that the reaper counts.
    pub active: Moment,
    /// Who logged in.
    pub login: Option<Login>,
    /// Subscribed topics.
    pub topics: BTreeSet<String>,
    /// The last JSON ping.
    pub pinged: Option<Moment>,
    /// When the protection began to watch this connection's pings: its last dcp subscription or ping.
    pub watched: Moment,
    /// True once its pings stopped for too long; only with the knob that makes them count.
    pub silent: bool,
    request_ids: VecDeque<String>,
}

/// Which socket a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Socket {
    /// `/v5/private`.
    Private,
    /// `/v5/trade`.
    Trade,
    /// `/v5/public/…`.
    Public(Public),
}

/// The kind of a public socket; they answer differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Public {
    /// Spot.
    Spot,
    /// Linear and inverse.
    Futures,
    /// Option and spread.
    Option,
    /// `misc/status`.
    Status,
}

/// Who logged in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The API key.
    pub key: String,
    /// The account's name.
    pub account: String,
}

impl Conn {
    /// A connection that was just accepted; `None` when nothing is served at this path.
    pub fn open(id: ConnId, path: &str, idle_default: Duration, now: Moment) -> Option<Self> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Some(Self {
            socket: Socket::at(path)?,
            name: name(id),
            idle_limit: max_active_time(query).unwrap_or(idle_default),
            active: now,
            login: None,
            topics: BTreeSet::new(),
            pinged: None,
            watched: now,
            silent: false,
            request_ids: VecDeque::new(),
        })
    }

    /// Remembers a request id; false when it was used before.
    pub fn fresh_request_id(&mut self, id: &str) -> bool {
        if self.request_ids.iter().any(|used| used == id) {
            return false;
        }
        if self.request_ids.len() == REQUEST_IDS_MAX {
            self.request_ids.pop_front();
        }
        self.request_ids.push_back(id.to_owned());
        true
    }

    /// The account's name; `None` before the login.
    pub fn account(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.account.as_str())
    }

    /// True when rows of this order category are pushed here.
    pub fn wants_orders(&self, category: &str) -> bool {
        self.topics.contains("order") || self.topics.contains(&format!("order.{category}"))
    }
}

impl Socket {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/v5/private" => Some(Self::Private),
            "/v5/trade" => Some(Self::Trade),
            "/v5/public/spot" => Some(Self::Public(Public::Spot)),
            "/v5/public/linear" | "/v5/public/inverse" => Some(Self::Public(Public::Futures)),
            "/v5/public/option" | "/v5/public/spread" => Some(Self::Public(Public::Option)),
            "/v5/public/misc/status" => Some(Self::Public(Public::Status)),
            _ => None,
        }
    }
}

/// The idle limit asked for, clamped to what the venue allows (the clamping is invented; spec section 18).
fn max_active_time(query: &str) -> Option<Duration> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("max_active_time="))?;
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => number,
        "m" => number.saturating_mul(60),
        _ => return None,
    };
    Some(Duration::from_secs(seconds.clamp(LIMIT_LOW, LIMIT_HIGH)))
}

/// A name of the observed form: twenty characters, a dash, a short suffix.
fn name(id: ConnId) -> String {
    let mut rest = mix(id.0);
    let mut text = String::from("d");
    for place in 0..19 {
        if place == 12 {
            rest = mix(rest ^ id.0);
        }
        text.push(char::from(ALPHABET[(rest % 32) as usize]));
        rest /= 32;
    }
    format!("{text}-{:x}", id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_limit_is_read_in_seconds_and_minutes_and_clamped() {
        let limit = |query: &str| max_active_time(query).map(|limit| limit.as_secs());
        assert_eq!(limit("max_active_time=30s"), Some(30));
        assert_eq!(limit("x=1&max_active_time=2m"), Some(120));
        assert_eq!(limit("max_active_time=5s"), Some(30));
        assert_eq!(limit("max_active_time=60m"), Some(600));
        assert_eq!(limit("max_active_time=abc"), None);
        assert_eq!(limit("max_alive_time=30s"), None, "the former name has no effect");
    }

    #[test]
    fn names_differ_and_have_the_observed_form() {
        let names: BTreeSet<String> = (0..200).map(|n| name(ConnId(n))).collect();
        assert_eq!(names.len(), 200);
        assert!(names.iter().all(|name| name.split_once('-').is_some_and(|(head, _)| head.len() == 20)));
    }
}
