//! Who may talk: the websocket login and the HTTP signature, checked from the specification (sections 4 and 8).

use super::wire::{Failure, Request, text};
use crate::model::WallTime;
use crate::sim::exchange::sign::hmac_sha256_hex;
use crate::sim::exchange::{Account, Floor, HttpIn};
use serde_json::Value;

/// `recv_window` unless the client sends one.
const RECV_WINDOW: u64 = 5_000;
/// A timestamp may be ahead of the venue's clock by less than this.
const AHEAD: u64 = 1_000;

/// Why a login was refused; private and trade sockets word it differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginError {
    /// `args` are not key, expiry and signature.
    Malformed,
    /// The expiry is not in the future.
    Expired,
    /// No such key, or revoked.
    UnknownKey,
    /// The signature does not fit.
    BadSignature,
}

impl LoginError {
    /// The text on the private socket (spec 4.2; the one for a bad signature is not captured anywhere).
    pub const fn private_text(self) -> &'static str {
        match self {
            Self::UnknownKey => "API key is invalid.",
            Self::Malformed | Self::Expired | Self::BadSignature => "Params Error",
        }
    }

    /// The code and text on the trade socket (spec 4.2; the codes for expiry and key are invented).
    pub fn trade(self) -> Failure {
        match self {
            Self::Malformed | Self::Expired => Failure::new(10001, "Params Error"),
            Self::UnknownKey => Failure::new(10003, "API key is invalid."),
            Self::BadSignature => Failure::new(10004, "Error sign"),
        }
    }
}

/// The account that this login names, once its signature fits.
pub fn login<'a>(floor: &'a Floor, request: &Request, wall: WallTime) -> Result<&'a Account, LoginError> {
    let [Value::String(key), expires, Value::String(signature)] = request.args.as_slice() else {
        return Err(LoginError::Malformed);
    };
    let expires = match expires {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(LoginError::Malformed),
    };
    let instant: u64 = expires.parse().map_err(|_| LoginError::Malformed)?;
    if instant <= wall.millis() {
        return Err(LoginError::Expired);
    }
    let account = floor.accounts.get(key).filter(|account| account.valid).ok_or(LoginError::UnknownKey)?;
    if socket_signature(&account.secret, &expires) == *signature { Ok(account) } else { Err(LoginError::BadSignature) }
}

/// The account that signed this HTTP request.
pub fn http<'a>(floor: &'a Floor, request: &HttpIn<'_>, wall: WallTime) -> Result<&'a Account, Failure> {
    let invalid_key = || Failure::new(10003, "API key is invalid.");
    let key = request.header("x-bapi-api-key").ok_or_else(invalid_key)?;
    let account = floor.accounts.get(key).filter(|account| account.valid).ok_or_else(invalid_key)?;
    let timestamp = request.header("x-bapi-timestamp").unwrap_or_default();
    let window = request.header("x-bapi-recv-window").unwrap_or_default();
    check_time(timestamp, window, wall)?;
    let payload = if request.method == "GET" { request.query } else { request.body };
    let signature = request.header("x-bapi-sign").unwrap_or_default();
    if http_signature(&account.secret, timestamp, key, window, payload) == signature {
        Ok(account)
    } else {
        Err(Failure::new(10004, "error sign! please check your signature generation algorithm."))
    }
}

/// The time rule of the trade socket's request header.
pub fn trade_header(header: &Value, wall: WallTime) -> Result<(), Failure> {
    let timestamp = text(header, "X-BAPI-TIMESTAMP").unwrap_or_default();
    let window = text(header, "X-BAPI-RECV-WINDOW").unwrap_or_default();
    check_time(&timestamp, &window, wall)
}

/// `server - recv_window <= timestamp < server + 1000` (spec section 8), with the captured text.
fn check_time(timestamp: &str, window: &str, wall: WallTime) -> Result<(), Failure> {
    let window = if window.is_empty() { Some(RECV_WINDOW) } else { window.parse().ok() };
    let (Ok(stamp), Some(window)) = (timestamp.parse::<u64>(), window) else {
        return Err(Failure::params("timestamp or recv_window is not a number"));
    };
    let server = wall.millis();
    if server.saturating_sub(window) <= stamp && stamp < server.saturating_add(AHEAD) {
        return Ok(());
    }
    Err(Failure::new(
        10002,
        format!(
            "invalid request, please check your server timestamp or recv_window param. \
             req_timestamp[{stamp}],server_timestamp[{server}],recv_window[{window}]"
        ),
    ))
}

fn socket_signature(secret: &str, expires: &str) -> String {
    hmac_sha256_hex(secret.as_bytes(), format!("GET/realtime{expires}").as_bytes())
}

fn http_signature(secret: &str, timestamp: &str, key: &str, window: &str, payload: &str) -> String {
    hmac_sha256_hex(secret.as_bytes(), format!("{timestamp}{key}{window}{payload}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "KILLCORDTESTKEY001";
    const SECRET: &str = "killcord-dummy-secret-0123456789abcdef";

    #[test]
    fn the_socket_vector_of_the_specification_fits() {
        assert_eq!(
            socket_signature(SECRET, "1767225605000"),
            "65cab772e64e132481fa586d3189ffd51a70cdf64548dc10e97422e727302dfa"
        );
    }

    #[test]
    fn every_http_vector_of_the_specification_fits() {
        let vectors = [
            ("", "c95a6918df295b1aba3f83a7c8b7c1a4dc6e08f62424fb1bc5bcbf1dd7e85883"),
            (
                "category=linear&settleCoin=USDT&limit=50",
                "9d414d7ec1c401c2a0710b1049ff2e45ad6b393db5ad467e5d4d2167dd6130b2",
            ),
            (
                r#"{"product":"DERIVATIVES","timeWindow":10}"#,
                "b3edacfe2a02b3a88ff658324ccf7e0b7ec45cecebb96427e211a6e60d362780",
            ),
            (
                r#"{"product": "DERIVATIVES", "timeWindow": 10}"#,
                "667bd4d4c1f27c796b8d6d25f2d97551790a0df70db362525417ed0474fbdbe2",
            ),
            (
                r#"{"category":"linear","settleCoin":"USDT"}"#,
                "f7453f6fb9cd6190d816c7b4ca327b31cc547009b8b0e6a3e0bdefc070c93976",
            ),
        ];
        for (payload, signature) in vectors {
            assert_eq!(http_signature(SECRET, "1767225600000", KEY, "5000", payload), signature, "{payload}");
        }
    }

    #[test]
    fn a_timestamp_may_be_as_old_as_the_window_and_less_than_a_second_ahead() {
        let wall = WallTime::from_millis(1_767_225_600_000);
        let check = |stamp: u64| check_time(&stamp.to_string(), "5000", wall).map_err(|failure| failure.code);
        assert_eq!(check(1_767_225_595_000), Ok(()));
        assert_eq!(check(1_767_225_594_999), Err(10002));
        assert_eq!(check(1_767_225_600_999), Ok(()));
        assert_eq!(check(1_767_225_601_000), Err(10002));
    }
}
