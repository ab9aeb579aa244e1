//! The thread guards run on: one named thread, one current-thread runtime, any number of guards as local tasks. It
//! never runs Python and never waits for anything but the kernel.

use super::error::StartError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

/// A running engine. Its thread ends when the last `Engine` and the last handle of its guards are gone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// Starts an engine of its own.
    pub fn start() -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .max_blocking_threads(RESOLVER_THREADS)
            .thread_name("killcord-resolve")
            .build()
            .map_err(|error| local("event loop", &error))?;
        let (jobs, waiting) = unbounded_channel();
        std::thread::Builder::new()
            .name("killcord-engine".into())
            .spawn(move || run(runtime, waiting))
            .map_err(|error| local("thread", &error))?;
        Ok(Self { inner: Arc::new(Inner { pid: std::process::id(), jobs }) })
    }

    /// The engine of this process, started at first use and kept for ever. In a forked child of a process that has one,
    /// an error: its thread does not exist there.
    pub fn shared() -> Result<Self, StartError> {
        let pid = std::process::id();
        // Before the lock, which another thread of the parent may have held at the fork.
        match SHARED_PID.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Acquire) {
            Err(owner) if owner != pid => return Err(StartError::Forked),
            Ok(_) | Err(_) => {}
        }
        let mut shared = super::shared::lock(&SHARED);
        match shared.as_ref() {
            Some(engine) if !engine.inner.jobs.is_closed() => Ok(engine.clone()),
            Some(_) | None => Ok(shared.insert(Self::start()?).clone()),
        }
    }

    /// Runs `job` on the engine's thread.
    pub(super) fn run_there(&self, job: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        if self.inner.pid != std::process::id() {
            return Err(StartError::Forked);
        }
        self.inner.jobs.send(Box::new(job)).map_err(|_| StartError::EngineEnded)
    }
}

struct Inner {
    pid: u32,
    jobs: UnboundedSender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

static SHARED: Mutex<Option<Engine>> = Mutex::new(None);
/// The process that may use [`SHARED`]; 0 before the first use.
static SHARED_PID: AtomicU32 = AtomicU32::new(0);

fn run(runtime: Runtime, mut jobs: UnboundedReceiver<Job>) {
    let guards = LocalSet::new();
    guards.block_on(&runtime, async {
        while let Some(job) = jobs.recv().await {
            job();
        }
    });
    // Nobody can add a guard any more; those that are there end in their own time.
    runtime.block_on(guards);
    runtime.shutdown_background();
}

fn local(what: &'static str, error: &std::io::Error) -> StartError {
    StartError::Local { what, code: error.raw_os_error().unwrap_or(0) }
}

/// Name look-ups that may hang at the same time.
const RESOLVER_THREADS: usize = 4;
