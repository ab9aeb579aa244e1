//! Which orders an application's line creates or cancels on Deribit, and what answers and channels say became of them.
//! Shapes: docs.deribit.com, `private/buy`, `private/cancel`, `user.orders.{}`, `user.changes.{}`.

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
    let Some(request) = read_object::<Request<'_>>(line) else { return OrdersIn::default() };
    let id = text_or_empty(request.id);
    let order = request.params.and_then(Raw::read_object::<Order<'_>>).unwrap_or_default();
    let method = request.method.text().trim().to_ascii_lowercase();
    match method.as_str() {
        "private/buy" | "private/sell" => OrdersIn::creating(id, vec![order.names()]),
        // They keep the order and its id: articles/order-management.
        "private/edit" | "private/edit_by_label" => OrdersIn::default(),
        "private/cancel" => OrdersIn::cancelling(id, vec![text_or_empty(order.order_id)]),
        "private/cancel_by_label" => OrdersIn::cancelling(id, vec![text_or_empty(order.label)]),
        _ if method.starts_with(wire::CANCEL) => OrdersIn::cancelling_all(id),
        _ => OrdersIn::unnamed(id),
    }
}

/// What a message says about orders.
pub(super) fn news(line: &str) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        id: Option<Raw<'a>>,
        #[serde(borrow, default)]
        result: Option<Raw<'a>>,
        #[serde(borrow, default)]
        error: Option<Raw<'a>>,
        #[serde(borrow, default)]
        params: Option<wire::Notification<'a>>,
    }
    let Some(message) = read_object::<Message<'_>>(line) else { return Vec::new() };
    match (message.id, message.params) {
        (Some(id), _) => answer(id.text().into_owned(), message.result, message.error.is_some()),
        (None, Some(told)) => channel(&told),
        (None, None) => Vec::new(),
    }
}

fn answer(id: String, result: Option<Raw<'_>>, refused: bool) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Placed<'a> {
        #[serde(borrow)]
        order: Raw<'a>,
    }
    let key = OrderKey { id, index: 0 };
    if refused {
        return vec![OrderNews::AllRefused { id: key.id }];
    }
    let placed = result.and_then(Raw::read_object::<Placed<'_>>);
    if let Some(order) = placed.and_then(|placed| placed.order.read_object::<Order<'_>>()) {
        let accepted = OrderNews::Accepted { key, order: order.names() };
        return std::iter::once(accepted).chain(order.ended()).collect();
    }
    // A cancel is answered with the bare order.
    result.and_then(Raw::read_object::<Order<'_>>).and_then(|order| order.ended()).into_iter().collect()
}

fn channel(told: &wire::Notification<'_>) -> Vec<OrderNews> {
    #[derive(Deserialize)]
    struct Changes<'a> {
        #[serde(borrow)]
        orders: Vec<Order<'a>>,
    }
    let name = told.channel.text();
    let orders = if name.starts_with("user.orders.") {
        // Raw channels tell one order, grouped ones a list.
        told.data.read::<Vec<Order<'_>>>().or_else(|| Some(vec![told.data.read_object::<Order<'_>>()?]))
    } else if name.starts_with("user.changes.") {
        told.data.read_object::<Changes<'_>>().map(|changes| changes.orders)
    } else {
        None
    };
    orders.into_iter().flatten().filter_map(|order| order.ended()).collect()
}

#[derive(Deserialize, Default)]
struct Order<'a> {
    #[serde(borrow, default)]
    order_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    label: Option<Raw<'a>>,
    #[serde(borrow, default)]
    instrument_name: Option<Raw<'a>>,
    #[serde(borrow, default)]
    order_state: Option<Raw<'a>>,
    #[serde(borrow, default)]
    cancel_reason: Option<Raw<'a>>,
}

impl Order<'_> {
    fn names(&self) -> OrderRef {
        OrderRef {
            order_id: text_or_empty(self.order_id),
            client_id: text_or_empty(self.label),
            instrument: text_or_empty(self.instrument_name),
        }
    }

    fn ended(&self) -> Option<OrderNews> {
        let how = match self.order_state?.bare() {
            "filled" | "rejected" => Ending::Done,
            "cancelled" => Ending::Cancelled(attribution(&text_or_empty(self.cancel_reason))),
            _ => return None,
        };
        Some(OrderNews::Ended { order: self.names(), how })
    }
}

