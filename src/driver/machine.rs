//! What the driver drives: anything that keeps the session contract. The session is one; tests script others.

use crate::model::{Now, Snapshot};
use crate::session::{Action, Input, Session};
use crate::venue::Venue;

/// Exactly one input, then actions until [`Action::Wait`].
pub(super) trait Machine: Send + Unpin + 'static {
    /// Takes one input.
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// The next thing to do.
    fn poll(&mut self) -> Action<'_>;
    /// Where it stands.
    fn snapshot(&self) -> Snapshot;
}

impl Machine for Session<Box<dyn Venue + Send>> {
    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.handle(now, input);
    }

    fn poll(&mut self) -> Action<'_> {
        self.poll()
    }

    fn snapshot(&self) -> Snapshot {
        self.snapshot()
    }
}
