//! A machine that stands still with all its clocks: nothing of its own shows it, and the first stamp of the venue does.

use super::*;
use crate::model::{LeaseId, LeaseTerms};

const KINDS: [SwitchKind; 3] = [SwitchKind::SessionBound, SwitchKind::GraceAfterDrop, SwitchKind::Countdown];

/// The venue's clock while nothing stands still.
const VENUE_MS: u64 = 1_780_000_000_000;

/// A bench and for how long its clocks have stood still.
struct Paused {
    bench: Bench,
    began: Moment,
    paused: Duration,
}

impl Paused {
    /// Armed, with one stamp heard.
    fn armed(kind: SwitchKind) -> Self {
        let bench = Bench::armed(kind);
        let mut this = Self { began: bench.now.at, bench, paused: Duration::ZERO };
        this.beat();
        this
    }

    /// A line with the venue's time.
    fn hear(&mut self, line: &str) -> Vec<String> {
        let passed = self.bench.now.at.since(self.began) + self.paused;
        let stamped = format!("{line} at {}", VENUE_MS + u64::try_from(passed.as_millis()).unwrap());
        let epoch = self.bench.session.epoch().0;
        self.bench.hear(epoch, &stamped)
    }

    fn beat(&mut self) -> Vec<String> {
        self.hear("beat")
    }

    fn phase(&self) -> Phase {
        self.bench.phase()
    }
}

#[test]
fn the_first_stamp_after_a_pause_withdraws_the_claim_and_the_permit() {
    for kind in KINDS {
        let mut paused = Paused::armed(kind);
        paused.bench.run(5 * SECOND, true);
        assert!(!has(&paused.beat(), "Stalled"), "{kind:?}");
        paused.paused = 20 * SECOND;
        assert_eq!(paused.phase(), Phase::Armed, "nothing of ours shows it");
        let lines = paused.beat();
        assert_eq!(paused.phase(), Phase::Degraded, "{kind:?}");
        assert!(!paused.bench.snapshot().permit, "{kind:?}");
        let place = |word: &str| lines.iter().position(|line| line.contains(word)).expect(word);
        assert!(place("PhaseChanged") < place("Stalled"), "withdrawn before it is told: {lines:?}");
        let asked = ["is it on", "ping", "feed"].iter().any(|word| lines.iter().any(|line| line.ends_with(word)));
        assert!(asked, "{kind:?} {lines:?}");
    }
}

#[test]
fn the_claim_returns_with_evidence_asked_for_after_the_stamp() {
    for kind in KINDS {
        let mut paused = Paused::armed(kind);
        paused.bench.run(5 * SECOND, true);
        paused.paused = 20 * SECOND;
        let lines = paused.beat();
        paused.bench.answer_words(&lines);
        paused.bench.answer_pings(&lines);
        assert_eq!(paused.phase(), Phase::Armed, "{kind:?}");
        assert!(!has(&paused.beat(), "Stalled"), "{kind:?}: told once");
    }
}

/// A venue whose clock is set forward cannot be told from a pause. A healthy book outlives it.
#[test]
fn a_venue_clock_that_jumps_cancels_nothing_and_closes_nothing() {
    for kind in KINDS {
        for jump in [SECOND, 40 * SECOND, 3_600 * SECOND, 86_400 * SECOND] {
            let mut paused = Paused::armed(kind);
            let terms = LeaseTerms::new("quoter", 10 * SECOND).unwrap();
            paused.bench.give(Input::Command(Command::LeaseAdd { id: LeaseId(1), terms }));
            let (at, due) = (paused.bench.now.at, paused.bench.now.at + 10 * SECOND);
            paused.bench.give(Input::Renewed { lease: LeaseId(1), at, due });
            paused.paused = jump;
            let mut lines = paused.beat();
            let answers = [paused.bench.answer_words(&lines), paused.bench.answer_pings(&lines)].concat();
            lines.extend(answers);
            lines.extend(paused.bench.run(5 * SECOND, true));
            for never in ["hang up", "cancel all", "LeaseLapsed", "KillStarted", "dial"] {
                assert!(!has(&lines, never), "{kind:?} {jump:?} {never}: {lines:?}");
            }
            assert_eq!(paused.phase(), Phase::Armed, "{kind:?} {jump:?}");
        }
    }
}

