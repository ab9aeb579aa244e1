//! Releasing the GIL around everything that waits, also while the interpreter ends. Before 3.14 CPython ends a daemon
//! thread that asks for the GIL during finalisation by `pthread_exit`; that unwinding cannot pass through frames of Rust
//! and aborts the process ("FATAL: exception not rethrown"), so that a program that had ended well ends with SIGABRT.
//!
//! So from the moment the exit hooks of Python run, a thread that comes back from a wait asks for the GIL only when the
//! interpreter does not end within a grace; once it does, that thread stays where it is, as it would on 3.14. The same
//! before Python code is called from here, because that code may be made to let go of the GIL at any point.

use pyo3::prelude::*;
use std::ffi::{CStr, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Does `work` without the GIL. Everything here that waits goes through this, never through `Python::detach` itself.
pub fn detach<T, F>(py: Python<'_>, work: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let (result, _here) = py.detach(|| {
        let result = work();
        (result, Here::enter().unwrap_or_else(held_up))
    });
    result
}

/// Held while Python code runs that was called from here: the classes of `killcord` are written in Python.
pub fn calling(py: Python<'_>) -> Here {
    Here::enter().unwrap_or_else(|last| py.detach(|| held_up(last)))
}

/// The exit hooks of Python run, on this thread. Returns once no other thread is where the end must not find it: those
/// that get there later know of the end.
#[pyfunction]
pub fn interpreter_ends(py: Python<'_>) {
    let _ = LAST.set(Last { thread: thread::current().id(), finalizing: finalizing() });
    py.detach(|| {
        for _ in 0..ENDS_STEPS_MAX {
            if HERE.load(Ordering::SeqCst) == 0 {
                break;
            }
            thread::park_timeout(STEP);
        }
    });
}

/// A thread between the end of a wait and having the GIL again, or in Python code that was called from here.
pub struct Here(());

impl Here {
    /// Counted before it is looked whether the interpreter ends: that one looks for the count afterwards.
    fn enter() -> Result<Self, &'static Last> {
        HERE.fetch_add(1, Ordering::SeqCst);
        let here = Self(());
        match LAST.get() {
            Some(last) if last.thread != thread::current().id() => Err(last),
            Some(_) | None => Ok(here),
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Does not return once the interpreter ends. Whoever still runs hooks may wait for this thread: it is held up, but not
/// for ever.
fn held_up(last: &Last) -> Here {
    for _ in 0..HELD_STEPS_MAX {
        while last.is_finalizing() {
            thread::park();
        }
        thread::park_timeout(STEP);
    }
    HERE.fetch_add(1, Ordering::SeqCst);
    Here(())
}

/// Who ends the interpreter, and how to ask whether it does.
struct Last {
    thread: ThreadId,
    finalizing: Option<Finalizing>,
}

impl Last {
    fn is_finalizing(&self) -> bool {
        // SAFETY: the function reads one word of the interpreter atomically and may be called without the GIL.
        self.finalizing.is_some_and(|finalizing| unsafe { finalizing() } != 0)
    }
}

type Finalizing = unsafe extern "C" fn() -> c_int;

/// Public since 3.13, under another name before. Looked up, because which of the two there is shows at run time only.
fn finalizing() -> Option<Finalizing> {
    [c"Py_IsFinalizing", c"_Py_IsFinalizing"].into_iter().find_map(symbol)
}

fn symbol(name: &CStr) -> Option<Finalizing> {
    // SAFETY: the name is a C string and the handle stands for all that is loaded.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if address.is_null() {
        return None;
    }
    // SAFETY: both names are functions of CPython that take nothing and return an int.
    Some(unsafe { std::mem::transmute::<*mut libc::c_void, Finalizing>(address) })
}

/// How many [`Here`] there are.
static HERE: AtomicUsize = AtomicUsize::new(0);
/// Set from the moment the exit hooks run.
static LAST: OnceLock<Last> = OnceLock::new();
const STEP: Duration = Duration::from_millis(1);
/// How long the end waits for threads that are on their way: each may have to wait for its turn with the GIL, which is
/// five milliseconds for every thread that is busy.
const ENDS_STEPS_MAX: u32 = 300;
/// How long a thread is held up at most before it goes on: longer than the end waits, and then comes to its own turn.
const HELD_STEPS_MAX: u32 = 600;
