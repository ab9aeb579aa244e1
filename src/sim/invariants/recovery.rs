//! I5, progress: from wherever trouble left it, a guard whose venue and path are well is armed within a stated time. There
//! are three bounds, for three situations.

use crate::model::{Event, EventKind, Moment, Phase, RefusalClass};
use crate::sim::plan::{Goal, Plan};
use crate::sim::world::World;
use crate::venue::Venue;
use std::time::Duration;

/// A refusal that a person must resolve is asked again after this.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(60);
/// One attempt that is under way when the path heals may have to fail first, and each has its deadline.
const ATTEMPTS: u32 = 3;
/// A dial whose answer was lost is given up after this.
const DIAL_STAGE: Duration = Duration::from_secs(2);
/// Bybit's window acts this long after it was set, and is set again when the venue says it is not in force.
const HOLD_OFF: Duration = Duration::from_secs(12);

/// Within which time, and why so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Which of the three.
    pub why: &'static str,
    /// The bound.
    pub length: Duration,
}

/// What is remembered to say which bound holds.
#[derive(Debug, Default)]
pub struct Recovery {
    /// When the venue last said no, or asked to slow down.
    refused: Option<Moment>,
    fatal: Option<Moment>,
    healed: Option<Moment>,
}

impl Recovery {
    pub fn notice(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Refused { refusal } => {
                self.refused = Some(event.at);
                if refusal.class == RefusalClass::Fatal {
                    self.fatal = Some(event.at);
                }
            }
            EventKind::RateLimited { .. } => self.refused = Some(event.at),
            _ => {}
        }
    }

    pub fn heals(&mut self, at: Moment) {
        self.healed = Some(at);
    }

    /// The bound that holds from here, after so many dials within the venue's window.
    pub fn i5_bound<V: Venue>(&self, world: &World<V>, plan: &Plan, dials: usize) -> Bound {
        let facts = world.session.venue().facts();
        let attempt = DIAL_STAGE + facts.settle + plan.policy.step_deadline * 2 + plan.delay * 20;
        let hold_off = if facts.required.contains(&crate::model::Step::Window) { HOLD_OFF } else { Duration::ZERO };
        let plain = attempt * ATTEMPTS + hold_off + Duration::from_secs(2);
        let recent = |at: Option<Moment>| at.is_some_and(|at| world.guard_now().at.since(at) < PAUSE_AFTER_REFUSAL);
        // With half of the allowance spent, dials are spread over what is left of the venue's window.
        let sparse = facts.dial_rule.per / (facts.dial_rule.count / 2).max(1);
        let scarce = dials > facts.dial_rule.count as usize / 8;
        if recent(self.refused) || recent(self.fatal) || scarce {
            return Bound { why: "after a refusal", length: PAUSE_AFTER_REFUSAL.max(sparse) + plain };
        }
        let silent = matches!(world.session.phase(), Phase::Suspect | Phase::Degraded);
        if silent || plan.goal == Goal::ArmedBesideDeadLinks {
            return Bound { why: "beside a dead link", length: facts.trips_within + plain };
        }
        Bound { why: "plain", length: plain }
    }
}
