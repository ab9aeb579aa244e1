//! From our errors to the exceptions of `killcord.errors`, one exhaustive match per family. The classes are written in
//! Python and imported here; the sentence is always the Rust `Display`, the rest travels as attributes.

use super::convert;
use super::departure::calling;
use super::snapshot::Snapshot;
use crate::driver::journal::JournalError;
use crate::driver::{AttachError, CallError, PageError, StartError, WaitError};
use crate::model::{Breach, ConfigError, ErrorReport, Fault, Loss, LossCause, Misuse, Refusal, RequestId};
use crate::session::Fate;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::fmt::Display;
use std::sync::Arc;

/// The Python classes, under their own names.
pub mod classes {
    #![allow(missing_docs)]
    use pyo3::import_exception;

    import_exception!(killcord.errors, Breach);
    import_exception!(killcord.errors, Loss);
    import_exception!(killcord.errors, Refusal);
    import_exception!(killcord.errors, NotSent);
    import_exception!(killcord.errors, FateUnknown);
    import_exception!(killcord.errors, PhaseTimeout);
    import_exception!(killcord.errors, StartFailed);
    import_exception!(killcord.errors, NotProtected);
    import_exception!(killcord.errors, Latched);
    import_exception!(killcord.errors, LeaseNotRenewed);
    import_exception!(killcord.errors, WouldBreakProtection);
    import_exception!(killcord.errors, NotSendable);
    import_exception!(killcord.errors, NotConnected);
    import_exception!(killcord.errors, Throttled);
    import_exception!(killcord.errors, TooManyPending);
    import_exception!(killcord.errors, NotApplicable);
    import_exception!(killcord.errors, AlreadyStarted);
    import_exception!(killcord.errors, Ended);
    import_exception!(killcord.errors, Forked);
    import_exception!(killcord.errors, LeaseTaken);
    import_exception!(killcord.errors, Fault);
    import_exception!(killcord.errors, ConfigError);
}

/// A configuration value was refused.
pub fn config_error(py: Python<'_>, error: &ConfigError) -> PyErr {
    config_refusal(py, error.field, &error.value, &error.rule)
}

/// A configuration value was refused by the border itself: a file, a variable.
pub fn config_refusal(py: Python<'_>, field: &str, value: &str, rule: &str) -> PyErr {
    build::<classes::ConfigError>(py, format_args!("{field} = {value} is not possible: {rule}"), |attributes| {
        attributes.set_item("field", field)?;
        attributes.set_item("value", value)?;
        attributes.set_item("rule", rule)
    })
}

/// Any error a snapshot or an event carries.
pub fn report(py: Python<'_>, report: &ErrorReport) -> PyErr {
    match report {
        ErrorReport::Breach(error) => breach(py, error),
        ErrorReport::Loss(error) => loss(py, error),
        ErrorReport::Refusal(error) => refusal(py, error),
        ErrorReport::Misuse(error) => misuse(py, error),
        ErrorReport::Fault(error) => fault(py, error),
    }
}

/// A link or a dial ended.
pub fn loss(py: Python<'_>, error: &Loss) -> PyErr {
    build::<classes::Loss>(py, error, |attributes| {
        attributes.set_item("role", convert::link_role(py, error.role)?)?;
        attributes.set_item("cause", convert::loss_cause(py, &error.cause)?)?;
        attributes.set_item("code", loss_code(&error.cause))?;
        attributes.set_item("address", &error.address)?;
        attributes.set_item("advice", error.cause.advice())
    })
}

/// The venue said no.
pub fn refusal(py: Python<'_>, error: &Refusal) -> PyErr {
    build::<classes::Refusal>(py, error, |attributes| {
        attributes.set_item("step", error.step)?;
        attributes.set_item("code", &error.code)?;
        attributes.set_item("text", &error.text)?;
        attributes.set_item("advice", error.advice.0)?;
        attributes.set_item("refusal_class", convert::refusal_class(py, error.class)?)
    })
}

/// The caller asked for something that cannot or must not be done.
pub fn misuse(py: Python<'_>, error: &Misuse) -> PyErr {
    match error {
        Misuse::NotProtected { phase } => build::<classes::NotProtected>(py, error, |attributes| {
            attributes.set_item("phase", convert::phase_named(py, phase)?)
        }),
        Misuse::LeaseNotRenewed { lease } => {
            build::<classes::LeaseNotRenewed>(py, error, |attributes| attributes.set_item("lease", lease))
        }
        Misuse::Latched => build::<classes::Latched>(py, error, |_| Ok(())),
        Misuse::WouldBreakProtection { method, instead } => {
            build::<classes::WouldBreakProtection>(py, error, |attributes| {
                attributes.set_item("method", method)?;
                attributes.set_item("instead", instead)
            })
        }
        Misuse::NotSendable { why } => {
            build::<classes::NotSendable>(py, error, |attributes| attributes.set_item("why", why))
        }
        Misuse::NotConnected => build::<classes::NotConnected>(py, error, |_| Ok(())),
        Misuse::Throttled { again } => {
            build::<classes::Throttled>(py, error, |attributes| attributes.set_item("again_s", again.as_secs_f64()))
        }
        Misuse::TooManyPending { limit } => {
            build::<classes::TooManyPending>(py, error, |attributes| attributes.set_item("limit", limit))
        }
        Misuse::NotApplicable { call, why } => build::<classes::NotApplicable>(py, error, |attributes| {
            attributes.set_item("call", call)?;
            attributes.set_item("why", why)
        }),
        Misuse::AlreadyStarted => build::<classes::AlreadyStarted>(py, error, |_| Ok(())),
        Misuse::Ended => build::<classes::Ended>(py, error, |_| Ok(())),
    }
}

