//! Deribit's messages, written and read: JSON-RPC 2.0 over the websocket, the same methods by HTTP GET. Not here: what
//! follows from a message (`script.rs`, `mod.rs`) and what the application may send (`screen.rs`).
//!
//! <https://docs.deribit.com/articles/json-rpc-overview.md>, <https://docs.deribit.com/articles/authentication>

use super::config::DeribitScope;
use crate::model::{Credentials, WallTime, venue_text};
use crate::venue::OpenOrder;
use crate::venue::json::{Raw, push_string, push_u64, read_object};
use crate::venue::sign::hmac_sha256_hex;
use serde::Deserialize;
use std::borrow::Cow;

pub(super) const SET_HEARTBEAT: &str = "public/set_heartbeat";
pub(super) const DISABLE_HEARTBEAT: &str = "public/disable_heartbeat";
pub(super) const TEST: &str = "public/test";
pub(super) const LOGIN: &str = "public/auth";
pub(super) const LOGOUT: &str = "private/logout";
pub(super) const ARM: &str = "private/enable_cancel_on_disconnect";
pub(super) const DISARM: &str = "private/disable_cancel_on_disconnect";
pub(super) const READ_BACK: &str = "private/get_cancel_on_disconnect";
pub(super) const SUBSCRIBE: &str = "private/subscribe";
/// Every method that cancels begins so.
pub(super) const CANCEL: &str = "private/cancel";
pub(super) const CANCEL_ALL: &str = "private/cancel_all";
pub(super) const OPEN_ORDERS: &str = "private/get_open_orders";

/// Order updates of everything, account locks, and the platform's own state.
pub(super) const CHANNELS: [&str; 3] = ["user.orders.any.any.raw", "user.lock", "platform_state"];
pub(super) const CHANNELS_PARAMS: &str = r#"{"channels":["user.orders.any.any.raw","user.lock","platform_state"]}"#;

/// The plain count of `cancel_all` hides that one currency failed; the detailed list does not.
pub(super) const CANCEL_ALL_PARAMS: &str = r#"{"detailed":true}"#;

/// What is asked for at login. `connection`: tokens end with the connection and take none of the key's 16 sessions.
pub(super) const SCOPE: &str = "connection account:read_write trade:read_write";

/// What must have been granted: the switch needs the first, orders and every cancel the second.
pub(super) const SCOPES_NEEDED: [&str; 2] = ["account:read_write", "trade:read_write"];

/// The venue's periodic messages, character by character in both key orders captured, so that they are answered without
/// decoding anything. Everything else goes through the full decoder.
const PLAIN_TEST_REQUESTS: [&str; 2] = [
    r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#,
    r#"{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}"#,
];

/// True for a test request in a form known by heart. The whole line is compared, so nothing else can match.
pub(super) fn is_plain_test_request(line: &str) -> bool {
    PLAIN_TEST_REQUESTS.contains(&line)
}

/// Any message of the venue. No field may be relied upon: errors that belong to no request have no id, and the
/// maintenance error was shown without times. Numbers may come as floats or in scientific notation.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow, default)]
    pub id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    method: Option<Raw<'a>>,
    #[serde(borrow, default)]
    params: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub result: Option<Raw<'a>>,
    #[serde(borrow, default)]
    error: Option<Raw<'a>>,
    #[serde(borrow, default, rename = "usIn")]
    us_in: Option<Raw<'a>>,
    #[serde(borrow, default, rename = "usOut")]
    us_out: Option<Raw<'a>>,
    #[serde(borrow, default)]
    testnet: Option<Raw<'a>>,
}

/// What a message is.
pub(super) enum Kind<'a> {
    /// Wants `public/test` at once.
    TestRequest,
    /// The venue's sign of life; wants nothing.
    Heartbeat,
    /// A channel's data.
    Subscription(Notification<'a>),
    /// The answer to a request, or an error that names none.
    Response,
    /// Anything else.
    Unknown,
}

/// Data of one channel.
#[derive(Deserialize)]
pub(super) struct Notification<'a> {
    #[serde(borrow)]
    pub channel: Raw<'a>,
    #[serde(borrow)]
    pub data: Raw<'a>,
}

/// The venue's no.
#[derive(Deserialize, Default)]
pub(super) struct Error<'a> {
    #[serde(borrow, default)]
    code: Option<Raw<'a>>,
    #[serde(borrow, default)]
    message: Option<Raw<'a>>,
    #[serde(borrow, default)]
    data: Option<Raw<'a>>,
}

impl<'a> Frame<'a> {
    /// Reads a message; `None` when it is not a JSON object.
    pub fn read(line: &'a str) -> Option<Self> {
        read_object(line)
    }

