//! Keeping, losing, tripping, and the order gate, for the three kinds of switch.

use super::*;
use crate::model::Evidence;

#[test]
fn orders_need_a_permit_and_cancels_do_not() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.give(Input::Command(Command::Start));
    assert!(has(&bench.request(1, "buy"), "NotConnected"));
    bench.link_up(1);
    assert_eq!(bench.request(2, "buy"), ["say 1 Order: buy", "sent 2"]);
    bench.hear(1, "nonsense");
    let next = bench.redial();
    bench.give(Input::Dialled { epoch: Epoch(next) });
    assert!(has(&bench.request(3, "buy"), "NotConnected"), "nothing passes before the new epoch is armed");
}

#[test]
fn while_doubted_orders_are_refused_and_cancels_pass() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.hear(1, "off");
    assert_eq!(bench.phase(), Phase::Degraded);
    assert!(has(&bench.request(1, "buy"), "NotProtected { phase: \"degraded\" }"));
    assert!(has(&bench.request(2, "cancel"), "sent 2"));
}

#[test]
fn what_breaks_the_protection_is_refused_unless_named_and_then_verified() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert!(has(&bench.request(1, "logout"), "WouldBreakProtection"));
    let named =
        Command::Request { id: RequestId(2), method: "logout", params: "{}", sticky: false, unsafe_named: true };
    let lines = bench.give(Input::Command(named));
    assert!(has(&lines, "say 1 Order: logout") && has(&lines, "is it on"), "{lines:?}");
    assert!(!bench.snapshot().claim());
}

/// A pong was taken for proof that the topic the switch hangs on is still subscribed.
#[test]
fn where_nothing_tells_of_the_subscription_what_was_broken_by_name_is_claimed_again_on_a_new_link_only() {
    let mut bench = Bench::armed(SwitchKind::GraceAfterDrop);
    let named =
        Command::Request { id: RequestId(2), method: "logout", params: "{}", sticky: false, unsafe_named: true };
    assert!(has(&bench.give(Input::Command(named)), "say 1 Order: logout"));
    bench.hear(1, "pong");
    bench.hear(1, "on");
    bench.run(40 * SECOND, true);
    assert_eq!(bench.phase(), Phase::Degraded);
    assert!(!bench.snapshot().permit);
    bench.give(Input::Command(Command::Abandon));
    let next = bench.redial();
    bench.link_up(next);
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn a_request_on_a_lost_link_has_an_unknown_fate_and_is_never_sent_again() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.request(5, "buy");
    let lines = bench.lose(1);
    assert!(has(&lines, "fate 5 Unknown"), "{lines:?}");
    let next = bench.redial();
    let again = bench.give(Input::Dialled { epoch: Epoch(next) });
    assert!(has(&again, "login"), "{again:?}");
    assert!(!has(&again, "buy"), "{again:?}");
}

#[test]
fn an_answered_request_has_no_other_fate() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.request(5, "buy");
    assert_eq!(bench.hear(1, "answer 5"), ["deliver Some(RequestId(5))"]);
    assert!(!has(&bench.lose(1), "fate"));
}

#[test]
fn a_venues_message_limit_keeps_a_reserve_for_keepalives_and_cancels() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let sent = (0..200).filter(|id| has(&bench.request(*id, "buy"), "sent")).count();
    assert_eq!(sent, 80, "four fifths of 100 a second");
    assert!(has(&bench.request(900, "cancel"), "sent"));
    assert_eq!(bench.hear(1, "beat"), ["say 1 Keepalive: alive"]);
}

#[test]
fn the_loss_of_a_session_bound_link_is_a_trip_and_latches() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.lose(1);
    assert!(has(&lines, "Tripped { how: Presumed, epoch: Epoch(1) }"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Tripped);
    let next = bench.redial();
    bench.link_up(next);
    assert_eq!(bench.phase(), Phase::Armed);
    assert!(has(&bench.request(1, "buy"), "Latched"));
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    assert!(has(&bench.request(2, "buy"), "sent"));
}

