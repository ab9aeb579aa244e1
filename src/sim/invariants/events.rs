//! I4 (events are contiguous and tell every transition once), I8 (armed only on what was acknowledged in this epoch) and
//! I10 (after a trip, no permit until the application has said so).

use super::Violation;
use crate::model::{Epoch, Event, EventKind, LinkRole, Moment, Phase, ReadBackVerdict, Step, SwitchKind, TripBounds};
use crate::sim::exchange::ConnId;
use crate::sim::sometimes::Sometimes;
use crate::sim::world::World;
use crate::venue::Venue;
use std::collections::BTreeSet;

/// What is remembered of events.
#[derive(Debug)]
pub struct Events {
    latches: bool,
    last_seq: u64,
    phase: Phase,
    /// The epoch whose steps these are.
    steps_of: Epoch,
    steps: Vec<Step>,
    /// Connections on which the venue set its switch.
    switched: BTreeSet<ConnId>,
    switched_over_http: bool,
    armed_epoch: Option<Epoch>,
    /// When the venue last fired, if the guard was armed before that and nobody acknowledged it since.
    venue_tripped: Option<Moment>,
    must_acknowledge: Option<Moment>,
    /// A permit was given since a trip was last told: there may be orders that nobody knows to be gone.
    permitted: bool,
    /// When a countdown or window was said to fire.
    bounds: Option<TripBounds>,
    restarted: bool,
    /// The guarding link that is up and not armed yet.
    unarmed: Option<Epoch>,
    suspect: bool,
    kept_dead: bool,
}

impl Events {
    pub fn new(latches: bool) -> Self {
        Self {
            latches,
            last_seq: 0,
            phase: Phase::Stopped,
            steps_of: Epoch(0),
            steps: Vec::new(),
            switched: BTreeSet::new(),
            switched_over_http: false,
            armed_epoch: None,
            venue_tripped: None,
            must_acknowledge: None,
            permitted: false,
            bounds: None,
            restarted: false,
            unarmed: None,
            suspect: false,
            kept_dead: false,
        }
    }

    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub fn process_starts(&mut self) {
        *self = Self { restarted: true, switched: std::mem::take(&mut self.switched), ..Self::new(self.latches) };
    }

    /// Numbers without holes.
    pub fn i4_contiguous(&mut self, event: &Event) -> Result<(), Violation> {
        if event.seq != self.last_seq + 1 {
            return Err(Violation(format!("I4 events: event {} follows event {}", event.seq, self.last_seq)));
        }
        self.last_seq = event.seq;
        if let EventKind::PhaseChanged { from, to, .. } = &event.kind {
            if *from != self.phase || from == to {
                return Err(Violation(format!("I4 events: from {from:?} to {to:?}, but it was {:?}", self.phase)));
            }
            self.phase = *to;
        }
        Ok(())
    }

    /// What the events told is what the snapshot says.
    pub fn i4_phase<V: Venue>(&self, world: &World<V>) -> Result<(), Violation> {
        let phase = world.session.phase();
        if phase == self.phase {
            return Ok(());
        }
        Err(Violation(format!("I4 events: the snapshot says {phase:?}, the events {:?}", self.phase)))
    }

    /// Armed means: every required step in this epoch, and the venue has set its switch on this very connection.
    pub fn i8_epoch_truth<V: Venue>(&mut self, event: &Event, world: &World<V>) -> Result<(), Violation> {
        if event.epoch != self.steps_of {
            self.steps.clear();
            self.steps_of = event.epoch;
        }
        match &event.kind {
            EventKind::StepDone { step } => self.steps.push(*step),
            EventKind::SwitchArmed { .. } => {
                let missing = world.session.venue().facts().required.iter().find(|step| !self.steps.contains(step));
                if let Some(step) = missing {
                    return Err(Violation(format!("I8 epoch truth: armed without {step:?} in {:?}", event.epoch)));
                }
                let on_this = self.switched.contains(&world.conn(event.epoch));
                if !on_this && !self.switched_over_http {
                    return Err(Violation(format!("I8 epoch truth: the venue set no switch in {:?}", event.epoch)));
                }
                self.armed_epoch = Some(event.epoch);
            }
            _ => {}
        }
        Ok(())
    }

