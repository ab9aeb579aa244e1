//! Bybit's websocket messages, written and read, and the ids on them. Nothing here decides; `script.rs` does. The private
//! socket spells `req_id`, `success`, `ret_msg`; the order-entry socket `reqId`, `retCode`, `retMsg`:
//! v5/websocket/wss-authentication and v5/websocket/trade/guideline.

use crate::model::{Credentials, Epoch};
use crate::venue::json::{Raw, push_string, push_u64, read_object, text_or_empty};
use crate::venue::sign;
use serde::Deserialize;
use std::fmt;

/// The operation that says who we are.
pub(super) const AUTH: &str = "auth";
/// The operation that starts topics.
pub(super) const SUBSCRIBE: &str = "subscribe";
/// The operation that ends topics.
pub(super) const UNSUBSCRIBE: &str = "unsubscribe";
/// The sign of life Bybit wants: v5/websocket/wss-authentication.
pub(super) const PING: &str = "ping";

/// An id of ours: `kc-<epoch>-<n>`. The numbers rise for ever, so none is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Id {
    epoch: u64,
    number: u64,
}

/// Hands out ids.
#[derive(Default)]
pub(super) struct Ids {
    last: u64,
}

impl Ids {
    pub(super) fn next(&mut self, epoch: Epoch) -> Id {
        self.last += 1;
        Id { epoch: epoch.0, number: self.last }
    }
}

impl Id {
    /// Reads an id of ours; `None` for anybody else's.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (epoch, number) = text.strip_prefix("kc-")?.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        Some(Self { epoch: digits(epoch)?, number: digits(number)? })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kc-{}-{}", self.epoch, self.number)
    }
}

/// How a socket names its ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spelling {
    /// `/v5/private`.
    Private,
    /// `/v5/trade`.
    Trade,
}

impl Spelling {
    const fn id_key(self) -> &'static str {
        match self {
            Self::Private => "req_id",
            Self::Trade => "reqId",
        }
    }
}

/// Logs in until `expires_ms` on the venue's clock.
pub(super) fn auth(line: &mut String, spelling: Spelling, id: Id, credentials: &Credentials, expires_ms: u64) {
    open(line, spelling, id, AUTH);
    line.push_str(r#","args":["#);
    push_string(line, &credentials.key);
    line.push(',');
    push_u64(line, expires_ms);
    line.push_str(",\"");
    line.push_str(&login_signature(credentials.secret.reveal(), expires_ms));
    line.push_str("\"]}");
}

/// Subscribes one topic.
pub(super) fn subscribe(line: &mut String, id: Id, topic: &str) {
    open(line, Spelling::Private, id, SUBSCRIBE);
    line.push_str(r#","args":["#);
    push_string(line, topic);
    line.push_str("]}");
}

/// The sign of life.
pub(super) fn ping(line: &mut String, spelling: Spelling, id: Id) {
    open(line, spelling, id, PING);
    line.push('}');
}

/// Begins a request on a socket: everything up to `op`.
pub(super) fn open(line: &mut String, spelling: Spelling, id: Id, op: &str) {
    line.push_str("{\"");
    line.push_str(spelling.id_key());
    line.push_str("\":\"");
    line.push_str(&id.to_string());
    line.push_str(r#"","op":"#);
    push_string(line, op);
}

/// HMAC-SHA256 over `GET/realtime` and the expiry: v5/websocket/wss-authentication.
fn login_signature(secret: &str, expires_ms: u64) -> String {
    sign::hmac_sha256_hex(secret, &format!("GET/realtime{expires_ms}"))
}

/// Any message of either socket, read only as far as it is needed. Unknown fields appear regularly and are tolerated.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    op: Option<Raw<'a>>,
    /// Set on data messages.
    #[serde(borrow)]
    pub(super) topic: Option<Raw<'a>>,
    #[serde(borrow)]
    req_id: Option<Raw<'a>>,
    #[serde(borrow, rename = "reqId")]
    trade_id: Option<Raw<'a>>,
    #[serde(borrow)]
    success: Option<Raw<'a>>,
    #[serde(borrow)]
    ret_msg: Option<Raw<'a>>,
    #[serde(borrow, rename = "retCode")]
    code: Option<Raw<'a>>,
    #[serde(borrow, rename = "retMsg")]
    trade_message: Option<Raw<'a>>,
    #[serde(borrow)]
    args: Option<Raw<'a>>,
    /// The rows of a data message; the server time of a trade pong.
    #[serde(borrow)]
    pub(super) data: Option<Raw<'a>>,
}

/// What a message says about its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Done.
    Yes,
    /// Not done; the order-entry socket gives a code.
    No(Option<i64>),
    /// Neither. Never to be taken for success.
    Unsaid,
}

impl<'a> Frame<'a> {
    /// `None` when the text is not a JSON object.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        read_object(line)
    }

    /// The id it answers, if it is one of ours.
    pub(super) fn id(&self, spelling: Spelling) -> Option<Id> {
        Id::read(&self.raw_id(spelling)?.text())
    }

    /// True when it answers no request by name.
    pub(super) fn is_nameless(&self, spelling: Spelling) -> bool {
        self.raw_id(spelling).is_none_or(|id| id.bare().is_empty())
    }

    /// True when it is about that operation.
    pub(super) fn is(&self, op: &str) -> bool {
        self.op.is_some_and(|given| given.bare() == op)
    }

    /// True for every form of pong the sockets are known to send.
    pub(super) fn is_pong(&self) -> bool {
        self.is("pong") || self.ret_msg.is_some_and(|text| text.bare() == "pong")
    }

    /// What it says about its request.
    pub(super) fn verdict(&self) -> Verdict {
        if let Some(code) = self.code {
            return match code.as_i64() {
                Some(0) => Verdict::Yes,
                code => Verdict::No(code),
            };
        }
        match self.success.and_then(Raw::as_bool) {
            Some(true) => Verdict::Yes,
            Some(false) => Verdict::No(None),
            None => Verdict::Unsaid,
        }
    }

    /// The venue's own words.
    pub(super) fn message(&self) -> String {
        text_or_empty(self.trade_message.or(self.ret_msg))
    }

    /// The server time a pong carries, in milliseconds: in `args` on the private socket, in `data` on the other.
    pub(super) fn server_time_ms(&self) -> Option<u64> {
        self.args.or(self.data)?.read::<Vec<Raw<'_>>>()?.first()?.as_u64()
    }

    fn raw_id(&self, spelling: Spelling) -> Option<Raw<'a>> {
        match spelling {
            Spelling::Private => self.req_id,
            Spelling::Trade => self.trade_id,
        }
    }
}

