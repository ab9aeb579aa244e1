//! Floor 3: one guard. A dialect and the small parts, joined into a machine with one entrance and one exit.
//!
//! # The contract
//!
//! * **Single mutation.** `handle` takes exactly one input; then `poll` is called until it returns [`Action::Wait`].
//!   Handling before draining is a bug of the caller and panics.
//! * An input of a stale epoch changes nothing and is counted.
//! * Time never goes back. An early tick is harmless; a late one withdraws the claim first, is told as `Stalled`, and the
//!   claim returns only with evidence asked for afterwards.
//! * After a link is lost nothing of its epoch is said, and nothing queued for it is sent on another. After the end
//!   nothing is said, called or dialled.
//! * The same seed and inputs give the same actions, byte for byte.
//! * Every buffer has a constant bound.
//!
//! Where things are: what arrives is understood in `inbound`, every deadline expires in `deadline`, what silence means
//! is decided in `verdict`, everything is cancelled in `kill`, what a lapsed lease forbids is in `leases`, what was sent and still rests is compared in `reconcile`, when to dial in
//! `dialling`, what the application may do in `command`, and what is claimed in `standing`, through which alone the phase
//! changes, and what it means that all our clocks stood still in `standstill`.

mod command;
mod compared;
mod contract;
mod deadline;
mod dialling;
mod inbound;
mod kill;
mod leases;
mod ledger;
mod link;
mod queue;
mod rates;
mod reconcile;
mod refusals;
mod standing;
mod standstill;
mod sticky;
mod trade;
mod verdict;

#[cfg(test)]
mod tests;

/// What the driver needs beside the contract: it reads the pages, and what it read is judged below.
pub use crate::parts::{PageNews, PageRenewal, PageWatch};
pub use contract::{Action, Command, Fate, HangUp, Input};

use crate::model::{Epoch, Event, EventKind, LinkRole, Moment, Now, Phase, Policy, RequestId, Snapshot, SwitchKind};
use crate::parts::{Deadline, Deadlines, Pace, RateLimit, Redial, Switch};
use crate::venue::{Item, Outbox, Venue};
use kill::Kill;
use leases::Leases;
use ledger::Ledger;
use link::GuardLink;
use queue::{Queue, Queued};
use rates::Rates;
use reconcile::{Audit, Passed};
use standing::Standing;
use standstill::Noticed;
use std::collections::BTreeMap;
use std::time::Duration;
use sticky::Stickies;
use trade::TradeLink;

/// Lateness of our own below this is ordinary scheduling.
const LATE_MIN: Duration = Duration::from_millis(100);
/// Application requests that may await an answer at once.
const PENDING_MAX: usize = 1024;

/// One guard: see the module documentation for its contract.
pub struct Session<V> {
    venue: V,
    policy: Policy,
    now: Now,
    out: Outbox,
    queue: Queue,
    deadlines: Deadlines,
    /// The guarding link while it is up.
    link: Option<GuardLink>,
    /// Dials of the guarding role that are under way.
    dials: Vec<Dial>,
    /// A connected link that nothing was said on yet, kept beside a suspect one.
    standby: Option<Dial>,
    trade: TradeLink,
    redial: Redial,
    dial_limit: RateLimit,
    rates: Rates,
    switch: Switch,
    /// How far the venue's clock goes while ours does.
    pace: Pace,
    /// Our clocks stood still.
    standstill: Option<Noticed>,
    standing: Standing,
    leases: Leases,
    /// The kill under way.
    kill: Option<Kill>,
    /// Orders that were sent through the links, by name.
    ledger: Ledger,
    /// Subscriptions that are said again on every link.
    stickies: Stickies,
    /// Comparing them with the venue's list.
    audit: Audit,
    /// What to remember before the next input.
    unremembered: Option<Passed>,
    /// Application requests that were sent and not yet answered, with the epoch that carried them.
    pending: BTreeMap<RequestId, Epoch>,
    last_epoch: Epoch,
    /// What the last `Wait` promised; lateness is measured against it.
    waited_until: Option<Moment>,
    /// Lateness seen while renewals were handed in, which is left to the input they precede.
    late_unnoticed: Duration,
    drained: bool,
    stale_inputs: u64,
}

