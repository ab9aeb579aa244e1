//! Floor 2: the dialects. A dialect translates between one venue's wire format and killcord's words. It decides nothing
//! about time beyond stating published facts, holds no socket, and never learns what the others do.
//!
//! # Checklist for a new venue
//!
//! 1. `facts.rs`: every published number with the page and the date it was read.
//! 2. `wire.rs`: the messages, written and read; signature vectors as tests.
//! 3. `script.rs`: login and arming as `Expect*` states, one per awaited answer, consumed on use.
//! 4. `mod.rs`: configuration, the [`Venue`] implementation, error codes to [`Refusal`] with advice.
//! 5. A simulated venue in `sim/exchange/`, written by somebody else from the same specification.
//! 6. Golden traces in `tests/golden/<venue>/`.

mod addresses;
mod clock;
mod direct;
mod facts;
pub(crate) mod json;
mod orders;
mod outbox;
mod requests;
mod sign;

pub mod bybit;
pub mod crypto_com;
pub mod deribit;
pub mod kraken;

pub use direct::{Direct, Params};
pub use facts::{Facts, FeedRule, RateRule, Toll};
pub use orders::{Ending, OrderKey, OrderNews, OrdersIn, refusal_in};
pub use outbox::{CallLine, HttpMethod, HttpRequest, Item, Lane, Outbox, Stamp};

use crate::model::{
    Breach, CallTag, Endpoint, Epoch, LinkRole, LossCause, Misuse, Moment, Notice, Now, ReadBackVerdict, Refusal,
    RequestId, Step, Target, WallTime,
};
use std::time::Duration;

/// Ids of our own requests start here, so that an application's ids can never be mistaken for ours. Below 2^53, because
/// some venues read ids as floating point.
pub const RESERVED_ID_FLOOR: u64 = 8_000_000_000_000_000;

/// One venue's protocol for one account. The session owns it and calls it; it answers through the [`Outbox`].
///
/// State that belongs to one link lives between `begin` and `forget` of its role and nowhere else.
pub trait Venue {
    /// Published numbers, already scaled by the target's time factor.
    fn facts(&self) -> &Facts;

    /// Whom this protects and where.
    fn target(&self) -> &Target;

    /// Where the link of this role is dialled; `None` when the venue needs no such link.
    fn endpoint(&self, role: LinkRole) -> Option<&Endpoint>;

    /// Where HTTP calls go.
    fn http_endpoint(&self) -> &Endpoint;

    /// The guard starts: fetch ahead what a link will need (a token, the entitlement). Called once, before any dial.
    fn prepare(&mut self, now: Now, out: &mut Outbox);

    /// A link of this role is up and has settled: say the first words.
    /// All ids said on it must be new for ever; `epoch` is there to build them from.
    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox);

    /// One text message arrived on the live link of this role.
    fn hear(&mut self, now: Now, role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach>;

    /// An HTTP call ended. A tag this dialect no longer waits for is ignored.
    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach>;

    /// The session wants this to be said. What the venue has no words for is silently nothing.
    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox);

    /// Turns an application's request into a line. `params` is the JSON text of an object (or array, where the venue
    /// wants one). The reply is recognised by [`Venue::hear`] as `Heard::Answer`.
    fn compose(&mut self, now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse>;

    /// What was composed for this request last will not be said: nothing waits for an answer to it.
    fn withdraw(&mut self, request: RequestId);

    /// What an application's own outgoing line would do.
    fn screen(&self, line: &str) -> Screened;

    /// What an application's line that was just sent does to orders. Asked only about orders and cancels.
    fn orders_in(&self, line: &str) -> OrdersIn;

    /// What a message says about orders. Asked only about answers to the application and what else is delivered to it.
    fn order_news(&self, role: LinkRole, line: &str) -> Vec<OrderNews>;

    /// The link of this role is gone: forget everything that belonged to it, awaited answers and calls included.
    fn forget(&mut self, role: LinkRole);
}