#[test]
fn who_takes_the_latch_off_is_told_with_the_words_and_once() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert!(!has(&bench.give(Input::Command(Command::Rearm { acknowledge: "too early" })), "Rearmed {"));
    bench.lose(1);
    let lines = bench.give(Input::Command(Command::Rearm { acknowledge: "anna looked" }));
    assert!(has(&lines, "Rearmed { acknowledge: \"anna looked\" }"), "{lines:?}");
    assert!(!has(&bench.give(Input::Command(Command::Rearm { acknowledge: "again" })), "Rearmed {"));
}

#[test]
fn a_countdown_fed_again_in_time_did_not_trip() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.lose(1);
    let lines = bench.run(30 * SECOND, false);
    assert!(!has(&lines, "Tripped"), "{lines:?}");
    let last = bench.redial();
    bench.link_up(last);
    assert_eq!(bench.phase(), Phase::Armed);
    assert!(bench.snapshot().permit, "nothing tripped, nothing is latched");
}

#[test]
fn a_countdown_fed_too_late_is_presumed_tripped() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.lose(1);
    let lines = bench.run(70 * SECOND, false);
    assert!(has(&lines, "Tripped { how: Presumed, epoch: Epoch(1) }"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Tripped);
}

/// It was told as one of the new link, which had nothing to do with it.
#[test]
fn a_trip_found_when_the_next_link_arms_belongs_to_the_link_before() {
    let mut bench = Bench::armed(SwitchKind::GraceAfterDrop);
    bench.lose(1);
    bench.run(15 * SECOND, false);
    let next = bench.redial();
    bench.give(Input::Dialled { epoch: Epoch(next) });
    bench.hear(next, "ok login");
    let lines = bench.hear(next, "ok switch");
    assert!(has(&lines, "Tripped { how: Presumed, epoch: Epoch(1) }"), "{lines:?}");
}

#[test]
fn feeds_follow_the_cadence_and_one_is_in_flight() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let lines = bench.run(61 * SECOND, true);
    assert_eq!(lines.iter().filter(|line| line.ends_with(": feed")).count(), 4, "at 15, 30, 45 and 60 s");
}

#[test]
fn an_unanswered_feed_is_doubted_and_then_the_link_is_given_up() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    // Pings are answered by the edge; the engine behind it is silent.
    let mut phases = vec![];
    for _ in 0..80 {
        let Some((until, _)) = bench.session.deadlines.next() else { break };
        bench.now.at = bench.now.at.max(until);
        let lines = bench.give(Input::Tick);
        bench.answer_pings(&lines);
        phases.push(bench.phase());
    }
    phases.dedup();
    assert!(
        phases.starts_with(&[Phase::Armed, Phase::Suspect]) || phases.starts_with(&[Phase::Armed, Phase::Degraded])
    );
    assert!(phases.contains(&Phase::Connecting), "{phases:?}");
}

#[test]
fn silence_is_suspect_then_dead_and_a_session_bound_link_is_kept() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.run(2 * SECOND, false);
    assert!(has(&lines, "Suspected") && has(&lines, "kept: true"), "{lines:?}");
    assert!(!has(&lines, "hang up 1"), "closing would be the trip");
    assert!(has(&lines, "dial 2"), "a spare is dialled beside it");
    assert_eq!(bench.phase(), Phase::Degraded);
}

#[test]
fn a_kept_link_that_lives_again_is_verified_and_nothing_tripped() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.run(2 * SECOND, false);
    let lines = bench.answer_pings(&lines);
    assert!(has(&lines, "Recovered") && has(&lines, "is it on"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Degraded, "not before it was read back");
    bench.hear(1, "on");
    assert_eq!(bench.phase(), Phase::Armed);
    assert!(bench.snapshot().permit);
}

