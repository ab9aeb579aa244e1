//! What is said on Bybit's links and in which order: login, one subscription per product, a ping; on the order-entry link
//! a login alone. Each awaited answer is one `Expect*` state, consumed when the answer comes. What runs beside it over
//! HTTP is in `window.rs`. No timers: the session holds every deadline.

use super::config::BybitProduct;
use super::window::Window;
use super::wire::{self, Frame, Id, Spelling, Verdict};
use super::{Bybit, LoginClock, errors, facts};
use crate::model::{Breach, Epoch, LinkRole, Misuse, Moment, Notice, Now, RequestId, Step};
use crate::venue::{Errand, Heard, Lane, Outbox, Report};
use std::collections::BTreeMap;
use std::time::Duration;

/// Composed requests that may wait for an answer on one link at once.
const PENDING_MAX: usize = 1024;
/// Unanswered pings that are remembered per link; the oldest is forgotten.
const PINGS_MAX: usize = 16;
/// The venue's idle limit is this many times our longest silence.
const PINGS_PER_IDLE_LIMIT: u32 = 3;

/// Everything that belongs to one guarding link and dies with it.
pub(super) struct GuardLink {
    pub(super) epoch: Epoch,
    script: Script,
    pub(super) window: Window,
    /// When it was last told that the windows are not as they must be.
    pub(super) windows_refused: Option<Moment>,
    pings: Pings,
    pub(super) pending: Pending,
}

/// How far a guarding link has come.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Script {
    /// Who we are was said.
    ExpectLogin(Id),
    /// One subscription per product was said; these are not acknowledged yet. One topic per message, because a refused
    /// message does not tell which of its topics was at fault.
    ExpectTopics(Vec<(Id, BybitProduct)>),
    /// Reconnecting counts only with a resumed ping (v5/order/dcp), so one is said at once.
    ExpectPong,
    /// Every step of the link is through.
    Through,
    /// The venue said no, and that was told.
    Refused,
}

/// Everything that belongs to one order-entry link and dies with it.
pub(super) struct TradeLink {
    pub(super) epoch: Epoch,
    script: TradeScript,
    pings: Pings,
    pub(super) pending: Pending,
    told_restart: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TradeScript {
    ExpectLogin(Id),
    Ready,
    Refused,
}

/// Why a ping was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PingFor {
    /// A step of arming.
    Step,
    /// A probe of the session.
    Probe,
    /// The venue's idle limit, whatever the session's probes do.
    Idle,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    id: Id,
    said: Now,
    why: PingFor,
}

/// Unanswered pings, oldest first.
#[derive(Default)]
struct Pings(Vec<Ping>);

/// Composed requests that wait for an answer on one link.
#[derive(Default)]
pub(super) struct Pending(BTreeMap<Id, RequestId>);

impl GuardLink {
    /// True when every step of the link itself is acknowledged.
    pub(super) fn is_through(&self) -> bool {
        self.script == Script::Through
    }
}

impl TradeLink {
    /// True when the link is logged in.
    pub(super) fn is_ready(&self) -> bool {
        self.script == TradeScript::Ready
    }
}

impl Pending {
    pub(super) fn put(&mut self, id: Id, request: RequestId) {
        self.0.insert(id, request);
    }

    pub(super) fn withdraw(&mut self, request: RequestId) {
        self.0.retain(|_, waiting| *waiting != request);
    }

    pub(super) fn check_room(&self) -> Result<(), Misuse> {
        if self.0.len() < PENDING_MAX { Ok(()) } else { Err(Misuse::TooManyPending { limit: PENDING_MAX }) }
    }
}

impl Pings {
    fn put(&mut self, ping: Ping) {
        if self.0.len() == PINGS_MAX {
            self.0.remove(0);
        }
        self.0.push(ping);
    }

    fn take(&mut self, id: Id) -> Option<Ping> {
        let at = self.0.iter().position(|ping| ping.id == id)?;
        Some(self.0.remove(at))
    }
}

impl Bybit {
    pub(super) fn open_guard(&mut self, now: Now, epoch: Epoch, out: &mut Outbox) {
        let id = self.ids.next(epoch);
        self.say_login(now, LinkRole::Guard, id, out);
        self.link = Some(GuardLink {
            epoch,
            script: Script::ExpectLogin(id),
            window: Window::Over,
            windows_refused: None,
            pings: Pings::default(),
            pending: Pending::default(),
        });
        self.check_windows(now, out);
    }

    pub(super) fn open_trade(&mut self, now: Now, epoch: Epoch, out: &mut Outbox) {
        let id = self.ids.next(epoch);
        self.say_login(now, LinkRole::Trade, id, out);
        self.trade_link = Some(TradeLink {
            epoch,
            script: TradeScript::ExpectLogin(id),
            pings: Pings::default(),
            pending: Pending::default(),
            told_restart: false,
        });
    }

