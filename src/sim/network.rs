//! The path between a guard and its venue, as TCP shows it: in order, late, and during an outage held back rather than
//! lost, because both kernels go on trying. Each direction can be down by itself, for every connection or for those that
//! exist now. What was written outlives the process that wrote it, and is delivered when the path heals soon enough.

use super::exchange::{ConnId, HttpOut};
use crate::model::{CallTag, LossCause, Moment};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Something on its way.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// A dial has reached the venue's door.
    Knock(ConnId),
    /// The venue completed the upgrade.
    Opened(ConnId),
    /// The venue refused the upgrade.
    TurnedAway(ConnId, u16),
    /// A text for the venue.
    Up(ConnId, String),
    /// A protocol ping for the venue.
    PingUp(ConnId, Vec<u8>),
    /// The guard's answer to the venue's ping.
    PongUp(ConnId, Vec<u8>),
    /// The guard's end of a connection is gone.
    EndUp(ConnId),
    /// An HTTP call for the venue.
    CallUp(CallTag),
    /// A text for the guard.
    Down(ConnId, String),
    /// A protocol pong for the guard.
    PongDown(ConnId, Vec<u8>),
    /// The venue's ping.
    PingDown(ConnId, Vec<u8>),
    /// The venue's end of a connection is gone.
    EndDown(ConnId, LossCause),
    /// The answer to an HTTP call.
    CallDown(CallTag, HttpOut),
}

/// Which way a parcel goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To the venue.
    Up,
    /// To the guard.
    Down,
}

/// Both ways.
pub const BOTH: [Way; 2] = [Way::Up, Way::Down];

/// The path.
#[derive(Debug)]
pub struct Network {
    delay: Duration,
    up: Lane,
    down: Lane,
    sequence: u64,
}

#[derive(Debug, Default)]
struct Lane {
    cut_since: Option<Moment>,
    /// Connections that nothing passes on, while new ones are fine.
    blocked: BTreeMap<ConnId, Moment>,
    on_the_way: BTreeMap<(Moment, u64), (Moment, Parcel)>,
    /// Held back, with the moment it was written.
    held: VecDeque<(Moment, Parcel)>,
}

impl Network {
    /// A healthy path with this one-way delay.
    pub fn new(delay: Duration) -> Self {
        Self { delay, up: Lane::default(), down: Lane::default(), sequence: 0 }
    }

    /// One-way delay.
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// Sends a parcel; it arrives after the delay, times `legs` for what needs several trips.
    pub fn send(&mut self, now: Moment, way: Way, parcel: Parcel, legs: u32) {
        self.put(now, now, way, parcel, legs);
    }

    /// From now on nothing arrives in this direction.
    pub fn cut(&mut self, now: Moment, way: Way) {
        self.lane_mut(way).cut_since.get_or_insert(now);
    }

    /// From now on nothing arrives in this direction on these connections.
    pub fn block(&mut self, now: Moment, way: Way, conns: &[ConnId]) {
        for conn in conns {
            self.lane_mut(way).blocked.entry(*conn).or_insert(now);
        }
    }

    /// Since when a direction is down for everything.
    pub fn cut_since(&self, way: Way) -> Option<Moment> {
        self.lane(way).cut_since
    }

    /// Since when a connection is down in one direction or the other.
    pub fn down_since(&self, conn: ConnId) -> Option<Moment> {
        BOTH.into_iter().filter_map(|way| self.lane(way).down_since(conn)).min()
    }

    /// True while nothing at all is wrong with the path.
    pub fn is_whole(&self) -> bool {
        BOTH.into_iter().all(|way| self.lane(way).cut_since.is_none() && self.lane(way).blocked.is_empty())
    }

    /// Both directions work again; what was held back arrives after one delay, in order. What the guard's kernel gave
    /// up meanwhile (`patience` after it was written) is gone, and so is all that came after it on its connection.
    pub fn heal(&mut self, now: Moment, patience: Duration) {
        BOTH.into_iter().for_each(|way| self.lane_mut(way).blocked.clear());
        self.heal_cuts(now, patience);
    }

    /// The same, but connections that are blocked stay so.
    pub fn heal_cuts(&mut self, now: Moment, patience: Duration) {
        let mut given_up = BTreeSet::new();
        for way in BOTH {
            self.lane_mut(way).cut_since = None;
            for (written, parcel) in std::mem::take(&mut self.lane_mut(way).held) {
                let conn = parcel.conn();
                let lost = way == Way::Up && now.since(written) > patience;
                if conn.is_some_and(|conn| self.lane(way).blocked.contains_key(&conn)) {
                    self.lane_mut(way).held.push_back((written, parcel));
                } else if lost || way == Way::Up && conn.is_some_and(|conn| given_up.contains(&conn)) {
                    given_up.extend(conn);
                } else {
                    self.put(now, written, way, parcel, 1);
                }
            }
        }
    }

    /// A kernel throws away what a connection has not delivered yet, as an abort demands.
    pub fn purge(&mut self, conn: ConnId) {
        self.up.held.retain(|(_, parcel)| parcel.conn() != Some(conn));
    }

    /// When the next parcel arrives or is held back.
    pub fn next(&self) -> Option<Moment> {
        let first = |lane: &Lane| lane.on_the_way.first_key_value().map(|((at, _), _)| *at);
        match (first(&self.up), first(&self.down)) {
            (Some(up), Some(down)) => Some(up.min(down)),
            (up, down) => up.or(down),
        }
    }