#[test]
fn a_kept_link_is_abandoned_when_the_venue_must_have_tripped() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.run(45 * SECOND, false);
    assert!(has(&lines, "hang up 1 Abort") && has(&lines, "Tripped"), "{lines:?}");
}

#[test]
fn a_dead_countdown_link_is_given_up_at_once() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let lines = bench.run(2 * SECOND, false);
    assert!(has(&lines, "kept: false") && has(&lines, "hang up 1 Abort"), "{lines:?}");
}

#[test]
fn a_read_back_that_disagrees_withdraws_the_claim_and_arms_again() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.hear(1, "off");
    assert!(has(&lines, "to: Degraded") && has(&lines, "arm again"), "{lines:?}");
    bench.hear(1, "ok switch");
    assert_eq!(bench.phase(), Phase::Degraded, "an acknowledgement does not outweigh a read-back");
    bench.hear(1, "on");
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn arming_that_is_not_acknowledged_in_time_is_never_claimed_and_tried_again() {
    let mut bench = Bench::new(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Start));
    bench.give(Input::Dialled { epoch: Epoch(1) });
    bench.hear(1, "ok login");
    let lines = bench.run(3 * SECOND, false);
    assert!(has(&lines, "ArmTimeout") && has(&lines, "dial 2"), "{lines:?}");
    assert!(!has(&lines, "to: Armed"));
}

#[test]
fn nonsense_on_an_armed_session_bound_link_does_not_cancel_a_healthy_book() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.hear(1, "nonsense");
    assert!(has(&lines, "to: Degraded") && !has(&lines, "hang up"), "{lines:?}");
    bench.hear(1, "on");
    assert_eq!(bench.phase(), Phase::Armed);
}

#[test]
fn every_gap_is_told_with_its_length() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    assert!(has(&bench.lose(1), "GapOpened"));
    bench.run(3 * SECOND, false);
    let last = bench.session.dials.last().unwrap().epoch;
    bench.give(Input::Dialled { epoch: last });
    bench.hear(last.0, "ok login");
    let lines = bench.hear(last.0, "fed");
    assert!(has(&lines, "GapClosed { length: 3s }"), "{lines:?}");
}

#[test]
fn letting_go_drops_the_link_and_disarms_nothing() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let lines = bench.give(Input::Command(Command::LetGo));
    assert!(has(&lines, "hang up 1 Abort") && has(&lines, "LetGo"), "{lines:?}");
    assert!(!has(&lines, "say"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Stopped);
    assert_eq!((bench.snapshot().evidence, bench.snapshot().proven_at), (Evidence::None, None));
    assert_eq!(bench.run(100 * SECOND, false), Vec::<String>::new());
}

#[test]
fn maintenance_is_asked_for_until_the_venue_confirms_it() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    let lines = bench.give(Input::Command(Command::Maintenance { begin: true, reason: "planned" }));
    assert!(has(&lines, "disarm") && has(&lines, "to: Degraded"), "{lines:?}");
    let again = bench.run(5 * SECOND, true);
    assert!(has(&again, "disarm") && !has(&again, ": feed"), "{again:?}");
}

#[test]
fn evidence_ends_when_the_venue_confirms_that_the_switch_is_off() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.give(Input::Command(Command::Maintenance { begin: true, reason: "planned" }));
    assert_ne!(bench.snapshot().evidence, Evidence::None, "asked is not done");
    bench.hear(1, "disarmed");
    assert_eq!(bench.snapshot().evidence, Evidence::None);
    bench.give(Input::Command(Command::Maintenance { begin: false, reason: "over" }));
    bench.hear(1, "ok switch");
    assert!(bench.snapshot().claim() && bench.snapshot().evidence == Evidence::Acknowledged);
}

