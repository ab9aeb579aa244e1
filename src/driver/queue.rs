//! A bounded queue for one reader that never hides a loss: when it is full, what comes is counted, and one marker
//! stands exactly where the hole is. Not a channel: it knows no thread and no waiting.

use crate::model::Epoch;
use crate::model::{Event, EventKind, LinkRole, RequestId};
use crate::session::Fate;
use std::collections::VecDeque;

/// What reaches the application from a guard's links, in order of arrival.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inbound {
    /// A message of the venue that is nobody's answer.
    Message {
        /// On which link it came.
        role: LinkRole,
        /// The epoch of that link.
        epoch: Epoch,
        /// The text, unchanged.
        text: String,
    },
    /// The answer to a request.
    Answer {
        /// To which.
        request: RequestId,
        /// The text, unchanged.
        text: String,
    },
    /// A request or a line was handed to the kernel.
    Sent {
        /// Which.
        request: RequestId,
    },
    /// A request or a line will not be answered.
    Fate {
        /// Which.
        request: RequestId,
        /// What became of it.
        fate: Fate,
    },
    /// The reader was too slow: this many `Message`s were dropped here. The others are never dropped.
    Overflow {
        /// Exactly how many.
        lost: u64,
    },
}

/// Something that can leave a hole behind.
pub(super) trait Queued: Sized {
    /// True for what must arrive even when the queue is full. The sender bounds how many of these there can be.
    fn must_arrive(&self) -> bool;
    /// Turns itself, the first that found no room, into the marker of a hole of one. A marker stays as it is.
    fn into_hole(self) -> Self;
    /// The size of the hole, when this is a marker.
    fn hole(&mut self) -> Option<&mut u64>;
    /// How much text it carries.
    fn bytes(&self) -> usize;
}

/// At most `capacity` items and [`BYTES_MAX`] of text, plus markers, plus what must arrive.
pub(super) struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    bytes: usize,
}

impl<T: Queued> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { items: VecDeque::new(), capacity, bytes: 0 }
    }

    pub(super) fn push(&mut self, item: T) {
        let fits = self.items.len() < self.capacity && self.bytes + item.bytes() <= BYTES_MAX;
        if fits || item.must_arrive() {
            self.bytes += item.bytes();
            self.items.push_back(item);
            return;
        }
        let mut hole = item.into_hole();
        match (self.items.back_mut().and_then(Queued::hole), hole.hole()) {
            (Some(lost), Some(more)) => *lost += *more,
            (Some(_) | None, _) => self.items.push_back(hole),
        }
    }

    /// Moves everything into `other`, in order; holes stay exact.
    pub(super) fn pour_into(&mut self, other: &mut Self) {
        self.bytes = 0;
        self.items.drain(..).for_each(|item| other.push(item));
    }

    /// The oldest, at most `max` of them.
    pub(super) fn drain(&mut self, max: usize) -> Vec<T> {
        let count = max.min(self.items.len());
        let drained: Vec<T> = self.items.drain(..count).collect();
        self.bytes -= drained.iter().map(Queued::bytes).sum::<usize>();
        drained
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Queued for Event {
    fn must_arrive(&self) -> bool {
        false
    }

    /// Keeps the number of the first lost event, so that `seq + lost` is the number of the next one.
    fn into_hole(mut self) -> Self {
        if self.hole().is_none() {
            self.kind = EventKind::Overflow { lost: 1 };
        }
        self
    }

    fn hole(&mut self) -> Option<&mut u64> {
        if let EventKind::Overflow { lost } = &mut self.kind { Some(lost) } else { None }
    }

    /// What it carries is cut short where it is made.
    fn bytes(&self) -> usize {
        0
    }
}

impl Queued for Inbound {
    fn must_arrive(&self) -> bool {
        match self {
            Self::Message { .. } | Self::Overflow { .. } => false,
            Self::Answer { .. } | Self::Sent { .. } | Self::Fate { .. } => true,
        }
    }

    fn into_hole(mut self) -> Self {
        if self.hole().is_some() { self } else { Self::Overflow { lost: 1 } }
    }

    fn hole(&mut self) -> Option<&mut u64> {
        if let Self::Overflow { lost } = self { Some(lost) } else { None }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Message { text, .. } | Self::Answer { text, .. } => text.len(),
            Self::Sent { .. } | Self::Fate { .. } | Self::Overflow { .. } => 0,
        }
    }
}

