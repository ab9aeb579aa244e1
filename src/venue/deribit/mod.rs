//! The Deribit v2 dialect: one websocket that carries login, orders and the switch.
//!
//! The switch is cancel-on-disconnect of this connection (or, by configuration, also the account's default for later
//! connections). It is kept by `public/set_heartbeat` and answering `test_request`. Closing the link is the trip;
//! `private/logout` is its opposite and leaves orders unprotected. Login and arming are in `script.rs` and `login.rs`,
//! what is asked on the armed link in `armed.rs`, HTTP in `calls.rs`, announcements in `notices.rs`; what is heard is
//! sorted here.

mod armed;
mod calls;
mod config;
mod direct;
mod errors;
mod facts;
mod login;
mod notices;
mod orders;
mod screen;
mod script;
mod wire;

pub use config::{DeribitConfig, DeribitScope, MatchingCredits};

use super::clock::VenueClock;
use super::json::{Raw, is_json};
use super::requests::{Requests, is_ours};
use super::{
    CallReply, Composed, Errand, Facts, Heard, Intent, Lane, OrderNews, OrdersIn, Outbox, Path, Report, Screened,
    Screening, Stamp, Venue,
};
use crate::model::{
    Breach, CallTag, ConfigError, Endpoint, Epoch, LinkRole, Misuse, Moment, Notice, Now, ReadBackVerdict, RequestId,
    Target, VenueName, WallTime,
};
use armed::Ask;
use calls::{Call, Calls};
use login::Nonces;
use notices::{Maintenance, Notices};
use script::{Script, Talk};
use wire::{Frame, Kind};

/// What the envelope of a composed request adds to method and parameters.
const ENVELOPE_LENGTH: usize = 80;

const NOT_JSON: &str = "a Deribit message is not JSON";

/// One Deribit account.
pub struct Deribit {
    config: DeribitConfig,
    target: Target,
    guard: Endpoint,
    http: Endpoint,
    facts: Facts,
    requests: Requests,
    nonces: Nonces,
    calls: Calls,
    clock: VenueClock,
    link: Link,
}

/// What belongs to the live link; as new between links.
#[derive(Default)]
struct Link {
    script: Script,
    /// What was asked beside the script, with the id it was asked under.
    asked: Vec<(u64, Ask)>,
    /// Id and time of what was said last, to compare clocks when it is answered.
    last_said: (u64, Moment),
    notices: Notices,
}

impl Deribit {
    /// Checks the configuration as a whole.
    pub fn new(config: DeribitConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let addresses = config.addresses()?;
        let target = Target {
            venue: VenueName::Deribit,
            environment: config.access.environment,
            account: config.access.account.clone(),
            time_factor: config.access.time_factor,
        };
        Ok(Self {
            facts: facts::facts(config.heartbeat_s, config.matching, target.time_factor),
            target,
            guard: addresses.guard,
            http: addresses.http,
            config,
            requests: Requests::new(),
            nonces: Nonces::default(),
            calls: Calls::default(),
            clock: VenueClock::default(),
            link: Link::default(),
        })
    }

    fn talk<'t>(&'t mut self, now: Now, out: &'t mut Outbox) -> Talk<'t> {
        Talk {
            now,
            signed_at: self.clock.venue_time(now.wall),
            config: &self.config,
            nonces: &mut self.nonces,
            requests: &mut self.requests,
            last_said: &mut self.link.last_said,
            out,
        }
    }

    fn test_requested(&mut self, out: &mut Outbox) {
        let id = self.requests.id();
        out.say(LinkRole::Guard, Lane::Keepalive, |line| wire::push_request(line, id, wire::TEST, "{}"));
        out.report(Report::VenueSpoke);
    }

    fn call(&mut self, now: Now, call: Call, out: &mut Outbox) {
        let nonce = self.nonces.next(now.wall);
        let at = self.clock.venue_time(now.wall);
        self.calls.make(call, at, &nonce, &self.config.access.credentials, out);
    }

    fn hear_response(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) -> Heard {
        self.hear_error(frame, out);
        let venue_us = frame.venue_us();
        if let Some(venue_us) = venue_us {
            out.stamp(Stamp { millis: venue_us / 1_000, asked: None });
        }
        let Some(id) = frame.id.and_then(Raw::as_u64) else { return self.hear_nameless(frame, out) };
        if !is_ours(id) {
            return Heard::Application;
        }
        if let Some(request) = self.requests.answered(id) {
            return Heard::Answer(request);
        }
        self.compare_clocks(now, id, venue_us, out);
        if self.link.script.awaits(id) {
            let script = std::mem::take(&mut self.link.script);
            self.link.script = script.hear(id, frame, &mut self.talk(now, out));
        } else if let Some(at) = self.link.asked.iter().position(|(asked, _)| *asked == id) {
            let (_, ask) = self.link.asked.remove(at);
            self.answered(now, ask, frame, out);
        }
        Heard::Ours
    }

    /// Maintenance and the end of a session are told without an id. Whatever the script waits for will not come.
    fn hear_nameless(&mut self, frame: &Frame<'_>, out: &mut Outbox) -> Heard {
        let code = frame.error().and_then(|error| error.code());
        if !matches!(code, Some(errors::SYSTEM_MAINTENANCE | errors::TOO_MANY_REQUESTS)) {
            return Heard::Application;
        }
        if let Some(step) = self.link.script.step() {
            self.link.script = Script::Stopped;
            out.report(Report::Refused(errors::refusal(step, frame)));
        }
        Heard::Application
    }

