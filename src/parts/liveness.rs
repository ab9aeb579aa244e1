//! Is the peer late, or dead? One link's proof of life, in layers (the figures are measured: docs/promises.md).
//!
//! The clock that matters is the age of the *oldest unanswered* proof we asked for, never the age of the last byte
//! received: a process that was frozen has asked for nothing, so its silence proves nothing. Three askers are judged
//! side by side and the worst verdict counts:
//!
//! * the kernel's send queue (L2): bytes the peer's kernel does not acknowledge;
//! * protocol pings (L3): each carries a nonce, and a pong answers every ping up to its own;
//! * venue-level requests and the venue's own periodic message (L4): the thing we depend on, not only its edge.
//!
//! Socket errors (L0) and the kernel's own timeout (L5) end the link and are not judged here. A link on which no ping
//! was ever answered is not judged by pings: that venue's edge may not speak them; L4 then carries the verdict alone.

use crate::model::{Layer, Moment};
use std::collections::VecDeque;
use std::time::Duration;

/// Pings that may be unanswered at once. The oldest decides, so more would add nothing.
const PINGS_OUT_MAX: usize = 32;
/// L2: suspect after this much stagnation plus a round trip.
const QUEUE_SUSPECT: Duration = Duration::from_millis(200);
/// L2: dead after this much stagnation plus a round trip.
const QUEUE_DEAD: Duration = Duration::from_secs(1);

/// What silence means now, worst last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing is overdue.
    Fresh,
    /// Something is overdue; act slowly.
    Suspect {
        /// Age of the oldest unanswered proof.
        silent: Duration,
        /// Who noticed.
        layer: Layer,
    },
    /// Overdue for so long that only a dead link explains it.
    Dead {
        /// Age of the oldest unanswered proof.
        silent: Duration,
        /// Who noticed.
        layer: Layer,
    },
}

/// The margins, from the policy and the venue's facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LivenessRules {
    /// L3: suspect at the round-trip estimate plus this.
    pub suspect_margin: Duration,
    /// L3: dead at the round-trip estimate plus this, ...
    pub dead_margin: Duration,
    /// ... but never sooner than this.
    pub dead_floor: Duration,
    /// L4: a venue-level request is missed after this; twice this is dead.
    pub venue_answer: Duration,
    /// L4: the venue itself says something at least this often; twice this is dead.
    pub venue_speaks: Option<Duration>,
}

/// The proof of life of one link. Made anew for every epoch.
#[derive(Clone, Debug)]
pub struct Liveness {
    rules: LivenessRules,
    /// Unanswered pings, oldest first.
    pings: VecDeque<(u64, Question)>,
    next_nonce: u64,
    pong_seen: bool,
    smoothed: Option<Duration>,
    variation: Duration,
    /// When a pong last came that was late; what was asked before then says how long that took, not how long the path is.
    late_pong: Option<Moment>,
    /// The last pong that was not left out for that reason was late.
    late_before: bool,
    /// When the oldest unanswered venue-level request was said.
    venue_asked: Option<Question>,
    /// When the venue last spoke by itself; `None` until that counts.
    venue_spoke: Option<Moment>,
    /// Since when the send queue has made no progress.
    queue_stuck_since: Option<Moment>,
    /// When the last answered proof had been asked for: the venue surely heard us then.
    proven: Option<Moment>,
}

/// An unanswered question. Our own stalls are forgiven when its silence is judged; what its answer proves is not moved by
/// them: the venue heard us when it was said.
#[derive(Clone, Copy, Debug)]
struct Question {
    said: Moment,
    judged_from: Moment,
}

impl Question {
    const fn at(now: Moment) -> Self {
        Self { said: now, judged_from: now }
    }
}

impl Liveness {
    /// A link that came up in this epoch; nonces start where the caller says, so that no other link ever used them.
    pub fn new(rules: LivenessRules, first_nonce: u64) -> Self {
        Self {
            rules,
            pings: VecDeque::with_capacity(PINGS_OUT_MAX),
            next_nonce: first_nonce,
            pong_seen: false,
            smoothed: None,
            variation: Duration::ZERO,
            late_pong: None,
            late_before: false,
            venue_asked: None,
            venue_spoke: None,
            queue_stuck_since: None,
            proven: None,
        }
    }

