//! The thread guards run on: one named thread, one current-thread runtime, any number of guards as local tasks. It
//! never runs Python and never waits for anything but the kernel.

use super::alarm::{Timer, Wishes};
use super::call::Calls;
use super::clock;
use super::dial::{Dialler, MESSAGE_MAX};
use super::ending::Unborn;
use super::error::StartError;
use super::gates::Gates;
use super::guard_task::GuardTask;
use super::handle::GuardHandle;
use super::machine::Machine;
use super::publish::Publisher;
use super::resolve::Resolver;
use super::shared::Shared;
use super::slice;
use super::spec::{GuardSpec, Settings};
use super::tls;
use super::turns::Task;
use super::world::World;
use crate::model::LinkRole;
use crate::session::Session;
use crate::venue::Venue;
use rustls::ClientConfig;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// How an engine's thread waits, and where it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EngineOptions {
    /// How it waits for the world.
    pub wait: Wait,
    /// The only core it may use; any when there is none. Pin it when it spins, and keep everything else off that core.
    pub cpu: Option<usize>,
}

/// How an engine's thread waits for the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wait {
    /// Asleep in the kernel: costs nothing, and a wake-up every time.
    #[default]
    Park,
    /// By asking again and again: takes a whole core, and is several times as quick.
    Spin,
}

/// A running engine. Its thread ends when the last `Engine` and the last handle of its guards are gone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// Starts an engine of its own, which parks.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(EngineOptions::default())
    }

    /// Starts an engine of its own. Returns once its thread runs as it was asked to.
    pub fn start_with(options: EngineOptions) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .max_blocking_threads(RESOLVER_THREADS)
            .thread_name("killcord-resolve")
            .build()
            .map_err(|error| local("event loop", &error))?;
        let timer = timer(&runtime)?;
        let ringing = timer.clone();
        let (jobs, waiting) = unbounded_channel();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("killcord-engine".into())
            .spawn(move || {
                let settled = settle(options);
                let runs = settled.is_ok();
                // The other end waits for exactly this.
                let _ = tell.send(settled);
                if runs {
                    run(runtime, waiting, ringing, options.wait);
                }
            })
            .map_err(|error| local("thread", &error))?;
        told.recv().map_err(|_| StartError::EngineEnded)?.map_err(|error| local("cpu", &error))?;
        let inner = Inner { pid: std::process::id(), timer, jobs, tls: OnceLock::new() };
        Ok(Self { inner: Arc::new(inner) })
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

    /// False once its thread has ended, which only a bug can cause while there is a handle.
    pub fn is_running(&self) -> bool {
        !self.inner.jobs.is_closed()
    }

    /// Adds a guard. It does nothing until [`GuardHandle::start`].
    pub fn add(&self, spec: GuardSpec) -> Result<GuardHandle, StartError> {
        let (venue, settings) = spec.split()?;
        self.check_process()?;
        let tls = if speaks_tls(&*venue) { Some(self.tls(settings.extra_ca_pem.as_deref())?) } else { None };
        let session = Session::new(venue, settings.policy, seed(), clock::now());
        self.add_machine(session, settings, tls)
    }

    /// Adds whatever keeps the session contract.
    pub(super) fn add_machine<M: Machine>(
        &self,
        machine: M,
        settings: Settings,
        tls: Option<Arc<ClientConfig>>,
    ) -> Result<GuardHandle, StartError> {
        self.check_process()?;
        let alarm = self.inner.timer.alarm();
        let first = Arc::new(machine.snapshot());
        let capacities = (settings.event_capacity, settings.message_capacity);
        let shared = Arc::new(Shared::new(first.clone(), capacities));
        let handle = GuardHandle::new(shared.clone(), self.clone());
        let publisher = Publisher::new(shared.clone(), first, capacities, settings.recorder);
        let unborn = Unborn::new(shared, publisher);
        let job = move |Common { resolver, gates }: &Common| {
            let wishes = Wishes::default();
            let (stages, user_timeout) = (settings.stages, settings.policy.user_timeout);
            let (resolver, gates) = (resolver.clone(), gates.clone());
            let dialler = Dialler { resolver, gates, wishes, tls, stages, user_timeout, message_max: MESSAGE_MAX };
            let calls = Calls::new(dialler.clone(), settings.call_deadline, settings.keep_http, settings.warm);
            let (shared, publisher) = unborn.arrive();
            let world = World::new(dialler, calls, publisher);
            let task = GuardTask::new(machine, world, shared, alarm, settings.policy.stall_limit);
            Box::pin(Task::new(task)) as Guard
        };
        self.inner.jobs.send(Box::new(job)).map_err(|_| StartError::EngineEnded)?;
        Ok(handle)
    }

    /// The machine's authorities are read once for all guards that add none of their own.
    fn tls(&self, extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, StartError> {
        if extra_ca_pem.is_some() {
            return tls::client_config(extra_ca_pem);
        }
        if let Some(config) = self.inner.tls.get() {
            return Ok(config.clone());
        }
        let config = tls::client_config(None)?;
        Ok(self.inner.tls.get_or_init(|| config).clone())
    }

    fn check_process(&self) -> Result<(), StartError> {
        if self.inner.pid == std::process::id() { Ok(()) } else { Err(StartError::Forked) }
    }
}

