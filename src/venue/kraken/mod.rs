//! The Kraken dialect: Spot websocket v2. One countdown per account in the matching engine, set and fed by
//! `cancel_all_orders_after`; dropping the link does nothing by itself and a clean close does not disarm.
//!
//! Deliberately not here: market data, order keeping, and feeding over HTTP (`calls.rs` is where it would go).

mod calls;
mod config;
mod direct;
mod errors;
mod facts;
mod orders;
mod screen;
mod script;
mod status;
mod trading;
mod wire;

#[cfg(test)]
mod tests;

pub use config::KrakenConfig;

use super::json::{clean, is_json};
use super::requests::{Requests, is_ours};
use super::{
    CallReply, Composed, Errand, Facts, Heard, Intent, OrderNews, OrdersIn, Outbox, Path, Report, Screened, Screening,
    Stamp, Venue,
};
use crate::model::{
    Breach, CallTag, ConfigError, Endpoint, Epoch, LinkRole, Misuse, Notice, Now, RequestId, Target, VenueName,
};
use calls::Calls;
use screen::Params;
use script::{Link, Purpose};
use wire::Frame;

const NO_TOKEN: Misuse = Misuse::NotSendable { why: "the guard has no websocket token yet" };

/// Kraken's protocol for one account.
pub struct Kraken {
    target: Target,
    facts: Facts,
    guard: Endpoint,
    http: Endpoint,
    window_s: u32,
    requests: Requests,
    calls: Calls,
    /// The live guarding link, from `begin` to `forget`.
    link: Option<Link>,
}

impl Kraken {
    /// Checks the whole configuration.
    pub fn new(config: KrakenConfig) -> Result<Self, ConfigError> {
        let addresses = config::check(&config)?;
        let facts = facts::facts(&config);
        let access = config.access;
        Ok(Self {
            calls: Calls::new(&access.credentials, access.time_factor),
            target: Target {
                venue: VenueName::Kraken,
                environment: access.environment,
                account: access.account,
                time_factor: access.time_factor,
            },
            facts,
            guard: addresses.guard,
            http: addresses.http,
            window_s: config.window_s,
            requests: Requests::new(),
            link: None,
        })
    }
}

impl Venue for Kraken {
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

    fn prepare(&mut self, now: Now, out: &mut Outbox) {
        self.calls.fetch_token_if_due(now, out);
    }

    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox) {
        match role {
            LinkRole::Guard => self.open_script(now, epoch, out),
            LinkRole::Trade => {}
        }
    }

    fn hear(&mut self, now: Now, _role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        if self.link.is_none() {
            return Ok(Heard::Application);
        }
        // Heartbeats come only when nothing else does, so whatever comes is one.
        out.report(Report::VenueSpoke);
        let Some(frame) = Frame::read(line) else {
            // Cloudflare, which stands before the venue, announces its restarts here in plain English.
            if !is_json(line) {
                out.report(Report::Notice(Notice::DisconnectWarning { text: clean(line) }));
            }
            return Ok(Heard::Application);
        };
        if let Some(millis) = frame.sent_ms() {
            out.stamp(Stamp { millis, asked: None });
        }
        match frame.id() {
            Some(id) if frame.channel.is_none() => self.hear_numbered(now, id, &frame, out),
            Some(_) | None => Ok(self.hear_channel(&frame, out)),
        }
    }

    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        if self.calls.hear_reply(now, tag, &reply, out) {
            self.hear_token(now, out);
        }
        Ok(())
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        match intent {
            Intent::Feed => self.want_timer(now, Purpose::Feed, out),
            Intent::Rearm => self.want_timer(now, Purpose::Arm, out),
            Intent::Disarm => self.want_timer(now, Purpose::Disarm, out),
            Intent::Farewell => self.want_timer(now, Purpose::Farewell, out),
            Intent::Probe(LinkRole::Guard) => self.say_ping(out),
            Intent::Errand(Errand::Renew) => self.calls.fetch_token_if_due(now, out),
            Intent::Errand(Errand::Retry) => self.wait_for_token(now, out),
            Intent::CancelAll(Path::Link) => self.say_cancel_all(out),
            Intent::CancelAll(Path::Http) => self.calls.cancel_all(now, out),
            Intent::OpenOrders(Path::Link) => self.tell_open_orders(now, out),
            Intent::OpenOrders(Path::Http) => self.calls.open_orders(now, out),
            // Kraken has nothing to read back, no second link, and nothing that needs holding off.
            Intent::ReadBack | Intent::Probe(LinkRole::Trade) | Intent::Errand(Errand::HoldOff) => {}
        }
    }

    /// Adds the token to the parameters where they lack it, so that it never leaves Rust.
    fn compose(&mut self, _now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse> {
        let params = Params::read(params)?;
        let kind = screen::classify(method, &params);
        if let Screening::NotSendable { why } = kind {
            return Err(Misuse::NotSendable { why });
        }
        if self.link.is_none() {
            return Err(Misuse::NotConnected);
        }
        let token = params.lack_token(method).then(|| self.calls.token().ok_or(NO_TOKEN)).transpose()?;
        let id = self.requests.compose(request)?;
        let line = screen::write(method, &params, token.map(|(text, _)| text), id);
        Ok(Composed { line, screened: Screened::new(LinkRole::Guard, kind) })
    }

    fn withdraw(&mut self, request: RequestId) {
        self.requests.withdraw(request);
    }

    fn screen(&self, line: &str) -> Screened {
        Screened::new(LinkRole::Guard, screen::line(line))
    }

    fn orders_in(&self, line: &str) -> OrdersIn {
        trading::within(line)
    }

    fn order_news(&self, _role: LinkRole, line: &str) -> Vec<OrderNews> {
        trading::news(line)
    }

    /// HTTP calls belong to the account and go on: a kill must not be forgotten because the link was lost.
    fn forget(&mut self, role: LinkRole) {
        match role {
            LinkRole::Guard => {
                self.link = None;
                self.requests.forget();
                self.calls.unbind_token();
            }
            LinkRole::Trade => {}
        }
    }
}

impl Kraken {
    fn hear_numbered(&mut self, now: Now, id: u64, frame: &Frame<'_>, out: &mut Outbox) -> Result<Heard, Breach> {
        if let Some(heard) = self.hear_answer(now, id, frame, out)? {
            return Ok(heard);
        }
        if let Some(request) = self.requests.answered(id) {
            self.learn_from_answer(now, frame, out);
            return Ok(Heard::Answer(request));
        }
        // Ours, late or repeated. Not so the further answers to one request of the application: `cancel_order` with
        // several ids is answered once for each (spot-websocket-v2/cancel_order).
        let ours = is_ours(id) && !self.requests.was_composed(id);
        Ok(if ours { Heard::Ours } else { Heard::Application })
    }

    /// An order that was refused for its token tells that the next feed may be, too.
    fn learn_from_answer(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) {
        if let wire::Verdict::No(text) = frame.verdict()
            && errors::is_token_error(&text)
        {
            self.calls.suspect_token(now, out);
        }
    }

    fn hear_channel(&mut self, frame: &Frame<'_>, out: &mut Outbox) -> Heard {
        let (Some(channel), Some(link)) = (frame.channel, self.link.as_mut()) else { return Heard::Application };
        match channel.bare() {
            "heartbeat" => return Heard::Ours,
            "status" => link.status.hear(frame, out),
            wire::EXECUTIONS => {
                link.orders.hear(frame);
                link.tell_orders_if_wanted(out);
            }
            _ => link.orders.hear_other(frame),
        }
        Heard::Application
    }
}
