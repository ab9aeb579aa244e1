//! Which orders an application's line creates or cancels on Bybit, and what answers and the `order` topic say became of
//! them. Shapes: v5/websocket/trade/guideline, v5/websocket/private/order, v5/enum#canceltype.

use crate::model::{Attribution, CancelledBy, OrderRef};
use crate::venue::json::{Raw, read_object, text_or_empty};
use crate::venue::{Ending, OrderKey, OrderNews, OrdersIn};
use serde::Deserialize;

/// What a line of the application does to orders.
pub(super) fn within(line: &str) -> OrdersIn {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        op: Raw<'a>,
        #[serde(borrow, rename = "reqId", default)]
        id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        args: Option<Raw<'a>>,
    }
    #[derive(Deserialize, Default)]
    struct Batch<'a> {
        #[serde(borrow, default)]
        request: Vec<Order<'a>>,
    }
    let Some(request) = read_object::<Request<'_>>(line) else { return OrdersIn::default() };
    let id = text_or_empty(request.id);
    let args = || request.args.and_then(Raw::read::<Vec<Raw<'_>>>).unwrap_or_default().into_iter().next();
    let order = || args().and_then(Raw::read_object::<Order<'_>>).unwrap_or_default();
    let batch = || args().and_then(Raw::read_object::<Batch<'_>>).unwrap_or_default().request;
    match request.op.text().trim().to_ascii_lowercase().as_str() {
        "order.create" => OrdersIn::creating(id, vec![order().names()]),
        "order.create-batch" => OrdersIn::creating(id, batch().iter().map(Order::names).collect()),
        "order.amend" | "order.amend-batch" => OrdersIn::default(),
        "order.cancel" => OrdersIn::cancelling(id, order().names().ids()),
        "order.cancel-batch" => {
            OrdersIn::cancelling(id, batch().iter().flat_map(|order| order.names().ids()).collect())
        }
        op if op.starts_with("order.cancel") => OrdersIn::cancelling_all(id),
        _ => OrdersIn::unnamed(id),
    }
}

/// What a message says about orders.
pub(super) fn news(line: &str) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, rename = "reqId", default)]
        id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        op: Option<Raw<'a>>,
        #[serde(borrow, rename = "retCode", default)]
        code: Option<Raw<'a>>,
        #[serde(borrow, rename = "retExtInfo", default)]
        items: Option<Raw<'a>>,
        #[serde(borrow, default)]
        topic: Option<Raw<'a>>,
        #[serde(borrow, default)]
        data: Option<Raw<'a>>,
    }
    let Some(message) = read_object::<Message<'_>>(line) else { return Vec::new() };
    let id = text_or_empty(message.id);
    let accepted = message.code.map(Raw::bare) == Some("0");
    match (message.topic.map(Raw::bare), message.op.map(Raw::bare)) {
        (Some(topic), _) if topic == "order" || topic.starts_with("order.") => {
            let rows = message.data.and_then(Raw::read::<Vec<Order<'_>>>).unwrap_or_default();
            rows.iter().filter_map(Order::ended).collect()
        }
        (None, Some("order.create")) if accepted => {
            let order = message.data.and_then(Raw::read_object::<Order<'_>>).unwrap_or_default().names();
            vec![OrderNews::Accepted { key: OrderKey { id, index: 0 }, order }]
        }
        (None, Some("order.create-batch")) if accepted => batch(&id, message.data, message.items),
        (None, Some("order.create" | "order.create-batch")) => vec![OrderNews::AllRefused { id }],
        (Some(_) | None, _) => Vec::new(),
    }
}

/// Results of a batch are aligned by position, in two lists, while the code of the whole is 0.
fn batch(id: &str, data: Option<Raw<'_>>, items: Option<Raw<'_>>) -> Vec<OrderNews> {
    #[derive(Deserialize, Default)]
    struct Listed<'a> {
        #[serde(borrow, default)]
        list: Vec<Order<'a>>,
    }
    let list =
        |raw: Option<Raw<'_>>| raw.and_then(|raw| raw.read_object::<Listed<'_>>()).unwrap_or_default().list.len();
    let orders = data.and_then(Raw::read_object::<Listed<'_>>).unwrap_or_default().list;
    let codes = items.and_then(Raw::read_object::<Listed<'_>>).unwrap_or_default().list;
    let count = list(data).max(list(items));
    let each = |index: usize| {
        let key = OrderKey { id: id.to_owned(), index };
        match codes.get(index).and_then(|item| item.code).map(Raw::bare) {
            Some("0") | None => {
                OrderNews::Accepted { key, order: orders.get(index).map(Order::names).unwrap_or_default() }
            }
            Some(_) => OrderNews::Refused { key },
        }
    };
    (0..count).map(each).collect()
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Order<'a> {
    #[serde(borrow, default)]
    order_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    order_link_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    symbol: Option<Raw<'a>>,
    #[serde(borrow, default)]
    order_status: Option<Raw<'a>>,
    #[serde(borrow, default)]
    cancel_type: Option<Raw<'a>>,
    #[serde(borrow, default)]
    code: Option<Raw<'a>>,
}

impl Order<'_> {
    fn names(&self) -> OrderRef {
        OrderRef {
            order_id: text_or_empty(self.order_id),
            client_id: text_or_empty(self.order_link_id),
            instrument: text_or_empty(self.symbol),
        }
    }

    /// The status decides: a cancel that lost the race to a fill carries a `cancelType` too (v5 private order).
    fn ended(&self) -> Option<OrderNews> {
        let how = match self.order_status?.bare() {
            "Filled" | "Rejected" | "Deactivated" => Ending::Done,
            "Cancelled" | "PartiallyFilledCanceled" => Ending::Cancelled(attribution(&text_or_empty(self.cancel_type))),
            _ => return None,
        };
        Some(OrderNews::Ended { order: self.names(), how })
    }
}

