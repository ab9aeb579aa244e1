//! What every embedded venue has in common: accounts with real keys, resting orders that remember which connection made
//! them, faults on command, and a journal on the same clock as the guard's.

use super::ConnId;
use crate::model::{Moment, Now, TimeFactor, WallTime};
use std::collections::BTreeMap;
use std::time::Duration;

/// The journal keeps at most this many entries; older ones are dropped and counted.
const JOURNAL_MAX: usize = 100_000;
/// How many entries a full journal drops at once: dropping them one by one would move the whole journal each time.
const JOURNAL_DROP: usize = 10_000;

/// The shared state of one embedded venue.
#[derive(Debug)]
pub struct Floor {
    /// How much faster than life the venue's own periods run.
    pub factor: TimeFactor,
    /// Accounts by API key.
    pub accounts: BTreeMap<String, Account>,
    /// Every order ever accepted, by id in order of creation.
    pub orders: BTreeMap<u64, Order>,
    faults: Vec<Fault>,
    journal: Vec<JournalEntry>,
    journal_dropped: u64,
    next_order: u64,
    version: u64,
}

/// One API key and the account behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The public half.
    pub key: String,
    /// The secret half, in the venue's spelling (base64 on Kraken).
    pub secret: String,
    /// Accounts with the same name share orders and switch; keys differ.
    pub name: String,
    /// False once the key was revoked.
    pub valid: bool,
    /// Permissions the key lacks, in the venue's spelling; empty means all.
    pub lacks: Vec<String>,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Number within this venue; the venue spells its id from it.
    pub number: u64,
    /// The id in the venue's spelling.
    pub id: String,
    /// The account's name.
    pub account: String,
    /// The connection that created it; `None` when it came over HTTP.
    pub conn: Option<ConnId>,
    /// The client's id, empty when none.
    pub client_id: String,
    /// The instrument in the venue's spelling.
    pub instrument: String,
    /// Product line or category, in the venue's spelling; empty where the venue has none.
    pub category: String,
    /// `buy` or `sell`.
    pub side: String,
    /// Price as text.
    pub price: String,
    /// Quantity as text.
    pub quantity: String,
    /// Where it stands.
    pub state: OrderState,
    /// When it was accepted.
    pub created: Now,
    /// When it last changed.
    pub updated: Now,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderState {
    /// Resting.
    Open,
    /// Gone.
    Cancelled(CancelCause),
    /// Done, completely.
    Filled,
}

/// Who cancelled an order. The venue may not tell its clients; the journal tells tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CancelCause {
    /// A client asked.
    User,
    /// The switch fired.
    Switch,
    /// The venue itself (maintenance and the like).
    Venue,
}

/// A misbehaviour on command. `step` is the method or operation in the venue's spelling, for example
/// `private/set-cancel-on-disconnect`, `auth`, `subscribe:dcp.future`, `POST /v5/order/disconnected-cancel-all`,
/// `cancel_all_orders_after`; `*` means every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next `times` requests of this step are answered with an error; `code` overrides the venue's usual one.
    Refuse {
        /// Which.
        step: String,
        /// The error code (or text, where the venue has only text).
        code: Option<String>,
        /// How often; `u32::MAX` for ever.
        times: u32,
    },
    /// The next `times` requests of this step are lost on the way in: nothing happens and nothing is answered.
    LoseRequest {
        /// Which.
        step: String,
        /// How often.
        times: u32,
    },
    /// The next `times` requests of this step take effect, but the answer is lost.
    LoseAnswer {
        /// Which.
        step: String,
        /// How often.
        times: u32,
    },
    /// The next `times` requests of this step are answered late.
    Late {
        /// Which.
        step: String,
        /// By how much, in real time.
        by: Duration,
        /// How often.
        times: u32,
    },
    /// Pings of both kinds stay unanswered.
    SilentPings,
    /// The venue's own heartbeats stop.
    NoHeartbeats,
    /// Every acknowledgement is positive, and the switch does nothing.
    Dishonour,
    /// The venue is down for maintenance.
    Maintenance,
}

