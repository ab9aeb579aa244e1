//! Leases: who must be alive before orders are permitted, what is never said after a lapse, and how one begins again.

use super::*;
use crate::model::{LeaseId, LeaseTerms, PageFault};

const BUDGET: Duration = Duration::from_millis(250);
const KINDS: [SwitchKind; 3] = [SwitchKind::SessionBound, SwitchKind::GraceAfterDrop, SwitchKind::Countdown];

impl Bench {
    fn lease(&mut self, id: u64, name: &str) -> Vec<String> {
        let terms = LeaseTerms::new(name, BUDGET).unwrap();
        self.give(Input::Command(Command::LeaseAdd { id: LeaseId(id), terms }))
    }

    fn renew(&mut self, id: u64) -> Vec<String> {
        let at = self.now.at;
        self.give(Input::Renewed { lease: LeaseId(id), at, due: at + BUDGET })
    }

    /// Armed, and one lease renewed just now.
    fn leased(kind: SwitchKind) -> Self {
        let mut bench = Self::armed(kind);
        bench.lease(1, "quoter");
        bench.renew(1);
        assert!(bench.snapshot().permit);
        bench
    }
}

fn says(lines: &[String]) -> Vec<&String> {
    lines
        .iter()
        .filter(|line| line.starts_with("say") || line.starts_with("ping") || line.starts_with("dial"))
        .collect()
}

#[test]
fn orders_need_the_first_renewal_of_every_lease() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.lease(1, "quoter");
    bench.lease(2, "hedger");
    assert!(!bench.snapshot().permit);
    bench.renew(1);
    assert!(has(&bench.request(1, "buy"), "LeaseNotRenewed { lease: \"hedger\" }"));
    bench.renew(2);
    assert!(has(&bench.request(2, "buy"), "sent 2"));
}

#[test]
fn nothing_is_counted_before_the_first_renewal() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.lease(1, "quoter");
    let lines = bench.run(60 * SECOND, true);
    assert!(!has(&lines, "Lease") && bench.phase() == Phase::Armed);
}

#[test]
fn a_lapse_kills_and_nothing_is_said_or_dialled_afterwards() {
    for kind in KINDS {
        let mut bench = Bench::leased(kind);
        let before = bench.run(BUDGET, true);
        assert!(has(&before, "LeaseWarning { lease: \"quoter\", silent: 125ms }"), "{kind:?} {before:?}");
        let lapse = bench.tick_after(Duration::from_nanos(1));
        assert!(has(&lapse, "LeaseLapsed { lease: \"quoter\", late: 1ns }"), "{kind:?} {lapse:?}");
        assert!(has(&lapse, "KillStarted { reason: \"the lease quoter lapsed\" }"), "{kind:?} {lapse:?}");
        assert!(has(&lapse, "Permit { given: false }"), "{kind:?} {lapse:?}");
        let after = bench.run(3600 * SECOND, false);
        assert!(has(&after, "hang up 1 Abort"), "{kind:?} {after:?}");
        assert_eq!(says(&after), Vec::<&String>::new(), "{kind:?}");
        assert_eq!(bench.phase(), Phase::Tripped, "{kind:?}");
    }
}

#[test]
fn links_are_aborted_half_a_second_after_the_lapse_at_the_latest() {
    for kind in KINDS {
        let mut bench = Bench::leased(kind);
        bench.tick_after(BUDGET + Duration::from_nanos(1));
        let early = bench.run(Duration::from_millis(499), false);
        assert!(!has(&early, "hang up"), "{kind:?} {early:?}");
        assert!(has(&bench.run(Duration::from_millis(1), false), "hang up 1 Abort"), "{kind:?}");
    }
}

#[test]
fn what_would_be_answered_with_a_keepalive_is_judged_first() {
    let mut bench = Bench::leased(SwitchKind::SessionBound);
    bench.now.at = bench.now.at + BUDGET;
    assert!(has(&bench.hear(1, "beat"), "Keepalive: alive"), "at the budget it is still kept");
    bench.now.at = bench.now.at + Duration::from_nanos(1);
    let lines = bench.hear(1, "beat");
    assert!(has(&lines, "LeaseLapsed") && !has(&lines, "Keepalive"), "{lines:?}");
}

#[test]
fn a_renewal_made_in_time_counts_however_late_the_engine_runs() {
    let mut bench = Bench::leased(SwitchKind::SessionBound);
    let made = bench.now.at + 10 * SECOND;
    bench.now.at = made + BUDGET / 4;
    bench.give(Input::Renewed { lease: LeaseId(1), at: made, due: made + BUDGET });
    assert!(!has(&bench.give(Input::Tick), "LeaseLapsed"));
}

#[test]
fn a_late_renewal_revives_nothing() {
    let mut bench = Bench::leased(SwitchKind::Countdown);
    bench.tick_after(BUDGET + Duration::from_nanos(1));
    bench.renew(1);
    bench.run(SECOND, false);
    bench.renew(1);
    assert_eq!(says(&bench.run(60 * SECOND, false)), Vec::<&String>::new());
    assert!(bench.snapshot().leases[0].lapsed && bench.phase() == Phase::Tripped);
}

#[test]
fn a_lapse_latches_whatever_the_policy_says_of_trips() {
    let mut bench = Bench::leased(SwitchKind::SessionBound);
    bench.session.policy.latch_after_trip = false;
    bench.tick_after(BUDGET + Duration::from_nanos(1));
    bench.run(60 * SECOND, false);
    assert!(bench.snapshot().latched);
}

