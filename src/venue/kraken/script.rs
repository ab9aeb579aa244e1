//! What is said on one guarding link and in which order: token, switch, subscription, then feeds and probes. Each awaited
//! answer is one `Expect*` state, consumed when the answer comes. No timers: the session holds every deadline.
//!
//! Messages said one after the other may reach Kraken's engine out of order (only FIX guarantees order:
//! exchange/guides/fix/introduction). So at most one timer request is ever unanswered, or a disarm could overtake a feed.

use super::calls::TokenSerial;
use super::orders::OpenOrders;
use super::status::Status;
use super::wire::{self, Frame, Verdict};
use super::{Kraken, errors};
use crate::model::{Breach, Epoch, LinkRole, Moment, Now, Refusal, RefusalClass, Step};
use crate::venue::{Errand, Heard, Lane, Outbox, Path, Report};

/// Unanswered cancel-alls that are remembered; the oldest is forgotten.
const KILLS_MAX: usize = 16;

const AS_ASKED: &str =
    "the venue acknowledged something else than was asked, so the switch counts as not set; it is asked again";
const ORDERS_CHANNEL: &str =
    "the acknowledgement does not name the executions channel; the subscription is asked again";

/// Everything that belongs to one guarding link and dies with it.
pub(super) struct Link {
    script: Script,
    timer: Timer,
    /// The unanswered ping. A newer one replaces it.
    ping: Option<u64>,
    /// Unanswered cancel-alls of ours.
    kills: Vec<u64>,
    /// `OpenOrders(Link)` was asked before the snapshot came.
    orders_wanted: Option<Moment>,
    pub(super) orders: OpenOrders,
    pub(super) status: Status,
}

/// How far arming has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Script {
    /// There is no token to say anything with.
    ExpectToken,
    /// The countdown was asked for and is not yet acknowledged; `Timer` knows the particulars.
    ExpectSwitch,
    /// The subscription was asked for.
    ExpectSubscription { id: u64, serial: TokenSerial, repeated: bool },
    /// The subscription's token was refused and no other is there yet.
    ExpectSubscriptionToken,
    /// Everything that arming needs was acknowledged, or refused and told.
    Over,
}

/// The one timer request that may be under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// None.
    Idle,
    /// One is wanted and waits for a token.
    ExpectToken { purpose: Purpose, repeated: bool },
    /// One was said. `next` is said when this one is answered, whatever the answer is.
    ExpectAnswer(Asked),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Asked {
    id: u64,
    sent: Moment,
    purpose: Purpose,
    serial: TokenSerial,
    /// This is the second try, with a new token.
    repeated: bool,
    next: Option<Purpose>,
}

/// Why a timer request is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The first of the link, or putting the switch on again.
    Arm,
    /// One more window.
    Feed,
    /// Taking the switch off and staying.
    Disarm,
    /// Taking the switch off and leaving.
    Farewell,
}

impl Asked {
    /// True when this is what was last asked for.
    fn wants(&self, purpose: Purpose) -> bool {
        self.next.unwrap_or(self.purpose) == purpose
    }
}

impl Purpose {
    /// A refusal of this purpose, as the session tells them apart.
    fn refused(self, refusal: Refusal) -> Report {
        match self {
            Self::Arm | Self::Feed => Report::FeedRefused(refusal),
            Self::Disarm | Self::Farewell => Report::Refused(refusal),
        }
    }
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            script: Script::ExpectToken,
            timer: Timer::Idle,
            ping: None,
            kills: Vec::new(),
            orders_wanted: None,
            orders: OpenOrders::default(),
            status: Status::default(),
        }
    }
}

impl Kraken {
    /// First words on a new link: the countdown at once if there is a token, because every second counts against the
    /// window of the previous link. Otherwise the token first.
    pub(super) fn open_script(&mut self, now: Now, epoch: Epoch, out: &mut Outbox) {
        self.requests.enter(epoch);
        self.link = Some(Link::new());
        if self.calls.token().is_some() {
            self.hear_token(now, out);
            self.calls.fetch_token_if_due(now, out);
        } else {
            self.wait_for_token(now, out);
        }
    }

    /// A link that waits for a token asks to be called back, so that the session does not give it up for a step that is
    /// not the link's fault: dialling again would cost the address its connection attempts and help nothing.
    pub(super) fn wait_for_token(&mut self, now: Now, out: &mut Outbox) {
        if self.link.as_ref().is_some_and(Link::waits_for_token) {
            self.calls.fetch_token_if_due(now, out);
            out.report(Report::CallMeBack { after: self.calls.retry_pause(), errand: Errand::Retry });
        }
    }

    /// A token is there: go on with whatever waited for it.
    pub(super) fn hear_token(&mut self, now: Now, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        let (script, timer) = (link.script, link.timer);
        if script == Script::ExpectToken {
            link.script = Script::ExpectSwitch;
            out.report(Report::Done(Step::Token));
        }
        match timer {
            Timer::ExpectToken { purpose, repeated } => self.say_timer(now, purpose, repeated, out),
            Timer::Idle if script == Script::ExpectToken => self.say_timer(now, Purpose::Arm, false, out),
            Timer::Idle | Timer::ExpectAnswer(_) => {}
        }
        if script == Script::ExpectSubscriptionToken {
            self.say_subscribe(true, out);
        }
    }