/// What a venue must do with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// As the specification says.
    Normal,
    /// Answer with an error and do nothing.
    Refuse(Option<String>),
    /// Do nothing and do not answer.
    LoseRequest,
    /// Do it and do not answer.
    LoseAnswer,
    /// Do it now and answer this much later.
    Late(Duration),
}

/// One thing that happened at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When, on the shared monotonic clock.
    pub at: Moment,
    /// When, on the venue's wall clock.
    pub wall: WallTime,
    /// The account's name; empty when unknown.
    pub account: String,
    /// The connection; `None` over HTTP or when the venue acted by itself.
    pub conn: Option<ConnId>,
    /// What.
    pub kind: JournalKind,
    /// Particulars: a method, an order id, a close code.
    pub detail: String,
}

/// What kind of thing it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JournalKind {
    /// A websocket was accepted.
    Opened,
    /// A connection ended; the detail says who ended it and how.
    Ended,
    /// A login was accepted.
    LoggedIn,
    /// A request was refused.
    Refused,
    /// The switch was set, subscribed or fed.
    SwitchSet,
    /// The switch was taken off.
    SwitchOff,
    /// What counts as a sign of life of the client arrived (heartbeat answer, feed, ping).
    LifeSign,
    /// The venue sent its own heartbeat or test request.
    Heartbeat,
    /// The switch fired.
    Tripped,
    /// An order was accepted.
    OrderOpened,
    /// An order was cancelled.
    OrderCancelled,
    /// A fault was applied.
    FaultApplied,
}

impl Floor {
    /// An empty venue.
    pub fn new(factor: TimeFactor) -> Self {
        Self {
            factor,
            accounts: BTreeMap::new(),
            orders: BTreeMap::new(),
            faults: Vec::new(),
            journal: Vec::new(),
            journal_dropped: 0,
            next_order: 1,
            version: 0,
        }
    }

    /// Something may be about to change in this venue: an input, a knob, or somebody who reaches in from outside.
    pub const fn touch(&mut self) {
        self.version += 1;
    }

    /// Equal for two moments between which nothing can have changed: then only time has passed.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Adds a key. Keys with the same account `name` share orders and switch.
    pub fn add_account(&mut self, key: &str, secret: &str, name: &str) {
        let account =
            Account { key: key.into(), secret: secret.into(), name: name.into(), valid: true, lacks: Vec::new() };
        self.accounts.insert(key.into(), account);
    }

    /// A venue period as it lasts here.
    pub fn scaled(&self, length: Duration) -> Duration {
        self.factor.scale(length)
    }

    /// Accepts an order. `spell` makes the venue's id from the number.
    pub fn open_order(&mut self, now: Now, mut order: Order, spell: impl FnOnce(u64) -> String) -> u64 {
        let number = self.next_order;
        self.next_order += 1;
        order.number = number;
        order.id = spell(number);
        order.state = OrderState::Open;
        order.created = now;
        order.updated = now;
        self.note(now, &order.account.clone(), order.conn, JournalKind::OrderOpened, &order.id.clone());
        self.orders.insert(number, order);
        number
    }

    /// Cancels an open order; false when it was not open.
    pub fn cancel_order(&mut self, now: Now, number: u64, cause: CancelCause) -> bool {
        let Some(order) = self.orders.get_mut(&number) else { return false };
        if order.state != OrderState::Open {
            return false;
        }
        order.state = OrderState::Cancelled(cause);
        order.updated = now;
        let (account, conn, detail) = (order.account.clone(), order.conn, format!("{} {cause:?}", order.id));
        self.note(now, &account, conn, JournalKind::OrderCancelled, &detail);
        true
    }

    /// Fills an open order completely; false when it was not open. No journal entry: no promise hangs on it.
    pub fn fill_order(&mut self, now: Now, number: u64) -> bool {
        let Some(order) = self.orders.get_mut(&number).filter(|order| order.state == OrderState::Open) else {
            return false;
        };
        order.state = OrderState::Filled;
        order.updated = now;
        true
    }

