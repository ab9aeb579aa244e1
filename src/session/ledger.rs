//! What this guard sent and heard of it: the names of orders created through its links, how far each got, and nothing
//! more. Not an order management system: no prices, no quantities, no positions. Bounded; what no longer fits is counted,
//! because then an order on the venue's list may be ours without our knowing.

use super::compared::{Compared, Rows};
use crate::model::{
    Attribution, CancelledBy, CancelledOrder, Epoch, GoneOrder, KeptOrder, Moment, OrderRef, Resolution, Tally,
    UnknownOrder,
};
use crate::venue::{Ending, OrderKey, OrderNews, OrdersIn};
use std::collections::BTreeMap;
use std::time::Duration;

/// So many orders are remembered; the oldest goes first.
pub(super) const ORDERS_MAX: usize = 4_096;
/// An answer that has not come by then is taken for lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Lists may lag behind answers, and answers behind orders: an order is judged by a list asked for this much later.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    /// By the order of their sending.
    sent: BTreeMap<u64, Sent>,
    /// Those that await an answer, by what the answer will carry.
    awaited: BTreeMap<(Epoch, OrderKey), u64>,
    /// Those whose venue id is known.
    by_order_id: BTreeMap<String, u64>,
    last: u64,
    forgotten: u64,
}

/// One order.
struct Sent {
    order: OrderRef,
    link: Epoch,
    at: Moment,
    state: State,
    cancel: Option<Cancel>,
}

/// How far it got.
#[derive(Clone, PartialEq, Eq)]
enum State {
    /// Sent, and not answered yet.
    Awaited(OrderKey),
    /// The venue took it.
    Acknowledged(Moment),
    /// Its link was lost before the answer.
    Lost(Moment),
}

/// What was done that would explain its going. The last that happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cancel {
    Application,
    Kill,
    TripTold,
    TripPresumed,
}

impl Ledger {
    /// A line that may create orders was sent.
    pub(super) fn sent(&mut self, now: Moment, link: Epoch, orders: OrdersIn) {
        self.forgotten += orders.unnamed;
        for (index, order) in orders.created.into_iter().enumerate() {
            let key = OrderKey { id: orders.id.clone(), index };
            self.last += 1;
            if let Some(older) = self.awaited.insert((link, key.clone()), self.last) {
                // The caller used an id twice: the answer can be told to belong to the later one only.
                self.lose(older, now);
            }
            self.sent.insert(self.last, Sent { order, link, at: now, state: State::Awaited(key), cancel: None });
        }
        while self.sent.len() > ORDERS_MAX {
            self.forgotten += 1;
            if let Some((serial, order)) = self.sent.pop_first() {
                self.unindex(serial, &order);
            }
        }
    }

    /// The application sent a line that cancels: whatever it names, or everything.
    pub(super) fn cancel_sent(&mut self, orders: &OrdersIn) {
        let named =
            |order: &OrderRef| orders.cancelled.iter().any(|id| *id == order.order_id || *id == order.client_id);
        let hit = self.sent.values_mut().filter(|sent| orders.cancels_all || named(&sent.order));
        hit.for_each(|sent| sent.cancel = Some(Cancel::Application));
    }

    /// A kill's cancel-all was acknowledged.
    pub(super) fn killed(&mut self) {
        let hit = self.sent.values_mut().filter(|sent| sent.cancel != Some(Cancel::Application));
        hit.for_each(|sent| sent.cancel = Some(Cancel::Kill));
    }

    /// The switch fired, or may have. Whoever cancelled before that is the better explanation.
    pub(super) fn tripped(&mut self, told: bool) {
        let cancel = if told { Cancel::TripTold } else { Cancel::TripPresumed };
        let hit = self.sent.values_mut().filter(|sent| matches!(sent.cancel, None | Some(Cancel::TripPresumed)));
        hit.for_each(|sent| sent.cancel = Some(cancel));
    }

    /// What was sent on this link and not answered will not be any more.
    pub(super) fn link_lost(&mut self, now: Moment, link: Epoch) {
        let on_link = |(serial, sent): (&u64, &Sent)| (sent.link == link).then_some(*serial);
        let lost: Vec<u64> = self.sent.iter().filter_map(on_link).collect();
        lost.into_iter().for_each(|serial| self.lose(serial, now));
    }

