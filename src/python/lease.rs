//! `killcord.Lease`: renewing converts one number and calls straight through; the GIL is neither needed for what it does
//! nor handed over.

use super::departure::calling;
use super::errors;
use crate::driver::{LeaseGaps, LeaseHandle, Renewal};
use crate::model::{LeaseState, Misuse};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::time::Duration;

/// An application's promise to be alive: renewed by the loop that decides, with a token that changes as it gets on.
#[pyclass(frozen, module = "killcord")]
pub struct Lease(pub(super) LeaseHandle);

#[pymethods]
impl Lease {
    /// Says that this decision loop is alive and got on. True when it counts.
    fn renew(&self, progress: u64) -> bool {
        match self.0.renew(progress) {
            Renewal::Counted => true,
            Renewal::Constant | Renewal::Late => false,
        }
    }

    /// Announces a planned stall of this length from now on.
    fn extend(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        extend(py, seconds, |by| self.0.extend(by))
    }

    /// Ends the promise on purpose: the guard no longer needs it. Undoes no lapse; again is harmless.
    fn close(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        self.0.close(reason).map_err(|error| errors::call_error(py, &error))
    }

    /// Who promises to be alive.
    #[getter]
    fn name(&self) -> &str {
        self.0.terms().name()
    }

    /// The longest time between two renewals.
    #[getter]
    fn budget_s(&self) -> f64 {
        self.0.terms().budget().as_secs_f64()
    }

    /// It lapsed, and no renewal changes that before `rearm()`.
    #[getter]
    fn lapsed(&self) -> bool {
        self.0.state().lapsed
    }

    /// The observed times between renewals, for choosing a budget from.
    #[getter]
    fn gaps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        gaps(py, &self.0.gaps())
    }

    fn __repr__(&self) -> String {
        describe("Lease", &self.0.state())
    }
}

/// Hands a length that is possible to `extend`, which says whether there was something to extend.
pub fn extend(py: Python<'_>, seconds: f64, extend: impl FnOnce(Duration) -> bool) -> PyResult<()> {
    let by = Duration::try_from_secs_f64(seconds).ok().filter(|by| *by <= STALL_MAX);
    let by =
        by.ok_or_else(|| errors::config_refusal(py, "seconds", &seconds.to_string(), "must be between 0 and 3600"))?;
    if extend(by) {
        return Ok(());
    }
    let why = "the lease was not renewed yet, or lapsed";
    Err(errors::misuse(py, &Misuse::NotApplicable { call: "extend", why }))
}

/// `killcord.LeaseGaps`.
pub fn gaps<'py>(py: Python<'py>, gaps: &LeaseGaps) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    let buckets: Vec<(f64, u64)> = gaps.buckets.iter().map(|(bound, count)| (bound.as_secs_f64(), *count)).collect();
    let buckets = PyTuple::new(py, buckets)?;
    py.import("killcord.lease")?.getattr("LeaseGaps")?.call1((buckets, gaps.longest.as_secs_f64()))
}

/// What `repr` says of a lease.
pub fn describe(class: &str, state: &LeaseState) -> String {
    let word = match (state.lapsed, state.renewed_at) {
        (true, _) => "lapsed",
        (false, Some(_)) => "kept",
        (false, None) => "not renewed yet",
    };
    format!("<{class} {:?}, {} s, {word}>", state.terms.name(), state.terms.budget().as_secs_f64())
}

/// The longest stall that can be announced at once.
const STALL_MAX: Duration = Duration::from_secs(3600);
