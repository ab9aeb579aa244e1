//! The handle of a guard as `killcord.guard` uses it. It hands over, reads and waits; what the results mean is decided
//! on the Python side of the border (who awaits what) and below it (everything else).

use super::bell::Bell;
use super::config::PolicySpec;
use super::departure::detach;
use super::engine::EngineSpec;
use super::journal::JournalWriter;
use super::lease::Lease;
use super::shared_lease::{AttachedLease, SharedLease};
use super::snapshot::Snapshot;
use super::venues::VenueSpec;
use super::{convert, errors, event, message};
use crate::driver::{self, CallError, GuardSpec, ProcessMark, WaitError};
use crate::model::{Acknowledgement, LeaseTerms, Misuse, Phase, RequestId};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::sync::Arc;
use std::time::Duration;

/// One guard on its engine's thread. Dropping it lets go of the guard; it never disarms it.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct GuardHandle {
    handle: driver::GuardHandle,
    bell: Py<Bell>,
    /// Held so that Python finds it for another guard with the same path.
    _journal: Option<Py<JournalWriter>>,
    /// The process that made it. A forked child has a copy that it must not use.
    process: ProcessMark,
    /// Why this venue has no farewell, when it has none.
    no_farewell: Option<&'static str>,
    /// Why this venue's switch cannot be taken off, when it cannot.
    no_disarm: Option<&'static str>,
}

#[pymethods]
impl GuardHandle {
    /// Makes the thread and the guard; nothing is dialled before `start`.
    #[new]
    fn new(
        py: Python<'_>,
        venue: &VenueSpec,
        policy: &PolicySpec,
        journal: Option<Py<JournalWriter>>,
        engine: &EngineSpec,
    ) -> PyResult<Self> {
        let dialect = venue.venue(py)?;
        let (no_farewell, no_disarm) = (dialect.facts().no_farewell, dialect.facts().no_disarm);
        let mut spec = GuardSpec::new(dialect, policy.model());
        spec.extra_ca_pem = venue.ca_pem();
        spec.journal = journal.as_ref().map(|writer| writer.get().journal());
        let bell = Bell::new().map_err(|error| errors::start_failed(py, "descriptor", &error))?;
        let handle = detach(py, || engine.engine().and_then(|engine| engine.add(spec)))
            .map_err(|error| errors::start_error(py, &error))?;
        told(py, handle.set_waker(Arc::new(bell.ringer())))?;
        Ok(Self {
            handle,
            bell: Py::new(py, bell)?,
            _journal: journal,
            process: ProcessMark::of_this_process(),
            no_farewell,
            no_disarm,
        })
    }

    /// Dials, logs in, arms, keeps.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        told(py, self.handle.start())
    }

    /// Drops the links without disarming.
    fn let_go(&self, py: Python<'_>) -> PyResult<()> {
        told(py, self.handle.let_go())
    }

    /// Drops the links without disarming, with a close frame in place of a reset.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        told(py, self.handle.close())
    }

    /// The deliberate orderly end that keeps orders.
    fn farewell(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        self.check_possible(py, "farewell", self.no_farewell)?;
        told(py, self.handle.farewell(reason))
    }

    /// Acknowledges a trip, in the words of whoever does.
    fn rearm(&self, py: Python<'_>, acknowledge: &str) -> PyResult<()> {
        let acknowledge = Acknowledgement::new(acknowledge).map_err(|error| errors::config_error(py, &error))?;
        told(py, self.handle.rearm(acknowledge))
    }

    /// Takes the switch off for maintenance, or puts it on again.
    fn maintenance(&self, py: Python<'_>, begin: bool, reason: &str) -> PyResult<()> {
        self.check_possible(py, "maintenance", self.no_disarm)?;
        told(py, self.handle.maintenance(begin, reason))
    }

    /// Cancels everything the switch covers, over every path.
    fn kill(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        told(py, self.handle.kill(reason))
    }

    /// Gives up a suspect or dead link that is kept.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        told(py, self.handle.abandon())
    }

    /// Takes a lease.
    fn lease(&self, py: Python<'_>, name: &str, budget_s: f64) -> PyResult<Lease> {
        let terms =
            LeaseTerms::new(name, length_of(py, budget_s)?).map_err(|error| errors::config_error(py, &error))?;
        told(py, self.handle.lease(terms)).map(Lease)
    }

    /// Takes a lease that another process renews.
    fn attach(&self, py: Python<'_>, shared: &SharedLease, budget_s: f64) -> PyResult<AttachedLease> {
        let attached = self.handle.attach(&shared.0, length_of(py, budget_s)?);
        attached.map(AttachedLease).map_err(|error| errors::attach_error(py, &error))
    }

    /// Hands over a request; its number comes back in what `drain_messages` returns.
    fn request(&self, py: Python<'_>, method: &str, params: &str, breaks_protection: bool) -> PyResult<u64> {
        numbered(py, self.handle.request(method, params, breaks_protection))
    }

    /// Hands over a subscription that is said again on every new link; its number comes back as that of a request.
    fn subscribe(&self, py: Python<'_>, method: &str, params: &str) -> PyResult<u64> {
        numbered(py, self.handle.subscribe(method, params))
    }

    /// Hands over a line as it is; its number comes back in what `drain_messages` returns.
    fn send(&self, py: Python<'_>, line: &str, breaks_protection: bool) -> PyResult<u64> {
        numbered(py, self.handle.send(line, breaks_protection))
    }

    /// Where the guard stands. Never waits.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        told(py, self.handle.snapshot()).map(Snapshot::from)
    }

    /// Where the guard is in its life. Never waits.
    fn phase<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::phase(py, told(py, self.handle.snapshot())?.phase)
    }

    /// Wakes the guard's thread and tells how many turns it has made. The same number twice: it does not run.
    fn pulse(&self, py: Python<'_>) -> PyResult<u64> {
        told(py, self.handle.pulse())
    }

    /// True once the guard has ended; what it left can still be read.
    fn has_ended(&self) -> bool {
        self.handle.has_ended()
    }

    /// The oldest events not yet read, at most `most`.
    fn drain_events<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let events = told(py, self.handle.drain_events(most))?;
        let records = PyList::empty(py);
        for each in &events {
            records.append(event::to_python(py, each, || self.snapshot(py))?)?;
        }
        Ok(records)
    }

    /// The oldest messages, answers and fates not yet read, at most `most`.
    fn drain_messages<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let inbound = told(py, self.handle.drain_messages(most))?;
        let items = PyList::empty(py);
        for each in &inbound {
            items.append(message::inbound(py, each)?)?;
        }
        Ok(items)
    }

    /// Waits until the phase is one of `phases`. Raises `PhaseTimeout`, or `Ended` when none of them can come any more.
    fn wait_phase(&self, py: Python<'_>, phases: Vec<String>, timeout_s: Option<f64>) -> PyResult<Snapshot> {
        let wanted = move |phase: Phase| phases.iter().any(|word| word == phase.as_str());
        waited(py, timeout_s, |slice| self.handle.wait_phase(&wanted, slice))
    }

    /// Waits until the guard has ended. Raises `PhaseTimeout`.
    fn wait_ended(&self, py: Python<'_>, timeout_s: Option<f64>) -> PyResult<Snapshot> {
        waited(py, timeout_s, |slice| self.handle.wait_ended(slice))
    }

    /// What becomes readable when there is something to drain.
    fn bell(&self, py: Python<'_>) -> Py<Bell> {
        self.bell.clone_ref(py)
    }

    /// Raises `Forked` in a child of the process that made the guard.
    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.process.is_this_process() { Ok(()) } else { Err(errors::forked(py)) }
    }
}

