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
