//! An open journal as `killcord.journal` uses it. What it writes never passes through Python.

use super::departure::detach;
use super::errors;
use crate::driver::journal::{Journal, JournalOptions};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::time::Duration;

/// An open journal and its writer. `killcord.Journal` is its face.
#[pyclass(frozen, weakref, module = "killcord._killcord")]
pub struct JournalWriter(Journal);

#[pymethods]
impl JournalWriter {
    /// Opens or creates the file and starts the writer.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, max_bytes: u64, keep: u64, queue: usize) -> PyResult<Self> {
        let keep = u32::try_from(keep).unwrap_or(u32::MAX);
        let options = JournalOptions { max_bytes, keep, queue };
        detach(py, || Journal::open(path, options)).map(Self).map_err(|error| errors::journal_error(py, &error))
    }

    /// Events written, events lost, and what the system said last while it cannot be written.
    fn status(&self) -> (u64, u64, Option<String>) {
        let status = self.0.status();
        (status.written, status.lost, status.error)
    }

    /// Waits until everything handed over before is written or counted as lost. False when that takes longer.
    fn flush(&self, py: Python<'_>, timeout_s: f64) -> bool {
        let timeout = Duration::try_from_secs_f64(timeout_s).unwrap_or_default();
        detach(py, || self.0.flush(timeout))
    }
}

impl JournalWriter {
    /// What a guard is given.
    pub fn journal(&self) -> Journal {
        self.0.clone()
    }
}
