//! Nothing allocates on the path that answers a heartbeat or feeds a switch: counted, not believed. A binary of its own,
//! because the counting allocator counts everything in the process.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use killcord::model::{Epoch, Moment, Now, WallTime};
use killcord::session::{Action, Command, Input, Session};
use killcord::venue::Venue;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

#[path = "worlds.rs"]
#[allow(dead_code, reason = "shared with the simulation, which uses all of it")]
mod worlds;

#[cfg(feature = "driver")]
#[path = "allocations/engine.rs"]
mod engine;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged; the count is a thread-local cell without destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        #[cfg(feature = "driver")]
        engine::allocated();
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A session armed in a simulated world, taken out of it, with its clock.
struct Armed<V> {
    session: Session<V>,
    epoch: Epoch,
    now: Now,
}

impl<V: Venue> Armed<V> {
    fn new(side: &worlds::Side<V>) -> Self {
        let mut world = side.world(Duration::from_millis(1), 1);
        world.command(Command::Start);
        let end = world.now().at + Duration::from_secs(30);
        while world.step(end) {}
        let snapshot = world.snapshot();
        assert!(snapshot.claim(), "{snapshot:?}");
        Self { epoch: snapshot.epoch, now: world.now(), session: world.session }
    }

    /// Handles a line and counts what it says and what it allocates.
    fn line(&mut self, text: &str) -> (usize, u64) {
        self.now.at = self.now.at + Duration::from_millis(1);
        let before = COUNT.with(Cell::get);
        self.session.handle(self.now, Input::Line { epoch: self.epoch, text });
        let said = self.drain();
        (said, COUNT.with(Cell::get) - before)
    }

    fn drain(&mut self) -> usize {
        let mut said = 0;
        loop {
            match self.session.poll() {
                Action::Wait { .. } => return said,
                Action::Say { line, .. } => said += usize::from(!line.is_empty()),
                Action::Ping { .. } => said += 1,
                Action::Dial { .. }
                | Action::Mute { .. }
                | Action::Call { .. }
                | Action::HangUp { .. }
                | Action::Tell(_)
                | Action::Deliver { .. }
                | Action::Sent { .. }
                | Action::Fate { .. } => {}
            }
        }
    }
}

#[test]
fn answering_a_heartbeat_of_crypto_com_allocates_nothing() {
    let mut armed = Armed::new(&worlds::CRYPTO_COM);
    let beat = |n: u64| format!(r#"{{"id":{},"method":"public/heartbeat","code":0}}"#, 1_587_523_073_344 + n);
    armed.line(&beat(0));
    for n in 1..100 {
        let text = beat(n);
        assert_eq!(armed.line(&text), (1, 0), "one answer, no allocation");
    }
}

#[test]
fn answering_a_test_request_of_deribit_allocates_nothing() {
    let mut armed = Armed::new(&worlds::DERIBIT);
    let text = r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;
    armed.line(text);
    for _ in 1..100 {
        assert_eq!(armed.line(text), (1, 0), "one answer, no allocation");
    }
}

#[test]
fn a_heartbeat_of_kraken_allocates_nothing() {
    let mut armed = Armed::new(&worlds::KRAKEN);
    let text = r#"{"channel":"heartbeat"}"#;
    armed.line(text);
    for _ in 1..100 {
        assert_eq!(armed.line(text).1, 0);
    }
}

/// The protocol ping that detects silence, its answer, and the tick that judges. (The venue-level request every 5 s is
/// another path: it may allocate.)
#[test]
fn pinging_and_judging_allocate_nothing() {
    let mut armed = Armed::new(&worlds::CRYPTO_COM);
    let mut quiet = 0;
    for _ in 0..64 {
        armed.now.at = armed.now.at + Duration::from_millis(250);
        let before = COUNT.with(Cell::get);
        armed.session.handle(armed.now, Input::Tick);
        let (nonce, said) = armed.ping();
        armed.session.handle(armed.now, Input::Pong { epoch: armed.epoch, nonce });
        armed.drain();
        if !said {
            assert_eq!(COUNT.with(Cell::get) - before, 0);
            quiet += 1;
        }
    }
    assert!(quiet > 50, "{quiet} rounds with nothing but a ping");
}

impl<V: Venue> Armed<V> {
    /// The nonce of the ping that was sent, and whether anything was said beside it.
    fn ping(&mut self) -> (u64, bool) {
        let (mut sent, mut said) = (0, false);
        loop {
            match self.session.poll() {
                Action::Wait { .. } => return (sent, said),
                Action::Ping { nonce, .. } => sent = nonce,
                _ => said = true,
            }
        }
    }
}

#[test]
fn the_counter_counts() {
    let before = COUNT.with(Cell::get);
    let moment = Box::new((Moment::from_nanos(1), WallTime::from_nanos(1)));
    assert_eq!(COUNT.with(Cell::get) - before, 1, "{moment:?}");
}
