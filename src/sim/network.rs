//! The path between a guard and its venue, as TCP shows it: in order, late, and during an outage held back rather than
//! lost, because both kernels go on trying. Each direction can be down by itself.

use super::exchange::ConnId;
use crate::model::{CallTag, Epoch, LossCause, Moment};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Something on its way.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// A dial has reached the venue's door.
    Knock(Epoch),
    /// The venue completed the upgrade.
    Opened(Epoch),
    /// The venue refused the upgrade.
    TurnedAway(Epoch, u16),
    /// A text for the venue.
    Up(ConnId, String),
    /// A protocol ping for the venue.
    PingUp(ConnId, Vec<u8>),
    /// The guard's end of a connection is gone.
    EndUp(ConnId),
    /// An HTTP call for the venue.
    CallUp(CallTag),
    /// A text for the guard.
    Down(Epoch, String),
    /// A protocol pong for the guard.
    PongDown(Epoch, Vec<u8>),
    /// The venue's ping.
    PingDown(Epoch),
    /// The venue's end of a connection is gone.
    EndDown(Epoch, LossCause),
    /// The answer to an HTTP call.
    CallDown(CallTag, u16, String),
}

/// Which way a parcel goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// To the venue.
    Up,
    /// To the guard.
    Down,
}

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
    on_the_way: BTreeMap<(Moment, u64), Parcel>,
    held: VecDeque<Parcel>,
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
        self.sequence += 1;
        let key = (now + self.delay * legs, self.sequence);
        self.lane_mut(way).on_the_way.insert(key, parcel);
    }

    /// From now on nothing arrives in this direction.
    pub fn cut(&mut self, now: Moment, way: Way) {
        self.lane_mut(way).cut_since.get_or_insert(now);
    }

    /// Since when a direction is down.
    pub fn cut_since(&self, way: Way) -> Option<Moment> {
        self.lane(way).cut_since
    }

    /// Both directions work again; what was held back arrives after one delay, in order.
    pub fn heal(&mut self, now: Moment) {
        for way in [Way::Up, Way::Down] {
            self.lane_mut(way).cut_since = None;
            for parcel in std::mem::take(&mut self.lane_mut(way).held) {
                self.send(now, way, parcel, 1);
            }
        }
    }

    /// When the next parcel arrives or is held back.
    pub fn next(&self) -> Option<Moment> {
        [&self.up, &self.down].into_iter().filter_map(|lane| lane.on_the_way.keys().next()).map(|(at, _)| *at).min()
    }

    /// Takes the next parcel that has arrived; those of a direction that is down are held back.
    pub fn take(&mut self, now: Moment) -> Option<Parcel> {
        loop {
            let way = self.earliest_way(now)?;
            let lane = self.lane_mut(way);
            let (_, parcel) = lane.on_the_way.pop_first()?;
            if lane.cut_since.is_none() {
                return Some(parcel);
            }
            lane.held.push_back(parcel);
        }
    }

    fn earliest_way(&self, now: Moment) -> Option<Way> {
        let first = |lane: &Lane| lane.on_the_way.keys().next().copied();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn arrived(network: &mut Network, now: Moment) -> Vec<u64> {
        let parcels = std::iter::from_fn(|| network.take(now));
        parcels.map(|parcel| if let Parcel::Knock(epoch) = parcel { epoch.0 } else { 0 }).collect()
    }

    #[test]
    fn parcels_held_back_by_a_cut_arrive_in_order_after_healing() {
        let mut network = Network::new(Duration::from_millis(10));
        network.send(ms(0), Way::Up, Parcel::Knock(Epoch(1)), 1);
        network.cut(ms(5), Way::Up);
        network.send(ms(6), Way::Up, Parcel::Knock(Epoch(2)), 1);
        assert_eq!(arrived(&mut network, ms(100)), Vec::<u64>::new());
        network.heal(ms(100));
        network.send(ms(100), Way::Up, Parcel::Knock(Epoch(3)), 1);
        assert_eq!(arrived(&mut network, ms(110)), [1, 2, 3]);
    }

    #[test]
    fn a_cut_in_one_direction_leaves_the_other_alone() {
        let mut network = Network::new(Duration::from_millis(10));
        network.cut(ms(0), Way::Down);
        network.send(ms(0), Way::Up, Parcel::Knock(Epoch(1)), 1);
        network.send(ms(0), Way::Down, Parcel::Knock(Epoch(2)), 1);
        assert_eq!(arrived(&mut network, ms(10)), [1]);
    }
}
