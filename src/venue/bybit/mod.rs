//! The Bybit v5 dialect: disconnection protection (DCP) of whole product lines, a private link that holds it off, and an
//! optional second link for orders.
//!
//! Three things must hold at once: Bybit has switched the product on, its window is set, and at least one live private
//! link is logged in and subscribed to the product's `dcp.*` topic. The first two are asked over HTTP (`window.rs`), the
//! last is `script.rs`. The protection belongs to the account: any other live connection with the topic holds it off.
//!
//! Deliberately not here: RSA keys, market data, and order keeping.

mod calls;
mod config;
mod direct;
mod errors;
mod facts;
mod kill;
mod orders;
mod screen;
mod script;
mod window;
mod wire;

pub use config::{BybitConfig, BybitProduct};

use super::clock::VenueClock;
use super::json::{Raw, clean, is_json};
use super::{
    CallReply, Composed, Errand, Facts, Heard, Intent, OrderNews, OrdersIn, Outbox, Path, Report, Screened, Screening,
    Stamp, Venue,
};
use crate::model::{
    Breach, CallTag, ConfigError, Credentials, Endpoint, Epoch, LinkRole, Misuse, Notice, Now, Refusal, RefusalClass,
    RequestId, Target, VenueName, WallTime,
};
use calls::{Answer, Call, Calls, Failure, Purpose};
use kill::Readings;
use script::{GuardLink, PingFor, TradeLink};
use std::time::Duration;
use wire::{Frame, Ids};

/// Bybit's protocol for one account.
pub struct Bybit {
    target: Target,
    facts: Facts,
    guard: Endpoint,
    trade: Option<Endpoint>,
    http: Endpoint,
    credentials: Credentials,
    products: Vec<BybitProduct>,
    window_s: u32,
    max_active_time_s: u32,
    ids: Ids,
    clock: VenueClock,
    login_clock: LoginClock,
    calls: Calls,
    readings: Readings,
    /// The live guarding link, from `begin` to `forget`.
    link: Option<GuardLink>,
    /// The live order-entry link, from `begin` to `forget`.
    trade_link: Option<TradeLink>,
}

/// Whether a wrong clock may be what logins are refused for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum LoginClock {
    /// The last login was accepted, or none was tried.
    #[default]
    Trusted,
    /// A login was refused, and the clock is being compared.
    Doubted,
    /// The clock was compared since.
    Compared,
}

impl Bybit {
    /// Checks the whole configuration.
    pub fn new(config: BybitConfig) -> Result<Self, ConfigError> {
        let addresses = config::check(&config)?;
        let facts = facts::facts(&config);
        let access = config.access;
        Ok(Self {
            target: Target {
                venue: VenueName::Bybit,
                environment: access.environment,
                account: access.account,
                time_factor: access.time_factor,
            },
            facts,
            guard: addresses.guard,
            trade: addresses.trade,
            http: addresses.http,
            credentials: access.credentials,
            products: config.products,
            window_s: config.window_s,
            max_active_time_s: config.max_active_time_s,
            ids: Ids::default(),
            clock: VenueClock::default(),
            login_clock: LoginClock::default(),
            calls: Calls::default(),
            readings: Readings::default(),
            link: None,
            trade_link: None,
        })
    }

    fn call(&mut self, now: Now, purpose: Purpose, out: &mut Outbox) {
        self.calls.make(now, self.stamp(now), purpose, false, &self.credentials, out);
    }

    /// Says a call again, once.
    fn repeat(&mut self, now: Now, purpose: Purpose, out: &mut Outbox) {
        self.calls.make(now, self.stamp(now), purpose, true, &self.credentials, out);
    }

    /// The venue's time, a little behind: a stamp more than a second ahead of it is refused (v5/guide).
    fn stamp(&self, now: Now) -> WallTime {
        self.clock.venue_time(now.wall).shifted(-facts::STAMP_LEAN_MS)
    }

