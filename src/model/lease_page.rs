//! The words of a shared lease: the page another process renews, byte by byte, who claimed it, and why a page may prove
//! nothing. The layout is one cache line and is described for other languages in `include/killcord_lease.h` and
//! `docs/leases.md`; a test holds the three against each other.
//!
//! Deliberately not here: what a page means for a lease (`parts/lease_page.rs`), and reading or writing one
//! (`driver/shared_lease.rs`).

/// A page as it was read: 64 bytes, integers in the byte order of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeasePage {
    /// Of the lease's name, see [`LeasePage::name_hash`].
    pub name: u64,
    /// Who claimed it.
    pub claim: PageClaim,
    /// When the owner made its last renewal, in nanoseconds of the boot-time clock; 0 when it does not say.
    pub renewed_at: u64,
    /// What the renewing store writes. 0 until the first renewal of a claim.
    pub progress: u64,
}

/// Whose page it is. All zero until it was claimed for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PageClaim {
    /// Counts claims and releases: odd while one is being written.
    pub generation: u32,
    /// The owner's process; 0 when it is nobody's.
    pub pid: u32,
    /// When that process was started, in clock ticks since boot, as field 22 of `/proc/<pid>/stat` tells.
    pub start_time: u64,
    /// The boot in which it was claimed: the 16 bytes of `/proc/sys/kernel/random/boot_id`.
    pub boot_id: [u8; 16],
}

/// Why a page proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PageFault {
    /// The process that claimed it is gone.
    OwnerDied,
    /// Another process has the owner's number now: the owner is gone.
    PidReused,
    /// It was claimed before this machine was started.
    EarlierBoot,
    /// Another owner claimed it while the first one's lease ran.
    TwoOwners,
    /// Its owner gave it up.
    Released,
    /// What was read is no page of this lease: cut short, another beginning, another name.
    Damaged,
    /// The file is gone from its place, so that a new owner would claim another one.
    Removed,
}

impl LeasePage {
    /// Its length: one cache line on every machine killcord runs on.
    pub const SIZE: usize = 64;
    /// How it begins. The last character is the version of the layout.
    pub const MAGIC: [u8; 8] = *b"KCLEASE1";

    /// A page nobody has claimed.
    pub fn unclaimed(name: &str) -> Self {
        Self { name: Self::name_hash(name), claim: PageClaim::default(), renewed_at: 0, progress: 0 }
    }

    /// FNV-1a, 64 bits: tells names apart and is five lines in every language.
    pub fn name_hash(name: &str) -> u64 {
        name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }

    /// Reads what may be anything. None when it is too short or begins otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::SIZE] = bytes.get(..Self::SIZE)?.try_into().ok()?;
        let claim = PageClaim {
            generation: u32::from_ne_bytes(part(bytes, Self::GENERATION_AT)),
            pid: u32::from_ne_bytes(part(bytes, Self::PID_AT)),
            start_time: u64::from_ne_bytes(part(bytes, Self::START_TIME_AT)),
            boot_id: part(bytes, Self::BOOT_ID_AT),
        };
        let page = Self {
            name: u64::from_ne_bytes(part(bytes, Self::NAME_AT)),
            claim,
            renewed_at: u64::from_ne_bytes(part(bytes, Self::RENEWED_AT_AT)),
            progress: u64::from_ne_bytes(part(bytes, Self::PROGRESS_AT)),
        };
        (part::<8>(bytes, 0) == Self::MAGIC).then_some(page)
    }

    /// As it is written.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, &Self::MAGIC);
        put(Self::NAME_AT, &self.name.to_ne_bytes());
        put(Self::GENERATION_AT, &self.claim.generation.to_ne_bytes());
        put(Self::PID_AT, &self.claim.pid.to_ne_bytes());
        put(Self::START_TIME_AT, &self.claim.start_time.to_ne_bytes());
        put(Self::BOOT_ID_AT, &self.claim.boot_id);
        put(Self::RENEWED_AT_AT, &self.renewed_at.to_ne_bytes());
        put(Self::PROGRESS_AT, &self.progress.to_ne_bytes());
        bytes
    }

    /// Where [`LeasePage::name`] lies.
    pub const NAME_AT: usize = 8;
    /// Where [`PageClaim::generation`] lies.
    pub const GENERATION_AT: usize = 16;
    /// Where [`PageClaim::pid`] lies.
    pub const PID_AT: usize = 20;
    /// Where [`PageClaim::start_time`] lies.
    pub const START_TIME_AT: usize = 24;
    /// Where [`PageClaim::boot_id`] lies.
    pub const BOOT_ID_AT: usize = 32;
    /// Where [`LeasePage::renewed_at`] lies.
    pub const RENEWED_AT_AT: usize = 48;
    /// Where [`LeasePage::progress`] lies.
    pub const PROGRESS_AT: usize = 56;
}

impl PageClaim {
    /// Somebody's, and completely written.
    pub const fn is_held(&self) -> bool {
        self.pid != 0 && !self.is_being_written()
    }

    /// The boot as the two words it is stored in.
    pub fn boot_words(&self) -> [u64; 2] {
        let word = |half: usize| u64::from_ne_bytes(std::array::from_fn(|at| self.boot_id[8 * half + at]));
        [word(0), word(1)]
    }

    /// A claim or a release is under way.
    pub const fn is_being_written(&self) -> bool {
        self.generation % 2 == 1
    }
}

impl PageFault {
    /// The word used in events and the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnerDied => "owner_died",
            Self::PidReused => "pid_reused",
            Self::EarlierBoot => "earlier_boot",
            Self::TwoOwners => "two_owners",
            Self::Released => "released",
            Self::Damaged => "damaged",
            Self::Removed => "removed",
        }
    }
}

fn part<const LENGTH: usize>(bytes: &[u8; LeasePage::SIZE], at: usize) -> [u8; LENGTH] {
    std::array::from_fn(|index| bytes[at + index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_hashed_as_fnv_1a_says() {
        assert_eq!(LeasePage::name_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(LeasePage::name_hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_parts_of_a_page_fill_one_cache_line_without_overlap() {
        use LeasePage as P;
        let ends = [(0, 8), (P::NAME_AT, 8), (P::GENERATION_AT, 4), (P::PID_AT, 4), (P::START_TIME_AT, 8)];
        let more = [(P::BOOT_ID_AT, 16), (P::RENEWED_AT_AT, 8), (P::PROGRESS_AT, 8)];
        let end = ends.into_iter().chain(more).fold(0, |end, (at, length)| {
            assert_eq!(at, end);
            at + length
        });
        assert_eq!(end, P::SIZE);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_page_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..130)) {
            if let Some(page) = LeasePage::from_bytes(&bytes) {
                prop_assert_eq!(&page.to_bytes()[..], &bytes[..LeasePage::SIZE]);
            } else {
                prop_assert!(bytes.len() < LeasePage::SIZE || bytes[..8] != LeasePage::MAGIC);
            }
        }

        #[test]
        fn a_page_reads_as_it_was_written(words in any::<(u64, u32, u32, u64, [u8; 16], u64, u64)>()) {
            let (name, generation, pid, start_time, boot_id, renewed_at, progress) = words;
            let claim = PageClaim { generation, pid, start_time, boot_id };
            let page = LeasePage { name, claim, renewed_at, progress };
            prop_assert_eq!(LeasePage::from_bytes(&page.to_bytes()), Some(page));
        }
    }
}
