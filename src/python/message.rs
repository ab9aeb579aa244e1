//! What arrives from a venue for the application: raw bytes, unchanged, with where they came from.

use super::convert;
use crate::model::LinkRole;
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

fn loads<'py>(py: Python<'py>, raw: &Py<PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let loads = LOADS.get_or_try_init(py, || py.import("json")?.getattr("loads").map(Bound::unbind))?;
    loads.bind(py).call1((raw,))
}
