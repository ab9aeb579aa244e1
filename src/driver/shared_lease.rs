//! A lease that another process renews: the page both know, and the renewer's side of it. The guard's side only reads
//! (`page_watch.rs`).
//!
//! Renewing is one store of the progress word; the stores before it say when. Claiming is rare and slow: it takes a lock
//! that the system drops when its holder dies, asks whether the last owner lives, and writes a new owner so that a reader
//! can tell a half-written one. Programs in other languages do the same with `include/killcord_lease.h`.

use super::clock;
use super::inherit;
use super::page_file::{PageError, PageFile, refused, system};
use super::page_words::PageWords;
use super::process::{self, OwnerWatch};
use crate::model::{LeasePage, LeaseTerms, PageClaim, PageFault};
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The page of a lease that another process renews.
#[derive(Clone, Debug)]
pub struct SharedLease {
    name: Arc<str>,
    pub(super) file: Arc<PageFile>,
}

impl SharedLease {
    /// Opens the page of the lease with this name, after making it, mode 0600, when there is none. Refused when it is a
    /// link, not a regular file, somebody else's, open to others, or not a page of this lease. Put it where files live
    /// in memory (`/run`, `/dev/shm`): a disk can hold a renewer up.
    pub fn open(path: &Path, name: &str) -> Result<Self, PageError> {
        LeaseTerms::new(name, LeaseTerms::BUDGET_MIN).map_err(|error| refused(path, error.to_string()))?;
        Ok(Self { name: name.into(), file: Arc::new(PageFile::open(path, name)?) })
    }

    /// Who promises to be alive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Makes this process the owner. [`PageError::Taken`] while another owner lives, this process included.
    pub fn claim(&self) -> Result<SharedRenewer, PageError> {
        inherit::watch_forks();
        let us = process::this_process().map_err(|error| PageError::System {
            path: self.file.path.clone(),
            step: "find the owner of",
            error,
        })?;
        let _held = ClaimLock::take(&self.file)?;
        let page = self.file.page()?;
        let took_over = self.may_be_taken(&page.claim)?;
        let words = Mapped::of(&self.file)?;
        let generation = (page.claim.generation | 1).wrapping_add(1);
        words.get().write_claim(&PageClaim { generation, ..us });
        let forks = inherit::forks();
        Ok(SharedRenewer {
            file: self.file.clone(),
            words,
            generation,
            forks,
            took_over,
            closed: AtomicBool::new(false),
        })
    }

    /// What was wrong with the owner it had, when it had one that is gone.
    fn may_be_taken(&self, claim: &PageClaim) -> Result<Option<PageFault>, PageError> {
        if claim.pid == 0 || claim.is_being_written() {
            // Under the lock a claim that is half written was left so by somebody who died.
            return Ok(None);
        }
        match OwnerWatch::default().against(*claim) {
            None => Err(PageError::Taken { path: self.file.path.clone(), pid: claim.pid }),
            gone => Ok(gone),
        }
    }
}

/// The owner of a shared lease. Dropping it gives the page up, and the lease then lapses unless it is closed at the guard.
pub struct SharedRenewer {
    file: Arc<PageFile>,
    words: Mapped,
    generation: u32,
    forks: u64,
    took_over: Option<PageFault>,
    closed: AtomicBool,
}

impl SharedRenewer {
    /// Says that this process is alive and got on. True when it was written: `progress` is not the one before, this is
    /// the process that claimed the page, and nobody has claimed it since. Whether it was in time the guard decides.
    /// From any thread; no lock, no system call.
    pub fn renew(&self, progress: u64) -> bool {
        let words = self.words.get();
        words.is_claimed_by(self.generation)
            && inherit::forks() == self.forks
            && words.renew(progress, || clock::moment().nanos())
    }

    /// What was wrong with the owner before, when there was one that had not given the page up.
    pub const fn took_over(&self) -> Option<PageFault> {
        self.took_over
    }

    /// Gives the page up, so that somebody can claim it. The lease at the guard lapses unless it is closed there.
    pub fn close(&self) {
        if inherit::forks() != self.forks || self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        // Without the lock nothing is written: somebody is claiming, and what is found then says that we live.
        if let Ok(_held) = ClaimLock::take(&self.file)
            && self.words.get().is_claimed_by(self.generation)
        {
            self.words
                .get()
                .write_claim(&PageClaim { generation: self.generation.wrapping_add(2), ..PageClaim::default() });
        }
    }
}

impl Drop for SharedRenewer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SharedRenewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedRenewer({}, generation {})", self.file.path.display(), self.generation)
    }
}

const _: () = {
    assert!(size_of::<PageWords>() == LeasePage::SIZE);
    assert!(std::mem::offset_of!(PageWords, generation) == LeasePage::GENERATION_AT);
    assert!(std::mem::offset_of!(PageWords, pid) == LeasePage::PID_AT);
    assert!(std::mem::offset_of!(PageWords, start_time) == LeasePage::START_TIME_AT);
    assert!(std::mem::offset_of!(PageWords, boot_id) == LeasePage::BOOT_ID_AT);
    assert!(std::mem::offset_of!(PageWords, renewed_at) == LeasePage::RENEWED_AT_AT);
    assert!(std::mem::offset_of!(PageWords, progress) == LeasePage::PROGRESS_AT);
};

/// A mapping of the file, shared with every process that maps it. Only the owner maps; whoever cuts the file short under
/// it stops the owner, not the guard.
struct Mapped(NonNull<PageWords>);

// SAFETY: the mapping lives until drop and holds nothing but atomics, which any thread may use.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn of(file: &PageFile) -> Result<Self, PageError> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let descriptor = file.descriptor.as_raw_fd();
        // SAFETY: a new mapping at an address of the system's choice touches no memory that is in use; the descriptor is
        // open for reading and writing.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), size_of::<PageWords>(), access, libc::MAP_SHARED, descriptor, 0)
        };
        if at == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            return Err(PageError::System { path: file.path.clone(), step: "map", error });
        }
        NonNull::new(at.cast()).map(Self).ok_or_else(|| system(&file.path, "map")(Errno::FAULT))
    }

    const fn get(&self) -> &PageWords {
        // SAFETY: the mapping is as long as `PageWords`, aligned to a page of memory, and unmapped only in drop. Every byte is
        // a valid value of the atomics there, whoever writes it.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: what was mapped, and no reference to it outlives `self`.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<PageWords>()) };
    }
}

/// Held while a claim is written. The system drops it with the last descriptor, however its holder ends. It excludes
/// `lockf`, `fcntl` and Java's `FileChannel.lock` alike.
struct ClaimLock<'a>(&'a PageFile);

impl<'a> ClaimLock<'a> {
    fn take(file: &'a PageFile) -> Result<Self, PageError> {
        match set_lock(file, libc::F_WRLCK) {
            Ok(()) => Ok(Self(file)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Err(PageError::Taken { path: file.path.clone(), pid: 0 })
            }
            Err(error) => Err(PageError::System { path: file.path.clone(), step: "lock", error }),
        }
    }
}

impl Drop for ClaimLock<'_> {
    fn drop(&mut self) {
        if let Err(error) = set_lock(self.0, libc::F_UNLCK) {
            tracing::warn!(%error, "the lock of a shared lease was not given back");
        }
    }
}

fn set_lock(file: &PageFile, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: all zero is a valid `flock`: the whole file, from its start, and no process.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    // SAFETY: the call reads one `flock`, which lives until it returns; the descriptor is open.
    let done = unsafe { libc::fcntl(file.descriptor.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
