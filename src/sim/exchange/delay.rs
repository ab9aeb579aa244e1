//! Things an embedded venue will do later: answers held back, cancels that take a while.

use super::Output;
use crate::model::Moment;
use std::collections::BTreeMap;

/// Outputs waiting for their moment; equal moments keep the order in which they were put.
#[derive(Debug, Default)]
pub struct Delayed {
    queue: BTreeMap<(Moment, u64), Output>,
    count: u64,
}

impl Delayed {
    /// Holds `output` back until `at`.
    pub fn put(&mut self, at: Moment, output: Output) {
        self.count += 1;
        self.queue.insert((at, self.count), output);
    }

    /// Moves everything that is due into `out`.
    pub fn release(&mut self, now: Moment, out: &mut Vec<Output>) {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > now {
                break;
            }
            out.push(entry.remove());
        }
    }

    /// When the next one is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.queue.keys().next().map(|(at, _)| *at)
    }
}
