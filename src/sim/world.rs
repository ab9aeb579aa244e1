//! One guard, one venue and the path between them on one virtual clock. `step` advances to the next thing that happens
//! anywhere and lets it happen; nothing in here decides what goes wrong.

use super::exchange::{ConnId, Exchange, HttpId, HttpIn, Input as VenueInput, Output};
use super::network::{Network, Parcel, Way};
use crate::model::{CallTag, Epoch, Event, LossCause, Moment, Now, RequestId, Snapshot, WallTime};
use crate::session::{Action, Command, Fate, Input, Session};
use crate::venue::{CallReply, HttpMethod, HttpRequest, Venue};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A dial whose knock is not answered is given up after this, as the driver does.
const DIAL_STAGE: Duration = Duration::from_secs(2);
/// An HTTP call that is not answered is given up after this, as the driver does.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// Events kept for the report of a failure.
const EVENTS_KEPT: usize = 200;

/// See the module documentation.
pub struct World<V> {
    /// The guard.
    pub session: Session<V>,
    /// The venue.
    pub exchange: Box<dyn Exchange>,
    /// The path.
    pub network: Network,
    now: Moment,
    wall_start: WallTime,
    started: Moment,
    /// Sockets by epoch, while the guard has them.
    sockets: BTreeMap<Epoch, ConnId>,
    ever_opened: Vec<ConnId>,
    dials: BTreeMap<Epoch, PendingDial>,
    calls: BTreeMap<CallTag, PendingCall>,
    wait_until: Option<Moment>,
    frozen_until: Option<Moment>,
    inbox: VecDeque<Parcel>,
    user_timeout: Duration,
    next_request: u64,
    /// The last events, oldest first.
    pub events: VecDeque<Event>,
    /// Every request that got its end: answered, or with a fate.
    pub settled_requests: u64,
    /// How many steps were made.
    pub steps: u64,
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
            now: now.at,
            wall_start: now.wall,
            started: now.at,
            sockets: BTreeMap::new(),
            ever_opened: Vec::new(),
            dials: BTreeMap::new(),
            calls: BTreeMap::new(),
            wait_until: None,
            frozen_until: None,
            inbox: VecDeque::new(),
            user_timeout,
            next_request: 0,
            events: VecDeque::new(),
            settled_requests: 0,
            steps: 0,
        }
    }

    /// The clock.
    pub fn now(&self) -> Now {
        let passed = self.now.since(self.started);
        let nanos = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        Now { at: self.now, wall: WallTime::from_nanos(self.wall_start.nanos() + nanos) }
    }

    /// The application asks for something.
    pub fn command(&mut self, command: Command<'_>) {
        self.feed(Input::Command(command));
    }

    /// The application sends a request; its answer is not looked at, only counted.
    pub fn request(&mut self, method: &str, params: &str) {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.command(Command::Request { id, method, params, sticky: false, unsafe_named: false });
    }

    /// The guard's process stops running for this long; the network and the venue go on.
    pub fn freeze(&mut self, length: Duration) {
        self.frozen_until = Some(self.now + length);
    }

    /// True while the guard's process does not run.
    pub const fn frozen(&self) -> bool {
        self.frozen_until.is_some()
    }

    /// Every connection this guard ever made, as the venue numbers them: one that the guard has lost may still be alive
    /// at the venue.
    pub fn connections(&self) -> &[ConnId] {
        &self.ever_opened
    }

    /// The guard's state.
    pub fn snapshot(&self) -> Snapshot {
        self.session.snapshot()
    }

    /// The venue ends every connection of the guard, with or without a close frame.
    pub fn venue_drops_all(&mut self, code: Option<u16>) {
        for (epoch, conn) in std::mem::take(&mut self.sockets) {
            let cause = code.map_or(LossCause::Reset, |code| LossCause::Closed { code, reason: String::new() });
            self.venue(VenueInput::Ended { conn, clean: code.is_some() });
            self.network.send(self.now, Way::Down, Parcel::EndDown(epoch, cause), 1);
            self.sockets.insert(epoch, conn);
        }
    }

    /// Advances to the next thing that happens, but not past `limit`, and lets it happen.
    /// False when `limit` was reached.
    pub fn step(&mut self, limit: Moment) -> bool {
        self.steps += 1;
        let Some(next) = self.next_moment().filter(|at| *at <= limit) else {
            self.now = self.now.max(limit);
            return false;
        };
        self.now = self.now.max(next);
        self.thaw();
        if let Some(parcel) = self.network.take(self.now) {
            self.arrive(parcel);
        } else if self.give_up_overdue() {
        } else if self.exchange.next_deadline().is_some_and(|at| at <= self.now) {
            self.venue(VenueInput::Tick);
        } else if !self.frozen() && self.wait_until.is_some_and(|at| at <= self.now) {
            self.feed(Input::Tick);
        }
        true
    }

    fn next_moment(&self) -> Option<Moment> {
        let guard = self.frozen_until.or_else(|| self.guard_moment());
        [guard, self.network.next(), self.exchange.next_deadline()].into_iter().flatten().min()
    }

    /// When a guard that is not frozen has something to do by itself.
    fn guard_moment(&self) -> Option<Moment> {
        let dial = self.dials.values().map(|dial| dial.deadline).min();
        let call = self.calls.values().map(|call| call.deadline).min();
        [self.wait_until, dial, call, self.kernel_gives_up_at()].into_iter().flatten().min()
    }

    fn thaw(&mut self) {
        if self.frozen_until.is_some_and(|until| until <= self.now) {
            self.frozen_until = None;
            for parcel in std::mem::take(&mut self.inbox) {
                self.arrive_at_guard(parcel);
            }
        }
    }

    /// With a path down, data of ours stays unacknowledged and the kernel ends the connection.
    fn kernel_gives_up_at(&self) -> Option<Moment> {
        let cut = [Way::Up, Way::Down].into_iter().filter_map(|way| self.network.cut_since(way)).min()?;
        (!self.sockets.is_empty() && !self.frozen()).then(|| cut + self.user_timeout + Duration::from_millis(250))
    }

    fn give_up_overdue(&mut self) -> bool {
        if self.frozen() {
            return false;
        }
        if self.kernel_gives_up_at().is_some_and(|at| at <= self.now) {
            let epochs: Vec<Epoch> = self.sockets.keys().copied().collect();
            self.sockets.clear();
            for epoch in epochs {
                self.feed(Input::Lost { epoch, cause: LossCause::UserTimeout });
            }
            return true;
        }
        if let Some(epoch) = self.dials.iter().find(|(_, d)| d.deadline <= self.now).map(|(epoch, _)| *epoch) {
            self.dials.remove(&epoch);
            self.feed(Input::Missed { epoch, cause: LossCause::StageTimeout { stage: "connect" } });
            return true;
        }
        if let Some(tag) = self.calls.iter().find(|(_, c)| c.deadline <= self.now).map(|(tag, _)| *tag) {
            self.calls.remove(&tag);
            let reply = CallReply::Failed(LossCause::StageTimeout { stage: "answer" });
            self.feed(Input::Answered { tag, reply });
            return true;
        }
        false
    }

    fn arrive(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Knock(epoch) => self.knock(epoch),
            Parcel::Up(conn, text) => self.venue(VenueInput::Text { conn, text: &text }),
            Parcel::PingUp(conn, payload) => self.venue(VenueInput::Ping { conn, payload: &payload }),
            Parcel::EndUp(conn) => self.venue(VenueInput::Ended { conn, clean: false }),
            Parcel::CallUp(tag) => self.call_venue(tag),
            Parcel::Opened(_)
            | Parcel::TurnedAway(..)
            | Parcel::Down(..)
            | Parcel::PongDown(..)
            | Parcel::PingDown(_)
            | Parcel::EndDown(..)
            | Parcel::CallDown(..) => self.arrive_at_guard(parcel),
        }
    }

    fn arrive_at_guard(&mut self, parcel: Parcel) {
        if self.frozen() {
            return self.inbox.push_back(parcel);
        }
        match parcel {
            Parcel::Opened(epoch) => self.opened(epoch),
            Parcel::TurnedAway(epoch, status) => {
                if self.dials.remove(&epoch).is_some() {
                    self.feed(Input::Missed { epoch, cause: LossCause::UpgradeRefused { status } });
                }
            }
            Parcel::Down(epoch, text) if self.sockets.contains_key(&epoch) => {
                self.feed(Input::Line { epoch, text: &text })
            }
            Parcel::PongDown(epoch, payload) if self.sockets.contains_key(&epoch) => {
                let nonce = payload.try_into().map_or(0, u64::from_be_bytes);
                self.feed(Input::Pong { epoch, nonce });
            }
            Parcel::PingDown(epoch) if self.sockets.contains_key(&epoch) => self.feed(Input::PeerPing { epoch }),
            Parcel::EndDown(epoch, cause) => {
                if self.sockets.remove(&epoch).is_some() {
                    self.feed(Input::Lost { epoch, cause });
                } else if self.dials.remove(&epoch).is_some() {
                    self.feed(Input::Missed { epoch, cause });
                }
            }
            Parcel::CallDown(tag, status, body) => {
                if self.calls.remove(&tag).is_some() {
                    let reply = CallReply::Got { status, body: &body, date: None };
                    self.feed(Input::Answered { tag, reply });
                }
            }
            // A line of a socket the guard has closed, or a parcel of the other direction.
            Parcel::Down(..)
            | Parcel::PongDown(..)
            | Parcel::PingDown(_)
            | Parcel::Knock(_)
            | Parcel::Up(..)
            | Parcel::PingUp(..)
            | Parcel::EndUp(_)
            | Parcel::CallUp(_) => {}
        }
    }

    fn knock(&mut self, epoch: Epoch) {
        let Some(dial) = self.dials.get(&epoch) else { return };
        let path = dial.path.clone();
        // The number of a connection is its epoch's, so that both journals can be read side by side.
        self.venue(VenueInput::Upgrade { conn: ConnId(epoch.0), path: &path });
    }

    fn opened(&mut self, epoch: Epoch) {
        if self.dials.remove(&epoch).is_some() {
            self.sockets.insert(epoch, ConnId(epoch.0));
            self.ever_opened.push(ConnId(epoch.0));
            self.feed(Input::Dialled { epoch });
        } else {
            self.network.send(self.now, Way::Up, Parcel::EndUp(ConnId(epoch.0)), 1);
        }
    }

    fn call_venue(&mut self, tag: CallTag) {
        let Some(call) = self.calls.get(&tag) else { return };
        let target = format!("{}{}", call.prefix, call.request.path);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let headers: Vec<(String, String)> =
            call.request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let method = match call.request.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        let body = call.request.body.clone();
        let request = HttpIn { method, path, query, headers: &headers, body: &body };
        self.venue(VenueInput::Http { id: HttpId(tag.0), request });
    }

    fn venue(&mut self, input: VenueInput<'_>) {
        let mut outputs = Vec::new();
        self.exchange.handle(self.now(), input, &mut outputs);
        for output in outputs {
            self.venue_does(output);
        }
    }

    fn venue_does(&mut self, output: Output) {
        let (parcel, legs) = match output {
            Output::Accept(conn) => (Parcel::Opened(Epoch(conn.0)), 1),
            Output::Reject(conn, status) => (Parcel::TurnedAway(Epoch(conn.0), status), 1),
            Output::Text(conn, text) => (Parcel::Down(Epoch(conn.0), text), 1),
            Output::Ping(conn, _) => (Parcel::PingDown(Epoch(conn.0)), 1),
            Output::Pong(conn, payload) => (Parcel::PongDown(Epoch(conn.0), payload), 1),
            Output::Close(conn, code, reason) => {
                (Parcel::EndDown(Epoch(conn.0), LossCause::Closed { code, reason }), 1)
            }
            Output::Drop(conn) => (Parcel::EndDown(Epoch(conn.0), LossCause::EndOfStream), 1),
            Output::Http(id, answer) => (Parcel::CallDown(CallTag(id.0), answer.status, answer.body), 1),
        };
        self.network.send(self.now, Way::Down, parcel, legs);
    }

    /// Hands one input to the guard and does everything it asks for.
    fn feed(&mut self, input: Input<'_>) {
        let now = self.now();
        self.session.handle(now, input);
        loop {
            match self.session.poll() {
                Action::Wait { until, .. } => {
                    self.wait_until = until;
                    return;
                }
                Action::Dial { epoch, endpoint, .. } => {
                    let dial = PendingDial { path: endpoint.path.clone(), deadline: now.at + DIAL_STAGE };
                    self.dials.insert(epoch, dial);
                    // TCP, TLS and the upgrade request: the venue's door is reached on the fifth leg.
                    self.network.send(now.at, Way::Up, Parcel::Knock(epoch), 5);
                }
                Action::Say { epoch, line, .. } => {
                    if let Some(conn) = self.sockets.get(&epoch) {
                        self.network.send(now.at, Way::Up, Parcel::Up(*conn, line.to_owned()), 1);
                    }
                }
                Action::Ping { epoch, nonce } => {
                    if let Some(conn) = self.sockets.get(&epoch) {
                        let payload = nonce.to_be_bytes().to_vec();
                        self.network.send(now.at, Way::Up, Parcel::PingUp(*conn, payload), 1);
                    }
                }
                Action::Call { tag, request, endpoint } => {
                    let prefix = endpoint.path.clone();
                    self.calls.insert(tag, PendingCall { request, prefix, deadline: now.at + CALL_LIMIT });
                    self.network.send(now.at, Way::Up, Parcel::CallUp(tag), 1);
                }
                Action::HangUp { epoch, .. } => {
                    self.dials.remove(&epoch);
                    if let Some(conn) = self.sockets.remove(&epoch) {
                        self.network.send(now.at, Way::Up, Parcel::EndUp(conn), 1);
                    }
                }
                Action::Tell(event) => {
                    if self.events.len() == EVENTS_KEPT {
                        self.events.pop_front();
                    }
                    self.events.push_back(event);
                }
                Action::Deliver { answers, .. } => self.settled_requests += u64::from(answers.is_some()),
                Action::Fate { fate: Fate::Unknown | Fate::NotSent | Fate::Refused(_), .. } => {
                    self.settled_requests += 1
                }
                // The path carries no answers to the venue's pings, so there is nothing to keep back.
                Action::Mute { .. } | Action::Sent { .. } => {}
            }
        }
    }
}
