//! What the embedded Crypto.com promises, each against the section of the specification it comes from.

use super::CryptoComExchange;
use crate::model::TimeFactor;
use crate::sim::exchange::rig::Rig;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{Exchange, JournalKind};
use serde_json::{Value, json};

const USER: &str = "/exchange/v1/user";
const KEY: &str = "key-1";
const SECRET: &str = "secret-1";

// Logging in.

#[test]
fn a_good_signature_logs_in_and_private_calls_need_it() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    rig.run_ms(1000);
    assert_eq!(rig.ask(conn, &json!({"id": 3, "method": "private/get-open-orders", "params": {}}))["code"], 40_101);
    assert_eq!(rig.ask(conn, &login(&rig, 0)), json!({"id": 1, "method": "public/auth", "code": 0}));
    let open = rig.ask(conn, &json!({"id": 4, "method": "private/get-open-orders", "params": {}}));
    assert_eq!(open["result"]["data"], json!([]));
    assert_eq!(rig.journal(JournalKind::LoggedIn).len(), 1);
}

#[test]
fn a_clock_more_than_sixty_seconds_off_is_refused_with_40102() {
    for (skew_ms, code) in [(-60_000, 0), (60_000, 0), (-60_001, 40_102), (60_001, 40_102)] {
        let mut rig = rig(1.0);
        let conn = rig.open(USER);
        assert_eq!(rig.ask(conn, &login(&rig, skew_ms))["code"], code, "skew {skew_ms}");
    }
}

#[test]
fn a_wrong_signature_an_unknown_key_and_a_revoked_key_are_refused_with_40101() {
    let mut rig = rig(1.0);
    let conn = rig.open(USER);
    let mut wrong = login(&rig, 0);
    wrong["sig"] = json!("00");
    assert_eq!(rig.ask(conn, &wrong)["code"], 40_101);
    let mut unknown = login(&rig, 0);
    unknown["api_key"] = json!("nobody");
    assert_eq!(rig.ask(conn, &unknown)["code"], 40_101);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(rig.ask(conn, &login(&rig, 0))["code"], 40_101);
    assert_eq!(rig.closed(conn), None);
}

// Helpers.

fn rig(factor: f64) -> Rig<CryptoComExchange> {
    let mut venue = CryptoComExchange::new(TimeFactor::new(factor).unwrap());
    venue.floor_mut().add_account(KEY, SECRET, "main");
    Rig::new(venue)
}

fn login(rig: &Rig<CryptoComExchange>, skew_ms: i64) -> Value {
    let nonce = rig.wall_ms().saturating_add_signed(skew_ms);
    let sig = hmac_sha256_hex(SECRET.as_bytes(), format!("public/auth1{KEY}{nonce}").as_bytes());
    json!({"id": 1, "method": "public/auth", "api_key": KEY, "sig": sig, "nonce": nonce})
}
