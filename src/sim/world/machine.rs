//! The guard's end of a world: its kernel, which goes on trying for a while, and everything a driver does. That the process
//! can stand still, die and be started again is in `process.rs`.

use super::super::exchange::ConnId;
use super::super::network::{Parcel, Way};
use super::super::outgoing::{self, Meaning};
use super::super::stamps;
use super::process::KERNEL_LATE;
use super::record::{Sent, What};
use super::{INCARNATION, Pause, PendingCall, PendingDial, World};
use crate::model::{Epoch, EventKind, LossCause, Moment};
use crate::session::{Action, Fate, Input};
use crate::venue::{CallReply, Venue};
use std::time::Duration;

/// A dial whose knock is not answered is given up after this, as the driver does.
const DIAL_STAGE: Duration = Duration::from_secs(2);
/// An HTTP call that is not answered is given up after this, as the driver does.
const CALL_LIMIT: Duration = Duration::from_secs(5);

impl<V: Venue> World<V> {
    pub(super) fn epoch_of(&self, conn: ConnId) -> Option<Epoch> {
        (conn.0 / INCARNATION == self.incarnation).then_some(Epoch(conn.0 % INCARNATION))
    }

    /// When the guard's end has something to do by itself.
    pub(super) fn guard_moment(&self) -> Option<Moment> {
        if let Some((until, _)) = self.pause {
            return Some(until);
        }
        let dial = self.dials.values().map(|dial| dial.deadline).min();
        let call = self.calls.values().map(|call| call.deadline).min();
        [self.wakes_at(), dial, call, self.kernel_gives_up().map(|(at, _)| at)].into_iter().flatten().min()
    }

    pub(super) fn wakes_at(&self) -> Option<Moment> {
        self.clock.when(self.wait_until?)
    }

    /// True when the guard's code runs again from this very moment on.
    pub(super) fn thaw(&mut self) -> bool {
        let Some((_, pause)) = self.pause.filter(|(until, _)| *until <= self.now) else { return false };
        self.pause = None;
        self.clock.go_on(self.now);
        if pause == Pause::Machine {
            self.record.went_on = Some((self.now, self.now.since(self.paused_at)));
        }
        if pause == Pause::Process {
            let now = self.guard_now().at;
            // Who runs first, the application or the guard, is as it happens.
            let lag = if self.steps.is_multiple_of(2) { Duration::ZERO } else { Duration::from_millis(5) };
            self.application.stood_still(now, lag);
        }
        for parcel in std::mem::take(&mut self.inbox) {
            self.arrive_at_guard(parcel);
        }
        if self.wakes_at().is_some_and(|at| at <= self.now) {
            self.tick();
        }
        true
    }

    fn kernel_gives_up(&self) -> Option<(Moment, ConnId)> {
        let patience = self.machine.user_timeout + KERNEL_LATE;
        self.unacknowledged.iter().map(|(conn, since)| (*since + patience, *conn)).min()
    }