/// A venue that floods a reader who does not read costs no more memory than this.
const BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, WallTime};

    #[test]
    fn a_full_queue_leaves_one_marker_with_the_exact_count_where_the_hole_is() {
        let mut queue = Queue::new(2);
        (1..=5).for_each(|seq| queue.push(event(seq)));
        let first = queue.drain(2);
        queue.push(event(6));
        let rest = queue.drain(usize::MAX);
        assert_eq!(seqs(&first), [1, 2]);
        assert_eq!(seqs(&rest), [3, 6]);
        assert_eq!(rest[0].kind, EventKind::Overflow { lost: 3 });
        assert_eq!(rest[0].seq + 3, rest[1].seq);
    }

    #[test]
    fn numbers_and_holes_together_leave_no_gap_whatever_the_reader_does() {
        for capacity in 1..=4 {
            for pattern in 0u32..(1 << 12) {
                let mut queue = Queue::new(capacity);
                let (mut seq, mut expected) = (0, 1);
                for step in 0..12 {
                    if pattern & (1 << step) == 0 {
                        seq += 1;
                        queue.push(event(seq));
                    } else {
                        queue.drain(2).into_iter().for_each(|event| expected = after(event, expected));
                    }
                }
                queue.drain(usize::MAX).into_iter().for_each(|event| expected = after(event, expected));
                assert_eq!(expected, seq + 1, "capacity {capacity} pattern {pattern:b}");
            }
        }
    }

    #[test]
    fn pouring_a_queue_with_a_hole_into_a_full_one_adds_the_holes_up() {
        let (mut staged, mut queue) = (Queue::new(1), Queue::new(1));
        queue.push(event(1));
        (2..=4).for_each(|seq| staged.push(event(seq)));
        staged.pour_into(&mut queue);
        let all = queue.drain(usize::MAX);
        assert_eq!(seqs(&all), [1, 2]);
        assert_eq!(all[1].kind, EventKind::Overflow { lost: 3 });
    }

    #[test]
    fn an_answer_arrives_even_when_messages_filled_the_queue() {
        let mut queue = Queue::new(1);
        queue.push(message("a"));
        queue.push(message("b"));
        queue.push(message("c"));
        queue.push(Inbound::Answer { request: RequestId(7), text: "yes".into() });
        let all = queue.drain(usize::MAX);
        assert_eq!(all[1], Inbound::Overflow { lost: 2 });
        assert_eq!(all[2], Inbound::Answer { request: RequestId(7), text: "yes".into() });
    }

    #[test]
    fn large_messages_fill_the_queue_before_its_places_are_used_up() {
        let mut queue = Queue::new(1000);
        let large = "x".repeat(BYTES_MAX / 4);
        (0..6).for_each(|_| queue.push(message(&large)));
        let all = queue.drain(usize::MAX);
        assert_eq!(all.len(), 5);
        assert_eq!(all[4], Inbound::Overflow { lost: 2 });
        queue.push(message(&large));
        assert_eq!(queue.drain(1), [message(&large)]);
    }

    fn event(seq: u64) -> Event {
        let kind = EventKind::LetGo;
        Event { seq, at: Moment::default(), wall: WallTime::default(), epoch: Epoch(0), kind }
    }

    fn message(text: &str) -> Inbound {
        Inbound::Message { role: LinkRole::Guard, epoch: Epoch(1), text: text.into() }
    }

    fn seqs(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.seq).collect()
    }

    /// The number that must come next.
    fn after(mut event: Event, expected: u64) -> u64 {
        assert_eq!(event.seq, expected);
        event.seq + event.hole().copied().unwrap_or(1)
    }
}
