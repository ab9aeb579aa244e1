//! The thread guards run on, as Python hands it over: how it waits, where it runs, and who shares it. `killcord.engine`
//! wraps it.

use super::config::named;
use super::errors;
use crate::driver::{Engine, EngineOptions, ProcessMark, StartError, Wait};
use arc_swap::ArcSwapOption;
use pyo3::prelude::*;
use std::sync::Arc;

/// Checked options of an engine, and the engine once a guard needed it. `killcord.Engine` is its face.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct EngineSpec {
    options: EngineOptions,
    /// Without a lock, which another thread might hold while this process is forked.
    running: ArcSwapOption<Running>,
}

#[pymethods]
impl EngineSpec {
    #[new]
    fn new(py: Python<'_>, wait: &str, cpu: Option<i64>) -> PyResult<Self> {
        let wait = named(py, "wait", wait, &[("park", Wait::Park), ("spin", Wait::Spin)])?;
        let cpu = cpu.map(|cpu| usize::try_from(cpu).ok().filter(|cpu| *cpu < CPUS_MAX).ok_or(cpu)).transpose();
        let cpu = cpu.map_err(|cpu| {
            errors::config_refusal(py, "cpu", &cpu.to_string(), "must be the number of a core, 0 to 1023")
        })?;
        Ok(Self { options: EngineOptions { wait, cpu }, running: ArcSwapOption::empty() })
    }
}

impl EngineSpec {
    /// The engine, started by the first who asks. A forked child, in which that thread does not exist, gets one of its own.
    /// Called without the GIL: starting waits for the thread.
    pub fn engine(&self) -> Result<Engine, StartError> {
        let seen = self.running.load_full();
        let inherited = seen.as_ref().is_some_and(|running| !running.process.is_this_process());
        match &seen {
            Some(running) if !inherited && running.engine.is_running() => return Ok(running.engine.clone()),
            Some(_) | None => {}
        }
        let engine = Engine::start_with(self.options)?;
        let started = Arc::new(Running { process: ProcessMark::of_this_process(), engine: engine.clone() });
        let before = self.running.compare_and_swap(&seen, Some(started));
        let was_first = before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr);
        drop(before);
        if inherited {
            // Its descriptors belong to the parent's event loop too: nothing of it is taken down here.
            std::mem::forget(seen);
        }
        if was_first { Ok(engine) } else { self.engine() }
    }
}

/// An engine and the process in which its thread runs.
struct Running {
    process: ProcessMark,
    engine: Engine,
}

/// As many as the kernel's usual set has room for.
const CPUS_MAX: usize = 1024;
