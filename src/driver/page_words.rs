//! The page of a shared lease as its owner sees it: the order in which its words are written, and nothing else, so that
//! every interleaving with a reader can be tried (`tests/rust/interleavings.rs` takes this file as it is). Its layout is
//! that of `model::LeasePage`, held against it where it is mapped (`shared_lease.rs`).

use super::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crate::model::PageClaim;

/// Sixty-four bytes that several processes see.
#[repr(C, align(64))]
pub(super) struct PageWords {
    pub(super) magic: AtomicU64,
    pub(super) name: AtomicU64,
    pub(super) generation: AtomicU32,
    pub(super) pid: AtomicU32,
    pub(super) start_time: AtomicU64,
    pub(super) boot_id: [AtomicU64; 2],
    pub(super) renewed_at: AtomicU64,
    pub(super) progress: AtomicU64,
}

impl PageWords {
    /// True while the claim of this generation is the last one.
    pub(super) fn is_claimed_by(&self, generation: u32) -> bool {
        self.generation.load(Ordering::Relaxed) == generation
    }

    /// The renewing store, and the time before it. False when the progress is the one before.
    pub(super) fn renew(&self, progress: u64, now: impl FnOnce() -> u64) -> bool {
        if self.progress.load(Ordering::Relaxed) == progress {
            return false;
        }
        self.renewed_at.store(now(), Ordering::Relaxed);
        // After the time: who sees this progress sees that time, or a later one.
        self.progress.store(progress, Ordering::Release);
        true
    }

    /// A reader that finds an even generation before and after finds all of one claim.
    pub(super) fn write_claim(&self, claim: &PageClaim) {
        self.generation.store(claim.generation.wrapping_sub(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.pid.store(claim.pid, Ordering::Relaxed);
        self.start_time.store(claim.start_time, Ordering::Relaxed);
        for (word, half) in self.boot_id.iter().zip(claim.boot_words()) {
            word.store(half, Ordering::Relaxed);
        }
        self.renewed_at.store(0, Ordering::Relaxed);
        self.progress.store(0, Ordering::Relaxed);
        self.generation.store(claim.generation, Ordering::Release);
    }
}
