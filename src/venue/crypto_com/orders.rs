//! Which orders an application's line creates or cancels on Crypto.com, and what answers and `user.order` say became of
//! them. Shapes: exchange-docs.crypto.com, `private/create-order`, `private/create-order-list`, `user.order`.

use super::wire;
use crate::model::{Attribution, CancelledBy, OrderRef};
use crate::venue::json::{Raw, read_object, text_or_empty};
use crate::venue::{Ending, OrderKey, OrderNews, OrdersIn};
use serde::Deserialize;

/// What a line of the application does to orders.
pub(super) fn within(line: &str) -> OrdersIn {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow, default)]
        id: Option<Raw<'a>>,
        #[serde(borrow)]
        method: Raw<'a>,
        #[serde(borrow, default)]
        params: Option<Raw<'a>>,
    }
    #[derive(Deserialize, Default)]
    struct List<'a> {
        #[serde(borrow, default)]
        order_list: Vec<Order<'a>>,
    }
    let Some(request) = read_object::<Request<'_>>(line) else { return OrdersIn::default() };
    let id = text_or_empty(request.id);
    let order = || request.params.and_then(Raw::read_object::<Order<'_>>).unwrap_or_default();
    let list = || request.params.and_then(Raw::read_object::<List<'_>>).unwrap_or_default().order_list;
    match request.method.text().trim().to_ascii_lowercase().as_str() {
        "private/create-order" => OrdersIn::creating(id, vec![order().names()]),
        "private/create-order-list" => OrdersIn::creating(id, list().iter().map(Order::names).collect()),
        // It keeps the order's id and replaces the client's.
        "private/amend-order" => OrdersIn::default(),
        "private/cancel-order" => OrdersIn::cancelling(id, order().names().ids()),
        "private/cancel-order-list" => {
            OrdersIn::cancelling(id, list().iter().flat_map(|order| order.names().ids()).collect())
        }
        wire::CANCEL_ALL | wire::CANCEL_ALL_ADVANCED => OrdersIn::cancelling_all(id),
        // Triggers and linked orders live in a namespace of their own, and are listed elsewhere.
        _ => OrdersIn::unnamed(id),
    }
}

/// What a message says about orders. A list of orders is answered either by one list or, on the websocket, by one answer
/// for each order under the same id: which of them an answer is about is then told by the client's id alone.
pub(super) fn news(line: &str) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        method: Option<Raw<'a>>,
        #[serde(borrow, default)]
        code: Option<Raw<'a>>,
        #[serde(borrow, default)]
        result: Option<Raw<'a>>,
    }
    let Some(message) = read_object::<Message<'_>>(line) else { return Vec::new() };
    let id = text_or_empty(message.id);
    match message.method.map(Raw::bare) {
        Some("subscribe") => message.result.map(channel).unwrap_or_default(),
        Some("private/create-order") => single(id, message.code.map(Raw::bare), message.result),
        Some("private/create-order-list") => message.result.map(|result| legs(&id, result)).unwrap_or_default(),
        Some(_) | None => Vec::new(),
    }
}

fn single(id: String, code: Option<&str>, result: Option<Raw<'_>>) -> Vec<OrderNews> {
    let key = OrderKey { id, index: 0 };
    match code {
        Some("0") => {
            let order = result.and_then(Raw::read_object::<Order<'_>>).unwrap_or_default().names();
            vec![OrderNews::Accepted { key, order }]
        }
        Some(_) => vec![OrderNews::AllRefused { id: key.id }],
        None => Vec::new(),
    }
}

fn legs(id: &str, result: Raw<'_>) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Listed<'a> {
        #[serde(borrow)]
        result_list: Vec<Order<'a>>,
    }
    let legs = result
        .read::<Vec<Order<'_>>>()
        .or_else(|| result.read_object::<Listed<'_>>().map(|listed| listed.result_list))
        .unwrap_or_default();
    let leg = |(index, leg): (usize, Order<'_>)| {
        let key = OrderKey { id: id.to_owned(), index };
        match leg.code.map(Raw::bare) {
            Some("0") | None => OrderNews::Accepted { key, order: leg.names() },
            Some(_) => OrderNews::Refused { key },
        }
    };
    legs.into_iter().enumerate().map(leg).collect()
}

fn channel(result: Raw<'_>) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Push<'a> {
        #[serde(borrow)]
        channel: Raw<'a>,
        #[serde(borrow)]
        data: Raw<'a>,
    }
    let Some(push) = result.read_object::<Push<'_>>() else { return Vec::new() };
    if !push.channel.bare().starts_with("user.order") {
        return Vec::new();
    }
    push.data.read::<Vec<Order<'_>>>().unwrap_or_default().iter().filter_map(Order::ended).collect()
}

#[derive(Deserialize, Default)]
struct Order<'a> {
    #[serde(borrow, default)]
    order_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    client_oid: Option<Raw<'a>>,
    #[serde(borrow, default)]
    instrument_name: Option<Raw<'a>>,
    #[serde(borrow, default)]
    status: Option<Raw<'a>>,
    #[serde(borrow, default)]
    reason: Option<Raw<'a>>,
    #[serde(borrow, default)]
    code: Option<Raw<'a>>,
}

impl Order<'_> {
    fn names(&self) -> OrderRef {
        OrderRef {
            order_id: text_or_empty(self.order_id),
            client_id: text_or_empty(self.client_oid),
            instrument: text_or_empty(self.instrument_name),
        }
    }

    fn ended(&self) -> Option<OrderNews> {
        let how = match self.status?.bare() {
            "FILLED" | "REJECTED" | "EXPIRED" => Ending::Done,
            "CANCELED" => Ending::Cancelled(attribution(&text_or_empty(self.reason))),
            _ => return None,
        };
        Some(OrderNews::Ended { order: self.names(), how })
    }
}