    pub fn kind(&self) -> Kind<'a> {
        #[derive(Deserialize)]
        struct Heartbeat<'a> {
            #[serde(borrow, rename = "type")]
            kind: Raw<'a>,
        }
        match self.method.map(Raw::text).as_deref() {
            Some("heartbeat") => match self.params.and_then(Raw::read_object::<Heartbeat<'_>>) {
                Some(heartbeat) if heartbeat.kind.text() == "test_request" => Kind::TestRequest,
                Some(_) | None => Kind::Heartbeat,
            },
            Some("subscription") => self.params.and_then(Raw::read_object).map_or(Kind::Unknown, Kind::Subscription),
            None if self.id.is_some() || self.result.is_some() || self.error.is_some() => Kind::Response,
            Some(_) | None => Kind::Unknown,
        }
    }

    /// The venue's no; `None` when it is a yes. An error that is no object is still an error.
    pub fn error(&self) -> Option<Error<'a>> {
        self.error.map(|error| error.read_object().unwrap_or_default())
    }

    /// True when the result is the plain `"ok"`.
    pub fn says_ok(&self) -> bool {
        self.error.is_none() && self.result.is_some_and(|result| result.text() == "ok")
    }

    /// Whether the test environment answered; `None` when it did not say.
    pub fn testnet(&self) -> Option<bool> {
        self.testnet.and_then(Raw::as_bool)
    }

    /// The middle of the venue's handling of this request, microseconds since the Unix epoch.
    pub fn venue_us(&self) -> Option<u64> {
        let (arrived, left) = (self.us_in?.as_u64()?, self.us_out?.as_u64()?);
        Some(arrived / 2 + left / 2)
    }

    /// What was granted at login.
    pub fn grant(&self) -> Option<Grant> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            scope: Raw<'a>,
            #[serde(borrow, default)]
            expires_in: Option<Raw<'a>>,
        }
        let fields = self.result?.read_object::<Fields<'_>>()?;
        let expires_in_s = fields.expires_in.and_then(whole);
        Some(Grant { scope: fields.scope.text().into_owned(), expires_in_s })
    }

    /// Whether the switch is on for this scope; `None` when the answer does not say, or is an error.
    pub fn switch_is_on(&self, asked: Reach) -> Option<bool> {
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow)]
            enabled: Raw<'a>,
            #[serde(borrow, default)]
            scope: Option<Raw<'a>>,
        }
        let fields = self.result?.read_object::<Fields<'_>>()?;
        if self.error.is_some() {
            return None;
        }
        let about_it = fields.scope.is_none_or(|scope| scope.text() == asked.word());
        fields.enabled.as_bool().map(|enabled| enabled && about_it)
    }

    /// The channels of [`CHANNELS`] that the acknowledgement does not list: unknown or forbidden ones are dropped
    /// without an error. `None` when the answer is no list.
    pub fn channels_missing(&self) -> Option<Vec<&'static str>> {
        let granted = self.result?.read::<Vec<Raw<'_>>>()?;
        Some(CHANNELS.into_iter().filter(|wanted| !granted.iter().any(|given| given.text() == *wanted)).collect())
    }

    /// The open orders this lists; `None` when it holds no list. An order of which nothing is understood is still
    /// counted, with empty names.
    pub fn open_orders(&self) -> Option<Vec<OpenOrder>> {
        Some(self.result?.read::<Vec<Raw<'_>>>()?.into_iter().map(open_order).collect())
    }

    /// What a cancel-all did; `None` when the answer is neither a count nor a list.
    pub fn cancelled(&self) -> Option<Cancelled<'a>> {
        let result = self.result?;
        if let Some(count) = whole(result) {
            return Some(Cancelled { count, failure: None });
        }
        let mut all = Cancelled { count: 0, failure: None };
        for part in result.read::<Vec<Raw<'a>>>()? {
            all.add(part);
        }
        Some(all)
    }
}

/// What was granted at login.
pub(super) struct Grant {
    scope: String,
    pub expires_in_s: Option<u64>,
}

impl Grant {
    /// What was needed and not granted. The venue may narrow a scope without a word, and lists what it granted in
    /// alphabetical order among items of its own.
    pub fn missing(&self) -> Option<&'static str> {
        SCOPES_NEEDED.into_iter().find(|needed| !self.scope.split_ascii_whitespace().any(|given| given == *needed))
    }

    pub fn scope(&self) -> &str {
        &self.scope
    }
}

/// What a cancel-all did, over all its internal parts.
pub(super) struct Cancelled<'a> {
    pub count: u64,
    /// The first part that failed: then the kill is incomplete.
    pub failure: Option<Error<'a>>,
}

