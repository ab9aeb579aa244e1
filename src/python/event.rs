//! From an event to the frozen record of `killcord.events` that stands for it, in one exhaustive match.

use super::departure::calling;
use super::snapshot::Snapshot;
use super::{convert, errors, kill, orders};
use crate::model::{Epoch, Event, EventKind, RequestId};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

/// The record for `event`. An overflow is told together with the state after it, which `snapshot` reads.
pub fn to_python<'py>(
    py: Python<'py>,
    event: &Event,
    snapshot: impl FnOnce() -> PyResult<Snapshot>,
) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    let common = PyDict::new(py);
    common.set_item(intern!(py, "seq"), event.seq)?;
    common.set_item(intern!(py, "at_ns"), event.at.nanos())?;
    common.set_item(intern!(py, "wall_ns"), event.wall.nanos())?;
    common.set_item(intern!(py, "epoch"), event.epoch.0)?;
    let make = |name: &str, fields: Bound<'py, PyTuple>| class(py, name)?.call(fields, Some(&common));
    let of_orders = |name: &str, fields: Bound<'py, PyTuple>| orders::class(py, name)?.call(fields, Some(&common));
    match &event.kind {
        EventKind::PhaseChanged { from, to, why } => {
            make("PhaseChanged", tuple(py, (convert::phase(py, *from)?, convert::phase(py, *to)?, *why))?)
        }
        EventKind::Dialling { role, epoch: Epoch(epoch), standby } => {
            make("Dialling", tuple(py, (convert::link_role(py, *role)?, epoch, standby))?)
        }
        EventKind::LinkUp { role, epoch: Epoch(epoch), took } => {
            make("LinkUp", tuple(py, (convert::link_role(py, *role)?, epoch, took.as_secs_f64()))?)
        }
        EventKind::LinkLost { epoch: Epoch(epoch), loss } => {
            make("LinkLost", tuple(py, (epoch, errors::loss(py, loss)))?)
        }
        EventKind::StepDone { step } => make("StepDone", tuple(py, (convert::step(py, *step)?,))?),
        EventKind::SwitchArmed { evidence, coverage, exposure, trip, took } => {
            let fields = (
                convert::evidence(py, *evidence)?,
                convert::coverage(py, coverage)?,
                convert::exposure(py, exposure)?,
                convert::trip_bounds_if_any(py, trip.as_ref())?,
                took.as_secs_f64(),
            );
            make("SwitchArmed", tuple(py, fields)?)
        }
        EventKind::Fed { trip } => make("Fed", tuple(py, (convert::trip_bounds(py, trip)?,))?),
        EventKind::ReadBack { verdict } => make("ReadBack", tuple(py, (convert::read_back_verdict(py, *verdict)?,))?),
        EventKind::Suspected { silent, layer } => {
            make("Suspected", tuple(py, (silent.as_secs_f64(), convert::layer(py, *layer)?))?)
        }
        EventKind::LinkDead { silent, layer, kept } => {
            make("LinkDead", tuple(py, (silent.as_secs_f64(), convert::layer(py, *layer)?, kept))?)
        }
        EventKind::Recovered { silent } => make("Recovered", tuple(py, (silent.as_secs_f64(),))?),
        EventKind::Tripped { how, epoch: Epoch(epoch) } => {
            make("Tripped", tuple(py, (convert::trip(py, how)?, epoch))?)
        }
        EventKind::GapOpened { why } => make("GapOpened", tuple(py, (*why,))?),
        EventKind::GapClosed { length } => make("GapClosed", tuple(py, (length.as_secs_f64(),))?),
        EventKind::Stalled { late } => make("Stalled", tuple(py, (late.as_secs_f64(),))?),
        EventKind::Refused { refusal } => make("Refused", tuple(py, (errors::refusal(py, refusal),))?),
        EventKind::RateLimited { pause } => make("RateLimited", tuple(py, (pause.as_secs_f64(),))?),
        EventKind::Permit { given } => make("Permit", tuple(py, (given,))?),
        EventKind::VenueNotice { notice } => make("VenueNotice", tuple(py, (convert::notice(py, notice)?,))?),
        EventKind::ClockOffset { millis } => make("ClockOffset", tuple(py, (millis,))?),
        EventKind::Disarmed { reason } => make("Disarmed", tuple(py, (reason,))?),
        EventKind::Farewell { reason, confirmed } => make("Farewell", tuple(py, (reason, confirmed))?),
        EventKind::KillStarted { reason } => make("KillStarted", tuple(py, (reason,))?),
        EventKind::KillEnded { report } => make("KillEnded", tuple(py, (kill::report(py, report)?,))?),
        EventKind::Rearmed { acknowledge } => make("Rearmed", tuple(py, (acknowledge,))?),
        EventKind::Reconciled { report } => of_orders("Reconciled", orders::reconciled(py, report)?),
        EventKind::Unreconciled { refusal, again } => {
            let refusal = refusal.as_ref().map(|refusal| errors::refusal(py, refusal));
            of_orders("Unreconciled", tuple(py, (refusal, again.as_secs_f64()))?)
        }
        EventKind::OrdersCancelled { orders } => of_orders("OrdersCancelled", orders::cancelled(py, orders)?),
        EventKind::SubscriptionLost { method, why } => of_orders("SubscriptionLost", tuple(py, (method, why))?),
        EventKind::LeaseWarning { lease, silent } => make("LeaseWarning", tuple(py, (&**lease, silent.as_secs_f64()))?),
        EventKind::LeaseRenewed { lease, gap } => make("LeaseRenewed", tuple(py, (&**lease, gap.as_secs_f64()))?),
        EventKind::LeaseLapsed { lease, late } => make("LeaseLapsed", tuple(py, (&**lease, late.as_secs_f64()))?),
        EventKind::LeaseDoubted { lease, why } => {
            make("LeaseDoubted", tuple(py, (&**lease, convert::page_fault(py, *why)?))?)
        }
        EventKind::LeaseClosed { lease, reason } => make("LeaseClosed", tuple(py, (&**lease, reason))?),
        EventKind::LetGo => make("LetGo", PyTuple::empty(py)),
        EventKind::RequestLost { request: RequestId(request), unsent } => {
            make("RequestLost", tuple(py, (request, unsent))?)
        }
        EventKind::Error { report } => make("ErrorReported", tuple(py, (errors::report(py, report),))?),
        EventKind::Overflow { lost } => make("Overflow", tuple(py, (lost, snapshot()?))?),
    }
}

fn tuple<'py>(
    py: Python<'py>,
    fields: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
) -> PyResult<Bound<'py, PyTuple>> {
    fields.into_pyobject(py)
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static EVENTS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    EVENTS.get_or_try_init(py, || py.import("killcord.events").map(Bound::unbind))?.bind(py).getattr(name)
}