    pub(super) fn say_ping(&mut self, now: Now, role: LinkRole, why: PingFor, out: &mut Outbox) {
        let (epoch, pings, spelling) = match role {
            LinkRole::Guard => match &mut self.link {
                Some(link) => (link.epoch, &mut link.pings, Spelling::Private),
                None => return,
            },
            LinkRole::Trade => match &mut self.trade_link {
                Some(link) => (link.epoch, &mut link.pings, Spelling::Trade),
                None => return,
            },
        };
        let id = self.ids.next(epoch);
        pings.put(Ping { id, said: now, why });
        out.say(role, Lane::Keepalive, |line| wire::ping(line, spelling, id));
    }

    /// Keeps the link inside the venue's idle limit, however rarely the session probes.
    pub(super) fn keep_active(&mut self, now: Now, out: &mut Outbox) {
        if self.link.as_ref().is_some_and(GuardLink::is_through) {
            self.say_ping(now, LinkRole::Guard, PingFor::Idle, out);
            self.ask_to_keep_active(out);
        }
    }

    pub(super) fn hear_guard(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) -> Result<Heard, Breach> {
        let Some(link) = &mut self.link else { return Ok(Heard::Application) };
        let Some(id) = frame.id(Spelling::Private) else {
            // The page shows the login's answer without an id, a capture shows it with one. Nobody else logs in here.
            if matches!(link.script, Script::ExpectLogin(_))
                && frame.is(wire::AUTH)
                && frame.is_nameless(Spelling::Private)
            {
                self.hear_login(now, frame, out)?;
                return Ok(Heard::Ours);
            }
            hear_topic(frame, out);
            return Ok(Heard::Application);
        };
        if let Some(request) = link.pending.0.remove(&id) {
            return Ok(Heard::Answer(request));
        }
        match &link.script {
            Script::ExpectLogin(awaited) if *awaited == id => self.hear_login(now, frame, out)?,
            Script::ExpectTopics(left) if left.iter().any(|(awaited, _)| *awaited == id) => {
                self.hear_subscribed(now, id, frame, out)?;
            }
            Script::ExpectLogin(_)
            | Script::ExpectTopics(_)
            | Script::ExpectPong
            | Script::Through
            | Script::Refused => {
                if let Some(ping) = link.pings.take(id) {
                    self.hear_guard_pong(now, ping, frame, out)?;
                }
            }
        }
        Ok(Heard::Ours)
    }

    pub(super) fn hear_trade(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) -> Result<Heard, Breach> {
        let Some(link) = &mut self.trade_link else { return Ok(Heard::Application) };
        if errors::is_restart(frame.verdict()) && !std::mem::replace(&mut link.told_restart, true) {
            let mode = "the order-entry service restarts; this link will be lost soon".to_owned();
            out.report(Report::Notice(Notice::Limited { mode }));
        }
        let id = frame.id(Spelling::Trade);
        if let Some(request) = id.and_then(|id| link.pending.0.remove(&id)) {
            return Ok(Heard::Answer(request));
        }
        match (id, link.script) {
            (Some(id), TradeScript::ExpectLogin(awaited)) if awaited == id => self.hear_trade_login(now, frame, out)?,
            (None, TradeScript::ExpectLogin(_)) if frame.is(wire::AUTH) && frame.is_nameless(Spelling::Trade) => {
                self.hear_trade_login(now, frame, out)?;
            }
            // No id is documented on these pongs, so an unnamed one answers the oldest ping.
            (None, _) if frame.is_pong() && frame.is_nameless(Spelling::Trade) && !link.pings.0.is_empty() => {
                let ping = link.pings.0.remove(0);
                self.hear_trade_pong(now, ping, frame, out);
            }
            (Some(id), _) => {
                if let Some(ping) = link.pings.take(id) {
                    self.hear_trade_pong(now, ping, frame, out);
                }
            }
            (None, _) => return Ok(hear_nameless(frame, out)),
        }
        Ok(Heard::Ours)
    }

    fn say_login(&self, now: Now, role: LinkRole, id: Id, out: &mut Outbox) {
        let (credentials, expires) =
            (&self.credentials, self.clock.venue_time(now.wall).shifted(facts::LOGIN_EXPIRY_MS));
        let spelling = match role {
            LinkRole::Guard => Spelling::Private,
            LinkRole::Trade => Spelling::Trade,
        };
        out.say(role, Lane::Control, |line| wire::auth(line, spelling, id, credentials, expires.millis()));
    }

    fn hear_login(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
        must_be(frame, wire::AUTH)?;
        let Some(link) = &mut self.link else { return Ok(()) };
        if frame.verdict() != Verdict::Yes {
            link.script = Script::Refused;
            self.refuse_login(now, LinkRole::Guard, errors::private_refusal(wire::AUTH, frame), out);
            return Ok(());
        }
        self.login_clock = LoginClock::Trusted;
        out.report(Report::Done(Step::Login));
        let mut left = Vec::with_capacity(self.products.len());
        for product in &self.products {
            let id = self.ids.next(link.epoch);
            out.say(LinkRole::Guard, Lane::Control, |line| wire::subscribe(line, id, product.topic()));
            left.push((id, *product));
        }
        link.script = Script::ExpectTopics(left);
        Ok(())
    }

