//! A forked child must not keep a guard's socket open: the venue would see a living connection after the parent died,
//! and the switch would not act. Sockets are closed on `exec` by their flag; for a plain `fork` their numbers stand in a
//! table that a handler walks in the child. The handler does nothing but `close`, which is allowed there.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

/// A socket's place in the table, for as long as it is open.
pub(super) struct Listed {
    place: Option<usize>,
}

impl Listed {
    /// Enters a socket. When the table is full the socket works as well, only its number is not known to a child.
    pub(super) fn enter(socket: &impl AsRawFd) -> Self {
        HANDLER.call_once(install);
        Self { place: enter(socket.as_raw_fd()) }
    }
}

/// From now on [`forks`] tells a child from its parent.
pub(super) fn watch_forks() {
    HANDLER.call_once(install);
}

/// How many forks lie between this process and the one that first asked. A load: asking for the process's number is a
/// system call.
pub(super) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Stands for the process in which it was made, and tells a forked child from it without asking the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessMark(u64);

impl ProcessMark {
    /// Of the process that runs now.
    pub fn of_this_process() -> Self {
        watch_forks();
        Self(Self::number())
    }

    /// False in a forked child of the process that made it.
    pub fn is_this_process(self) -> bool {
        self.0 == Self::number()
    }

    /// Where the system gave no handler, nobody counts forks: then the kernel is asked after all.
    fn number() -> u64 {
        if UNWATCHED.load(Ordering::Relaxed) { std::process::id().into() } else { forks() }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            TABLE[place].store(EMPTY, Ordering::Release);
        }
    }
}

fn enter(socket: RawFd) -> Option<usize> {
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    let place = (0..TABLE.len())
        .map(|step| start.wrapping_add(step) % TABLE.len())
        .find(|&place| TABLE[place].compare_exchange(EMPTY, socket + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok());
    if place.is_none() {
        tracing::warn!("too many sockets to close in forked children");
    }
    place
}

fn install() {
    // SAFETY: the handler is a plain function that lives for ever, touches only atomics and calls `close`, which is
    // async-signal-safe, as the child of a process with threads requires.
    let code = unsafe { libc::pthread_atfork(None, None, Some(close_all)) };
    if code != 0 {
        UNWATCHED.store(true, Ordering::Relaxed);
        tracing::warn!(code, "no fork handler: a forked child would keep guarded sockets open");
    }
}

/// Runs in the child, on its only thread, before `fork` returns there.
extern "C" fn close_all() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for entry in &TABLE {
        let socket = entry.swap(EMPTY, Ordering::Relaxed) - 1;
        if socket >= 0 {
            // SAFETY: closing a descriptor number touches no memory. The child has no thread that could still use it,
            // and every use through a handle is refused there.
            unsafe { libc::close(socket) };
        }
    }
}

/// Socket number plus one; zero is empty.
static TABLE: [AtomicI32; 16_384] = [const { AtomicI32::new(EMPTY) }; 16_384];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static FORKS: AtomicU64 = AtomicU64::new(0);
/// There is no handler.
static UNWATCHED: AtomicBool = AtomicBool::new(false);
static HANDLER: Once = Once::new();
const EMPTY: i32 = 0;
