//! What rests is compared with what was sent, and whoever cancelled is named only on evidence.

use super::*;

impl Bench {
    /// Ticks until the open orders are asked for, and answers with these.
    fn list(&mut self, names: &str) -> Vec<String> {
        self.until_asked();
        self.answer(&format!("listed {names}"))
    }

    fn until_asked(&mut self) {
        let mut lines = vec![];
        for _ in 0..1_000 {
            if has(&lines, ": list") {
                return;
            }
            let until = self.session.deadlines.next().map(|(at, _)| at).expect("something is due");
            self.now.at = self.now.at.max(until);
            lines = self.give(Input::Tick);
            self.miss_all_but_the_last_dial();
            self.answer_pings(&lines);
            self.answer_words(&lines);
        }
        panic!("the open orders are not asked for");
    }

    fn answer(&mut self, body: &str) -> Vec<String> {
        let reply = CallReply::Got { status: 200, body, date: None };
        self.give(Input::Answered { tag: CallTag(1), reply })
    }

    /// Armed on a switch that covers the connection only, with the first comparison behind it.
    fn settled() -> Self {
        let mut bench = Self::new(SwitchKind::SessionBound);
        bench.session.venue.facts.coverage = Coverage::Connection;
        bench.give(Input::Command(Command::Start));
        bench.link_up(1);
        bench.list("");
        bench
    }

    /// Sends these orders, and has the venue take them.
    fn place(&mut self, names: &str) {
        let epoch = self.session.link.as_ref().map_or(0, |link| link.epoch.0);
        for name in names.split_whitespace() {
            let id = u64::from(name.as_bytes()[0]);
            assert!(has(&self.request(id, &format!("buy {name}")), "sent"));
            self.hear(epoch, &format!("took buy {name}"));
        }
    }

    /// Loses the link and is armed again on another.
    fn reconnect(&mut self) {
        let epoch = self.session.link.as_ref().map_or(0, |link| link.epoch.0);
        self.lose(epoch);
        let next = self.redial();
        self.link_up(next);
    }
}

fn told(lines: &[String]) -> &str {
    lines.iter().find(|line| line.contains("Reconciled")).map_or("", String::as_str)
}

/// `gone` of `kept: Tally { count: 0, named: [] }, gone: Tally { … }, unknown: …`
fn part<'a>(told: &'a str, name: &str) -> &'a str {
    let start = told.find(&format!(" {name}: Tally")).unwrap_or_else(|| panic!("no {name} in {told}"));
    let rest = &told[start + 1..];
    let end = [" gone: Tally", " unknown: Tally", " foreign: Tally", " uncovered:"];
    &rest[..end.iter().filter_map(|next| rest.find(next)).min().unwrap_or(rest.len())]
}

#[test]
fn after_every_arming_what_rests_is_compared_with_what_was_sent() {
    let mut bench = Bench::settled();
    bench.place("a b c");
    bench.run(2 * SECOND, true);
    bench.reconnect();
    let lines = bench.list("#a #x");
    let told = told(&lines);
    assert!(told.contains("occasion: Armed"), "{lines:?}");
    assert!(
        part(told, "kept").starts_with("kept: Tally { count: 1") && part(told, "kept").contains("\"#a\""),
        "{told}"
    );
    assert!(
        part(told, "gone").starts_with("gone: Tally { count: 2") && part(told, "gone").contains("\"#c\""),
        "{told}"
    );
    assert!(part(told, "foreign").contains("\"#x\""), "{told}");
}

/// Design: arming, keepalives and kill wait for no list.
#[test]
fn arming_and_permits_wait_for_no_list() {
    let mut bench = Bench::settled();
    bench.reconnect();
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    assert!(bench.phase() == Phase::Armed && bench.snapshot().permit);
    bench.until_asked();
    assert!(bench.phase() == Phase::Armed && bench.snapshot().permit);
}

#[test]
fn rearming_compares_again() {
    let mut bench = Bench::settled();
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    assert!(told(&bench.list("")).contains("occasion: Rearmed"));
}