    /// Some errors mean something whoever asked, and some name no request.
    fn hear_error(&mut self, frame: &Frame<'_>, out: &mut Outbox) {
        let Some(error) = frame.error() else { return };
        if let Some(pause) = calls::pause(&error) {
            out.report(Report::RateLimited(pause));
        }
        match error.code() {
            Some(errors::TOO_MANY_REQUESTS) => out.report(Report::Notice(Notice::DisconnectWarning {
                text: "10028 too_many_requests: the venue ends this session".to_owned(),
            })),
            Some(errors::SYSTEM_MAINTENANCE) => {
                self.link.notices.maintenance(Maintenance::Active, &error.text(), out);
            }
            // One refused quote says it; those behind it must not have it switched on once more each.
            Some(errors::SWITCH_NOT_ENABLED) if !self.is_rearming() => {
                out.report(Report::ReadBack(ReadBackVerdict::Disagrees));
            }
            Some(_) | None => {}
        }
    }

    fn compare_clocks(&mut self, now: Now, id: u64, venue_us: Option<u64>, out: &mut Outbox) {
        let (said_id, said_at) = self.link.last_said;
        let Some(venue_us) = venue_us.filter(|_| said_id == id) else { return };
        out.stamp(Stamp { millis: venue_us / 1_000, asked: Some(said_at) });
        let half_trip_ns = now.at.since(said_at).as_nanos() as u64 / 2;
        let ours = WallTime::from_nanos(now.wall.nanos().saturating_sub(half_trip_ns));
        if let Some(offset) = self.clock.compare(venue_us / 1_000, ours, half_trip_ns / 1_000_000) {
            out.report(Report::ClockOffset(offset));
        }
    }
}

impl Venue for Deribit {
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

    /// Compares clocks: a signature more than 60 s off is refused, also that of a kill before the first link. It opens
    /// the path a kill would take.
    fn prepare(&mut self, now: Now, out: &mut Outbox) {
        self.call(now, Call::CompareClocks, out);
    }

    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox) {
        match role {
            LinkRole::Guard => {
                self.forget(role);
                self.requests.enter(epoch);
                self.nonces.enter(epoch);
                self.link.script = Script::begin(&mut self.talk(now, out));
            }
            LinkRole::Trade => {}
        }
    }

    fn hear(&mut self, now: Now, _role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        if wire::is_plain_test_request(line) {
            self.test_requested(out);
            return Ok(Heard::Ours);
        }
        let Some(frame) = Frame::read(line) else {
            return if is_json(line) { Ok(Heard::Application) } else { Err(Breach { what: NOT_JSON }) };
        };
        Ok(match frame.kind() {
            Kind::TestRequest => {
                self.test_requested(out);
                Heard::Ours
            }
            Kind::Heartbeat => {
                out.report(Report::VenueSpoke);
                Heard::Ours
            }
            Kind::Subscription(message) => {
                self.link.notices.hear(&message, out);
                Heard::Application
            }
            Kind::Response => self.hear_response(now, &frame, out),
            Kind::Unknown => Heard::Application,
        })
    }

    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        if let CallReply::Got { date, .. } = reply
            && let Some(offset) = self.clock.compare_date(date, now.wall)
        {
            out.report(Report::ClockOffset(offset));
        }
        self.calls.hear(tag, &reply, out);
        Ok(())
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        match intent {
            Intent::ReadBack => self.ask_read_back(now, out),
            Intent::Probe(LinkRole::Guard) => self.ask(now, Ask::Probe, out),
            Intent::Errand(Errand::Renew) => self.renew(now, out),
            Intent::Disarm => self.ask(now, Ask::Disarm, out),
            Intent::Rearm if self.link.script == Script::Running => self.rearm(now, out),
            Intent::Farewell => self.ask(now, Ask::FarewellOff, out),
            Intent::CancelAll(Path::Link) => self.ask(now, Ask::CancelAll, out),
            Intent::CancelAll(Path::Http) => self.call(now, Call::CancelAll, out),
            Intent::OpenOrders(Path::Link) => self.ask(now, Ask::OpenOrders(now.at), out),
            Intent::OpenOrders(Path::Http) => self.call(now, Call::OpenOrders(now.at), out),
            // Nothing to feed or to hold off; arming on a link that never was armed is the script's work.
            Intent::Feed
            | Intent::Rearm
            | Intent::Errand(Errand::HoldOff | Errand::Retry)
            | Intent::Probe(LinkRole::Trade) => {}
        }
    }

    fn compose(&mut self, _now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse> {
        let screened = screen::request(method, params);
        if let Screening::NotSendable { why } = screened.kind {
            return Err(Misuse::NotSendable { why });
        }
        if method.len() + params.len() + ENVELOPE_LENGTH > facts::LINE_LENGTH_MAX {
            return Err(Misuse::NotSendable { why: screen::TOO_LONG });
        }
        if self.link.script == Script::Silent {
            return Err(Misuse::NotConnected);
        }
        let id = self.requests.compose(request)?;
        let mut line = String::with_capacity(params.len() + method.len() + ENVELOPE_LENGTH);
        wire::push_request(&mut line, id, method, params);
        Ok(Composed { line, screened })
    }

    fn withdraw(&mut self, request: RequestId) {
        self.requests.withdraw(request);
    }

    fn screen(&self, line: &str) -> Screened {
        screen::line(line)
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
                self.link = Link::default();
                self.requests.forget();
            }
            LinkRole::Trade => {}
        }
    }
}

#[cfg(test)]
mod tests;
