//! From the report of a kill to `killcord.KillReport`.

use super::departure::calling;
use super::errors;
use crate::model::{KillPath, KillReport, LeftOrder, Moment};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// `killcord.KillReport`.
pub fn report<'py>(py: Python<'py>, value: &KillReport) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    let left = value.left.iter().map(|order| left_order(py, order)).collect::<PyResult<Vec<_>>>()?;
    let fields = (
        &value.reason,
        value.began.nanos(),
        path(py, &value.link)?,
        path(py, &value.http)?,
        value.dropped.map(Moment::nanos),
        value.proven.map(Moment::nanos),
        value.listed.map(Moment::nanos),
        PyTuple::new(py, left)?,
        value.ended.nanos(),
        value.refusal.as_ref().map(|refusal| errors::refusal(py, refusal)),
    );
    class(py, "KillReport")?.call1(fields)
}

fn path<'py>(py: Python<'py>, value: &KillPath) -> PyResult<Bound<'py, PyAny>> {
    let fields = (value.sent.map(Moment::nanos), value.acknowledged.map(Moment::nanos), value.cancelled);
    class(py, "KillPath")?.call1(fields)
}

fn left_order<'py>(py: Python<'py>, value: &LeftOrder) -> PyResult<Bound<'py, PyAny>> {
    class(py, "LeftOrder")?.call1((&value.order_id, &value.client_id, &value.instrument))
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("killcord.kill")?.getattr(name)
}