/// A venue that answers pings but has stopped its own heartbeats proves nothing, and yet closing would cancel the book.
#[test]
fn a_link_that_answers_pings_is_never_abandoned() {
    let mut bench = Bench::new(SwitchKind::SessionBound);
    bench.session.venue.facts.speaks_every = Some(35 * SECOND);
    bench.give(Input::Command(Command::Start));
    bench.link_up(1);
    let lines = bench.run(300 * SECOND, true);
    assert!(has(&lines, "LinkDead") && has(&lines, "VenueSilence"), "{lines:?}");
    assert!(!has(&lines, "hang up 1"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Degraded);
}

#[test]
fn while_the_venue_is_down_nothing_is_claimed_and_a_countdown_is_presumed_to_fire_on_return() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.hear(1, "down");
    assert_eq!(bench.phase(), Phase::Degraded);
    let lines = bench.hear(1, "up");
    assert!(has(&lines, "Tripped { how: Presumed") && has(&lines, ": feed"), "{lines:?}");
    bench.hear(1, "fed");
    assert!(bench.snapshot().claim() && bench.snapshot().latched);
}

/// The first acknowledgement came so late that the next feed fell due before anything was armed; it must not be lost.
#[test]
fn a_feed_that_falls_due_while_arming_is_made_up_for() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.give(Input::Command(Command::Start));
    bench.give(Input::Dialled { epoch: Epoch(1) });
    bench.now.at = bench.now.at + 20 * SECOND;
    bench.hear(1, "fed");
    bench.give(Input::Tick);
    let lines = bench.hear(1, "ok login");
    assert!(has(&lines, ": feed"), "{lines:?}");
}

#[test]
fn nothing_is_claimed_past_the_early_trip_bound() {
    let mut bench = Bench::armed(SwitchKind::Countdown);
    bench.session.deadlines.stop(Deadline::Feed);
    // A quarter of a second past the early bound; the late one, at which it must have fired, comes half a second later.
    for _ in 0..=(60 * 4) {
        let lines = bench.tick_after(Duration::from_millis(250));
        bench.answer_pings(&lines);
        bench.hear(1, "pong");
    }
    assert_eq!(bench.phase(), Phase::Degraded);
    assert!(!bench.snapshot().claim());
}

/// A kill or an order link that cannot log in says nothing about the protection.
#[test]
fn a_refused_order_link_leaves_the_guarding_link_alone() {
    let mut bench = Bench::armed(SwitchKind::GraceAfterDrop);
    let lines = bench.hear(1, "no trade");
    assert!(has(&lines, "Refused") && !has(&lines, "hang up 1"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Armed);
}

/// Some venues are silent until something is subscribed.
#[test]
fn the_venues_silence_counts_from_armed_on() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    bench.session.venue.facts.speaks_every = Some(SECOND);
    bench.give(Input::Command(Command::Start));
    bench.give(Input::Dialled { epoch: Epoch(1) });
    bench.hear(1, "beat");
    bench.hear(1, "spoke");
    assert!(!has(&bench.run(Duration::from_millis(1_900), true), "VenueSilence"));
}

/// Found by the simulation: arming that was half done when the process stood still was claimed on waking.
#[test]
fn a_stall_while_arming_is_verified_before_anything_is_claimed() {
    for kind in [SwitchKind::SessionBound, SwitchKind::GraceAfterDrop, SwitchKind::Countdown] {
        let mut bench = Bench::new(kind);
        bench.give(Input::Command(Command::Start));
        bench.give(Input::Dialled { epoch: Epoch(1) });
        bench.give(Input::Line { epoch: Epoch(1), text: "ok login" });
        bench.now.at = bench.now.at + 59 * SECOND;
        bench.give(Input::Line {
            epoch: Epoch(1),
            text: if kind == SwitchKind::Countdown { "fed" } else { "ok switch" },
        });
        assert_ne!(bench.phase(), Phase::Armed, "{kind:?}");
        assert!(!bench.snapshot().permit, "{kind:?}");
    }
}