#[test]
fn a_dead_link_that_is_kept_is_not_given_up_sooner() {
    let mut paused = Paused::armed(SwitchKind::SessionBound);
    paused.bench.run(3 * SECOND, false);
    let abandon = paused.bench.session.deadlines.when(Deadline::Abandon).expect("it is kept");
    paused.paused = 60 * SECOND;
    let lines = paused.beat();
    assert!(has(&lines, "Stalled"), "{lines:?}");
    assert!(!has(&paused.bench.run(2 * SECOND, false), "hang up"));
    let after = paused.bench.session.deadlines.when(Deadline::Abandon);
    assert!(after.is_none_or(|after| after >= abandon), "{after:?}");
}

#[test]
fn a_countdown_that_ran_out_meanwhile_is_told_and_latches() {
    let mut paused = Paused::armed(SwitchKind::Countdown);
    paused.bench.run(5 * SECOND, true);
    paused.paused = 58 * SECOND;
    let lines = paused.beat();
    let told = [lines.clone(), paused.bench.answer_words(&lines)].concat();
    assert!(has(&told, "Tripped { how: Presumed"), "{told:?}");
    assert!(paused.bench.snapshot().latched);
    assert_eq!(paused.phase(), Phase::Armed, "fed again");
    assert!(has(&paused.bench.request(1, "buy"), "Latched"));
}

#[test]
fn a_countdown_that_went_on_is_told_with_the_bounds_it_really_has() {
    let mut paused = Paused::armed(SwitchKind::Countdown);
    let before = paused.bench.snapshot().trip.expect("it runs");
    paused.paused = 20 * SECOND;
    paused.beat();
    let after = paused.bench.snapshot().trip.expect("it runs");
    assert!(after.earliest <= before.earliest - 20 * SECOND, "{after:?}");
    assert!(after.latest <= before.latest - 19 * SECOND && after.latest >= before.latest - 20 * SECOND, "{after:?}");
}

/// The acknowledgement lay in the socket while the machine stood still: the window it grants began before.
#[test]
fn a_feed_acknowledged_across_a_pause_grants_no_more_than_it_did() {
    let mut paused = Paused::armed(SwitchKind::Countdown);
    paused.bench.run(14 * SECOND, true);
    let lines = paused.bench.tick_after(SECOND);
    assert!(has(&lines, "feed"), "{lines:?}");
    let said = paused.bench.now.at;
    paused.bench.now.at = said + Duration::from_millis(100);
    paused.paused = 70 * SECOND;
    paused.beat();
    let told = paused.bench.hear(1, "fed");
    let trip = paused.bench.snapshot().trip.expect("it runs");
    assert!(trip.earliest <= said, "it may have run out long ago: {trip:?}");
    assert_eq!(paused.phase(), Phase::Degraded, "what was said before proves nothing");
    let next = paused.bench.answer_words(&told);
    assert_eq!(paused.phase(), Phase::Armed, "{next:?}");
    assert!(paused.bench.snapshot().latched);
}

#[test]
fn a_grace_that_ran_out_meanwhile_is_a_trip_although_our_clock_says_it_did_not() {
    let mut paused = Paused::armed(SwitchKind::GraceAfterDrop);
    paused.bench.run(SECOND, true);
    paused.bench.lose(1);
    let next = paused.bench.redial();
    paused.paused = 9 * SECOND;
    let lines = paused.bench.give(Input::Dialled { epoch: Epoch(next) });
    paused.bench.answer_pings(&lines);
    let told = [paused.hear("ok login"), paused.hear("ok switch")].concat();
    assert!(has(&told, "Tripped { how: Presumed"), "{told:?}");
    assert!(!paused.bench.snapshot().permit);
}

#[test]
fn a_token_is_renewed_by_the_venues_time() {
    let mut paused = Paused::armed(SwitchKind::SessionBound);
    let at = paused.bench.now.at + 600 * SECOND;
    paused.bench.session.deadlines.set(Deadline::Renew, at);
    paused.paused = 3_600 * SECOND;
    paused.beat();
    assert_eq!(paused.bench.session.deadlines.when(Deadline::Renew), Some(paused.bench.now.at));
}

#[test]
fn what_is_shorter_than_the_stall_limit_is_no_standstill() {
    let mut paused = Paused::armed(SwitchKind::Countdown);
    paused.paused = Duration::from_millis(400);
    assert!(!has(&paused.beat(), "Stalled"));
    assert_eq!(paused.phase(), Phase::Armed);
}

#[test]
fn an_answer_that_was_long_on_its_way_is_no_standstill() {
    let mut paused = Paused::armed(SwitchKind::SessionBound);
    let early = format!("beat at {VENUE_MS}");
    paused.bench.run(20 * SECOND, true);
    assert!(!has(&paused.bench.hear(1, &early), "Stalled"));
    assert!(!has(&paused.beat(), "Stalled"), "and neither is the next one, which was not");
}
