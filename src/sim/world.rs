//! One guard, one venue and the path between them, each with its clock. `step` advances to the next thing that happens
//! anywhere and lets it happen; nothing in here decides what goes wrong. The guard's end of it is in `world/machine.rs`, the
//! life and death of its process in `world/process.rs`, the venue's end in `world/door.rs`.

mod door;
mod machine;
mod process;
mod record;
mod story;

pub use process::Pause;
pub use record::{Record, Sent, What};
pub use story::{Deed, Story};

use super::application::Application;
use super::clock::GuardClock;
use super::exchange::{ConnId, Exchange, Input as VenueInput};
use super::network::{Network, Parcel};
use super::trace::Trace;
use crate::model::{CallTag, Epoch, Event, LeaseId, LeaseTerms, LossCause, Moment, Now, RequestId, Snapshot, WallTime};
use crate::session::{Command, Input, Session};
use crate::venue::{HttpRequest, Venue};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Events kept for the report of a failure.
const EVENTS_KEPT: usize = 200;
/// Connections of one process are numbered from a multiple of this, so that those of the next one differ.
const INCARNATION: u64 = 1_000_000;

/// See the module documentation.
pub struct World<V> {
    /// The guard.
    pub session: Session<V>,
    /// The venue.
    pub exchange: Box<dyn Exchange>,
    /// The path.
    pub network: Network,
    /// The clocks of the guard's machine.
    pub clock: GuardClock,
    /// Who renews the guard's leases.
    pub application: Application,
    /// What happened, for those who want it.
    pub trace: Trace,
    /// The same for whoever tells it in words of their own.
    pub story: Story,
    /// What was written and what arrived, for the checker.
    pub record: Record,
    /// How the guard's machine behaves.
    pub machine: Machine,
    now: Moment,
    start: Now,
    /// When the venue wants to act next, and for which of its versions that was asked.
    venue_due: (u64, Option<Moment>),
    /// Which process this is, counted from 0.
    incarnation: u64,
    alive: bool,
    /// Sockets while the guard has them.
    sockets: BTreeMap<ConnId, Epoch>,
    /// Links on which the websocket layer answers no ping any more.
    muted: BTreeSet<ConnId>,
    ever_opened: Vec<ConnId>,
    dials: BTreeMap<Epoch, PendingDial>,
    calls: BTreeMap<CallTag, PendingCall>,
    /// On the guard's clock.
    wait_until: Option<Moment>,
    pause: Option<(Moment, Pause)>,
    paused_at: Moment,
    inbox: VecDeque<Parcel>,
    /// Since when a connection has data that its peer does not acknowledge.
    unacknowledged: BTreeMap<ConnId, Moment>,
    next_request: u64,
    next_lease: u64,
    /// How many events are kept.
    pub keep_events: usize,
    /// The last events, oldest first.
    pub events: VecDeque<Event>,
    /// Every request that got its end: answered, or with a fate.
    pub settled_requests: u64,
    /// How many steps were made.
    pub steps: u64,
}

/// How the guard's machine behaves where machines differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// `TCP_USER_TIMEOUT`: what is not delivered by then is given up.
    pub user_timeout: Duration,
    /// Whether an abort throws unsent data away. It should; a proxy in between does not.
    pub purges: bool,
    /// Whether lines of a link that the guard has already ended are handed to it all the same.
    pub leaks: bool,
}

struct PendingDial {
    path: String,
    deadline: Moment,
}

struct PendingCall {
    request: HttpRequest,
    prefix: String,
    deadline: Moment,
}

impl<V: Venue> World<V> {
    /// A world that starts at `now`; both sides agree on the wall clock.
    pub fn new(
        session: Session<V>,
        exchange: Box<dyn Exchange>,
        network: Network,
        now: Now,
        user_timeout: Duration,
    ) -> Self {
        Self {
            session,
            exchange,
            network,
            clock: GuardClock::new(now, 0),
            application: Application::default(),
            trace: Trace::default(),
            story: Story::default(),
            record: Record::default(),
            machine: Machine { user_timeout, purges: true, leaks: false },
            now: now.at,
            start: now,
            venue_due: (u64::MAX, None),
            incarnation: 0,
            alive: true,
            sockets: BTreeMap::new(),
            muted: BTreeSet::new(),
            ever_opened: Vec::new(),
            dials: BTreeMap::new(),
            calls: BTreeMap::new(),
            wait_until: None,
            pause: None,
            paused_at: now.at,
            inbox: VecDeque::new(),
            unacknowledged: BTreeMap::new(),
            next_request: 0,
            next_lease: 0,
            keep_events: EVENTS_KEPT,
            events: VecDeque::new(),
            settled_requests: 0,
            steps: 0,
        }
    }

