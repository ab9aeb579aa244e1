//! The promises, each a function named for its number in the list of invariants (docs/testing.md): asked after every step,
//! of the venue, the application's own ledger and what was written, never of the guard alone.

mod claim;
mod events;
mod pause;
mod recovery;
mod traffic;
mod watchdog;

pub use recovery::Bound;

use super::application::Conduct;
use super::exchange::JournalKind;
use super::sometimes::Sometimes;
use super::world::World;
use crate::model::Policy;
use crate::venue::Venue;
use std::time::Duration;

/// A broken promise, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

/// What the checker remembers of a run.
#[derive(Debug)]
pub struct Checker {
    /// The states that were reached.
    pub sometimes: Sometimes,
    /// The longest time to armed after healing, by the bound it was held against.
    pub slowest: Vec<(&'static str, Duration)>,
    claim: claim::Claim,
    pause: pause::MachinePause,
    events: events::Events,
    traffic: traffic::Traffic,
    watchdog: watchdog::Watchdog,
    recovery: recovery::Recovery,
    journal_read: u64,
}

impl Checker {
    /// For a run that begins now, with a guard of this policy.
    pub fn new<V: Venue>(world: &World<V>, policy: &Policy) -> Self {
        Self {
            sometimes: Sometimes::default(),
            slowest: Vec::new(),
            claim: claim::Claim::new(policy.probe_every),
            pause: pause::MachinePause::new(policy),
            events: events::Events::new(policy.latch_after_trip),
            traffic: traffic::Traffic::new(world.session.venue().facts()),
            watchdog: watchdog::Watchdog::default(),
            recovery: recovery::Recovery::default(),
            journal_read: 0,
        }
    }

    /// Checks one step.
    ///
    /// # Errors
    /// When a promise is broken.
    pub fn check<V: Venue>(&mut self, world: &mut World<V>) -> Result<(), Violation> {
        self.watchdog.notice_lapse(world, &mut self.sometimes);
        self.read_journal(world)?;
        self.watchdog.i2_nothing_written(world)?;
        self.watchdog.i2_active_trip(world, &mut self.sometimes)?;
        self.traffic.i6_rates(world)?;
        self.traffic.i15_no_disarm_written(world)?;
        world.record.sent.clear();
        world.record.dialled.clear();
        if world.frozen() {
            return Ok(());
        }
        let unknowing = self.pause.begins(world, &mut self.sometimes);
        if self.read_events(world, unknowing)? {
            claim::Claim::i9_coverage(world)?;
        }
        self.events.i4_phase(world)?;
        self.pause.t05_withdrawn(world, &mut self.sometimes)?;
        self.claim.i1_soundness(world, self.pause.is_unnoticed(), &mut self.sometimes)?;
        self.traffic.i12_bounded(world)
    }

    /// The guard's process is about to be killed.
    pub fn process_dies<V: Venue>(&mut self, world: &World<V>) {
        self.watchdog.process_dies(world, &mut self.sometimes);
    }

    /// Another process begins, and knows nothing of before.
    pub fn process_starts(&mut self) {
        self.events.process_starts();
        self.pause.process_starts();
        self.traffic.process_starts();
        self.watchdog.process_starts();
        self.recovery = recovery::Recovery::default();
    }

    /// The holder of a lease behaves differently from now on.
    pub fn conduct(&mut self, which: usize, conduct: Conduct) {
        self.watchdog.conduct(which, conduct);
    }

    /// Something is about to go wrong.
    pub fn trouble_begins<V: Venue>(&mut self, world: &World<V>) {
        if !world.network.is_whole() || world.frozen() {
            self.sometimes.overlapping_troubles += 1;
        }
    }

    /// Path and venue are about to be healed.
    pub fn heals<V: Venue>(&mut self, world: &World<V>) {
        self.recovery.heals(world.now().at);
    }

    /// Within which time the guard must be armed now that everything is healed.
    pub fn recovery_bound<V: Venue>(&self, world: &World<V>, plan: &super::plan::Plan) -> Bound {
        self.recovery.i5_bound(world, plan, self.traffic.dials())
    }

    /// True while the guard cannot know that its machine stood still: what it claims may be as old as that.
    pub const fn pause_is_unnoticed(&self) -> bool {
        self.pause.is_unnoticed()
    }

    /// It was armed this long after healing.
    pub fn recovered(&mut self, why: &'static str, took: Duration) {
        self.slowest.push((why, took));
    }

    fn read_journal<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        let floor = world.exchange.floor();
        let skip = usize::try_from(self.journal_read.saturating_sub(floor.journal_dropped())).unwrap_or(0);
        for entry in &floor.journal()[skip.min(floor.journal().len())..] {
            self.journal_read += 1;
            match entry.kind {
                JournalKind::SwitchOff => {
                    return Err(Violation(format!("I15 explicit disarm: the switch was taken off: {}", entry.detail)));
                }
                JournalKind::Tripped => {
                    self.sometimes.venue_trips += 1;
                    // An engine that restarts cancels everything and tells nobody who is not connected; what is gone then,
                    // the open orders show.
                    if !entry.detail.contains("engine restarted") {
                        self.events.venue_tripped(entry.at, world);
                    }
                }
                JournalKind::LifeSign => self.watchdog.i2_none_arrives(entry, &mut self.sometimes)?,
                JournalKind::SwitchSet => self.events.switch_set(entry.conn),
                JournalKind::OrderOpened => self.sometimes.orders_opened += 1,
                JournalKind::Refused => self.traffic.i6_never_turned_away(&entry.detail)?,
                JournalKind::Opened
                | JournalKind::Ended
                | JournalKind::LoggedIn
                | JournalKind::Heartbeat
                | JournalKind::OrderCancelled
                | JournalKind::FaultApplied => {}
            }
        }
        Ok(())
    }

    /// True when there were any.
    fn read_events<V: Venue>(&mut self, world: &World<V>, unknowing: bool) -> Result<bool, Violation> {
        let last = self.events.last_seq();
        let fresh = world.events.iter().rev().take_while(|event| event.seq > last).count();
        for event in world.events.iter().skip(world.events.len() - fresh) {
            self.events.i4_contiguous(event)?;
            self.events.i10_latch(event, world, unknowing)?;
            self.events.i8_epoch_truth(event, world)?;
            self.recovery.notice(event);
            self.events.count(event, world, &mut self.sometimes);
        }
        Ok(fresh > 0)
    }
}