    pub(super) fn give_up_overdue(&mut self) -> bool {
        if self.frozen() {
            return false;
        }
        if let Some((_, conn)) = self.kernel_gives_up().filter(|(at, _)| *at <= self.now) {
            self.unacknowledged.remove(&conn);
            self.network.purge(conn);
            if let Some(epoch) = self.sockets.remove(&conn) {
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

    pub(super) fn arrive_at_guard(&mut self, parcel: Parcel) {
        if !self.alive {
            return;
        }
        if self.pause.is_some() {
            return self.inbox.push_back(parcel);
        }
        match parcel {
            Parcel::Opened(conn) => self.opened(conn),
            Parcel::TurnedAway(conn, status) => self.turned_away(conn, LossCause::UpgradeRefused { status }),
            Parcel::Down(conn, text) => {
                if let Some(epoch) = self.hears(conn) {
                    if self.sockets.contains_key(&conn) {
                        let venue = self.session.venue().target().venue;
                        self.record.stamps.extend(stamps::of_line(venue, &text));
                    }
                    self.feed(Input::Line { epoch, text: &text });
                }
            }
            Parcel::PongDown(conn, payload) => {
                if let Some(epoch) = self.hears(conn) {
                    let nonce = payload.try_into().map_or(0, u64::from_be_bytes);
                    self.feed(Input::Pong { epoch, nonce });
                }
            }
            Parcel::PingDown(conn, payload) => self.pinged(conn, payload),
            Parcel::EndDown(conn, cause) => match self.sockets.remove(&conn) {
                Some(epoch) => {
                    self.unacknowledged.remove(&conn);
                    self.feed(Input::Lost { epoch, cause });
                }
                None => self.turned_away(conn, cause),
            },
            Parcel::CallDown(tag, answer) => {
                if self.calls.remove(&tag).is_some() {
                    let date = answer.headers.iter().find(|(name, _)| name == "date").map(|(_, date)| date.as_str());
                    let reply = CallReply::Got { status: answer.status, body: &answer.body, date };
                    self.feed(Input::Answered { tag, reply });
                }
            }
            // Parcels of the other direction.
            Parcel::Knock(_)
            | Parcel::Up(..)
            | Parcel::PingUp(..)
            | Parcel::PongUp(..)
            | Parcel::EndUp(_)
            | Parcel::CallUp(_) => {}
        }
    }

    /// The epoch of a connection that is heard: one the guard has, or, with a leak, one it has left.
    fn hears(&mut self, conn: ConnId) -> Option<Epoch> {
        let epoch = self.sockets.get(&conn).copied();
        if epoch.is_some() || !self.machine.leaks {
            return epoch;
        }
        self.record.leaked += 1;
        self.epoch_of(conn)
    }

    /// The websocket layer answers a ping of the venue by itself, once the guard has seen it and has not forbidden that.
    fn pinged(&mut self, conn: ConnId, payload: Vec<u8>) {
        if let Some(epoch) = self.sockets.get(&conn).copied() {
            self.feed(Input::PeerPing { epoch });
            if self.sockets.contains_key(&conn) && !self.muted.contains(&conn) {
                self.record.sent.push(Sent { at: self.now, conn, what: What::Pong });
                self.write(conn, Parcel::PongUp(conn, payload));
            }
        }
    }

    fn turned_away(&mut self, conn: ConnId, cause: LossCause) {
        let Some(epoch) = self.epoch_of(conn) else { return };
        if self.dials.remove(&epoch).is_some() {
            self.feed(Input::Missed { epoch, cause });
        }
    }

    fn opened(&mut self, conn: ConnId) {
        match self.epoch_of(conn).filter(|epoch| self.dials.remove(epoch).is_some()) {
            Some(epoch) => {
                self.sockets.insert(conn, epoch);
                self.feed(Input::Dialled { epoch });
            }
            None => self.network.send(self.now, Way::Up, Parcel::EndUp(conn), 1),
        }
    }

    /// A tick, and before it what the kernel knows of data that is stuck.
    pub(super) fn tick(&mut self) {
        let stuck = self
            .unacknowledged
            .iter()
            .next()
            .and_then(|(conn, since)| self.sockets.get(conn).map(|epoch| (*epoch, self.now.since(*since))));
        if let Some((epoch, stuck_for)) = stuck {
            self.feed(Input::SendQueue { epoch, stuck_for });
        }
        self.feed(Input::Tick);
    }

    /// One input, and before it every renewal made until now, as a driver does.
    pub(super) fn feed(&mut self, input: Input<'_>) {
        if self.application.leases() > 0 {
            let now = self.guard_now().at;
            self.application.advance(now);
            for index in 0..self.application.leases() {
                if let Some((lease, at, due)) = self.application.news(index) {
                    self.hand_in(Input::Renewed { lease, at, due });
                }
            }
        }
        self.hand_in(input);
    }

    fn hand_in(&mut self, input: Input<'_>) {
        let now = self.guard_now();
        self.trace.add(format_args!("{:?} takes {input:?}", now.at));
        self.story.takes(self.now, &input);
        self.session.handle(now, input);
        loop {
            let action = self.session.poll();
            self.trace.add(format_args!("{:?} does {action:?}", now.at));
            self.story.does(self.now, &action);
            match action {
                Action::Wait { until, .. } => {
                    self.wait_until = until;
                    return;
                }
                Action::Dial { epoch, endpoint, role } => {
                    let dial = PendingDial { path: endpoint.path.clone(), deadline: self.now + DIAL_STAGE };
                    self.dials.insert(epoch, dial);
                    self.record.dialled.push((self.now, role));
                    let conn = self.conn(epoch);
                    // TCP, TLS and the upgrade request: the venue's door is reached on the fifth leg.
                    self.network.send(self.now, Way::Up, Parcel::Knock(conn), 5);
                }
                Action::Say { epoch, line, .. } => {
                    let line = line.to_owned();
                    self.say(epoch, line);
                }
                Action::Ping { epoch, nonce } => self.ping(epoch, nonce),
                Action::Call { tag, request, endpoint } => {
                    let prefix = endpoint.path.clone();
                    self.calls.insert(tag, PendingCall { request, prefix, deadline: self.now + CALL_LIMIT });
                    self.network.send(self.now, Way::Up, Parcel::CallUp(tag), 1);
                }
                Action::HangUp { epoch, .. } => {
                    self.dials.remove(&epoch);
                    let conn = self.conn(epoch);
                    self.close(conn);
                }
                Action::Tell(event) => {
                    if matches!(event.kind, EventKind::Permit { given: false }) {
                        self.record.permit_lost = Some(self.now);
                    }
                    if self.events.len() >= self.keep_events {
                        self.events.pop_front();
                    }
                    self.events.push_back(event);
                }
                Action::Deliver { answers, .. } => self.settled_requests += u64::from(answers.is_some()),
                Action::Fate { fate: Fate::Unknown | Fate::NotSent | Fate::Refused(_), .. } => {
                    self.settled_requests += 1;
                }
                Action::Mute { epoch } => {
                    let conn = self.conn(epoch);
                    self.muted.insert(conn);
                }
                Action::Sent { .. } => {}
            }
        }
    }

    fn say(&mut self, epoch: Epoch, line: String) {
        let conn = self.conn(epoch);
        if !self.sockets.contains_key(&conn) {
            return;
        }
        let what = match outgoing::of_line(&line) {
            Meaning::CancelsAll => What::CancelAll,
            Meaning::Disarms => What::Disarm,
            Meaning::Other => What::Line,
        };
        self.record.sent.push(Sent { at: self.now, conn, what });
        self.write(conn, Parcel::Up(conn, line));
    }

    fn ping(&mut self, epoch: Epoch, nonce: u64) {
        let conn = self.conn(epoch);
        if self.sockets.contains_key(&conn) {
            self.record.sent.push(Sent { at: self.now, conn, what: What::Ping });
            self.write(conn, Parcel::PingUp(conn, nonce.to_be_bytes().to_vec()));
        }
    }

    fn write(&mut self, conn: ConnId, parcel: Parcel) {
        if self.network.down_since(conn).is_some() {
            self.unacknowledged.entry(conn).or_insert(self.now);
        }
        self.network.send(self.now, Way::Up, parcel, 1);
    }

    /// The guard's end of a connection goes, with or without what it had not delivered.
    pub(super) fn close(&mut self, conn: ConnId) {
        if self.sockets.remove(&conn).is_none() {
            return;
        }
        self.unacknowledged.remove(&conn);
        self.record.hung_up = Some(self.now);
        if self.machine.purges {
            self.network.purge(conn);
        }
        self.network.send(self.now, Way::Up, Parcel::EndUp(conn), 1);
    }
}