    /// A ping is due: the nonce to send. Pings go on however many are unanswered, because a peer that threw the old
    /// ones away can only answer a new one; of those, the newest and the oldest matter.
    pub fn ping(&mut self, now: Moment) -> u64 {
        if self.pings.len() == PINGS_OUT_MAX {
            // Not the newest: on a path longer than the time between pings its answer would always come too late.
            self.pings.remove(1);
        }
        let nonce = self.next_nonce;
        self.next_nonce += 1;
        self.pings.push_back((nonce, Question::at(now)));
        nonce
    }

    /// A pong came back. A nonce never sent, or answered before, changes nothing.
    pub fn pong(&mut self, now: Moment, nonce: u64) -> bool {
        let Some(index) = self.pings.iter().position(|(sent, _)| *sent == nonce) else { return false };
        let Question { said, judged_from: asked } = self.pings[index].1;
        self.pings.drain(..=index);
        self.pong_seen = true;
        self.queue_stuck_since = None;
        if self.tells_the_path(now, asked) {
            self.measure(now.since(asked));
        }
        self.prove(said);
        true
    }

    /// A venue-level request was said. Only the oldest unanswered one is judged.
    pub fn venue_asked(&mut self, now: Moment) {
        self.venue_asked.get_or_insert(Question::at(now));
    }

    /// A venue-level request was answered. That says nothing of the venue's own periodic message: a venue whose
    /// heartbeats have stopped no longer notices our death, however well it answers.
    pub fn venue_answered(&mut self) {
        if let Some(asked) = self.venue_asked.take() {
            self.prove(asked.said);
        }
    }

    /// It was answered over another connection: the venue is there, but did not hear us on this link.
    pub fn venue_answered_elsewhere(&mut self) {
        self.venue_asked = None;
    }

    /// True while a venue-level request is unanswered.
    pub fn venue_answer_awaited(&self) -> bool {
        self.venue_asked.is_some()
    }

    /// The venue's own periodic message arrived, or it starts to be expected.
    pub fn venue_spoke(&mut self, now: Moment) {
        self.venue_spoke = Some(now);
    }

    /// What the kernel says of the send queue: for how long it has made no progress; zero when nothing waits.
    pub fn queue_stuck(&mut self, now: Moment, stuck_for: Duration) {
        self.queue_stuck_since = (stuck_for > Duration::ZERO).then(|| now - stuck_for);
    }

    /// We ran late ourselves by this much: nobody else is to blame for that time. What the venue says by itself is not
    /// forgiven: it has been waiting in the socket meanwhile, and everything there is read before anything is judged.
    pub fn forgive(&mut self, late: Duration) {
        for question in self.pings.iter_mut().map(|(_, question)| question).chain(&mut self.venue_asked) {
            question.judged_from = question.judged_from + late;
        }
        self.queue_stuck_since = self.queue_stuck_since.map(|moment| moment + late);
    }

    /// Our clocks stood still for up to this long: what the venue was known to have heard, it may have heard that much
    /// earlier. What silence means is not touched; nobody was silent on a clock that stood still.
    pub fn stood_still(&mut self, at_most: Duration) {
        for question in self.pings.iter_mut().map(|(_, question)| question).chain(&mut self.venue_asked) {
            question.said = question.said - at_most;
        }
        self.proven = self.proven.map(|proven| proven - at_most);
    }

    /// What silence means now: the worst of all layers.
    pub fn judge(&self, now: Moment) -> Verdict {
        let mut worst = Verdict::Fresh;
        for (layer, since, suspect, dead) in self.overdue().into_iter().flatten() {
            let silent = now.since(since);
            let verdict = match silent {
                silent if silent >= dead => Verdict::Dead { silent, layer },
                silent if silent >= suspect => Verdict::Suspect { silent, layer },
                _ => Verdict::Fresh,
            };
            if verdict.rank() > worst.rank() {
                worst = verdict;
            }
        }
        worst
    }

    /// When the verdict will next get worse if nothing arrives.
    pub fn next_change(&self, now: Moment) -> Option<Moment> {
        let moments =
            self.overdue().into_iter().flatten().flat_map(|(_, since, suspect, dead)| [since + suspect, since + dead]);
        moments.filter(|at| *at > now).min()
    }

