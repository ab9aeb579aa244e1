//! The guarding link while it is up: its pulse, and how far login and arming have come in this epoch.

use crate::model::{Epoch, Layer, Moment, Policy, Step};
use crate::parts::{Cadence, Liveness, LivenessRules, Verdict};
use crate::venue::Facts;
use std::time::Duration;

/// A connected guarding link. Everything in it belongs to its epoch and dies with it.
pub(super) struct GuardLink {
    pub(super) epoch: Epoch,
    /// When its dial began: what arming "took" is counted from here.
    pub(super) began: Moment,
    pub(super) pulse: Pulse,
    pub(super) stage: Stage,
}

/// How far a link has come.
pub(super) enum Stage {
    /// Up, and not spoken to yet.
    Settling,
    /// Spoken to; the steps acknowledged so far.
    Talking(Talk),
}

/// The conversation of one epoch.
pub(super) struct Talk {
    pub(super) done: StepSet,
    /// When the last required step was acknowledged.
    pub(super) armed_at: Option<Moment>,
    /// Countdown switches only.
    pub(super) cadence: Option<Cadence>,
    /// True once a feed went unanswered for one whole deadline.
    pub(super) feed_overdue: bool,
    /// When the outstanding read-back was asked for.
    pub(super) read_back_asked: Option<Moment>,
    /// When the outstanding venue-level probe was asked for.
    pub(super) probe_asked: Option<Moment>,
}

/// Whether a link is alive, and what was last said about that.
pub(super) struct Pulse {
    pub(super) liveness: Liveness,
    pub(super) verdict: Verdict,
}

/// A set of steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct StepSet(u16);

impl GuardLink {
    pub(super) fn new(epoch: Epoch, began: Moment, pulse: Pulse) -> Self {
        Self { epoch, began, pulse, stage: Stage::Settling }
    }

    pub(super) fn talk(&self) -> Option<&Talk> {
        match &self.stage {
            Stage::Settling => None,
            Stage::Talking(talk) => Some(talk),
        }
    }

    pub(super) fn talk_mut(&mut self) -> Option<&mut Talk> {
        match &mut self.stage {
            Stage::Settling => None,
            Stage::Talking(talk) => Some(talk),
        }
    }

    /// True once every required step was acknowledged in this epoch.
    pub(super) fn is_armed(&self) -> bool {
        self.talk().is_some_and(|talk| talk.armed_at.is_some())
    }
}

impl Talk {
    pub(super) fn new(facts: &Facts) -> Self {
        Self {
            done: StepSet::default(),
            armed_at: None,
            cadence: facts.feed.map(|feed| Cadence::new(feed.cadence)),
            feed_overdue: false,
            read_back_asked: None,
            probe_asked: None,
        }
    }
}

impl Pulse {
    /// Ping nonces carry the epoch, so that a pong of another link cannot be taken for one of this.
    pub(super) fn new(epoch: Epoch, policy: &Policy, facts: &Facts) -> Self {
        let rules = LivenessRules {
            suspect_margin: policy.suspect_margin,
            dead_margin: policy.dead_margin,
            dead_floor: policy.dead_floor,
            venue_answer: venue_probe_period(policy, facts),
            venue_speaks: facts.speaks_every,
        };
        Self { liveness: Liveness::new(rules, epoch.0 << 32), verdict: Verdict::Fresh }
    }

    /// The venue answered: on this link, or over HTTP, which proves nothing of the link.
    pub(super) fn venue_answered(&mut self, on_link: bool) {
        if on_link { self.liveness.venue_answered() } else { self.liveness.venue_answered_elsewhere() }
    }

    /// How long the link has been silent, and who says so.
    pub(super) fn silence(&self) -> Option<(Duration, Layer)> {
        match self.verdict {
            Verdict::Fresh => None,
            Verdict::Suspect { silent, layer } | Verdict::Dead { silent, layer } => Some((silent, layer)),
        }
    }
}

/// Time between venue-level probes: the policy's wish inside the venue's limits.
pub(super) fn venue_probe_period(policy: &Policy, facts: &Facts) -> Duration {
    policy.venue_probe_every.max(facts.venue_probe_min)
}

impl StepSet {
    pub(super) fn insert(&mut self, step: Step) {
        self.0 |= 1 << step as u16;
    }

    pub(super) const fn contains(self, step: Step) -> bool {
        self.0 & (1 << step as u16) != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}