/// The venue's time of an order row that tells of the switch having fired, if there is one. `cancelType` alone proves
/// nothing: a cancel that lost the race to a fill carries one, too (v5/websocket/private/order).
pub(super) fn trip_in_orders(data: Option<Raw<'_>>) -> Option<Option<u64>> {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow, rename = "cancelType")]
        cancel: Option<Raw<'a>>,
        #[serde(borrow, rename = "orderStatus")]
        status: Option<Raw<'a>>,
        #[serde(borrow, rename = "updatedTime")]
        updated: Option<Raw<'a>>,
    }
    let fired = |row: &Row<'_>| {
        row.cancel.is_some_and(|cancel| cancel.bare() == "CancelByDCP")
            && row.status.is_some_and(|status| matches!(status.bare(), "Cancelled" | "PartiallyFilledCanceled"))
    };
    let rows = data?.read::<Vec<Row<'_>>>()?;
    rows.iter().find(|row| fired(row)).map(|row| row.updated.and_then(Raw::as_u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn the_login_signature_vector_holds() {
        assert_eq!(
            login_signature("killcord-dummy-secret-0123456789abcdef", 1_767_225_605_000),
            "65cab772e64e132481fa586d3189ffd51a70cdf64548dc10e97422e727302dfa"
        );
    }

    #[test]
    fn a_login_is_spelled_as_each_socket_wants_it() {
        let secret = Secret::new("killcord-dummy-secret-0123456789abcdef".into());
        let credentials = Credentials::new("KILLCORDTESTKEY001", secret, None).unwrap();
        let line = |spelling| {
            let mut line = String::new();
            auth(&mut line, spelling, Id { epoch: 3, number: 7 }, &credentials, 1_767_225_605_000);
            line
        };
        let rest = r#""kc-3-7","op":"auth","args":["KILLCORDTESTKEY001",1767225605000,"65cab772e64e132481fa586d3189ffd51a70cdf64548dc10e97422e727302dfa"]}"#;
        assert_eq!(line(Spelling::Private), format!(r#"{{"req_id":{rest}"#));
        assert_eq!(line(Spelling::Trade), format!(r#"{{"reqId":{rest}"#));
    }

    #[test]
    fn ids_are_ours_only_in_our_own_form() {
        let id = Ids::default().next(Epoch(12));
        assert_eq!(Id::read(&id.to_string()), Some(id));
        for text in ["", "kc", "kc-1", "kc-1-", "kc--1", "kc-1-x", "kc-+1-1", "xkc-1-1", "1", "kc-1-1-1"] {
            assert_eq!(Id::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_pong_is_known_in_every_form() {
        for line in [
            r#"{"req_id":"7","op":"pong","args":["1757405570352"],"conn_id":"x"}"#,
            r#"{"retCode":0,"retMsg":"OK","op":"pong","data":["1757405570352"],"connId":"x"}"#,
        ] {
            let frame = Frame::read(line).unwrap();
            assert!(frame.is_pong(), "{line}");
            assert_eq!(frame.server_time_ms(), Some(1_757_405_570_352), "{line}");
        }
        let public = r#"{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"p1","op":"ping"}"#;
        assert!(Frame::read(public).unwrap().is_pong());
        let subscribed = r#"{"success":true,"ret_msg":"","op":"subscribe","conn_id":"x"}"#;
        assert!(!Frame::read(subscribed).unwrap().is_pong());
    }

    #[test]
    fn a_trip_is_told_by_status_and_cancel_type_together() {
        let trip = |rows: &str| trip_in_orders(Some(serde_json::from_str(rows).unwrap()));
        let fired = r#"[{"orderStatus":"New","cancelType":"UNKNOWN"},
            {"orderStatus":"Cancelled","cancelType":"CancelByDCP","updatedTime":"1767225612340"}]"#;
        assert_eq!(trip(fired), Some(Some(1_767_225_612_340)));
        assert_eq!(trip(r#"[{"orderStatus":"PartiallyFilledCanceled","cancelType":"CancelByDCP"}]"#), Some(None));
        assert_eq!(trip(r#"[{"orderStatus":"Filled","cancelType":"CancelByDCP"}]"#), None);
        assert_eq!(trip(r#"[{"orderStatus":"Cancelled","cancelType":"CancelByUser"}]"#), None);
        assert_eq!(trip("{}"), None);
    }
}
