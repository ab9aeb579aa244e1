//! The guard's state as one immutable value. A snapshot never waits and never lies by omission: what is not proven is
//! not claimed.

use super::{Coverage, Epoch, ErrorReport, Evidence, Exposure, LeaseState, Moment, SwitchKind, TripBounds, VenueName};
use std::time::Duration;

/// Where a guard is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// Not started, or ended on purpose.
    Stopped,
    /// Dialling; no link.
    Connecting,
    /// Link up, login not yet accepted.
    Authenticating,
    /// Logged in, the switch not yet proven on.
    Arming,
    /// Every required step acknowledged (and read back where possible) in this epoch.
    Armed,
    /// Armed, and the link has been silent for longer than it should be. Still claimed.
    Suspect,
    /// Connected, but part of the requested coverage is not proven. Not claimed.
    Degraded,
    /// The switch fired or may have; latched until the application re-arms.
    Tripped,
    /// The venue says this account or key cannot; asked again at most once a minute.
    Refused,
    /// Another guard keeps taking the session; given up.
    Fenced,
    /// A bug of ours; the link was aborted.
    Faulted,
}

impl Phase {
    /// True only in [`Phase::Armed`] and [`Phase::Suspect`].
    pub const fn claims(self) -> bool {
        matches!(self, Self::Armed | Self::Suspect)
    }

    /// The word used in events, tables and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Arming => "arming",
            Self::Armed => "armed",
            Self::Suspect => "suspect",
            Self::Degraded => "degraded",
            Self::Tripped => "tripped",
            Self::Refused => "refused",
            Self::Fenced => "fenced",
            Self::Faulted => "faulted",
        }
    }
}

/// Everything a guard is willing to say about itself at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// Sequence number of the last event told before this snapshot; 0 before the first.
    pub seq: u64,
    /// When it was taken.
    pub at: Moment,
    /// The venue.
    pub venue: VenueName,
    /// The kind of switch it has.
    pub kind: SwitchKind,
    /// Where the guard is in its life.
    pub phase: Phase,
    /// The epoch of the guarding link; 0 when there is none.
    pub epoch: Epoch,
    /// On what grounds the switch is said to be on, in this epoch.
    pub evidence: Evidence,
    /// When that evidence was last heard.
    pub proven_at: Option<Moment>,
    /// What is covered. `Nothing` unless the phase claims.
    pub coverage: Coverage,
    /// The published bound.
    pub exposure: Exposure,
    /// When a countdown can fire; only countdown switches that are believed to be running.
    pub trip: Option<TripBounds>,
    /// Smoothed round trip of the guarding link.
    pub round_trip: Option<Duration>,
    /// When the guarding link last showed life that answers a probe of ours.
    pub last_life: Option<Moment>,
    /// Leave to create orders now.
    pub permit: bool,
    /// A trip was told or presumed and the application has not acknowledged it.
    pub latched: bool,
    /// The venue announced maintenance, or the switch was taken off for it on purpose.
    pub maintenance: bool,
    /// Venue clock minus ours, in milliseconds, when the venue has told its time.
    pub clock_offset_ms: Option<i64>,
    /// Since when orders may rest with no switch over them.
    pub gap_since: Option<Moment>,
    /// Every lease, in the order in which they were taken; at most 16.
    pub leases: Vec<LeaseState>,
    /// What the guard waits for, in words.
    pub waiting_for: &'static str,
    /// The last error, whatever became of it.
    pub last_error: Option<ErrorReport>,
}

impl Snapshot {
    /// True while killcord claims that the promise holds.
    pub const fn claim(&self) -> bool {
        self.phase.claims()
    }
}
