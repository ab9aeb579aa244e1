//! The account's open orders as the `executions` channel tells them on one link. A view for comparing and for proving a
//! kill, not order management: ids and instruments only, and "unknown" as soon as a message may be missing.

use super::wire::Frame;
use crate::venue::OpenOrder;
use crate::venue::json::Raw;
use serde::Deserialize;
use std::collections::BTreeMap;

/// With more open orders than this the view is unknown; HTTP still lists them.
const ORDERS_MAX: usize = 20_000;

/// What is known about open orders on one link.
#[derive(Default)]
pub(super) struct OpenOrders {
    /// `None` before the snapshot and after a hole in the sequence.
    open: Option<BTreeMap<String, OpenOrder>>,
    last_execution: Option<u64>,
    /// One client library says that `executions` and `balances` count together on a connection, no page says so; the
    /// sequence counts as whole when either reading of it has no hole.
    last_any: Option<u64>,
}

impl OpenOrders {
    /// The open orders, when they are known.
    pub(super) fn list(&self) -> Option<Vec<OpenOrder>> {
        Some(self.open.as_ref()?.values().cloned().collect())
    }

    /// A data message of any other channel.
    pub(super) fn hear_other(&mut self, frame: &Frame<'_>) {
        self.last_any = frame.sequence().or(self.last_any);
    }

    /// A message of the `executions` channel.
    pub(super) fn hear(&mut self, frame: &Frame<'_>) {
        let whole = self.is_next(frame.sequence());
        let rows = frame.data.and_then(|data| data.read::<Vec<Row<'_>>>());
        if frame.is_snapshot() {
            self.open = Some(BTreeMap::new());
        } else if !whole {
            self.open = None;
        }
        match (rows, &mut self.open) {
            (Some(rows), Some(open)) => rows.into_iter().for_each(|row| row.apply(open)),
            (Some(_), None) => {}
            (None, _) => self.open = None,
        }
        if self.open.as_ref().is_some_and(|open| open.len() > ORDERS_MAX) {
            self.open = None;
        }
    }

    fn is_next(&mut self, sequence: Option<u64>) -> bool {
        let Some(sequence) = sequence else { return true };
        let follows = |last: Option<u64>| last.is_none_or(|last| last.checked_add(1) == Some(sequence));
        let whole = follows(self.last_execution) || follows(self.last_any);
        self.last_execution = Some(sequence);
        self.last_any = Some(sequence);
        whole
    }
}

/// One order's news. Updates are thin: `new` and `canceled` carry neither symbol nor client id.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    order_id: Option<Raw<'a>>,
    #[serde(borrow)]
    cl_ord_id: Option<Raw<'a>>,
    #[serde(borrow)]
    symbol: Option<Raw<'a>>,
    #[serde(borrow)]
    order_status: Option<Raw<'a>>,
}

impl Row<'_> {
    fn apply(self, open: &mut BTreeMap<String, OpenOrder>) {
        let Some(id) = self.order_id.map(|id| id.text().into_owned()) else { return };
        let is_open = match self.order_status.map(Raw::bare) {
            Some("pending_new" | "new" | "partially_filled") => true,
            Some("filled" | "canceled" | "expired") => false,
            // A status nobody documented leaves a known order where it is: open is the careful reading.
            Some(_) | None => open.contains_key(&id),
        };
        if !is_open {
            open.remove(&id);
            return;
        }
        let empty = || OpenOrder { order_id: id.clone(), client_id: String::new(), instrument: String::new() };
        let order = open.entry(id.clone()).or_insert_with(empty);
        if let Some(client_id) = self.cl_ord_id {
            order.client_id = client_id.text().into_owned();
        }
        if let Some(symbol) = self.symbol {
            order.instrument = symbol.text().into_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(view: &OpenOrders) -> Option<Vec<String>> {
        Some(view.list()?.into_iter().map(|order| order.order_id).collect())
    }

    fn hear(view: &mut OpenOrders, line: &str) {
        view.hear(&Frame::read(line).unwrap());
    }

    fn row(view: &mut OpenOrders, sequence: u64, id: &str, status: &str) {
        let rows = format!(r#"[{{"order_id":"{id}","order_status":"{status}"}}]"#);
        hear(view, &format!(r#"{{"channel":"executions","type":"update","data":{rows},"sequence":{sequence}}}"#));
    }

    const SNAPSHOT: &str = r#"{"channel":"executions","type":"snapshot","sequence":1,"data":[
        {"order_id":"A","symbol":"BTC/USD","cl_ord_id":"mine","order_status":"new"},
        {"order_id":"F","symbol":"BTC/USD","order_status":"filled"}]}"#;

    #[test]
    fn nothing_is_known_before_the_snapshot() {
        let mut view = OpenOrders::default();
        assert_eq!(view.list(), None);
        row(&mut view, 5, "B", "new");
        assert_eq!(view.list(), None);
    }

    #[test]
    fn the_snapshot_and_what_follows_are_one_list() {
        let mut view = OpenOrders::default();
        hear(&mut view, SNAPSHOT);
        row(&mut view, 2, "B", "pending_new");
        row(&mut view, 3, "A", "partially_filled");
        row(&mut view, 4, "B", "canceled");
        let order = OpenOrder { order_id: "A".into(), client_id: "mine".into(), instrument: "BTC/USD".into() };
        assert_eq!(view.list(), Some(vec![order]));
    }

    #[test]
    fn a_hole_in_the_sequence_makes_the_list_unknown_until_the_next_snapshot() {
        let mut view = OpenOrders::default();
        hear(&mut view, SNAPSHOT);
        row(&mut view, 3, "A", "canceled");
        assert_eq!(view.list(), None);
        hear(&mut view, &SNAPSHOT.replace(r#""sequence":1"#, r#""sequence":9"#));
        assert_eq!(ids(&view), Some(vec!["A".to_owned()]));
    }

    #[test]
    fn a_sequence_shared_with_balances_has_no_hole() {
        let mut view = OpenOrders::default();
        hear(&mut view, SNAPSHOT);
        view.hear_other(&Frame::read(r#"{"channel":"balances","type":"update","data":[],"sequence":2}"#).unwrap());
        row(&mut view, 3, "B", "new");
        assert_eq!(ids(&view), Some(vec!["A".to_owned(), "B".to_owned()]));
    }

    #[test]
    fn an_unreadable_message_makes_the_list_unknown() {
        let mut view = OpenOrders::default();
        hear(&mut view, SNAPSHOT);
        hear(&mut view, r#"{"channel":"executions","type":"update","data":7,"sequence":2}"#);
        assert_eq!(view.list(), None);
    }
}