    /// The session wants the countdown set or taken off. A feed is dropped while another request is unanswered, because
    /// its answer will say as much; anything else waits for its turn, once. Asked for a second time it is said at once:
    /// the answer that it waited for is overdue by a whole deadline of the session and will not come.
    pub(super) fn want_timer(&mut self, now: Now, purpose: Purpose, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        match &mut link.timer {
            Timer::Idle => self.say_timer(now, purpose, false, out),
            Timer::ExpectToken { .. } | Timer::ExpectAnswer(_) if purpose == Purpose::Feed => {}
            Timer::ExpectToken { purpose: waiting, .. } => *waiting = purpose,
            Timer::ExpectAnswer(asked) if asked.wants(purpose) => self.say_timer(now, purpose, false, out),
            Timer::ExpectAnswer(asked) => asked.next = Some(purpose),
        }
    }

    /// Asks for a sign of life.
    pub(super) fn say_ping(&mut self, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        let id = self.requests.id();
        link.ping = Some(id);
        out.say(LinkRole::Guard, Lane::Keepalive, |line| wire::ping(line, id));
    }

    /// Cancels everything over the link; without a token only HTTP can.
    pub(super) fn say_cancel_all(&mut self, out: &mut Outbox) {
        let (Some(link), Some((token, _))) = (&mut self.link, self.calls.token()) else { return };
        let id = self.requests.id();
        if link.kills.len() == KILLS_MAX {
            link.kills.remove(0);
        }
        link.kills.push(id);
        out.say(LinkRole::Guard, Lane::Control, |line| wire::cancel_all(line, token, id));
    }

    /// Tells the open orders as the channel has them, now or when the snapshot comes.
    pub(super) fn tell_open_orders(&mut self, now: Now, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        link.orders_wanted = Some(now.at);
        link.tell_orders_if_wanted(out);
    }

