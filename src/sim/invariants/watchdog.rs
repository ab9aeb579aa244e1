//! I2, the watchdog: after a lapse nothing that the venue takes for life is written, none arrives later than a kernel can
//! deliver, and with the path up the orders are taken off at once. What a lapse is, the application's ledger says, in
//! which a renewal without a changed token is worth nothing.

use super::Violation;
use crate::model::Moment;
use crate::sim::application::Conduct;
use crate::sim::exchange::{ConnId, JournalEntry};
use crate::sim::sometimes::Sometimes;
use crate::sim::world::{What, World};
use crate::venue::Venue;
use std::collections::BTreeMap;
use std::time::Duration;

/// How quickly a lapse takes the orders off while the path is up: this and two round trips.
const ACTIVE_TRIP: Duration = Duration::from_secs(1);

/// What is remembered of lapses.
#[derive(Debug, Default)]
pub struct Watchdog {
    /// When, in the world, the lapse that is on happened.
    lapsed: Option<Moment>,
    /// The last moment at which a sign of life may still arrive from a connection that lapsed or died.
    sealed: BTreeMap<ConnId, (Moment, Moment)>,
    /// By when the venue must have heard of the lapse, and what counts as having heard.
    answer_due: Option<(Moment, Moment)>,
    /// The guard stands still: it can only act once it runs again.
    waiting: bool,
    repeating: [bool; 2],
    /// A lapse was seen, and the guard has not been armed since.
    was_lapsed: bool,
}

impl Watchdog {
    /// Looks at the ledger.
    pub fn notice_lapse<V: Venue>(&mut self, world: &mut World<V>, sometimes: &mut Sometimes) {
        if world.application.leases() == 0 {
            return;
        }
        let lapse = world.lapsed_at();
        if lapse.is_none() {
            self.lapsed = None;
            return self.notice_arming(world, sometimes);
        }
        if self.lapsed.is_some() {
            return;
        }
        let Some(at) = lapse else { return };
        self.lapsed = Some(at);
        self.was_lapsed = true;
        let whole = world.network.is_whole();
        sometimes.lapses_path_whole += u64::from(whole);
        sometimes.lapses_in_outage += u64::from(!whole);
        sometimes.lapses_while_repeating += u64::from(self.repeating.contains(&true));
        self.seal(world, at);
        // What a kill that was under way already did counts, because no order was permitted since.
        let since = world.record.permit_lost.unwrap_or_default().min(at);
        let patience = ACTIVE_TRIP + world.network.delay() * 4;
        self.answer_due = Some((world.now().at + patience, since));
    }

    /// (a) After the budget nothing is written but what takes orders off.
    pub fn i2_nothing_written<V: Venue>(&self, world: &World<V>) -> Result<(), Violation> {
        let Some(lapsed) = self.lapsed else { return Ok(()) };
        match world.record.sent.iter().find(|sent| sent.at > lapsed && sent.what != What::CancelAll) {
            Some(sent) => Err(Violation(format!("I2a watchdog: {sent:?} was written after the lapse at {lapsed:?}"))),
            None => Ok(()),
        }
    }

    /// (b) What was written before arrives within the time a kernel goes on trying, or never.
    pub fn i2_none_arrives(&self, entry: &JournalEntry, sometimes: &mut Sometimes) -> Result<(), Violation> {
        let Some((ended, until)) = entry.conn.and_then(|conn| self.sealed.get(&conn)) else { return Ok(()) };
        sometimes.late_life_signs += u64::from(entry.at > *ended);
        if entry.at <= *until {
            return Ok(());
        }
        let detail = &entry.detail;
        Err(Violation(format!("I2b watchdog: {detail} arrived at {:?}; its guard ended at {ended:?}", entry.at)))
    }

    /// (c) With the path up, the venue has been told to cancel, or has seen the abort.
    pub fn i2_active_trip<V: Venue>(&mut self, world: &World<V>, sometimes: &mut Sometimes) -> Result<(), Violation> {
        let Some((due, since)) = self.answer_due else { return Ok(()) };
        if !world.network.is_whole() || !world.alive() || self.lapsed.is_none() {
            self.answer_due = None;
            return Ok(());
        }
        let was_waiting = std::mem::replace(&mut self.waiting, world.frozen());
        if world.frozen() || was_waiting {
            let patience = ACTIVE_TRIP + world.network.delay() * 4;
            self.answer_due = Some((world.now().at + patience, since));
            return Ok(());
        }
        let heard = [world.record.cancel_heard, world.record.end_heard];
        if heard.iter().flatten().any(|heard| *heard >= since) {
            sometimes.lapses_answered += 1;
            self.answer_due = None;
        } else if world.now().at > due {
            let lapsed = self.lapsed;
            return Err(Violation(format!("I2c watchdog: by {due:?} nothing took the orders off after {lapsed:?}")));
        }
        Ok(())
    }

    /// The holder of a lease behaves differently from now on.
    pub fn conduct(&mut self, which: usize, conduct: Conduct) {
        self.repeating[which % 2] = conduct == Conduct::Repeating;
    }

    /// A killed process writes nothing either; its kernel may.
    pub fn process_dies<V: Venue>(&mut self, world: &World<V>, sometimes: &mut Sometimes) {
        if world.alive() {
            sometimes.killed_with_data_waiting += u64::from(world.has_data_waiting());
            self.seal(world, world.now().at);
        }
    }

    /// Its leases died with it.
    pub fn process_starts(&mut self) {
        (self.lapsed, self.answer_due) = (None, None);
        self.repeating = [false; 2];
    }

    fn seal<V: Venue>(&mut self, world: &World<V>, at: Moment) {
        for conn in world.connections() {
            self.sealed.entry(*conn).or_insert((at, world.deliverable_until(at)));
        }
    }

    fn notice_arming<V: Venue>(&mut self, world: &World<V>, sometimes: &mut Sometimes) {
        if self.was_lapsed && world.runs() && world.session.phase().claims() {
            self.was_lapsed = false;
            sometimes.armed_after_lapse += 1;
        }
    }
}