/// So that whoever runs guards need not know which venues there are.
impl Venue for Box<dyn Venue + Send> {
    fn facts(&self) -> &Facts {
        (**self).facts()
    }

    fn target(&self) -> &Target {
        (**self).target()
    }

    fn endpoint(&self, role: LinkRole) -> Option<&Endpoint> {
        (**self).endpoint(role)
    }

    fn http_endpoint(&self) -> &Endpoint {
        (**self).http_endpoint()
    }

    fn prepare(&mut self, now: Now, out: &mut Outbox) {
        (**self).prepare(now, out);
    }

    fn begin(&mut self, now: Now, role: LinkRole, epoch: Epoch, out: &mut Outbox) {
        (**self).begin(now, role, epoch, out);
    }

    fn hear(&mut self, now: Now, role: LinkRole, line: &str, out: &mut Outbox) -> Result<Heard, Breach> {
        (**self).hear(now, role, line, out)
    }

    fn hear_reply(&mut self, now: Now, tag: CallTag, reply: CallReply<'_>, out: &mut Outbox) -> Result<(), Breach> {
        (**self).hear_reply(now, tag, reply, out)
    }

    fn say(&mut self, now: Now, intent: Intent, out: &mut Outbox) {
        (**self).say(now, intent, out);
    }

    fn compose(&mut self, now: Now, request: RequestId, method: &str, params: &str) -> Result<Composed, Misuse> {
        (**self).compose(now, request, method, params)
    }

    fn withdraw(&mut self, request: RequestId) {
        (**self).withdraw(request);
    }

    fn screen(&self, line: &str) -> Screened {
        (**self).screen(line)
    }

    fn orders_in(&self, line: &str) -> OrdersIn {
        (**self).orders_in(line)
    }

    fn order_news(&self, role: LinkRole, line: &str) -> Vec<OrderNews> {
        (**self).order_news(role, line)
    }

    fn forget(&mut self, role: LinkRole) {
        (**self).forget(role);
    }
}

/// Whose a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Part of our own conversation; the application does not see it.
    Ours,
    /// The answer to this composed request; delivered to whoever awaits it.
    Answer(RequestId),
    /// Everything else: order updates, market messages, notices. Delivered raw.
    Application,
}

/// How an HTTP call ended.
#[derive(Clone, Debug)]
pub enum CallReply<'a> {
    /// The venue answered. `date` is the raw `Date` header, when there is one.
    Got {
        /// HTTP status.
        status: u16,
        /// The body as text.
        body: &'a str,
        /// The `Date` header.
        date: Option<&'a str>,
    },
    /// No answer; it may or may not have been acted upon.
    Failed(LossCause),
}

/// What the session may want said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intent {
    /// Countdown: grant one more window. The answer is `Report::Fed` or `Report::Refused`.
    Feed,
    /// Ask the venue whether the switch is on. The answer is `Report::ReadBack`.
    ReadBack,
    /// A venue-level request that proves the venue answers on this link. The answer is `Report::ProbeAnswered`.
    Probe(LinkRole),
    /// The time that `Report::CallMeBack` asked for has passed.
    Errand(Errand),
    /// Deliberately take the switch off and keep the link (maintenance). The answer is `Report::Disarmed`.
    Disarm,
    /// Put the switch on again on this live link. The answer is `Report::Done(Step::Switch)` (and `Fed` on countdowns).
    Rearm,
    /// Deliberately end so that orders stay. The answer, if the venue gives one, is `Report::FarewellDone`.
    Farewell,
    /// Cancel every order the switch covers. The answers are `Report::CancelledAll`.
    CancelAll(Path),
    /// Read the account's open orders. The answer is `Report::OpenOrders` or `Report::Unlisted`.
    OpenOrders(Path),
}

/// Over which path something is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Path {
    /// The websocket that can carry it.
    Link,
    /// HTTP, on a connection of its own.
    Http,
}

