//! Every interleaving of the threads and processes that share a lease's words, as the memory model allows them: loom runs
//! each trial once for every order in which its atomic steps can happen, and for every value a relaxed load may return.
//! The files under trial are the driver's own; only the atomics are loom's.
//!
//! What is not tried here: what the words mean for a guard (enumerated in `src/parts/lease.rs`, `src/parts/lease_page/`,
//! `src/session/tests/leases.rs`).

mod model {
    pub use killcord::model::*;
}

/// Stands for `src/driver`.
#[allow(dead_code, reason = "the files are the driver's, which uses all of them")]
mod driver {
    mod atomic {
        pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
    }
    #[path = "../../../src/driver/lease_word.rs"]
    mod lease_word;
    #[path = "../../../src/driver/page_words.rs"]
    mod page_words;

    mod pages;
    mod renewers;
}