    /// Smoothed round trip, once one was measured.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.smoothed
    }

    /// When the last answered proof had been asked for.
    pub const fn proven(&self) -> Option<Moment> {
        self.proven
    }

    /// True once a protocol ping was answered on this link.
    pub const fn pong_seen(&self) -> bool {
        self.pong_seen
    }

    /// Every layer that has something outstanding: since when, and after how long it is suspect and dead.
    fn overdue(&self) -> [Option<(Layer, Moment, Duration, Duration)>; 4] {
        let trip = self.smoothed.unwrap_or_default();
        let late_trip = self.late_trip();
        let r = &self.rules;
        let ping_dead = (late_trip + r.dead_margin).max(r.dead_floor);
        let oldest_ping = self.pings.front().filter(|_| self.pong_seen).map(|(_, question)| question.judged_from);
        let speaks = self.venue_spoke.zip(r.venue_speaks);
        [
            self.queue_stuck_since.map(|since| (Layer::SendQueue, since, QUEUE_SUSPECT + trip, QUEUE_DEAD + trip)),
            oldest_ping.map(|since| (Layer::ProtocolPing, since, late_trip + r.suspect_margin, ping_dead)),
            self.venue_asked
                .map(|question| question.judged_from)
                .map(|since| (Layer::VenueRequest, since, r.venue_answer + trip, 2 * r.venue_answer + trip)),
            speaks.map(|(since, period)| (Layer::VenueSilence, since, period, 2 * period)),
        ]
    }

    /// The longest round trip that is nothing special.
    fn late_trip(&self) -> Duration {
        self.smoothed.unwrap_or_default() + 4 * self.variation
    }

    /// False for a pong that waited for an outage to end: taken for a round trip, it would keep the next outage from
    /// being suspected for seconds. Whether the path has become slower is for the next one to tell.
    fn tells_the_path(&mut self, now: Moment, asked: Moment) -> bool {
        if self.late_pong.is_some_and(|late| asked < late) {
            return false;
        }
        let late = self.smoothed.is_some() && now.since(asked) >= self.late_trip() + self.rules.suspect_margin;
        if late {
            self.late_pong = Some(now);
        }
        let late_before = std::mem::replace(&mut self.late_before, late);
        !late || late_before
    }

    /// RFC 6298's estimator: it forgets slowly and doubts quickly.
    fn measure(&mut self, sample: Duration) {
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(sample);
            self.variation = sample / 2;
            return;
        };
        self.variation = (3 * self.variation + smoothed.abs_diff(sample)) / 4;
        self.smoothed = Some((7 * smoothed + sample) / 8);
    }

    fn prove(&mut self, asked: Moment) {
        self.proven = Some(self.proven.map_or(asked, |proven| proven.max(asked)));
    }
}

impl Verdict {
    /// Fresh 0, suspect 1, dead 2.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Suspect { .. } => 1,
            Self::Dead { .. } => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: LivenessRules = LivenessRules {
        suspect_margin: Duration::from_millis(250),
        dead_margin: Duration::from_millis(800),
        dead_floor: Duration::from_secs(1),
        venue_answer: Duration::from_secs(5),
        venue_speaks: None,
    };

    fn ms(millis: u64) -> Moment {
        Moment::from_nanos((1_000_000 + millis) * 1_000_000)
    }

    /// A link whose first ping was answered after 1 ms.
    fn lively() -> Liveness {
        let mut link = Liveness::new(RULES, 1);
        let nonce = link.ping(ms(0));
        assert!(link.pong(ms(1), nonce));
        link
    }

    #[test]
    fn silence_after_an_unanswered_ping_is_suspect_and_then_dead() {
        let mut link = lively();
        link.ping(ms(250));
        assert_eq!(link.judge(ms(500)), Verdict::Fresh);
        assert_eq!(link.judge(ms(510)).rank(), 1);
        assert_eq!(link.judge(ms(1_249)).rank(), 1);
        assert!(matches!(link.judge(ms(1_250)), Verdict::Dead { layer: Layer::ProtocolPing, .. }));
    }

    /// The mistake of every "no data for N ms" rule: after a freeze of our own it cries wolf.
    #[test]
    fn having_asked_nothing_silence_proves_nothing() {
        let link = lively();
        assert_eq!(link.judge(ms(60_000)), Verdict::Fresh);
        assert_eq!(link.next_change(ms(1)), None);
    }

