//! The journal: every event of one or several guards as a line of JSON in a file, written by a thread of its own. A
//! guard hands an event over by one push into a bounded queue; it takes no lock, waits for nothing and never learns
//! what became of the line. What could not be queued or written is counted, and the next line says how much it was.
//! The schema is in `docs/journal.md`. Not here: reading a journal, which Python does.
//!
//! ```text
//!  line    one event as one line        writer   the thread: in what order, what is lost
//!  words   the spelling of our enums    rotate   the file: who may have it, how large it gets
//! ```

mod line;
mod rotate;
mod words;
mod writer;

#[cfg(test)]
mod tests;

use super::clock;
use super::shared::lock;
use crate::model::{ConfigError, Event, VenueName};
use crossbeam_queue::ArrayQueue;
use rotate::File;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::time::Timespec;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use writer::Writer;

/// The version of the schema, `v` in every line. It changes when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// How large a journal may get, on disk and in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalOptions {
    /// A file that would grow beyond this is put aside as `<path>.1`. Default 64 MiB.
    pub max_bytes: u64,
    /// How many files put aside are kept. Default 8.
    pub keep: u32,
    /// How many events wait for the writer before they are counted instead. Default 8192.
    pub queue: usize,
}

/// An open journal. Cheap to copy; several guards may share one. Its thread ends when the last copy and the last guard
/// that uses it are gone and everything handed over was written or counted.
#[derive(Clone)]
pub struct Journal {
    owner: Arc<Owner>,
}

/// What became of what was handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalStatus {
    /// Events that are in the file, whole.
    pub written: u64,
    /// Events that are not and will never be.
    pub lost: u64,
    /// Why the last write that failed did so, while it still does.
    pub error: Option<String>,
}

/// A journal could not be opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A value of the options cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file is not one to write an account's history into.
    #[error("the journal {} is refused: {why}", path.display())]
    Unsafe {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The operating system did not let us.
    #[error("the journal {} could not be opened ({step}): {error}", path.display())]
    System {
        /// Which file.
        path: PathBuf,
        /// What was asked for.
        step: &'static str,
        /// Its answer.
        error: std::io::Error,
    },
}

impl Journal {
    /// Opens or creates the file, mode 0600, and starts the writer.
    pub fn open(path: impl AsRef<Path>, options: JournalOptions) -> Result<Self, JournalError> {
        options.check()?;
        let path = path.as_ref();
        let system = |step| move |error| JournalError::System { path: path.to_owned(), step, error };
        let (file, torn) = File::open(path, options)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(std::io::Error::from);
        let shared = Arc::new(Shared::new(path, options.queue, bell.map_err(system("a descriptor"))?));
        let writer = Writer::new(shared.clone(), file, torn);
        std::thread::Builder::new()
            .name("killcord-journal".into())
            .spawn(move || writer.run())
            .map_err(system("a thread"))?;
        Ok(Self { owner: Arc::new(Owner { shared }) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.shared().path
    }

    /// What became of what was handed over so far.
    pub fn status(&self) -> JournalStatus {
        let shared = self.shared();
        let (written, lost) = (shared.written.load(Ordering::Acquire), shared.lost.load(Ordering::Acquire));
        JournalStatus { written, lost, error: lock(&shared.error).clone() }
    }

    /// Waits until everything that was handed over before is in the file or counted as lost. False when that took
    /// longer than `timeout`, and in a forked child, which has no writer.
    pub fn flush(&self, timeout: Duration) -> bool {
        if self.shared().pid != std::process::id() {
            return false;
        }
        let (done, waiting) = channel();
        lock(&self.shared().flushes).push(done);
        self.shared().ring();
        waiting.recv_timeout(timeout).is_ok()
    }

    /// What one guard writes with.
    pub(super) fn recorder(&self, venue: VenueName, account: &str) -> Recorder {
        let desk = Arc::new(Desk { guard: line::guard(venue, account), ..Desk::default() });
        let mut desks = lock(&self.shared().desks);
        desks.retain(|desk| Arc::strong_count(desk) > 1 || desk.owed() != (0, 0));
        desks.push(desk.clone());
        Recorder { owner: self.owner.clone(), desk }
    }

    fn shared(&self) -> &Shared {
        &self.owner.shared
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({})", self.path().display())
    }
}

/// A guard's side. Belongs to the guard's task.
pub(super) struct Recorder {
    owner: Arc<Owner>,
    desk: Arc<Desk>,
}

impl Recorder {
    /// Hands an event over, or counts it. One push, no lock, nothing to wait for.
    pub(super) fn record(&self, event: &Event) {
        let shared = &self.owner.shared;
        let mono_ns = clock::monotonic_nanos_at(event.at);
        let entry = Entry { desk: self.desk.clone(), mono_ns, event: event.clone() };
        if shared.queue.push(entry).is_err() {
            self.desk.not_queued.fetch_add(1, Ordering::Relaxed);
            shared.lost.fetch_add(1, Ordering::Relaxed);
            shared.owes.store(true, Ordering::Release);
        }
    }

    /// Wakes the writer if it sleeps. Once per turn of the guard, after everything for the venue has been said.
    pub(super) fn hand_over(&self) {
        self.owner.shared.ring();
    }
}

/// The last one lets the thread end. Never waits for it: a guard's task may be the last.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.ring();
    }
}

