//! From what was found about orders to the records of `killcord.orders`.

use crate::model::{
    CancelledOrder, Epoch, ForeignOrder, GoneOrder, KeptOrder, OrderRef, Reconciliation, Tally, UnknownOrder,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The fields of `killcord.Reconciled`.
pub fn reconciled<'py>(py: Python<'py>, report: &Reconciliation) -> PyResult<Bound<'py, PyTuple>> {
    let fields = [
        member(py, "Occasion", report.occasion.as_str())?,
        number(py, report.asked.nanos())?,
        named(py, &report.kept, kept)?,
        number(py, report.kept.count)?,
        named(py, &report.gone, gone)?,
        number(py, report.gone.count)?,
        named(py, &report.unknown, unknown)?,
        number(py, report.unknown.count)?,
        named(py, &report.foreign, foreign)?,
        number(py, report.foreign.count)?,
        number(py, report.uncovered)?,
        number(py, report.unsettled)?,
        number(py, report.forgotten)?,
    ];
    PyTuple::new(py, fields)
}

/// The fields of `killcord.OrdersCancelled`.
pub fn cancelled<'py>(py: Python<'py>, orders: &Tally<CancelledOrder>) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [named(py, orders, cancelled_order)?, number(py, orders.count)?])
}

type Made<'py> = PyResult<Bound<'py, PyAny>>;

fn named<'py, T>(py: Python<'py>, tally: &Tally<T>, make: impl Fn(Python<'py>, &T) -> Made<'py>) -> Made<'py> {
    let named = tally.named.iter().map(|one| make(py, one)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyTuple::new(py, named)?.into_any())
}

fn kept<'py>(py: Python<'py>, one: &KeptOrder) -> Made<'py> {
    let Epoch(link) = one.link;
    class(py, "KeptOrder")?.call1((names(py, &one.order)?, link, one.covered))
}

fn gone<'py>(py: Python<'py>, one: &GoneOrder) -> Made<'py> {
    let (Epoch(link), said) = (one.link, &one.attribution);
    class(py, "GoneOrder")?.call1((
        names(py, &one.order)?,
        link,
        member(py, "CancelledBy", said.by.as_str())?,
        &said.evidence,
    ))
}

fn unknown<'py>(py: Python<'py>, one: &UnknownOrder) -> Made<'py> {
    let Epoch(link) = one.link;
    class(py, "UnknownOrder")?.call1((names(py, &one.order)?, link, member(py, "Resolution", one.resolution.as_str())?))
}

fn foreign<'py>(py: Python<'py>, one: &ForeignOrder) -> Made<'py> {
    class(py, "ForeignOrder")?.call1((names(py, &one.order)?, one.covered))
}

fn cancelled_order<'py>(py: Python<'py>, one: &CancelledOrder) -> Made<'py> {
    let (Epoch(link), said) = (one.link, &one.attribution);
    let by = member(py, "CancelledBy", said.by.as_str())?;
    class(py, "CancelledOrder")?.call1((names(py, &one.order)?, link, by, &said.evidence))
}

fn names<'py>(py: Python<'py>, order: &OrderRef) -> Made<'py> {
    class(py, "OrderRef")?.call1((&order.order_id, &order.client_id, &order.instrument))
}

fn number(py: Python<'_>, value: u64) -> Made<'_> {
    Ok(value.into_pyobject(py)?.into_any())
}

/// A member of an enum of ours, by its value.
fn member<'py>(py: Python<'py>, name: &str, value: &str) -> Made<'py> {
    class(py, name)?.call1((value,))
}

/// A class of `killcord.orders`.
pub fn class<'py>(py: Python<'py>, name: &str) -> Made<'py> {
    py.import("killcord.orders")?.getattr(name)
}