    #[test]
    fn our_own_lateness_is_nobody_elses_silence() {
        let mut link = lively();
        link.ping(ms(250));
        link.forgive(Duration::from_secs(3));
        assert_eq!(link.judge(ms(3_300)), Verdict::Fresh);
        assert_eq!(link.judge(ms(4_250)).rank(), 2);
    }

    #[test]
    fn a_late_pong_answers_every_earlier_ping_but_no_later_one() {
        let mut link = lively();
        let first = link.ping(ms(100));
        let second = link.ping(ms(200));
        link.ping(ms(300));
        assert!(link.pong(ms(400), second));
        assert!(!link.pong(ms(401), first), "an answered nonce counts once");
        assert!(link.judge(ms(1_400)).rank() == 2, "the third ping is still unanswered");
        assert_eq!(link.proven(), Some(ms(200)), "what is proven is when we asked, not when we heard");
    }

    #[test]
    fn a_foreign_nonce_is_no_life_sign() {
        let mut link = lively();
        link.ping(ms(250));
        assert!(!link.pong(ms(300), 77));
        assert_eq!(link.judge(ms(1_300)).rank(), 2);
    }

    #[test]
    fn a_venue_that_answers_no_pings_at_all_is_not_judged_by_them() {
        let mut link = Liveness::new(RULES, 1);
        link.ping(ms(0));
        assert_eq!(link.judge(ms(60_000)), Verdict::Fresh);
        link.venue_asked(ms(60_000));
        assert!(matches!(link.judge(ms(70_000)), Verdict::Dead { layer: Layer::VenueRequest, .. }));
    }

    /// RFC 6298, by hand: of 100 ms and then 200 ms the smoothed one is 112.5 ms and the variation 62.5 ms.
    #[test]
    fn the_round_trip_is_smoothed_and_the_time_allowed_grows_with_its_variation() {
        let mut link = Liveness::new(RULES, 1);
        let first = link.ping(ms(0));
        link.pong(ms(100), first);
        let second = link.ping(ms(1_000));
        link.pong(ms(1_200), second);
        assert_eq!(link.round_trip(), Some(Duration::from_micros(112_500)));
        link.ping(ms(2_000));
        let suspect = ms(2_000) + Duration::from_micros(112_500 + 4 * 62_500) + RULES.suspect_margin;
        assert_eq!(link.next_change(ms(2_000)), Some(suspect));
        let dead = ms(2_000) + Duration::from_micros(112_500 + 4 * 62_500) + RULES.dead_margin;
        assert_eq!(link.next_change(suspect), Some(dead));
    }

    #[test]
    fn a_venue_request_is_missed_after_its_time_and_a_round_trip_and_dead_after_twice_its_time() {
        let mut link = lively();
        assert!(!link.venue_answer_awaited());
        link.venue_asked(ms(1_000));
        assert!(link.venue_answer_awaited());
        assert_eq!(link.judge(ms(6_000)), Verdict::Fresh);
        assert!(matches!(link.judge(ms(6_001)), Verdict::Suspect { layer: Layer::VenueRequest, .. }));
        assert_eq!(link.judge(ms(11_000)).rank(), 1);
        assert_eq!(link.judge(ms(11_001)).rank(), 2);
        link.venue_answered();
        assert!(!link.venue_answer_awaited());
        assert_eq!(link.proven(), Some(ms(1_000)));
    }

    #[test]
    fn a_send_queue_that_moves_again_is_not_stuck_and_our_own_lateness_is_not_its_fault() {
        let mut link = lively();
        link.queue_stuck(ms(1_000), Duration::from_millis(150));
        link.forgive(Duration::from_millis(500));
        assert_eq!(link.judge(ms(1_400)), Verdict::Fresh);
        assert_eq!(link.judge(ms(1_550)), Verdict::Fresh);
        assert!(matches!(link.judge(ms(1_551)), Verdict::Suspect { layer: Layer::SendQueue, .. }));
        assert_eq!((link.judge(ms(2_350)).rank(), link.judge(ms(2_351)).rank()), (1, 2));
        link.queue_stuck(ms(1_600), Duration::ZERO);
        assert_eq!(link.judge(ms(60_000)), Verdict::Fresh);
    }

