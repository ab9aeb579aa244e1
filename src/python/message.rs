//! What arrives from a venue for the application: raw bytes, unchanged, with where they came from.

use super::departure::calling;
use super::{convert, errors};
use crate::driver::Inbound;
use crate::model::{Epoch, LinkRole, RequestId};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

/// One message of the venue that is nobody's answer, exactly as it arrived.
#[pyclass(frozen, module = "killcord")]
pub struct Message {
    role: LinkRole,
    epoch: u64,
    raw: Py<PyBytes>,
}

impl Message {
    /// Copies the text once.
    pub fn new(py: Python<'_>, role: LinkRole, epoch: u64, text: &str) -> Self {
        Self { role, epoch, raw: PyBytes::new(py, text.as_bytes()).unbind() }
    }
}

#[pymethods]
impl Message {
    /// For tests of what handles messages.
    #[new]
    fn from_python(role: &Bound<'_, PyAny>, epoch: u64, raw: Py<PyBytes>) -> PyResult<Self> {
        Ok(Self { role: convert::link_role_from(role)?, epoch, raw })
    }

    #[classattr]
    #[allow(non_upper_case_globals, reason = "the name is Python's")]
    const __match_args__: (&'static str, &'static str, &'static str) = ("role", "epoch", "raw");

    /// On which link it came.
    #[getter]
    fn role<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::link_role(py, self.role)
    }

    /// The epoch of that link.
    #[getter]
    fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The bytes as they arrived.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.raw.bind(py)
    }

    /// The bytes read as JSON by the standard library. Raises `ValueError` when they are not JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.raw)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<Message epoch {}, {} bytes>", self.epoch, self.raw.bind(py).as_bytes().len())
    }
}

/// The venue's answer to one request, exactly as it arrived. Whether it says yes or no is for the caller to read.
#[pyclass(frozen, module = "killcord")]
pub struct Reply {
    request: u64,
    raw: Py<PyBytes>,
}

impl Reply {
    /// Copies the text once.
    pub fn new(py: Python<'_>, request: u64, text: &str) -> Self {
        Self { request, raw: PyBytes::new(py, text.as_bytes()).unbind() }
    }
}

#[pymethods]
impl Reply {
    /// For tests of what handles replies.
    #[new]
    const fn from_python(request: u64, raw: Py<PyBytes>) -> Self {
        Self { request, raw }
    }

    #[classattr]
    #[allow(non_upper_case_globals, reason = "the name is Python's")]
    const __match_args__: (&'static str, &'static str) = ("request", "raw");

    /// The number of the request it answers.
    #[getter]
    fn request(&self) -> u64 {
        self.request
    }

    /// The bytes as they arrived.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.raw.bind(py)
    }

    /// The bytes read as JSON by the standard library. Raises `ValueError` when they are not JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.raw)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<Reply to request {}, {} bytes>", self.request, self.raw.bind(py).as_bytes().len())
    }
}

/// A request or a line was handed to the kernel. For the delivery inside the package.
#[pyclass(frozen, get_all, module = "killcord._killcord")]
pub struct Sent {
    /// The number of the request.
    pub request: u64,
}

#[pymethods]
impl Sent {
    #[new]
    const fn new(request: u64) -> Self {
        Self { request }
    }
}

/// A request or a line will not be answered. For the delivery inside the package.
#[pyclass(frozen, get_all, module = "killcord._killcord")]
pub struct Unanswerable {
    /// The number of the request.
    pub request: u64,
    /// What to raise where it is awaited.
    pub error: Py<PyAny>,
}

#[pymethods]
impl Unanswerable {
    #[new]
    const fn new(request: u64, error: Py<PyAny>) -> Self {
        Self { request, error }
    }
}

/// Messages were dropped here, because they were not read. For the delivery inside the package.
#[pyclass(frozen, get_all, module = "killcord._killcord")]
pub struct Hole {
    /// Exactly how many.
    pub lost: u64,
}

#[pymethods]
impl Hole {
    #[new]
    const fn new(lost: u64) -> Self {
        Self { lost }
    }
}

/// The Python object for what came in, in one exhaustive match.
pub fn inbound<'py>(py: Python<'py>, inbound: &Inbound) -> PyResult<Bound<'py, PyAny>> {
    Ok(match inbound {
        Inbound::Message { role, epoch: Epoch(epoch), text } => {
            Bound::new(py, Message::new(py, *role, *epoch, text))?.into_any()
        }
        Inbound::Answer { request: RequestId(request), text } => {
            Bound::new(py, Reply::new(py, *request, text))?.into_any()
        }
        Inbound::Sent { request: RequestId(request) } => Bound::new(py, Sent { request: *request })?.into_any(),
        Inbound::Fate { request, fate } => {
            let error = errors::fate(py, *request, fate).into_value(py).into_any();
            Bound::new(py, Unanswerable { request: request.0, error })?.into_any()
        }
        Inbound::Overflow { lost } => Bound::new(py, Hole { lost: *lost })?.into_any(),
    })
}

fn loads<'py>(py: Python<'py>, raw: &Py<PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let loads = LOADS.get_or_try_init(py, || py.import("json")?.getattr("loads").map(Bound::unbind))?;
    loads.bind(py).call1((raw,))
}
