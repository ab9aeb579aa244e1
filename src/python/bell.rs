//! How the guard's thread tells a Python event loop that there is something to read: one descriptor that becomes
//! readable, at most one write per batch, no lock, no GIL. It works on every loop that can watch a descriptor.

use super::departure::detach;
use super::errors;
use crate::driver::ProcessMark;
use pyo3::prelude::*;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A descriptor that is readable while there is something to drain. Whoever watches it holds this, so that it is not
/// closed, and its number not used for something else, while a loop still has it on its list.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct Bell {
    wire: Arc<Wire>,
    /// The process that made it. A forked child shares the descriptor and would take what is meant for its parent.
    process: ProcessMark,
}

#[pymethods]
impl Bell {
    /// The descriptor to watch for readability.
    fn fileno(&self) -> RawFd {
        self.wire.reader.as_raw_fd()
    }

    /// Makes the descriptor readable. Never waits.
    fn ring(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process(py)?;
        self.wire.ring();
        Ok(())
    }

    /// Makes the descriptor unreadable; drain after this, never before.
    fn silence(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process(py)?;
        self.wire.silence();
        Ok(())
    }

    /// How often it was rung until now. Whoever reads takes this first, then drains, then says `settle`.
    fn rings(&self, py: Python<'_>) -> PyResult<u64> {
        self.check_process(py)?;
        Ok(self.wire.rings.load(Ordering::SeqCst))
    }

    /// Makes the descriptor unreadable after draining, unless it was rung again since `seen`. Until then it stays rung, and
    /// ringing it costs the guard's thread nothing.
    fn settle(&self, py: Python<'_>, seen: u64) -> PyResult<()> {
        self.check_process(py)?;
        self.wire.silence();
        if self.wire.rings.load(Ordering::SeqCst) != seen {
            self.wire.ring();
        }
        Ok(())
    }

    /// Waits until the descriptor is readable, a signal was handled, or the time is over.
    fn wait_readable(&self, py: Python<'_>, timeout_s: f64) -> PyResult<()> {
        self.check_process(py)?;
        let at_most = Duration::try_from_secs_f64(timeout_s).unwrap_or_default();
        detach(py, || self.wire.wait(at_most));
        py.check_signals()
    }
}

impl Bell {
    /// A silent one. Closed on exec.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pair()?;
        let wire = Arc::new(Wire { reader, writer, rung: AtomicBool::new(false), rings: AtomicU64::new(0) });
        Ok(Self { wire, process: ProcessMark::of_this_process() })
    }

    /// What rings it, for the guard's thread.
    pub fn ringer(&self) -> impl Fn() + Send + Sync + use<> {
        let wire = Arc::clone(&self.wire);
        move || wire.ring()
    }

    fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.process.is_this_process() { Ok(()) } else { Err(errors::forked(py)) }
    }
}

/// Both ends.
struct Wire {
    reader: OwnedFd,
    writer: OwnedFd,
    /// Rung and not yet silenced. While it is set there is no need to write again.
    rung: AtomicBool,
    /// How often it was rung, also while it was rung already.
    rings: AtomicU64,
}

impl Wire {
    fn ring(&self) {
        // Before the swap: whoever settles and finds it rung no more, or counts, misses nothing.
        self.rings.fetch_add(1, Ordering::SeqCst);
        if !self.rung.swap(true, Ordering::SeqCst) {
            // A full descriptor is readable already, and no other error can happen to one that is open.
            let _ = rustix::io::write(&self.writer, &1u64.to_ne_bytes());
        }
    }

    /// Whoever rings between the read and the store announces something that is already there to be found.
    fn silence(&self) {
        // Nothing to read is as good as something.
        let _ = rustix::io::read(&self.reader, &mut [0u8; 64]);
        self.rung.store(false, Ordering::SeqCst);
    }

    fn wait(&self, at_most: Duration) {
        use rustix::event::{PollFd, PollFlags, poll};
        let timeout = rustix::time::Timespec {
            tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        let reader = self.reader.as_fd();
        let _ = poll(&mut [PollFd::new(&reader, PollFlags::IN)], Some(&timeout));
    }
}

#[cfg(target_os = "linux")]
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::event::{EventfdFlags, eventfd};
    let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let writer = reader.try_clone()?;
    Ok((reader, writer))
}

#[cfg(not(target_os = "linux"))]
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
    reader.set_nonblocking(true)?;
    writer.set_nonblocking(true)?;
    Ok((reader.into(), writer.into()))
}