/// One guard's account of what was lost.
#[derive(Default)]
struct Desk {
    /// As it stands in every line.
    guard: String,
    /// Events that found the queue full, since the last line that said so.
    not_queued: AtomicU64,
    /// Events whose line could not be written, since the last line that said so.
    not_written: AtomicU64,
}

impl Desk {
    fn owed(&self) -> (u64, u64) {
        (self.not_queued.load(Ordering::Acquire), self.not_written.load(Ordering::Acquire))
    }

    /// Told in a line.
    fn settle(&self, (not_queued, not_written): (u64, u64)) {
        self.not_queued.fetch_sub(not_queued, Ordering::AcqRel);
        self.not_written.fetch_sub(not_written, Ordering::AcqRel);
    }
}

/// What waits for the writer.
struct Entry {
    desk: Arc<Desk>,
    mono_ns: u64,
    event: Event,
}

/// What the guards and the writer have in common.
struct Shared {
    path: PathBuf,
    /// The process that has the thread.
    pid: u32,
    queue: ArrayQueue<Entry>,
    bell: OwnedFd,
    /// The writer is asleep, or about to look once more and then be.
    asleep: AtomicBool,
    closing: AtomicBool,
    /// Some desk has something to tell.
    owes: AtomicBool,
    written: AtomicU64,
    lost: AtomicU64,
    /// Touched by the writer and by whoever asks or joins; never by a guard.
    error: Mutex<Option<String>>,
    desks: Mutex<Vec<Arc<Desk>>>,
    flushes: Mutex<Vec<Sender<()>>>,
}

impl Shared {
    fn new(path: &Path, queue: usize, bell: OwnedFd) -> Self {
        Self {
            path: path.to_owned(),
            pid: std::process::id(),
            queue: ArrayQueue::new(queue),
            bell,
            asleep: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            owes: AtomicBool::new(false),
            written: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            error: Mutex::new(None),
            desks: Mutex::new(Vec::new()),
            flushes: Mutex::new(Vec::new()),
        }
    }

    /// A system call only when the writer sleeps.
    fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // A full counter is readable already, and no other error can happen to a descriptor that is open.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    /// For the writer: sleeps unless something came in meanwhile, for `at_most` if it must come back.
    fn sleep(&self, at_most: Option<Duration>) {
        self.asleep.store(true, Ordering::SeqCst);
        if self.has_work() {
            self.asleep.store(false, Ordering::SeqCst);
            return;
        }
        let timeout = at_most.map(|length| Timespec {
            tv_sec: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: length.subsec_nanos().into(),
        });
        let bell = self.bell.as_fd();
        let _ = poll(&mut [PollFd::new(&bell, PollFlags::IN)], timeout.as_ref());
        self.asleep.store(false, Ordering::SeqCst);
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
    }

    fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.closing.load(Ordering::SeqCst) || !lock(&self.flushes).is_empty()
    }
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, keep: 8, queue: 8192 }
    }
}

impl JournalOptions {
    fn check(&self) -> Result<(), ConfigError> {
        if !(MAX_BYTES_LEAST..=MAX_BYTES_MOST).contains(&self.max_bytes) {
            let rule = format!("must be between {MAX_BYTES_LEAST} and {MAX_BYTES_MOST} bytes");
            return Err(ConfigError::new("max_bytes", self.max_bytes, rule));
        }
        if !(1..=KEEP_MOST).contains(&self.keep) {
            return Err(ConfigError::new("keep", self.keep, format!("must be between 1 and {KEEP_MOST} files")));
        }
        if !(QUEUE_LEAST..=QUEUE_MOST).contains(&self.queue) {
            let rule = format!("must be between {QUEUE_LEAST} and {QUEUE_MOST} events");
            return Err(ConfigError::new("queue", self.queue, rule));
        }
        Ok(())
    }
}

/// Room for the longest line there can be, several times.
const MAX_BYTES_LEAST: u64 = 64 << 10;
/// A terabyte: more is a mistake in the unit.
const MAX_BYTES_MOST: u64 = 1 << 40;
const KEEP_MOST: u32 = 1000;
const QUEUE_LEAST: usize = 16;
/// Allocated at once, a few hundred bytes each.
const QUEUE_MOST: usize = 1 << 18;
