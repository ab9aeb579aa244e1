//! Who may call over HTTP: key, signature, nonce and lock-out, checked from the specification (section 3).

use super::KrakenExchange;
use crate::model::{Moment, Now};
use crate::sim::exchange::HttpIn;
use crate::sim::exchange::sign::{from_base64, hmac_sha512_base64, sha256};
use std::collections::BTreeMap;

/// What the venue remembers about the keys it was shown.
#[derive(Debug, Default)]
pub struct Keys {
    states: BTreeMap<String, KeyState>,
}

#[derive(Debug, Default)]
struct KeyState {
    /// The highest nonce that was accepted.
    highest: u64,
    /// Bad attempts since the last good one.
    failures: u32,
    locked_until: Option<Moment>,
}

/// Who signed a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// The API key.
    pub key: String,
    /// The account's name.
    pub account: String,
}

impl KrakenExchange {
    /// Who signed this request, or the error it is answered with.
    pub(super) fn signer(&mut self, now: Now, request: &HttpIn<'_>, nonce: Option<&str>) -> Result<Signer, String> {
        let key = request.header("api-key").unwrap_or_default().to_owned();
        // Keys that never existed are not remembered: there is no end to them.
        if !self.floor.accounts.contains_key(&key) {
            return Err("EAPI:Invalid key".to_owned());
        }
        let state = self.keys.states.entry(key.clone()).or_default();
        if state.locked_until.is_some_and(|until| now.at < until) {
            return Err("EGeneral:Temporary lockout".to_owned());
        }
        let outcome = self.check(&key, request, nonce);
        let locks_for = self.floor.scaled(self.knobs.lockout_ms.length());
        let state = self.keys.states.entry(key).or_default();
        match outcome {
            Ok((signer, nonce)) => {
                state.highest = state.highest.max(nonce);
                state.failures = 0;
                state.locked_until = None;
                Ok(signer)
            }
            Err(error) => {
                state.failures += 1;
                if state.failures >= self.knobs.lockout_after {
                    state.failures = 0;
                    state.locked_until = Some(now.at + locks_for);
                }
                Err(error.to_owned())
            }
        }
    }

    fn check(&self, key: &str, request: &HttpIn<'_>, nonce: Option<&str>) -> Result<(Signer, u64), &'static str> {
        let account = self.floor.accounts.get(key).filter(|account| account.valid).ok_or("EAPI:Invalid key")?;
        let nonce_text = nonce.ok_or("EAPI:Invalid nonce")?;
        let expected = signature(&account.secret, request.path, nonce_text, request.body);
        if expected.is_none() || expected.as_deref() != request.header("api-sign") {
            return Err("EAPI:Invalid signature");
        }
        let nonce: u64 = nonce_text.parse().map_err(|_| "EAPI:Invalid nonce")?;
        let highest = self.keys.states.get(key).map_or(0, |state| state.highest);
        let window = u64::from(self.knobs.nonce_window);
        if nonce > highest || (window > 0 && nonce > highest.saturating_sub(window)) {
            Ok((Signer { key: account.key.clone(), account: account.name.clone() }, nonce))
        } else {
            Err("EAPI:Invalid nonce")
        }
    }
}

/// `API-Sign`; `None` when the secret is not base64.
fn signature(secret: &str, path: &str, nonce: &str, body: &str) -> Option<String> {
    let digest = sha256(format!("{nonce}{body}").as_bytes());
    let message = [path.as_bytes(), &digest].concat();
    Some(hmac_sha512_base64(&from_base64(secret)?, &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";

    #[test]
    fn every_vector_of_the_specification_fits() {
        let vectors = [
            (
                "AddOrder",
                "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
                "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
            ),
            (
                "GetWebSocketsToken",
                "nonce=1616492376594",
                "+mRDmY9Ks0Moc1zjv/BjfvYa98buO0x1yHChZR5onlfAzAUbfIYlLggUZzdQ0RsmXm4Sh+Q8iAIZdo2wSeHeiA==",
            ),
            (
                "GetWebSocketsToken",
                "nonce=1616492376594&otp=123456",
                "Ar/xaIFCxoB9vYgmMdFa96Q4kobeliKYcsJVL0e/9WCP8p+91eHqwusA7xAg4PaDXeGRBOWqOD4e7jxeWmvvDQ==",
            ),
            (
                "CancelAllOrdersAfter",
                "nonce=1616492376594&timeout=60",
                "4IDXCWreNkFb20GFWknlSSvtR72OrooeKSgTXuZBhMuo8BCXBCZM+JR5oYKVLXMVS+ZY1xylv4cUx5IVv1qlXQ==",
            ),
            (
                "CancelAllOrdersAfter",
                "nonce=1616492376594&timeout=0",
                "CZoRIQ2q89hQxxXqgEhLA+kOzRc/a8U4tFua96sdiqMHB2Yej0Ees3g+m3aKq13UsX1NPYQ14px3iULG9IjRwg==",
            ),
            (
                "CancelAll",
                "nonce=1616492376594",
                "OfXInJKG/CGUVlF8/2IGsoLjxoXdjGyjKbm/G/iWqfYNVVdF97YvCNsSn7F2MNZScPQycb4EsrhJFm5OtQCTYQ==",
            ),
            (
                "OpenOrders",
                "nonce=1616492376594",
                "M2dCnoNm9pQZLqt/qSu6cmChqEfblzPB0ya3W4Jg/p06ri1AHFH1WmKa/2pg5jhgTP5w2MR2VUxo9xcLWk8rhw==",
            ),
        ];
        for (call, body, expected) in vectors {
            let path = format!("/0/private/{call}");
            assert_eq!(signature(SECRET, &path, "1616492376594", body).as_deref(), Some(expected), "{call} {body}");
        }
    }

    #[test]
    fn a_secret_that_is_not_base64_signs_nothing() {
        assert_eq!(signature("not base64!", "/0/private/Balance", "1", "nonce=1"), None);
    }
}