    /// True when nothing the venue says can concern anything sent.
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Takes what a message said; the cancellations in it are returned, except those the application asked for.
    pub(super) fn hear(&mut self, now: Moment, link: Epoch, news: Vec<OrderNews>) -> Tally<CancelledOrder> {
        let mut cancelled = Tally::default();
        for each in news {
            match each {
                OrderNews::Accepted { key, order } => self.accepted(now, link, &key, order),
                OrderNews::AllRefused { id } => self.all_refused(link, &id),
                OrderNews::Refused { key } => self.forget(self.awaited.get(&(link, key)).copied()),
                OrderNews::Ended { order, how } => {
                    if let Some(one) = self.ended(&order, how) {
                        cancelled.add(one);
                    }
                }
            }
        }
        cancelled
    }

    /// Compares a list with what was sent. `covers` says whether the switch covers orders of that link; `None` is
    /// somebody else's.
    pub(super) fn compare(
        &mut self,
        asked: Moment,
        listed: Vec<OrderRef>,
        covers: impl Fn(Option<Epoch>) -> bool,
    ) -> Compared {
        let mut compared = Compared::new();
        let mut rows = Rows::new(listed);
        let serials: Vec<u64> = self.sent.keys().copied().collect();
        for serial in serials {
            let row = self.sent.get(&serial).and_then(|sent| rows.take_by_order_id(&sent.order));
            if let Some(row) = row {
                self.rests(serial, row, &covers, &mut compared);
            }
        }
        let missing: Vec<u64> = self.sent.keys().copied().filter(|serial| !compared.judged.contains(serial)).collect();
        for serial in missing {
            let row = self.sent.get(&serial).and_then(|sent| rows.take_by_client_id(&sent.order));
            match row {
                Some(row) => self.rests(serial, row, &covers, &mut compared),
                None => self.is_missing(serial, asked, &mut compared),
            }
        }
        compared.finish(rows, self.has_nameless(), covers(None), self.forgotten)
    }

    fn accepted(&mut self, now: Moment, link: Epoch, key: &OrderKey, order: OrderRef) {
        let Some(serial) = self.awaited.remove(&(link, key.clone())) else { return };
        self.learn(serial, order);
        if let Some(sent) = self.sent.get_mut(&serial) {
            sent.state = State::Acknowledged(now);
        }
    }

    fn all_refused(&mut self, link: Epoch, id: &str) {
        let first = OrderKey { id: id.to_owned(), index: 0 };
        let of_it = self.awaited.range((link, first)..).take_while(|((on, key), _)| *on == link && key.id == id);
        let refused: Vec<u64> = of_it.map(|(_, serial)| *serial).collect();
        refused.into_iter().for_each(|serial| self.forget(Some(serial)));
    }

    fn ended(&mut self, order: &OrderRef, how: Ending) -> Option<CancelledOrder> {
        let serial = self.find(order)?;
        let sent = self.sent.get(&serial)?;
        let cancelled = match how {
            Ending::Done => None,
            Ending::Cancelled(attribution) => attributed(sent, attribution).map(|attribution| CancelledOrder {
                order: sent.order.clone(),
                link: sent.link,
                attribution,
            }),
        };
        self.forget(Some(serial));
        cancelled
    }

    /// By the venue's id; by the client's where the venue's was not told yet.
    fn find(&self, order: &OrderRef) -> Option<u64> {
        if let Some(serial) = self.by_order_id.get(&order.order_id) {
            return Some(*serial);
        }
        let same = |sent: &Sent| sent.order.order_id.is_empty() && sent.order.client_id == order.client_id;
        let named = !order.client_id.is_empty();
        self.sent.iter().find_map(|(serial, sent)| (named && same(sent)).then_some(*serial))
    }

    /// The venue lists it.
    fn rests(&mut self, serial: u64, row: OrderRef, covers: &impl Fn(Option<Epoch>) -> bool, into: &mut Compared) {
        self.learn(serial, row);
        let Some(sent) = self.sent.get_mut(&serial) else { return };
        let (order, link, covered) = (sent.order.clone(), sent.link, covers(Some(sent.link)));
        into.judged.insert(serial);
        if !covered {
            into.strays.push(order.clone());
            into.left_behind = true;
        }
        if let State::Lost(_) = sent.state {
            sent.state = State::Acknowledged(sent.at);
            into.unknown.add(UnknownOrder { order, link, resolution: Resolution::Resting });
        } else {
            into.kept.add(KeptOrder { order, link, covered });
        }
        into.uncovered += u64::from(!covered);
    }

