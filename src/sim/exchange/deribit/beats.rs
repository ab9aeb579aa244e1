//! How the embedded Deribit notices that a client is gone (specification, section 5.3): `heartbeat` when the venue has
//! been silent for an interval, `test_request` when the client has, a close when that stays unanswered; and two limits
//! on inactivity without heartbeats. Pure times; the exchange does what is due.

use super::knobs::{CloseAfter, Knobs};
use crate::model::{Moment, TimeFactor};
use std::time::Duration;

/// The venue's periods as they last here.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    first_extra: Duration,
    extra: Duration,
    close_after: Option<Duration>,
    first_message: Option<Duration>,
    inactivity: Option<Duration>,
    busy_heartbeat: bool,
}

/// One connection's signs of life, by the venue's book.
#[derive(Clone, Debug)]
pub struct Beats {
    opened: Moment,
    /// When the client last said anything; `None` while it never has.
    last_in: Option<Moment>,
    /// When the client last said something that puts the next `test_request` off.
    counted_in: Moment,
    last_out: Moment,
    /// The heartbeat interval, already scaled; `None` while heartbeats are off.
    interval: Option<Duration>,
    /// The unanswered `test_request`.
    asked: Option<Moment>,
    ever_asked: bool,
}

/// What is due on a connection, most final first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// An unanswered `test_request`: close with 4000.
    HeartbeatClose,
    /// Nothing was ever said: drop without a close frame.
    NeverUsed,
    /// Nothing was said for too long.
    Inactive,
    /// Send a `heartbeat`.
    Heartbeat,
    /// Send a `test_request`.
    TestRequest,
}

impl Timing {
    /// The periods of these knobs at this factor.
    pub fn new(knobs: &Knobs, factor: TimeFactor) -> Self {
        let scaled = |length| factor.scale(length);
        Self {
            first_extra: scaled(knobs.first_test_request_extra_ms.length()),
            extra: scaled(knobs.test_request_extra_ms.length()),
            close_after: match knobs.close_after {
                CloseAfter::Interval => None,
                CloseAfter::Fixed => Some(scaled(knobs.close_after_fixed_ms.length())),
            },
            first_message: knobs.first_message_timeout_ms.length().map(scaled),
            inactivity: knobs.inactivity_timeout_ms.length().map(scaled),
            busy_heartbeat: knobs.also_heartbeat_when_busy,
        }
    }
}

impl Beats {
    /// A connection that just opened.
    pub const fn new(opened: Moment) -> Self {
        Self {
            opened,
            last_in: None,
            counted_in: opened,
            last_out: opened,
            interval: None,
            asked: None,
            ever_asked: false,
        }
    }

    /// Sets or ends the heartbeats. Ending them also forgives an unanswered `test_request`.
    pub fn set_interval(&mut self, at: Moment, interval: Option<Duration>) {
        self.interval = interval;
        self.counted_in = at;
        self.asked = None;
    }

    /// A frame arrived: whether it puts the next `test_request` off, and whether it answers one. True when it did.
    pub fn heard(&mut self, at: Moment, counts: bool, answers: bool) -> bool {
        self.last_in = Some(at);
        if counts {
            self.counted_in = at;
        }
        answers && self.asked.take().is_some()
    }

    /// The client showed itself in a way that only inactivity cares about.
    pub fn active(&mut self, at: Moment) {
        self.last_in = Some(at);
    }

    /// The venue said something.
    pub fn spoke(&mut self, at: Moment) {
        self.last_out = at;
    }

    /// A `test_request` was sent.
    pub fn asked(&mut self, at: Moment) {
        self.asked = Some(at);
        self.ever_asked = true;
        self.last_out = at;
    }

    /// The first thing that is due at `at`; `beating` is false when heartbeats are not sent.
    pub fn due(&self, at: Moment, timing: &Timing, beating: bool) -> Option<Due> {
        let all = [
            (self.heartbeat_close(timing), Due::HeartbeatClose),
            (self.never_used(timing), Due::NeverUsed),
            (self.inactive(timing), Due::Inactive),
            (self.heartbeat(timing).filter(|_| beating), Due::Heartbeat),
            (self.test_request(timing).filter(|_| beating), Due::TestRequest),
        ];
        all.into_iter().find(|(when, _)| when.is_some_and(|when| when <= at)).map(|(_, due)| due)
    }

    /// When anything is due next.
    pub fn next_deadline(&self, timing: &Timing, beating: bool) -> Option<Moment> {
        let ends = [self.heartbeat_close(timing), self.never_used(timing), self.inactive(timing)];
        let beats = [self.heartbeat(timing), self.test_request(timing)];
        ends.into_iter().chain(beats.into_iter().filter(|_| beating)).flatten().min()
    }

    /// When the venue will end this connection if nothing arrives any more; `None`: never.
    pub fn end_in_silence(&self, timing: &Timing, beating: bool) -> Option<Moment> {
        let asked_next = self.test_request(timing).filter(|_| beating);
        let by_test_request = asked_next.and_then(|asked| Some(asked + self.patience(timing)?));
        let ends = [self.heartbeat_close(timing), by_test_request, self.never_used(timing), self.inactive(timing)];
        ends.into_iter().flatten().min()
    }

    /// How long an unanswered `test_request` is waited for.
    fn patience(&self, timing: &Timing) -> Option<Duration> {
        timing.close_after.or(self.interval)
    }

    fn extra(&self, timing: &Timing) -> Duration {
        if self.ever_asked { timing.extra } else { timing.first_extra }
    }

    fn heartbeat_close(&self, timing: &Timing) -> Option<Moment> {
        Some(self.asked? + self.patience(timing)?)
    }

    fn test_request(&self, timing: &Timing) -> Option<Moment> {
        if self.asked.is_some() {
            return None;
        }
        Some(self.counted_in + self.interval? + self.extra(timing))
    }

    fn heartbeat(&self, timing: &Timing) -> Option<Moment> {
        let silence = self.last_out + self.interval? + self.extra(timing);
        match self.test_request(timing) {
            Some(asked) if timing.busy_heartbeat && self.last_out < asked => Some(silence.min(asked)),
            Some(_) | None => Some(silence),
        }
    }

    fn never_used(&self, timing: &Timing) -> Option<Moment> {
        if self.last_in.is_some() { None } else { Some(self.opened + timing.first_message?) }
    }

    fn inactive(&self, timing: &Timing) -> Option<Moment> {
        Some(self.last_in? + timing.inactivity?)
    }
}
