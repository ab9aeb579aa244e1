//! `killcord.SharedLease`, its renewer, and what a guard gives for one: the three ends of a lease that another process
//! renews. Like `lease.rs`, renewing calls straight through.

use super::departure::detach;
use super::{errors, lease};
use crate::driver::{self, AttachedLease as Attached};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The page of a lease that another process renews: a small file both know.
#[pyclass(frozen, module = "killcord")]
pub struct SharedLease(pub(super) driver::SharedLease);

#[pymethods]
impl SharedLease {
    /// Opens the page, after making it when there is none.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, name: &str) -> PyResult<Self> {
        detach(py, || driver::SharedLease::open(&path, name)).map(Self).map_err(|error| errors::page_error(py, &error))
    }

    /// Makes this process the one that renews.
    fn claim(&self, py: Python<'_>) -> PyResult<SharedRenewer> {
        detach(py, || self.0.claim()).map(SharedRenewer).map_err(|error| errors::page_error(py, &error))
    }

    /// Who promises to be alive.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Where the page is.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn __repr__(&self) -> String {
        format!("<SharedLease {:?} {}>", self.0.name(), self.0.path().display())
    }
}

/// The owner of a shared lease. A context manager: leaving it gives the page up.
#[pyclass(frozen, module = "killcord")]
pub struct SharedRenewer(driver::SharedRenewer);

#[pymethods]
impl SharedRenewer {
    /// Says that this process is alive and got on. True when it was written.
    fn renew(&self, progress: u64) -> bool {
        self.0.renew(progress)
    }

    /// Gives the page up; again is harmless.
    fn close(&self) {
        self.0.close();
    }

    /// What was wrong with the owner before, when there was one that had not given the page up.
    #[getter]
    fn took_over<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.took_over().map(|fault| super::convert::page_fault(py, fault)).transpose()
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __exit__(&self, _kind: &Bound<'_, PyAny>, _error: &Bound<'_, PyAny>, _trace: &Bound<'_, PyAny>) {
        self.0.close();
    }
}

/// A lease of a guard that another process renews.
#[pyclass(frozen, module = "killcord")]
pub struct AttachedLease(pub(super) Attached);

#[pymethods]
impl AttachedLease {
    /// Announces a planned stall of this length from now on.
    fn extend(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        lease::extend(py, seconds, |by| self.0.extend(by))
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
        lease::gaps(py, &self.0.gaps())
    }

    fn __repr__(&self) -> String {
        lease::describe("AttachedLease", &self.0.state())
    }
}
