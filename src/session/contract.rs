//! The whole contract between a session and whoever drives it, in two enums.
//!
//! **Single mutation.** `handle(now, input)` takes exactly one input. Afterwards `poll()` must be called until it
//! returns [`Action::Wait`]; only then may the next input be handled. The driver sleeps until `Wait.until` at the
//! latest and then hands over [`Input::Tick`].

use crate::model::CallTag;
use crate::model::{
    Endpoint, Epoch, Event, LeaseId, LeaseTerms, LinkRole, LossCause, Misuse, Moment, PageFault, RequestId,
};
use crate::venue::{CallReply, HttpRequest, Lane};
use std::time::Duration;

/// Something that happened in the world.
#[derive(Debug)]
pub enum Input<'a> {
    /// Time passed. Early ones are harmless.
    Tick,
    /// A dial succeeded: TCP, TLS and websocket upgrade are done.
    Dialled {
        /// Which dial.
        epoch: Epoch,
    },
    /// A dial failed.
    Missed {
        /// Which dial.
        epoch: Epoch,
        /// How.
        cause: LossCause,
    },
    /// A text message arrived.
    Line {
        /// On which link.
        epoch: Epoch,
        /// The text.
        text: &'a str,
    },
    /// Our protocol ping came back.
    Pong {
        /// On which link.
        epoch: Epoch,
        /// The nonce it echoed.
        nonce: u64,
    },
    /// The peer pinged us; the driver answers by itself. Proof that bytes arrive, not that ours do.
    PeerPing {
        /// On which link.
        epoch: Epoch,
    },
    /// What the kernel knows about a link's unacknowledged data (layer L2), sampled while a probe is out.
    SendQueue {
        /// Of which link.
        epoch: Epoch,
        /// How long unacknowledged bytes have been waiting with no progress at all; zero when nothing waits.
        stuck_for: Duration,
    },
    /// A link ended.
    Lost {
        /// Which.
        epoch: Epoch,
        /// How.
        cause: LossCause,
    },
    /// An HTTP call ended.
    Answered {
        /// Which.
        tag: CallTag,
        /// How.
        reply: CallReply<'a>,
    },
    /// The application renewed a lease, with a progress token that changed and within the budget: only who renews can
    /// see both of every renewal. Read before every other input, so that it is judged by when it was made.
    Renewed {
        /// Which.
        lease: LeaseId,
        /// When it was made.
        at: Moment,
        /// Until when it is good.
        due: Moment,
    },
    /// The shared page of a lease proves nothing any more: no renewal comes from it before a deliberate new beginning, or
    /// before the page has an owner again when it had none.
    LeaseDoubted {
        /// Which.
        lease: LeaseId,
        /// Why.
        why: PageFault,
    },
    /// The application wants something.
    Command(Command<'a>),
}

/// What an application can ask of a guard.
#[derive(Debug)]
pub enum Command<'a> {
    /// Begin: prepare, dial, arm, keep.
    Start,
    /// Drop the links without disarming, so that the switch acts.
    LetGo,
    /// The deliberate orderly end that keeps orders.
    Farewell {
        /// Why; becomes an event.
        reason: &'a str,
    },
    /// Acknowledge a trip: orders may be permitted again once armed.
    Rearm {
        /// Who, and why; becomes an event.
        acknowledge: &'a str,
    },
    /// Take the switch off for maintenance, or put it on again.
    Maintenance {
        /// True to take it off.
        begin: bool,
        /// Why; becomes an event.
        reason: &'a str,
    },
    /// Cancel everything the switch covers, over every path, prove it, and latch. Works in every phase.
    Kill {
        /// Why; becomes an event.
        reason: &'a str,
    },
    /// Give up a suspect or dead link that is kept, and use the standby.
    Abandon,
    /// From now on orders, and from its first renewal on the links too, need this lease.
    LeaseAdd {
        /// Chosen by the driver, never reused.
        id: LeaseId,
        /// What was agreed.
        terms: LeaseTerms,
    },
    /// The lease is no longer needed. Undoes no lapse.
    LeaseClose {
        /// Which.
        id: LeaseId,
        /// Why; becomes an event.
        reason: &'a str,
    },
    /// Send a request and correlate its answer.
    Request {
        /// Chosen by the driver, never reused.
        id: RequestId,
        /// The venue's method or operation.
        method: &'a str,
        /// Its parameters as JSON text.
        params: &'a str,
        /// A subscription that is to be said again on every new link, before it is called armed.
        sticky: bool,
        /// True when the caller named it explicitly as breaking the protection.
        unsafe_named: bool,
    },
    /// Send a line as it is; no correlation.
    Send {
        /// Chosen by the driver, so that a refusal can be told.
        id: RequestId,
        /// The line.
        line: &'a str,
        /// True when the caller named it explicitly as breaking the protection.
        unsafe_named: bool,
    },
}

/// Something the driver must do, in the order given.
#[derive(Debug)]
pub enum Action<'a> {
    /// Dial. The answer is `Dialled` or `Missed` with this epoch.
    Dial {
        /// The number of this dial.
        epoch: Epoch,
        /// For which role.
        role: LinkRole,
        /// Where.
        endpoint: &'a Endpoint,
    },
    /// Write a text message.
    Say {
        /// On which link.
        epoch: Epoch,
        /// The text.
        line: &'a str,
        /// In which lane.
        lane: Lane,
    },
    /// Write a protocol ping whose payload is the nonce's 8 bytes, big-endian.
    Ping {
        /// On which link.
        epoch: Epoch,
        /// The nonce.
        nonce: u64,
    },
    /// A lease lapsed: nothing new is written on a link any more, not even what the websocket layer says by itself (the
    /// answer to a protocol ping). Of what waits to be written only the control lane still is. Reading goes on.
    Mute {
        /// Which link.
        epoch: Epoch,
    },
    /// Make an HTTP call. The answer is `Answered` with this tag.
    Call {
        /// Its name.
        tag: CallTag,
        /// What.
        request: HttpRequest,
        /// The prefix it goes to.
        endpoint: &'a Endpoint,
    },
    /// End a link, or give up a dial.
    HangUp {
        /// Which.
        epoch: Epoch,
        /// How.
        how: HangUp,
    },
    /// Publish an event.
    Tell(Event),
    /// Hand the line that was just handled to the application, unchanged.
    Deliver {
        /// On which link it came.
        role: LinkRole,
        /// The request it answers, if any.
        answers: Option<RequestId>,
    },
    /// A request or a line of the application was sent; its answer, if any, follows as `Deliver`.
    Sent {
        /// Which.
        request: RequestId,
    },
    /// A request will not be answered.
    Fate {
        /// Which.
        request: RequestId,
        /// What became of it.
        fate: Fate,
    },
    /// Nothing more to do until then.
    Wait {
        /// At this moment at the latest; `None` when only the world can change anything.
        until: Option<Moment>,
        /// What for, in words.
        why: &'static str,
    },
}

/// How a link ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HangUp {
    /// Abort: `SO_LINGER` 0 and close, unsent data thrown away. The venue sees a reset at once.
    Abort,
    /// Flush what was said, then a close frame, then close. Only after a farewell.
    Gracefully,
}

/// What became of a request that will not be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It was refused here and nothing was sent.
    Refused(Misuse),
    /// It was surely not sent.
    NotSent,
    /// It was sent, and the link was lost before the answer.
    Unknown,
}
