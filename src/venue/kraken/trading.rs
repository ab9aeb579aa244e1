//! Which orders an application's line creates or cancels on Kraken, and what answers and `executions` say became of them.
//! Shapes: docs.kraken.com, spot-websocket-v2 `add_order`, `batch_add`, `edit_order`, `cancel_order`, `executions`.

use super::wire::{self, Frame, Verdict};
use crate::model::{Attribution, CancelledBy, OrderRef};
use crate::venue::json::{Raw, read_object, text_or_empty};
use crate::venue::{Ending, OrderKey, OrderNews, OrdersIn};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a line of the application does to orders.
pub(super) fn within(line: &str) -> OrdersIn {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        method: Raw<'a>,
        #[serde(borrow, default)]
        req_id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        params: Option<Raw<'a>>,
    }
    #[derive(Deserialize, Default)]
    struct Params<'a> {
        #[serde(borrow, default)]
        symbol: Option<Raw<'a>>,
        #[serde(borrow, default)]
        cl_ord_id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        order_id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        order_userref: Option<Raw<'a>>,
        #[serde(borrow, default)]
        orders: Option<Raw<'a>>,
        #[serde(borrow, default)]
        validate: Option<Raw<'a>>,
    }
    let Some(request) = read_object::<Request<'_>>(line) else { return OrdersIn::default() };
    let id = text_or_empty(request.req_id);
    let params = request.params.and_then(Raw::read_object::<Params<'_>>).unwrap_or_default();
    if params.validate.and_then(Raw::as_bool) == Some(true) {
        return OrdersIn::default();
    }
    let named = |client_id| OrderRef { order_id: String::new(), client_id, instrument: text_or_empty(params.symbol) };
    match request.method.text().trim().to_ascii_lowercase().as_str() {
        "add_order" => OrdersIn::creating(id, vec![named(text_or_empty(params.cl_ord_id))]),
        // It puts a new order, with a new id, in the place of the old one.
        "edit_order" => OrdersIn {
            id,
            created: vec![named(text_or_empty(params.cl_ord_id))],
            cancelled: texts(params.order_id),
            ..OrdersIn::default()
        },
        "batch_add" => {
            let rows = params.orders.and_then(Raw::read::<Vec<Row<'_>>>).unwrap_or_default();
            OrdersIn::creating(id, rows.iter().map(|row| named(text_or_empty(row.cl_ord_id))).collect())
        }
        "amend_order" => OrdersIn::default(),
        wire::CANCEL_ORDER | "batch_cancel" => {
            let ids = [params.order_id, params.cl_ord_id, params.orders];
            let cancelled = ids.into_iter().flat_map(texts).collect();
            // A reference of the user's own names any number of orders.
            OrdersIn { id, cancelled, cancels_all: params.order_userref.is_some(), ..OrdersIn::default() }
        }
        wire::CANCEL_ALL => OrdersIn::cancelling_all(id),
        _ => OrdersIn::unnamed(id),
    }
}

/// What a message says about orders.
pub(super) fn news(line: &str) -> Vec<OrderNews> {
    let Some(frame) = Frame::read(line) else { return Vec::new() };
    if frame.channel.is_some_and(|channel| channel.bare() == wire::EXECUTIONS) {
        let rows = frame.data.and_then(Raw::read::<Vec<Row<'_>>>).unwrap_or_default();
        return rows.iter().filter_map(Row::ended).collect();
    }
    let Some(id) = frame.id() else { return Vec::new() };
    let creates = ["add_order", "edit_order", "batch_add"].into_iter().any(|method| frame.answers(method));
    if !creates {
        return Vec::new();
    }
    let key = |index| OrderKey { id: id.to_string(), index };
    let rows =
        frame.result.and_then(|result| result.read::<Vec<Row<'_>>>().or_else(|| Some(vec![result.read_object()?])));
    match (frame.verdict(), rows) {
        (Verdict::Yes, Some(rows)) => rows.iter().enumerate().map(|(index, row)| row.answered(key(index))).collect(),
        (Verdict::No(_), Some(rows)) if rows.len() > 1 => {
            rows.iter().enumerate().map(|(index, row)| row.answered(key(index))).collect()
        }
        (Verdict::No(_), _) => vec![OrderNews::AllRefused { id: id.to_string() }],
        (Verdict::Yes | Verdict::Unsaid, _) => Vec::new(),
    }
}

/// `result.open` maps each order's id to the order. Without that map nothing is known, not "none".
pub(super) fn read_open_orders(result: Raw<'_>) -> Option<Vec<OrderRef>> {
    #[derive(Deserialize)]
    struct Listing<'a> {
        #[serde(borrow)]
        open: BTreeMap<Cow<'a, str>, Row<'a>>,
    }
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        cl_ord_id: Option<Raw<'a>>,
        #[serde(borrow)]
        descr: Option<Description<'a>>,
    }
    #[derive(Deserialize)]
    struct Description<'a> {
        #[serde(borrow)]
        pair: Option<Raw<'a>>,
    }
    let open = result.read::<Listing<'_>>()?.open;
    let order = |(id, row): (Cow<'_, str>, Row<'_>)| OrderRef {
        order_id: id.into_owned(),
        client_id: text_or_empty(row.cl_ord_id),
        instrument: text_or_empty(row.descr.and_then(|descr| descr.pair)),
    };
    Some(open.into_iter().map(order).collect())
}