/// Why a dialect wants to be called back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Errand {
    /// A setting needs time before it can be read back.
    HoldOff,
    /// A token must be renewed before it expires.
    Renew,
    /// Something transient is to be tried again.
    Retry,
}

/// What a dialect understood. The session acts on these and on nothing else.
#[derive(Clone, PartialEq, Debug)]
pub enum Report {
    /// The venue acknowledged this step in this epoch.
    Done(Step),
    /// The second link (`LinkRole::Trade`) is logged in and can carry orders.
    TradeReady,
    /// The outstanding feed was acknowledged.
    Fed {
        /// When it was said, as `now.at` of the call that said it.
        sent: Moment,
    },
    /// The outstanding read-back was answered.
    ReadBack(ReadBackVerdict),
    /// The outstanding venue-level probe of this link was answered.
    ProbeAnswered(LinkRole),
    /// The venue's own periodic message arrived.
    VenueSpoke,
    /// The venue said no to one of our own requests.
    Refused(Refusal),
    /// The venue refused the login of the second link.
    TradeRefused(Refusal),
    /// The venue said no to the outstanding feed, or its answer does not mean that the countdown runs as asked.
    FeedRefused(Refusal),
    /// The venue wants us to pause.
    RateLimited(Duration),
    /// The venue's clock minus ours, in milliseconds.
    ClockOffset(i64),
    /// The venue announced something.
    Notice(Notice),
    /// Call `say(Intent::Errand(errand))` after this long.
    CallMeBack {
        /// How long from now.
        after: Duration,
        /// Why. One of each kind is outstanding at most; a later one replaces it.
        errand: Errand,
    },
    /// The venue said that the switch fired.
    TripTold(Option<WallTime>),
    /// The venue confirmed that the switch is off, as deliberately asked.
    Disarmed,
    /// The farewell is complete; orders stay.
    FarewellDone {
        /// True when the venue confirmed it.
        confirmed: bool,
    },
    /// A cancel-all was answered.
    CancelledAll {
        /// Over which path.
        path: Path,
        /// How many it says it cancelled, when it says so.
        count: Option<u64>,
    },
    /// One page or one part of the open orders.
    OpenOrders {
        /// Over which path it was read.
        path: Path,
        /// When the whole list was asked for, as `now.at` of that `say`: what it proves is counted from there.
        asked: Moment,
        /// The orders of this part.
        orders: Vec<OpenOrder>,
        /// True when this was the last part.
        complete: bool,
    },
    /// The list of open orders asked for then cannot be had. Nothing that is armed hangs on it.
    Unlisted {
        /// When it was asked for.
        asked: Moment,
        /// Why.
        refusal: Refusal,
    },
}

/// An open order as the venue lists it.
pub type OpenOrder = crate::model::OrderRef;

/// An application's request as a line ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Composed {
    /// The line.
    pub line: String,
    /// What it would do, and where it belongs.
    pub screened: Screened,
}

/// What an application's own line would do, and on which link it belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screened {
    /// The link that carries it.
    pub role: LinkRole,
    /// What it would do.
    pub kind: Screening,
    /// Out of which of the venue's pools it is paid.
    pub toll: Toll,
}

impl Screened {
    /// Where all lines of a kind are paid out of one pool.
    pub fn new(role: LinkRole, kind: Screening) -> Self {
        let toll = Toll::of(&kind);
        Self { role, kind, toll }
    }
}

/// What an outgoing line would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Screening {
    /// Creates or changes an order: needs a permit.
    Order,
    /// Only takes orders off: always allowed.
    Cancel,
    /// Neither.
    Harmless,
    /// Would weaken or fire the switch; refused unless asked for by name.
    BreaksProtection {
        /// What it is, in the venue's spelling.
        method: String,
        /// What to call instead.
        instead: &'static str,
    },
    /// Not a message this link can carry, or one whose id is in our reserved range.
    NotSendable {
        /// Why.
        why: &'static str,
    },
}