    /// A trip, a lapse and a kill each need an acknowledgement before orders are permitted again; so does a trip that the
    /// guard did not hear of, once it can know that its machine stood still (`unknowing` until then).
    pub fn i10_latch<V: Venue>(&mut self, event: &Event, world: &World<V>, unknowing: bool) -> Result<(), Violation> {
        let acknowledged = |at: Moment| world.record.rearmed.is_some_and(|rearmed| rearmed >= at);
        self.must_acknowledge = self.must_acknowledge.filter(|at| !acknowledged(*at));
        self.venue_tripped = self.venue_tripped.filter(|at| !acknowledged(*at));
        match &event.kind {
            EventKind::Tripped { .. } => self.permitted = false,
            EventKind::Permit { given: true } => self.permitted = true,
            _ => {}
        }
        match &event.kind {
            EventKind::Tripped { .. } if self.latches => self.must_acknowledge = Some(world.now().at),
            EventKind::KillStarted { .. } | EventKind::LeaseLapsed { .. } => {
                self.must_acknowledge = Some(world.now().at);
            }
            EventKind::Permit { given: true } => {
                if let Some(at) = self.must_acknowledge.or(self.venue_tripped.filter(|_| self.latches && !unknowing)) {
                    return Err(Violation(format!("I10 latch: a permit, and nobody acknowledged the trip at {at:?}")));
                }
            }
            EventKind::LinkLost { epoch, .. } if self.latches && self.armed_epoch == Some(*epoch) => {
                self.armed_epoch = None;
                if world.session.venue().facts().kind == SwitchKind::SessionBound {
                    self.must_acknowledge = Some(world.now().at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The venue's journal says that the switch fired.
    pub fn venue_tripped<V: Venue>(&mut self, at: Moment, world: &World<V>) {
        // A session-bound trip is the end of its own link, which is looked at where that end is told.
        let knows = self.permitted && world.session.venue().facts().kind != SwitchKind::SessionBound;
        self.venue_tripped = self.venue_tripped.or(knows.then_some(at));
    }

    pub fn switch_set(&mut self, conn: Option<ConnId>) {
        match conn {
            Some(conn) => {
                self.switched.insert(conn);
            }
            None => self.switched_over_http = true,
        }
    }

    /// Notes which interesting states were reached.
    pub fn count<V: Venue>(&mut self, event: &Event, world: &World<V>, sometimes: &mut Sometimes) {
        match &event.kind {
            EventKind::LinkUp { role: LinkRole::Guard, epoch, .. } => self.unarmed = Some(*epoch),
            EventKind::SwitchArmed { .. } => {
                self.unarmed = None;
                sometimes.armed += 1;
                sometimes.armed_after_restart += u64::from(std::mem::take(&mut self.restarted));
            }
            EventKind::LinkLost { epoch, .. } => {
                sometimes.reconnected_not_armed += u64::from(self.unarmed == Some(*epoch));
                sometimes.dead_links_abandoned += u64::from(std::mem::take(&mut self.kept_dead));
                self.suspect = false;
            }
            EventKind::Fed { trip } => self.bounds = Some(*trip),
            EventKind::Tripped { .. } => {
                sometimes.trips_told += 1;
                let inside = |bounds: TripBounds, at: Moment| bounds.earliest <= at && at <= bounds.latest;
                let told = self.bounds.take().zip(self.venue_tripped);
                sometimes.trips_inside_bounds += u64::from(told.is_some_and(|(bounds, at)| inside(bounds, at)));
                sometimes.late_feeds += u64::from(world.session.phase().claims());
            }
            EventKind::Suspected { .. } => self.suspect = true,
            EventKind::LinkDead { kept, .. } => self.kept_dead |= *kept,
            EventKind::Recovered { .. } => {
                sometimes.dead_links_revived += u64::from(std::mem::take(&mut self.kept_dead));
                self.suspect = false;
            }
            EventKind::Stalled { .. } => {
                sometimes.stalls += 1;
                sometimes.stalls_while_suspect += u64::from(self.suspect);
            }
            EventKind::KillEnded { report } => {
                sometimes.kills_proven += u64::from(report.proven.is_some());
                sometimes.kills_unproven += u64::from(report.proven.is_none());
            }
            EventKind::ReadBack { verdict } => {
                sometimes.read_backs_disagreed += u64::from(*verdict == ReadBackVerdict::Disagrees);
            }
            EventKind::Refused { .. } => sometimes.refusals += 1,
            EventKind::Error { .. } => sometimes.breaches += 1,
            _ => {}
        }
        sometimes.stale_lines = world.record.leaked;
    }
}
