//! Puts an embedded venue on loopback: websocket and HTTP on one port, behind TLS with a throw-away authority, with
//! faults of the wire on command. One named thread with a runtime of its own; commands come from any thread and have
//! taken effect when they return.
//!
//! It is not a venue: what is said is decided by an [`Exchange`]; this carries it, and breaks the carriage when told to.

mod breakage;
mod certificate;
mod connection;
mod embedded;
mod frames;
mod http;
mod hub;
mod listen;
mod queue;
mod shared;
mod wire_fault;

#[cfg(test)]
pub(super) use frames::{Decoder, Incoming};

pub use embedded::{Urls, embedded};
pub use wire_fault::{HostFault, Selector, WireFault};

/// What a venue is told and what it tells, for those who drive one from the floors above.
pub use crate::sim::exchange::{
    CancelCause, ConnId, Exchange, Fault, JournalEntry, JournalKind, Knob, KnobError, Order, OrderState,
};

use super::slice;
use crate::model::{Moment, Now, VenueName};
use crate::sim::exchange::{Account, Floor};
use listen::{accept, listen, tick};
use shared::Shared;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How to serve a venue.
pub struct ServeOptions {
    /// The venue.
    pub exchange: Box<dyn Exchange>,
    /// Address to listen on. Loopback, unless you know why not.
    pub host: IpAddr,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// Names and addresses the certificate is good for.
    pub certificate_hosts: Vec<String>,
    /// Show a certificate that ended long ago.
    pub certificate_expired: bool,
    /// Speak without TLS.
    pub plaintext: bool,
}

/// A running venue. Dropping it stops it.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: Option<String>,
    stop: Arc<Notify>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The process that started it. A forked child has the handle but not the thread, and must not wait for it.
    process: u32,
}

/// What went wrong with serving.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The thread could not be started.
    #[error("cannot start the venue's thread: {0}")]
    Thread(io::Error),
    /// The venue's own code panicked: a bug of ours. Every connection was ended and its state is not to be trusted.
    #[error("the embedded venue panicked, which is a bug in it")]
    Panicked,
    /// A knob refused its value.
    #[error(transparent)]
    Knob(#[from] KnobError),
    /// There is no such key.
    #[error("the embedded venue has no key ending in {0}")]
    UnknownKey(String),
}

/// One open websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its name.
    pub conn: ConnId,
    /// The path it asked for, with query.
    pub path: String,
    /// The account that logged in on it.
    pub account: Option<String>,
    /// When it was asked for.
    pub opened: Moment,
    /// Whether bytes reach the venue.
    pub reads: bool,
    /// Whether bytes leave the venue.
    pub writes: bool,
}

/// A part of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// The number of the first entry here; entries are numbered from 0 for the life of the venue. Higher than asked for
    /// when older entries were dropped.
    pub first: u64,
    /// The entries, oldest first.
    pub entries: Vec<JournalEntry>,
}

impl ServeOptions {
    /// On `127.0.0.1`, any free port, TLS good for `localhost` and the loopback addresses.
    pub fn new(exchange: Box<dyn Exchange>) -> Self {
        Self {
            exchange,
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            certificate_hosts: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            certificate_expired: false,
            plaintext: false,
        }
    }
}

impl Server {
    /// Starts listening and returns once connections are accepted.
    pub fn start(options: ServeOptions) -> Result<Self, ServeError> {
        let identity = if options.plaintext {
            None
        } else {
            Some(certificate::identity(&options.certificate_hosts, options.certificate_expired)?)
        };
        let (reservation, listener) = listen(SocketAddr::new(options.host, options.port))?;
        let address = reservation.address;
        let tls = identity.as_ref().map(|identity| TlsAcceptor::from(identity.config.clone()));
        let shared = Arc::new(Shared::new(options.exchange));
        let stop = Arc::new(Notify::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Thread)?;
        let work = {
            let (shared, stop) = (shared.clone(), stop.clone());
            move || {
                // A venue has computers of its own: what it writes down must not be late because this one is busy.
                slice::shorten_if_possible();
                runtime.block_on(async {
                    tokio::select! {
                        () = stop.notified() => {}
                        () = tick(&shared) => {}
                        () = accept(&shared, tls, &reservation, listener) => {}
                    }
                });
            }
        };
        let thread = std::thread::Builder::new()
            .name(format!("killcord-sim-{}", address.port()))
            .spawn(work)
            .map_err(ServeError::Thread)?;
        Ok(Self {
            shared,
            address,
            ca_pem: identity.map(|identity| identity.ca_pem),
            stop,
            thread: Mutex::new(Some(thread)),
            process: std::process::id(),
        })
    }

    /// Stops listening, ends every connection and waits for the thread. Orders and journal can still be read.
    /// Doing it twice is harmless, and so is doing it in a forked child, which leaves the parent's venue alone.
    pub fn stop(&self) {
        self.stop.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take().filter(|_| self.process == std::process::id()) {
            let _ = thread.join();
        }
    }

    /// Applies a misbehaviour of the venue itself.
    pub fn apply(&self, fault: Fault) -> Result<(), ServeError> {
        self.with(|exchange, now| exchange.floor_mut().apply(now, fault))
    }

    /// Breaks sockets.
    pub fn wire(&self, fault: WireFault, selector: Selector) -> Result<(), ServeError> {
        self.shared.hold()?.wire(fault, selector);
        Ok(())
    }

