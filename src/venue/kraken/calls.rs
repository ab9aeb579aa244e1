//! Kraken over HTTP: the websocket token, the kill, the list of open orders, on a path that works while the websocket is
//! dead. All of it belongs to the account and outlives every link; `script.rs` is told when a token came.

use super::{errors, facts};
use crate::model::{CallTag, Credentials, Moment, Notice, Now, Refusal, RefusalClass, Secret, TimeFactor};
use crate::venue::direct::push_escaped;
use crate::venue::json::Raw;
use crate::venue::{CallLine, CallReply, Errand, HttpMethod, HttpRequest, Outbox, Path, Report, sign};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// More calls than this are never under way; the oldest is forgotten. Far above what a kill and its read-backs need.
const WAITING_MAX: usize = 64;

/// The account's side of a guard: what outlives its links.
pub(super) struct Calls {
    key: String,
    /// Decoded when something is signed: a second form of it would be a second place to guard.
    secret: Secret,
    otp: Option<Secret>,
    factor: TimeFactor,
    /// The highest nonce ever used. Kraken wants them strictly increasing per key.
    last_nonce: u64,
    /// The newest token.
    token: Option<Token>,
    /// The one that the live link's subscription was made with.
    bound: Option<Token>,
    last_serial: u64,
    /// No token request leaves before this: the venue said no, or did not answer.
    not_before: Moment,
    /// That no token can be had was told as a notice; told again only after a success.
    told_failing: bool,
    waiting: BTreeMap<CallTag, Call>,
}

/// Which token a request carried. A refusal speaks of that one and of no later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TokenSerial(u64);

#[derive(Clone)]
struct Token {
    text: Secret,
    serial: TokenSerial,
    fetched: Moment,
    renew_at: Moment,
    /// The venue refused it on a link; it is not said again.
    refused: bool,
}

#[derive(Clone, Copy)]
struct Call {
    kind: CallKind,
    /// It was said again once, with a fresh nonce.
    repeated: bool,
}

impl Call {
    /// A nonce that came too late is cured by a fresh one, and one lost answer must not end a kill.
    fn is_worth_repeating(self, refusal: &Refusal, reply: &CallReply<'_>) -> bool {
        let unanswered = matches!(reply, CallReply::Failed(_));
        errors::is_nonce_error(refusal) || unanswered && self.kind == CallKind::CancelAll
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CallKind {
    Token,
    CancelAll,
    /// With the moment it was asked for.
    OpenOrders(Moment),
}

impl CallKind {
    /// Method page names; also how a refusal names the step.
    const fn name(self) -> &'static str {
        match self {
            Self::Token => "GetWebSocketsToken",
            Self::CancelAll => "CancelAll",
            Self::OpenOrders(_) => "OpenOrders",
        }
    }

    const fn line(self) -> CallLine {
        match self {
            Self::CancelAll => CallLine::Kill,
            Self::Token | Self::OpenOrders(_) => CallLine::Normal,
        }
    }
}

impl Calls {
    pub(super) fn new(credentials: &Credentials, factor: TimeFactor) -> Self {
        Self {
            key: credentials.key.clone(),
            secret: credentials.secret.clone(),
            otp: credentials.otp.clone(),
            factor,
            last_nonce: 0,
            token: None,
            bound: None,
            last_serial: 0,
            not_before: Moment::default(),
            told_failing: false,
            waiting: BTreeMap::new(),
        }
    }

    /// The token to say now. It is used past its published life too, because the pages disagree on that life and a
    /// refusal costs one round trip, while waiting for HTTP could cost the window.
    pub(super) fn token(&self) -> Option<(&str, TokenSerial)> {
        let token = [&self.token, &self.bound].into_iter().flatten().find(|token| !token.refused)?;
        Some((token.text.reveal(), token.serial))
    }

    /// The venue refused this token on a link.
    pub(super) fn refuse_token(&mut self, serial: TokenSerial) {
        for token in [&mut self.token, &mut self.bound].into_iter().flatten() {
            token.refused |= token.serial == serial;
        }
    }

    /// The live link's subscription was made with this token. Such a one does not expire while the link lives
    /// (api-reference/trading/get-websockets-token), which a newer one that subscribed nothing may.
    pub(super) fn bind_token(&mut self, serial: TokenSerial) {
        self.bound = self.token.as_ref().filter(|token| token.serial == serial).cloned();
    }

    /// The link that a token was bound to is gone.
    pub(super) fn unbind_token(&mut self) {
        self.bound = None;
    }

    /// An order was refused for its token, so the next feed may be, too. The token stays in use until another has come,
    /// and refusals in a row do not fetch one each.
    pub(super) fn suspect_token(&mut self, now: Now, out: &mut Outbox) {
        let settled = |token: &Token| now.at.since(token.fetched) >= self.factor.scale(facts::TOKEN_RETRY);
        if self.token.as_ref().is_none_or(settled) {
            self.fetch_token(now, out);
        }
    }

    /// Fetches a token when there is none to say or the one there is has reached its renewal age.
    pub(super) fn fetch_token_if_due(&mut self, now: Now, out: &mut Outbox) {
        let fresh = |token: &Token| !token.refused && now.at < token.renew_at;
        if !self.token.as_ref().is_some_and(fresh) {
            self.fetch_token(now, out);
        }
    }