    /// What was asked before the outage ended says how long that took; what is asked from then on says how long the path is.
    #[test]
    fn a_ping_said_as_the_late_answer_arrives_tells_the_path() {
        let mut link = lively();
        let lost = link.ping(ms(250));
        link.pong(ms(2_000), lost);
        assert_eq!(link.round_trip(), Some(Duration::from_millis(1)));
        let next = link.ping(ms(2_000));
        link.pong(ms(2_100), next);
        assert_eq!(link.round_trip(), Some(Duration::from_micros((7 * 1_000 + 100_000) / 8)));
    }

    /// The venue's time went on meanwhile: it may have heard us that much longer ago than our clock shows.
    #[test]
    fn what_was_proven_or_asked_before_our_clocks_stood_still_is_older_by_that_and_nobody_is_later() {
        let mut link = lively();
        link.ping(ms(100));
        let last = link.ping(ms(250));
        link.venue_asked(ms(300));
        let judged = link.judge(ms(400));
        link.stood_still(Duration::from_secs(9));
        assert_eq!(link.proven(), Some(ms(0) - Duration::from_secs(9)));
        assert_eq!(link.judge(ms(400)), judged, "silence is judged by our clock");
        link.pong(ms(400), last);
        assert_eq!(link.proven(), Some(ms(250) - Duration::from_secs(9)));
        link.venue_answered();
        assert_eq!(link.proven(), Some(ms(300) - Duration::from_secs(9)));
    }

    #[test]
    fn whether_pings_are_answered_at_all_is_known_from_the_first_pong_on() {
        let mut link = Liveness::new(RULES, 1);
        let nonce = link.ping(ms(0));
        assert!(!link.pong_seen());
        link.pong(ms(1), nonce);
        assert!(link.pong_seen());
    }

    /// The one nearest to the wire knows first why the others are silent too.
    #[test]
    fn of_layers_that_are_equally_late_the_one_nearest_to_the_wire_is_named() {
        let mut link = lively();
        link.ping(ms(1_000));
        link.queue_stuck(ms(1_300), Duration::from_millis(300));
        assert!(matches!(link.judge(ms(1_300)), Verdict::Suspect { layer: Layer::SendQueue, .. }));
    }

    #[test]
    fn a_stuck_send_queue_is_seen_before_the_ping_deadline() {
        let mut link = lively();
        link.ping(ms(250));
        link.queue_stuck(ms(460), Duration::from_millis(205));
        assert!(matches!(link.judge(ms(460)), Verdict::Suspect { layer: Layer::SendQueue, .. }));
        link.queue_stuck(ms(470), Duration::ZERO);
        assert_eq!(link.judge(ms(470)), Verdict::Fresh);
    }

    #[test]
    fn a_venue_that_should_speak_and_does_not_is_suspect() {
        let rules = LivenessRules { venue_speaks: Some(Duration::from_secs(5)), ..RULES };
        let mut link = Liveness::new(rules, 1);
        link.venue_spoke(ms(0));
        assert_eq!(link.judge(ms(4_999)), Verdict::Fresh);
        assert!(matches!(link.judge(ms(5_000)), Verdict::Suspect { layer: Layer::VenueSilence, .. }));
        assert_eq!(link.judge(ms(10_000)).rank(), 2);
    }

    /// What the venue said meanwhile waits in the socket and is read first: what is still missing then was not said.
    #[test]
    fn our_own_lateness_does_not_excuse_the_venues_own_silence() {
        let rules = LivenessRules { venue_speaks: Some(Duration::from_secs(5)), ..RULES };
        let mut link = Liveness::new(rules, 1);
        link.venue_spoke(ms(0));
        link.forgive(Duration::from_secs(6));
        assert!(matches!(link.judge(ms(6_000)), Verdict::Suspect { layer: Layer::VenueSilence, .. }));
    }

    /// Each layer has its own clock; one that any frame resets lets the others die unseen.
    #[test]
    fn answers_do_not_stand_in_for_the_venues_own_heartbeats() {
        let rules = LivenessRules { venue_speaks: Some(Duration::from_secs(35)), ..RULES };
        let mut link = Liveness::new(rules, 1);
        link.venue_spoke(ms(0));
        for second in (0..35).step_by(5) {
            link.venue_asked(ms(second * 1_000));
            link.venue_answered();
        }
        assert!(matches!(link.judge(ms(35_000)), Verdict::Suspect { layer: Layer::VenueSilence, .. }));
    }