    /// Breaks the venue's host.
    pub fn host(&self, fault: HostFault) -> Result<(), ServeError> {
        self.shared.hold()?.host(fault);
        Ok(())
    }

    /// Takes back every fault that lasts, of all three kinds. What waited is delivered and what was held back is sent.
    /// Knobs, accounts and the clock stay as they are.
    pub fn heal(&self) -> Result<(), ServeError> {
        self.shared.hold()?.heal();
        Ok(())
    }

    /// Sets the venue's wall clock this many milliseconds ahead of the machine's (behind, if negative).
    pub fn set_clock_skew(&self, skew_ms: i64) -> Result<(), ServeError> {
        self.shared.hold()?.set_skew(skew_ms);
        Ok(())
    }

    /// Adds a key. Keys with the same account name share orders and switch.
    pub fn add_account(&self, key: &str, secret: &str, name: &str) -> Result<(), ServeError> {
        self.with(|exchange, _| exchange.floor_mut().add_account(key, secret, name))
    }

    /// Takes a key's validity away. What it has logged in to stays.
    pub fn revoke_key(&self, key: &str) -> Result<(), ServeError> {
        self.change_account(key, |account| account.valid = false)
    }

    /// Takes permissions away from a key, in the venue's spelling.
    pub fn restrict_key(&self, key: &str, lacks: Vec<String>) -> Result<(), ServeError> {
        self.change_account(key, |account| account.lacks = lacks)
    }

    /// Sets a knob.
    pub fn set_knob(&self, name: &str, value: &str) -> Result<(), ServeError> {
        Ok(self.with(|exchange, _| exchange.set_knob(name, value))??)
    }

    /// Every knob with its value.
    pub fn knobs(&self) -> Result<Vec<Knob>, ServeError> {
        Ok(self.shared.hold()?.exchange().knobs())
    }

    /// The journal from entry number `since` on.
    pub fn journal(&self, since: u64) -> Result<JournalPage, ServeError> {
        let hub = self.shared.hold()?;
        let (first, entries) = unread(hub.exchange().floor(), since);
        Ok(JournalPage { first, entries: entries.to_vec() })
    }

    /// Waits until the journal has an entry, from number `since` on, that satisfies `wanted`, and returns the first one
    /// with its number; `None` when `patience` is over. Blocks the calling thread.
    pub fn wait_journal(
        &self,
        since: u64,
        patience: Duration,
        wanted: impl Fn(&JournalEntry) -> bool,
    ) -> Result<Option<(u64, JournalEntry)>, ServeError> {
        let mut next = since;
        self.shared.wait(patience, |hub| {
            let (first, entries) = unread(hub.exchange().floor(), next);
            next = first + entries.len() as u64;
            let at = entries.iter().position(&wanted)?;
            Some((first + at as u64, entries[at].clone()))
        })
    }

    /// Every order the venue has ever accepted, oldest first.
    pub fn orders(&self) -> Result<Vec<Order>, ServeError> {
        Ok(self.shared.hold()?.exchange().floor().orders.values().cloned().collect())
    }

    /// How many orders rest.
    pub fn open_order_count(&self) -> Result<usize, ServeError> {
        let hub = self.shared.hold()?;
        Ok(hub.exchange().floor().orders.values().filter(|order| order.state == OrderState::Open).count())
    }

    /// The open websockets.
    pub fn connections(&self) -> Result<Vec<ConnectionInfo>, ServeError> {
        Ok(self.shared.hold()?.connections())
    }

    /// If nothing more reached the venue from the websockets this account has logged in: by when would the venue have
    /// started to cancel what the switch covers? `None`: never.
    pub fn would_trip_by(&self, account: &str) -> Result<Option<Moment>, ServeError> {
        let hub = self.shared.hold()?;
        let conns = hub.connections_of(account);
        Ok(hub.exchange().would_trip_by(hub.now().at, &conns))
    }

    /// What time it is at the venue.
    pub fn now(&self) -> Result<Now, ServeError> {
        Ok(self.shared.hold()?.now())
    }

    /// Changes the venue in a way that has no name here; it notices at once.
    pub fn with<R>(&self, change: impl FnOnce(&mut dyn Exchange, Now) -> R) -> Result<R, ServeError> {
        Ok(self.shared.hold()?.change(change))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a client of this venue goes.
    pub fn urls(&self, venue: VenueName) -> Urls {
        Urls::new(venue, self.address, self.ca_pem.is_some())
    }

    /// The certificate to trust, PEM; `None` without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    fn change_account(&self, key: &str, change: impl FnOnce(&mut Account)) -> Result<(), ServeError> {
        let known = self.with(|exchange, _| exchange.floor_mut().accounts.get_mut(key).map(change))?;
        let tail = key.char_indices().rev().nth(3).map_or("", |(at, _)| &key[at..]);
        known.ok_or_else(|| ServeError::UnknownKey(tail.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The journal from number `since` on, and the number of its first entry.
fn unread(floor: &Floor, since: u64) -> (u64, &[JournalEntry]) {
    let (dropped, journal) = (floor.journal_dropped(), floor.journal());
    let skip = usize::try_from(since.saturating_sub(dropped)).unwrap_or(usize::MAX).min(journal.len());
    (dropped + skip as u64, &journal[skip..])
}

#[cfg(test)]
mod tests;