    /// Fetches a token, unless one is on its way. After a failure it waits until trying again is wise.
    pub(super) fn fetch_token(&mut self, now: Now, out: &mut Outbox) {
        if self.waiting.values().any(|call| call.kind == CallKind::Token) {
            return;
        }
        if now.at < self.not_before {
            let after = self.not_before.since(now.at);
            out.report(Report::CallMeBack { after, errand: Errand::Renew });
            return;
        }
        self.call(now, CallKind::Token, false, out);
    }

    /// Cancels every order of the account over HTTP.
    pub(super) fn cancel_all(&mut self, now: Now, out: &mut Outbox) {
        self.call(now, CallKind::CancelAll, false, out);
    }

    /// Reads the account's open orders over HTTP.
    pub(super) fn open_orders(&mut self, now: Now, out: &mut Outbox) {
        self.call(now, CallKind::OpenOrders(now.at), false, out);
    }

    /// An HTTP call ended. True when a new token came.
    pub(super) fn hear_reply(&mut self, now: Now, tag: CallTag, reply: &CallReply<'_>, out: &mut Outbox) -> bool {
        let Some(call) = self.waiting.remove(&tag) else { return false };
        let answer = read_reply(call.kind.name(), reply);
        match answer {
            Err(refusal) if !call.repeated && call.is_worth_repeating(&refusal, reply) => {
                self.call(now, call.kind, true, out);
                false
            }
            Err(refusal) => {
                self.hear_refusal(now, call.kind, refusal, out);
                false
            }
            Ok(result) => self.hear_result(now, call.kind, result, out),
        }
    }

    fn hear_result(&mut self, now: Now, kind: CallKind, result: Raw<'_>, out: &mut Outbox) -> bool {
        match kind {
            CallKind::Token => return self.hear_token(now, result, out),
            CallKind::CancelAll => {
                let count = super::wire::cancelled_count(Some(result));
                out.report(Report::CancelledAll { path: Path::Http, count });
            }
            CallKind::OpenOrders(asked) => match super::trading::read_open_orders(result) {
                Some(orders) => out.report(Report::OpenOrders { path: Path::Http, asked, orders, complete: true }),
                None => out.report(Report::Unlisted { asked, refusal: errors::unreadable(kind.name()) }),
            },
        }
        false
    }

    fn hear_token(&mut self, now: Now, result: Raw<'_>, out: &mut Outbox) -> bool {
        #[derive(Deserialize)]
        struct Granted<'a> {
            #[serde(borrow)]
            token: Option<Raw<'a>>,
            #[serde(borrow)]
            expires: Option<Raw<'a>>,
        }
        let granted = result.read::<Granted<'_>>();
        let text = granted.as_ref().and_then(|granted| granted.token).map(Raw::text).filter(|text| !text.is_empty());
        let Some(text) = text else {
            self.hear_refusal(now, CallKind::Token, errors::unreadable(CallKind::Token.name()), out);
            return false;
        };
        let life = granted.and_then(|granted| granted.expires).and_then(Raw::as_u64).map(Duration::from_secs);
        let after = life.map_or(facts::TOKEN_RENEW, |life| facts::TOKEN_RENEW.min(life / 2)).max(facts::TOKEN_RETRY);
        let after = self.factor.scale(after);
        self.last_serial += 1;
        let serial = TokenSerial(self.last_serial);
        self.token = Some(Token {
            text: Secret::new(text.into_owned()),
            serial,
            fetched: now.at,
            renew_at: now.at + after,
            refused: false,
        });
        self.told_failing = false;
        out.report(Report::CallMeBack { after, errand: Errand::Renew });
        true
    }

    /// A token that cannot be had is a refusal only when there is none to go on with, and the venue said so for a reason
    /// that passes by itself no sooner than a session would wait. Otherwise it is a notice: the feeds that are being
    /// acknowledged prove more than a renewal that is not, and a link that waits is no better for being dialled again.
    fn hear_refusal(&mut self, now: Now, kind: CallKind, refusal: Refusal, out: &mut Outbox) {
        match kind {
            CallKind::Token => {}
            CallKind::CancelAll => return out.report(Report::Refused(refusal)),
            CallKind::OpenOrders(asked) => return out.report(Report::Unlisted { asked, refusal }),
        }
        let pause = self.factor.scale(pause_after(&refusal));
        self.not_before = now.at + pause;
        out.report(Report::CallMeBack { after: pause, errand: Errand::Renew });
        if self.token().is_none() && !is_transient(&refusal) {
            out.report(Report::Refused(refusal));
        } else if !self.told_failing {
            self.told_failing = true;
            out.report(Report::Notice(Notice::Limited { mode: format!("no new websocket token: {refusal}") }));
        }
    }

    /// How long a link that waits for a token waits before it asks again.
    pub(super) fn retry_pause(&self) -> Duration {
        self.factor.scale(facts::TOKEN_RETRY)
    }

