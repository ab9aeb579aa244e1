//! Orders over both paths and what other sessions hear of them (spec sections 11 to 14).

use super::*;
use crate::sim::exchange::{CancelCause, OrderState};

#[test]
fn an_order_over_the_trade_socket_is_acknowledged_and_told_to_private_sessions() {
    let mut rig = rig(1.0);
    let watcher = guard(&mut rig, "/v5/private", &["order"]);
    let trade = session(&mut rig, TRADE);
    let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01",
        "price": "60000", "timeInForce": "PostOnly", "orderLinkId": "kc-1"});
    let message = trade_order(&rig, "order.create", "k-1", order);
    let answer = rig.ask(trade, &message);
    assert_eq!(
        (&answer["retCode"], &answer["reqId"], &answer["op"]),
        (&json!(0), &json!("k-1"), &json!("order.create"))
    );
    assert_eq!(answer["data"]["orderLinkId"], "kc-1");
    assert_eq!(
        (&answer["header"]["X-Bapi-Limit"], &answer["header"]["X-Bapi-Limit-Status"]),
        (&json!("10"), &json!("9"))
    );
    let row = rig.heard(watcher).last().unwrap().1["data"][0].clone();
    assert_eq!((&row["orderId"], &row["orderStatus"]), (&answer["data"]["orderId"], &json!("New")));
    assert_eq!(
        (&row["timeInForce"], &row["leavesQty"], &row["cancelType"]),
        (&json!("PostOnly"), &json!("0.01"), &json!("UNKNOWN"))
    );
    let cancel = json!({"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "kc-1"});
    let message = trade_order(&rig, "order.cancel", "k-2", cancel);
    assert_eq!(rig.ask(trade, &message)["retCode"], 0);
    let row = rig.heard(watcher).last().unwrap().1["data"][0].clone();
    assert_eq!((&row["orderStatus"], &row["cancelType"]), (&json!("Cancelled"), &json!("CancelByUser")));
    let conn = rig.venue.floor().orders.values().next().unwrap().conn;
    assert_eq!(conn, Some(trade), "the order remembers its connection");
}

#[test]
fn refusals_on_the_trade_socket_have_their_codes() {
    let mut rig = rig(1.0);
    let conn = rig.open(TRADE);
    let args = json!({"category": "spot", "symbol": "BTCUSDT", "orderId": "x"});
    let ask = |rig: &mut Rig<BybitExchange>, op: &str, id: &str, args: &Value| {
        let message = trade_order(rig, op, id, args.clone());
        rig.ask(conn, &message)["retCode"].clone()
    };
    assert_eq!(ask(&mut rig, "order.cancel", "a", &args), 10005, "before the login");
    let message = login(&rig, 10_000);
    rig.ask(conn, &message);
    assert_eq!(ask(&mut rig, "order.cancel", "b", &args), 170_213);
    assert_eq!(ask(&mut rig, "order.cancel", "b", &args), 20_006, "the same reqId again");
    assert_eq!(ask(&mut rig, "order.cancel-all", "c", &args), 10_404, "there is no such operation");
    assert_eq!(ask(&mut rig, "order.cancel", "d", &json!({"category": "spread"})), 10_404);
    let linear = json!({"category": "linear", "symbol": "BTCUSDT", "orderId": "x"});
    assert_eq!(ask(&mut rig, "order.cancel", "e", &linear), 110_001);
    let mut late = trade_order(&rig, "order.cancel", "f", args.clone());
    late["header"]["X-BAPI-TIMESTAMP"] = json!(rig.wall_ms() - 5_001);
    assert_eq!(rig.ask(conn, &late)["retCode"], 10_002);
    knob(&mut rig, "trade_restarting", "true");
    assert_eq!(ask(&mut rig, "order.cancel", "g", &args), 10_019);
}

#[test]
fn permission_errors_can_come_without_their_request_id() {
    let mut rig = rig(1.0);
    let conn = session(&mut rig, TRADE);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().lacks = vec!["Spot".into()];
    let args = json!({"category": "spot", "symbol": "BTCUSDT", "orderId": "x"});
    let message = trade_order(&rig, "order.cancel", "a", args.clone());
    assert_eq!(rig.ask(conn, &message)["reqId"], "a");
    knob(&mut rig, "omit_request_id", "true");
    let message = trade_order(&rig, "order.cancel", "b", args);
    let answer = rig.ask(conn, &message);
    assert_eq!((&answer["retCode"], answer.get("reqId")), (&json!(10005), None));
}

#[test]
fn creating_is_limited_by_category() {
    let mut rig = rig(1.0);
    let mut create = |category: &str, symbol: &str| {
        let order = json!({"category": category, "symbol": symbol, "side": "Sell", "orderType": "Limit", "qty": "1",
            "price": "1"});
        post(&mut rig, "/v5/order/create", &order)["retCode"].clone()
    };
    assert!((0..10).all(|_| create("linear", "BTCUSDT") == 0));
    assert_eq!(create("inverse", "BTCUSD"), 10006, "shared with linear");
    assert!((0..20).all(|_| create("spot", "BTCUSDT") == 0));
    assert_eq!(create("spot", "BTCUSDT"), 10006);
}

#[test]
fn a_batch_succeeds_as_a_whole_and_fails_item_by_item() {
    let mut rig = rig(1.0);
    let conn = session(&mut rig, TRADE);
    let id = rest(&mut rig, "linear", "BTCUSDT");
    let batch = json!({"category": "linear", "request": [{"symbol": "BTCUSDT", "orderId": "x"},
        {"symbol": "BTCUSDT", "orderId": id}]});
    let message = trade_order(&rig, "order.cancel-batch", "a", batch);
    let answer = rig.ask(conn, &message);
    assert_eq!(answer["retCode"], 0);
    assert_eq!(
        (&answer["retExtInfo"]["list"][0]["code"], &answer["retExtInfo"]["list"][1]["code"]),
        (&json!(110_001), &json!(0))
    );
    assert_eq!(answer["data"]["list"][1]["orderId"], id);
    assert_eq!(open(&rig, "linear"), 0);
    let many: Vec<Value> = (0..21).map(|_| json!({"symbol": "BTCUSDT", "orderId": "x"})).collect();
    rig.run_ms(1_000);
    let refused = post(&mut rig, "/v5/order/cancel-batch", &json!({"category": "option", "request": many}));
    assert_eq!(refused["retCode"], 10001);
}

#[test]
fn cancel_all_needs_a_scope_on_futures_and_takes_plain_orders_on_spot() {
    let mut rig = rig(1.0);
    rest(&mut rig, "linear", "BTCUSDT");
    rest(&mut rig, "linear", "BTCPERP");
    rest(&mut rig, "spot", "BTCUSDT");
    let stop = json!({"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1",
        "price": "1", "triggerPrice": "2", "orderFilter": "StopOrder"});
    assert_eq!(post(&mut rig, "/v5/order/create", &stop)["retCode"], 0);
    let mut cancel = |body: Value| post(&mut rig, "/v5/order/cancel-all", &body);
    assert_eq!(cancel(json!({"category": "linear"}))["retCode"], 10001);
    let answer = cancel(json!({"category": "linear", "settleCoin": "USDT"}));
    assert_eq!((&answer["result"]["success"], answer["result"]["list"].as_array().unwrap().len()), (&json!("1"), 1));
    cancel(json!({"category": "spot"}));
    assert_eq!((open(&rig, "linear"), open(&rig, "spot")), (1, 1), "the USDC order and the stop order are left");
    post(&mut rig, "/v5/order/cancel-all", &json!({"category": "spot", "orderFilter": "StopOrder"}));
    assert_eq!(open(&rig, "spot"), 0);
}

#[test]
fn a_futures_cancel_all_takes_five_hundred_at_most() {
    let mut rig = rig(1.0);
    for _ in 0..51 {
        for _ in 0..10 {
            rest(&mut rig, "linear", "BTCUSDT");
        }
        rig.run_ms(1_000);
    }
    let all = json!({"category": "linear", "settleCoin": "USDT"});
    assert_eq!(post(&mut rig, "/v5/order/cancel-all", &all)["result"]["list"].as_array().unwrap().len(), 500);
    assert_eq!(open(&rig, "linear"), 10);
}

#[test]
fn open_orders_come_in_pages_whose_cursor_may_be_escaped_again() {
    let mut rig = rig(1.0);
    let ids: Vec<String> = (0..20).map(|_| rest(&mut rig, "spot", "BTCUSDT")).collect();
    rig.run_ms(1_000);
    let ids: Vec<String> = ids.into_iter().chain((0..5).map(|_| rest(&mut rig, "spot", "BTCUSDT"))).collect();
    for escape in [false, true] {
        let first = get(&mut rig, "/v5/order/realtime?category=spot")["result"].clone();
        let cursor = first["nextPageCursor"].as_str().unwrap().to_owned();
        assert!(cursor.contains("%3A"), "{cursor}");
        let cursor = if escape { cursor.replace('%', "%25") } else { cursor };
        let second = get(&mut rig, &format!("/v5/order/realtime?category=spot&cursor={cursor}"))["result"].clone();
        let listed: Vec<String> = [&first, &second]
            .iter()
            .flat_map(|page| page["list"].as_array().unwrap())
            .map(|row| row["orderId"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(listed, ids.iter().rev().cloned().collect::<Vec<_>>(), "newest first, twenty to a page");
        assert_eq!(second["nextPageCursor"], "");
    }
}

#[test]
fn a_cancelled_order_is_found_by_id_and_in_history_for_a_day() {
    let mut rig = rig(0.001);
    let id = rest(&mut rig, "linear", "BTCUSDT");
    let conn = guard(&mut rig, "/v5/private", &["dcp.future"]);
    rig.drop_client(conn);
    rig.run_ms(10);
    let open_only = get(&mut rig, "/v5/order/realtime?category=linear&settleCoin=USDT")["result"]["list"].clone();
    assert_eq!(open_only, json!([]), "absence tells nothing");
    assert_eq!(get(&mut rig, "/v5/order/realtime?category=linear")["retCode"], 10001, "linear needs a scope");
    for target in [
        format!("/v5/order/realtime?category=linear&orderId={id}"),
        "/v5/order/realtime?category=linear&settleCoin=USDT&openOnly=1".to_owned(),
        "/v5/order/history?category=linear".to_owned(),
    ] {
        let row = get(&mut rig, &target)["result"]["list"][0].clone();
        assert_eq!((&row["orderId"], &row["cancelType"]), (&json!(id), &json!("CancelByDCP")), "{target}");
        assert!(row.get("category").is_none());
    }
    rig.run_ms(24 * 3600);
    assert_eq!(get(&mut rig, "/v5/order/history?category=linear")["result"]["list"], json!([]));
}

#[test]
fn a_market_order_is_filled_at_once_and_executions_show_it() {
    let mut rig = rig(1.0);
    let watcher = guard(&mut rig, "/v5/private", &["order", "execution"]);
    let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "2"});
    assert_eq!(post(&mut rig, "/v5/order/create", &order)["retCode"], 0);
    assert_eq!(open(&rig, "linear"), 0);
    let heard = rig.heard(watcher);
    let of = |topic: &str| heard.iter().find(|(_, message)| message["topic"] == topic).unwrap().1["data"][0].clone();
    assert_eq!((&of("order")["orderStatus"], &of("order")["cumExecQty"]), (&json!("Filled"), &json!("2")));
    assert_eq!((&of("execution")["execType"], &of("execution")["execPrice"]), (&json!("Trade"), &json!("60000")));
    let list = get(&mut rig, "/v5/execution/list?category=linear")["result"]["list"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn an_order_that_must_be_filled_at_once_never_rests() {
    let mut rig = rig(1.0);
    for time_in_force in ["IOC", "FOK"] {
        let order = json!({"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "2",
            "price": "1", "timeInForce": time_in_force});
        assert_eq!(post(&mut rig, "/v5/order/create", &order)["retCode"], 0);
        assert_eq!(open(&rig, "linear"), 0, "{time_in_force}");
    }
    let causes: Vec<OrderState> = rig.venue.floor().orders.values().map(|order| order.state).collect();
    assert_eq!(causes, [OrderState::Cancelled(CancelCause::Venue); 2]);
}

#[test]
fn bad_orders_are_refused_and_an_order_link_id_is_unique() {
    let mut rig = rig(1.0);
    let good = json!({"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1",
        "price": "1", "orderLinkId": "mine"});
    assert_eq!(post(&mut rig, "/v5/order/create", &good)["retCode"], 0);
    assert_eq!(post(&mut rig, "/v5/order/create", &good)["retCode"], 110_072);
    for (field, value) in
        [("symbol", "NOSUCH"), ("side", "buy"), ("orderType", "Stop"), ("qty", "0"), ("price", "x"), ("category", "a")]
    {
        let mut bad = good.clone();
        bad["orderLinkId"] = json!("other");
        bad[field] = json!(value);
        assert_eq!(post(&mut rig, "/v5/order/create", &bad)["retCode"], 10001, "{field}");
    }
}

#[test]
fn amending_changes_price_and_quantity() {
    let mut rig = rig(1.0);
    let id = rest(&mut rig, "linear", "BTCUSDT");
    let amend = json!({"category": "linear", "symbol": "BTCUSDT", "orderId": id, "price": "101"});
    assert_eq!(post(&mut rig, "/v5/order/amend", &amend)["result"]["orderId"], id);
    let row = get(&mut rig, &format!("/v5/order/realtime?category=linear&orderId={id}"))["result"]["list"][0].clone();
    assert_eq!((&row["price"], &row["qty"]), (&json!("101"), &json!("1")));
}
