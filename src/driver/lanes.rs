//! Lines that wait because the socket takes no more. Three queues, and the more urgent one always goes first: a
//! keepalive never stands behind an order. All of them belong to one link and are thrown away with it.

use crate::model::RequestId;
use crate::venue::Lane;
use std::collections::{BTreeSet, VecDeque};

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
    order: VecDeque<(Waiting, Option<RequestId>)>,
    order_bytes: usize,
    /// Requests whose lines were thrown away unwritten.
    unsent: BTreeSet<RequestId>,
}

impl Lanes {
    /// Queues something. A full keepalive lane loses its oldest: an answer that waited behind 63 others answers nothing
    /// any more. A full control or order lane takes nothing; false then.
    pub(super) fn push(&mut self, lane: Lane, waiting: Waiting) -> bool {
        match lane {
            Lane::Keepalive => {
                if self.keepalive.len() >= KEEPALIVES_MAX {
                    self.keepalive.pop_front();
                }
                self.keepalive.push_back(waiting);
            }
            Lane::Control if self.control.len() >= CONTROLS_MAX => return false,
            Lane::Control => self.control.push_back(waiting),
            Lane::Order if self.is_order_lane_full() => return false,
            Lane::Order => {
                self.order_bytes += waiting.bytes();
                self.order.push_back((waiting, None));
            }
        }
        true
    }

    /// The most urgent.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.keepalive.pop_front().or_else(|| self.control.pop_front()).or_else(|| self.pop_order())
    }

    /// Throws away the keepalives and orders that wait.
    pub(super) fn keep_control_only(&mut self) {
        self.keepalive.clear();
        self.order.clear();
        self.order_bytes = 0;
    }

    fn pop_order(&mut self) -> Option<Waiting> {
        let (order, _) = self.order.pop_front()?;
        self.order_bytes -= order.bytes();
        Some(order)
    }

    /// The order that was queued last is the line of this request.
    pub(super) fn name_last_order(&mut self, request: RequestId) {
        if let Some((_, name)) = self.order.back_mut() {
            *name = Some(request);
        }
    }

    /// True when the line of this request was surely not written.
    pub(super) fn never_wrote(&self, request: RequestId) -> bool {
        self.unsent.contains(&request) || self.order.iter().any(|(_, name)| *name == Some(request))
    }

    /// Throws away everything that waits, and remembers which requests that was.
    pub(super) fn discard(&mut self) {
        let unsent = self.order.iter().filter_map(|(_, name)| *name).collect();
        *self = Self { unsent, ..Self::default() };
    }

    /// True when another order would have to be refused.
    pub(super) fn is_order_lane_full(&self) -> bool {
        self.order.len() >= ORDERS_MAX || self.order_bytes >= ORDER_BYTES_MAX
    }
}

impl Waiting {
    fn bytes(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Ping(_) => 0,
        }
    }
}

/// More than a minute of pings and answers at their shortest spacing says nothing new.
const KEEPALIVES_MAX: usize = 64;
/// A whole login and arming, several times over.
const CONTROLS_MAX: usize = 256;
/// Beyond this the application is told to slow down.
pub(super) const ORDERS_MAX: usize = 1024;
/// The same for large ones. The last may go over it by its own length.
const ORDER_BYTES_MAX: usize = 32 << 20;

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
    fn large_orders_fill_their_lane_before_its_places_are_used_up() {
        let mut lanes = Lanes::default();
        assert!(lanes.push(Lane::Order, line(&"x".repeat(ORDER_BYTES_MAX))));
        assert!(!lanes.push(Lane::Order, line("o")));
        assert!(lanes.pop().is_some());
        assert!(lanes.push(Lane::Order, line("o")));
    }

    #[test]
    fn a_full_keepalive_lane_keeps_the_newest() {
        let mut lanes = Lanes::default();
        for nonce in 0..=KEEPALIVES_MAX as u64 {
            assert!(lanes.push(Lane::Keepalive, Waiting::Ping(nonce)));
        }
        assert_eq!(lanes.pop(), Some(Waiting::Ping(1)));
    }

    #[test]
    fn an_order_that_still_waits_was_surely_not_written() {
        let mut lanes = Lanes::default();
        for request in [RequestId(1), RequestId(2)] {
            assert!(lanes.push(Lane::Order, line("o")));
            lanes.name_last_order(request);
        }
        assert!(lanes.pop().is_some());
        assert!(!lanes.never_wrote(RequestId(1)) && lanes.never_wrote(RequestId(2)));
        lanes.discard();
        assert!(lanes.pop().is_none());
        assert!(!lanes.never_wrote(RequestId(1)) && lanes.never_wrote(RequestId(2)));
    }

    fn line(text: &str) -> Waiting {
        Waiting::Line(text.into())
    }
}
