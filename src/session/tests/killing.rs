//! Cancel everything, over every path, in every phase, and prove it.

use super::*;

impl Bench {
    fn kill(&mut self) -> Vec<String> {
        self.give(Input::Command(Command::Kill { reason: "red button" }))
    }

    fn reply(&mut self, body: &str) -> Vec<String> {
        let reply = CallReply::Got { status: 200, body, date: None };
        self.give(Input::Answered { tag: CallTag(1), reply })
    }

    /// Ticks until the open orders are asked for.
    fn until_list(&mut self) -> Vec<String> {
        let mut all = vec![];
        for _ in 0..100 {
            let Some((until, _)) = self.session.deadlines.next() else { break };
            self.now.at = self.now.at.max(until);
            let lines = self.give(Input::Tick);
            self.answer_pings(&lines);
            let listed = has(&lines, ": list");
            all.extend(lines);
            if listed {
                break;
            }
        }
        all
    }
}

#[test]
fn both_paths_are_used_in_the_same_breath_and_the_permit_goes_first() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let lines = bench.kill();
    let at = |wanted: &str| lines.iter().position(|line| line.contains(wanted)).unwrap_or_else(|| panic!("{lines:?}"));
    assert!(at("Permit { given: false }") < at("say 1 Control: cancel all"));
    let http = lines.iter().position(|line| line.starts_with("call") && line.ends_with(": cancel all"));
    assert!(Some(at("say 1 Control: cancel all")) < http);
    assert!(has(&bench.request(1, "buy"), "Latched"));
}

#[test]
fn an_empty_list_asked_for_after_an_acknowledgement_is_the_proof() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.hear(1, "cancelled");
    bench.until_list();
    let lines = bench.reply("listed ");
    assert!(has(&lines, "KillEnded") && has(&lines, "proven: Some"), "{lines:?}");
    assert!(bench.snapshot().latched && !bench.snapshot().permit);
}

/// An order sent just before the kill may still be on its way when the first list is made.
#[test]
fn an_empty_list_asked_for_before_any_acknowledgement_proves_nothing() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.until_list();
    assert!(!has(&bench.reply("listed "), "KillEnded"));
    bench.reply("cancelled");
    bench.hear(1, "cancelled");
    bench.until_list();
    assert!(has(&bench.reply("listed "), "proven: Some"));
}

/// Acknowledged over HTTP, but the link may still deliver what was said on it before: on a countdown it lives on.
#[test]
fn an_empty_list_proves_nothing_while_a_link_that_carries_orders_has_not_answered() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.reply("cancelled");
    bench.until_list();
    assert!(!has(&bench.reply("listed "), "KillEnded"), "the link has answered nothing");
    let lines = bench.run(SECOND / 2, true);
    assert!(has(&lines, "hang up 1 Abort"), "{lines:?}");
    bench.until_list();
    assert!(has(&bench.reply("listed "), "proven: Some"));
}

#[test]
fn a_link_that_answered_cancel_all_is_kept_on_a_countdown() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.hear(1, "cancelled");
    assert!(!has(&bench.run(2 * SECOND, true), "hang up"));
}

/// HTTP answers nothing at all. What the link pushed so far may be late, so it proves a second later.
#[test]
fn with_http_silent_the_link_proves_a_second_after_it_answered() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let began = bench.now.at;
    bench.kill();
    bench.hear(1, "cancelled");
    for _ in 0..100 {
        let asked = has(&bench.run(SECOND / 20, true), "what is open");
        if asked && has(&bench.hear(1, "none is open"), "proven: Some") {
            break;
        }
    }
    assert!(bench.session.kill.is_none(), "it is proven");
    assert!((SECOND..2 * SECOND).contains(&bench.now.at.since(began)));
}

#[test]
fn cancel_all_is_said_again_over_http_when_nobody_answers_for_a_second() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    let early = bench.run(SECOND * 9 / 10, true);
    assert!(!has(&early, ": cancel all"), "{early:?}");
    assert!(has(&bench.run(2 * SECOND, true), ": cancel all"));
}

#[test]
fn what_is_left_is_cancelled_again() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.hear(1, "cancelled");
    bench.until_list();
    let lines = bench.reply("listed a b");
    assert!(has(&lines, "cancel all") && !has(&lines, "KillEnded"), "{lines:?}");
}

#[test]
fn a_kill_that_cannot_be_proven_says_what_is_left() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.hear(1, "cancelled");
    bench.until_list();
    bench.reply("listed a b");
    let lines = bench.run(31 * SECOND, true);
    let report = lines.iter().find(|line| line.contains("KillEnded")).expect("it is given up");
    assert!(report.contains("proven: None") && report.contains("order_id: \"a\""), "{report}");
}

#[test]
fn a_session_bound_link_is_dropped_once_cancel_all_is_acknowledged() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert!(!has(&bench.kill(), "hang up"));
    let lines = bench.hear(1, "cancelled");
    assert!(has(&lines, "hang up 1 Abort") && has(&lines, "Tripped"), "{lines:?}");
}

#[test]
fn a_session_bound_link_that_does_not_answer_is_dropped_all_the_same() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.kill();
    assert!(has(&bench.run(SECOND, false), "hang up 1 Abort"));
}

#[test]
fn a_kill_works_before_the_guard_was_started_and_while_it_dials() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    assert!(has(&bench.kill(), ": cancel all"));
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.give(Input::Command(Command::Start));
    assert!(has(&bench.kill(), ": cancel all"));
}

#[test]
fn a_second_kill_joins_the_first() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    assert_eq!(bench.kill(), Vec::<String>::new());
}

#[test]
fn rearming_during_a_kill_is_refused() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    assert!(has(&bench.give(Input::Command(Command::Rearm { acknowledge: "seen" })), "NotApplicable"));
    assert!(bench.snapshot().latched);
}

#[test]
fn letting_go_during_a_kill_reports_what_is_known() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    assert!(has(&bench.give(Input::Command(Command::LetGo)), "KillEnded"));
}

/// A first look that is answered after a second one was asked for must not pass for the answer to the second.
#[test]
fn an_empty_list_that_an_earlier_look_asked_for_proves_nothing() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.until_list();
    let early = bench.session.venue.listed_at;
    bench.hear(1, "cancelled");
    bench.run(8 * SECOND, true);
    assert!(bench.session.venue.listed_at > early, "a second look was asked for");
    let second = std::mem::replace(&mut bench.session.venue.listed_at, early);
    assert!(!has(&bench.reply("listed "), "KillEnded"));
    bench.session.venue.listed_at = second;
    assert!(has(&bench.reply("listed "), "proven: Some"));
}

#[test]
fn a_list_that_cannot_be_had_is_said_and_asked_for_again() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.kill();
    bench.hear(1, "cancelled");
    bench.until_list();
    assert!(has(&bench.reply("unlisted"), "Refused"));
    assert!(has(&bench.until_list(), ": list"));
    assert!(has(&bench.reply("listed "), "proven: Some"));
}
