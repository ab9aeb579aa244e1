//! Floor 5: sockets, clock, threads, HTTP. Executes what a session decides and tells it what happened; decides nothing
//! about protection itself.
//!
//! ```text
//!  handle   what an application holds             shared   what handles and task have in common
//!  engine   the thread                            queue    events and messages, never silently lost
//!  spec     what a guard needs to run             clock    the only file that reads one
//!  serve    an embedded venue on loopback
//! ```

pub mod clock;
mod engine;
mod error;
mod handle;
mod machine;
mod queue;
pub mod serve;
mod shared;
mod spec;

pub use engine::Engine;
pub use error::{CallError, StartError, WaitError};
pub use handle::GuardHandle;
pub use queue::Inbound;
pub use spec::{GuardSpec, StageDeadlines};