    /// An answer that carries an id.
    pub(super) fn hear_answer(
        &mut self,
        now: Now,
        id: u64,
        frame: &Frame<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Heard>, Breach> {
        let Some(link) = &mut self.link else { return Ok(None) };
        match (link.timer, link.script) {
            (Timer::ExpectAnswer(asked), _) if asked.id == id => {
                link.timer = Timer::Idle;
                self.hear_timer(now, asked, frame, out)?;
            }
            (_, Script::ExpectSubscription { id: awaited, serial, repeated }) if awaited == id => {
                link.script = Script::Over;
                self.hear_subscription(now, serial, repeated, frame, out)?;
            }
            _ if link.ping == Some(id) => {
                link.ping = None;
                hear_pong(frame, out)?;
            }
            _ => {
                let Some(at) = link.kills.iter().position(|kill| *kill == id) else { return Ok(None) };
                link.kills.remove(at);
                hear_cancelled(frame, out)?;
            }
        }
        Ok(Some(Heard::Ours))
    }

    fn say_timer(&mut self, now: Now, purpose: Purpose, repeated: bool, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        let Some((token, serial)) = self.calls.token() else {
            link.timer = Timer::ExpectToken { purpose, repeated };
            return self.wait_for_token(now, out);
        };
        let seconds = match purpose {
            Purpose::Arm | Purpose::Feed => self.window_s,
            Purpose::Disarm | Purpose::Farewell => 0,
        };
        let id = self.requests.id();
        out.say(LinkRole::Guard, Lane::Keepalive, |line| wire::timer(line, seconds, token, id));
        link.timer = Timer::ExpectAnswer(Asked { id, sent: now.at, purpose, serial, repeated, next: None });
    }

    fn hear_timer(&mut self, now: Now, asked: Asked, frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
        must_answer(frame, wire::TIMER)?;
        match frame.verdict() {
            Verdict::Yes => self.hear_countdown(asked, wire::countdown(frame.result), out),
            Verdict::No(text) if errors::is_token_error(&text) && !asked.repeated => {
                self.calls.refuse_token(asked.serial);
                self.say_timer(now, asked.next.unwrap_or(asked.purpose), true, out);
                self.calls.fetch_token_if_due(now, out);
                return Ok(());
            }
            Verdict::No(text) => {
                if errors::is_token_error(&text) {
                    self.calls.refuse_token(asked.serial);
                }
                out.report(asked.purpose.refused(errors::refusal(wire::TIMER, &text)));
            }
            Verdict::Unsaid => out.report(asked.purpose.refused(not_as_asked("the answer says neither yes nor no"))),
        }
        if let Some(next) = asked.next {
            self.say_timer(now, next, false, out);
        }
        Ok(())
    }

    /// An acknowledgement counts only when it says what was asked for. An engine that answers "off" to a feed has the
    /// switch off, however successful the answer calls itself.
    fn hear_countdown(&mut self, asked: Asked, countdown: wire::Countdown, out: &mut Outbox) {
        let runs = countdown.is_running_for(self.window_s);
        match asked.purpose {
            Purpose::Arm | Purpose::Feed if runs => {
                out.report(Report::Fed { sent: asked.sent });
                self.go_on_after_switch(asked.purpose, out);
            }
            Purpose::Disarm if countdown == wire::Countdown::Off => out.report(Report::Disarmed),
            Purpose::Farewell if countdown == wire::Countdown::Off => {
                out.report(Report::FarewellDone { confirmed: true });
            }
            Purpose::Arm | Purpose::Feed | Purpose::Disarm | Purpose::Farewell => {
                out.report(asked.purpose.refused(not_as_asked(match countdown {
                    wire::Countdown::Running(_) => "the countdown runs, but not as asked",
                    wire::Countdown::Off => "the countdown is off",
                    wire::Countdown::Unclear => "the countdown's times could not be read",
                })));
            }
        }
    }

    fn go_on_after_switch(&mut self, purpose: Purpose, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        let first = link.script == Script::ExpectSwitch;
        if first || purpose == Purpose::Arm {
            out.report(Report::Done(Step::Switch));
        }
        if first {
            self.say_subscribe(false, out);
        }
    }

    /// The subscription keeps the venue from closing the link and shows what becomes of the orders.
    fn say_subscribe(&mut self, repeated: bool, out: &mut Outbox) {
        let Some(link) = &mut self.link else { return };
        let Some((token, serial)) = self.calls.token() else {
            link.script = Script::ExpectSubscriptionToken;
            return;
        };
        let id = self.requests.id();
        out.say(LinkRole::Guard, Lane::Control, |line| wire::subscribe_executions(line, token, id));
        link.script = Script::ExpectSubscription { id, serial, repeated };
    }

    fn hear_subscription(
        &mut self,
        now: Now,
        serial: TokenSerial,
        repeated: bool,
        frame: &Frame<'_>,
        out: &mut Outbox,
    ) -> Result<(), Breach> {
        must_answer(frame, wire::SUBSCRIBE)?;
        match frame.verdict() {
            Verdict::Yes if wire::subscribed_channel(frame.result) == Some(wire::EXECUTIONS) => {
                self.calls.bind_token(serial);
                out.report(Report::Done(Step::Subscription));
            }
            Verdict::No(text) if errors::is_token_error(&text) && !repeated => {
                self.calls.refuse_token(serial);
                self.say_subscribe(true, out);
                self.wait_for_token(now, out);
            }
            Verdict::No(text) => out.report(Report::Refused(errors::refusal(wire::SUBSCRIBE, &text))),
            Verdict::Yes | Verdict::Unsaid => {
                let class = RefusalClass::Retry;
                out.report(Report::Refused(Refusal::new(wire::SUBSCRIBE, "", "", class, ORDERS_CHANNEL)));
            }
        }
        Ok(())
    }
}

impl Link {
    fn waits_for_token(&self) -> bool {
        matches!(self.script, Script::ExpectToken | Script::ExpectSubscriptionToken)
            || matches!(self.timer, Timer::ExpectToken { .. })
    }

    pub(super) fn tell_orders_if_wanted(&mut self, out: &mut Outbox) {
        let Some(asked) = self.orders_wanted else { return };
        if let Some(orders) = self.orders.list() {
            self.orders_wanted = None;
            out.report(Report::OpenOrders { path: Path::Link, asked, orders, complete: true });
        }
    }
}

/// A captured pong carries no `success`; a refused ping carries an error.
fn hear_pong(frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
    match frame.verdict() {
        Verdict::No(text) => out.report(Report::Refused(errors::refusal("ping", &text))),
        Verdict::Yes | Verdict::Unsaid => {
            must_answer(frame, "pong")?;
            out.report(Report::ProbeAnswered(LinkRole::Guard));
        }
    }
    Ok(())
}

fn hear_cancelled(frame: &Frame<'_>, out: &mut Outbox) -> Result<(), Breach> {
    must_answer(frame, wire::CANCEL_ALL)?;
    match frame.verdict() {
        Verdict::Yes => {
            let count = wire::cancelled_count(frame.result);
            out.report(Report::CancelledAll { path: Path::Link, count });
        }
        Verdict::No(text) => out.report(Report::Refused(errors::refusal(wire::CANCEL_ALL, &text))),
        Verdict::Unsaid => out.report(Report::Refused(errors::unreadable(wire::CANCEL_ALL))),
    }
    Ok(())
}

fn not_as_asked(text: &str) -> Refusal {
    Refusal::new(wire::TIMER, "", text, RefusalClass::Retry, AS_ASKED)
}

/// An id of ours under another method's name: whatever answers there does not keep its requests apart.
fn must_answer(frame: &Frame<'_>, method: &str) -> Result<(), Breach> {
    if frame.answers(method) { Ok(()) } else { Err(Breach { what: "an answer to our request names another method" }) }
}