/// Pushes carry no reason, and no code is known for cancel-on-disconnect; 43012 is self-trade prevention (response and
/// reason codes).
fn attribution(reason: &str) -> Attribution {
    match reason {
        "43012" => Attribution::new(CancelledBy::Venue, "reason 43012 SELF_TRADE_PREVENTION"),
        "" => Attribution::new(CancelledBy::Unknown, "status CANCELED, no reason"),
        other => Attribution::new(CancelledBy::Unknown, &format!("status CANCELED, reason {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_and_cancelled_is_named() {
        let made = within(
            r#"{"id":7,"method":"private/create-order","params":{"instrument_name":"BTC_USD","client_oid":"a"},"nonce":1}"#,
        );
        assert_eq!((made.id.as_str(), made.created[0].client_id.as_str()), ("7", "a"));
        let list = within(
            r#"{"id":8,"method":"private/create-order-list","params":{"contingency_type":"LIST","order_list":[{"client_oid":"a"},{"client_oid":"b"}]}}"#,
        );
        assert_eq!(list.created.iter().map(|order| order.client_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let cancel = r#"{"id":9,"method":"private/cancel-order-list","params":{"order_list":[{"order_id":"1"},{"order_id":"2","client_oid":null}]}}"#;
        assert_eq!(within(cancel).cancelled, ["1", "2"]);
        assert!(within(r#"{"id":9,"method":"private/cancel-all-orders","params":{}}"#).cancels_all);
        assert_eq!(within(r#"{"id":9,"method":"private/advanced/create-order","params":{}}"#).unnamed, 1);
    }

    #[test]
    fn answers_and_pushes_say_what_became_of_an_order() {
        let key = |index| OrderKey { id: "7".into(), index };
        let yes =
            r#"{"id":7,"method":"private/create-order","code":0,"result":{"client_oid":"a","order_id":"18342311"}}"#;
        assert!(
            matches!(&news(yes)[..], [OrderNews::Accepted { key: k, order }] if *k == key(0) && order.order_id == "18342311")
        );
        let no = r#"{"id":7,"method":"private/create-order","code":306,"message":"INSUFFICIENT_AVAILABLE_BALANCE"}"#;
        assert_eq!(news(no), [OrderNews::AllRefused { id: "7".into() }]);
        let legs = r#"{"id":7,"method":"private/create-order-list","code":0,"result":[{"code":0,"index":0,"order_id":"1"},{"code":306,"index":1}]}"#;
        assert!(matches!(&news(legs)[..], [OrderNews::Accepted { .. }, OrderNews::Refused { key: k }] if *k == key(1)));
        let push = |status: &str| {
            format!(
                r#"{{"id":-1,"method":"subscribe","code":0,"result":{{"subscription":"user.order.CRO_USD","channel":"user.order","data":[{{"order_id":"1","status":"{status}"}}]}}}}"#
            )
        };
        assert!(matches!(&news(&push("FILLED"))[..], [OrderNews::Ended { how: Ending::Done, .. }]));
        let cancelled = news(&push("CANCELED"));
        let [OrderNews::Ended { how: Ending::Cancelled(told), .. }] = &cancelled[..] else { panic!() };
        assert_eq!(told.by, CancelledBy::Unknown);
        assert_eq!(news(&push("ACTIVE")), []);
    }
}
