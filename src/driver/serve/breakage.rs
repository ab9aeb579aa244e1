//! The hub's part in breaking things: which taps the standing faults close, and what happens once on command.

use super::frames;
use super::hub::Hub;
use super::queue::Outgoing;
use super::shared::Stir;
use super::wire_fault::{Carries, End, HostFault, Selector, WireFault};
use crate::sim::exchange::{ConnId, Input};
use std::time::Duration;

impl Hub {
    pub fn set_skew(&mut self, skew_ms: i64) {
        self.skew_ms = skew_ms;
    }

    pub fn wire(&mut self, fault: WireFault, selector: Selector) {
        match fault {
            WireFault::StopReading | WireFault::BlackHole => {
                self.standing.push((fault, selector));
                self.lay_faults();
            }
            WireFault::Reset => self.end_sockets(&selector, End::Reset),
            WireFault::Fin => self.end_sockets(&selector, End::Fin),
            WireFault::Close { code, reason } => self.close_websockets(&selector, code, &reason),
        }
    }

    pub fn host(&mut self, fault: HostFault) {
        match fault {
            HostFault::Freeze => self.frozen = true,
            HostFault::RefuseDials => self.refusing = true,
            HostFault::SlowAccept(by) => self.slow = by,
        }
        self.lay_faults();
        self.stir.host = true;
    }

    /// Takes back every fault that lasts. After a freeze the venue's timers run before it reads what waited.
    pub fn heal(&mut self) {
        self.exchange.floor_mut().heal();
        self.standing.clear();
        (self.frozen, self.refusing, self.slow) = (false, false, Duration::ZERO);
        self.handle(Input::Tick);
        for (conn, clean) in std::mem::take(&mut self.unheard) {
            self.handle(Input::Ended { conn, clean });
        }
        self.lay_faults();
        self.stir = Stir { tick: true, host: true };
    }

    /// Sets every socket's tap to what the standing faults leave of it.
    pub(super) fn lay_faults(&mut self) {
        for socket in self.sockets.values() {
            let account = self.account_of(socket.carries);
            let covering = self.standing.iter().filter(|(_, selector)| selector.covers(socket.carries, account));
            let (mut reads, mut writes) = (!self.frozen, !self.frozen);
            for (fault, _) in covering {
                reads = false;
                writes &= *fault != WireFault::BlackHole;
            }
            socket.tap.set(reads, writes);
        }
    }

    fn account_of(&self, carries: Carries) -> Option<&str> {
        match carries {
            Carries::Websocket(conn) => self.connections.get(&conn)?.account.as_deref(),
            Carries::Unknown | Carries::Http => None,
        }
    }

    fn end_sockets(&mut self, selector: &Selector, end: End) {
        let mut ended = Vec::new();
        for socket in self.sockets.values() {
            if selector.covers(socket.carries, self.account_of(socket.carries)) {
                socket.tap.end(end);
                ended.push(socket.carries);
            }
        }
        for carries in ended {
            if let Carries::Websocket(conn) = carries {
                self.ended(conn);
            }
        }
    }

    fn close_websockets(&mut self, selector: &Selector, code: u16, reason: &str) {
        let covered =
            |conn: &ConnId| selector.covers(Carries::Websocket(*conn), self.account_of(Carries::Websocket(*conn)));
        let conns: Vec<ConnId> = self.connections.keys().copied().filter(covered).collect();
        for conn in conns {
            self.end(conn, Outgoing::Close(frames::closing(code, reason)));
            self.tell_ended(conn, true);
        }
    }

    pub(super) fn tell_ended(&mut self, conn: ConnId, clean: bool) {
        if self.frozen {
            self.unheard.push((conn, clean));
        } else {
            self.handle(Input::Ended { conn, clean });
        }
    }
}