/// `cancelType`, an open set: v5/enum.
fn attribution(kind: &str) -> Attribution {
    const VENUE: [&str; 20] = [
        "CancelByReduceOnly",
        "CancelByPrepareLiq",
        "CancelAllBeforeLiq",
        "CancelByPrepareAdl",
        "CancelAllBeforeAdl",
        "CancelByAdmin",
        "CancelBySettle",
        "CancelByTpSlTsClear",
        "CancelBySmp",
        "CancelByRebalance",
        "CancelByOCOTpCanceledBySlTriggered",
        "CancelByOCOSlCanceledByTpTriggered",
        "CancelByCannotAffordOrderCost",
        "CancelByPmTrialMmOverEquity",
        "CancelByAccountBlocking",
        "CancelByDelivery",
        "CancelByMmpTriggered",
        "CancelByCrossSelfMuch",
        "CancelByCrossReachMaxTradeNum",
        "CancelByPzSideCh",
    ];
    let by = match kind {
        "CancelByUser" => CancelledBy::User,
        "CancelByDCP" => CancelledBy::Switch,
        _ if VENUE.contains(&kind) => CancelledBy::Venue,
        _ => CancelledBy::Unknown,
    };
    let evidence = if kind.is_empty() { "no cancelType".to_owned() } else { format!("cancelType {kind}") };
    Attribution::new(by, &evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_and_cancelled_is_named() {
        let one = within(
            r#"{"reqId":"k-1","op":"order.create","args":[{"category":"linear","symbol":"BTCUSDT","orderLinkId":"a"}]}"#,
        );
        assert_eq!((one.id.as_str(), one.created[0].client_id.as_str(), one.created.len()), ("k-1", "a", 1));
        let two = within(
            r#"{"reqId":"k","op":"order.create-batch","args":[{"category":"linear","request":[{"symbol":"A"},{"symbol":"B"}]}]}"#,
        );
        assert_eq!(two.created.len(), 2);
        let cancel = within(r#"{"op":"order.cancel","args":[{"orderId":"1","orderLinkId":"a"}]}"#);
        assert_eq!(cancel.cancelled, ["1", "a"]);
        assert_eq!(within(r#"{"op":"order.new-thing","args":[{}]}"#).unnamed, 1);
    }

    #[test]
    fn answers_are_told_apart_item_by_item() {
        let key = |index| OrderKey { id: "k".into(), index };
        let yes =
            r#"{"reqId":"k","retCode":0,"retMsg":"OK","op":"order.create","data":{"orderId":"1","orderLinkId":"a"}}"#;
        assert!(
            matches!(&news(yes)[..], [OrderNews::Accepted { key: k, order }] if *k == key(0) && order.order_id == "1")
        );
        let no = r#"{"reqId":"k","retCode":170131,"retMsg":"","op":"order.create","data":{}}"#;
        assert_eq!(news(no), [OrderNews::AllRefused { id: "k".into() }]);
        let batch = r#"{"reqId":"k","retCode":0,"op":"order.create-batch","data":{"list":[{"orderId":"1"},{"orderId":""}]},"retExtInfo":{"list":[{"code":0,"msg":"OK"},{"code":10001,"msg":"x"}]}}"#;
        assert!(
            matches!(&news(batch)[..], [OrderNews::Accepted { .. }, OrderNews::Refused { key: k }] if *k == key(1))
        );
    }

    #[test]
    fn the_status_decides_and_the_cancel_type_says_who() {
        let row = |status: &str, kind: &str| {
            news(&format!(
                r#"{{"id":"s","topic":"order","data":[{{"orderId":"1","orderStatus":"{status}","cancelType":"{kind}"}}]}}"#
            ))
        };
        assert!(matches!(&row("Filled", "CancelByUser")[..], [OrderNews::Ended { how: Ending::Done, .. }]));
        for (kind, by) in [
            ("CancelByDCP", CancelledBy::Switch),
            ("CancelByUser", CancelledBy::User),
            ("CancelByAdmin", CancelledBy::Venue),
            ("UNKNOWN", CancelledBy::Unknown),
        ] {
            let told = row("Cancelled", kind);
            let [OrderNews::Ended { how: Ending::Cancelled(told), .. }] = &told[..] else { panic!("{told:?}") };
            assert_eq!(told.by, by, "{kind}");
        }
    }
}
