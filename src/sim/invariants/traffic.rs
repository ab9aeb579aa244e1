//! What leaves the guard: I6 (within the venue's rates, with room to spare), I12 (everything is bounded) and I15 (nothing
//! that takes the switch off, unless it was asked for).

use super::Violation;
use crate::model::{LinkRole, Moment};
use crate::sim::world::{What, World};
use crate::venue::{Facts, RateRule, Venue};
use std::collections::VecDeque;
use std::time::Duration;

/// Dials of the guarding role are never closer than 250 ms, on a clock that may be 500 millionths fast.
const SPACING: Duration = Duration::from_micros(249_800);
/// Dials and sockets one guard may have at once, standby and order link included.
const SOCKETS_MAX: usize = 8;
/// Leases of one guard.
const LEASES_MAX: usize = 16;

/// What is remembered of traffic.
#[derive(Debug)]
pub struct Traffic {
    rule: RateRule,
    dials: VecDeque<Moment>,
    last_guard_dial: Option<Moment>,
}

impl Traffic {
    pub fn new(facts: &Facts) -> Self {
        Self { rule: facts.dial_rule, dials: VecDeque::new(), last_guard_dial: None }
    }

    pub fn process_starts(&mut self) {
        self.dials.clear();
        self.last_guard_dial = None;
    }

    /// How many dials there were within the venue's window.
    pub fn dials(&self) -> usize {
        self.dials.len()
    }

    /// Dials: at most half of what the venue allows in any window, and never in a burst.
    pub fn i6_rates<V: Venue>(&mut self, world: &World<V>) -> Result<(), Violation> {
        for (at, role) in &world.record.dialled {
            self.dials.push_back(*at);
            while self.dials.front().is_some_and(|first| at.since(*first) >= self.rule.per) {
                self.dials.pop_front();
            }
            if self.dials.len() > self.rule.count as usize / 2 {
                return Err(Violation(format!("I6 rates: {} dials within {:?}", self.dials.len(), self.rule.per)));
            }
            if *role == LinkRole::Guard {
                let before = self.last_guard_dial.replace(*at);
                if before.is_some_and(|before| at.since(before) < SPACING) {
                    return Err(Violation(format!("I6 rates: dials at {before:?} and {at:?}")));
                }
            }
        }
        Ok(())
    }

    /// The venue never had to turn anybody away for dialling too often.
    pub fn i6_never_turned_away(&self, detail: &str) -> Result<(), Violation> {
        if detail.starts_with("upgrade: 429") {
            return Err(Violation(format!("I6 rates: the venue refused: {detail}")));
        }
        Ok(())
    }

    /// Nothing that takes the switch off is written: no schedule asks for it.
    pub fn i15_no_disarm_written<V: Venue>(&self, world: &World<V>) -> Result<(), Violation> {
        match world.record.sent.iter().find(|sent| sent.what == What::Disarm) {
            Some(sent) => Err(Violation(format!("I15 explicit disarm: {sent:?}"))),
            None => Ok(()),
        }
    }

    /// What a guard holds is bounded by constants.
    pub fn i12_bounded<V: Venue>(&self, world: &World<V>) -> Result<(), Violation> {
        let (sockets, leases) = (world.open_ends(), world.application.leases());
        if sockets > SOCKETS_MAX || leases > LEASES_MAX {
            return Err(Violation(format!("I12 bounded: {sockets} sockets and dials, {leases} leases")));
        }
        Ok(())
    }
}