impl<'a> Cancelled<'a> {
    /// A part is `{"currency":..,"type":..,"result":[..]}`, the same with `error`, or (in newer text) one order.
    fn add(&mut self, part: Raw<'a>) {
        #[derive(Deserialize, Default)]
        struct Part<'a> {
            #[serde(borrow, default)]
            result: Option<Raw<'a>>,
            #[serde(borrow, default)]
            error: Option<Raw<'a>>,
        }
        let fields = part.read_object::<Part<'a>>().unwrap_or_default();
        if let Some(error) = fields.error {
            self.failure.get_or_insert_with(|| error.read_object().unwrap_or_default());
            return;
        }
        self.count += match fields.result {
            Some(result) => whole(result).or_else(|| Some(result.read::<Vec<Raw<'_>>>()?.len() as u64)).unwrap_or(0),
            None => 1,
        };
    }
}

impl<'a> Error<'a> {
    pub fn code(&self) -> Option<i64> {
        self.code.and_then(Raw::as_i64)
    }

    /// The code as text; empty when there is none.
    pub fn code_text(&self) -> &'a str {
        self.code.map_or("", Raw::bare)
    }

    /// The message, and the data where there is some: it names the parameter or the reason.
    pub fn text(&self) -> Cow<'a, str> {
        let message = self.message.map_or(Cow::Borrowed(""), Raw::text);
        match self.data {
            Some(data) => Cow::Owned(venue_text(&format!("{message} {}", data.bare()))),
            None => message,
        }
    }

    /// The parameter complained about.
    pub fn param(&self) -> Option<Cow<'a, str>> {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            param: Raw<'a>,
        }
        self.data?.read_object::<Data<'a>>().map(|data| data.param.text())
    }

    /// How many seconds the venue asks us to wait.
    pub fn wait_s(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Data<'a> {
            #[serde(borrow)]
            wait: Raw<'a>,
        }
        self.data?.read_object::<Data<'a>>().and_then(|data| whole(data.wait))
    }
}

/// What a switch request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    Connection,
    Account,
}

impl Reach {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Account => "account",
        }
    }

    /// The scope is always said: its default, and what `get` reads without it, are described differently by page.
    pub const fn params(self) -> &'static str {
        match self {
            Self::Connection => r#"{"scope":"connection"}"#,
            Self::Account => r#"{"scope":"account"}"#,
        }
    }
}

impl DeribitScope {
    /// What must be switched on and read back.
    pub(super) const fn reaches(self) -> &'static [Reach] {
        match self {
            Self::Connection => &[Reach::Connection],
            Self::Account => &[Reach::Connection, Reach::Account],
        }
    }
}

/// A number without a fraction, however it is written (`7`, `7.0`, `6.4e4`).
fn whole(number: Raw<'_>) -> Option<u64> {
    let exact = number.as_u64();
    exact.or_else(|| number.bare().parse::<f64>().ok().filter(|n| (0.0..9e15).contains(n)).map(|n| n as u64))
}

fn open_order(item: Raw<'_>) -> OpenOrder {
    #[derive(Deserialize, Default)]
    struct Item<'a> {
        #[serde(borrow, default)]
        order_id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        label: Option<Raw<'a>>,
        #[serde(borrow, default)]
        instrument_name: Option<Raw<'a>>,
    }
    let item = item.read_object::<Item<'_>>().unwrap_or_default();
    let text = |field: Option<Raw<'_>>| field.map_or_else(String::new, |field| field.text().into_owned());
    OpenOrder { order_id: text(item.order_id), client_id: text(item.label), instrument: text(item.instrument_name) }
}

