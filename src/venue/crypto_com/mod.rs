//! The Crypto.com Exchange v1 dialect: one websocket that carries login, orders and the switch.
//!
//! The switch is cancel-on-disconnect of this connection. It starts off, is set by one call after login, can never be
//! taken off, and fires at every end of the connection and at every `user.*` unsubscribe. It is kept by answering
//! `public/heartbeat`. Login and arming are in `script.rs`, what is asked on the armed link in `armed.rs`, HTTP in
//! `calls.rs`; what is heard is sorted here.

mod armed;
mod calls;
mod config;
mod direct;
mod errors;
mod facts;
mod orders;
mod screen;
mod script;
mod wire;

pub use config::CryptoComConfig;

use super::clock::VenueClock;
use super::json::{Raw, is_json};
use super::requests::{Requests, is_ours};
use super::{
    CallReply, Composed, Facts, Heard, Intent, Lane, OrderNews, OrdersIn, Outbox, Path, Report, Screened, Screening,
    Stamp, Venue,
};
use crate::model::{
    Breach, CallTag, ConfigError, Endpoint, Epoch, LinkRole, Misuse, Notice, Now, RequestId, Target, VenueName,
    WallTime, venue_text,
};
use armed::Ask;
use calls::{Call, Calls};
use script::{Script, Talk};
use wire::Frame;

/// What the envelope of a composed request adds to method and parameters.
const ENVELOPE_LENGTH: usize = 80;

const NOT_JSON: &str = "a Crypto.com message is not JSON";

/// A heartbeat id this far from our clock is a number, not the venue's time.
const CLOCK_PLAUSIBLE_MS: u64 = 24 * 3_600_000;

/// One Crypto.com account.
pub struct CryptoCom {
    config: CryptoComConfig,
    target: Target,
    guard: Endpoint,
    http: Endpoint,
    facts: Facts,
    requests: Requests,
    calls: Calls,
    clock: VenueClock,
    /// Set once the venue refused a nonce: from then on nonces follow the venue's clock, not ours.
    nonce_follows_venue: bool,
    /// Belongs to the live link; `Silent` between links.
    script: Script,
    /// What was asked on the live link beside the script, with the id it was asked under.
    asked: Vec<(u64, Ask)>,
}

impl CryptoCom {
    /// Checks the configuration as a whole.
    pub fn new(config: CryptoComConfig) -> Result<Self, ConfigError> {
        let addresses = config.addresses()?;
        let target = Target {
            venue: VenueName::CryptoCom,
            environment: config.access.environment,
            account: config.access.account.clone(),
            time_factor: config.access.time_factor,
        };
        Ok(Self {
            facts: facts::facts(target.time_factor),
            target,
            guard: addresses.guard,
            http: addresses.http,
            config,
            requests: Requests::new(),
            calls: Calls::default(),
            clock: VenueClock::default(),
            nonce_follows_venue: false,
            script: Script::Silent,
            asked: Vec::new(),
        })
    }

    fn advance(&mut self, now: Now, answer: Option<&Frame<'_>>, out: &mut Outbox) {
        let nonce = self.nonce(now);
        let script = std::mem::take(&mut self.script);
        let credentials = &self.config.access.credentials;
        let mut talk = Talk { nonce, credentials, requests: &mut self.requests, out };
        self.script = match answer {
            None => Script::begin(&mut talk),
            Some(answer) => script.hear(answer, &mut talk),
        };
        if answer.is_some_and(errors::is_clock) {
            self.nonce_follows_venue = true;
            self.call(now, Call::CompareClocks, out);
        }
    }

    fn call(&mut self, now: Now, call: Call, out: &mut Outbox) {
        let nonce = self.nonce(now);
        self.calls.make(call, self.requests.id(), nonce, &self.config.access.credentials, out);
    }

    fn nonce(&self, now: Now) -> WallTime {
        if self.nonce_follows_venue { self.clock.venue_time(now.wall) } else { now.wall }
    }

    fn heartbeat(&mut self, now: Now, id: Option<&str>, out: &mut Outbox) {
        // A heartbeat without an id is answered with the id the venue itself uses for "none".
        let token = id.unwrap_or("-1");
        out.say(LinkRole::Guard, Lane::Keepalive, |line| wire::push_heartbeat_answer(line, token));
        out.report(Report::VenueSpoke);
        // The id is the venue's clock in milliseconds (captured in 2023 and 2026).
        let Ok(venue_ms) = token.trim_matches('"').parse::<u64>() else { return };
        out.stamp(Stamp { millis: venue_ms, asked: None });
        if venue_ms.abs_diff(now.wall.millis()) < CLOCK_PLAUSIBLE_MS
            && let Some(offset) = self.clock.compare_unasked(venue_ms, now.wall)
        {
            out.report(Report::ClockOffset(offset));
        }
    }

    fn hear_id(&mut self, now: Now, id: u64, frame: &Frame<'_>, out: &mut Outbox) -> Heard {
        if let Some(request) = self.requests.answered(id) {
            return Heard::Answer(request);
        }
        if self.script.awaits(id) {
            self.advance(now, Some(frame), out);
        } else if let Some(at) = self.asked.iter().position(|(asked, _)| *asked == id) {
            let (_, ask) = self.asked.remove(at);
            self.answered(now, ask, frame, out);
        } else if self.requests.was_composed(id) {
            // An order list, or a subscription to several channels, is answered piece by piece under one id.
            return Heard::Application;
        }
        Heard::Ours
    }
}