    /// Numbers of the open orders that satisfy `wanted`, oldest first.
    pub fn open_orders(&self, wanted: impl Fn(&Order) -> bool) -> Vec<u64> {
        self.orders.values().filter(|o| o.state == OrderState::Open && wanted(o)).map(|o| o.number).collect()
    }

    /// Applies a fault from now on.
    pub fn apply(&mut self, now: Now, fault: Fault) {
        self.note(now, "", None, JournalKind::FaultApplied, &format!("{fault:?}"));
        self.faults.push(fault);
    }

    /// Takes every fault back.
    pub fn heal(&mut self) {
        self.faults.clear();
    }

    /// True while this very fault is applied.
    pub fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }

    /// What to do with a request of this step. Counts down faults that are limited in number.
    pub fn treatment(&mut self, step: &str) -> Treatment {
        let Some(at) = self.faults.iter().position(|fault| fault.step().is_some_and(|s| s == step || s == "*")) else {
            return Treatment::Normal;
        };
        let treatment = self.faults[at].treatment();
        if self.faults[at].use_up() {
            self.faults.remove(at);
        }
        treatment
    }

    /// Writes a journal entry.
    pub fn note(&mut self, now: Now, account: &str, conn: Option<ConnId>, kind: JournalKind, detail: &str) {
        if self.journal.len() == JOURNAL_MAX {
            self.journal.drain(..JOURNAL_DROP);
            self.journal_dropped += JOURNAL_DROP as u64;
        }
        let entry =
            JournalEntry { at: now.at, wall: now.wall, account: account.into(), conn, kind, detail: detail.into() };
        self.journal.push(entry);
    }

    /// The journal, oldest first.
    pub fn journal(&self) -> &[JournalEntry] {
        &self.journal
    }

    /// How many of the oldest entries were dropped.
    pub const fn journal_dropped(&self) -> u64 {
        self.journal_dropped
    }
}

impl Fault {
    fn step(&self) -> Option<&str> {
        match self {
            Self::Refuse { step, .. }
            | Self::LoseRequest { step, .. }
            | Self::LoseAnswer { step, .. }
            | Self::Late { step, .. } => Some(step),
            Self::SilentPings | Self::NoHeartbeats | Self::Dishonour | Self::Maintenance => None,
        }
    }

    fn treatment(&self) -> Treatment {
        match self {
            Self::Refuse { code, .. } => Treatment::Refuse(code.clone()),
            Self::LoseRequest { .. } => Treatment::LoseRequest,
            Self::LoseAnswer { .. } => Treatment::LoseAnswer,
            Self::Late { by, .. } => Treatment::Late(*by),
            Self::SilentPings | Self::NoHeartbeats | Self::Dishonour | Self::Maintenance => Treatment::Normal,
        }
    }

    /// Counts one use; true when none is left.
    fn use_up(&mut self) -> bool {
        match self {
            Self::Refuse { times, .. }
            | Self::LoseRequest { times, .. }
            | Self::LoseAnswer { times, .. }
            | Self::Late { times, .. } => {
                if *times != u32::MAX {
                    *times = times.saturating_sub(1);
                }
                *times == 0
            }
            Self::SilentPings | Self::NoHeartbeats | Self::Dishonour | Self::Maintenance => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_limited_in_number_is_used_up() {
        let mut floor = Floor::new(TimeFactor::REAL);
        floor.apply(Now::default(), Fault::Refuse { step: "auth".into(), code: None, times: 2 });
        assert_eq!(floor.treatment("other"), Treatment::Normal);
        assert_eq!(floor.treatment("auth"), Treatment::Refuse(None));
        assert_eq!(floor.treatment("auth"), Treatment::Refuse(None));
        assert_eq!(floor.treatment("auth"), Treatment::Normal);
    }

    #[test]
    fn a_star_treats_every_step() {
        let mut floor = Floor::new(TimeFactor::REAL);
        floor.apply(Now::default(), Fault::LoseAnswer { step: "*".into(), times: u32::MAX });
        assert_eq!(floor.treatment("anything"), Treatment::LoseAnswer);
        assert_eq!(floor.treatment("anything else"), Treatment::LoseAnswer);
    }
}
