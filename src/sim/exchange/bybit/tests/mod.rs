//! What the embedded Bybit promises, each against the section of the specification it comes from. The helpers are a
//! client of their own: they sign and spell as the specification says.

mod faults;
mod foretell;
mod http;
mod login;
mod orders;
mod protection;

use super::BybitExchange;
use crate::model::TimeFactor;
use crate::sim::exchange::rig::Rig;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{ConnId, Exchange, HttpOut};
use serde_json::{Value, json};

const KEY: &str = "KILLCORDTESTKEY001";
const SECRET: &str = "killcord-dummy-secret-0123456789abcdef";
const OTHER_KEY: &str = "KILLCORDTESTKEY002";
const OTHER_SECRET: &str = "another-dummy-secret";
const GUARD: &str = "/v5/private?max_active_time=30s";
const TRADE: &str = "/v5/trade";

/// A venue with two keys of one account.
fn rig(factor: f64) -> Rig<BybitExchange> {
    let mut venue = BybitExchange::new(TimeFactor::new(factor).unwrap());
    venue.floor_mut().add_account(KEY, SECRET, "main");
    venue.floor_mut().add_account(OTHER_KEY, OTHER_SECRET, "main");
    Rig::new(venue)
}

/// The login message with an expiry this far ahead.
fn login(rig: &Rig<BybitExchange>, ahead_ms: i64) -> Value {
    let expires = rig.wall_ms().saturating_add_signed(ahead_ms);
    let signature = hmac_sha256_hex(SECRET.as_bytes(), format!("GET/realtime{expires}").as_bytes());
    json!({"op": "auth", "args": [KEY, expires, signature]})
}

/// A connection that is logged in.
fn session(rig: &mut Rig<BybitExchange>, path: &str) -> ConnId {
    let conn = rig.open(path);
    let login = login(rig, 10_000);
    let answer = rig.ask(conn, &login);
    assert!(answer["success"] == true || answer["retCode"] == 0, "{answer}");
    conn
}

/// A guarding connection: logged in, subscribed topic by topic, and having pinged.
fn guard(rig: &mut Rig<BybitExchange>, path: &str, topics: &[&str]) -> ConnId {
    let conn = session(rig, path);
    for topic in topics {
        assert_eq!(subscribe(rig, conn, &[topic])["success"], true, "{topic}");
    }
    ping(rig, conn);
    conn
}

fn subscribe(rig: &mut Rig<BybitExchange>, conn: ConnId, topics: &[&str]) -> Value {
    rig.ask(conn, &json!({"op": "subscribe", "args": topics}))
}

fn ping(rig: &mut Rig<BybitExchange>, conn: ConnId) {
    rig.say(conn, &json!({"op": "ping"}));
}

fn headers(rig: &Rig<BybitExchange>, payload: &str, skew_ms: i64) -> Vec<(String, String)> {
    let stamp = rig.wall_ms().saturating_add_signed(skew_ms);
    let signature = hmac_sha256_hex(SECRET.as_bytes(), format!("{stamp}{KEY}5000{payload}").as_bytes());
    [
        ("x-bapi-api-key", KEY.to_owned()),
        ("x-bapi-timestamp", stamp.to_string()),
        ("x-bapi-recv-window", "5000".to_owned()),
        ("x-bapi-sign", signature),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A signed request; `None` when it is not answered at once.
fn request(rig: &mut Rig<BybitExchange>, method: &str, target: &str, body: &str, skew_ms: i64) -> Option<HttpOut> {
    let payload = if method == "GET" { target.split_once('?').map_or("", |(_, query)| query) } else { body };
    let headers = headers(rig, payload, skew_ms);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    rig.call(method, target, &headers, body)
}

fn get(rig: &mut Rig<BybitExchange>, target: &str) -> Value {
    let answer = request(rig, "GET", target, "", 0).expect("an answer at once");
    serde_json::from_str(&answer.body).unwrap()
}

fn post(rig: &mut Rig<BybitExchange>, path: &str, body: &Value) -> Value {
    let answer = request(rig, "POST", path, &body.to_string(), 0).expect("an answer at once");
    serde_json::from_str(&answer.body).unwrap()
}

/// Rests an order over HTTP and returns its id.
fn rest(rig: &mut Rig<BybitExchange>, category: &str, symbol: &str) -> String {
    let order = json!({"category": category, "symbol": symbol, "side": "Buy", "orderType": "Limit", "qty": "1",
        "price": "100"});
    let answer = post(rig, "/v5/order/create", &order);
    assert_eq!(answer["retCode"], 0, "{answer}");
    answer["result"]["orderId"].as_str().unwrap().to_owned()
}

/// Ids of the account's open orders of a category.
fn open(rig: &Rig<BybitExchange>, category: &str) -> usize {
    rig.venue.floor().open_orders(|order| order.category == category).len()
}

fn knob(rig: &mut Rig<BybitExchange>, name: &str, value: &str) {
    rig.venue.set_knob(name, value).unwrap();
}

fn trade_order(rig: &Rig<BybitExchange>, op: &str, request_id: &str, args: Value) -> Value {
    json!({"reqId": request_id, "header": {"X-BAPI-TIMESTAMP": rig.wall_ms().to_string()}, "op": op, "args": [args]})
}