struct Inner {
    pid: u32,
    timer: Timer,
    jobs: UnboundedSender<Job>,
    tls: OnceLock<Arc<ClientConfig>>,
}

/// Runs on the engine's thread and makes a guard there.
type Job = Box<dyn FnOnce(&Common) -> Guard + Send>;
/// What the guards of an engine have in common.
#[derive(Default)]
struct Common {
    resolver: Resolver,
    gates: Gates,
}

/// A guard's task.
type Guard = Pin<Box<dyn Future<Output = ()> + Send>>;

static SHARED: Mutex<Option<Engine>> = Mutex::new(None);
/// The process that may use [`SHARED`]; 0 before the first use.
static SHARED_PID: AtomicU32 = AtomicU32::new(0);

/// Made before the thread is, so that running out of descriptors is told to the caller.
fn timer(runtime: &Runtime) -> Result<Timer, StartError> {
    let _within = runtime.enter();
    Timer::new().map_err(|error| local("timer", &error))
}

fn run(runtime: Runtime, jobs: UnboundedReceiver<Job>, timer: Timer, wait: Wait) {
    runtime.block_on(async {
        let spinning = match wait {
            Wait::Park => None,
            Wait::Spin => Some(tokio::spawn(spin())),
        };
        tokio::select! {
            // Without its timer an engine keeps nothing. Its guards are dropped with it, which faults them.
            error = timer.ring() => tracing::error!(%error, "the engine's timer cannot be read"),
            () = serve(jobs) => {}
        }
        if let Some(spinning) = spinning {
            spinning.abort();
        }
    });
    runtime.shutdown_background();
}

/// Runs guards until nobody can add one any more and those that are there have ended in their own time.
async fn serve(mut jobs: UnboundedReceiver<Job>) {
    let common = Common::default();
    let mut guards = JoinSet::new();
    while let Some(job) = jobs.recv().await {
        guards.spawn(job(&common));
        while guards.try_join_next().is_some() {}
    }
    while guards.join_next().await.is_some() {}
}

/// A task that is always ready: as long as there is one, the runtime looks at its sockets without waiting for them.
async fn spin() {
    loop {
        tokio::task::yield_now().await;
    }
}

/// For the calling thread, which is to be the engine's.
fn settle(options: EngineOptions) -> io::Result<()> {
    slice::shorten_if_possible();
    options.cpu.map_or(Ok(()), slice::pin)
}

fn speaks_tls(venue: &dyn Venue) -> bool {
    [venue.endpoint(LinkRole::Guard), venue.endpoint(LinkRole::Trade), Some(venue.http_endpoint())]
        .into_iter()
        .flatten()
        .any(|endpoint| endpoint.scheme.is_tls())
}

/// Different for every guard and every start, so that guards do not dial in step. Decides nothing else.
fn seed() -> u64 {
    RandomState::new().hash_one(clock::now().at)
}

fn local(what: &'static str, error: &std::io::Error) -> StartError {
    StartError::Local { what, code: error.raw_os_error().unwrap_or(0) }
}

/// Name look-ups that may hang at the same time.
const RESOLVER_THREADS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::tests::{PATIENCE, Peer, Scripted, settings};
    use crate::model::Phase;

    #[test]
    fn a_guard_whose_engine_dies_under_it_is_faulted_and_its_waiters_wake() {
        let engine = Engine::start().unwrap();
        let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |_| vec![]);
        let guard = engine.add_machine(script, settings(), None).unwrap();
        guard.start().unwrap();
        assert!(engine.inner.jobs.send(Box::new(|_| panic!("the thread dies"))).is_ok());
        assert_eq!(guard.wait_ended(PATIENCE).unwrap().phase, Phase::Faulted);
        let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |_| vec![]);
        // On its last breath the engine may still take a guard that then never runs.
        match engine.add_machine(script, settings(), None) {
            Err(error) => assert_eq!(error, StartError::EngineEnded),
            Ok(guard) => assert_eq!(guard.wait_ended(PATIENCE).unwrap().phase, Phase::Faulted),
        }
    }

    #[test]
    fn the_shared_engine_is_the_same_for_everybody() {
        let (one, other) = (Engine::shared().unwrap(), Engine::shared().unwrap());
        assert!(Arc::ptr_eq(&one.inner, &other.inner));
    }
}
