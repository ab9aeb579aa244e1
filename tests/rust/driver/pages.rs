//! The owner of a shared page writes, the guard reads between and during, both at any speed: a claim is seen whole or not
//! at all, and a renewal is never taken for another's nor for older than it is.

use super::atomic::{Ordering, fence};
use super::page_words::PageWords;
use crate::model::{LeasePage, Moment, PageClaim};
use killcord::session::{PageRenewal, PageWatch};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64};
use loom::thread;

const FIRST: PageClaim = PageClaim { generation: 2, pid: 7, start_time: 70, boot_id: [1; 16] };
const SECOND: PageClaim = PageClaim { generation: 4, pid: 8, start_time: 80, boot_id: [1; 16] };

fn unclaimed() -> Arc<PageWords> {
    let zero = || AtomicU64::new(0);
    let (generation, pid) = (AtomicU32::new(0), AtomicU32::new(0));
    let boot_id = [zero(), zero()];
    let words = PageWords {
        magic: zero(),
        name: zero(),
        generation,
        pid,
        start_time: zero(),
        boot_id,
        renewed_at: zero(),
        progress: zero(),
    };
    Arc::new(words)
}

/// As `page_file.rs` reads: three copies, of which nothing is known but the order.
fn read(words: &PageWords) -> Option<LeasePage> {
    let before = claim(words);
    fence(Ordering::Acquire);
    let progress = words.progress.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    let renewed_at = words.renewed_at.load(Ordering::Relaxed);
    let after = claim(words);
    (before == after).then_some(LeasePage { name: 0, claim: after, renewed_at, progress })
}

/// The boot is the same in every claim here; leaving it out keeps the number of interleavings within reason.
fn claim(words: &PageWords) -> PageClaim {
    let (pid, start_time) = (words.pid.load(Ordering::Relaxed), words.start_time.load(Ordering::Relaxed));
    PageClaim { generation: words.generation.load(Ordering::Relaxed), pid, start_time, boot_id: [1; 16] }
}

fn look(watch: &mut PageWatch, words: &PageWords, now: u64) -> Option<PageRenewal> {
    let page = read(words)?;
    let news = watch.look(Moment::from_nanos(now), Some(page), None);
    assert_eq!(news.fault, None);
    news.renewal
}

fn explore(trial: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    // Interruptions at the most awkward moments, and every relaxed value; without a bound it would take hours.
    builder.preemption_bound = Some(3);
    builder.check(trial);
}

#[test]
fn a_claim_is_seen_whole_or_not_at_all() {
    explore(|| {
        let words = unclaimed();
        words.write_claim(&FIRST);
        let owner = {
            let words = words.clone();
            thread::spawn(move || words.write_claim(&SECOND))
        };
        if let Some(page) = read(&words)
            && page.claim.is_held()
        {
            assert!(page.claim == FIRST || page.claim == SECOND, "{page:?}");
        }
        owner.join().expect("it ends");
    });
}

#[test]
fn a_renewal_is_never_taken_for_older_than_it_is_and_is_counted_once() {
    explore(|| {
        let words = unclaimed();
        words.write_claim(&FIRST);
        let mut watch = PageWatch::default();
        assert_eq!(look(&mut watch, &words, 50), None);
        let owner = {
            let words = words.clone();
            thread::spawn(move || {
                assert!(words.renew(1, || 100) && words.renew(2, || 200));
            })
        };
        let mut last = 0;
        for now in [1000, 2000] {
            if let Some(found) = look(&mut watch, &words, now) {
                assert!(found.progress > last && found.progress <= 2);
                assert!(found.latest.nanos() >= 100 * found.progress && found.latest.nanos() <= now, "{found:?}");
                last = found.progress;
            }
        }
        owner.join().expect("it ends");
        let rest = look(&mut watch, &words, 3000);
        assert_eq!(rest.is_some(), last < 2, "nothing is lost");
    });
}

#[test]
fn what_is_stored_before_a_claim_is_never_the_new_owners() {
    explore(|| {
        let words = unclaimed();
        words.write_claim(&FIRST);
        assert!(words.renew(9, || 10));
        let mut watch = PageWatch::default();
        assert_eq!(look(&mut watch, &words, 50), None);
        let owner = {
            let words = words.clone();
            thread::spawn(move || words.write_claim(&SECOND))
        };
        assert_eq!(look(&mut watch, &words, 1000), None, "nobody has renewed");
        owner.join().expect("it ends");
        assert_eq!(look(&mut watch, &words, 2000), None, "nobody has renewed");
    });
}
