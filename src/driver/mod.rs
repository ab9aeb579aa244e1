//! Floor 5: sockets, clock, threads, HTTP. Executes what a session decides and tells it what happened; decides nothing
//! about protection itself.
//!
//! ```text
//!  handle      what an application holds            shared   what handles and task have in common
//!  engine      the thread                           publish  the task's side of it
//!  slice       how the thread is scheduled          queue    events and messages, never silently lost
//!  spec        what a guard needs to run
//!  guard_task  the loop of one guard                clock    the only file that reads one
//!  turns       the loop, or a caller with a line
//!  world       what the loop has outside            alarm    waiting on that clock
//!  machine     what the loop drives                 ending   how the loop ends
//!
//!  dial        address to link, stage by stage      link     one live websocket
//!  resolve     name to addresses, with a memory     lanes    what waits to be written on it
//!  socket      TCP with the options we need         farewell its orderly end
//!  tls         certificates, always verified        send_queue  what the kernel knows (layer L2)
//!  stream      socket or TLS                        inherit  a forked child keeps no socket open
//!  frame       what is written, masked             hostile  what is read, for fuzzers
//!  gates       how many dials at a time
//!  call        HTTP                                serve    an embedded venue on loopback
//!  lease       what an application holds of one    lease_cell   what it shares with the task
//!  lease_word  the numbers alone                  guard_leases  the task's side of leases
//!  shared_lease  a lease another process renews    page_file    its file
//!  page_words  the order in which it is written
//!  page_watch  the guard's side of it              process      who its owner is, and whether it lives
//!  journal     every event as a line in a file          settings the TOML file of the shell commands
//! ```

mod alarm;
mod asks;
mod call;
pub mod clock;
mod dial;
mod ending;
mod engine;
mod error;
mod farewell;
mod frame;
mod gates;
mod guard_leases;
mod guard_task;
mod handle;
#[cfg(any(test, fuzzing))]
pub mod hostile;
mod inherit;
pub mod journal;
mod lanes;
mod lease;
mod lease_cell;
mod lease_word;
mod link;
mod machine;
mod page_file;
mod page_watch;
mod page_words;
mod process;
mod publish;
mod queue;
mod resolve;
mod send_queue;
pub mod serve;
pub mod settings;
mod shared;
mod shared_lease;
mod slice;
mod socket;
mod spec;
mod stream;
mod tls;
mod turns;
mod world;

/// What the files whose interleavings are tried use, so that the trial can put other atomics in its place.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
}

#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineOptions, Wait};
pub use error::{AttachError, CallError, StartError, WaitError};
pub use handle::GuardHandle;
pub use inherit::ProcessMark;
pub use lease::{AttachedLease, LeaseHandle};
pub use lease_cell::LeaseGaps;
pub use lease_word::Renewal;
pub use page_file::PageError;
pub use queue::Inbound;
pub use shared_lease::{SharedLease, SharedRenewer};
pub use spec::{GuardSpec, StageDeadlines};
