//! How the venue notices that a silent connection is dead (spec section 3): a scan with a fixed phase that closes what
//! was inactive for its limit. The close comes up to one scan late; a loss is noticed no earlier than that.

use super::BybitExchange;
use super::conn::{Conn, Socket};
use super::dcp::has_topic;
use super::knobs::Knobs;
use super::product::Product;
use crate::model::{Moment, TimeFactor};
use crate::sim::exchange::ConnId;
use std::time::Duration;

impl BybitExchange {
    /// The next connection to be closed for inactivity, and when.
    pub(super) fn next_reaped(&self) -> Option<(Moment, ConnId)> {
        self.conns.iter().map(|(id, conn)| (reaped_at(conn, conn.active, &self.knobs, self.floor.factor), *id)).min()
    }

    /// The next connection that the protection calls dead because its pings stopped; none unless the knob says so.
    pub(super) fn next_silent(&self) -> Option<(Moment, ConnId)> {
        self.conns.iter().filter_map(|(id, conn)| Some((silent_at(conn, &self.knobs, self.floor.factor)?, *id))).min()
    }
}

/// When this connection is closed if it was last active at `active` and stays silent.
pub fn reaped_at(conn: &Conn, active: Moment, knobs: &Knobs, factor: TimeFactor) -> Moment {
    let period = factor.scale(knobs.reaper_scan_ms.length());
    let phase = factor.scale(knobs.reaper_phase_ms.length());
    next_scan(active + factor.scale(conn.idle_limit), period, phase)
}

/// When the protection calls this connection dead although it is open.
pub fn silent_at(conn: &Conn, knobs: &Knobs, factor: TimeFactor) -> Option<Moment> {
    let limit = knobs.heartbeat_dead_after_ms.length()?;
    let member = conn.socket == Socket::Private
        && conn.login.is_some()
        && !conn.silent
        && Product::ALL.into_iter().any(|product| has_topic(conn, product, knobs));
    member.then(|| conn.watched + factor.scale(limit))
}

/// The first scan that is not before `at`.
fn next_scan(at: Moment, period: Duration, phase: Duration) -> Moment {
    let nanos = |length: Duration| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    let (period, phase) = (nanos(period), nanos(phase));
    if period == 0 {
        return at;
    }
    let start = phase % period;
    let scans = at.nanos().saturating_sub(start).div_ceil(period);
    Moment::from_nanos(start.saturating_add(scans.saturating_mul(period)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(hour: u64, minute: u64, second: u64) -> Moment {
        Moment::from_nanos((hour * 3600 + minute * 60 + second) * 1_000_000_000)
    }

    #[test]
    fn the_documented_example_closes_after_fifty_two_seconds() {
        let idle_since = clock(17, 27, 23) + Duration::from_secs(45);
        let scan = next_scan(idle_since, Duration::from_secs(30), Duration::from_secs(15));
        assert_eq!(scan, clock(17, 28, 15));
    }

    #[test]
    fn a_limit_that_ends_exactly_at_a_scan_is_seen_by_that_scan() {
        let (period, phase) = (Duration::from_secs(30), Duration::from_secs(15));
        assert_eq!(next_scan(clock(0, 0, 45), period, phase), clock(0, 0, 45));
        assert_eq!(next_scan(clock(0, 0, 46), period, phase), clock(0, 1, 15));
        assert_eq!(next_scan(clock(0, 0, 0), period, phase), clock(0, 0, 15));
    }
}