    /// Takes the venue's time in an answer as that of the middle of the round trip.
    fn compare_clocks(&mut self, now: Now, said: Now, venue_ms: Option<u64>, out: &mut Outbox) {
        let half_trip = now.at.since(said.at) / 2;
        let ours = WallTime::from_nanos(now.wall.nanos().saturating_sub(nanos(half_trip)));
        let error_ms = u64::try_from(half_trip.as_millis()).unwrap_or(u64::MAX);
        let Some(venue_ms) = venue_ms else { return };
        out.stamp(Stamp { millis: venue_ms, asked: Some(said.at) });
        if let Some(offset) = self.clock.compare(venue_ms, ours, error_ms) {
            out.report(Report::ClockOffset(offset));
        }
    }

    /// A login was refused. Where the clock may be behind it, the clock is compared before the next try; a second such
    /// refusal after that has another cause, and a person must look.
    fn refuse_login(&mut self, now: Now, role: LinkRole, mut refusal: Refusal, out: &mut Outbox) {
        if refusal.class == RefusalClass::Clock {
            if self.login_clock == LoginClock::Compared {
                refusal = errors::not_the_clock(&refusal);
            } else {
                self.login_clock = LoginClock::Doubted;
            }
            self.call(now, Purpose::Time, out);
        }
        out.report(match role {
            LinkRole::Guard => Report::Refused(refusal),
            LinkRole::Trade => Report::TradeRefused(refusal),
        });
    }

    fn hear_answer(&mut self, now: Now, call: &Call, answer: &Answer<'_>, out: &mut Outbox) {
        if let Some(millis) = answer.time_ms {
            out.stamp(Stamp { millis, asked: Some(call.said.at) });
        }
        match &call.purpose {
            Purpose::Time => {
                self.compare_clocks(now, call.said, answer.time_ms, out);
                if self.login_clock == LoginClock::Doubted {
                    self.login_clock = LoginClock::Compared;
                }
                self.preview(now, out);
            }
            Purpose::Preview => self.hear_preview(answer, out),
            Purpose::Info => self.hear_info(now, answer, out),
            Purpose::ReadBack => self.hear_read_back(answer, out),
            Purpose::SetWindow(..) => self.hear_set(None, out),
            Purpose::CancelAll(_) => self.hear_swept(answer, call.purpose.step(), out),
            Purpose::OpenOrders(listing) => self.hear_page(now, listing, answer, out),
        }
    }

    fn hear_failure(&mut self, now: Now, call: Call, failure: Failure, out: &mut Outbox) {
        if let Some(millis) = failure.venue_ms {
            out.stamp(Stamp { millis, asked: Some(call.said.at) });
        }
        if let Some(venue_ms) = failure.venue_ms.filter(|_| !call.repeated) {
            if let Some(offset) = self.clock.compare(venue_ms, now.wall, 0) {
                out.report(Report::ClockOffset(offset));
            }
            return self.repeat(now, call.purpose, out);
        }
        if failure.unanswered && !call.repeated && call.purpose.is_worth_repeating() {
            return self.repeat(now, call.purpose, out);
        }
        match &call.purpose {
            // Whatever is wrong shows at the next login; the entitlement can be looked at all the same.
            Purpose::Time => self.preview(now, out),
            Purpose::Info => self.hear_info_failure(failure, out),
            Purpose::SetWindow(..) => self.hear_set(Some(failure), out),
            Purpose::OpenOrders(listing) => self.hear_unlisted(listing, failure.refusal, out),
            // Nobody answered before any link was wanted: the live link will ask again.
            Purpose::Preview if failure.unanswered => {}
            Purpose::Preview | Purpose::ReadBack | Purpose::CancelAll(_) => {
                out.report(Report::Refused(failure.refusal));
            }
        }
    }

    /// Looks at the entitlement as long as no link does.
    fn preview(&mut self, now: Now, out: &mut Outbox) {
        if self.link.is_none() {
            self.call(now, Purpose::Preview, out);
        }
    }
}

impl Venue for Bybit {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn endpoint(&self, role: LinkRole) -> Option<&Endpoint> {
        match role {
            LinkRole::Guard => Some(&self.guard),
            LinkRole::Trade => self.trade.as_ref(),
        }
    }