#[test]
fn beginning_again_takes_rearm_and_then_a_renewal_of_every_lease() {
    let mut bench = Bench::leased(SwitchKind::SessionBound);
    bench.lease(2, "hedger");
    bench.renew(2);
    bench.tick_after(BUDGET + Duration::from_nanos(1));
    bench.run(60 * SECOND, false);
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    assert_eq!(says(&bench.run(SECOND, false)), Vec::<&String>::new());
    bench.renew(1);
    assert_eq!(says(&bench.run(BUDGET / 2, false)), Vec::<&String>::new());
    assert!(has(&bench.renew(2), "dial"));
    let epoch = bench.session.dials.last().expect("dialling").epoch.0;
    bench.link_up(epoch);
    assert!(bench.phase() == Phase::Armed && bench.snapshot().permit);
}

#[test]
fn a_lapse_while_connecting_gives_the_dials_up() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.give(Input::Command(Command::Start));
    bench.lease(1, "quoter");
    bench.renew(1);
    let lapse = bench.tick_after(BUDGET + Duration::from_nanos(1));
    assert!(has(&lapse, "KillStarted") && has(&lapse, "hang up 1 Abort"), "{lapse:?}");
    assert!(has(&bench.give(Input::Dialled { epoch: Epoch(1) }), "hang up 1 Abort"));
    assert_eq!(says(&bench.run(60 * SECOND, false)), Vec::<&String>::new());
}

#[test]
fn a_closed_lease_is_not_needed_and_undoes_no_lapse() {
    let mut bench = Bench::leased(SwitchKind::Countdown);
    let close = |id| Input::Command(Command::LeaseClose { id: LeaseId(id), reason: "the day is over" });
    assert!(has(&bench.give(close(1)), "LeaseClosed { lease: \"quoter\", reason: \"the day is over\" }"));
    assert!(!has(&bench.run(60 * SECOND, true), "Lapsed"));
    bench.lease(2, "hedger");
    bench.renew(2);
    bench.tick_after(BUDGET + Duration::from_nanos(1));
    bench.give(close(2));
    assert!(!bench.snapshot().permit);
    assert_eq!(bench.phase(), Phase::Tripped);
}

#[test]
fn sixteen_leases_and_not_before_the_start() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    assert!(has(&bench.lease(1, "early"), "not started"));
    bench.give(Input::Command(Command::Start));
    (1..=16).for_each(|id| assert!(!has(&bench.lease(id, "one"), "Misuse")));
    assert!(has(&bench.lease(17, "many"), "16 leases"));
    assert_eq!(bench.snapshot().leases.len(), 16);
}

#[test]
fn a_page_that_proves_nothing_is_told_and_shown_and_changes_nothing_by_itself() {
    let mut bench = Bench::leased(SwitchKind::Countdown);
    let doubt = || Input::LeaseDoubted { lease: LeaseId(1), why: PageFault::OwnerDied };
    assert!(has(&bench.give(doubt()), "LeaseDoubted { lease: \"quoter\", why: OwnerDied }"));
    assert_eq!(bench.snapshot().leases[0].doubt, Some(PageFault::OwnerDied));
    assert!(bench.snapshot().permit);
    bench.renew(1);
    assert_eq!(bench.snapshot().leases[0].doubt, None);
    bench.give(doubt());
    let lapse = bench.run(BUDGET + Duration::from_nanos(1), false);
    assert!(has(&lapse, "LeaseLapsed") && bench.snapshot().leases[0].doubt == Some(PageFault::OwnerDied), "{lapse:?}");
    assert!(!has(&bench.give(Input::LeaseDoubted { lease: LeaseId(9), why: PageFault::Removed }), "Lease"));
}

/// Found by the simulation: being late asks for new proof of the switch, and that question would have kept it.
#[test]
fn a_guard_that_wakes_after_the_budget_says_nothing_that_keeps_the_switch() {
    for kind in KINDS {
        let mut bench = Bench::leased(kind);
        bench.now.at = bench.now.at + 20 * SECOND;
        let renewed = bench.now.at - 20 * SECOND;
        let told = bench.give(Input::Renewed { lease: LeaseId(1), at: renewed, due: renewed + BUDGET });
        let woke = bench.give(Input::Tick);
        assert!(has(&woke, "LeaseLapsed") && has(&woke, "Stalled"), "{kind:?} {woke:?}");
        let kept: Vec<&String> =
            says(&told).into_iter().chain(says(&woke)).filter(|l| !l.contains("cancel all")).collect();
        assert_eq!(kept, Vec::<&String>::new(), "{kind:?}");
    }
}

/// Renewing wakes nobody: without a look of its own the first renewal would be seen with the next thing that happens.
#[test]
fn a_first_renewal_is_looked_for_every_20_ms_however_often_something_else_happens() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let began = bench.now.at;
    let look = Duration::from_millis(20);
    bench.lease(1, "quoter");
    assert_eq!(bench.session.deadlines.when(Deadline::Lease), Some(began + look));
    bench.tick_after(Duration::from_millis(5));
    assert_eq!(bench.session.deadlines.when(Deadline::Lease), Some(began + look), "not put off");
    bench.tick_after(Duration::from_millis(15));
    assert_eq!(bench.session.deadlines.when(Deadline::Lease), Some(began + 2 * look));
}

/// The link has done the one thing that it was still kept for; the other path says nothing of it.
#[test]
fn after_a_lapse_the_link_is_aborted_once_cancel_all_is_acknowledged_on_it() {
    let mut bench = Bench::leased(SwitchKind::Countdown);
    bench.tick_after(BUDGET + Duration::from_nanos(1));
    let over_http = CallReply::Got { status: 200, body: "", date: None };
    assert!(!has(&bench.give(Input::Answered { tag: CallTag(1), reply: over_http }), "hang up 1"));
    assert!(has(&bench.hear(1, "cancelled"), "hang up 1"));
}