/// Deribit and Crypto.com: the switch of the new link does not cover orders of the old one.
#[test]
fn an_order_left_behind_by_a_session_bound_trip_is_told_as_not_covered_and_looked_at_again_soon() {
    let mut bench = Bench::settled();
    bench.place("a");
    bench.run(2 * SECOND, true);
    bench.reconnect();
    let armed_at = bench.now.at;
    let lines = bench.list("#a");
    assert!(bench.now.at.since(armed_at) < 5 * SECOND, "V23: found within 5 s");
    assert!(part(told(&lines), "kept").contains("covered: false") && told(&lines).contains("uncovered: 1"));
    let before = bench.now.at;
    let lines = bench.list("");
    assert!(bench.now.at.since(before) <= 3 * SECOND);
    assert!(part(told(&lines), "gone").contains("\"#a\""), "{lines:?}");
}

#[test]
fn an_order_that_was_never_answered_is_resolved_by_its_client_id_or_said_to_be_unknown() {
    let mut bench = Bench::settled();
    for name in ["buy a", "buy b", "buy"] {
        bench.request(name.len() as u64 + u64::from(name.as_bytes()[name.len() - 1]), name);
    }
    assert!(has(&bench.lose(1), "Unknown"));
    bench.run(2 * SECOND, false);
    let next = bench.redial();
    bench.link_up(next);
    bench.until_asked();
    let row =
        |id: &str, client: &str| OpenOrder { order_id: id.into(), client_id: client.into(), ..OpenOrder::default() };
    let asked = bench.session.venue.listed_at;
    bench.session.open_orders(Path::Http, asked, vec![row("#9", "a")], true);
    let lines = bench.drain();
    let unknown = part(told(&lines), "unknown");
    assert!(unknown.starts_with("unknown: Tally { count: 3"), "{unknown}");
    for wanted in ["\"#9\", client_id: \"a\"", "NotResting", "Undecided", "resolution: Resting"] {
        assert!(unknown.contains(wanted), "{wanted} in {unknown}");
    }
    assert!(told(&lines).contains("forgotten: 1"), "the nameless one may be foreign from now on");
}

#[test]
fn an_order_acknowledged_just_now_is_not_said_to_be_gone() {
    let mut bench = Bench::settled();
    bench.reconnect();
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    bench.place("a");
    let lines = bench.list("");
    assert!(part(told(&lines), "gone").starts_with("gone: Tally { count: 0"), "{lines:?}");
    assert!(told(&lines).contains("unsettled: 1"), "{lines:?}");
    assert!(part(told(&bench.list("")), "gone").contains("#a"));
}

/// Until the answer comes, an order without a client id cannot be told from somebody else's.
#[test]
fn an_order_on_its_way_is_not_taken_for_foreign() {
    let mut bench = Bench::settled();
    bench.reconnect();
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    bench.request(1, "buy");
    let lines = bench.list("#1");
    assert!(part(told(&lines), "foreign").starts_with("foreign: Tally { count: 0"), "{lines:?}");
}

#[test]
fn what_ended_by_itself_or_was_refused_is_not_compared() {
    let mut bench = Bench::settled();
    bench.place("a b");
    bench.hear(1, "filled #a");
    bench.request(7, "buy r");
    bench.hear(1, "refused buy r");
    bench.run(2 * SECOND, true);
    bench.reconnect();
    let lines = bench.list("#b");
    assert!(
        told(&lines).contains("kept: Tally { count: 1") && told(&lines).contains("gone: Tally { count: 0"),
        "{lines:?}"
    );
}

#[test]
fn a_cancellation_is_told_with_who_and_what_says_so_unless_the_application_asked_for_it() {
    let mut bench = Bench::settled();
    bench.place("a b c");
    bench.request(9, "cancel #a");
    assert!(!has(&bench.hear(1, "cancelled #a user"), "OrdersCancelled"));
    let lines = bench.hear(1, "cancelled #b user");
    assert!(has(&lines, "OrdersCancelled") && has(&lines, "by: User, evidence: \"said\""), "{lines:?}");
    assert!(has(&bench.hear(1, "cancelled #c who"), "by: Unknown"));
    assert!(!has(&bench.hear(1, "cancelled #z switch"), "OrdersCancelled"), "not ours");
}

