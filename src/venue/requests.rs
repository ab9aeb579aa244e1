//! Ids of our own requests, and the application's composed requests that wait for an answer. Shared by the dialects
//! whose ids are numbers. An id is handed out once and never again, whatever happens to links and epochs.

use super::RESERVED_ID_FLOOR;
use super::json::Raw;
use crate::model::{Epoch, Misuse, RequestId};
use std::collections::BTreeMap;

/// Ids per epoch. A long epoch may use more: the counter never goes back, so none is handed out twice.
const IDS_PER_EPOCH: u64 = 1_000_000;

/// The reserved range ends where floating point stops telling integers apart.
const RESERVED_ID_END: u64 = 1 << 53;

/// How many composed requests may wait for an answer at once. Far more than any venue lets one connection send while an
/// answer is due.
const PENDING_MAX: usize = 1_024;

/// Hands out ids and remembers what the application waits for. Even ids are ours, odd ids the application's, so that a
/// late or repeated answer still finds its owner when nobody waits for it any more.
pub struct Requests {
    /// Even, and never goes back.
    next: u64,
    pending: BTreeMap<u64, RequestId>,
}

impl Requests {
    /// No link yet.
    pub const fn new() -> Self {
        Self { next: RESERVED_ID_FLOOR, pending: BTreeMap::new() }
    }

    /// A link of this epoch begins: its ids start at the floor plus a million per epoch, or later.
    pub fn enter(&mut self, epoch: Epoch) {
        let start = epoch.0.saturating_mul(IDS_PER_EPOCH).saturating_add(RESERVED_ID_FLOOR);
        self.next = self.next.max(start.min(RESERVED_ID_END));
        self.pending.clear();
    }

    /// The link is gone: nobody will answer.
    pub fn forget(&mut self) {
        self.pending.clear();
    }

    /// The next id, for a request of our own.
    pub fn id(&mut self) -> u64 {
        let id = self.next;
        self.next += 2;
        id
    }

    /// The next id, for a request of the application.
    pub fn compose(&mut self, request: RequestId) -> Result<u64, Misuse> {
        if self.pending.len() >= PENDING_MAX {
            return Err(Misuse::TooManyPending { limit: PENDING_MAX });
        }
        let id = self.id() + 1;
        self.pending.insert(id, request);
        Ok(id)
    }

    /// The gate refused it: nothing was said, so nobody will answer.
    pub fn withdraw(&mut self, request: RequestId) {
        self.pending.retain(|_, waiting| *waiting != request);
    }

    /// The application's request that this id answers, once.
    pub fn answered(&mut self, id: u64) -> Option<RequestId> {
        self.pending.remove(&id)
    }

    /// True when this id was given to a request of the application, in whatever epoch.
    pub fn was_composed(&self, id: u64) -> bool {
        is_ours(id) && id < self.next && id % 2 == 1
    }
}

/// True when this id is in the reserved range.
pub fn is_ours(id: u64) -> bool {
    (RESERVED_ID_FLOOR..RESERVED_ID_END).contains(&id)
}

/// True when a venue could read this id as one of ours, in whatever form it is written.
pub fn is_reserved(id: Raw<'_>) -> bool {
    let text = id.text();
    let text = text.trim();
    match text.parse::<u64>() {
        Ok(number) => is_ours(number),
        // `8e15` is the same number to a venue that reads ids as floating point. Both bounds are exact in a float.
        Err(_) => text
            .parse::<f64>()
            .is_ok_and(|number| number >= RESERVED_ID_FLOOR as f64 && number < RESERVED_ID_END as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(token: &str) -> bool {
        is_reserved(serde_json::from_str(token).unwrap())
    }

    #[test]
    fn ids_are_never_reused_even_when_an_epoch_used_more_than_its_share() {
        let mut requests = Requests::new();
        requests.enter(Epoch(1));
        let mut last = 0;
        for _ in 0..(IDS_PER_EPOCH + 10) {
            last = requests.id();
        }
        requests.enter(Epoch(2));
        assert!(requests.id() > last);
        requests.enter(Epoch(9));
        assert_eq!(requests.id(), RESERVED_ID_FLOOR + 9 * IDS_PER_EPOCH);
    }

    #[test]
    fn an_id_of_ours_is_recognised_in_every_spelling() {
        for token in
            ["8000000000000000", "\"8000000000000001\"", "8e15", "8000000000000000.5", "\"\\u0038000000000000000\""]
        {
            assert!(reserved(token), "{token}");
        }
        for token in ["1", "\"abc\"", "null", "9223372036854775807", "1700000000000000000", "{}", "-8000000000000000"] {
            assert!(!reserved(token), "{token}");
        }
    }

    #[test]
    fn the_1025th_waiting_request_is_refused_unless_one_was_withdrawn_or_the_link_is_lost() {
        let mut requests = Requests::new();
        requests.enter(Epoch(1));
        for n in 0..1_024 {
            requests.compose(RequestId(n)).unwrap();
        }
        assert_eq!(requests.compose(RequestId(2_000)), Err(Misuse::TooManyPending { limit: 1_024 }));
        requests.withdraw(RequestId(7));
        let id = requests.compose(RequestId(2_000)).unwrap();
        assert!(requests.was_composed(id));
        requests.forget();
        let id = requests.compose(RequestId(2_001)).unwrap();
        assert_eq!(requests.answered(id), Some(RequestId(2_001)));
        assert_eq!(requests.answered(id), None);
        assert!(requests.was_composed(id) && !requests.was_composed(id - 1) && !requests.was_composed(id + 2));
    }
}