    #[test]
    fn the_next_change_is_exactly_when_the_verdict_changes() {
        let mut link = lively();
        link.ping(ms(250));
        let mut now = ms(250);
        let mut ranks = vec![];
        while let Some(at) = link.next_change(now) {
            assert_eq!(link.judge(at - Duration::from_nanos(1)).rank(), link.judge(now).rank());
            now = at;
            ranks.push(link.judge(now).rank());
        }
        assert_eq!(ranks, [1, 2]);
    }

    #[test]
    fn a_slow_path_is_given_more_time() {
        let mut link = Liveness::new(RULES, 1);
        let nonce = link.ping(ms(0));
        link.pong(ms(300), nonce);
        link.ping(ms(1_000));
        assert_eq!(link.judge(ms(1_300)), Verdict::Fresh);
        assert!(link.judge(ms(2_690)).rank() < 2, "round trip 300 ms and variation 150 ms leave 1.7 s");
        assert_eq!(link.judge(ms(2_700)).rank(), 2);
    }

    /// A link that had been cut for three seconds took four to suspect the next cut.
    #[test]
    fn an_outage_is_no_round_trip() {
        let mut link = lively();
        let waiting: Vec<u64> = (1..=12).map(|i| link.ping(ms(250 * i))).collect();
        for nonce in waiting {
            assert!(link.pong(ms(3_100), nonce));
        }
        assert_eq!(link.judge(ms(3_100)), Verdict::Fresh);
        link.ping(ms(3_250));
        assert_eq!(link.judge(ms(3_510)).rank(), 1);
        assert_eq!(link.judge(ms(4_250)).rank(), 2);
    }

    #[test]
    fn a_path_that_has_become_slow_is_learnt() {
        let mut link = lively();
        let pongs = (0..40).map(|i| (1_000 + 250 * i, link.ping(ms(1_000 + 250 * i)))).collect::<Vec<_>>();
        for (asked, nonce) in pongs {
            link.pong(ms(asked + 600), nonce);
        }
        assert!(link.round_trip().is_some_and(|trip| trip > Duration::from_millis(300)), "{:?}", link.round_trip());
        link.ping(ms(20_000));
        assert_eq!(link.judge(ms(20_700)), Verdict::Fresh);
    }

    #[test]
    fn unanswered_pings_are_bounded_and_the_newest_still_counts() {
        let mut link = lively();
        let last = (1..100).map(|i| link.ping(ms(250 * i))).last();
        assert_eq!(link.pings.len(), PINGS_OUT_MAX);
        assert!(
            matches!(link.judge(ms(25_000)), Verdict::Dead { silent, .. } if silent == Duration::from_millis(24_750))
        );
        assert!(link.pong(ms(25_001), last.unwrap()), "a peer that threw the older ones away is heard again");
        assert_eq!(link.judge(ms(25_001)), Verdict::Fresh);
    }

    /// Found by the simulation: with the stall added to what was proven, a window that ran out during it was not told.
    #[test]
    fn a_pong_that_waited_while_we_stood_still_proves_no_more_than_it_did_before() {
        let mut link = Liveness::new(RULES, 0);
        let nonce = link.ping(ms(0));
        link.venue_asked(ms(5));
        link.forgive(Duration::from_secs(40));
        link.pong(ms(40_001), nonce);
        assert_eq!(link.proven(), Some(ms(0)));
        link.venue_answered();
        assert_eq!(link.proven(), Some(ms(5)));
    }

    /// Found by the simulation: a link that had been silent for long was never taken for alive again.
    #[test]
    fn after_a_long_silence_the_first_answer_counts_even_when_it_takes_longer_than_the_time_between_pings() {
        let mut link = Liveness::new(RULES, 0);
        let first = link.ping(ms(0));
        link.pong(ms(300), first);
        let nonces: Vec<u64> = (1..100).map(|number| link.ping(ms(number * 250))).collect();
        assert!(link.pong(ms(99 * 250 + 60), nonces[nonces.len() - 2]));
        assert_eq!(link.judge(ms(99 * 250 + 60)), Verdict::Fresh);
    }

    /// Found by the simulation: Bybit is asked over HTTP, and that answer hid a window that had run out.
    #[test]
    fn an_answer_over_another_connection_proves_nothing_of_this_link() {
        let mut link = Liveness::new(RULES, 0);
        link.venue_asked(ms(5_000));
        link.venue_answered_elsewhere();
        assert_eq!((link.proven(), link.venue_answer_awaited()), (None, false));
    }
}
