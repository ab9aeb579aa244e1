//! How a guard's thread waits and where it runs, as Python hands it over. `killcord.engine` wraps it.

use super::config::named;
use super::errors;
use crate::driver::{EngineOptions, Wait};
use pyo3::prelude::*;

/// Checked options of an engine. `killcord.Engine` is its face.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct EngineSpec(EngineOptions);

#[pymethods]
impl EngineSpec {
    #[new]
    fn new(py: Python<'_>, wait: &str, cpu: Option<i64>) -> PyResult<Self> {
        let wait = named(py, "wait", wait, &[("park", Wait::Park), ("spin", Wait::Spin)])?;
        let cpu = cpu.map(|cpu| usize::try_from(cpu).ok().filter(|cpu| *cpu < CPUS_MAX).ok_or(cpu)).transpose();
        let cpu = cpu.map_err(|cpu| {
            errors::config_refusal(py, "cpu", &cpu.to_string(), "must be the number of a core, 0 to 1023")
        })?;
        Ok(Self(EngineOptions { wait, cpu }))
    }
}

impl EngineSpec {
    /// What the driver needs.
    pub fn model(&self) -> EngineOptions {
        self.0
    }
}

/// As many as the kernel's usual set has room for.
const CPUS_MAX: usize = 1024;