impl GuardHandle {
    /// What can be known before asking: whether the venue can do it at all, and whether it can be asked now. The session
    /// checks again; its refusal would come as an event, which nobody could tell from another caller's.
    fn check_possible(&self, py: Python<'_>, call: &'static str, impossible: Option<&'static str>) -> PyResult<()> {
        if let Some(why) = impossible {
            return Err(errors::misuse(py, &Misuse::NotApplicable { call, why }));
        }
        match told(py, self.handle.snapshot())?.phase {
            Phase::Armed | Phase::Suspect | Phase::Degraded => Ok(()),
            // Ended, most likely: the handle says so.
            Phase::Stopped | Phase::Fenced | Phase::Faulted => Ok(()),
            Phase::Connecting | Phase::Authenticating | Phase::Arming | Phase::Tripped | Phase::Refused => {
                Err(errors::misuse(py, &Misuse::NotConnected))
            }
        }
    }
}

/// A budget that is a length at all; which lengths are possible is checked further on.
fn length_of(py: Python<'_>, budget_s: f64) -> PyResult<Duration> {
    let refused = |_| errors::config_refusal(py, "budget_s", &budget_s.to_string(), "must be between 0.01 and 3600");
    Duration::try_from_secs_f64(budget_s).map_err(refused)
}

/// In slices, so that a signal such as Ctrl-C is handled while waiting.
fn waited(
    py: Python<'_>,
    timeout_s: Option<f64>,
    wait: impl Fn(Duration) -> Result<Arc<crate::model::Snapshot>, WaitError> + Sync,
) -> PyResult<Snapshot> {
    let mut left = length(timeout_s);
    loop {
        let slice = left.min(SIGNAL_SLICE);
        match detach(py, || wait(slice)) {
            Ok(state) => return Ok(state.into()),
            Err(WaitError::TimedOut(_)) if left > slice => left -= slice,
            Err(error) => return Err(errors::wait_error(py, &error)),
        }
        py.check_signals()?;
    }
}

/// None, and more than anybody waits, is a year. Nonsense is no time at all.
fn length(timeout_s: Option<f64>) -> Duration {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    timeout_s.map_or(YEAR, |seconds| Duration::from_secs_f64(seconds.clamp(0.0, YEAR.as_secs_f64())))
}

fn told<T>(py: Python<'_>, outcome: Result<T, CallError>) -> PyResult<T> {
    outcome.map_err(|error| errors::call_error(py, &error))
}

fn numbered(py: Python<'_>, outcome: Result<RequestId, CallError>) -> PyResult<u64> {
    told(py, outcome).map(|RequestId(number)| number)
}

/// How long a signal may have to wait.
const SIGNAL_SLICE: Duration = Duration::from_millis(20);
