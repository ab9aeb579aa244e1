//! Renewals on their way from any thread to the session: read before whatever else is handled, and bounded.

use super::*;
use crate::driver::{CallError, Renewal};
use crate::model::{LeaseId, LeaseTerms, Misuse, PageFault, Phase};

fn terms() -> LeaseTerms {
    LeaseTerms::new("quoter", Duration::from_secs(60)).unwrap()
}

#[test]
fn a_renewal_is_handed_in_before_whatever_comes_next_and_once() {
    let link = linked(|_| vec![]);
    let lease = link.guard.lease(terms()).unwrap();
    link.seen.wait_for(|seen| matches!(seen, Seen::OtherCommand));
    assert_eq!(lease.renew(1), Renewal::Counted);
    link.guard.abandon().unwrap();
    assert_eq!(link.seen.wait_for(|_| true), Seen::Renewed(LeaseId(1)));
    assert_eq!(link.seen.wait_for(|_| true), Seen::OtherCommand);
    assert_eq!(lease.renew(1), Renewal::Constant);
    link.guard.abandon().unwrap();
    assert_eq!(link.seen.wait_for(|_| true), Seen::OtherCommand);
}

#[test]
fn a_lease_that_was_renewed_before_the_engine_heard_of_it_is_known_first() {
    let (busy, free) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), Do::StallUntil);
    let held = busy.clone();
    let mut link = linked(move |seen| match seen {
        Seen::Line(..) => vec![free(held.clone())],
        _ => vec![],
    });
    super::peer::send(&mut link.theirs, "hold");
    link.seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    let lease = link.guard.lease(terms()).unwrap();
    assert_eq!(lease.renew(1), Renewal::Counted);
    busy.store(true, std::sync::atomic::Ordering::SeqCst);
    link.seen.wait_for(|seen| matches!(seen, Seen::OtherCommand));
    link.guard.abandon().unwrap();
    assert_eq!(link.seen.wait_for(|_| true), Seen::Renewed(LeaseId(1)));
}

#[test]
fn a_thousand_renewals_wake_nobody_and_only_the_last_is_handed_in() {
    let link = linked(|_| vec![]);
    let lease = link.guard.lease(terms()).unwrap();
    link.seen.wait_for(|seen| matches!(seen, Seen::OtherCommand));
    (0..1000).for_each(|progress| assert_eq!(lease.renew(progress), Renewal::Counted));
    link.guard.abandon().unwrap();
    link.seen.wait_for(|seen| matches!(seen, Seen::Renewed(_)));
    assert_eq!(link.seen.wait_for(|_| true), Seen::OtherCommand);
}

#[test]
fn a_lease_is_refused_before_the_start_and_beyond_sixteen_until_one_is_closed() {
    let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |_| vec![Do::Phase(Phase::Connecting)]);
    let guard = run(script);
    let refused = |result| matches!(result, Err(CallError::Misuse(Misuse::NotApplicable { call: "lease", .. })));
    assert!(refused(guard.lease(terms())));
    guard.start().unwrap();
    let leases: Vec<_> = (0..16).map(|_| guard.lease(terms()).unwrap()).collect();
    assert!(refused(guard.lease(terms())));
    leases[3].close("done").unwrap();
    leases[3].close("done twice is once").unwrap();
    assert!(guard.lease(terms()).is_ok());
    assert!(refused(guard.lease(terms())));
}

/// A million renewals by four threads. Each has a gap to the one before it, so what was lost would be missing there.
#[test]
fn four_threads_at_once_lose_no_renewal_whether_they_share_a_lease_or_not() {
    const EACH: u64 = 250_000;
    let link = linked(|_| vec![]);
    for shared in [false, true] {
        let leases: Vec<_> = (0..if shared { 1 } else { 4 }).map(|_| link.guard.lease(terms()).unwrap()).collect();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let lease = &leases[thread as usize % leases.len()];
                scope.spawn(move || {
                    for turn in 1..=EACH {
                        assert_eq!(lease.renew(4 * turn + thread), Renewal::Counted);
                    }
                });
            }
        });
        for lease in &leases {
            let renewed = EACH * 4 / leases.len() as u64;
            assert_eq!(lease.gaps().count(), renewed - 1);
            lease.close("counted").unwrap();
        }
    }
}

#[test]
fn a_page_is_looked_at_without_being_asked_and_an_owner_that_left_is_told() {
    let folder = std::env::temp_dir().join(format!("killcord-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let page = crate::driver::SharedLease::open(&folder.join("quoter"), "quoter").unwrap();
    let link = linked(|_| vec![]);
    let attached = link.guard.attach(&page, Duration::from_millis(80)).unwrap();
    let owner = page.claim().unwrap();
    let mut progress = 0;
    while attached.state().renewed_at.is_none() {
        progress += 1;
        assert!(owner.renew(progress) && !owner.renew(progress));
    }
    let named = |seen: &Seen| matches!(seen, Seen::Renewed(LeaseId(1)) | Seen::LeaseDoubted(..));
    assert_eq!(link.seen.wait_for(named), Seen::Renewed(LeaseId(1)));
    drop(owner);
    let doubted = |seen: &Seen| matches!(seen, Seen::LeaseDoubted(..));
    assert_eq!(link.seen.wait_for(doubted), Seen::LeaseDoubted(LeaseId(1), PageFault::Released));
    std::fs::remove_dir_all(folder).unwrap();
}