    fn hear_subscribed(&mut self, now: Now, id: Id, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
        must_be(frame, wire::SUBSCRIBE)?;
        let Some(link) = &mut self.link else { return Ok(()) };
        let Script::ExpectTopics(left) = &mut link.script else { return Ok(()) };
        let Some(at) = left.iter().position(|(awaited, _)| *awaited == id) else { return Ok(()) };
        let (_, product) = left.remove(at);
        if frame.verdict() != Verdict::Yes {
            link.script = Script::Refused;
            out.report(Report::Refused(errors::private_refusal(product.subscribe_step(), frame)));
        } else if left.is_empty() {
            link.script = Script::ExpectPong;
            out.report(Report::Done(Step::Subscription));
            self.say_ping(now, LinkRole::Guard, PingFor::Step, out);
        }
        Ok(())
    }

    fn hear_guard_pong(&mut self, now: Now, ping: Ping, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
        if !frame.is_pong() {
            must_be(frame, wire::PING)?;
            out.report(Report::Refused(errors::private_refusal(wire::PING, frame)));
            return Ok(());
        }
        match ping.why {
            PingFor::Step => self.finish_script(out),
            PingFor::Probe => out.report(Report::ProbeAnswered(LinkRole::Guard)),
            PingFor::Idle => {}
        }
        self.compare_clocks(now, ping.said, frame.server_time_ms(), out);
        Ok(())
    }

    fn finish_script(&mut self, out: &mut Outbox) {
        let Some(link) = self.link.as_mut().filter(|link| link.script == Script::ExpectPong) else { return };
        link.script = Script::Through;
        out.report(Report::Done(Step::Ping));
        self.ask_to_keep_active(out);
        self.hold_off_if_ready(out);
    }

    fn ask_to_keep_active(&self, out: &mut Outbox) {
        let longest = Duration::from_secs(u64::from(self.max_active_time_s)) / PINGS_PER_IDLE_LIMIT;
        let after = self.target.time_factor.scale(longest);
        out.report(Report::CallMeBack { after, errand: Errand::Renew });
    }

    fn hear_trade_login(&mut self, now: Now, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
        must_be(frame, wire::AUTH)?;
        let Some(link) = &mut self.trade_link else { return Ok(()) };
        match frame.verdict() {
            Verdict::Yes => {
                link.script = TradeScript::Ready;
                self.login_clock = LoginClock::Trusted;
                out.report(Report::TradeReady);
            }
            Verdict::No(code) => {
                link.script = TradeScript::Refused;
                self.refuse_login(now, LinkRole::Trade, errors::trade_login_refusal(code, &frame.message()), out);
            }
            Verdict::Unsaid => {
                link.script = TradeScript::Refused;
                out.report(Report::TradeRefused(errors::unreadable(wire::AUTH)));
            }
        }
        Ok(())
    }

    fn hear_trade_pong(&mut self, now: Now, ping: Ping, frame: &Frame<'_>, out: &mut Outbox) {
        match frame.verdict() {
            Verdict::Yes | Verdict::Unsaid if frame.is_pong() => {
                if ping.why == PingFor::Probe {
                    out.report(Report::ProbeAnswered(LinkRole::Trade));
                }
                self.compare_clocks(now, ping.said, frame.server_time_ms(), out);
            }
            Verdict::No(code) => {
                let refusal = errors::refusal(wire::PING, code, &frame.message(), errors::Source::Trade);
                out.report(Report::Refused(refusal));
            }
            Verdict::Yes | Verdict::Unsaid => {}
        }
    }
}

/// Data messages. The `dcp.*` topics are documented without any and tolerated with; an `order` row may tell of a trip.
fn hear_topic(frame: &Frame<'_>, out: &mut Outbox) {
    let is_order = |topic: &str| topic == "order" || topic.starts_with("order.");
    if frame.topic.is_some_and(|topic| is_order(topic.bare()))
        && let Some(time) = wire::trip_in_orders(frame.data)
    {
        out.report(Report::TripTold(time.map(crate::model::WallTime::from_millis)));
    }
}

/// Some rejections come without `reqId`, and clients that correlate by id alone wait for ever. To give such a one to the
/// oldest pending request would be a guess, and calling the wrong order rejected is worse than calling none: the
/// application gets it raw, and it is told as a refusal.
fn hear_nameless(frame: &Frame<'_>, out: &mut Outbox) -> Heard {
    if let Verdict::No(code) = frame.verdict()
        && frame.is_nameless(Spelling::Trade)
    {
        let step = "a request on the order-entry link";
        out.report(Report::Refused(errors::refusal(step, code, &frame.message(), errors::Source::Trade)));
    }
    Heard::Application
}

/// An id of ours under another operation's name: whatever answers there does not keep its requests apart.
fn must_be(frame: &Frame<'_>, op: &str) -> Result<(), Breach> {
    if frame.is(op) { Ok(()) } else { Err(Breach { what: "an answer to our request names another operation" }) }
}
