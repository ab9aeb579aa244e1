//! The venue and everything connected to it: inputs go in with the time, outputs are handed to the sockets in order.
//! How sockets are broken is in `breakage`; the lock around all this is in `shared`.

use super::ConnectionInfo;
use super::frames;
use super::queue::{self, Outbound, Outgoing, Queue};
use super::shared::Stir;
use super::wire_fault::{Carries, End, Selector, Tap, WireFault};
use crate::driver::clock;
use crate::model::{Moment, Now};
use crate::sim::exchange::{ConnId, Exchange, HttpId, HttpIn, HttpOut, Input, Output};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The venue and its sockets.
pub(super) struct Hub {
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    pub(super) connections: BTreeMap<ConnId, Connection>,
    calls: BTreeMap<HttpId, oneshot::Sender<HttpOut>>,
    pub(super) standing: Vec<(WireFault, Selector)>,
    pub(super) frozen: bool,
    pub(super) refusing: bool,
    pub(super) slow: Duration,
    /// The venue's wall clock minus the machine's, in milliseconds.
    pub(super) skew_ms: i64,
    /// Websockets that ended while frozen, and whether cleanly; the venue learns of them when it thaws.
    pub(super) unheard: Vec<(ConnId, bool)>,
    /// How much of the journal was searched for logins.
    searched: u64,
    names: u64,
    /// The sum of what changed that the tasks must look at.
    pub(super) stir: Stir,
}

/// Names one TCP socket. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SocketId(u64);

pub(super) struct Socket {
    pub tap: Arc<Tap>,
    pub carries: Carries,
    /// The account that logged in on it; stays when the venue has ended the websocket.
    pub account: Option<String>,
    /// Tasks that still have to do with it.
    users: u32,
}

pub(super) struct Connection {
    socket: SocketId,
    path: String,
    account: Option<String>,
    opened: Moment,
    decision: Option<oneshot::Sender<Result<Outbound, u16>>>,
    /// Present from the upgrade request on, so that nothing said right after `Accept` is lost.
    outbound: Option<Outbound>,
    to: Queue,
}

impl Hub {
    pub fn new(exchange: Box<dyn Exchange>) -> Self {
        Self {
            exchange,
            sockets: BTreeMap::new(),
            connections: BTreeMap::new(),
            calls: BTreeMap::new(),
            standing: Vec::new(),
            frozen: false,
            refusing: false,
            slow: Duration::ZERO,
            skew_ms: 0,
            unheard: Vec::new(),
            searched: 0,
            names: 0,
            stir: Stir::default(),
        }
    }

    // ---- what sockets do -------------------------------------------------------------------------------------------

    /// A socket was accepted.
    pub fn add_socket(&mut self) -> (SocketId, Arc<Tap>) {
        let id = SocketId(self.name());
        self.sockets.insert(id, Socket { tap: Arc::default(), carries: Carries::Unknown, account: None, users: 1 });
        self.lay_faults();
        (id, self.sockets[&id].tap.clone())
    }

