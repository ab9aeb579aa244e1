//! Is the peer late, or dead?

use super::{Group, Part, length, maybe, unknown};
use crate::sheet;
use killcord::model::{Layer, Moment};
use killcord::parts::{Liveness, LivenessRules, Verdict};
use std::time::Duration;

pub const GROUP: Group = Group {
    name: "liveness",
    promises: &[
        (
            "the_oldest_unanswered_ping_decides",
            "A link is judged by the age of the oldest ping without an answer: suspect a quarter of a second after the answer \
             would usually have come, dead after a second. An answer to any ping answers all before it.",
            "0s ping
             0.02s pong 0
             0.25s ping
             0.5s ping
             0.52s judge
             0.55s judge
             0.57s judge
             1.24s judge
             1.25s judge

             # Late, and all is well again.
             1.3s pong 2
             1.3s judge",
        ),
        (
            "silence_of_a_frozen_process_proves_nothing",
            "Who was frozen has asked nothing, so that nobody is to blame for the silence: the time we were late ourselves is \
             not counted. What the answer proves is not moved by that.",
            "0s ping
             0.02s pong 0
             0.25s ping

             # Nobody ran for twenty seconds.
             20.25s forgive 20s
             20.25s judge
             20.3s pong 1
             20.3s judge",
        ),
        (
            "bytes_that_arrive_prove_nothing",
            "A venue that goes on talking while it does not answer does not hear us. An answer to a question nobody asked \
             changes nothing.",
            "0s ping
             0.02s pong 0
             0.25s ping
             0.4s pong 77
             0.9s judge
             1.25s judge",
        ),
        (
            "the_kernel_knows_first",
            "Bytes that the peer's kernel does not acknowledge are suspect after a fifth of a second and dead after one: earlier \
             than any ping that has yet to be sent could tell.",
            "0s ping
             0.02s pong 0
             0.2s stuck for 100ms
             0.2s judge
             0.32s judge
             1.12s judge
             1.2s stuck for 0s
             1.2s judge",
        ),
        (
            "a_venue_that_stops_its_own_heartbeats_is_missed",
            "The edge answers pings, requests are answered, but the venue's own periodic message stays away: suspect when one is \
             missed, dead when two are. Nothing else that the venue answers makes up for it.",
            "0s ping
             0.02s pong 0
             1s the venue speaks
             30s venue asked
             30.1s venue answered
             35.9s judge
             36s judge
             70s judge
             71s judge
             72s the venue speaks
             72s judge",
        ),
        (
            "a_path_that_never_answered_a_ping_is_not_judged_by_pings",
            "Some venues' edges do not speak protocol pings. Where none was ever answered they prove nothing, and only the \
             venue's own words count.",
            "0s ping
             5s judge
             5s venue asked
             10s judge
             15s judge",
        ),
    ],
    fresh: || Box::new(Asked(Liveness::new(RULES, 0))),
};

const RULES: LivenessRules = LivenessRules {
    suspect_margin: Duration::from_millis(250),
    dead_margin: Duration::from_millis(800),
    dead_floor: Duration::from_secs(1),
    venue_answer: Duration::from_secs(5),
    venue_speaks: Some(Duration::from_secs(35)),
};

struct Asked(Liveness);

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["ping"] => format!("ping {} leaves", self.0.ping(now)),
            ["pong", nonce] => {
                let known = self.0.pong(now, nonce.parse().unwrap());
                let proven = maybe(self.0.proven());
                if known { format!("answered: the peer heard us at {proven}") } else { "nobody asked that".to_owned() }
            }
            ["stuck", "for", stuck] => {
                self.0.queue_stuck(now, length(stuck));
                "the kernel says so".to_owned()
            }
            ["venue", "asked"] => {
                self.0.venue_asked(now);
                "the venue is asked".to_owned()
            }
            ["venue", "answered"] => {
                self.0.venue_answered();
                format!("answered: the peer heard us at {}", maybe(self.0.proven()))
            }
            ["the", "venue", "speaks"] => {
                self.0.venue_spoke(now);
                "heard".to_owned()
            }
            ["forgive", late] => {
                self.0.forgive(length(late));
                "that time is our own fault".to_owned()
            }
            ["judge"] => verdict(self.0.judge(now)),
            _ => unknown(words),
        }
    }
}

fn verdict(verdict: Verdict) -> String {
    let layer = |layer: Layer| match layer {
        Layer::SendQueue => "unacknowledged bytes",
        Layer::ProtocolPing => "an unanswered ping",
        Layer::VenueRequest => "an unanswered request",
        Layer::VenueSilence => "the venue's missing heartbeat",
    };
    match verdict {
        Verdict::Fresh => "fresh".to_owned(),
        Verdict::Suspect { silent, layer: by } => format!("suspect: {} for {}", layer(by), sheet::length(silent)),
        Verdict::Dead { silent, layer: by } => format!("dead: {} for {}", layer(by), sheet::length(silent)),
    }
}