    fn http_endpoint(&self) -> &Endpoint {
        &self.http
    }

    /// Compares clocks, then looks at the entitlement: most accounts have none.
    fn prepare(&mut self, now: Now, out: &mut Outbox) {
        self.call(now, Purpose::Time, out);
    }

    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox) {
        self.forget(role);
        match role {
            LinkRole::Guard => self.open_guard(now, epoch, out),
            LinkRole::Trade => self.open_trade(now, epoch, out),
        }
    }

    fn hear(&mut self, now: Now, role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        let Some(frame) = Frame::read(line) else {
            if !is_json(line) {
                out.report(Report::Notice(Notice::DisconnectWarning { text: clean(line) }));
            }
            return Ok(Heard::Application);
        };
        match role {
            LinkRole::Guard => self.hear_guard(now, &frame, out),
            LinkRole::Trade => self.hear_trade(now, &frame, out),
        }
    }

    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        if let Some(call) = self.calls.take(tag) {
            match call.purpose.read(&reply) {
                Ok(answer) => self.hear_answer(now, &call, &answer, out),
                Err(failure) => self.hear_failure(now, call, *failure, out),
            }
        }
        Ok(())
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        match intent {
            Intent::ReadBack => {
                if self.link.is_some() {
                    self.call(now, Purpose::ReadBack, out);
                }
            }
            Intent::Probe(role) => self.say_ping(now, role, PingFor::Probe, out),
            Intent::Errand(Errand::Renew) => self.keep_active(now, out),
            Intent::Errand(errand @ (Errand::HoldOff | Errand::Retry)) => self.resume_windows(now, errand, out),
            Intent::Rearm => self.check_windows(now, out),
            Intent::CancelAll(Path::Http) => self.sweep(now, out),
            Intent::OpenOrders(Path::Http) => self.read_open_orders(now, out),
            // There is no countdown to feed, no way to take the protection off, and no cancel-all or listing on a link.
            Intent::Feed
            | Intent::Disarm
            | Intent::Farewell
            | Intent::CancelAll(Path::Link)
            | Intent::OpenOrders(Path::Link) => {}
        }
    }

    fn compose(&mut self, now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse> {
        let args = serde_json::from_str::<Raw<'_>>(params).ok();
        let screened = screen::classify(method, args, self.trade.is_some());
        if let Screening::NotSendable { why } = screened.kind {
            return Err(Misuse::NotSendable { why });
        }
        let stamp = self.stamp(now);
        let (epoch, pending) = match screened.role {
            LinkRole::Guard => self.link.as_mut().map(|link| (link.epoch, &mut link.pending)),
            LinkRole::Trade => {
                self.trade_link.as_mut().filter(|link| link.is_ready()).map(|link| (link.epoch, &mut link.pending))
            }
        }
        .ok_or(Misuse::NotConnected)?;
        pending.check_room()?;
        let id = self.ids.next(epoch);
        let line = screen::write(screened.role, id, method, params, stamp)?;
        pending.put(id, request);
        Ok(Composed { line, screened })
    }

    fn withdraw(&mut self, request: RequestId) {
        let on_links =
            [self.link.as_mut().map(|link| &mut link.pending), self.trade_link.as_mut().map(|link| &mut link.pending)];
        on_links.into_iter().flatten().for_each(|pending| pending.withdraw(request));
    }

    fn screen(&self, line: &str) -> Screened {
        screen::line(line, self.trade.is_some())
    }

    fn orders_in(&self, line: &str) -> OrdersIn {
        orders::within(line)
    }

    fn order_news(&self, _role: LinkRole, line: &str) -> Vec<OrderNews> {
        orders::news(line)
    }

    /// What was asked over HTTP for the link's sake is forgotten with it; a kill belongs to the account and goes on.
    fn forget(&mut self, role: LinkRole) {
        match role {
            LinkRole::Guard => {
                self.link = None;
                self.calls.forget_link();
            }
            LinkRole::Trade => self.trade_link = None,
        }
    }
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
