//! Every order of what an owner stores and what a guard looks at, against the truth.

use super::*;

const fn at(nanos: u64) -> Moment {
    Moment::from_nanos(nanos)
}

fn claim(generation: u32, pid: u32) -> PageClaim {
    PageClaim { generation, pid, start_time: 5, boot_id: [1; 16] }
}

fn page(claim: PageClaim, renewed_at: u64, progress: u64) -> LeasePage {
    LeasePage { name: 0, claim, renewed_at, progress }
}

/// A watch that knows the first owner, who renewed at 1000 with progress 1.
fn owned() -> PageWatch {
    let mut watch = PageWatch::default();
    let ours = claim(2, 7);
    assert_eq!(watch.look(at(900), Some(page(ours, 0, 0)), None), PageNews::default());
    let news = watch.look(at(1010), Some(page(ours, 1000, 1)), None);
    assert_eq!(news.renewal, Some(PageRenewal { progress: 1, earliest: at(1000), latest: at(1000) }));
    watch
}

#[test]
fn what_the_first_look_finds_is_only_remembered() {
    let mut watch = PageWatch::default();
    assert_eq!(watch.look(at(900), Some(page(claim(2, 7), 800, 44)), None), PageNews::default());
    assert_eq!(watch.owner(), None);
    assert!(watch.look(at(910), Some(page(claim(2, 7), 905, 45)), None).renewal.is_some());
    assert_eq!(watch.owner(), Some(claim(2, 7)));
}

#[test]
fn one_store_is_between_two_looks_and_a_time_is_believed_only_there() {
    let renewed = |stamp| {
        let mut watch = owned();
        watch.look(at(1100), Some(page(claim(2, 7), 1000, 1)), None);
        let found = watch.look(at(1200), Some(page(claim(2, 7), stamp, 2)), None).renewal.expect("progress changed");
        (found.earliest.nanos(), found.latest.nanos())
    };
    assert_eq!(renewed(1000), (1100, 1200), "the same time as before: it does not say");
    assert_eq!(renewed(0), (1100, 1200), "no time: it does not say");
    assert_eq!(renewed(1150), (1150, 1150), "a time between the looks is exact");
    assert_eq!(renewed(1099), (1100, 1100), "read before the look, stored after it");
    assert_eq!(renewed(1201), (1100, 1200), "a time that has not come yet is no time");
    assert_eq!(renewed(u64::MAX), (1100, 1200));
}

#[test]
fn a_progress_that_did_not_change_is_no_renewal_whatever_else_does() {
    let mut watch = owned();
    assert_eq!(watch.look(at(1200), Some(page(claim(2, 7), 1190, 1)), None), PageNews::default());
}

#[test]
fn a_fault_is_told_when_found_twice_and_stands_until_a_new_beginning() {
    let died = Some(PageFault::OwnerDied);
    let mut watch = owned();
    assert_eq!(watch.look(at(1100), Some(page(claim(2, 7), 1000, 1)), died).fault, None);
    assert_eq!(watch.look(at(1110), Some(page(claim(2, 7), 1000, 1)), died).fault, died);
    assert_eq!(watch.look(at(1120), Some(page(claim(2, 7), 1115, 2)), None), PageNews::default());
    assert_eq!(watch.fault(), died);
    watch.restart();
    assert_eq!(watch.look(at(1130), Some(page(claim(4, 8), 0, 3)), None), PageNews::default());
    assert!(watch.look(at(1140), Some(page(claim(4, 8), 0, 4)), None).renewal.is_some());
}

#[test]
fn a_read_that_is_torn_once_costs_nothing() {
    let mut watch = owned();
    for torn in [None, Some(page(claim(3, 7), 1000, 1)), Some(page(claim(2, 9), 1000, 2))] {
        assert_eq!(watch.look(at(1100), torn, None), PageNews::default());
        assert_eq!(watch.look(at(1110), Some(page(claim(2, 7), 1000, 1)), None), PageNews::default());
    }
    assert!(watch.look(at(1200), Some(page(claim(2, 7), 1000, 2)), None).renewal.is_some());
}

#[test]
fn each_way_of_losing_a_page_has_its_name_and_none_is_renewed() {
    let found = |page: Option<LeasePage>, against| {
        let mut watch = owned();
        assert_eq!(watch.look(at(1100), page, against), PageNews::default());
        let news = watch.look(at(1110), page, against);
        assert_eq!(news.renewal, None);
        news.fault.expect("found twice")
    };
    let ours = Some(page(claim(2, 7), 1000, 1));
    for fault in [PageFault::OwnerDied, PageFault::PidReused, PageFault::EarlierBoot, PageFault::Removed] {
        assert_eq!(found(ours, Some(fault)), fault);
    }
    assert_eq!(found(Some(page(claim(4, 8), 1090, 9)), None), PageFault::TwoOwners);
    assert_eq!(found(Some(page(claim(4, 8), 1090, 9)), Some(PageFault::OwnerDied)), PageFault::TwoOwners);
    assert_eq!(found(Some(page(claim(3, 8), 1090, 9)), None), PageFault::TwoOwners);
    assert_eq!(found(Some(page(PageClaim { generation: 4, ..PageClaim::default() }, 0, 0)), None), PageFault::Released);
    assert_eq!(found(None, None), PageFault::Damaged);
}

