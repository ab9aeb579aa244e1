//! The hub's part in breaking things: which taps the standing faults close, and what happens once on command.

use super::frames;
use super::hub::{Hub, Socket};
use super::queue::Outgoing;
use super::shared::Stir;
use super::wire_fault::{Carries, End, HostFault, Passage, Selector, WireFault};
use crate::sim::exchange::{ConnId, Input};
use std::time::Duration;

impl Hub {
    pub fn set_skew(&mut self, skew_ms: i64) {
        self.skew_ms = skew_ms;
    }

    pub fn wire(&mut self, fault: WireFault, selector: Selector) {
        match fault {
            WireFault::StopReading | WireFault::BlackHole | WireFault::Drip(_) => {
                self.standing.push((fault, selector));
                self.lay_faults();
            }
            WireFault::Inject(bytes) => self.inject(&selector, &bytes),
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
            let mut passage = Passage { reads: !self.frozen, writes: !self.frozen, drip: Duration::ZERO };
            for (fault, _) in self.standing.iter().filter(|(_, selector)| socket.is_meant(selector)) {
                passage.suffer(fault);
            }
            socket.tap.set(passage);
        }
    }

    fn end_sockets(&mut self, selector: &Selector, end: End) {
        for socket in self.sockets.values().filter(|socket| socket.is_meant(selector)) {
            socket.tap.end(end);
        }
        for conn in self.meant(selector) {
            self.ended(conn);
        }
    }

    fn close_websockets(&mut self, selector: &Selector, code: u16, reason: &str) {
        for conn in self.meant(selector) {
            self.end(conn, Outgoing::Close(frames::closing(code, reason)));
            self.tell_ended(conn, true);
        }
    }

    fn inject(&mut self, selector: &Selector, bytes: &[u8]) {
        for conn in self.meant(selector) {
            self.put(conn, bytes.to_vec());
        }
    }

    /// The live websockets among the sockets that are meant.
    fn meant(&self, selector: &Selector) -> Vec<ConnId> {
        let websocket = |socket: &Socket| match socket.carries {
            Carries::Websocket(conn) if self.connections.contains_key(&conn) => Some(conn),
            Carries::Websocket(_) | Carries::Http | Carries::Unknown => None,
        };
        self.sockets.values().filter(|socket| socket.is_meant(selector)).filter_map(websocket).collect()
    }

    pub(super) fn tell_ended(&mut self, conn: ConnId, clean: bool) {
        if self.frozen {
            self.unheard.push((conn, clean));
        } else {
            self.handle(Input::Ended { conn, clean });
        }
    }
}

impl Socket {
    fn is_meant(&self, selector: &Selector) -> bool {
        selector.covers(self.carries, self.account.as_deref())
    }
}

impl Passage {
    /// What is left when this fault is added.
    fn suffer(&mut self, fault: &WireFault) {
        match fault {
            WireFault::StopReading => self.reads = false,
            WireFault::BlackHole => (self.reads, self.writes) = (false, false),
            WireFault::Drip(pause) => self.drip = self.drip.max(*pause),
            WireFault::Inject(_) | WireFault::Reset | WireFault::Fin | WireFault::Close { .. } => {}
        }
    }
}
