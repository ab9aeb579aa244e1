//! Lines that wait because the socket takes no more. Three queues, and the more urgent one always goes first: a
//! keepalive never stands behind an order. All of them belong to one link and are thrown away with it.

use crate::venue::Lane;
use std::collections::VecDeque;

/// Something to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Waiting {
    /// A text message.
    Line(String),
    /// A protocol ping.
    Ping(u64),
}

/// What waits on one link.
#[derive(Default)]
pub(super) struct Lanes {
    keepalive: VecDeque<Waiting>,
    control: VecDeque<Waiting>,
    order: VecDeque<Waiting>,
}

impl Lanes {
    /// Queues something. A full keepalive lane loses its oldest: an answer that waited behind 63 others answers nothing
    /// any more. A full control or order lane takes nothing; false then.
    pub(super) fn push(&mut self, lane: Lane, waiting: Waiting) -> bool {
        let (queue, limit) = match lane {
            Lane::Keepalive => (&mut self.keepalive, KEEPALIVES_MAX),
            Lane::Control => (&mut self.control, CONTROLS_MAX),
            Lane::Order => (&mut self.order, ORDERS_MAX),
        };
        if queue.len() >= limit {
            if lane != Lane::Keepalive {
                return false;
            }
            queue.pop_front();
        }
        queue.push_back(waiting);
        true
    }

    /// The most urgent.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.keepalive.pop_front().or_else(|| self.control.pop_front()).or_else(|| self.order.pop_front())
    }

    /// True when another order would have to be refused.
    pub(super) fn is_order_lane_full(&self) -> bool {
        self.order.len() >= ORDERS_MAX
    }
}

/// More than a minute of pings and answers at their shortest spacing says nothing new.
const KEEPALIVES_MAX: usize = 64;
/// A whole login and arming, several times over.
const CONTROLS_MAX: usize = 256;
/// Beyond this the application is told to slow down.
pub(super) const ORDERS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keepalive_goes_before_control_and_control_before_orders() {
        let mut lanes = Lanes::default();
        for (lane, text) in [(Lane::Order, "o1"), (Lane::Control, "c"), (Lane::Order, "o2"), (Lane::Keepalive, "k")] {
            assert!(lanes.push(lane, line(text)));
        }
        let order: Vec<Waiting> = std::iter::from_fn(|| lanes.pop()).collect();
        assert_eq!(order, [line("k"), line("c"), line("o1"), line("o2")]);
    }

    #[test]
    fn a_full_order_lane_takes_nothing_and_says_so() {
        let mut lanes = Lanes::default();
        for _ in 0..ORDERS_MAX {
            assert!(!lanes.is_order_lane_full());
            assert!(lanes.push(Lane::Order, line("o")));
        }
        assert!(lanes.is_order_lane_full());
        assert!(!lanes.push(Lane::Order, line("one too many")));
        assert!(lanes.push(Lane::Keepalive, line("k")));
    }

    #[test]
    fn a_full_keepalive_lane_keeps_the_newest() {
        let mut lanes = Lanes::default();
        for nonce in 0..=KEEPALIVES_MAX as u64 {
            assert!(lanes.push(Lane::Keepalive, Waiting::Ping(nonce)));
        }
        assert_eq!(lanes.pop(), Some(Waiting::Ping(1)));
    }

    fn line(text: &str) -> Waiting {
        Waiting::Line(text.into())
    }
}
