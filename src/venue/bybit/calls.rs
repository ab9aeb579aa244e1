//! Bybit over HTTP: signing, sending, and the envelope every answer comes in. What an answer means is decided in
//! `window.rs` (disconnection protection) and `kill.rs` (cancel-all, open orders).

use super::config::BybitProduct;
use super::errors::{self, Source};
use super::facts;
use super::kill::{Listing, Sweep};
use crate::model::{CallTag, Credentials, Now, Refusal, WallTime};
use crate::venue::json::{Raw, read_object, text_or_empty};
use crate::venue::{CallLine, CallReply, HttpMethod, HttpRequest, Outbox, sign};
use serde::Deserialize;
use std::collections::BTreeMap;

/// More calls than this are never under way; the oldest is forgotten. A kill and its read-backs need a third of it.
const WAITING_MAX: usize = 128;

/// What an HTTP call is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Compare clocks.
    Time,
    /// Look at the entitlement before any link is dialled.
    Preview,
    /// Look at the windows on the live guarding link.
    Info,
    /// The same, asked by the session as a proof.
    ReadBack,
    /// Set the window of one product.
    SetWindow(BybitProduct, u32),
    /// Cancel everything of one part.
    CancelAll(Sweep),
    /// One page of the open orders.
    OpenOrders(Listing),
}

/// A call under way.
pub(super) struct Call {
    pub(super) purpose: Purpose,
    /// It was said again once with a corrected clock.
    pub(super) repeated: bool,
    pub(super) said: Now,
}

/// The calls under way.
#[derive(Default)]
pub(super) struct Calls {
    waiting: BTreeMap<CallTag, Call>,
}

/// A successful answer.
pub(super) struct Answer<'a> {
    pub(super) result: Option<Raw<'a>>,
    /// The venue's time of it, in milliseconds.
    pub(super) time_ms: Option<u64>,
}

/// An unsuccessful one.
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    /// Nobody answered: it may or may not have been acted upon.
    pub(super) unanswered: bool,
    /// The venue's time, when the clock was at fault.
    pub(super) venue_ms: Option<u64>,
}

impl Calls {
    /// Signs a call with `stamp`, the venue's time, and makes it.
    pub(super) fn make(
        &mut self,
        said: Now,
        stamp: WallTime,
        purpose: Purpose,
        repeated: bool,
        credentials: &Credentials,
        out: &mut Outbox,
    ) {
        let tag = out.call(purpose.request(stamp, credentials));
        self.waiting.insert(tag, Call { purpose, repeated, said });
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }

    /// Takes the call that ended; `None` when it is not waited for any more.
    pub(super) fn take(&mut self, tag: CallTag) -> Option<Call> {
        self.waiting.remove(&tag)
    }

    /// The guarding link is gone, and with it what was asked for its sake. A kill and its read-backs go on.
    pub(super) fn forget_link(&mut self) {
        self.waiting.retain(|_, call| match call.purpose {
            Purpose::Info | Purpose::ReadBack | Purpose::SetWindow(..) => false,
            Purpose::Time | Purpose::Preview | Purpose::CancelAll(_) | Purpose::OpenOrders(_) => true,
        });
    }
}