/// `cancel_reason`, an open set: order-management, "Order cancel reasons".
fn attribution(reason: &str) -> Attribution {
    let by = match reason {
        "user_request" => CancelledBy::User,
        "cancel_on_disconnect" => CancelledBy::Switch,
        "" => return Attribution::new(CancelledBy::Unknown, "order_state cancelled, no cancel_reason"),
        "autoliquidation"
        | "risk_mitigation"
        | "pme_risk_reduction"
        | "pme_account_locked"
        | "position_locked"
        | "mmp_trigger"
        | "mmp_config_curtailment"
        | "edit_post_only_reject"
        | "oco_other_closed"
        | "oto_primary_closed"
        | "settlement"
        | "order_overlap"
        | "order_overlap_another_sub" => CancelledBy::Venue,
        _ => CancelledBy::Unknown,
    };
    Attribution::new(by, &format!("cancel_reason {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_and_cancelled_is_named() {
        let bought =
            within(r#"{"id":7,"method":"private/buy","params":{"instrument_name":"BTC-PERPETUAL","label":"a"}}"#);
        assert_eq!(bought.id, "7");
        assert_eq!(
            (bought.created[0].client_id.as_str(), bought.created[0].instrument.as_str()),
            ("a", "BTC-PERPETUAL")
        );
        assert_eq!(within(r#"{"id":7,"method":"private/cancel","params":{"order_id":"X-1"}}"#).cancelled, ["X-1"]);
        assert_eq!(within(r#"{"id":7,"method":"private/cancel_by_label","params":{"label":"a"}}"#).cancelled, ["a"]);
        assert!(within(r#"{"id":7,"method":"private/cancel_all_by_currency","params":{}}"#).cancels_all);
        assert_eq!(within(r#"{"id":7,"method":"private/mass_quote","params":{}}"#).unnamed, 1);
        assert_eq!(within(r#"{"id":7,"method":"private/edit","params":{"order_id":"X"}}"#), OrdersIn::default());
    }

    #[test]
    fn an_answer_names_the_order_and_says_when_it_is_done_already() {
        let line = r#"{"jsonrpc":"2.0","id":7,"result":{"order":{"order_id":"X","label":"","order_state":"filled"},"trades":[]}}"#;
        let [OrderNews::Accepted { key, order }, OrderNews::Ended { how: Ending::Done, .. }] = &news(line)[..] else {
            panic!("{:?}", news(line))
        };
        assert_eq!((key.id.as_str(), order.order_id.as_str()), ("7", "X"));
        let refused = news(r#"{"id":7,"error":{"code":10009,"message":"not_enough_funds"}}"#);
        assert_eq!(refused, [OrderNews::AllRefused { id: "7".into() }]);
    }

    #[test]
    fn a_cancellation_is_laid_at_the_door_the_venue_names_and_an_unknown_reason_at_nobodys() {
        for (reason, by) in [
            ("user_request", CancelledBy::User),
            ("cancel_on_disconnect", CancelledBy::Switch),
            ("autoliquidation", CancelledBy::Venue),
            ("something_new", CancelledBy::Unknown),
        ] {
            let order = format!(r#"{{"order_id":"X","order_state":"cancelled","cancel_reason":"{reason}"}}"#);
            for data in [order.clone(), format!("[{order}]")] {
                let line = format!(
                    r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"user.orders.any.any.raw","data":{data}}}}}"#
                );
                let [OrderNews::Ended { how: Ending::Cancelled(told), .. }] = &news(&line)[..] else {
                    panic!("{line}")
                };
                assert_eq!((told.by, told.evidence.as_str()), (by, format!("cancel_reason {reason}").as_str()));
            }
        }
        let other = r#"{"method":"subscription","params":{"channel":"book.BTC-PERPETUAL.raw","data":{"order_state":"cancelled"}}}"#;
        assert_eq!(news(other), []);
    }
}
