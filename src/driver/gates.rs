//! How many dials to one host are under way at a time, over all guards of an engine. A venue that comes back finds
//! thousands of guards at its door; if all dial at once they share one thread, each handshake takes as long as all
//! together, deadlines pass, and the work is thrown away and done again (measured with 10,000 guards: each lost most of
//! its first links). In turn, each is as quick as if it were alone.
//!
//! Not a rate limit: how often one guard may dial is the session's business. HTTP does not pass here, so that no queue is
//! in front of a kill.

use super::shared::lock;
use crate::model::Endpoint;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One gate for each host: a venue that answers nobody holds up its own guards alone.
#[derive(Clone, Default)]
pub(super) struct Gates(Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>);

/// Leave to dial, until it is dropped.
pub(super) struct Turn(Option<OwnedSemaphorePermit>);

impl Gates {
    /// First come, first served.
    pub(super) async fn turn(&self, to: &Endpoint) -> Turn {
        let gate = lock(&self.0).entry(to.host.clone()).or_insert_with(open).clone();
        // An error would mean that it was closed, which nobody does; then there is nothing to wait for.
        Turn(gate.acquire_owned().await.ok())
    }
}

impl Turn {
    /// The link is up: the next one.
    pub(super) fn end(self) {
        drop(self.0);
    }
}

fn open() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(AT_A_TIME))
}

/// At four round trips of 50 ms each, 640 links a second; far more than one guard, or a hundred, can make use of.
const AT_A_TIME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn the_first_pass_at_once_the_next_when_one_has_ended_and_another_host_is_not_held_up() {
        let gates = Gates::default();
        let (venue, other) = (endpoint("ws://127.0.0.1:1/"), endpoint("ws://localhost:1/"));
        let mut turns: Vec<Turn> = (0..AT_A_TIME).map(|_| now(gates.turn(&venue)).expect("room")).collect();
        let mut waiting = pin!(gates.turn(&venue));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        assert!(now(gates.turn(&other)).is_some());
        turns.pop().expect("one").end();
        assert!(waiting.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn who_gives_up_waiting_takes_nobodys_turn() {
        let gates = Gates::default();
        let venue = endpoint("ws://127.0.0.1:1/");
        let turns: Vec<Turn> = (0..AT_A_TIME).map(|_| now(gates.turn(&venue)).expect("room")).collect();
        assert!(now(gates.turn(&venue)).is_none());
        drop(turns);
        assert_eq!((0..AT_A_TIME).filter_map(|_| now(gates.turn(&venue))).map(Turn::end).count(), AT_A_TIME);
    }

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::parse("url", url).expect("an address")
    }

    fn now<T>(work: impl Future<Output = T>) -> Option<T> {
        match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }
}