impl Venue for CryptoCom {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn endpoint(&self, role: LinkRole) -> Option<&Endpoint> {
        match role {
            LinkRole::Guard => Some(&self.guard),
            LinkRole::Trade => None,
        }
    }

    fn http_endpoint(&self) -> &Endpoint {
        &self.http
    }

    /// Compares clocks: a nonce more than 60 s off is refused, and the websocket tells no time before its first
    /// heartbeat. It also opens the path a kill would take.
    fn prepare(&mut self, now: Now, out: &mut Outbox) {
        self.call(now, Call::CompareClocks, out);
    }

    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox) {
        match role {
            LinkRole::Guard => {
                self.forget(role);
                self.requests.enter(epoch);
                self.advance(now, None, out);
            }
            LinkRole::Trade => {}
        }
    }

    fn hear(&mut self, now: Now, _role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        if let Some(id) = wire::plain_heartbeat_id(line) {
            self.heartbeat(now, Some(id), out);
            return Ok(Heard::Ours);
        }
        let Some(frame) = Frame::read(line) else {
            return if is_json(line) { Ok(Heard::Application) } else { Err(Breach { what: NOT_JSON }) };
        };
        if frame.is(wire::HEARTBEAT) {
            self.heartbeat(now, frame.id_token(), out);
            warn(&frame, out);
            return Ok(Heard::Ours);
        }
        if frame.is(wire::ANSWER_HEARTBEAT) {
            // There is no reply to an answer, so this can only be a complaint about it.
            warn(&frame, out);
            return Ok(Heard::Ours);
        }
        if errors::is_rate_limit(&frame) {
            out.report(Report::RateLimited(facts::RATE_LIMIT_PAUSE));
        }
        match frame.id.and_then(Raw::as_u64) {
            Some(id) if is_ours(id) => Ok(self.hear_id(now, id, &frame, out)),
            Some(_) | None => Ok(Heard::Application),
        }
    }

    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        if let CallReply::Got { date, .. } = reply
            && let Some(offset) = self.clock.compare_date(date, now.wall)
        {
            out.report(Report::ClockOffset(offset));
        }
        // A kill must not depend on a login having been refused before.
        if let CallReply::Got { body, .. } = reply
            && Frame::read(body).is_some_and(|frame| errors::is_clock(&frame))
        {
            self.nonce_follows_venue = true;
        }
        self.calls.hear(tag, &reply, out);
        Ok(())
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        match intent {
            Intent::ReadBack => self.ask(now, Ask::ReadBack, out),
            Intent::Probe(LinkRole::Guard) => self.ask(now, Ask::Probe, out),
            Intent::CancelAll(Path::Link) => {
                self.ask(now, Ask::CancelAll, out);
                self.ask(now, Ask::CancelAllAdvanced, out);
            }
            Intent::CancelAll(Path::Http) => {
                self.call(now, Call::CancelAll, out);
                self.call(now, Call::CancelAllAdvanced, out);
            }
            Intent::OpenOrders(Path::Link) => self.ask(now, Ask::OpenOrders(now.at), out),
            Intent::OpenOrders(Path::Http) => self.call(now, Call::OpenOrders(now.at), out),
            Intent::Rearm if self.script == Script::Running => self.ask(now, Ask::Rearm, out),
            // Nothing to feed, to renew or to wait for; nothing that could take the switch off (`facts.rs` says so); and
            // arming a link that never was armed is the script's work.
            Intent::Feed
            | Intent::Rearm
            | Intent::Errand(_)
            | Intent::Disarm
            | Intent::Farewell
            | Intent::Probe(LinkRole::Trade) => {}
        }
    }

    fn compose(&mut self, now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse> {
        let kind = screen::request(method, params);
        if let Screening::NotSendable { why } = kind {
            return Err(Misuse::NotSendable { why });
        }
        if self.script == Script::Silent {
            return Err(Misuse::NotConnected);
        }
        let id = self.requests.compose(request)?;
        let mut line = String::with_capacity(params.len() + method.len() + ENVELOPE_LENGTH);
        wire::push_request(&mut line, id, method, params, self.nonce(now));
        Ok(Composed { line, screened: Screened::new(LinkRole::Guard, kind) })
    }

    fn withdraw(&mut self, request: RequestId) {
        self.requests.withdraw(request);
    }

    fn screen(&self, line: &str) -> Screened {
        Screened::new(LinkRole::Guard, screen::line(line))
    }

    fn orders_in(&self, line: &str) -> OrdersIn {
        orders::within(line)
    }

    fn order_news(&self, _role: LinkRole, line: &str) -> Vec<OrderNews> {
        orders::news(line)
    }

    /// HTTP calls belong to no link and go on: a kill must not be forgotten because the link was lost.
    fn forget(&mut self, role: LinkRole) {
        match role {
            LinkRole::Guard => {
                self.script = Script::Silent;
                self.asked.clear();
                self.requests.forget();
            }
            LinkRole::Trade => {}
        }
    }
}

/// Seen inside a heartbeat: "server did not receive any client heartbeat, going to disconnect soon".
fn warn(frame: &Frame<'_>, out: &mut Outbox) {
    if let Some(text) = frame.message() {
        out.report(Report::Notice(Notice::DisconnectWarning { text: venue_text(&text) }));
    }
}

#[cfg(test)]
mod tests;
