//! The application's promise to be alive.

use super::{Group, Part, at, length, unknown, when};
use crate::sheet;
use killcord::model::{LeaseId, LeaseTerms, Moment};
use killcord::parts::{Lease, LeaseNews};

pub const GROUP: Group = Group {
    name: "lease",
    promises: &[
        (
            "half_the_budget_warns_and_the_whole_lapses",
            "Silence is measured from the last renewal that counted. At half the budget there is one warning; after the whole \
             budget, and not a moment before, the lease lapses.",
            "0s taken with a budget of 1s
             0s renewed
             0.4s looked at
             0.5s looked at
             0.6s looked at
             1s looked at
             1.001s looked at
             2s looked at",
        ),
        (
            "nothing_is_counted_before_the_first_renewal",
            "A lease that was taken and never renewed neither warns nor lapses, however long it waits; it permits nothing \
             either.",
            "0s taken with a budget of 1s
             3600s looked at
             3600s renewed
             3600.1s looked at",
        ),
        (
            "a_late_renewal_revives_nothing",
            "A lease that lapsed stays so, whatever is renewed afterwards. Only a deliberate new beginning leads out.",
            "0s taken with a budget of 1s
             0s renewed
             1.5s looked at
             1.6s renewed
             1.7s looked at
             2s begun again
             2.1s looked at
             2.2s renewed
             2.3s looked at",
        ),
        (
            "a_renewal_after_the_warning_is_told",
            "Whoever was warned hears that it is over, and how long the gap was.",
            "0s taken with a budget of 1s
             0s renewed
             0.7s looked at
             0.8s renewed
             0.9s looked at",
        ),
        (
            "an_announced_stall_moves_the_end_and_the_warning",
            "A planned stall moves the end; the warning comes half a budget before it, wherever that is.",
            "0s taken with a budget of 1s
             0s renewed
             0.2s extended until 10s
             1s looked at
             9.4s looked at
             9.5s looked at
             10s looked at
             10.001s looked at",
        ),
    ],
    fresh: || Box::new(Asked { lease: Lease::new(terms("1s")), renewed: Moment::default() }),
};

struct Asked {
    lease: Lease,
    renewed: Moment,
}

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        let news = match words {
            ["taken", "with", "a", "budget", "of", budget] => {
                self.lease = Lease::new(terms(budget));
                None
            }
            ["renewed"] => {
                self.renewed = now;
                self.lease.renewed(now, now + self.lease.terms().budget())
            }
            ["extended", "until", due] => self.lease.renewed(self.renewed, at(due)),
            ["looked", "at"] => self.lease.judge(now),
            ["begun", "again"] => {
                self.lease.restart();
                None
            }
            _ => unknown(words),
        };
        let news = news.map_or_else(String::new, |news| format!("{}; ", told(news)));
        format!("{news}{}", self.state())
    }
}

impl Asked {
    fn state(&self) -> String {
        let state = self.lease.describe(LeaseId(1));
        match state.due {
            None => "waits for its first renewal, permits nothing".to_owned(),
            Some(due) if state.lapsed => format!("lapsed, was good until {}", when(due)),
            Some(due) => format!("kept, good until {}", when(due)),
        }
    }
}

fn told(news: LeaseNews) -> String {
    match news {
        LeaseNews::Warning { silent } => format!("WARNING after {} of silence", sheet::length(silent)),
        LeaseNews::Lapsed { late } => format!("LAPSED {} ago", sheet::length(late)),
        LeaseNews::Renewed { gap } => {
            format!("renewed after the warning, {} after the time before", sheet::length(gap))
        }
    }
}

fn terms(budget: &str) -> LeaseTerms {
    LeaseTerms::new("quoter", length(budget)).unwrap()
}
