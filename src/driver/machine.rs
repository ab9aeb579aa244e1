//! What the driver drives: anything that keeps the session contract. The session is one; tests script others.

use crate::model::{Now, Snapshot};
use crate::session::{Action, Input};

/// Exactly one input, then actions until [`Action::Wait`].
pub(super) trait Machine: Send + 'static {
    /// Takes one input.
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// The next thing to do.
    fn poll(&mut self) -> Action<'_>;
    /// Where it stands.
    fn snapshot(&self) -> Snapshot;
}