    /// Takes the next parcel that has arrived; those of a direction that is down are held back.
    pub fn take(&mut self, now: Moment) -> Option<Parcel> {
        loop {
            let way = self.earliest_way(now)?;
            let lane = self.lane_mut(way);
            let (_, (written, parcel)) = lane.on_the_way.pop_first()?;
            if lane.passes(&parcel) {
                return Some(parcel);
            }
            lane.held.push_back((written, parcel));
        }
    }

    fn put(&mut self, now: Moment, written: Moment, way: Way, parcel: Parcel, legs: u32) {
        self.sequence += 1;
        let key = (now + self.delay * legs, self.sequence);
        self.lane_mut(way).on_the_way.insert(key, (written, parcel));
    }

    fn earliest_way(&self, now: Moment) -> Option<Way> {
        let first = |lane: &Lane| lane.on_the_way.first_key_value().map(|(key, _)| *key);
        let up = first(&self.up).map(|key| (key, Way::Up));
        let down = first(&self.down).map(|key| (key, Way::Down));
        let ((at, _), way) = [up, down].into_iter().flatten().min_by_key(|(key, _)| *key)?;
        (at <= now).then_some(way)
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn lane_mut(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

impl Lane {
    fn passes(&self, parcel: &Parcel) -> bool {
        let blocked = || !self.blocked.is_empty() && parcel.conn().is_some_and(|conn| self.blocked.contains_key(&conn));
        self.cut_since.is_none() && !blocked()
    }

    fn down_since(&self, conn: ConnId) -> Option<Moment> {
        let blocked = self.blocked.get(&conn).copied();
        self.cut_since.into_iter().chain(blocked).min()
    }
}

impl Parcel {
    /// The connection it belongs to; none for calls, which have their own.
    pub const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Knock(conn)
            | Self::Opened(conn)
            | Self::TurnedAway(conn, _)
            | Self::Up(conn, _)
            | Self::PingUp(conn, _)
            | Self::PongUp(conn, _)
            | Self::EndUp(conn)
            | Self::Down(conn, _)
            | Self::PongDown(conn, _)
            | Self::PingDown(conn, _)
            | Self::EndDown(conn, _) => Some(*conn),
            Self::CallUp(_) | Self::CallDown(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn arrived(network: &mut Network, now: Moment) -> Vec<u64> {
        let parcels = std::iter::from_fn(|| network.take(now));
        parcels.map(|parcel| if let Parcel::Knock(conn) = parcel { conn.0 } else { 0 }).collect()
    }

    #[test]
    fn parcels_held_back_by_a_cut_arrive_in_order_after_healing() {
        let mut network = Network::new(Duration::from_millis(10));
        network.send(ms(0), Way::Up, Parcel::Knock(ConnId(1)), 1);
        network.cut(ms(5), Way::Up);
        network.send(ms(6), Way::Up, Parcel::Knock(ConnId(2)), 1);
        assert_eq!(arrived(&mut network, ms(100)), Vec::<u64>::new());
        network.heal(ms(100), PATIENCE);
        network.send(ms(100), Way::Up, Parcel::Knock(ConnId(3)), 1);
        assert_eq!(arrived(&mut network, ms(110)), [1, 2, 3]);
    }

    #[test]
    fn a_cut_in_one_direction_leaves_the_other_alone() {
        let mut network = Network::new(Duration::from_millis(10));
        network.cut(ms(0), Way::Down);
        network.send(ms(0), Way::Up, Parcel::Knock(ConnId(1)), 1);
        network.send(ms(0), Way::Down, Parcel::Knock(ConnId(2)), 1);
        assert_eq!(arrived(&mut network, ms(10)), [1]);
    }

    #[test]
    fn what_was_held_back_for_too_long_is_gone_with_all_that_followed_on_its_connection() {
        let mut network = Network::new(Duration::from_millis(10));
        network.cut(ms(0), Way::Up);
        network.send(ms(0), Way::Up, Parcel::Knock(ConnId(1)), 1);
        network.send(ms(4_000), Way::Up, Parcel::Knock(ConnId(1)), 1);
        network.send(ms(4_000), Way::Up, Parcel::Knock(ConnId(2)), 1);
        assert_eq!(arrived(&mut network, ms(5_001)), Vec::<u64>::new());
        network.heal(ms(5_001), PATIENCE);
        assert_eq!(arrived(&mut network, ms(6_000)), [2]);
    }

    #[test]
    fn a_blocked_connection_stays_so_while_others_pass() {
        let mut network = Network::new(Duration::from_millis(10));
        network.block(ms(0), Way::Up, &[ConnId(1)]);
        network.send(ms(0), Way::Up, Parcel::Knock(ConnId(1)), 1);
        network.send(ms(0), Way::Up, Parcel::Knock(ConnId(2)), 1);
        assert_eq!(arrived(&mut network, ms(10)), [2]);
        network.heal_cuts(ms(20), PATIENCE);
        assert_eq!(arrived(&mut network, ms(40)), Vec::<u64>::new());
        network.heal(ms(50), PATIENCE);
        assert_eq!(arrived(&mut network, ms(60)), [1]);
    }
}