/// One dial under way or just done.
#[derive(Clone, Copy, Debug)]
struct Dial {
    epoch: Epoch,
    began: Moment,
}

impl<V: Venue> Session<V> {
    /// A guard that has not started. `seed` decides nothing but the jitter of dials.
    pub fn new(venue: V, policy: Policy, seed: u64, now: Now) -> Self {
        let facts = venue.facts();
        let dial = facts.dial_rule;
        let dial_limit = RateLimit::new(dial.count / 2, dial.per);
        let trade = TradeLink::new(dial_limit.sparse(), seed);
        Self {
            policy,
            now,
            out: Outbox::default(),
            queue: Queue::default(),
            deadlines: Deadlines::default(),
            link: None,
            dials: Vec::new(),
            standby: None,
            trade,
            redial: Redial::new(dial_limit.sparse(), seed),
            dial_limit,
            rates: Rates::new(facts),
            switch: Switch::Off,
            pace: Pace::default(),
            standstill: None,
            standing: Standing::default(),
            leases: Leases::default(),
            kill: None,
            ledger: Ledger::default(),
            stickies: Stickies::default(),
            audit: Audit::default(),
            unremembered: None,
            pending: BTreeMap::new(),
            last_epoch: Epoch(0),
            waited_until: None,
            late_unnoticed: Duration::ZERO,
            drained: true,
            stale_inputs: 0,
            venue,
        }
    }

