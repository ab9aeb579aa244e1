//! Subscriptions that outlive their link, and what the gate says when it holds something back.

use super::*;

impl Bench {
    fn subscribe(&mut self, id: u64, method: &str) -> Vec<String> {
        let command = Command::Request { id: RequestId(id), method, params: "{}", sticky: true, unsafe_named: false };
        self.give(Input::Command(command))
    }

    /// A new link, up to where every step of arming is acknowledged.
    fn another_link(&mut self) -> (u64, Vec<String>) {
        let epoch = self.session.link.as_ref().map_or(0, |link| link.epoch.0);
        self.lose(epoch);
        let next = self.redial();
        let lines = self.give(Input::Dialled { epoch: Epoch(next) });
        self.answer_pings(&lines);
        self.hear(next, "ok login");
        (next, self.hear(next, "ok switch"))
    }

    /// The number under which the first sticky subscription was said again.
    fn repeated(&self) -> u64 {
        (1 << 62) + self.session.stickies.last
    }
}

#[test]
fn an_accepted_subscription_is_said_on_a_new_link_and_answered_before_it_is_armed() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert!(has(&bench.subscribe(5, "watch"), "sent 5"));
    assert!(has(&bench.hear(1, "{\"answer\":5}"), "deliver Some(RequestId(5))"));
    let (epoch, lines) = bench.another_link();
    assert!(has(&lines, &format!("say {epoch} Control: watch")) && bench.phase() == Phase::Arming, "{lines:?}");
    let answer = format!("{{\"answer\":{}}}", bench.repeated());
    let lines = bench.hear(epoch, &answer);
    assert!(!has(&lines, "deliver") && bench.phase() == Phase::Armed, "{lines:?}");
}

#[test]
fn one_that_is_not_answered_is_told_and_the_guard_is_armed_all_the_same() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.subscribe(5, "watch");
    bench.hear(1, "{\"answer\":5}");
    bench.another_link();
    let lines = bench.run(3 * SECOND, true);
    assert!(has(&lines, "SubscriptionLost { method: \"watch\"") && bench.phase() == Phase::Armed, "{lines:?}");
}

#[test]
fn one_whose_answer_was_never_heard_is_not_said_again() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.subscribe(5, "watch");
    let (_, lines) = bench.another_link();
    assert!(!has(&lines, "watch") && bench.phase() == Phase::Armed, "{lines:?}");
}

#[test]
fn the_unsubscription_with_its_parameters_ends_it() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    bench.subscribe(5, "watch");
    bench.hear(1, "{\"answer\":5}");
    bench.request(6, "unsubscribe");
    assert!(!has(&bench.another_link().1, "watch"));
}

#[test]
fn an_order_cannot_be_sticky() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    assert!(has(&bench.subscribe(5, "buy"), "only a subscription can be sticky"));
    assert!(has(&bench.subscribe(6, "logout"), "only a subscription can be sticky"));
}

/// The reserve is for keepalives, cancels and kills.
#[test]
fn bulk_is_throttled_before_the_venues_limit_and_cancels_are_not() {
    let mut bench = Bench::armed(SwitchKind::SessionBound);
    let sent = (0..100).filter(|id| has(&bench.request(*id, "buy"), "sent")).count();
    assert!(sent <= 80, "{sent}");
    assert!(has(&bench.request(200, "buy"), "Throttled"));
    assert!(has(&bench.request(201, "cancel"), "sent 201"));
}