#[derive(Deserialize, Default)]
struct Row<'a> {
    #[serde(borrow, default)]
    order_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    cl_ord_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    symbol: Option<Raw<'a>>,
    #[serde(borrow, default)]
    order_status: Option<Raw<'a>>,
    #[serde(borrow, default)]
    reason: Option<Raw<'a>>,
    #[serde(borrow, default)]
    error: Option<Raw<'a>>,
}

impl Row<'_> {
    fn names(&self) -> OrderRef {
        OrderRef {
            order_id: text_or_empty(self.order_id),
            client_id: text_or_empty(self.cl_ord_id),
            instrument: text_or_empty(self.symbol),
        }
    }

    /// A row of a batch that was rejected has an error, while its siblings stand.
    fn answered(&self, key: OrderKey) -> OrderNews {
        match self.error {
            Some(_) => OrderNews::Refused { key },
            None => OrderNews::Accepted { key, order: self.names() },
        }
    }

    fn ended(&self) -> Option<OrderNews> {
        let how = match self.order_status?.bare() {
            "filled" | "expired" => Ending::Done,
            "canceled" => Ending::Cancelled(attribution(&text_or_empty(self.reason))),
            _ => return None,
        };
        Some(OrderNews::Ended { order: self.names(), how })
    }
}

/// `reason` is free text, and two of its values are known from captures. What the timer writes there is not known, so
/// that text, like every other, says nothing about who it was.
fn attribution(reason: &str) -> Attribution {
    let by = match reason {
        "User requested" => CancelledBy::User,
        "Post only order" => CancelledBy::Venue,
        "" => return Attribution::new(CancelledBy::Unknown, "order_status canceled, no reason"),
        _ => CancelledBy::Unknown,
    };
    Attribution::new(by, &format!("reason {reason}"))
}

/// One id, or a list of them.
fn texts(value: Option<Raw<'_>>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    let list = value.read::<Vec<Raw<'_>>>().unwrap_or_else(|| vec![value]);
    list.into_iter().map(|one| text_or_empty(Some(one))).filter(|id| !id.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_and_cancelled_is_named() {
        let one = within(r#"{"method":"add_order","params":{"symbol":"BTC/USD","cl_ord_id":"a"},"req_id":7}"#);
        assert_eq!((one.id.as_str(), one.created[0].client_id.as_str()), ("7", "a"));
        let batch = within(
            r#"{"method":"batch_add","params":{"symbol":"BTC/USD","orders":[{"cl_ord_id":"a"},{}]},"req_id":8}"#,
        );
        assert_eq!(batch.created.len(), 2);
        assert_eq!(batch.created[1].instrument, "BTC/USD");
        let cancel = within(r#"{"method":"cancel_order","params":{"order_id":["A","B"]},"req_id":9}"#);
        assert_eq!(cancel.cancelled, ["A", "B"]);
        assert!(within(r#"{"method":"cancel_all","params":{},"req_id":9}"#).cancels_all);
        let edit = within(r#"{"method":"edit_order","params":{"order_id":"A","symbol":"BTC/USD"},"req_id":9}"#);
        assert_eq!((edit.created.len(), edit.cancelled), (1, vec!["A".to_owned()]));
        assert_eq!(within(r#"{"method":"add_order","params":{"validate":true},"req_id":9}"#), OrdersIn::default());
        assert_eq!(within(r#"{"method":"brand_new","params":{},"req_id":9}"#).unnamed, 1);
    }

    #[test]
    fn answers_are_told_apart_row_by_row() {
        let key = |index| OrderKey { id: "7".into(), index };
        let yes = r#"{"method":"add_order","req_id":7,"result":{"order_id":"A","cl_ord_id":"a"},"success":true}"#;
        assert!(
            matches!(&news(yes)[..], [OrderNews::Accepted { key: k, order }] if *k == key(0) && order.order_id == "A")
        );
        let no = r#"{"method":"add_order","req_id":7,"error":"EOrder:Insufficient funds","success":false}"#;
        assert_eq!(news(no), [OrderNews::AllRefused { id: "7".into() }]);
        let rows =
            r#"{"method":"batch_add","req_id":7,"result":[{"order_id":"A"},{"error":"EOrder:x"}],"success":true}"#;
        assert!(matches!(&news(rows)[..], [OrderNews::Accepted { .. }, OrderNews::Refused { key: k }] if *k == key(1)));
    }

    #[test]
    fn only_reasons_seen_in_captures_say_who_it_was() {
        for (reason, by) in [
            ("User requested", CancelledBy::User),
            ("Post only order", CancelledBy::Venue),
            ("Cancelled by timer", CancelledBy::Unknown),
        ] {
            let line = format!(
                r#"{{"channel":"executions","type":"update","data":[{{"order_id":"A","order_status":"canceled","reason":"{reason}"}}]}}"#
            );
            let [OrderNews::Ended { how: Ending::Cancelled(told), .. }] = &news(&line)[..] else { panic!() };
            assert_eq!((told.by, told.evidence.as_str()), (by, format!("reason {reason}").as_str()));
        }
    }
}