    /// Takes exactly one input.
    ///
    /// # Panics
    /// When `poll` was not drained since the last input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        assert!(self.drained, "poll() must be drained to Wait before the next handle()");
        self.drained = false;
        self.out.clear();
        let late = self.move_time(now);
        let judging = matches!(input, Input::Tick | Input::SendQueue { .. });
        if matches!(input, Input::Renewed { .. } | Input::LeaseDoubted { .. }) {
            // Others may follow, and only when all are in can be said whether a lease lapsed while nobody looked.
            self.late_unnoticed = late;
        } else {
            self.late_unnoticed = Duration::ZERO;
            // First of all: being late asks for new proof, and asking is a sign of life.
            self.judge_leases();
            self.notice_lateness(late);
        }
        self.take(input);
        self.judge(judging);
        self.schedule_leases();
        self.restate();
    }

    /// What to do next. Must be called until it returns `Wait`.
    pub fn poll(&mut self) -> Action<'_> {
        match self.queue.pop() {
            Some(queued) => self.render(queued),
            None => {
                self.remember_passed();
                self.wait()
            }
        }
    }

    /// Everything the guard is willing to say about itself now.
    pub fn snapshot(&self) -> Snapshot {
        self.describe()
    }

    /// Where the guard is in its life: `snapshot().phase`, without the rest.
    pub const fn phase(&self) -> Phase {
        self.standing.phase()
    }

    /// Whether orders are permitted: `snapshot().permit`, without the rest.
    pub const fn permit(&self) -> bool {
        self.standing.permit()
    }

    /// Whether a trip, a lapse or a kill waits to be acknowledged: `snapshot().latched`, without the rest.
    pub const fn latched(&self) -> bool {
        self.standing.latched
    }

    /// The guarding link's epoch: `snapshot().epoch`, without the rest.
    pub fn epoch(&self) -> Epoch {
        self.live(LinkRole::Guard).unwrap_or_default()
    }

    /// How many inputs of stale epochs were ignored.
    pub const fn stale_inputs(&self) -> u64 {
        self.stale_inputs
    }

    /// The dialect, to read its facts.
    pub const fn venue(&self) -> &V {
        &self.venue
    }

    /// Moves time forward. How late this is, by what the last `Wait` promised.
    fn move_time(&mut self, now: Now) -> Duration {
        let at = now.at.max(self.now.at);
        self.now = Now { at, wall: now.wall };
        self.waited_until.map_or(Duration::ZERO, |until| at.since(until)).max(self.late_unnoticed)
    }

    /// Copes with having been late before anything that arrived is looked at.
    fn notice_lateness(&mut self, late: Duration) {
        if late < LATE_MIN || !self.standing.running() {
            return;
        }
        self.forgive(late);
        if late >= self.policy.stall_limit {
            self.doubt("this process did not run for a while");
            self.tell(EventKind::Stalled { late });
        }
    }

    fn forgive(&mut self, late: Duration) {
        if let Some(link) = &mut self.link {
            link.pulse.liveness.forgive(late);
        }
        self.trade.forgive(late);
    }

    fn take(&mut self, input: Input<'_>) {
        match input {
            Input::Tick => self.expire_all(),
            Input::Dialled { epoch } => self.dialled(epoch),
            Input::Missed { epoch, cause } => self.missed(epoch, cause),
            Input::Line { epoch, text } => self.line(epoch, text),
            Input::Pong { epoch, nonce } => self.pong(epoch, nonce),
            Input::PeerPing { epoch } => self.count_if_stale(epoch),
            Input::SendQueue { epoch, stuck_for } => self.send_queue(epoch, stuck_for),
            Input::Lost { epoch, cause } => self.lost(epoch, cause),
            Input::Answered { tag, reply } => self.answered(tag, reply),
            Input::Renewed { lease, at, due } => self.renewed(lease, at, due),
            Input::LeaseDoubted { lease, why } => self.lease_doubted(lease, why),
            Input::Command(command) => self.command(command),
        }
    }

    /// Queues an event with the next sequence number.
    fn tell(&mut self, kind: EventKind) {
        let epoch = self.link.as_ref().map_or(Epoch(0), |link| link.epoch);
        let seq = self.standing.next_seq();
        self.queue.push(Queued::Tell(Event { seq, at: self.now.at, wall: self.now.wall, epoch, kind }));
    }

    fn next_epoch(&mut self) -> Epoch {
        self.last_epoch = self.last_epoch.next();
        self.last_epoch
    }

    /// The live epoch of a role, if its link is up.
    fn live(&self, role: LinkRole) -> Option<Epoch> {
        match role {
            LinkRole::Guard => self.link.as_ref().map(|link| link.epoch),
            LinkRole::Trade => self.trade.epoch(),
        }
    }

    /// Acts on everything the dialect put into the outbox, until nothing is left.
    fn drain(&mut self) {
        if let Some(stamp) = self.out.take_stamp() {
            self.stamped(stamp);
        }
        while let Some(item) = self.out.pop() {
            match item {
                Item::Say { role, lane, text } => {
                    if let Some(epoch) = self.live(role) {
                        self.queue.push(Queued::Say { epoch, lane, text });
                    }
                }
                Item::Call { tag, request } => self.queue.push(Queued::Call { tag, request }),
                Item::Report(report) => self.report(report),
            }
        }
    }

    fn session_bound(&self) -> bool {
        self.venue.facts().kind == SwitchKind::SessionBound
    }

    fn wait(&mut self) -> Action<'_> {
        self.drained = true;
        let next = self.deadlines.next();
        self.waited_until = next.map(|(at, _)| at.max(self.now.at));
        Action::Wait { until: next.map(|(at, _)| at), why: next.map_or("the world", |(_, deadline)| deadline.as_str()) }
    }

    fn render(&self, queued: Queued) -> Action<'_> {
        match queued {
            Queued::Dial { epoch, role } => match self.venue.endpoint(role) {
                Some(endpoint) => Action::Dial { epoch, role, endpoint },
                None => Action::HangUp { epoch, how: HangUp::Abort },
            },
            Queued::Say { epoch, lane, text } => Action::Say { epoch, line: self.out.text(&text), lane },
            Queued::Ping { epoch, nonce } => Action::Ping { epoch, nonce },
            Queued::Mute { epoch } => Action::Mute { epoch },
            Queued::Call { tag, request } => Action::Call { tag, request, endpoint: self.venue.http_endpoint() },
            Queued::HangUp { epoch, how } => Action::HangUp { epoch, how },
            Queued::Tell(event) => Action::Tell(event),
            Queued::Deliver { role, answers } => Action::Deliver { role, answers },
            Queued::Sent { request } => Action::Sent { request },
            Queued::Fate { request, fate } => Action::Fate { request, fate },
        }
    }
}
