//! `killcord.Snapshot`: the state of a guard at one moment. Making one copies an `Arc`; an attribute is converted when
//! it is read, so that `guard.snapshot.permit` before each order costs next to nothing.

use super::{convert, errors};
use crate::model;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;
use std::time::Duration;

/// Everything a guard is willing to say about itself at one moment. Immutable.
#[pyclass(frozen, module = "killcord")]
pub struct Snapshot(Arc<model::Snapshot>);

impl From<Arc<model::Snapshot>> for Snapshot {
    fn from(state: Arc<model::Snapshot>) -> Self {
        Self(state)
    }
}

#[pymethods]
impl Snapshot {
    /// Number of the last event told before this state; 0 before the first.
    #[getter]
    fn seq(&self) -> u64 {
        self.0.seq
    }

    /// When it was taken, on the guard's clock.
    #[getter]
    fn at_ns(&self) -> u64 {
        self.0.at.nanos()
    }

    /// The venue.
    #[getter]
    fn venue<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::venue_name(py, self.0.venue)
    }

    /// The kind of switch it has.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::switch_kind(py, self.0.kind)
    }

    /// Where the guard is in its life.
    #[getter]
    fn phase<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::phase(py, self.0.phase)
    }

    /// True while killcord claims that the promise holds: armed, or suspect.
    #[getter]
    fn claim(&self) -> bool {
        self.0.claim()
    }

    /// Leave to create orders at that moment.
    #[getter]
    fn permit(&self) -> bool {
        self.0.permit
    }

    /// A trip was told or presumed and `rearm()` has not been called since.
    #[getter]
    fn latched(&self) -> bool {
        self.0.latched
    }

    /// The epoch of the guarding link; 0 when there is none.
    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch.0
    }

    /// On what grounds the switch is said to be on, in this epoch.
    #[getter]
    fn evidence<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::evidence(py, self.0.evidence)
    }

    /// When that evidence was last heard, on the guard's clock.
    #[getter]
    fn proven_at_ns(&self) -> Option<u64> {
        convert::nanos(self.0.proven_at)
    }

    /// What is covered; nothing unless `claim`.
    #[getter]
    fn coverage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::coverage(py, &self.0.coverage)
    }

    /// The published bound from loss of contact to the start of cancelling.
    #[getter]
    fn exposure<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::exposure(py, &self.0.exposure)
    }

    /// When a countdown that is believed to be running can fire; None for the other kinds.
    #[getter]
    fn trip_bounds<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        convert::trip_bounds_if_any(py, self.0.trip.as_ref())
    }

    /// Smoothed round trip of the guarding link, in seconds.
    #[getter]
    fn round_trip_s(&self) -> Option<f64> {
        self.0.round_trip.as_ref().map(Duration::as_secs_f64)
    }

    /// When the guarding link last showed life that answers a probe of ours, on the guard's clock.
    #[getter]
    fn last_life_ns(&self) -> Option<u64> {
        convert::nanos(self.0.last_life)
    }

    /// The venue announced maintenance, or the switch was taken off for it on purpose.
    #[getter]
    fn maintenance(&self) -> bool {
        self.0.maintenance
    }

    /// Venue clock minus ours, in milliseconds, when the venue has told its time.
    #[getter]
    fn clock_offset_ms(&self) -> Option<i64> {
        self.0.clock_offset_ms
    }

    /// Since when orders may rest with no switch over them, on the guard's clock; None while there is no gap.
    #[getter]
    fn gap_since_ns(&self) -> Option<u64> {
        convert::nanos(self.0.gap_since)
    }

    /// Every lease, in the order in which they were taken.
    #[getter]
    fn leases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let leases = self.0.leases.iter().map(|lease| convert::lease_state(py, lease)).collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, leases)
    }

    /// What the guard waits for, in words.
    #[getter]
    fn waiting_for(&self) -> &'static str {
        self.0.waiting_for
    }

    /// The last error, whatever became of it.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<PyErr> {
        self.0.last_error.as_ref().map(|report| errors::report(py, report))
    }

    fn __repr__(&self) -> String {
        let state = &self.0;
        format!(
            "<Snapshot {} {}, epoch {}, evidence {}, permit {}, event {}>",
            state.venue,
            state.phase.as_str(),
            state.epoch.0,
            evidence_word(state.evidence),
            if state.permit { "given" } else { "not given" },
            state.seq,
        )
    }
}

fn evidence_word(evidence: model::Evidence) -> &'static str {
    match evidence {
        model::Evidence::None => "none",
        model::Evidence::Asked => "asked",
        model::Evidence::Acknowledged => "acknowledged",
        model::Evidence::ReadBack => "read back",
    }
}