#[test]
fn what_goes_with_a_kill_is_laid_at_its_door_only_once_the_venue_acknowledged_it() {
    for acknowledged in [true, false] {
        let mut bench = Bench::settled();
        bench.place("a");
        bench.run(2 * SECOND, true);
        bench.give(Input::Command(Command::Kill { reason: "red button" }));
        if acknowledged {
            bench.answer("cancelled");
        }
        bench.run(40 * SECOND, true);
        bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
        let next = bench.redial();
        bench.link_up(next);
        let lines = bench.list("");
        let by = if acknowledged { "by: Kill" } else { "by: Unknown" };
        assert!(part(told(&lines), "gone").contains(by), "{lines:?}");
    }
}

#[test]
fn a_list_that_cannot_be_had_is_said_and_asked_for_again_and_nothing_is_concluded() {
    let mut bench = Bench::settled();
    bench.place("a");
    bench.run(2 * SECOND, true);
    bench.reconnect();
    bench.until_asked();
    let lines = bench.answer("unlisted");
    assert!(has(&lines, "Unreconciled { refusal: Some") && !has(&lines, "Reconciled {"), "{lines:?}");
    assert_eq!(bench.phase(), Phase::Armed);
    let lines = bench.run(40 * SECOND, true);
    assert!(!has(&lines, "Reconciled { report"), "{lines:?}");
    assert!(has(&bench.list("#a"), "kept: Tally { count: 1"));
}

#[test]
fn a_list_that_never_comes_is_said_and_a_late_one_is_not_taken_for_the_next() {
    let mut bench = Bench::settled();
    bench.reconnect();
    bench.until_asked();
    let early = bench.session.venue.listed_at;
    assert!(has(&bench.run(6 * SECOND, true), "Unreconciled { refusal: None"));
    bench.until_asked();
    assert!(bench.session.venue.listed_at > early);
    bench.session.venue.listed_at = early;
    assert_eq!(told(&bench.answer("listed #x")), "");
}

/// V25: where the switch covers the account, orders of others would go with it.
#[test]
fn where_the_switch_covers_the_account_what_rests_is_told_before_the_first_arming() {
    let mut bench = Bench::new(SwitchKind::Countdown);
    assert!(has(&bench.give(Input::Command(Command::Start)), ": list"));
    let lines = bench.answer("listed #x");
    assert!(told(&lines).contains("occasion: Start") && part(told(&lines), "foreign").contains("covered: true"));
}

/// V10: an order of another connection is found within one period, and told once.
#[test]
fn a_foreign_order_that_appears_is_told_once() {
    let mut bench = Bench::settled();
    let before = bench.now.at;
    let lines = bench.list("#x");
    assert!(bench.now.at.since(before) <= 61 * SECOND);
    assert!(told(&lines).contains("occasion: Audit") && told(&lines).contains("uncovered: 1"), "{lines:?}");
    assert_eq!(told(&bench.list("#x")), "");
    assert!(told(&bench.list("")).contains("foreign: Tally { count: 0"));
}

#[test]
fn beyond_its_bound_the_oldest_order_is_forgotten_and_that_is_counted() {
    let mut bench = Bench::settled();
    for n in 0..=super::super::ledger::ORDERS_MAX {
        let line = format!("buy {n}");
        let orders = bench.session.venue.orders_in(&line);
        bench.session.ledger.sent(bench.now.at, Epoch(1), orders);
        bench.session.ledger.hear(
            bench.now.at,
            Epoch(1),
            bench.session.venue.order_news(LinkRole::Guard, &format!("took {line}")),
        );
    }
    bench.give(Input::Command(Command::Rearm { acknowledge: "seen" }));
    let lines = bench.list("#0 #1");
    assert!(told(&lines).contains("forgotten: 1") && told(&lines).contains("kept: Tally { count: 1"), "{lines:?}");
    assert!(part(told(&lines), "foreign").contains("\"#0\""));
}
