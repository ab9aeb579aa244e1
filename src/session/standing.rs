//! What is claimed. The phase is *derived* from the state of link, switch and doubts after every input, and changes
//! through [`Session::restate`] alone, which tells each transition exactly once, together with the permit and the gap.

use super::link::Stage;
use super::{Deadline, Session};
use crate::model::{Coverage, Epoch, ErrorReport, EventKind, Evidence, Moment, Phase, Snapshot, Step, Trip};
use crate::parts::Verdict;
use crate::venue::Venue;

/// The guard's public standing, and the reasons not to claim.
#[derive(Debug)]
pub(super) struct Standing {
    phase: Phase,
    seq: u64,
    permit: bool,
    gap_since: Option<Moment>,
    started: bool,
    ended: bool,
    pub(super) latched: bool,
    pub(super) evidence: Evidence,
    pub(super) proven_at: Option<Moment>,
    /// The link on which the switch was last armed or fed: a trip is this link's, also when another is up by then.
    pub(super) armed_on: Epoch,
    pub(super) clock_offset_ms: Option<i64>,
    pub(super) last_error: Option<ErrorReport>,
    /// The venue said that a person must act; asked again at most once a minute.
    pub(super) refused: bool,
    /// The venue announced that it is down.
    pub(super) venue_down: bool,
    /// The application took the switch off on purpose, or is about to.
    pub(super) maintenance: Option<Maintenance>,
    pub(super) farewell: Option<String>,
    pub(super) doubts: Doubts,
}

/// A deliberate maintenance of the application's.
#[derive(Debug)]
pub(super) struct Maintenance {
    pub(super) reason: String,
    /// The venue confirmed that the switch is off.
    pub(super) disarmed: bool,
}

/// Why an armed epoch is not claimed all the same. Each doubt has its own way out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubts {
    /// Something happened after which only evidence *asked for since then* counts.
    pub(super) unverified: Option<(Moment, &'static str)>,
    /// The last read-back did not say that the switch is on as asked.
    pub(super) read_back: Option<&'static str>,
    /// The last feed was refused or is overdue.
    pub(super) feed: Option<&'static str>,
    /// Something was done on this link whose end nothing that can be asked would tell: only another link leads out.
    pub(super) link: Option<&'static str>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            phase: Phase::Stopped,
            seq: 0,
            permit: false,
            gap_since: None,
            started: false,
            ended: false,
            latched: false,
            evidence: Evidence::None,
            proven_at: None,
            armed_on: Epoch::default(),
            clock_offset_ms: None,
            last_error: None,
            refused: false,
            venue_down: false,
            maintenance: None,
            farewell: None,
            doubts: Doubts::default(),
        }
    }
}

impl Standing {
    pub(super) const fn running(&self) -> bool {
        self.started && !self.ended
    }

    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) const fn permit(&self) -> bool {
        self.permit
    }

    /// True the first time only.
    pub(super) fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.started, true)
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// What was heard about the switch no longer holds.
    pub(super) fn unproven(&mut self) {
        self.evidence = Evidence::None;
        self.proven_at = None;
    }

    /// True when the application's maintenance keeps the switch off.
    pub(super) const fn off_on_purpose(&self) -> bool {
        self.maintenance.is_some()
    }
}

impl Doubts {
    fn first(self) -> Option<&'static str> {
        self.read_back.or(self.link).or(self.feed).or(self.unverified.map(|(_, why)| why))
    }
}

impl<V: Venue> Session<V> {
    /// Brings phase, permit and gap into line with the state, telling every change once.
    pub(super) fn restate(&mut self) {
        let (phase, why) = self.derive();
        self.enter(phase, why);
        let permit = phase == Phase::Armed
            && !self.standing.latched
            && self.standing.farewell.is_none()
            && self.leases.allow_orders();
        if permit != self.standing.permit {
            self.standing.permit = permit;
            self.tell(EventKind::Permit { given: permit });
        }
    }

    /// The switch fired, or may have. Tells it, latches, and passes through `Tripped`.
    pub(super) fn tripped(&mut self, how: Trip) {
        self.standing.latched |= self.policy.latch_after_trip;
        self.ledger.tripped(matches!(how, Trip::Told { .. }));
        self.deadlines.stop(Deadline::TripEarly);
        self.deadlines.stop(Deadline::TripLate);
        self.enter(Phase::Tripped, "the switch fired or may have");
        self.tell(EventKind::Tripped { how, epoch: self.standing.armed_on });
    }

    /// From now on only evidence asked for after this moment counts. Withdraws the claim at once, then asks for it.
    pub(super) fn doubt(&mut self, why: &'static str) {
        if self.link.is_none() {
            return;
        }
        self.standing.doubts.unverified = Some((self.now.at, why));
        if !self.link.as_ref().is_some_and(super::GuardLink::is_armed) {
            // What is acknowledged of arming from here on may answer what was asked before: verified once armed.
            return;
        }
        self.restate();
        self.verify();
    }

    /// Evidence asked for at `asked` was heard: the doubt goes if it is fresh enough.
    pub(super) fn vouch(&mut self, asked: Moment) {
        match self.standing.doubts.unverified {
            Some((since, _)) if asked >= since => self.standing.doubts.unverified = None,
            Some(_) => self.verify(),
            None => {}
        }
    }

