//! Floor 6: the Python border. It converts and delegates; it decides nothing. The engine's threads never come here, and
//! every call that waits releases the GIL first.

mod bell;
mod config;
mod convert;
mod core_file;
mod credentials;
mod departure;
mod direct;
mod engine;
mod errors;
mod event;
mod guard;
mod journal;
mod kill;
mod lease;
mod message;
mod orders;
mod settings;
mod shared_lease;
mod sim;
mod snapshot;
mod venues;

use pyo3::prelude::*;

/// The extension inside the package `killcord`. Everything public is exported by the package under its own name.
#[pymodule(gil_used = false)]
fn _killcord(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<credentials::Credentials>()?;
    module.add_class::<config::PolicySpec>()?;
    module.add_class::<config::EndpointsSpec>()?;
    module.add_class::<engine::EngineSpec>()?;
    module.add_class::<venues::VenueSpec>()?;
    module.add_class::<direct::CallWriter>()?;
    module.add_class::<snapshot::Snapshot>()?;
    module.add_class::<message::Message>()?;
    module.add_class::<message::Reply>()?;
    module.add_class::<message::Sent>()?;
    module.add_class::<message::Unanswerable>()?;
    module.add_class::<message::Hole>()?;
    module.add_class::<bell::Bell>()?;
    module.add_class::<journal::JournalWriter>()?;
    module.add_class::<lease::Lease>()?;
    module.add_class::<shared_lease::SharedLease>()?;
    module.add_class::<shared_lease::SharedRenewer>()?;
    module.add_class::<shared_lease::AttachedLease>()?;
    module.add_class::<guard::GuardHandle>()?;
    module.add_class::<sim::Exchange>()?;
    module.add_function(wrap_pyfunction!(settings::read_settings, module)?)?;
    module.add_function(wrap_pyfunction!(departure::interpreter_ends, module)?)?;
    Ok(())
}
