//! One test per line of the contract in `session/mod.rs`.

use super::*;

#[test]
#[should_panic(expected = "drained")]
fn handling_before_draining_is_misuse() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.session.handle(bench.now, Input::Command(Command::Start));
    bench.session.handle(bench.now, Input::Tick);
}

#[test]
fn a_stale_epoch_changes_nothing_and_is_counted() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let before = bench.snapshot();
    for input in [
        Input::Line { epoch: Epoch(9), text: "off" },
        Input::Lost { epoch: Epoch(9), cause: LossCause::Reset },
        Input::Missed { epoch: Epoch(9), cause: LossCause::Unreachable },
        Input::Pong { epoch: Epoch(9), nonce: 1 },
        Input::SendQueue { epoch: Epoch(9), stuck_for: 9 * SECOND },
    ] {
        assert_eq!(bench.give(input), Vec::<String>::new());
    }
    assert_eq!(bench.snapshot(), before);
    assert_eq!(bench.session.stale_inputs(), 5);
}

#[test]
fn a_dial_that_comes_too_late_is_hung_up_unused() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert_eq!(bench.give(Input::Dialled { epoch: Epoch(7) }), ["hang up 7 Abort"]);
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn time_never_goes_back() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let before = bench.snapshot().at;
    bench.now.at = before - 5 * SECOND;
    bench.give(Input::Tick);
    assert_eq!(bench.snapshot().at, before);
}

#[test]
fn an_early_tick_is_harmless() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    assert_eq!(bench.tick_after(Duration::from_millis(1)), Vec::<String>::new());
}

#[test]
fn a_late_tick_withdraws_the_claim_before_anything_else_is_said() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.tick_after(20 * SECOND);
    assert!(lines[0].contains("PhaseChanged { from: Armed, to: Degraded"), "{lines:?}");
    assert!(has(&lines, "Stalled"), "{lines:?}");
    assert!(!bench.snapshot().permit);
}

/// What was asked before the freeze proves nothing about afterwards, however late its answer is read.
#[test]
fn after_a_stall_only_evidence_asked_for_afterwards_counts() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let asked = bench.run(30 * SECOND, true);
    assert!(has(&asked, "is it on"));
    bench.session.link.as_mut().unwrap().talk_mut().unwrap().read_back_asked = Some(bench.now.at);
    bench.tick_after(20 * SECOND);
    let lines = bench.hear(1, "on");
    assert_eq!(bench.phase(), Phase::Degraded);
    assert!(has(&lines, "is it on"), "asked again: {lines:?}");
    bench.hear(1, "on");
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn after_a_loss_nothing_of_that_epoch_is_said() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.lose(1);
    let lines = bench.run(20 * SECOND, false);
    assert!(!lines.iter().any(|line| line.starts_with("say 1") || line.starts_with("ping 1")), "{lines:?}");
}

/// A silent HTTP server would otherwise be asked again and again by a guard that nobody has any more.
#[test]
fn after_the_end_nothing_is_called() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let again = || CallReply::Got { status: 200, body: "again", date: None };
    assert!(has(&bench.give(Input::Answered { tag: CallTag(1), reply: again() }), "call"));
    bench.give(Input::Command(Command::LetGo));
    assert_eq!(bench.give(Input::Answered { tag: CallTag(2), reply: again() }), Vec::<String>::new());
}

#[test]
fn an_acknowledgement_of_an_old_epoch_arms_nothing() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.lose(1);
    let next = bench.redial();
    bench.give(Input::Dialled { epoch: Epoch(next) });
    bench.hear(1, "ok login");
    bench.hear(1, "ok switch");
    assert!(!bench.snapshot().claim());
    bench.hear(next, "ok login");
    assert!(!bench.snapshot().claim(), "one of two steps is not armed");
    bench.hear(next, "ok switch");
    assert!(bench.snapshot().claim());
}

#[test]
fn the_same_seed_and_inputs_give_the_same_actions() {
    let story = || {
        let mut bench = Bench::armed(SwitchKind::Countdown);
        let mut lines = bench.run(20 * SECOND, true);
        lines.extend(bench.lose(1));
        lines.extend(bench.run(120 * SECOND, false));
        lines
    };
    assert_eq!(story(), story());
}

#[test]
fn event_numbers_are_contiguous_and_each_transition_is_told_once() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let first = bench.snapshot().seq;
    let mut lines = bench.run(40 * SECOND, true);
    lines.extend(bench.lose(1));
    lines.extend(bench.run(90 * SECOND, false));
    let told: Vec<&String> = lines.iter().filter(|line| line.starts_with("tell ")).collect();
    let numbers: Vec<u64> = told.iter().map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (first + 1..=first + numbers.len() as u64).collect::<Vec<_>>());
    let mut phase = "Armed".to_owned();
    for line in told.iter().filter(|line| line.contains("PhaseChanged")) {
        let (from, to) = line.split_once("from: ").unwrap().1.split_once(", to: ").unwrap();
        assert_eq!(from, phase, "{line}");
        phase = to.split(',').next().unwrap().to_owned();
    }
}

#[test]
fn starting_twice_is_misuse_and_changes_nothing() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let lines = bench.give(Input::Command(Command::Start));
    assert!(has(&lines, "AlreadyStarted"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn an_answer_to_a_heartbeat_leaves_in_the_same_breath_and_the_reserved_lane() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert_eq!(bench.hear(1, "beat"), ["say 1 Keepalive: alive"]);
}

#[test]
fn a_line_nested_too_deep_is_a_breach_that_costs_an_armed_link_nothing_and_is_heard_by_no_dialect() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let nested = |depth| format!("{}\"{}\"{}", "[".repeat(depth), "x".repeat(300), "]".repeat(depth));
    let said = bench.hear(1, &nested(33));
    assert!(said.iter().any(|line| line.contains("nested deeper than 32 levels")), "{said:?}");
    assert!(!said.iter().any(|line| line.starts_with("hang up")), "{said:?}");
    let said = bench.hear(1, &nested(32));
    assert!(!said.iter().any(|line| line.contains("nested")), "{said:?}");
}
