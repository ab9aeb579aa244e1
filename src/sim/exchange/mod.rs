//! The embedded venues. Each is a pure machine: what a client did goes in with the time, what the venue does comes out.
//! `driver/serve.rs` puts one on loopback behind TLS; the simulation puts one into a world with virtual time.
//!
//! **They never import `crate::venue`.** A simulated venue reads and writes its own messages from the specification;
//! otherwise one misreading would cancel itself out on both sides.

mod calendar;
mod delay;
mod floor;
mod knob;
mod rates;
#[cfg(test)]
mod rig;
mod sign;
mod spelling;
mod trips;

pub mod bybit;
pub mod crypto_com;
pub mod deribit;
pub mod kraken;

pub use delay::Delayed;
pub use floor::{Account, CancelCause, Fault, Floor, JournalEntry, JournalKind, Order, OrderState, Treatment};
pub use rates::RateWindow;

use crate::model::{Moment, Now};

/// One websocket connection at the venue. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(pub u64);

/// One HTTP request at the venue. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HttpId(pub u64);

/// What a client did.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Time passed.
    Tick,
    /// A client asks for a websocket at this path (query included). Answer: `Accept` or `Reject`.
    Upgrade {
        /// The connection it would be.
        conn: ConnId,
        /// Path with query.
        path: &'a str,
    },
    /// A text message arrived.
    Text {
        /// On which connection.
        conn: ConnId,
        /// The text.
        text: &'a str,
    },
    /// A binary message arrived.
    Binary {
        /// On which connection.
        conn: ConnId,
    },
    /// A protocol ping arrived. Answer it with `Output::Pong`.
    Ping {
        /// On which connection.
        conn: ConnId,
        /// Its payload.
        payload: &'a [u8],
    },
    /// A protocol pong arrived.
    Pong {
        /// On which connection.
        conn: ConnId,
        /// Its payload.
        payload: &'a [u8],
    },
    /// The venue's side of a connection learned that it ended: close frame, FIN or reset.
    Ended {
        /// Which connection.
        conn: ConnId,
        /// Whether a websocket close frame came first.
        clean: bool,
    },
    /// An HTTP request arrived. Answer: `Output::Http`.
    Http {
        /// Its name.
        id: HttpId,
        /// What.
        request: HttpIn<'a>,
    },
}

/// An HTTP request as the venue sees it.
#[derive(Clone, Copy, Debug)]
pub struct HttpIn<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path without query.
    pub path: &'a str,
    /// Raw query without `?`; empty when there is none.
    pub query: &'a str,
    /// Headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// Body as text.
    pub body: &'a str,
}

impl HttpIn<'_> {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// What the venue does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Completes the upgrade.
    Accept(ConnId),
    /// Answers the upgrade with this HTTP status.
    Reject(ConnId, u16),
    /// Sends a text message.
    Text(ConnId, String),
    /// Sends a protocol ping.
    Ping(ConnId, Vec<u8>),
    /// Sends a protocol pong.
    Pong(ConnId, Vec<u8>),
    /// Sends a close frame and ends the connection.
    Close(ConnId, u16, String),
    /// Ends the connection without a close frame.
    Drop(ConnId),
    /// Answers an HTTP request.
    Http(HttpId, HttpOut),
}

/// An HTTP answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpOut {
    /// Status.
    pub status: u16,
    /// Extra headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl HttpOut {
    /// A JSON answer.
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type".into(), "application/json".into())], body: body.into() }
    }
}

/// A setting of an embedded venue: where the specification says *unknown*, and what may be varied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knob {
    /// Its name.
    pub name: &'static str,
    /// Its value now, as text.
    pub value: String,
    /// What it does, its unit and its range.
    pub doc: &'static str,
}

/// A knob does not exist or cannot have that value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("knob {name} = {value}: {rule}")]
pub struct KnobError {
    /// The knob.
    pub name: String,
    /// The value asked for.
    pub value: String,
    /// Why not.
    pub rule: String,
}

/// An embedded venue.
pub trait Exchange: Send {
    /// Exactly one input; what the venue does about it is appended to `out` in order.
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>);

    /// When it wants the next `Tick` at the latest.
    fn next_deadline(&self) -> Option<Moment>;

    /// Accounts, orders, faults and the journal.
    fn floor(&self) -> &Floor;

    /// The same, to change them from outside (a test, the demo).
    fn floor_mut(&mut self) -> &mut Floor;

    /// If from `now` on no byte reached the venue from these connections (all that one guard has), by when would it
    /// have started to cancel what the switch covers there? `None`: never. The truth the checker compares claims with;
    /// it does not pretend: a dishonoured switch answers `None` although every acknowledgement was positive.
    fn would_trip_by(&self, now: Moment, conns: &[ConnId]) -> Option<Moment>;

    /// Every knob with its value.
    fn knobs(&self) -> Vec<Knob>;

    /// Sets a knob.
    fn set_knob(&mut self, name: &str, value: &str) -> Result<(), KnobError>;
}
