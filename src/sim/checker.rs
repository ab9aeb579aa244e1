//! The truth, independent of the guard: after every step the venue is asked what it would do if the guard's machine went
//! dark now, and the answer is compared with what the guard claims (invariant I1), together with what can be seen of
//! I4 (events), I8 (nothing armed without an epoch) and I15 (no disarm nobody asked for).

use super::exchange::{Fault, JournalKind};
use super::world::World;
use crate::model::{Epoch, Moment};
use crate::venue::Venue;
use std::time::Duration;

/// What the checker saw, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Steps after which the guard claimed and the venue agreed.
    pub claims_checked: u64,
    /// Steps after which the guard claimed nothing.
    pub unclaimed: u64,
    /// How often the guard became armed.
    pub armed: u64,
    /// Trips at the venue.
    pub trips: u64,
    last_seq: u64,
    journal_read: u64,
    venue_mute_since: Option<Moment>,
    venue_down_since: Option<Moment>,
    epoch: Epoch,
}

/// A venue that goes down says so, or its silence says it: both need a moment to arrive.
const DOWN_NOTICED: Duration = Duration::from_secs(3);
/// A venue that stopped its own heartbeats can no longer notice our death. Nobody can know that at once: it is exempt
/// until its silence is overdue twice, and not a moment longer. (Deribit speaks only when nobody else does, so that its
/// silence means nothing while there is traffic: docs/promises.md says so.)
const MUTE_VENUE_NOTICED: Duration = Duration::from_secs(75);

/// A broken promise, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl Tally {
    /// Checks one step.
    ///
    /// # Errors
    /// When a promise is broken.
    pub fn check<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        self.check_journal(world)?;
        if world.frozen() {
            return Ok(());
        }
        self.check_events(world)?;
        self.check_claim(world)
    }

    fn check_claim<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        let snapshot = world.snapshot();
        if !snapshot.claim() {
            self.unclaimed += 1;
            if snapshot.permit {
                return Err(Violation(format!("a permit is given in phase {:?}", snapshot.phase)));
            }
            return Ok(());
        }
        let now = world.now().at;
        let mute = world.exchange.floor().has(&Fault::NoHeartbeats);
        let known = self.venue_mute_since.filter(|_| self.epoch == snapshot.epoch);
        self.venue_mute_since = mute.then(|| known.unwrap_or(now));
        self.epoch = snapshot.epoch;
        let cannot_be_noticed = world.session.venue().facts().speaks_every.is_none();
        let not_yet_noticed =
            self.venue_mute_since.is_some_and(|since| cannot_be_noticed || now.since(since) < MUTE_VENUE_NOTICED);
        let down = world.exchange.floor().has(&Fault::Maintenance);
        self.venue_down_since = down.then(|| self.venue_down_since.unwrap_or(now));
        let just_down = self.venue_down_since.is_some_and(|since| now.since(since) < DOWN_NOTICED);
        if world.exchange.floor().has(&Fault::Dishonour) || not_yet_noticed || just_down {
            return Ok(());
        }
        self.claims_checked += 1;
        if snapshot.epoch == Epoch(0) {
            return Err(Violation("claimed without a link".into()));
        }
        match world.exchange.would_trip_by(now, world.connections()) {
            None => Err(Violation(format!("claimed, but the venue would never cancel: {snapshot:?}"))),
            Some(at) => within(now, at, snapshot.exposure.bound),
        }
    }

    fn check_events<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        for event in world.events.iter().filter(|event| event.seq > self.last_seq).collect::<Vec<_>>() {
            if event.seq != self.last_seq + 1 {
                return Err(Violation(format!("event {} follows event {}", event.seq, self.last_seq)));
            }
            self.last_seq = event.seq;
            self.armed += u64::from(matches!(event.kind, crate::model::EventKind::SwitchArmed { .. }));
        }
        Ok(())
    }

    fn check_journal<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        let floor = world.exchange.floor();
        let skip = usize::try_from(self.journal_read - floor.journal_dropped()).unwrap_or(0);
        for entry in floor.journal().iter().skip(skip) {
            self.journal_read += 1;
            match entry.kind {
                JournalKind::SwitchOff => return Err(Violation(format!("the switch was taken off: {}", entry.detail))),
                JournalKind::Tripped => self.trips += 1,
                JournalKind::Opened
                | JournalKind::Ended
                | JournalKind::LoggedIn
                | JournalKind::Refused
                | JournalKind::SwitchSet
                | JournalKind::LifeSign
                | JournalKind::Heartbeat
                | JournalKind::OrderOpened
                | JournalKind::OrderCancelled
                | JournalKind::FaultApplied => {}
            }
        }
        Ok(())
    }
}

fn within(now: Moment, at: Moment, bound: Duration) -> Result<(), Violation> {
    let exposure = at.since(now);
    if exposure <= bound {
        return Ok(());
    }
    Err(Violation(format!("the venue would cancel only after {exposure:?}, published is {bound:?}")))
}
