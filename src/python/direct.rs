//! Single calls to a venue as `killcord check` and `killcord drill` make them: written and signed here, sent by Python on
//! a connection of its own. The secret stays; what is handed over holds a signature, as what travels does.

use super::convert;
use super::venues::VenueSpec;
use crate::driver::clock;
use crate::model::Endpoint;
use crate::venue::{Direct, HttpMethod};
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Writes and signs single HTTP calls for one account, and knows what is published about its switch.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct CallWriter {
    direct: Mutex<Box<dyn Direct + Send + Sync>>,
    http: Endpoint,
    guard: Endpoint,
    ca_pem: Option<String>,
    exposure: Py<PyAny>,
    coverage: Py<PyAny>,
}

/// Verb, path with query, headers, body.
type Written = (&'static str, String, Vec<(String, String)>, String);

#[pymethods]
impl CallWriter {
    #[new]
    fn new(py: Python<'_>, venue: &VenueSpec) -> PyResult<Self> {
        let direct = venue.direct(py)?;
        let dialect = venue.venue(py)?;
        Ok(Self {
            http: direct.http().clone(),
            guard: direct.guard().clone(),
            direct: Mutex::new(direct),
            ca_pem: venue.ca_pem().map(|pem| String::from_utf8_lossy(&pem).into_owned()),
            exposure: convert::exposure(py, &dialect.facts().exposure)?.unbind(),
            coverage: convert::coverage(py, &dialect.facts().coverage)?.unbind(),
        })
    }

    /// One call: verb, path with query, headers, body. `step` is in the venue's spelling; what is private is signed with
    /// this machine's time plus `clock_offset_ms`.
    fn write(&self, step: &str, params: Vec<(String, String)>, clock_offset_ms: i64) -> Written {
        let now = clock::now();
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        let request = direct.write(now, now.wall.shifted(clock_offset_ms), step, &params);
        let method = match request.method {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
        };
        let headers = request.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        (method, format!("{}{}", self.http.path, request.path), headers, request.body)
    }

    /// Where calls go: TLS or not, host, port.
    #[getter]
    fn http(&self) -> (bool, &str, u16) {
        (self.http.scheme.is_tls(), &self.http.host, self.http.port)
    }

    /// Where the guarding link is dialled: TLS or not, host, port, path.
    #[getter]
    fn guard(&self) -> (bool, &str, u16, &str) {
        (self.guard.scheme.is_tls(), &self.guard.host, self.guard.port, &self.guard.path)
    }

    /// Certificate authorities to accept beside the machine's own.
    #[getter]
    fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The published bound.
    #[getter]
    fn exposure(&self, py: Python<'_>) -> Py<PyAny> {
        self.exposure.clone_ref(py)
    }

    /// What the switch would cancel once armed as configured.
    #[getter]
    fn coverage(&self, py: Python<'_>) -> Py<PyAny> {
        self.coverage.clone_ref(py)
    }
}
