//! How the embedded Crypto.com notices that a client is gone: its heartbeats with their answers, its protocol pings, and
//! a connection's greatest age. Pure times; the exchange does what is due.

use super::knobs::Knobs;
use crate::model::{Moment, TimeFactor};
use std::time::Duration;

/// Unanswered heartbeats remembered per connection; more are only ever kept when many misses are tolerated.
const UNANSWERED_MAX: usize = 64;

/// The venue's periods as they last here.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    first: Duration,
    every: Duration,
    cut_after: Duration,
    answer_counts: Option<Duration>,
    misses_tolerated: usize,
    ping_after: Option<Duration>,
    pong_cut: Option<Duration>,
    lifetime: Option<Duration>,
}

/// One connection's signs of life, by the venue's book.
#[derive(Clone, Debug)]
pub struct Beats {
    opened: Moment,
    next_heartbeat: Moment,
    /// Heartbeats since the last answer that counted: their id and when they were sent.
    unanswered: Vec<(u64, Moment)>,
    /// Since when no text has arrived and no ping was sent.
    quiet_since: Moment,
    /// The oldest protocol ping without a pong.
    pinged: Option<Moment>,
}

/// What is due on a connection, most final first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Close it, for this reason.
    Cut(&'static str),
    /// Send a heartbeat.
    Heartbeat,
    /// Send a protocol ping.
    Ping,
}

impl Timing {
    /// The periods of these knobs at this factor.
    pub fn new(knobs: &Knobs, factor: TimeFactor) -> Self {
        let scaled = |length| factor.scale(length);
        Self {
            first: scaled(knobs.first_heartbeat_ms.length()),
            every: scaled(knobs.heartbeat_every_ms.length()),
            cut_after: scaled(knobs.cut_after_ms.length()),
            answer_counts: knobs.answer_counts_ms.length().map(scaled),
            misses_tolerated: usize::try_from(knobs.misses_tolerated).unwrap_or(usize::MAX).min(UNANSWERED_MAX - 1),
            ping_after: knobs.ping_after_ms.length().map(scaled),
            pong_cut: knobs.pong_cut_ms.length().map(scaled),
            lifetime: knobs.session_lifetime_ms.length().map(scaled),
        }
    }
}

impl Beats {
    /// A connection that just opened.
    pub fn new(opened: Moment, timing: &Timing) -> Self {
        let next_heartbeat = opened + timing.first;
        Self { opened, next_heartbeat, unanswered: Vec::new(), quiet_since: opened, pinged: None }
    }

    /// A text frame arrived: the ping clock starts again.
    pub fn heard(&mut self, at: Moment) {
        self.quiet_since = at;
    }

    /// A protocol pong arrived.
    pub fn ponged(&mut self) {
        self.pinged = None;
    }

    /// A heartbeat answer arrived; true when it counts.
    pub fn answered(&mut self, at: Moment, id: Option<u64>, any_id: bool, timing: &Timing) -> bool {
        let in_time = |sent: Moment| timing.answer_counts.is_none_or(|limit| at.since(sent) <= limit);
        let counts = self.unanswered.iter().any(|(sent_id, sent)| (any_id || id == Some(*sent_id)) && in_time(*sent));
        if counts {
            self.unanswered.clear();
        }
        counts
    }

    /// A heartbeat was sent, or would have been: the next one keeps to the schedule, however late this one was.
    pub fn beat(&mut self, at: Moment, sent: Option<u64>, timing: &Timing) {
        if let Some(id) = sent.filter(|_| self.unanswered.len() < UNANSWERED_MAX) {
            self.unanswered.push((id, at));
        }
        let every = timing.every.as_nanos().max(1);
        let periods = at.since(self.next_heartbeat).as_nanos() / every + 1;
        self.next_heartbeat =
            self.next_heartbeat + Duration::from_nanos(u64::try_from(every * periods).unwrap_or(u64::MAX));
    }

    /// A protocol ping was sent.
    pub fn pinged(&mut self, at: Moment) {
        self.quiet_since = at;
        self.pinged.get_or_insert(at);
    }

    /// Whether a heartbeat waits for its answer.
    pub fn owes_answer(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// The first thing that is due at `at`.
    pub fn due(&self, at: Moment, timing: &Timing) -> Option<Due> {
        let cuts = [
            (self.unanswered_cut(timing), "unanswered heartbeat"),
            (self.pong_cut(timing), "unanswered ping"),
            (timing.lifetime.map(|age| self.opened + age), "session lifetime"),
        ];
        if let Some((_, why)) = cuts.into_iter().find(|(when, _)| when.is_some_and(|when| when <= at)) {
            return Some(Due::Cut(why));
        }
        if self.next_heartbeat <= at {
            return Some(Due::Heartbeat);
        }
        self.next_ping(timing).filter(|when| *when <= at).map(|_| Due::Ping)
    }

    /// When anything is due next.
    pub fn next_deadline(&self, timing: &Timing) -> Moment {
        let others = [
            self.unanswered_cut(timing),
            self.pong_cut(timing),
            timing.lifetime.map(|age| self.opened + age),
            self.next_ping(timing),
        ];
        others.into_iter().flatten().fold(self.next_heartbeat, Moment::min)
    }

    /// When the venue will cut this connection if nothing at all arrives any more; `None`: never. `beating` is false
    /// when heartbeats are not sent.
    pub fn cut_in_silence(&self, timing: &Timing, beating: bool) -> Option<Moment> {
        let missing = (timing.misses_tolerated + 1).saturating_sub(self.unanswered.len());
        let by_heartbeat = match u32::try_from(missing) {
            Ok(0) | Err(_) => self.unanswered_cut(timing),
            Ok(missing) => beating.then(|| self.next_heartbeat + timing.every * (missing - 1) + timing.cut_after),
        };
        let by_ping = timing.pong_cut.and_then(|cut| Some(self.pinged.or(self.next_ping(timing))? + cut));
        let by_age = timing.lifetime.map(|age| self.opened + age);
        [by_heartbeat, by_ping, by_age].into_iter().flatten().min()
    }

    fn unanswered_cut(&self, timing: &Timing) -> Option<Moment> {
        self.unanswered.get(timing.misses_tolerated).map(|(_, sent)| *sent + timing.cut_after)
    }

    fn pong_cut(&self, timing: &Timing) -> Option<Moment> {
        Some(self.pinged? + timing.pong_cut?)
    }

    fn next_ping(&self, timing: &Timing) -> Option<Moment> {
        timing.ping_after.map(|after| self.quiet_since + after.max(Duration::from_nanos(1)))
    }
}
