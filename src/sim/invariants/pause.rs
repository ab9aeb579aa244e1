//! I1 where the machine stands still with all its clocks (T05 of the fault matrix). Nothing of its own can show a guard
//! that time passed, so until the venue has said what time it is its claim may be as old as the pause: that is the one
//! exception to soundness, and it ends with the first line heard that the venue stamped after the pause. A claim that was
//! never withdrawn must be so by then, when the pause was longer than what could be delay.

use super::Violation;
use crate::model::{Moment, Policy};
use crate::sim::sometimes::Sometimes;
use crate::sim::world::World;
use crate::venue::Venue;
use std::time::Duration;

/// A stamp is known to be younger than the last question that was answered before it. That is as old as the time between
/// two questions of the policy, and this for the way there and back, drift and what is forgiven as ordinary lateness.
const ON_THE_WAY: Duration = Duration::from_secs(2);

/// What is remembered of the last pause.
#[derive(Debug, Default)]
pub struct MachinePause {
    /// When it ended, and how long it was, until the venue's time was heard.
    unnoticed: Option<(Moment, Duration)>,
    /// The claim was withdrawn since, for whatever reason.
    withdrawn: bool,
    /// This process has heard the venue's time before.
    compared: bool,
    /// A pause must show beyond this to be seen for sure.
    blurred_by: Duration,
}

impl MachinePause {
    /// For a guard of this policy.
    pub fn new(policy: &Policy) -> Self {
        Self { blurred_by: policy.probe_every + policy.venue_probe_every + ON_THE_WAY, ..Self::default() }
    }

    /// Another process knows nothing of before, and claims nothing from before.
    pub fn process_starts(&mut self) {
        *self = Self { blurred_by: self.blurred_by, ..Self::default() };
    }

    /// True while nothing can have shown the guard that its machine stood still.
    pub const fn is_unnoticed(&self) -> bool {
        self.unnoticed.is_some()
    }

    /// For every step, before its events are looked at: whether nothing can have shown the guard that its machine stood
    /// still. So it is still in the step in which the venue's time comes.
    pub fn begins<V: Venue>(&mut self, world: &mut World<V>, sometimes: &mut Sometimes) -> bool {
        if let Some((ended, length)) = world.record.went_on.take() {
            let before = self.unnoticed.map_or(Duration::ZERO, |(_, length)| length);
            (self.unnoticed, self.withdrawn) = (Some((ended, length + before)), false);
            sometimes.machine_pauses += 1;
        }
        self.unnoticed.is_some()
    }

    /// For every step: once the venue's time was heard, a claim from before a pause is withdrawn.
    pub fn t05_withdrawn<V: Venue>(
        &mut self,
        world: &mut World<V>,
        sometimes: &mut Sometimes,
    ) -> Result<(), Violation> {
        let claims = world.session.phase().claims();
        let stamps = std::mem::take(&mut world.record.stamps);
        let Some((ended, length)) = self.unnoticed else {
            self.compared |= !stamps.is_empty();
            return Ok(());
        };
        self.withdrawn |= !claims;
        let now = world.now();
        // Venue and world share a clock; its stamps are cut to milliseconds.
        let old = |stamp: u64| Duration::from_millis((now.wall.millis() + 1).saturating_sub(stamp));
        let Some(age) = stamps.iter().map(|stamp| old(*stamp)).filter(|age| *age <= now.at.since(ended)).min() else {
            return Ok(());
        };
        self.unnoticed = None;
        let visible = length.saturating_sub(age).saturating_sub(self.blurred_by);
        if visible == Duration::ZERO || !self.compared {
            return Ok(());
        }
        if claims && !self.withdrawn {
            return Err(Violation(format!(
                "I1 soundness (T05): claimed on from before a pause of {length:?} although the venue said its time"
            )));
        }
        sometimes.machine_pauses_noticed += 1;
        Ok(())
    }
}
