//! The journal's file: opened only if nobody else can read or write it, put aside when it is full, and looked at for a
//! line that a killed process left unfinished. Not here: what is written, and what a failed write means.

use super::{JournalError, JournalOptions};
use crate::driver::inherit::Listed;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// An open journal file. Lives on the writer's thread.
pub(super) struct File {
    path: PathBuf,
    options: JournalOptions,
    descriptor: OwnedFd,
    /// A forked child must not keep the lock on the file after this process has died.
    _listed: Listed,
    size: u64,
    /// What can be put aside: a file, and not a pipe.
    regular: bool,
    /// Not tried again before it is this large, because putting it aside failed.
    rotate_at: u64,
}

/// The last line of a process that was killed while it wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Torn {
    /// Where it begins.
    pub(super) offset: u64,
    /// How much of it there is.
    pub(super) bytes: u64,
}

impl File {
    /// Opens or creates. A last line without an end is not touched here; whoever writes next ends it first.
    pub(super) fn open(path: &Path, options: JournalOptions) -> Result<(Self, Option<Torn>), JournalError> {
        let system =
            |step| move |error: Errno| JournalError::System { path: path.to_owned(), step, error: error.into() };
        let (descriptor, about) = open_checked(path)?;
        rustix::fs::flock(&descriptor, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => refused(path, "another journal writes to it; give each process a file of its own"),
            error => system("lock")(error),
        })?;
        let torn =
            torn(path, &about).map_err(|error| JournalError::System { path: path.to_owned(), step: "read", error })?;
        let size = u64::try_from(about.st_size).unwrap_or(0);
        let regular = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
        Ok((Self::over(path, options, descriptor, size, regular), torn))
    }

    /// Writes to a descriptor that is open already.
    pub(super) fn over(path: &Path, options: JournalOptions, descriptor: OwnedFd, size: u64, regular: bool) -> Self {
        let listed = Listed::enter(&descriptor);
        let path = path.to_owned();
        Self { path, options, descriptor, _listed: listed, size, regular, rotate_at: options.max_bytes }
    }

    /// Writes as much as the system takes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::io::retry_on_intr(|| rustix::io::write(&self.descriptor, bytes))? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => {
                self.size += written as u64;
                Ok(written)
            }
        }
    }

    /// True when a line of this length does not fit any more.
    pub(super) fn is_full_for(&self, length: usize) -> bool {
        self.regular && self.size > 0 && self.size + length as u64 > self.rotate_at
    }

    /// Puts the file aside as `<path>.1`, that one as `<path>.2` and so on, and begins a new one. When that fails, the
    /// old file goes on, for as long again.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let outcome = self.put_aside().and_then(|()| self.begin_new());
        if outcome.is_err() {
            self.rotate_at = self.size.saturating_add(self.options.max_bytes);
        }
        outcome
    }

    fn put_aside(&self) -> io::Result<()> {
        for number in (1..self.options.keep).rev() {
            match std::fs::rename(aside(&self.path, number), aside(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        std::fs::rename(&self.path, aside(&self.path, 1))
    }

    fn begin_new(&mut self) -> io::Result<()> {
        let created = create(&self.path).and_then(|descriptor| {
            rustix::fs::flock(&descriptor, FlockOperation::NonBlockingLockExclusive)?;
            Ok(descriptor)
        });
        match created {
            Ok(descriptor) => {
                *self = Self::over(&self.path.clone(), self.options, descriptor, 0, true);
                Ok(())
            }
            Err(error) => {
                // What is written goes on into the old file; it should be found under the name it has.
                let _ = std::fs::rename(aside(&self.path, 1), &self.path);
                Err(error.into())
            }
        }
    }
}

/// The name of an older file; 1 is the youngest of them.
pub(super) fn aside(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn open_checked(path: &Path) -> Result<(OwnedFd, Stat), JournalError> {
    let system = |step| move |error: Errno| JournalError::System { path: path.to_owned(), step, error: error.into() };
    let descriptor = match create(path) {
        Err(Errno::EXIST) => rustix::fs::open(path, FLAGS, Mode::empty()),
        other => other,
    };
    let descriptor = descriptor.map_err(|error| match error {
        Errno::LOOP => refused(path, "it is a symbolic link; name the file itself"),
        Errno::NXIO => refused(path, "it is a pipe that nobody reads"),
        error => system("open")(error),
    })?;
    let about = rustix::fs::fstat(&descriptor).map_err(system("look at"))?;
    check(path, &about)?;
    Ok((descriptor, about))
}

fn create(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, FLAGS | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)
}

/// The history of an account is its owner's business: what others can read or write is refused, not repaired, because
/// nobody knows who has it open already.
fn check(path: &Path, about: &Stat) -> Result<(), JournalError> {
    match FileType::from_raw_mode(about.st_mode) {
        FileType::RegularFile | FileType::Fifo => {}
        _ => return Err(refused(path, "it is neither a file nor a pipe")),
    }
    let us = rustix::process::geteuid().as_raw();
    if about.st_uid != us {
        return Err(refused(path, format!("it belongs to user {}, and this process runs as {us}", about.st_uid)));
    }
    let mode = about.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(refused(path, format!("its mode is {mode:04o}, so that others get at it; chmod 600 it")));
    }
    Ok(())
}

fn refused(path: &Path, why: impl Into<String>) -> JournalError {
    JournalError::Unsafe { path: path.to_owned(), why: why.into() }
}

/// What stands after the last end of a line.
fn torn(path: &Path, about: &Stat) -> io::Result<Option<Torn>> {
    let mut left = u64::try_from(about.st_size).unwrap_or(0);
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile || left == 0 {
        return Ok(None);
    }
    // A descriptor of its own, because the one that writes cannot read. The name still leads to the same file unless
    // somebody who may write to its directory is playing with it; then the offset is wrong and nothing else.
    let reader = rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let size = left;
    let mut block = [0; 4096];
    while left > 0 {
        let length = left.min(block.len() as u64);
        let start = left - length;
        let read = rustix::io::pread(&reader, &mut block[..usize::try_from(length).unwrap_or(0)], start)?;
        if let Some(end) = block[..read].iter().rposition(|&byte| byte == b'\n') {
            let offset = start + end as u64 + 1;
            return Ok((offset < size).then_some(Torn { offset, bytes: size - offset }));
        }
        left = start;
    }
    Ok(Some(Torn { offset: 0, bytes: size }))
}

/// Without waiting for a reader of a pipe, and never through a symbolic link.
const FLAGS: OFlags =
    OFlags::WRONLY.union(OFlags::APPEND).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
