//! Logging in at the embedded Deribit: the three grants of `public/auth` (specification, sections 3.1 and 3.2) and the
//! three ways to sign an HTTP request (3.3).

use super::knobs::Knobs;
use super::wire::{Refused, Request};
use crate::model::{Moment, Now};
use crate::sim::exchange::sign::{from_base64, hmac_sha256_hex};
use crate::sim::exchange::{Account, Floor, HttpIn};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// A timestamp may be this far from the venue's clock, in either direction.
const TIMESTAMP_WINDOW_MS: u64 = 60_000;
/// A used nonce is remembered until no timestamp can be good both times.
const NONCE_KEPT: Duration = Duration::from_millis(2 * TIMESTAMP_WINDOW_MS);
/// Nonces remembered; the oldest are forgotten first.
const NONCES_MAX: usize = 100_000;

/// Nonces that were used, by key.
#[derive(Debug, Default)]
pub struct Nonces {
    used: BTreeSet<(String, String)>,
    order: VecDeque<(Moment, (String, String))>,
}

/// What a signature was made over, and what must be checked beside it.
struct Signed<'a> {
    key: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
    signature: &'a str,
    rest: String,
}

impl Nonces {
    /// Uses a nonce; false when it was used before.
    fn spend(&mut self, at: Moment, key: &str, nonce: &str) -> bool {
        while self.order.front().is_some_and(|(used, _)| *used + NONCE_KEPT < at || self.order.len() >= NONCES_MAX) {
            if let Some((_, pair)) = self.order.pop_front() {
                self.used.remove(&pair);
            }
        }
        let pair = (key.to_owned(), nonce.to_owned());
        self.order.push_back((at, pair.clone()));
        self.used.insert(pair)
    }
}

/// The account that proves itself with `client_credentials` or `client_signature`.
pub fn prove<'a>(
    floor: &'a Floor,
    now: Now,
    knobs: &Knobs,
    nonces: &mut Nonces,
    request: &Request,
) -> Result<&'a Account, Refused> {
    let key = request.need("client_id")?;
    match request.need("grant_type")? {
        "client_credentials" => check_secret(floor, key, request.need("client_secret")?),
        "client_signature" => {
            if request.params.get("nonce").is_some_and(|nonce| !nonce.is_string()) {
                return Err(Refused::param("nonce", "invalid format"));
            }
            let timestamp = request.number("timestamp")?.ok_or_else(|| Refused::param("timestamp", "required"))?;
            let signed = Signed {
                key,
                timestamp: &timestamp.to_string(),
                nonce: request.word("nonce").unwrap_or_default(),
                signature: request.need("signature")?,
                rest: request.word("data").unwrap_or_default().to_owned(),
            };
            check_signature(floor, now, knobs, nonces, &signed)
        }
        _ => Err(Refused::param("grant_type", "invalid value")),
    }
}

/// The account that signed an HTTP request with `Basic` or `deri-hmac-sha256`; `None` when the header is neither.
pub fn prove_http<'a>(
    floor: &'a Floor,
    now: Now,
    knobs: &Knobs,
    nonces: &mut Nonces,
    request: &HttpIn<'_>,
) -> Option<Result<&'a Account, Refused>> {
    let header = request.header("authorization")?;
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(check_basic(floor, rest.trim()));
    }
    scheme.eq_ignore_ascii_case("deri-hmac-sha256").then(|| check_deri(floor, now, knobs, nonces, rest, request))
}

/// The token of a `Bearer` header.
pub fn bearer<'a>(request: &'a HttpIn<'_>) -> Option<&'a str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn check_basic<'a>(floor: &'a Floor, encoded: &str) -> Result<&'a Account, Refused> {
    let decoded = from_base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (key, secret) = pair.ok_or_else(|| Refused::new(13_004))?;
    check_secret(floor, key, secret)
}

fn check_deri<'a>(
    floor: &'a Floor,
    now: Now,
    knobs: &Knobs,
    nonces: &mut Nonces,
    fields: &str,
    request: &HttpIn<'_>,
) -> Result<&'a Account, Refused> {
    let field = |name: &str| fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let uri = match request.query {
        "" => request.path.to_owned(),
        query => format!("{}?{query}", request.path),
    };
    let signed = Signed {
        key: field("id").unwrap_or_default(),
        timestamp: field("ts").unwrap_or_default(),
        nonce: field("nonce").unwrap_or_default(),
        signature: field("sig").unwrap_or_default(),
        rest: format!("{}\n{uri}\n{}\n", request.method.to_uppercase(), request.body),
    };
    check_signature(floor, now, knobs, nonces, &signed)
}