    /// The world's clock, which is the venue's.
    pub fn now(&self) -> Now {
        let nanos = u64::try_from(self.now.since(self.start.at).as_nanos()).unwrap_or(u64::MAX);
        Now { at: self.now, wall: WallTime::from_nanos(self.start.wall.nanos().saturating_add(nanos)) }
    }

    /// What the guard's clocks show.
    pub fn guard_now(&self) -> Now {
        self.clock.read(self.now)
    }

    /// The application asks for something. A process that stands still hears nothing.
    pub fn command(&mut self, command: Command<'_>) {
        if self.runs() {
            self.feed(Input::Command(command));
        }
    }

    /// The application sends a request; its answer is not looked at, only counted.
    pub fn request(&mut self, method: &str, params: &str) {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.command(Command::Request { id, method, params, sticky: false, unsafe_named: false });
    }

    /// The application takes a lease, and renews it from now on.
    pub fn take_lease(&mut self, name: &str, budget: Duration, period: Duration) {
        let Ok(terms) = LeaseTerms::new(name, budget) else { return };
        self.next_lease += 1;
        let id = LeaseId(self.next_lease);
        self.command(Command::LeaseAdd { id, terms: terms.clone() });
        let now = self.guard_now().at;
        self.application.take(id, &terms, period, now);
    }

    /// The application ends one of its leases.
    pub fn close_lease(&mut self, which: usize) {
        if !self.runs() {
            return;
        }
        if let Some(id) = self.application.close(which) {
            self.command(Command::LeaseClose { id, reason: "no longer needed" });
        }
    }

    /// The application acknowledges what happened. What the guard then waits for anew begins anew.
    pub fn rearm(&mut self) {
        if !self.runs() {
            return;
        }
        self.command(Command::Rearm { acknowledge: "looked at it" });
        self.record.rearmed = Some(self.now);
        let now = self.guard_now().at;
        for state in self.session.snapshot().leases {
            if state.renewed_at.is_none() {
                self.application.restart(state.id, now);
            }
        }
    }

    /// The guard's connections, while it has them.
    pub fn sockets(&self) -> Vec<ConnId> {
        self.sockets.keys().copied().collect()
    }

    /// Every connection of this guard, as the venue numbers them: one that the guard has lost may still be alive at the
    /// venue.
    pub fn connections(&self) -> &[ConnId] {
        &self.ever_opened
    }

    /// The connection of this process's epoch.
    pub const fn conn(&self, epoch: Epoch) -> ConnId {
        ConnId(self.incarnation * INCARNATION + epoch.0)
    }

    /// How many processes there were before this one.
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The guard's state.
    pub fn snapshot(&self) -> Snapshot {
        self.session.snapshot()
    }

    /// The venue ends every connection of the guard: with a close frame of this code, or by a reset.
    pub fn venue_drops_all(&mut self, code: Option<u16>) {
        self.venue_ends_all(code.map_or(LossCause::Reset, |code| LossCause::Closed { code, reason: String::new() }));
    }

    /// The venue ends every connection of the guard, as the guard is going to see it.
    pub fn venue_ends_all(&mut self, cause: LossCause) {
        let clean = matches!(cause, LossCause::Closed { .. });
        for conn in self.sockets() {
            self.venue(VenueInput::Ended { conn, clean });
            self.network.send(self.now, super::network::Way::Down, Parcel::EndDown(conn, cause.clone()), 1);
        }
    }

    /// When the next thing happens anywhere, and whether it is a deadline of the guard's end with nothing before it.
    pub fn next_moment(&self) -> Option<(Moment, bool)> {
        let (parcel, venue, guard) = (self.network.next(), self.exchange.next_deadline(), self.guard_moment());
        let at = [parcel, venue, guard].into_iter().flatten().min()?;
        let others_first = [parcel, venue].into_iter().flatten().any(|other| other <= at);
        Some((at, !others_first))
    }

    fn venue_moment(&mut self) -> Option<Moment> {
        let version = self.exchange.floor().version();
        if self.venue_due.0 != version {
            self.venue_due = (version, self.exchange.next_deadline());
        }
        self.venue_due.1
    }

    /// Advances to the next thing that happens, but not past `limit`, and lets it happen.
    /// False when `limit` was reached.
    pub fn step(&mut self, limit: Moment) -> bool {
        self.steps += 1;
        let (parcel, venue, guard) = (self.network.next(), self.venue_moment(), self.guard_moment());
        let next = [parcel, venue, guard].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= limit) else {
            self.now = self.now.max(limit);
            return false;
        };
        self.now = self.now.max(next);
        if self.thaw() {
        } else if parcel.is_some_and(|at| at <= self.now) {
            if let Some(parcel) = self.network.take(self.now) {
                self.arrive(parcel);
            }
        } else if self.give_up_overdue() {
        } else if venue.is_some_and(|at| at <= self.now) {
            self.venue(VenueInput::Tick);
        } else if self.runs() && self.wakes_at().is_some_and(|at| at <= self.now) {
            self.tick();
        }
        true
    }
}
