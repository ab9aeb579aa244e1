//! The file of a shared page: made complete or not at all, opened only when nobody else can write it, and read without
//! mapping it, so that a file cut short under a reader is a short read and not a signal.

use crate::model::{LeasePage, PageFault};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, ReadWriteFlags};
use std::fs;
use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};

/// A shared page cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The file is not one that may be trusted, or is no page of this lease.
    #[error("the shared lease {} cannot be used: {why}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// Another owner that lives holds the page, or is just claiming it.
    #[error("the shared lease {} has an owner: process {pid}", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// Its owner; 0 while another process is claiming it.
        pid: u32,
    },
    /// The operating system refused.
    #[error("the operating system could not {step} the shared lease {}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What was tried.
        step: &'static str,
        /// Its answer.
        error: io::Error,
    },
}

/// An open page.
#[derive(Debug)]
pub(super) struct PageFile {
    pub(super) path: PathBuf,
    pub(super) descriptor: OwnedFd,
    name: u64,
}

impl PageFile {
    /// Opens the page of the lease with this name, after making it when there is none.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, PageError> {
        let descriptor = match open(path) {
            Err(Errno::NOENT) => create(path, name).and_then(|()| open(path).map_err(system(path, "open")))?,
            other => other.map_err(|error| match error {
                Errno::LOOP => refused(path, "it is a symbolic link; name the file itself"),
                Errno::ISDIR => refused(path, "it is a directory; name a file"),
                error => system(path, "open")(error),
            })?,
        };
        check(path, &rustix::fs::fstat(&descriptor).map_err(system(path, "look at"))?)?;
        let file = Self { path: path.to_owned(), descriptor, name: LeasePage::name_hash(name) };
        file.page()?;
        Ok(file)
    }

    /// The page, as one look from the engine's thread finds it, and what is wrong with the file. None when it is not in
    /// memory just now: the thread does not wait for a disk.
    pub(super) fn look(&self) -> Option<(Option<LeasePage>, Option<PageFault>)> {
        let removed = rustix::fs::fstat(&self.descriptor).is_ok_and(|about| about.st_nlink == 0);
        let wrong = removed.then_some(PageFault::Removed);
        match self.read_whole(ReadWriteFlags::NOWAIT) {
            Err(Errno::OPNOTSUPP) => {
                self.read_whole(ReadWriteFlags::empty()).unwrap_or_default().map(|page| (page, wrong))
            }
            Err(Errno::AGAIN) => None,
            other => other.unwrap_or(Some(None)).map(|page| (page, wrong)),
        }
    }

    /// The claim, then the progress, then the time and the claim again: the opposite of the order in which they are
    /// written, so that a progress is its claim's, and no time is older than the progress it stands beside. None while
    /// the page is being claimed, which takes no time that matters.
    fn read_whole(&self, flags: ReadWriteFlags) -> Result<Option<Option<LeasePage>>, Errno> {
        let Some(before) = self.read(flags)? else { return Ok(Some(None)) };
        fence(Ordering::Acquire);
        let Some(then) = self.read(flags)? else { return Ok(Some(None)) };
        fence(Ordering::Acquire);
        let Some(after) = self.read(flags)? else { return Ok(Some(None)) };
        let whole = before.claim == after.claim;
        Ok(whole.then_some(Some(LeasePage { progress: then.progress, ..after })))
    }

    /// The page, for whoever can wait and be told.
    pub(super) fn page(&self) -> Result<LeasePage, PageError> {
        let page = self.read(ReadWriteFlags::empty()).map_err(system(&self.path, "read"))?;
        page.ok_or_else(|| {
            refused(&self.path, "it is not the page of this lease: other contents, or another lease's; remove the file")
        })
    }

    fn read(&self, flags: ReadWriteFlags) -> Result<Option<LeasePage>, Errno> {
        let mut bytes = [0; LeasePage::SIZE];
        let read = rustix::io::retry_on_intr(|| {
            rustix::io::preadv2(&self.descriptor, &mut [IoSliceMut::new(&mut bytes)], 0, flags)
        })?;
        Ok(LeasePage::from_bytes(&bytes[..read]).filter(|page| page.name == self.name))
    }
}

fn open(path: &Path) -> Result<OwnedFd, Errno> {
    // NONBLOCK: a pipe in its place must not hold anybody up.
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::empty())
}

/// Written beside its place and then linked there: whoever finds the file finds all of it, and of two who make it at the
/// same time one finds the other's.
fn create(path: &Path, name: &str) -> Result<(), PageError> {
    let mut beside = path.file_name().ok_or_else(|| refused(path, "it names no file"))?.to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(beside);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = rustix::fs::open(&beside, flags, Mode::RUSR | Mode::WUSR).map_err(system(path, "create"))?;
    let made = rustix::io::write(&descriptor, &LeasePage::unclaimed(name).to_bytes())
        .map_err(io::Error::from)
        .and_then(|_| match fs::hard_link(&beside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    let gone = fs::remove_file(&beside);
    made.and(gone).map_err(|error| PageError::System { path: path.to_owned(), step: "create", error })
}

/// Who can write the page can keep a hung strategy's orders alive.
fn check(path: &Path, about: &Stat) -> Result<(), PageError> {
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return Err(refused(path, "it is not a regular file"));
    }
    let us = rustix::process::geteuid().as_raw();
    if about.st_uid != us {
        return Err(refused(path, format!("it belongs to user {}, and this process runs as {us}", about.st_uid)));
    }
    let mode = about.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(refused(path, format!("its mode is {mode:04o}, so that others get at it; chmod 600 it")));
    }
    if usize::try_from(about.st_size) != Ok(LeasePage::SIZE) {
        return Err(refused(path, format!("it has {} bytes and not 64; remove the file", about.st_size)));
    }
    Ok(())
}

pub(super) fn refused(path: &Path, why: impl Into<String>) -> PageError {
    PageError::Unsafe { path: path.to_owned(), why: why.into() }
}

pub(super) fn system(path: &Path, step: &'static str) -> impl Fn(Errno) -> PageError {
    move |error| PageError::System { path: path.to_owned(), step, error: error.into() }
}
