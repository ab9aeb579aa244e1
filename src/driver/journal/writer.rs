//! The journal's thread: takes events out of the queue in order, writes each as one line with one system call, and
//! keeps the account of what is lost. Nothing here can reach a guard: a disk that is full, slow or gone only makes this
//! thread count.
//!
//! A line that the system took in part is finished before anything else is written, so that only the end of a process
//! leaves a torn one.

use super::line::{self, Head, Line};
use super::rotate::{File, Torn, aside};
use super::{Desk, Entry, SCHEMA_VERSION, Shared};
use crate::driver::clock;
use crate::driver::shared::lock;
use crate::model::Now;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) struct Writer {
    shared: Arc<Shared>,
    file: File,
    /// The number of the last line.
    number: u64,
    /// What is left of a line that was begun.
    unfinished: Option<Unfinished>,
    /// The first record has not been written yet.
    unopened: Option<Opening>,
    failing: bool,
}

struct Unfinished {
    rest: Vec<u8>,
    is_event: bool,
}

struct Opening {
    torn: Option<Torn>,
    at: Now,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, file: File, torn: Option<Torn>) -> Self {
        let unfinished = torn.map(|_| Unfinished { rest: b"\n".to_vec(), is_event: false });
        let unopened = Some(Opening { torn, at: clock::now() });
        Self { shared, file, number: 0, unfinished, unopened, failing: false }
    }

    pub(super) fn run(mut self) {
        step_back();
        loop {
            let closing = self.shared.closing.load(Ordering::Acquire);
            let flushes = std::mem::take(&mut *lock(&self.shared.flushes));
            self.turn();
            for flush in flushes {
                // Who asked may have given up waiting.
                let _ = flush.send(());
            }
            if closing && self.shared.queue.is_empty() {
                return self.end();
            }
            self.shared.sleep(self.owes().then_some(RETRY));
        }
    }

    /// Everything that was in the queue when this was called, at least.
    pub(super) fn turn(&mut self) {
        for _ in 0..self.shared.queue.capacity() {
            let Some(entry) = self.shared.queue.pop() else { break };
            self.record(&entry);
        }
        let outcome = self.catch_up();
        self.note(&outcome);
    }

    fn record(&mut self, entry: &Entry) {
        let outcome = self.try_record(entry);
        self.note(&outcome);
        if outcome.is_err() {
            self.shared.lost.fetch_add(1, Ordering::AcqRel);
            entry.desk.not_written.fetch_add(1, Ordering::AcqRel);
            self.shared.owes.store(true, Ordering::Release);
        }
    }

    fn try_record(&mut self, entry: &Entry) -> io::Result<()> {
        self.catch_up()?;
        let at = Now { at: entry.event.at, wall: entry.event.wall };
        let (guard, mono_ns) = (Some(entry.desk.guard.as_str()), entry.mono_ns);
        let text = line::event(&Head { guard, number: self.number + 1, at, mono_ns }, &entry.event);
        if !self.file.is_full_for(text.len()) {
            return self.put(text, true);
        }
        self.put_aside()?;
        self.put(line::event(&Head { guard, number: self.number + 1, at, mono_ns }, &entry.event), true)
    }

    /// What has to stand in the file before the next event: the end of a line that was begun, the opening record, and
    /// what was lost.
    fn catch_up(&mut self) -> io::Result<()> {
        self.finish()?;
        if let Some(Opening { torn, at }) = self.unopened {
            self.put(self.opened(at), false)?;
            self.unopened = None;
            if let Some(torn) = torn {
                let mut record = Line::own(&self.head(None, at), "torn");
                record.raw("offset", torn.offset).raw("bytes", torn.bytes);
                self.put(record.close(), false)?;
            }
        }
        if self.shared.owes.swap(false, Ordering::AcqRel) {
            let told = self.tell_losses();
            if told.is_err() {
                self.shared.owes.store(true, Ordering::Release);
            }
            return told;
        }
        Ok(())
    }

    fn opened(&self, at: Now) -> String {
        let mut record = Line::own(&self.head(None, at), "opened");
        record.text("version", env!("CARGO_PKG_VERSION")).raw("schema", SCHEMA_VERSION).raw("pid", self.shared.pid);
        record.text("boot_id", &boot_id());
        record.close()
    }

    fn tell_losses(&mut self) -> io::Result<()> {
        let desks = lock(&self.shared.desks).clone();
        for desk in desks {
            let owed = desk.owed();
            if owed != (0, 0) {
                self.put(self.lost(&desk, owed), false)?;
                desk.settle(owed);
            }
        }
        Ok(())
    }

    fn lost(&self, desk: &Desk, (not_queued, not_written): (u64, u64)) -> String {
        let mut record = Line::own(&self.head(Some(&desk.guard), clock::now()), "lost");
        record.raw("count", not_queued + not_written).raw("not_queued", not_queued).raw("not_written", not_written);
        match lock(&self.shared.error).as_deref() {
            Some(error) => record.text("error", error),
            None => record.raw("error", "null"),
        };
        record.close()
    }

    /// A new file, and its first record. When that fails it is noted in the old one.
    fn put_aside(&mut self) -> io::Result<()> {
        let now = clock::now();
        match self.file.rotate() {
            Ok(()) => {
                let mut record = Line::own(&self.head(None, now), "rotated");
                let previous = aside(&self.shared.path, 1);
                let name = previous.file_name().unwrap_or_default().to_string_lossy().into_owned();
                record.text("previous", &name).raw("pid", self.shared.pid).text("boot_id", &boot_id());
                self.put(record.close(), false)
            }
            Err(error) => {
                tracing::warn!(%error, "the journal could not be put aside");
                let mut record = Line::own(&self.head(None, now), "not_rotated");
                record.text("error", &error.to_string());
                self.put(record.close(), false)
            }
        }
    }

    fn head<'a>(&self, guard: Option<&'a str>, at: Now) -> Head<'a> {
        Head { guard, number: self.number + 1, at, mono_ns: clock::monotonic_nanos_at(at.at) }
    }

    /// Writes a line. It counts as soon as it was begun: the rest of it goes before everything else.
    fn put(&mut self, text: String, is_event: bool) -> io::Result<()> {
        let mut bytes = text.into_bytes();
        let written = self.file.write(&bytes)?;
        self.number += 1;
        bytes.drain(..written);
        self.unfinished = Some(Unfinished { rest: bytes, is_event });
        // An error here is met again, and told, when the next line is to be written.
        let _ = self.finish();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(Unfinished { rest, is_event }) = &mut self.unfinished else { return Ok(()) };
        while !rest.is_empty() {
            let written = self.file.write(rest)?;
            rest.drain(..written);
        }
        if *is_event {
            self.shared.written.fetch_add(1, Ordering::AcqRel);
        }
        self.unfinished = None;
        Ok(())
    }

    fn note(&mut self, outcome: &io::Result<()>) {
        match outcome {
            Ok(()) if self.failing && !self.owes() => {
                self.failing = false;
                *lock(&self.shared.error) = None;
            }
            Ok(()) => {}
            Err(error) => {
                if !self.failing {
                    tracing::warn!(%error, "the journal cannot be written");
                }
                self.failing = true;
                *lock(&self.shared.error) = Some(error.to_string());
            }
        }
    }

    fn owes(&self) -> bool {
        self.unfinished.is_some() || self.unopened.is_some() || self.shared.owes.load(Ordering::Acquire)
    }

    /// An event of which only a part got out is lost after all.
    fn end(self) {
        if self.unfinished.is_some_and(|line| line.is_event) {
            self.shared.lost.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// The guard goes first where cores are few. And a pipe that its reader has closed is an error to count, not a signal
/// that ends the process.
fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the journal's thread keeps its priority");
    }
    // SAFETY: a signal set is plain integers, which `sigemptyset` initialises; all pointers are to live locals, and the
    // mask changed is that of the calling thread only.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
    }
}

/// Names the boot that `boot_ns` counts from.
fn boot_id() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    read.map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// How soon a disk that was full is tried again when nothing new is to be written.
const RETRY: Duration = Duration::from_secs(1);
const NICENESS: i32 = 5;
