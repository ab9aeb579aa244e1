//! I1, soundness, and I9, coverage: what is claimed is true at the venue, now, and names what was asked for.

use super::Violation;
use crate::model::{Coverage, Epoch, Moment, SwitchKind};
use crate::sim::exchange::Fault;
use crate::sim::sometimes::Sometimes;
use crate::sim::world::World;
use crate::venue::Venue;
use std::time::Duration;

/// A venue that goes down says so, or its silence says it, and it says when it is back. All of it needs a moment to
/// arrive: this, and two pings for the case that it cannot.
const DOWN_NOTICED: Duration = Duration::from_secs(2);
/// A venue that stopped its own heartbeats can no longer notice our death. Nobody can know that at once: it is exempt
/// until its silence is overdue twice, and not a moment longer. (Deribit speaks only when nobody else does, so that its
/// silence means nothing while there is traffic: docs/promises.md says so.)
const MUTE_VENUE_NOTICED: Duration = Duration::from_secs(75);

/// Of which version of the venue, about which epoch's link, among how many connections of the guard.
type Question = (u64, Epoch, usize);

/// Since when a claim cannot be held against the guard.
#[derive(Debug, Default)]
pub struct Claim {
    mute_since: Option<Moment>,
    down_since: Option<Moment>,
    /// When the venue was last seen down.
    down_until: Option<Moment>,
    /// When its switch was last seen broken: a connection that ended then trips nothing, and news of its end is on its way.
    broken_until: Option<Moment>,
    epoch: Epoch,
    /// What the venue answered last, to which question.
    answered: Option<(Question, Option<Moment>)>,
    probe_every: Duration,
}

impl Claim {
    /// For a guard that pings this often.
    pub fn new(probe_every: Duration) -> Self {
        Self { probe_every, ..Self::default() }
    }

    /// For every step: claimed means that the venue would start to cancel within the published bound if nothing more
    /// arrived from this guard. `unknowing` is a guard that cannot know that its machine stood still.
    pub fn i1_soundness<V: Venue>(
        &mut self,
        world: &World<V>,
        unknowing: bool,
        sometimes: &mut Sometimes,
    ) -> Result<(), Violation> {
        let session = &world.session;
        let exempt = self.is_exempt(world) || unknowing;
        if !session.phase().claims() {
            sometimes.unclaimed += 1;
            if session.permit() {
                return Err(Violation(format!("I10 latch: a permit is given in phase {:?}", session.phase())));
            }
            return Ok(());
        }
        if exempt {
            return Ok(());
        }
        sometimes.claims_checked += 1;
        let epoch = session.epoch();
        if epoch == Epoch(0) {
            return Err(Violation("I8 epoch truth: claimed without a link".into()));
        }
        let now = world.now().at;
        // On a session-bound venue only this connection's switch covers what is permitted now.
        let current = [world.conn(epoch)];
        let bound_to_session = session.venue().facts().kind == SwitchKind::SessionBound;
        let conns = if bound_to_session { &current[..] } else { world.connections() };
        // Where nothing reached the venue since it was last asked, that answer was about this very moment too.
        let question = (world.exchange.floor().version(), epoch, conns.len());
        let known = self.answered.filter(|(asked, _)| *asked == question).map(|(_, answer)| answer);
        let answer = known.unwrap_or_else(|| world.exchange.would_trip_by(now, conns));
        self.answered = Some((question, answer));
        match answer {
            None => Err(Violation(format!(
                "I1 soundness: claimed, but the venue would never cancel: {:?}",
                world.snapshot()
            ))),
            Some(at) => within(now, at, session.venue().facts().exposure.bound),
        }
    }

    /// Whenever something is claimed, the coverage is all that was asked for; otherwise it is nothing.
    pub fn i9_coverage<V: Venue>(world: &World<V>) -> Result<(), Violation> {
        let snapshot = world.snapshot();
        let wanted = if snapshot.claim() { world.session.venue().facts().coverage.clone() } else { Coverage::Nothing };
        if snapshot.coverage == wanted {
            return Ok(());
        }
        Err(Violation(format!("I9 coverage: {:?} is claimed in {:?}", snapshot.coverage, snapshot.phase)))
    }

    fn is_exempt<V: Venue>(&mut self, world: &World<V>) -> bool {
        let (now, floor, epoch) = (world.now().at, world.exchange.floor(), world.session.epoch());
        let known = self.mute_since.filter(|_| self.epoch == epoch);
        self.epoch = epoch;
        self.mute_since = floor.has(&Fault::NoHeartbeats).then(|| known.unwrap_or(now));
        let down = floor.has(&Fault::Maintenance);
        self.down_since = down.then(|| self.down_since.unwrap_or(now));
        self.down_until = if down { Some(now) } else { self.down_until };
        let cannot_be_noticed = world.session.venue().facts().speaks_every.is_none();
        let mute = self.mute_since.is_some_and(|since| cannot_be_noticed || now.since(since) < MUTE_VENUE_NOTICED);
        let noticed = DOWN_NOTICED + self.probe_every * 2;
        let recent = |at: Option<Moment>| at.is_some_and(|at| now.since(at) < noticed);
        // Down for a while, it must be known; news of its beginning and of its end are still on their way.
        let news = if down { recent(self.down_since) } else { recent(self.down_until) };
        let broken = floor.has(&Fault::Dishonour);
        self.broken_until = if broken { Some(now) } else { self.broken_until };
        recent(self.broken_until) || mute || news
    }
}

fn within(now: Moment, at: Moment, bound: Duration) -> Result<(), Violation> {
    let exposure = at.since(now);
    if exposure <= bound {
        return Ok(());
    }
    Err(Violation(format!("I1 soundness: the venue would cancel only after {exposure:?}, published is {bound:?}")))
}
