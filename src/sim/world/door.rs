//! The venue's end of a world: what arrives at its door, and what it sends.

use super::super::exchange::{ConnId, HttpId, HttpIn, Input as VenueInput, Output};
use super::super::network::{Parcel, Way};
use super::super::outgoing;
use super::{INCARNATION, World};
use crate::model::{CallTag, LossCause};
use crate::venue::{HttpMethod, Venue};

impl<V: Venue> World<V> {
    pub(super) fn arrive(&mut self, parcel: Parcel) {
        if self.trace.is_wanted() {
            let now = self.now;
            self.trace.add(format_args!("{now:?} arrives {parcel:?}"));
        }
        match parcel {
            Parcel::Knock(conn) => self.knock(conn),
            Parcel::Up(conn, text) => {
                if outgoing::of_line(&text) == outgoing::Meaning::CancelsAll {
                    self.record.cancel_heard = Some(self.now);
                }
                self.venue(VenueInput::Text { conn, text: &text });
            }
            Parcel::PingUp(conn, payload) => self.venue(VenueInput::Ping { conn, payload: &payload }),
            Parcel::PongUp(conn, payload) => self.venue(VenueInput::Pong { conn, payload: &payload }),
            Parcel::EndUp(conn) => {
                self.record.end_heard = Some(self.now);
                self.venue(VenueInput::Ended { conn, clean: false });
            }
            Parcel::CallUp(tag) => self.call_venue(tag),
            Parcel::Opened(_)
            | Parcel::TurnedAway(..)
            | Parcel::Down(..)
            | Parcel::PongDown(..)
            | Parcel::PingDown(..)
            | Parcel::EndDown(..)
            | Parcel::CallDown(..) => self.arrive_at_guard(parcel),
        }
    }

    fn knock(&mut self, conn: ConnId) {
        let epoch = self.epoch_of(conn);
        let Some(dial) = epoch.and_then(|epoch| self.dials.get(&epoch)) else { return };
        let path = dial.path.clone();
        self.ever_opened.push(conn);
        self.venue(VenueInput::Upgrade { conn, path: &path });
    }

    fn call_venue(&mut self, tag: CallTag) {
        let Some(call) = self.calls.get(&tag) else { return };
        let target = format!("{}{}", call.prefix, call.request.path);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if outgoing::call_cancels_all(path) {
            self.record.cancel_heard = Some(self.now);
        }
        let headers: Vec<(String, String)> =
            call.request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        let method = match call.request.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        let body = call.request.body.clone();
        let request = HttpIn { method, path, query, headers: &headers, body: &body };
        self.venue(VenueInput::Http { id: HttpId(self.incarnation * INCARNATION + tag.0), request });
    }

    pub(super) fn venue(&mut self, input: VenueInput<'_>) {
        let mut outputs = Vec::new();
        self.exchange.handle(self.now(), input, &mut outputs);
        for output in outputs {
            self.venue_does(output);
        }
    }

    fn venue_does(&mut self, output: Output) {
        let parcel = match output {
            Output::Accept(conn) => Parcel::Opened(conn),
            Output::Reject(conn, status) => Parcel::TurnedAway(conn, status),
            Output::Text(conn, text) => Parcel::Down(conn, text),
            Output::Ping(conn, payload) => Parcel::PingDown(conn, payload),
            Output::Pong(conn, payload) => Parcel::PongDown(conn, payload),
            Output::Close(conn, code, reason) => Parcel::EndDown(conn, LossCause::Closed { code, reason }),
            Output::Drop(conn) => Parcel::EndDown(conn, LossCause::EndOfStream),
            // An answer to a process that is gone finds nobody.
            Output::Http(id, _) if id.0 / INCARNATION != self.incarnation => return,
            Output::Http(id, answer) => Parcel::CallDown(CallTag(id.0 % INCARNATION), answer),
        };
        self.network.send(self.now, Way::Down, parcel, 1);
    }
}