/// A request. The id is a number, always given: without one the venue answers without one.
pub(super) fn push_request(line: &mut String, id: u64, method: &str, params: &str) {
    line.push_str(r#"{"jsonrpc":"2.0","id":"#);
    push_u64(line, id);
    line.push_str(r#","method":"#);
    push_string(line, method);
    line.push_str(r#","params":"#);
    line.push_str(params);
    line.push('}');
}

/// The login by signature: the secret itself never travels.
pub(super) fn push_login(line: &mut String, id: u64, credentials: &Credentials, at: WallTime, nonce: &str) {
    let mut params = String::from(r#"{"grant_type":"client_signature","client_id":"#);
    push_string(&mut params, &credentials.key);
    params.push_str(r#","timestamp":"#);
    push_u64(&mut params, at.millis());
    params.push_str(r#","signature":""#);
    params.push_str(&login_signature(credentials, at.millis(), nonce, ""));
    // The nonce must be a string: a bare number is refused with -32602.
    params.push_str(r#"","nonce":"#);
    push_string(&mut params, nonce);
    params.push_str(r#","data":"","scope":"#);
    push_string(&mut params, SCOPE);
    params.push('}');
    push_request(line, id, LOGIN, &params);
}

/// `Authorization` for an HTTP GET of this path and query.
pub(super) fn authorization(credentials: &Credentials, at: WallTime, nonce: &str, uri: &str) -> String {
    let (key, ms) = (&credentials.key, at.millis());
    let sig = http_signature(credentials, ms, nonce, "GET", uri, "");
    format!("deri-hmac-sha256 id={key},ts={ms},sig={sig},nonce={nonce}")
}

pub(super) fn login_signature(credentials: &Credentials, ms: u64, nonce: &str, data: &str) -> String {
    hmac_sha256_hex(credentials.secret.reveal(), &format!("{ms}\n{nonce}\n{data}"))
}

fn http_signature(credentials: &Credentials, ms: u64, nonce: &str, method: &str, uri: &str, body: &str) -> String {
    hmac_sha256_hex(credentials.secret.reveal(), &format!("{ms}\n{nonce}\n{method}\n{uri}\n{body}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    const MS: u64 = 1_700_000_000_000;

    fn dummy(secret: &str) -> Credentials {
        Credentials::new("KEY", Secret::new(secret.into()), None).unwrap()
    }

    #[test]
    fn login_signature_of_deribits_own_example() {
        let expected = "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1";
        assert_eq!(login_signature(&dummy("AMANDASECRECT"), 1_576_074_319_000, "1iqt2wls", ""), expected);
    }

    #[test]
    fn login_signature_with_and_without_data() {
        let credentials = dummy("KILLCORD-DUMMY-SECRET-0000000000");
        let expected = "e259fa74d2ba833eff70a799ba8125d488d5016b5eb3cebee605bd07c31cd416";
        assert_eq!(login_signature(&credentials, MS, "kc-nonce-0001", ""), expected);
        let expected = "d72a2c23e6782b946adc01e603875dd02bbfdfce077ebc2fb8877ddc4996f0a1";
        assert_eq!(login_signature(&credentials, MS, "kc-nonce-0001", "killcord"), expected);
    }

    #[test]
    fn http_signature_of_an_out_of_band_kill() {
        let credentials = dummy("KILLCORD-DUMMY-SECRET-0000000000");
        let expected = "01b2438548c1b6a4824779b03ffafca4ad314fea289ed258c11ca71f8f3a2749";
        let uri = "/api/v2/private/cancel_all";
        assert_eq!(http_signature(&credentials, MS, "kc-nonce-0001", "GET", uri, ""), expected);
        let header = authorization(&credentials, WallTime::from_millis(MS), "kc-nonce-0001", uri);
        assert_eq!(header, format!("deri-hmac-sha256 id=KEY,ts={MS},sig={expected},nonce=kc-nonce-0001"));
    }

    #[test]
    fn numbers_are_whole_in_every_notation() {
        let number = |text: &str| whole(serde_json::from_str(text).unwrap());
        assert_eq!((number("7"), number("7.0"), number("6.4e4")), (Some(7), Some(7), Some(64_000)));
        assert_eq!((number("-1"), number("1e300"), number("[]")), (None, None, None));
    }

    #[test]
    fn a_cancel_all_counts_its_parts_and_keeps_the_first_failure() {
        let frame = |result: &str| format!(r#"{{"result":{result}}}"#);
        let count =
            |text: &str| Frame::read(&frame(text)).unwrap().cancelled().map(|all| (all.count, all.failure.is_some()));
        assert_eq!(count("4"), Some((4, false)));
        assert_eq!(count("[]"), Some((0, false)));
        assert_eq!(count(r#"[{"order":{}},{"order":{}}]"#), Some((2, false)));
        let parts =
            r#"[{"currency":"BTC","type":"limit","result":[{},{},{}]},{"currency":"ETH","error":{"code":10047}}]"#;
        assert_eq!(count(parts), Some((3, true)));
        assert_eq!(count(r#"{"x":1}"#), None);
    }

    #[test]
    fn granted_scopes_are_compared_word_by_word() {
        let missing = |scope: &str| Grant { scope: scope.into(), expires_in_s: None }.missing();
        assert_eq!(missing("account:read_write block_trade:read connection mainaccount trade:read_write"), None);
        assert_eq!(missing("account:read connection trade:read_write"), Some("account:read_write"));
        assert_eq!(missing("account:read_write connection xtrade:read_write"), Some("trade:read_write"));
    }
}