#[test]
fn before_the_first_renewal_a_gone_owner_is_told_and_the_next_one_may_begin() {
    let mut watch = PageWatch::default();
    let early = Some(PageFault::EarlierBoot);
    let stale = Some(page(claim(2, 7), 1000, 99));
    assert_eq!(watch.look(at(100), stale, early), PageNews::default());
    assert_eq!(watch.look(at(110), stale, early).fault, early);
    assert_eq!(watch.look(at(120), stale, early), PageNews::default(), "told once");
    assert_eq!(watch.look(at(130), Some(page(claim(4, 8), 0, 0)), None), PageNews::default());
    assert_eq!(watch.fault(), None);
    let news = watch.look(at(140), Some(page(claim(4, 8), 135, 1)), None);
    assert_eq!(news.renewal, Some(PageRenewal { progress: 1, earliest: at(135), latest: at(135) }));
}

#[test]
fn the_last_renewal_of_an_owner_that_died_counts() {
    let mut watch = owned();
    let news = watch.look(at(1100), Some(page(claim(2, 7), 1090, 2)), Some(PageFault::OwnerDied));
    assert_eq!(news.renewal.map(|renewal| renewal.latest), Some(at(1090)));
}

#[test]
fn a_page_nobody_claimed_and_one_that_is_being_claimed_are_waited_for() {
    let mut watch = PageWatch::default();
    for (now, claim) in
        [(100, PageClaim::default()), (110, PageClaim::default()), (120, claim(1, 7)), (130, claim(1, 7))]
    {
        assert_eq!(watch.look(at(now), Some(page(claim, 0, 0)), None), PageNews::default());
    }
    assert!(watch.look(at(140), Some(page(claim(2, 7), 0, 1)), None).renewal.is_some(), "claimed and renewed since");
}

/// What an owner stores, one word at a time, in its order: claim, then for each renewal the time (or not) and the
/// progress. A guard looks between any of these stores, with any of them torn off: what it takes for the time of the last
/// renewal is never before the truth was promised, and never after the look; and later than the truth by no more than
/// the time since the look before.
#[test]
fn wherever_the_looks_fall_a_renewal_is_never_judged_outside_of_its_two_looks() {
    const RENEWALS: u64 = 3;
    const STEPS: u64 = 2 * RENEWALS + 1;
    for stamped in [false, true] {
        // Each bit of `looks`: does the guard look after that store?
        for looks in 0..1u32 << STEPS {
            let (mut watch, ours) = (PageWatch::default(), claim(2, 7));
            let mut words = page(ours, 0, 0);
            watch.look(at(50), Some(words), None);
            let (mut before, mut truth, mut seen) = (50, None, 0);
            for step in 0..STEPS {
                let now = 100 * (step + 1);
                if step % 2 == 0 && step / 2 < RENEWALS {
                    words.renewed_at = if stamped { now } else { 0 };
                } else if step % 2 == 1 {
                    words.progress = step / 2 + 1;
                    truth = Some((now - 100, now));
                }
                if looks >> step & 1 == 0 {
                    continue;
                }
                let look = now + 10;
                let news = watch.look(at(look), Some(words), None);
                assert_eq!(news.renewal.is_some(), words.progress != seen, "{looks:b} {step}");
                if let Some(found) = news.renewal {
                    let (promised, stored) = truth.expect("progress changed");
                    seen = words.progress;
                    assert!(found.earliest >= at(before) && found.latest <= at(look) && found.earliest <= found.latest);
                    assert!(found.latest >= at(promised), "never before it was promised: {looks:b} {step}");
                    assert!(found.latest.since(at(stored)) <= at(look).since(at(before)), "{looks:b} {step}");
                    if stamped && before < promised && words.renewed_at == promised {
                        assert_eq!((found.earliest, found.latest), (at(promised), at(promised)));
                    }
                }
                before = look;
            }
        }
    }
}

/// Two owners and the guard: every order in which their claims, renewals, deaths and looks can come. Once the first owner
/// has renewed, nothing the second does is ever counted as the lease's; and what is counted was stored by the owner.
#[test]
fn of_two_owners_only_the_first_to_renew_is_ever_counted() {
    const CHOICES: u32 = 6;
    const LENGTH: u32 = 7;
    for order in 0..CHOICES.pow(LENGTH) {
        let mut watch = PageWatch::default();
        let mut words = page(PageClaim::default(), 0, 0);
        let (mut generation, mut alive, mut owner, mut faulted) = (0, [true; 2], None, false);
        for step in 0..LENGTH {
            let now = 100 * u64::from(step + 1);
            match order / CHOICES.pow(step) % CHOICES {
                // Either claims the page, whatever the rules say, as a program of its own making might.
                choice @ (0 | 1) => {
                    generation += 2;
                    words = page(claim(generation, 10 + choice), 0, 0);
                    alive[choice as usize] = true;
                }
                // Whoever holds the page renews, dead or not: stores that no owner made.
                2 => words.progress += 1,
                choice @ (3 | 4) => alive[choice as usize - 3] = false,
                _ => {
                    let index = words.claim.pid.saturating_sub(10) as usize;
                    let dead = words.claim.pid != 0 && !alive[index];
                    let news = watch.look(at(now), Some(words), dead.then_some(PageFault::OwnerDied));
                    if news.renewal.is_some() {
                        assert!(!faulted, "{order}");
                        assert_eq!(*owner.get_or_insert(words.claim), words.claim, "{order}");
                        assert!(words.claim.pid != 0, "{order}");
                    }
                    faulted |= news.fault.is_some() && owner.is_some();
                }
            }
        }
    }
}

/// Nobody's process can be gone; the file itself can.
#[test]
fn against_a_page_without_an_owner_only_the_file_can_be_wrong() {
    let fault = |against| {
        let mut watch = PageWatch::default();
        watch.look(at(900), Some(page(claim(2, 0), 0, 0)), Some(against));
        watch.look(at(910), Some(page(claim(2, 0), 0, 0)), Some(against)).fault
    };
    assert_eq!(fault(PageFault::OwnerDied), None);
    assert_eq!(fault(PageFault::Removed), Some(PageFault::Removed));
}