    /// The venue does not list it.
    fn is_missing(&mut self, serial: u64, asked: Moment, into: &mut Compared) {
        let sent_at = self.sent.get(&serial).map(|sent| sent.at);
        if let Some(at) = sent_at.filter(|at| *at + ANSWER_WITHIN <= asked) {
            self.lose(serial, at);
        }
        let Some(sent) = self.sent.get(&serial) else { return };
        let (order, link) = (sent.order.clone(), sent.link);
        match sent.state {
            State::Acknowledged(at) if at + SETTLED_AFTER <= asked => {
                into.surprising |= !matches!(sent.cancel, Some(Cancel::Application | Cancel::Kill));
                into.gone.add(GoneOrder { order, link, attribution: explained(sent.cancel) });
            }
            State::Lost(at) if at + SETTLED_AFTER <= asked => {
                let resolution =
                    if order.client_id.is_empty() { Resolution::Undecided } else { Resolution::NotResting };
                self.forgotten += u64::from(resolution == Resolution::Undecided);
                into.unknown.add(UnknownOrder { order, link, resolution });
            }
            State::Acknowledged(_) | State::Lost(_) | State::Awaited(_) => {
                into.unsettled += 1;
                return;
            }
        }
        self.forget(Some(serial));
    }

    /// True while an order rests or may rest of which neither name is known to us.
    fn has_nameless(&self) -> bool {
        self.sent.values().any(|sent| sent.order.order_id.is_empty() && sent.order.client_id.is_empty())
    }

    fn learn(&mut self, serial: u64, told: OrderRef) {
        let Some(sent) = self.sent.get_mut(&serial) else { return };
        for (known, told) in [
            (&mut sent.order.order_id, told.order_id),
            (&mut sent.order.client_id, told.client_id),
            (&mut sent.order.instrument, told.instrument),
        ] {
            if known.is_empty() {
                *known = told;
            }
        }
        if !sent.order.order_id.is_empty() {
            self.by_order_id.insert(sent.order.order_id.clone(), serial);
        }
        if let State::Awaited(key) = &sent.state {
            self.awaited.remove(&(sent.link, key.clone()));
            sent.state = State::Acknowledged(sent.at);
        }
    }

    fn lose(&mut self, serial: u64, now: Moment) {
        let Some(sent) = self.sent.get_mut(&serial) else { return };
        if let State::Awaited(key) = &sent.state {
            if self.awaited.get(&(sent.link, key.clone())) == Some(&serial) {
                self.awaited.remove(&(sent.link, key.clone()));
            }
            sent.state = State::Lost(now);
        }
    }

    fn forget(&mut self, serial: Option<u64>) {
        if let Some((serial, sent)) = serial.and_then(|serial| Some((serial, self.sent.remove(&serial)?))) {
            self.unindex(serial, &sent);
        }
    }

    fn unindex(&mut self, serial: u64, sent: &Sent) {
        if self.by_order_id.get(&sent.order.order_id) == Some(&serial) {
            self.by_order_id.remove(&sent.order.order_id);
        }
        if let State::Awaited(key) = &sent.state {
            self.awaited.remove(&(sent.link, key.clone()));
        }
    }
}

/// None for what the application asked for itself. A cancel that the venue lays at the user's door while a kill or
/// nothing else of ours explains it is told as what it is.
fn attributed(sent: &Sent, told: Attribution) -> Option<Attribution> {
    match (told.by, sent.cancel) {
        (CancelledBy::User, Some(Cancel::Application)) => None,
        (CancelledBy::User | CancelledBy::Unknown, Some(Cancel::Kill)) => {
            Some(Attribution { by: CancelledBy::Kill, evidence: told.evidence })
        }
        _ => Some(told),
    }
}

/// What explains that an order is not on the list. Without a message about the order itself, a fill is never excluded.
fn explained(cancel: Option<Cancel>) -> Attribution {
    match cancel {
        Some(Cancel::Application) => {
            Attribution::new(CancelledBy::User, "the application cancelled it through this guard")
        }
        Some(Cancel::Kill) => Attribution::new(CancelledBy::Kill, "cancel-all of this guard's kill was acknowledged"),
        Some(Cancel::TripTold) => Attribution::new(CancelledBy::Switch, "the venue said that its switch fired"),
        Some(Cancel::TripPresumed) => {
            Attribution::new(CancelledBy::Unknown, "the switch is presumed to have fired; no message named this order")
        }
        None => Attribution::new(CancelledBy::Unknown, "no message named this order"),
    }
}
