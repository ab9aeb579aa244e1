//! What the embedded Deribit promises, each against the section of the specification it comes from.

use super::DeribitExchange;
use crate::model::TimeFactor;
use crate::sim::exchange::rig::Rig;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{ConnId, Exchange, JournalKind};
use serde_json::{Value, json};

const SOCKET: &str = "/ws/api/v2";
const KEY: &str = "key-1";
const SECRET: &str = "secret-1";

// Logging in.

#[test]
fn a_good_signature_logs_in_and_private_calls_need_it() {
    let mut rig = rig(1.0);
    let conn = rig.open(SOCKET);
    let before = ask(&mut rig, conn, "private/get_open_orders", json!({}));
    assert_eq!(
        (&before["error"]["code"], &before["error"]["data"]["reason"]),
        (&json!(13_009), &json!("invalid_token"))
    );
    let granted = log_in(&mut rig, conn);
    assert_eq!(granted["result"]["token_type"], "bearer");
    assert_eq!(granted["result"]["expires_in"], 31_536_000);
    assert_eq!(ask(&mut rig, conn, "private/get_open_orders", json!({}))["result"], json!([]));
    assert_eq!(rig.journal(JournalKind::LoggedIn).len(), 1);
}

// Heartbeats.

#[test]
fn an_idle_client_is_asked_after_12_6_s_and_closed_10_s_later() {
    for (factor, asked_ms, closed_ms) in [(1.0, 12_600, 22_600), (0.1, 1_260, 2_260)] {
        let mut rig = rig(factor);
        let conn = armed(&mut rig);
        rig.run_ms(30_000);
        let kinds: Vec<(u64, Value)> = heartbeats(&rig, conn);
        assert_eq!(kinds, [(asked_ms, json!("heartbeat")), (asked_ms, json!("test_request"))]);
        assert_eq!(rig.closed(conn), Some((closed_ms, 4000, "heartbeat close".into())));
        assert_eq!(rig.journal(JournalKind::Tripped).len(), 1);
    }
}

// Helpers.

fn rig(factor: f64) -> Rig<DeribitExchange> {
    let mut venue = DeribitExchange::new(TimeFactor::new(factor).unwrap());
    venue.floor_mut().add_account(KEY, SECRET, "main");
    Rig::new(venue)
}

fn armed(rig: &mut Rig<DeribitExchange>) -> ConnId {
    let conn = rig.open(SOCKET);
    assert_eq!(ask(rig, conn, "public/set_heartbeat", json!({"interval": 10}))["result"], "ok");
    log_in(rig, conn);
    assert_eq!(ask(rig, conn, "private/enable_cancel_on_disconnect", json!({}))["result"], "ok");
    let read = ask(rig, conn, "private/get_cancel_on_disconnect", json!({"scope": "connection"}));
    assert_eq!(read["result"], json!({"scope": "connection", "enabled": true}));
    conn
}

fn log_in(rig: &mut Rig<DeribitExchange>, conn: ConnId) -> Value {
    let (timestamp, nonce) = (rig.wall_ms(), format!("nonce-{}", conn.0));
    let signature = hmac_sha256_hex(SECRET.as_bytes(), format!("{timestamp}\n{nonce}\n").as_bytes());
    let params = json!({
        "grant_type": "client_signature", "client_id": KEY, "timestamp": timestamp, "nonce": nonce, "data": "",
        "signature": signature
    });
    ask(rig, conn, "public/auth", params)
}

fn ask(rig: &mut Rig<DeribitExchange>, conn: ConnId, method: &str, params: Value) -> Value {
    let reply = rig.ask(conn, &json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}));
    assert_eq!(reply["id"], 7);
    reply
}

fn heartbeats(rig: &Rig<DeribitExchange>, conn: ConnId) -> Vec<(u64, Value)> {
    let heard = rig.heard(conn).into_iter();
    heard.filter(|(_, m)| m["method"] == "heartbeat").map(|(at, m)| (at, m["params"]["type"].clone())).collect()
}