/// What became of a request that will not be answered.
pub fn fate(py: Python<'_>, request: RequestId, fate: &Fate) -> PyErr {
    let RequestId(number) = request;
    match fate {
        Fate::Refused(error) => misuse(py, error),
        Fate::NotSent => {
            build::<classes::NotSent>(py, format_args!("request {number} was surely not sent"), |attributes| {
                attributes.set_item("request", number)
            })
        }
        Fate::Unknown => build::<classes::FateUnknown>(
            py,
            format_args!("request {number} was sent and the link was lost before its answer: ask the venue"),
            |attributes| attributes.set_item("request", number),
        ),
    }
}

/// A bug of ours, told.
pub fn fault(py: Python<'_>, error: &Fault) -> PyErr {
    build::<classes::Fault>(py, error, |attributes| attributes.set_item("what", &error.what))
}

/// A call on a guard was refused.
pub fn call_error(py: Python<'_>, error: &CallError) -> PyErr {
    match error {
        CallError::Forked => forked(py),
        CallError::Misuse(error) => misuse(py, error),
    }
}

/// A wait ended without what was waited for.
pub fn wait_error(py: Python<'_>, error: &WaitError) -> PyErr {
    match error {
        WaitError::Forked => forked(py),
        WaitError::TimedOut(state) => build::<classes::PhaseTimeout>(py, error, |attributes| {
            attributes.set_item("snapshot", Snapshot::from(Arc::clone(state)))
        }),
        WaitError::Ended(_) => build::<classes::Ended>(py, error, |_| Ok(())),
    }
}

/// A guard could not be made.
pub fn start_error(py: Python<'_>, error: &StartError) -> PyErr {
    match error {
        StartError::Forked => forked(py),
        StartError::EngineEnded => {
            build::<classes::Fault>(py, error, |attributes| attributes.set_item("what", error.to_string()))
        }
        StartError::Local { what, code } => start_failed(py, what, &std::io::Error::from_raw_os_error(*code)),
        StartError::Config(error) => config_error(py, error),
        StartError::NoRoots => config_refusal(py, "ca_pem", "[none]", &error.to_string()),
    }
}

/// A shared lease could not be taken.
pub fn attach_error(py: Python<'_>, error: &AttachError) -> PyErr {
    match error {
        AttachError::Config(error) => config_error(py, error),
        AttachError::Call(error) => call_error(py, error),
    }
}

/// The page of a shared lease could not be opened or claimed.
pub fn page_error(py: Python<'_>, error: &PageError) -> PyErr {
    match error {
        PageError::Unsafe { path, why } => config_refusal(py, "path", &path.display().to_string(), why),
        PageError::Taken { pid, .. } => {
            build::<classes::LeaseTaken>(py, error, |attributes| attributes.set_item("pid", pid))
        }
        PageError::System { step, error: system, .. } => build::<classes::StartFailed>(py, error, |attributes| {
            attributes.set_item("what", step)?;
            attributes.set_item("code", system.raw_os_error())
        }),
    }
}

/// A journal could not be opened.
pub fn journal_error(py: Python<'_>, error: &JournalError) -> PyErr {
    match error {
        JournalError::Config(error) => config_error(py, error),
        JournalError::Unsafe { path, why } => config_refusal(py, "path", &path.display().to_string(), why),
        JournalError::System { step, error: system, .. } => build::<classes::StartFailed>(py, error, |attributes| {
            attributes.set_item("what", step)?;
            attributes.set_item("code", system.raw_os_error())
        }),
    }
}

/// The operating system gave something not.
pub fn start_failed(py: Python<'_>, what: &str, error: &std::io::Error) -> PyErr {
    build::<classes::StartFailed>(py, format_args!("the operating system gave no {what}: {error}"), |attributes| {
        attributes.set_item("what", what)?;
        attributes.set_item("code", error.raw_os_error())
    })
}

/// The handle came over with a fork.
pub fn forked(py: Python<'_>) -> PyErr {
    build::<classes::Forked>(
        py,
        "this process is forked from the one that made the guard; the guard can be used only there",
        |_| Ok(()),
    )
}

fn breach(py: Python<'_>, error: &Breach) -> PyErr {
    build::<classes::Breach>(py, error, |attributes| attributes.set_item("what", error.what))
}

/// The number that some causes have: a close code, an HTTP status, an errno.
fn loss_code(cause: &LossCause) -> Option<i32> {
    match cause {
        LossCause::UpgradeRefused { status } => Some(i32::from(*status)),
        LossCause::Closed { code, .. } => Some(i32::from(*code)),
        LossCause::Socket { code } => Some(*code),
        LossCause::Resolve { .. }
        | LossCause::ConnectionRefused
        | LossCause::Unreachable
        | LossCause::StageTimeout { .. }
        | LossCause::Certificate { .. }
        | LossCause::Tls { .. }
        | LossCause::NotWebsocket
        | LossCause::EndOfStream
        | LossCause::Reset
        | LossCause::UserTimeout
        | LossCause::TooLarge
        | LossCause::Protocol
        | LossCause::Silent
        | LossCause::Breach
        | LossCause::ArmTimeout
        | LossCause::OnPurpose
        | LossCause::Local { .. } => None,
    }
}

/// The exception, or whatever went wrong while it was made.
fn build<T: PyTypeInfo>(
    py: Python<'_>,
    message: impl Display,
    fill: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let _calling = calling(py);
    let attributes = PyDict::new(py);
    let made = fill(&attributes).and_then(|()| py.get_type::<T>().call((message.to_string(),), Some(&attributes)));
    made.map_or_else(|error| error, PyErr::from_value)
}
