//! A list of open orders while it is compared with what was sent, and the outcome. The rules are in `ledger`; this is what
//! they write down.

use crate::model::{ForeignOrder, GoneOrder, KeptOrder, OrderRef, Tally, UnknownOrder};
use std::collections::{BTreeMap, BTreeSet};

/// A list, compared.
pub(super) struct Compared {
    pub(super) kept: Tally<KeptOrder>,
    pub(super) gone: Tally<GoneOrder>,
    pub(super) unknown: Tally<UnknownOrder>,
    pub(super) foreign: Tally<ForeignOrder>,
    pub(super) uncovered: u64,
    pub(super) unsettled: u64,
    pub(super) forgotten: u64,
    /// Gone without the application or a kill having asked for it.
    pub(super) surprising: bool,
    /// Orders of ours on links that are gone, which a session-bound switch does not cover any more.
    pub(super) left_behind: bool,
    /// What rests and is foreign or not covered, in order: told again only when it changes.
    pub(super) strays: Vec<OrderRef>,
    pub(super) judged: BTreeSet<u64>,
}

/// The rows of a list that nobody has claimed yet.
pub(super) struct Rows {
    rows: BTreeMap<String, Vec<OrderRef>>,
}

impl Rows {
    pub(super) fn new(listed: Vec<OrderRef>) -> Self {
        let mut rows: BTreeMap<String, Vec<OrderRef>> = BTreeMap::new();
        for row in listed {
            rows.entry(row.order_id.clone()).or_default().push(row);
        }
        Self { rows }
    }

    pub(super) fn take_by_order_id(&mut self, order: &OrderRef) -> Option<OrderRef> {
        let found = self.rows.get_mut(&order.order_id).filter(|_| !order.order_id.is_empty())?;
        found.pop()
    }

    /// Only for an order whose venue id is not known: client ids need not be unique everywhere (Deribit's labels).
    pub(super) fn take_by_client_id(&mut self, order: &OrderRef) -> Option<OrderRef> {
        if order.client_id.is_empty() || !order.order_id.is_empty() {
            return None;
        }
        let same = |row: &OrderRef| row.client_id == order.client_id;
        let id = self.rows.iter().find_map(|(id, rows)| rows.iter().any(same).then(|| id.clone()))?;
        let rows = self.rows.get_mut(&id)?;
        let at = rows.iter().position(same)?;
        Some(rows.remove(at))
    }
}

impl Compared {
    pub(super) fn new() -> Self {
        Self {
            kept: Tally::default(),
            gone: Tally::default(),
            unknown: Tally::default(),
            foreign: Tally::default(),
            uncovered: 0,
            unsettled: 0,
            forgotten: 0,
            surprising: false,
            left_behind: false,
            strays: Vec::new(),
            judged: BTreeSet::new(),
        }
    }

    /// Whoever is left on the list is foreign, unless an order of ours is under way that nothing could be told by.
    pub(super) fn finish(mut self, rows: Rows, has_nameless: bool, covered: bool, forgotten: u64) -> Self {
        for order in rows.rows.into_values().flatten() {
            if has_nameless {
                self.unsettled += 1;
                continue;
            }
            self.uncovered += u64::from(!covered);
            self.strays.push(order.clone());
            self.foreign.add(ForeignOrder { order, covered });
        }
        self.strays.sort();
        self.forgotten = forgotten;
        self
    }
}