    fn call(&mut self, now: Now, kind: CallKind, repeated: bool, out: &mut Outbox) {
        let request = self.signed(now, kind);
        let tag = out.call(request);
        self.waiting.insert(tag, Call { kind, repeated });
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }

    fn signed(&mut self, now: Now, kind: CallKind) -> HttpRequest {
        let path = format!("/0/private/{}", kind.name());
        HttpRequest { line: kind.line(), ..self.signed_form(now, path, "") }
    }

    /// A signed call of any kind; `form` is what it says beside nonce and one-time password.
    pub(super) fn signed_form(&mut self, now: Now, path: String, form: &str) -> HttpRequest {
        let nonce = self.next_nonce(now).to_string();
        let mut body = body(&nonce, self.otp.as_ref());
        if !form.is_empty() {
            body.push('&');
            body.push_str(form);
        }
        let headers = vec![
            ("API-Key", self.key.clone()),
            ("API-Sign", sign_call(&decoded(&self.secret), &path, &nonce, &body)),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
            user_agent(),
        ];
        HttpRequest { method: HttpMethod::Post, path, headers, body, line: CallLine::Normal }
    }

    /// Nanoseconds of our own wall clock, so that no venue answer is needed first; never twice, never less.
    fn next_nonce(&mut self, now: Now) -> u64 {
        self.last_nonce = now.wall.nanos().max(self.last_nonce + 1);
        self.last_nonce
    }
}

/// Without one a call is refused: docs.kraken.com/rest, general usage.
pub(super) fn user_agent() -> (&'static str, String) {
    ("User-Agent", concat!("killcord/", env!("CARGO_PKG_VERSION")).to_owned())
}

/// `API-Sign`: HMAC-SHA512 over path and SHA-256 of nonce and body: api/docs/guides/spot-rest-auth.
/// What is no base64 was refused when the guard was built.
fn decoded(secret: &Secret) -> Zeroizing<Vec<u8>> {
    sign::decode_base64(secret.reveal()).unwrap_or_default()
}

fn sign_call(secret: &[u8], path: &str, nonce: &str, body: &str) -> String {
    let hash = sign::sha256(&[nonce.as_bytes(), body.as_bytes()]);
    sign::hmac_sha512_base64(secret, &[path.as_bytes(), &hash])
}

/// The form body, byte for byte as it is signed and sent. `otp` goes into every call of a key that has one.
fn body(nonce: &str, otp: Option<&Secret>) -> String {
    let mut body = format!("nonce={nonce}");
    if let Some(otp) = otp {
        body.push_str("&otp=");
        push_escaped(&mut body, otp.reveal());
    }
    body
}

/// Kraken answers errors with HTTP 200 and a list; `result` may then be missing or empty.
fn read_reply<'a>(step: &'static str, reply: &CallReply<'a>) -> Result<Raw<'a>, Refusal> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        error: Option<Vec<Cow<'a, str>>>,
        #[serde(borrow)]
        result: Option<Raw<'a>>,
    }
    let (status, body) = match reply {
        CallReply::Got { status, body, .. } => (*status, *body),
        CallReply::Failed(cause) => return Err(errors::no_answer(step, cause)),
    };
    let read = serde_json::from_str::<Reply<'a>>(body).ok();
    if let Some(text) = read.as_ref().and_then(|reply| reply.error.as_ref()?.first()) {
        return Err(errors::refusal(step, text));
    }
    if status != 200 {
        return Err(errors::http_refusal(step, status));
    }
    read.filter(|reply| reply.error.is_some()).and_then(|reply| reply.result).ok_or_else(|| errors::unreadable(step))
}

fn pause_after(refusal: &Refusal) -> Duration {
    if errors::is_lockout(refusal) {
        facts::TOKEN_RETRY_LOCKED
    } else if is_transient(refusal) {
        facts::TOKEN_RETRY
    } else {
        facts::TOKEN_RETRY_FATAL
    }
}

const fn is_transient(refusal: &Refusal) -> bool {
    match refusal.class {
        RefusalClass::Fatal | RefusalClass::RateLimit => false,
        RefusalClass::Clock | RefusalClass::Retry | RefusalClass::Session | RefusalClass::Maintenance => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
    const NONCE: &str = "1616492376594";

    /// The first vector is Kraken's own (api/docs/guides/spot-rest-auth), the others were computed independently.
    #[test]
    fn published_and_independent_signature_vectors_hold() {
        let secret = sign::decode_base64(SECRET).unwrap();
        let add_order = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25";
        for (path, body, signature) in [
            (
                "AddOrder",
                add_order,
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
        ] {
            assert_eq!(sign_call(&secret, &format!("/0/private/{path}"), NONCE, body), signature, "{body}");
        }
    }

    #[test]
    fn bodies_are_written_as_the_vectors_have_them() {
        let otp = Secret::new("123456".into());
        assert_eq!(body(NONCE, None), "nonce=1616492376594");
        assert_eq!(body(NONCE, Some(&otp)), "nonce=1616492376594&otp=123456");
        assert_eq!(body("1", Some(&Secret::new("a b&c=é".into()))), "nonce=1&otp=a%20b%26c%3D%C3%A9");
    }
}
