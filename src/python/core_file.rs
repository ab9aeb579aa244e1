//! Keeps secrets out of core files. A crash in anybody's code writes the memory of the whole process to disk, unless the
//! kernel was told to leave some of it out.
//!
//! It is not done for the process as a whole (`PR_SET_DUMPABLE`): whether a trading system may be debugged is its owner's
//! decision. It does not reach what the application itself holds: its environment, its own strings.

use crate::model::Secret;

/// Leaves the memory of this secret out of core files, with whatever else is on its page. Its clones share the memory.
/// Where the system cannot do this, nothing happens.
#[cfg(target_os = "linux")]
pub fn keep_out(secret: &Secret) {
    let text = secret.reveal().as_bytes();
    // SAFETY: asks for a number; touches no memory.
    let Ok(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) else { return };
    let begin = text.as_ptr().addr() / page * page;
    let end = (text.as_ptr().addr() + text.len()).next_multiple_of(page);
    // SAFETY: the advice changes what a core file holds and nothing that a program can observe; the pages are mapped,
    // because the text is on them.
    let code = unsafe { libc::madvise(std::ptr::without_provenance_mut(begin), end - begin, libc::MADV_DONTDUMP) };
    if code != 0 {
        tracing::debug!("a secret could not be kept out of core files");
    }
}

/// There is no such advice here.
#[cfg(not(target_os = "linux"))]
pub fn keep_out(_: &Secret) {}