    /// One more task has to do with this socket.
    pub fn stay(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.users += 1;
        }
    }

    /// A task is done with this socket.
    pub fn leave(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.users -= 1;
        if socket.users == 0 {
            self.sockets.remove(&id);
        }
    }

    /// A plain request was read from this socket.
    pub fn carries_http(&mut self, id: SocketId) {
        self.carries(id, Carries::Http);
    }

    /// A client asks for a websocket. The receiver yields the decision.
    pub fn upgrade(&mut self, socket: SocketId, conn: ConnId, path: &str) -> oneshot::Receiver<Result<Outbound, u16>> {
        let (decide, decision) = oneshot::channel();
        let (to, outbound) = queue::new();
        let connection = Connection {
            socket,
            path: path.to_owned(),
            account: None,
            opened: clock::now().at,
            decision: Some(decide),
            outbound: Some(outbound),
            to,
        };
        self.connections.insert(conn, connection);
        self.handle(Input::Upgrade { conn, path });
        decision
    }

    /// Names the websocket that this socket is about to become.
    pub fn carries_websocket(&mut self, socket: SocketId) -> ConnId {
        let conn = ConnId(self.name());
        self.carries(socket, Carries::Websocket(conn));
        conn
    }

    /// A websocket sent something. False when the venue has ended it and does not listen any more.
    pub fn hear(&mut self, conn: ConnId, incoming: &frames::Incoming) -> bool {
        if !self.connections.contains_key(&conn) {
            return false;
        }
        match incoming {
            frames::Incoming::Text(text) => self.handle(Input::Text { conn, text }),
            frames::Incoming::Binary => self.handle(Input::Binary { conn }),
            frames::Incoming::Ping(payload) => self.handle(Input::Ping { conn, payload }),
            frames::Incoming::Pong(payload) => self.handle(Input::Pong { conn, payload }),
            frames::Incoming::Close(code) => {
                self.end(conn, Outgoing::Close(frames::closing(code.unwrap_or(CLOSE_NORMAL), "")));
                self.handle(Input::Ended { conn, clean: true });
            }
        }
        true
    }

    /// A websocket ended without a close frame, or because its client broke the protocol.
    pub fn ended(&mut self, conn: ConnId) {
        if self.connections.remove(&conn).is_some() {
            self.tell_ended(conn, false);
        }
    }

    /// The client broke the framing: say so and end.
    pub fn broken(&mut self, conn: ConnId, broken: &frames::Broken) {
        if let Some(connection) = self.connections.get(&conn) {
            connection.to.put(Outgoing::Close(frames::closing(broken.code, broken.why)));
        }
        self.ended(conn);
    }

    /// An HTTP request arrived. The receiver yields the answer, if there ever is one.
    pub fn call(&mut self, request: HttpIn<'_>) -> (HttpId, oneshot::Receiver<HttpOut>) {
        let id = HttpId(self.name());
        let (sender, receiver) = oneshot::channel();
        self.calls.insert(id, sender);
        self.handle(Input::Http { id, request });
        (id, receiver)
    }

    /// The client no longer waits for this answer.
    pub fn call_abandoned(&mut self, id: HttpId) {
        self.calls.remove(&id);
    }

    // ---- time ------------------------------------------------------------------------------------------------------

    /// The venue's clock.
    pub fn now(&self) -> Now {
        let now = clock::now();
        Now { at: now.at, wall: now.wall.shifted(self.skew_ms) }
    }

    /// Lets time pass if a deadline was reached; says when to come back.
    pub fn tick(&mut self) -> Option<Moment> {
        if self.frozen {
            return None;
        }
        if self.exchange.next_deadline().is_some_and(|deadline| deadline <= clock::now().at) {
            self.handle(Input::Tick);
        }
        self.exchange.next_deadline()
    }

    // ---- commands --------------------------------------------------------------------------------------------------

    pub fn exchange(&self) -> &dyn Exchange {
        &*self.exchange
    }

    /// Changes something from outside; the venue notices at once.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut dyn Exchange, Now) -> R) -> R {
        let now = self.now();
        let result = change(&mut *self.exchange, now);
        if !self.frozen {
            self.handle(Input::Tick);
        }
        self.stir.tick = true;
        result
    }

    pub fn refusing(&self) -> bool {
        self.refusing
    }

    pub fn slow_accept(&self) -> Duration {
        self.slow
    }

    /// The open websockets.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.connections.iter().map(|(conn, connection)| self.describe(*conn, connection)).collect()
    }

    /// The open websockets that this account logged in.
    pub fn connections_of(&self, account: &str) -> Vec<ConnId> {
        let of = |(conn, connection): (&ConnId, &Connection)| {
            (connection.account.as_deref() == Some(account)).then_some(*conn)
        };
        self.connections.iter().filter_map(of).collect()
    }

    // ---- inside ----------------------------------------------------------------------------------------------------

    pub(super) fn handle(&mut self, input: Input<'_>) {
        let before = self.exchange.next_deadline();
        let mut out = Vec::new();
        self.exchange.handle(self.now(), input, &mut out);
        for output in out {
            self.carry_out(output);
        }
        self.stir.tick |= self.exchange.next_deadline() != before;
        self.find_logins();
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Accept(conn) => self.decide(conn, None),
            Output::Reject(conn, status) => {
                self.decide(conn, Some(status));
                self.connections.remove(&conn);
            }
            Output::Text(conn, text) => self.put(conn, frames::text(&text)),
            Output::Ping(conn, payload) => self.put(conn, frames::ping(&payload)),
            Output::Pong(conn, payload) => self.put(conn, frames::pong(&payload)),
            Output::Close(conn, code, reason) => self.end(conn, Outgoing::Close(frames::closing(code, &reason))),
            Output::Drop(conn) => self.end(conn, Outgoing::Drop),
            Output::Http(id, answer) => {
                if let Some(call) = self.calls.remove(&id) {
                    let _ = call.send(answer);
                }
            }
        }
    }

    fn decide(&mut self, conn: ConnId, rejected: Option<u16>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let (Some(decision), Some(outbound)) = (connection.decision.take(), connection.outbound.take()) else { return };
        let _ = decision.send(rejected.map_or(Ok(outbound), Err));
    }

    pub(super) fn put(&mut self, conn: ConnId, frame: Vec<u8>) {
        let Some(connection) = self.connections.get(&conn) else { return };
        if !connection.to.put(Outgoing::Frame(frame)) {
            let socket = connection.socket;
            if let Some(socket) = self.sockets.get(&socket) {
                socket.tap.end(End::Reset);
            }
            self.ended(conn);
        }
    }

    /// The venue ends a websocket and forgets it; the socket follows when its queue is written.
    pub(super) fn end(&mut self, conn: ConnId, last: Outgoing) {
        if let Some(connection) = self.connections.remove(&conn) {
            connection.to.put(last);
        }
    }

    fn carries(&mut self, id: SocketId, carries: Carries) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.carries = carries;
        }
        self.lay_faults();
    }

    /// Learns from the journal which account a websocket belongs to.
    fn find_logins(&mut self) {
        let floor = self.exchange.floor();
        let dropped = floor.journal_dropped();
        let from = usize::try_from(self.searched.saturating_sub(dropped)).unwrap_or(usize::MAX);
        let mut found = false;
        for entry in floor.journal().iter().skip(from) {
            let Some(connection) = entry.conn.and_then(|conn| self.connections.get_mut(&conn)) else { continue };
            if !entry.account.is_empty() && connection.account.is_none() {
                connection.account = Some(entry.account.clone());
                if let Some(socket) = self.sockets.get_mut(&connection.socket) {
                    socket.account.clone_from(&connection.account);
                }
                found = true;
            }
        }
        self.searched = dropped + floor.journal().len() as u64;
        if found {
            self.lay_faults();
        }
    }

    fn describe(&self, conn: ConnId, connection: &Connection) -> ConnectionInfo {
        let passage = self.sockets.get(&connection.socket).map(|socket| socket.tap.passage()).unwrap_or_default();
        ConnectionInfo {
            conn,
            path: connection.path.clone(),
            account: connection.account.clone(),
            opened: connection.opened,
            reads: passage.reads,
            writes: passage.writes,
        }
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }
}

/// Normal closure (RFC 6455, 7.4.1).
const CLOSE_NORMAL: u16 = 1000;
