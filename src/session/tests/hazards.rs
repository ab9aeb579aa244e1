//! Rules that a known hazard would break (`tests/mutants/known_bad`) and that no other test holds by itself.

use super::*;
use crate::model::Evidence;

#[test]
fn orders_are_permitted_while_armed_and_not_while_suspect() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.run(SECOND, false);
    assert_eq!(bench.phase(), Phase::Suspect);
    assert!(bench.snapshot().claim() && !bench.snapshot().permit, "claimed, and nothing new is put at risk");
}

#[test]
fn evidence_is_read_back_only_where_the_venue_said_so_itself() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert_eq!(bench.snapshot().evidence, Evidence::Acknowledged);
    bench.hear(1, "on");
    assert_eq!(bench.snapshot().evidence, Evidence::ReadBack);
}

/// Dropping the link could fire the very switch that was to be taken off.
#[test]
fn a_farewell_that_is_not_confirmed_closes_nothing() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Farewell { reason: "done for today" }));
    let lines = bench.run(10 * SECOND, true);
    assert!(has(&lines, "confirmed: false"), "{lines:?}");
    assert!(!has(&lines, "hang up"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Armed, "it goes on guarding");
}

#[test]
fn a_refused_feed_ends_the_claim() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.hear(1, "no feed");
    assert_eq!(bench.phase(), Phase::Degraded);
    assert!(!bench.snapshot().claim());
}

/// A ping and the deadline of a feed fall due in one turn: the link is given up, and the ping of before with it.
#[test]
fn what_waits_in_the_turn_in_which_a_link_is_given_up_is_not_said() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    for _ in 0..(30 * 4) {
        let lines = bench.tick_after(Duration::from_millis(250));
        if has(&lines, "hang up 1") {
            let said = |line: &String| line.starts_with("ping 1") || line.starts_with("say 1");
            assert!(!lines.iter().any(said), "{lines:?}");
            return;
        }
        bench.answer_pings(&lines);
        bench.hear(1, "pong");
    }
    panic!("a feed that nobody acknowledges costs the link");
}

/// Closing it cancels nothing yet, and there is nothing that would be worth keeping.
#[test]
fn a_session_bound_link_that_dies_before_it_is_armed_is_given_up() {
    let mut bench = Bench::new(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Start));
    let lines = bench.give(Input::Dialled { epoch: Epoch(1) });
    bench.answer_pings(&lines);
    bench.hear(1, "ok login");
    let lines = bench.run(Duration::from_millis(1_900), false);
    assert!(has(&lines, "kept: false") && has(&lines, "hang up 1"), "{lines:?}");
}

/// They arrive at the venue in one heap when the path heals, and the venue counts them then.
#[test]
fn what_was_said_into_a_silence_counts_from_when_the_link_is_fresh_again() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let said = (0..80).filter(|id| has(&bench.request(*id, "read"), "sent")).count();
    assert_eq!(said, 80, "four fifths of 100 a second");
    let lines = bench.run(Duration::from_millis(900), false);
    assert_eq!(bench.phase(), Phase::Suspect);
    bench.answer_pings(&lines);
    assert_eq!(bench.phase(), Phase::Armed);
    bench.run(Duration::from_millis(300), true);
    assert!(has(&bench.request(90, "read"), "Throttled"), "1.2 s after they were said, 0.3 s after they arrived");
    bench.run(Duration::from_millis(500), true);
    assert!(has(&bench.request(92, "read"), "Throttled"), "0.8 s after they arrived");
    bench.run(Duration::from_millis(300), true);
    assert!(has(&bench.request(91, "read"), "sent"));
}

#[test]
fn the_last_error_is_in_the_snapshot() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    assert!(bench.snapshot().last_error.is_none());
    bench.lose(1);
    assert!(bench.snapshot().last_error.is_some());
}

/// Whoever reads a snapshot sees why nothing is claimed.
#[test]
fn maintenance_is_shown_whether_the_venue_or_the_application_is_in_it() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    assert!(!bench.snapshot().maintenance);
    bench.hear(1, "down");
    assert!(bench.snapshot().maintenance);
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.give(Input::Command(Command::Maintenance { begin: true, reason: "an upgrade" }));
    assert!(bench.snapshot().maintenance);
}

/// Kraken, found by simulation: the venue took a feed, went down, cancelled everything as it came back, and only then
/// acknowledged the feed. The guard said armed, and the venue would never have cancelled.
#[test]
fn a_feed_said_before_the_venue_came_back_proves_no_running_countdown() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.run(Duration::from_millis(14_900), true);
    let lines = bench.run(Duration::from_millis(200), false);
    assert!(lines.iter().any(|line| line.ends_with(": feed")), "{lines:?}");
    bench.hear(1, "down");
    bench.hear(1, "up");
    assert_eq!(bench.phase(), Phase::Tripped);
    bench.now.at = bench.now.at + Duration::from_millis(100);
    let lines = bench.hear(1, "fed");
    assert!(!bench.phase().claims(), "{lines:?}");
    assert!(lines.iter().any(|line| line.ends_with(": feed")), "asked at once for what counts: {lines:?}");
    bench.hear(1, "fed");
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn a_link_is_authenticating_until_the_venue_knows_us_and_arming_from_then_on() {
    let mut bench = Bench::new(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Start));
    bench.give(Input::Dialled { epoch: Epoch(1) });
    assert_eq!(bench.phase(), Phase::Authenticating);
    bench.hear(1, "ok login");
    assert_eq!(bench.phase(), Phase::Arming);
}

/// A person must act; that the next attempt is under way is no news.
#[test]
fn who_was_refused_stays_refused_while_it_is_tried_again() {
    let mut bench = Bench::new(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Start));
    bench.give(Input::Dialled { epoch: Epoch(1) });
    bench.hear(1, "no access");
    assert_eq!(bench.phase(), Phase::Refused);
    bench.run(61 * SECOND, false);
    let next = bench.redial();
    bench.give(Input::Dialled { epoch: Epoch(next) });
    assert_eq!(bench.session.link.as_ref().map(|link| link.epoch), Some(Epoch(next)), "the link is up");
    assert_eq!(bench.phase(), Phase::Refused);
}

/// A lease that was closed meanwhile, for one.
#[test]
fn a_renewal_of_a_lease_nobody_has_is_counted_and_changes_nothing() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let (lease, at) = (crate::model::LeaseId(9), bench.now.at);
    assert_eq!(bench.give(Input::Renewed { lease, at, due: at + SECOND }), Vec::<String>::new());
    assert_eq!(bench.session.stale_inputs(), 1);
    let doubted = Input::LeaseDoubted { lease, why: crate::model::PageFault::Removed };
    assert_eq!(bench.give(doubted), Vec::<String>::new());
    assert_eq!(bench.session.stale_inputs(), 2);
}