    /// The switch was heard to be on, on these grounds.
    pub(super) fn proven(&mut self, evidence: Evidence) {
        self.standing.evidence = self.standing.evidence.max(evidence);
        self.standing.proven_at = Some(self.now.at);
    }

    pub(super) fn fail(&mut self, report: ErrorReport) {
        self.standing.last_error = Some(report);
    }

    pub(super) fn describe(&self) -> Snapshot {
        let facts = self.venue.facts();
        let liveness = self.link.as_ref().map(|link| &link.pulse.liveness);
        let phase = self.standing.phase;
        Snapshot {
            seq: self.standing.seq,
            at: self.now.at,
            venue: self.venue.target().venue,
            kind: facts.kind,
            phase,
            epoch: self.link.as_ref().map_or(Epoch(0), |link| link.epoch),
            evidence: self.standing.evidence,
            proven_at: self.standing.proven_at,
            coverage: if phase.claims() { facts.coverage.clone() } else { Coverage::Nothing },
            exposure: facts.exposure,
            trip: self.switch.bounds(),
            round_trip: liveness.and_then(crate::parts::Liveness::round_trip),
            last_life: liveness.and_then(crate::parts::Liveness::proven),
            permit: self.standing.permit,
            latched: self.standing.latched,
            maintenance: self.standing.venue_down || self.standing.off_on_purpose(),
            clock_offset_ms: self.standing.clock_offset_ms,
            gap_since: self.standing.gap_since,
            leases: self.leases.describe(),
            waiting_for: self.deadlines.next().map_or("the world", |(_, deadline)| deadline.as_str()),
            last_error: self.standing.last_error.clone(),
        }
    }

    /// The one place where the phase changes.
    fn enter(&mut self, phase: Phase, why: &'static str) {
        let from = self.standing.phase;
        if from == phase {
            return;
        }
        self.standing.phase = phase;
        if phase == Phase::Armed {
            self.rates.arrived(self.now.at);
        } else {
            self.rates.hold_up(self.now.at);
        }
        self.tell(EventKind::PhaseChanged { from, to: phase, why });
        match (from.claims(), phase.claims()) {
            (true, false) => {
                self.standing.gap_since = Some(self.now.at);
                self.tell(EventKind::GapOpened { why });
            }
            (false, true) => {
                if let Some(since) = self.standing.gap_since.take() {
                    self.tell(EventKind::GapClosed { length: self.now.at.since(since) });
                }
            }
            (true, true) | (false, false) => {}
        }
    }

    fn derive(&self) -> (Phase, &'static str) {
        if !self.standing.running() {
            return (Phase::Stopped, "ended on purpose");
        }
        if let Some(why) = self.leases.why_over() {
            return (Phase::Tripped, why);
        }
        match &self.link {
            None => self.derive_without_link(),
            Some(link) if link.is_armed() => self.derive_armed(link.pulse.verdict),
            Some(_) if self.standing.refused => (Phase::Refused, "the venue said no"),
            Some(link) => match &link.stage {
                Stage::Settling => (Phase::Authenticating, "the link is up"),
                Stage::Talking(talk) if talk.done.is_empty() => (Phase::Authenticating, "the link is up"),
                Stage::Talking(_) => (Phase::Arming, "the venue knows us"),
            },
        }
    }

    fn derive_without_link(&self) -> (Phase, &'static str) {
        if self.standing.refused {
            (Phase::Refused, "the venue said no")
        } else if self.standing.off_on_purpose() {
            (Phase::Degraded, "the switch is off for maintenance")
        } else if self.switch.is_tripped() {
            (Phase::Tripped, "the switch fired or may have")
        } else {
            (Phase::Connecting, "there is no link")
        }
    }

    fn derive_armed(&self, verdict: Verdict) -> (Phase, &'static str) {
        if self.standing.off_on_purpose() {
            return (Phase::Degraded, "the switch is off for maintenance");
        }
        if self.switch.is_tripped() {
            return (Phase::Tripped, "the switch fired or may have");
        }
        if self.standing.venue_down {
            return (Phase::Degraded, "the venue is down and cancels nothing");
        }
        if let Some(why) = self.standing.doubts.first() {
            return (Phase::Degraded, why);
        }
        match verdict {
            Verdict::Fresh => (Phase::Armed, "every required step is acknowledged"),
            Verdict::Suspect { .. } => (Phase::Suspect, "the link is silent"),
            Verdict::Dead { .. } => (Phase::Degraded, "the link is dead and kept, because closing it is the trip"),
        }
    }

    /// True once every required step was acknowledged in this epoch.
    pub(super) fn complete(&self) -> bool {
        let done = self.link.as_ref().and_then(super::GuardLink::talk).map(|talk| talk.done);
        done.is_some_and(|done| self.venue.facts().required.iter().all(|step| done.contains(*step)))
    }

    /// Read back when the venue said so itself, else acknowledged.
    pub(super) fn evidence_of_arming(&self) -> Evidence {
        let read_back =
            self.link.as_ref().and_then(super::GuardLink::talk).is_some_and(|t| t.done.contains(Step::ReadBack));
        if read_back { Evidence::ReadBack } else { Evidence::Acknowledged }
    }
}
