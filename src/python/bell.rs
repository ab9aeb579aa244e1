//! How the guard's thread tells a Python event loop that there is something to read: one descriptor that becomes
//! readable, at most one write per batch, no lock, no GIL. It works on every loop that can watch a descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A bell: rung from any thread, silenced by the reader before it looks.
pub struct Bell {
    reader: OwnedFd,
    writer: OwnedFd,
    /// Rung and not yet silenced. While it is set there is no need to write again.
    rung: AtomicBool,
}

impl Bell {
    /// A silent one. Closed on exec.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pair()?;
        Ok(Self { reader, writer, rung: AtomicBool::new(false) })
    }

    /// The descriptor to watch for readability.
    pub fn descriptor(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Makes the descriptor readable. Never waits.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // A full descriptor is readable already, and no other error can happen to one that is open.
            let _ = rustix::io::write(&self.writer, &1u64.to_ne_bytes());
        }
    }

    /// Makes the descriptor unreadable. Look for what was announced after this, never before: whoever rings between the
    /// read and the store announces something that is already there to be found.
    pub fn silence(&self) {
        // Nothing to read is as good as something.
        let _ = rustix::io::read(&self.reader, &mut [0u8; 64]);
        self.rung.store(false, Ordering::SeqCst);
    }

    /// Waits until the bell is rung, a signal arrives, or the time is over; the caller looks what it was.
    pub fn wait(&self, at_most: Duration) {
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