impl Purpose {
    /// How a refusal names it.
    pub(super) const fn step(&self) -> &'static str {
        match self {
            Self::Time => "GET /v5/market/time",
            Self::Preview | Self::Info | Self::ReadBack => "GET /v5/account/query-dcp-info",
            Self::SetWindow(..) => "POST /v5/order/disconnected-cancel-all",
            Self::CancelAll(_) => "POST /v5/order/cancel-all",
            Self::OpenOrders(_) => "GET /v5/order/realtime",
        }
    }

    /// One lost answer must neither end a kill nor cast doubt on a protection that the link shows to be alive.
    pub(super) const fn is_worth_repeating(&self) -> bool {
        match self {
            Self::ReadBack | Self::CancelAll(_) => true,
            Self::Time | Self::Preview | Self::Info | Self::SetWindow(..) | Self::OpenOrders(_) => false,
        }
    }

    const fn source(&self) -> Source {
        match self {
            Self::Preview | Self::Info | Self::ReadBack | Self::SetWindow(..) => Source::Protection,
            Self::Time | Self::CancelAll(_) | Self::OpenOrders(_) => Source::Http,
        }
    }

    fn request(&self, stamp: WallTime, credentials: &Credentials) -> HttpRequest {
        let (verb, path) = self.step().split_once(' ').unwrap_or(("GET", self.step()));
        let (query, body) = match self {
            Self::Time | Self::Preview | Self::Info | Self::ReadBack => (String::new(), String::new()),
            Self::SetWindow(product, window_s) => (String::new(), window_body(*product, *window_s)),
            Self::CancelAll(sweep) => (String::new(), sweep.body()),
            Self::OpenOrders(listing) => (listing.query(), String::new()),
        };
        let method = if verb == "POST" { HttpMethod::Post } else { HttpMethod::Get };
        let payload = if method == HttpMethod::Post { &body } else { &query };
        // The comparison of clocks is public, and must not fail for the very clock that it is to correct.
        let mut headers = if *self == Self::Time { Vec::new() } else { signed_headers(stamp, credentials, payload) };
        if method == HttpMethod::Post {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let line = if matches!(self, Self::CancelAll(_)) { CallLine::Kill } else { CallLine::Normal };
        HttpRequest { method, path, headers, body, line }
    }

    /// Reads the envelope. Most errors come as HTTP 200 with a code, some with a status of their own and a code besides.
    pub(super) fn read<'a>(&self, reply: &CallReply<'a>) -> Result<Answer<'a>, Box<Failure>> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow, rename = "retCode")]
            code: Option<Raw<'a>>,
            #[serde(borrow, rename = "retMsg")]
            message: Option<Raw<'a>>,
            #[serde(borrow)]
            result: Option<Raw<'a>>,
            #[serde(borrow)]
            time: Option<Raw<'a>>,
        }
        let failure = |refusal| Box::new(Failure { refusal, unanswered: false, venue_ms: None });
        let (status, body) = match reply {
            CallReply::Got { status, body, .. } => (*status, *body),
            CallReply::Failed(cause) => {
                let refusal = errors::no_answer(self.step(), cause);
                return Err(Box::new(Failure { refusal, unanswered: true, venue_ms: None }));
            }
        };
        let envelope = read_object::<Envelope<'a>>(body);
        let code = envelope.as_ref().and_then(|envelope| envelope.code).and_then(Raw::as_i64);
        match (envelope, code) {
            (Some(envelope), Some(0)) if status == 200 => {
                Ok(Answer { result: envelope.result, time_ms: envelope.time.and_then(Raw::as_u64) })
            }
            (Some(envelope), Some(code)) if code != 0 => {
                let text = text_or_empty(envelope.message);
                let mut failure = failure(errors::refusal(self.step(), Some(code), &text, self.source()));
                if errors::is_clock(Some(code)) {
                    failure.venue_ms = server_time_in(&text).or(envelope.time.and_then(Raw::as_u64));
                }
                Err(failure)
            }
            (_, _) if status != 200 => Err(failure(errors::http_refusal(self.step(), status))),
            (_, _) => Err(failure(errors::unreadable(self.step()))),
        }
    }
}

/// `X-BAPI-SIGN` covers time, key, receive window and the exact query or body: v5/guide.
pub(super) fn signed_headers(stamp: WallTime, credentials: &Credentials, payload: &str) -> Vec<(&'static str, String)> {
    let stamp = stamp.millis().to_string();
    let message = format!("{stamp}{}{}{payload}", credentials.key, facts::RECV_WINDOW_MS);
    vec![
        ("X-BAPI-API-KEY", credentials.key.clone()),
        ("X-BAPI-SIGN", sign::hmac_sha256_hex(credentials.secret.reveal(), &message)),
        ("X-BAPI-TIMESTAMP", stamp),
        ("X-BAPI-RECV-WINDOW", facts::RECV_WINDOW_MS.to_owned()),
    ]
}

/// `product` left out would mean options: v5/order/dcp.
fn window_body(product: BybitProduct, window_s: u32) -> String {
    format!(r#"{{"product":"{}","timeWindow":{window_s}}}"#, product.as_str())
}

/// `…server_timestamp[1677853421570]…`, as code 10002 says it.
fn server_time_in(text: &str) -> Option<u64> {
    text.split_once("server_timestamp[")?.1.split_once(']')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn signature(purpose: &Purpose) -> String {
        let secret = Secret::new("killcord-dummy-secret-0123456789abcdef".into());
        let credentials = Credentials::new("KILLCORDTESTKEY001", secret, None).unwrap();
        let request = purpose.request(WallTime::from_millis(1_767_225_600_000), &credentials);
        request.headers.iter().find(|(name, _)| *name == "X-BAPI-SIGN").unwrap().1.clone()
    }

    #[test]
    fn the_signature_vectors_hold() {
        for (purpose, expected) in [
            (Purpose::Info, "c95a6918df295b1aba3f83a7c8b7c1a4dc6e08f62424fb1bc5bcbf1dd7e85883"),
            (
                Purpose::SetWindow(BybitProduct::Derivatives, 10),
                "b3edacfe2a02b3a88ff658324ccf7e0b7ec45cecebb96427e211a6e60d362780",
            ),
            (
                Purpose::CancelAll(Sweep::linear("USDT")),
                "f7453f6fb9cd6190d816c7b4ca327b31cc547009b8b0e6a3e0bdefc070c93976",
            ),
            (
                Purpose::OpenOrders(Listing::linear("USDT")),
                "9d414d7ec1c401c2a0710b1049ff2e45ad6b393db5ad467e5d4d2167dd6130b2",
            ),
        ] {
            assert_eq!(signature(&purpose), expected, "{purpose:?}");
        }
    }

    #[test]
    fn the_server_time_is_found_in_the_text_of_code_10002() {
        let text = "invalid request, please check your server timestamp or recv_window param. \
                    req_timestamp[1677853520948],server_timestamp[1677853421570],recv_window[5000]";
        assert_eq!(server_time_in(text), Some(1_677_853_421_570));
        assert_eq!(server_time_in("server_timestamp[soon]"), None);
    }
}
