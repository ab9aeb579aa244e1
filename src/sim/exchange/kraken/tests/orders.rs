//! Orders over both paths and what sessions hear of them (spec sections 6 to 8).

use super::*;

fn ask(client: &mut Client, conn: ConnId, method: &str, token: &str, mut params: Value) -> Value {
    params["token"] = json!(token);
    client.rig.say(conn, &json!({"method": method, "params": params, "req_id": 5})).remove(0)
}

fn limit_order() -> Value {
    json!({"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "limit_price": 100.5, "order_qty": 0.25,
        "cl_ord_id": "mine"})
}

#[test]
fn an_order_is_acknowledged_then_told_to_every_session_of_the_account() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let (watcher, _) = client.session();
    let answer = ask(&mut client, conn, "add_order", &token, limit_order());
    assert_eq!(answer["success"], true, "{answer}");
    let id = answer["result"]["order_id"].clone();
    assert_eq!(answer["result"]["cl_ord_id"], "mine");
    let updates = client.updates(watcher);
    let kinds: Vec<&Value> = updates.iter().map(|(_, update)| &update["data"][0]["exec_type"]).collect();
    assert_eq!(kinds, ["pending_new", "new"]);
    let first = &updates[0].1["data"][0];
    assert_eq!((&first["order_id"], &first["limit_price"], &first["order_qty"]), (&id, &json!(100.5), &json!(0.25)));
    assert_eq!((&first["time_in_force"], &updates[0].1["sequence"]), (&json!("GTC"), &json!(2)));
    assert!(updates[1].1["data"][0].get("symbol").is_none(), "the second one is thin");
    let conn_of_order = client.rig.venue.floor().orders.values().next().unwrap().conn;
    assert_eq!(conn_of_order, Some(conn));
}

#[test]
fn an_order_that_must_be_filled_at_once_never_rests() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    for time_in_force in ["ioc", "fok"] {
        let mut order = limit_order();
        order["time_in_force"] = json!(time_in_force);
        assert_eq!(ask(&mut client, conn, "add_order", &token, order)["success"], true);
        let last = client.updates(conn).pop().unwrap().1["data"][0].clone();
        assert_eq!((&last["exec_type"], &last["reason"]), (&json!("canceled"), &json!("Cancelled by venue")));
    }
    assert_eq!(client.open_orders(), 0);
}

#[test]
fn cancelling_several_is_answered_one_by_one() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let (one, two) = (client.rest(), client.rest());
    let params = json!({"order_id": [one, "OXXXXX-XXXXX-XXXXXX", two], "token": token});
    let out = client.rig.say(conn, &json!({"method": "cancel_order", "params": params, "req_id": 9}));
    let answers: Vec<&Value> = out.iter().filter(|message| message["method"] == "cancel_order").collect();
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|answer| answer["req_id"] == 9));
    assert_eq!(
        (&answers[0]["result"]["order_id"], &answers[1]["error"]),
        (&json!(one), &json!("EOrder:Invalid order"))
    );
    assert_eq!(client.open_orders(), 0);
    let last = client.updates(conn).pop().unwrap().1["data"][0].clone();
    assert_eq!((&last["exec_type"], &last["reason"]), (&json!("canceled"), &json!("User requested")));
}

#[test]
fn cancel_all_counts_and_batch_cancel_has_no_result() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    for _ in 0..4 {
        client.rest();
    }
    let ids: Vec<String> = client.rig.venue.floor().orders.values().take(2).map(|order| order.id.clone()).collect();
    let batch = ask(&mut client, conn, "batch_cancel", &token, json!({"orders": ids}));
    assert_eq!((&batch["orders_cancelled"], batch.get("result")), (&json!(2), None));
    assert_eq!(ask(&mut client, conn, "cancel_all", &token, json!({}))["result"], json!({"count": 2}));
    assert_eq!(ask(&mut client, conn, "cancel_all", &token, json!({}))["result"], json!({"count": 0}));
}

#[test]
fn a_batch_of_orders_is_answered_row_by_row() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let mut good = limit_order();
    good.as_object_mut().unwrap().remove("cl_ord_id");
    let mut bad = good.clone();
    bad["order_type"] = json!("wish");
    let answer = ask(&mut client, conn, "batch_add", &token, json!({"symbol": "BTC/USD", "orders": [good, bad]}));
    assert!(answer["result"][0]["order_id"].is_string());
    assert_eq!(answer["result"][1]["error"], "EGeneral:Invalid arguments:order_type");
    assert_eq!(client.open_orders(), 1);
}

#[test]
fn validating_places_nothing() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let mut order = limit_order();
    order["validate"] = json!(true);
    assert_eq!(ask(&mut client, conn, "add_order", &token, order)["result"], json!({"order_id": ""}));
    let fields = "ordertype=limit&pair=XBTUSD&price=1&type=buy&volume=1&validate=true";
    assert!(client.post("AddOrder", fields)["result"].get("txid").is_none());
    assert_eq!(client.open_orders(), 0);
}

#[test]
fn bad_orders_are_refused_in_kraken_s_words() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    for (field, value, error) in [
        ("order_qty", json!("0.25"), "Order_qty field must be a number_float"),
        ("limit_price", json!("1"), "Limit_price field must be a number_float"),
        ("symbol", json!("NO/PAIR"), "Currency pair not supported NO/PAIR"),
        ("side", json!("hold"), "EGeneral:Invalid arguments:side"),
        (
            "no_mpp",
            json!(true),
            "EGeneral:Invalid arguments:no_mpp order option is only available when ordertype = market",
        ),
    ] {
        let mut order = limit_order();
        order[field] = value;
        assert_eq!(ask(&mut client, conn, "add_order", &token, order)["error"], error);
    }
    assert_eq!(client.rig.venue.floor().orders.len(), 0);
}

