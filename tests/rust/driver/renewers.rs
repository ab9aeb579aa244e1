//! Threads that renew one lease at the same time, announce a stall, begin anew and look: nothing that must count is lost,
//! nothing that must not count does.

use super::lease_word::{LeaseWord, Renewal};
use loom::sync::Arc;
use loom::thread;

const BUDGET: u64 = 100;
/// The renewal all trials begin with: at this moment, with token 1.
const START: u64 = 1000;

fn renewed() -> Arc<LeaseWord> {
    let word = LeaseWord::new(BUDGET);
    assert_eq!(word.renew(1, START, START), (Renewal::Counted, None));
    Arc::new(word)
}

fn renewing(word: &Arc<LeaseWord>, token: u64, at: u64) -> thread::JoinHandle<(Renewal, Option<u64>)> {
    let word = word.clone();
    thread::spawn(move || word.renew(token, at, at))
}

/// Three threads with two interruptions in all, wherever those hurt most. The trials of two have no bound.
#[test]
fn of_threads_with_different_tokens_every_renewal_counts_and_no_gap_is_lost() {
    let mut three = loom::model::Builder::new();
    three.preemption_bound = Some(2);
    three.check(|| {
        let word = renewed();
        let others = [renewing(&word, 5, 1050), renewing(&word, 6, 1060)];
        let mine = word.renew(7, 1055, 1055);
        let all: Vec<_> = others.into_iter().map(|other| other.join().expect("it ends")).chain([mine]).collect();
        assert!(all.iter().all(|(renewal, _)| *renewal == Renewal::Counted));
        assert_eq!(word.read(), Some((1060, 1160)));
        // One gap each, and one after the other they lead from the first renewal to the last.
        assert_eq!(all.iter().map(|(_, gap)| gap.expect("it is not the first")).sum::<u64>(), 60);
    });
}

#[test]
fn of_two_threads_with_the_same_token_exactly_one_got_on() {
    loom::model(|| {
        let word = renewed();
        let other = renewing(&word, 5, 1050);
        let mine = word.renew(5, 1060, 1060).0;
        let both = [mine, other.join().expect("it ends").0];
        assert!(both.contains(&Renewal::Counted) && both.contains(&Renewal::Constant), "{both:?}");
        assert_eq!(word.read().expect("renewed").0, if mine == Renewal::Counted { 1060 } else { 1050 });
    });
}

#[test]
fn what_came_after_the_budget_counts_only_behind_a_renewal_that_came_in_time() {
    loom::model(|| {
        let word = renewed();
        let late = renewing(&word, 5, 1150);
        assert_eq!(word.renew(6, 1090, 1090).0, Renewal::Counted);
        match late.join().expect("it ends").0 {
            Renewal::Counted => assert_eq!(word.read(), Some((1150, 1250))),
            Renewal::Late => assert_eq!(word.read(), Some((1090, 1190))),
            Renewal::Constant => unreachable!("the tokens differ"),
        }
    });
}

#[test]
fn a_lease_that_lapsed_is_not_revived_by_many_who_try() {
    loom::model(|| {
        let word = renewed();
        let others = [renewing(&word, 5, 1101), renewing(&word, 6, 1102)];
        assert!(!word.extend(1103, 9000));
        assert_eq!(word.read(), Some((1000, 1100)));
        for other in others {
            assert_eq!(other.join().expect("it ends").0, Renewal::Late);
        }
        assert_eq!(word.read(), Some((1000, 1100)));
    });
}

#[test]
fn whoever_looks_never_sees_a_promise_go_back_nor_one_that_nobody_made() {
    loom::model(|| {
        let word = renewed();
        let renewing = renewing(&word, 5, 1050);
        let stalling = {
            let word = word.clone();
            thread::spawn(move || assert!(word.extend(1060, 1400)))
        };
        let (first, second) = (word.read().expect("renewed"), word.read().expect("renewed"));
        assert!(first.0 <= second.0 && first.1 <= second.1, "{first:?} {second:?}");
        for (at, due) in [first, second] {
            assert!([1000, 1050].contains(&at) && (due == at + BUDGET || due == 1400), "{at} {due}");
        }
        renewing.join().expect("it ends");
        stalling.join().expect("it ends");
        assert_eq!(word.read(), Some((1050, 1400)));
    });
}

#[test]
fn a_new_beginning_is_met_by_one_renewal_and_never_by_the_old_token() {
    loom::model(|| {
        let word = renewed();
        let other = renewing(&word, 5, 1050);
        word.restart();
        other.join().expect("it ends");
        assert_eq!(word.renew(5, 1060, 1060).0, Renewal::Constant);
        let counted = word.read();
        assert!(counted.is_none() || counted == Some((1050, 1150)), "{counted:?}");
        assert_eq!(word.renew(6, 1070, 1070).0, Renewal::Counted);
        assert_eq!(word.read(), Some((1070, 1170)));
    });
}