fn check_secret<'a>(floor: &'a Floor, key: &str, secret: &str) -> Result<&'a Account, Refused> {
    let account = floor.accounts.get(key).filter(|account| account.valid && account.secret == secret);
    account.ok_or_else(|| Refused::new(13_004))
}

fn check_signature<'a>(
    floor: &'a Floor,
    now: Now,
    knobs: &Knobs,
    nonces: &mut Nonces,
    signed: &Signed<'_>,
) -> Result<&'a Account, Refused> {
    let account = floor.accounts.get(signed.key).filter(|account| account.valid).ok_or_else(|| Refused::new(13_004))?;
    let text = format!("{}\n{}\n{}", signed.timestamp, signed.nonce, signed.rest);
    if hmac_sha256_hex(account.secret.as_bytes(), text.as_bytes()) != signed.signature {
        return Err(Refused::new(i64::from(knobs.bad_signature_code)));
    }
    let timestamp: u64 = signed.timestamp.parse().map_err(|_| Refused::param("timestamp", "wrong format"))?;
    if timestamp.abs_diff(now.wall.millis()) > TIMESTAMP_WINDOW_MS {
        return Err(Refused::unauthorized("timestamp is too far from server time"));
    }
    if !nonces.spend(now.at, signed.key, signed.nonce) && knobs.nonce_reuse_refused {
        return Err(Refused::unauthorized("nonce was used before"));
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{TimeFactor, WallTime};
    use serde_json::json;

    const SECRET: &str = "KILLCORD-DUMMY-SECRET-0000000000";

    fn floor(secret: &str) -> Floor {
        let mut floor = Floor::new(TimeFactor::REAL);
        floor.add_account("id", secret, "main");
        floor
    }

    fn now(millis: u64) -> Now {
        Now { at: Moment::default(), wall: WallTime::from_millis(millis) }
    }

    fn signature(timestamp: u64, nonce: &str, data: &str, signature: &str) -> Request {
        let params = json!({
            "grant_type": "client_signature", "client_id": "id", "timestamp": timestamp, "nonce": nonce, "data": data,
            "signature": signature
        });
        Request::from_value(json!({"id": 1, "method": "public/auth", "params": params})).unwrap()
    }

    /// The vectors of the specification, section 3.2; the first is the venue's own example.
    #[test]
    fn the_published_vectors_verify_once_and_within_the_window_only() {
        let vectors = [
            (
                "AMANDASECRECT",
                1_576_074_319_000,
                "1iqt2wls",
                "",
                "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1",
            ),
            (
                SECRET,
                1_700_000_000_000,
                "kc-nonce-0001",
                "",
                "e259fa74d2ba833eff70a799ba8125d488d5016b5eb3cebee605bd07c31cd416",
            ),
            (
                SECRET,
                1_700_000_000_000,
                "kc-nonce-0001",
                "killcord",
                "d72a2c23e6782b946adc01e603875dd02bbfdfce077ebc2fb8877ddc4996f0a1",
            ),
        ];
        for (secret, timestamp, nonce, data, good) in vectors {
            let (floor, knobs, mut nonces) = (floor(secret), Knobs::default(), Nonces::default());
            let request = signature(timestamp, nonce, data, good);
            assert!(prove(&floor, now(timestamp + 60_001), &knobs, &mut nonces, &request).is_err());
            assert!(prove(&floor, now(timestamp + 60_000), &knobs, &mut nonces, &request).is_ok());
            let again = prove(&floor, now(timestamp), &knobs, &mut nonces, &request).unwrap_err();
            assert_eq!(again.data.unwrap()["reason"], "nonce was used before");
            let wrong = signature(timestamp, "other", data, good);
            assert_eq!(prove(&floor, now(timestamp), &knobs, &mut nonces, &wrong).unwrap_err().code, 13_009);
        }
    }

    /// The vector of section 3.3.
    #[test]
    fn the_http_vector_verifies_and_covers_path_and_query() {
        let good = "01b2438548c1b6a4824779b03ffafca4ad314fea289ed258c11ca71f8f3a2749";
        let value = format!("deri-hmac-sha256 id=id,ts=1700000000000,sig={good},nonce=kc-nonce-0001");
        let headers = [("authorization".to_owned(), value)];
        for (query, ok) in [("", true), ("detailed=true", false)] {
            let request =
                HttpIn { method: "GET", path: "/api/v2/private/cancel_all", query, headers: &headers, body: "" };
            let (floor, mut nonces) = (floor(SECRET), Nonces::default());
            let proved = prove_http(&floor, now(1_700_000_000_000), &Knobs::default(), &mut nonces, &request).unwrap();
            assert_eq!(proved.is_ok(), ok);
        }
    }
}
