//! What the embedded Kraken promises, each against the section of the specification it comes from. The helpers are a
//! client of their own: they sign and spell as the specification says.

mod faults;
mod http;
mod orders;
mod stream;
mod switch;
mod tokens;

use super::KrakenExchange;
use crate::model::{Now, TimeFactor};
use crate::sim::exchange::rig::Rig;
use crate::sim::exchange::sign::{from_base64, hmac_sha512_base64, sha256};
use crate::sim::exchange::{ConnId, Exchange, Fault, HttpOut, JournalKind};
use serde_json::{Value, json};

const KEY: &str = "key-1";
const SECRET: &str = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
const OTHER_KEY: &str = "key-2";
const OTHER_SECRET: &str = "c2Vjb25kIHNlY3JldA==";

/// A client with its own nonces at a venue with two keys of one account.
struct Client {
    rig: Rig<KrakenExchange>,
    nonce: u64,
}

impl Client {
    fn new(factor: f64) -> Self {
        let mut venue = KrakenExchange::new(TimeFactor::new(factor).unwrap());
        venue.floor_mut().add_account(KEY, SECRET, "main");
        venue.floor_mut().add_account(OTHER_KEY, OTHER_SECRET, "main");
        Self { rig: Rig::new(venue), nonce: 1_000 }
    }

    /// A signed call with this key and nonce; `None` when it is not answered at once.
    fn sign(&mut self, key: &str, secret: &str, nonce: u64, call: &str, fields: &str) -> Option<HttpOut> {
        let body = if fields.is_empty() { format!("nonce={nonce}") } else { format!("nonce={nonce}&{fields}") };
        let path = format!("/0/private/{call}");
        let message = [path.as_bytes(), &sha256(format!("{nonce}{body}").as_bytes())].concat();
        let signature = hmac_sha512_base64(&from_base64(secret).unwrap(), &message);
        self.rig.call("POST", &path, &[("api-key", key), ("api-sign", &signature)], &body)
    }

    fn try_post(&mut self, call: &str, fields: &str) -> Option<Value> {
        self.nonce += 1;
        let answer = self.sign(KEY, SECRET, self.nonce, call, fields)?;
        Some(serde_json::from_str(&answer.body).unwrap())
    }

    fn post(&mut self, call: &str, fields: &str) -> Value {
        self.try_post(call, fields).expect("an answer at once")
    }

    fn token(&mut self) -> String {
        let answer = self.post("GetWebSocketsToken", "");
        answer["result"]["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// A connection subscribed to executions, and its token.
    fn session(&mut self) -> (ConnId, String) {
        let token = self.token();
        let conn = self.rig.open("/v2");
        let answers = self.subscribe(conn, &token);
        assert_eq!(answers[0]["success"], true, "{answers:?}");
        (conn, token)
    }

    fn subscribe(&mut self, conn: ConnId, token: &str) -> Vec<Value> {
        let params = json!({"channel": "executions", "token": token});
        self.rig.say(conn, &json!({"method": "subscribe", "params": params, "req_id": 7}))
    }

    fn timer(&mut self, conn: ConnId, token: &str, timeout: u64) -> Value {
        let params = json!({"timeout": timeout, "token": token});
        self.rig.ask(conn, &json!({"method": "cancel_all_orders_after", "params": params, "req_id": 1}))
    }

    /// Rests an order over HTTP and returns its id.
    fn rest(&mut self) -> String {
        let answer = self.post("AddOrder", "ordertype=limit&pair=XBTUSD&price=100&type=buy&volume=1.25");
        answer["result"]["txid"][0].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn open_orders(&self) -> usize {
        self.rig.venue.floor().open_orders(|_| true).len()
    }

    fn knob(&mut self, name: &str, value: &str) {
        self.rig.venue.set_knob(name, value).unwrap();
    }

    fn apply(&mut self, fault: Fault) {
        self.rig.venue.floor_mut().apply(Now::default(), fault);
    }

    fn lacks(&mut self, permissions: &[&str]) {
        let account = self.rig.venue.floor_mut().accounts.get_mut(KEY).unwrap();
        account.lacks = permissions.iter().map(|permission| (*permission).to_owned()).collect();
    }

    /// When the switch fired, in milliseconds.
    fn tripped(&self) -> Vec<u64> {
        self.rig.journal(JournalKind::Tripped).iter().map(|entry| entry.at.nanos() / 1_000_000).collect()
    }

    /// What would happen by when, in milliseconds.
    fn foretold(&self, conns: &[ConnId]) -> Option<u64> {
        self.rig.venue.would_trip_by(self.rig.now().at, conns).map(|at| at.nanos() / 1_000_000)
    }

    /// Updates of a channel on a connection, with their time.
    fn updates(&self, conn: ConnId) -> Vec<(u64, Value)> {
        let heard = self.rig.heard(conn).into_iter();
        heard.filter(|(_, message)| message["channel"] == "executions" && message["type"] == "update").collect()
    }
}