#[test]
fn a_market_order_is_filled_at_once() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let order = json!({"order_type": "market", "side": "sell", "symbol": "ETH/USD", "order_qty": 2});
    let answer = ask(&mut client, conn, "add_order", &token, order);
    assert_eq!(answer["success"], true, "{answer}");
    let kinds: Vec<Value> =
        client.updates(conn).iter().map(|(_, update)| update["data"][0]["exec_type"].clone()).collect();
    assert_eq!(kinds, ["pending_new", "new", "trade", "filled"]);
    assert_eq!(client.open_orders(), 0);
    let trades = client.post("TradesHistory", "")["result"].clone();
    assert_eq!(trades["count"], 1);
}

#[test]
fn amending_keeps_the_id() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let id = client.rest();
    let answer = ask(&mut client, conn, "amend_order", &token, json!({"order_id": id, "limit_price": 99.5}));
    assert_eq!(answer["result"]["order_id"], id);
    assert!(answer["result"]["amend_id"].as_str().unwrap().starts_with('T'));
    assert_eq!(client.post("OpenOrders", "")["result"]["open"][&id]["descr"]["price"], "99.5");
}

#[test]
fn modes_of_the_engine_refuse_what_they_must() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let add = |client: &mut Client, post_only: bool| {
        let mut order = limit_order();
        order["cl_ord_id"] = Value::Null;
        order["post_only"] = json!(post_only);
        ask(client, conn, "add_order", &token, order)["error"].clone()
    };
    client.knob("system", "cancel_only");
    client.rig.run_ms(1);
    assert_eq!(add(&mut client, true), "EService:Market in cancel_only mode");
    client.knob("system", "post_only");
    client.rig.run_ms(1);
    assert_eq!(add(&mut client, false), "EService:Market in post_only mode");
    assert_eq!(add(&mut client, true), Value::Null);
    client.knob("system", "maintenance");
    client.rig.run_ms(1);
    assert_eq!(add(&mut client, true), "EService:Unavailable");
    assert_eq!(
        ask(&mut client, conn, "cancel_all", &token, json!({}))["error"],
        "EService:Unavailable",
        "no cancels either"
    );
    assert_eq!(client.post("OpenOrders", "")["error"][0], "EService:Unavailable");
}

#[test]
fn open_closed_and_queried_orders_tell_the_same_story() {
    let mut client = Client::new(1.0);
    let id = client.rest();
    let row = client.post("OpenOrders", "")["result"]["open"][&id].clone();
    assert_eq!(
        (&row["status"], &row["vol"], &row["descr"]["pair"]),
        (&json!("open"), &json!("1.25"), &json!("XBTUSD"))
    );
    assert_eq!(row["descr"]["order"], "buy 1.25 XBTUSD @ limit 100");
    client.post("CancelAllOrdersAfter", "timeout=1");
    client.rig.run_ms(1_000);
    assert_eq!(client.post("OpenOrders", "")["result"]["open"], json!({}));
    let closed = client.post("ClosedOrders", "")["result"].clone();
    assert_eq!((&closed["count"], &closed["closed"][&id]["status"]), (&json!(1), &json!("canceled")));
    assert_eq!(client.post("QueryOrders", &format!("txid={id}"))["result"][&id]["reason"], "Cancelled by timer");
    assert_eq!(client.post("QueryOrders", "txid=OXXXXX-XXXXX-XXXXXX")["error"][0], "EOrder:Unknown order");
}

#[test]
fn http_cancels_by_id_client_id_and_all() {
    let mut client = Client::new(1.0);
    let id = client.rest();
    client.post("AddOrder", "ordertype=limit&pair=XBTUSD&price=1&type=buy&volume=1&cl_ord_id=mine");
    client.rest();
    assert_eq!(client.post("CancelOrder", &format!("txid={id}"))["result"]["count"], 1);
    assert_eq!(client.post("CancelOrder", &format!("txid={id}"))["error"][0], "EOrder:Invalid order");
    assert_eq!(client.post("CancelOrder", "cl_ord_id=mine")["result"]["count"], 1);
    assert_eq!(client.post("CancelAll", "")["result"], json!({"count": 1}));
}

#[test]
fn the_engine_refuses_orders_beyond_its_counter_until_it_decays() {
    let mut client = Client::new(1.0);
    client.knob("tier", "starter");
    let add = |client: &mut Client| {
        client.post("AddOrder", "ordertype=limit&pair=XBTUSD&price=1&type=buy&volume=1")["error"][0].clone()
    };
    assert!((0..60).all(|_| add(&mut client) == Value::Null));
    assert_eq!(add(&mut client), "EOrder:Rate limit exceeded");
    let other = client.post("AddOrder", "ordertype=limit&pair=ETHUSD&price=1&type=buy&volume=1");
    assert!(other["result"]["txid"].is_array(), "each pair has its own counter");
    client.rig.run_ms(1_000);
    assert_eq!(add(&mut client), Value::Null);
    let id = client.rig.venue.floor().orders.values().next_back().unwrap().id.clone();
    client.rig.run_ms(3_000);
    client.post("CancelOrder", &format!("txid={id}"));
    assert_eq!(add(&mut client), "EOrder:Rate limit exceeded", "cancelling a young order costs eight");
    client.knob("engine_limit", "false");
    assert_eq!(add(&mut client), Value::Null);
}
