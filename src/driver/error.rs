//! What can go wrong between a caller and a guard, as types. What goes wrong between a guard and its venue is in
//! `model::error` and reaches the caller as events.

use crate::model::{ConfigError, Misuse, Snapshot};
use std::sync::Arc;

/// A guard or an engine could not be started. Nothing was started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StartError {
    /// The engine belongs to the process this one was forked from.
    #[error("{FORKED}")]
    Forked,
    /// The engine's thread has ended; no guard can run on it.
    #[error("the engine has ended")]
    EngineEnded,
    /// The operating system gave no thread, descriptor or timer.
    #[error("the operating system gave no {what} (errno {code})")]
    Local {
        /// What was asked for.
        what: &'static str,
        /// Its answer.
        code: i32,
    },
    /// A value of the specification cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is not one root certificate to verify a venue with.
    #[error("no root certificates were found on this machine and no extra_ca_pem was given: no venue can be verified")]
    NoRoots,
}

/// A call on a guard was refused. Nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallError {
    /// The guard lives in the process this one was forked from.
    #[error("{FORKED}")]
    Forked,
    /// The caller asked for something that cannot or must not be done.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

/// A shared lease could not be taken. Nothing was done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AttachError {
    /// The budget is not possible.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The guard refused.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// A wait ended without what was waited for. Carries the last snapshot, so that it says where the guard stood.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum WaitError {
    /// The guard lives in the process this one was forked from.
    #[error("{FORKED}")]
    Forked,
    /// The time is over.
    #[error("timed out while the guard was {} and waited for {}", .0.phase.as_str(), .0.waiting_for)]
    TimedOut(Arc<Snapshot>),
    /// The guard ended, so that it cannot happen any more.
    #[error("the guard ended ({})", .0.phase.as_str())]
    Ended(Arc<Snapshot>),
}

const FORKED: &str =
    "this process was forked from the one that runs the guard; it can neither use it nor keep it alive";
