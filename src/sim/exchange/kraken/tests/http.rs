//! The HTTP API: signatures, nonces, lock-out, counters, and what clients read before they trade (spec sections 3, 9,
//! 10).

use super::*;

fn error(answer: Option<HttpOut>) -> String {
    let body: Value = serde_json::from_str(&answer.unwrap().body).unwrap();
    body["error"][0].as_str().unwrap_or_default().to_owned()
}

#[test]
fn nonces_must_rise_for_each_key() {
    let mut client = Client::new(1.0);
    assert_eq!(error(client.sign(KEY, SECRET, 10, "Balance", "")), "");
    assert_eq!(error(client.sign(KEY, SECRET, 10, "Balance", "")), "EAPI:Invalid nonce");
    assert_eq!(error(client.sign(KEY, SECRET, 9, "Balance", "")), "EAPI:Invalid nonce");
    assert_eq!(error(client.sign(OTHER_KEY, OTHER_SECRET, 9, "Balance", "")), "", "the other key has its own");
    assert_eq!(error(client.sign(KEY, SECRET, 11, "Balance", "")), "");
    client.knob("nonce_window", "5");
    assert_eq!(error(client.sign(KEY, SECRET, 7, "Balance", "")), "", "inside the window");
    assert_eq!(error(client.sign(KEY, SECRET, 6, "Balance", "")), "EAPI:Invalid nonce");
}

#[test]
fn bad_keys_and_signatures_are_named() {
    let mut client = Client::new(1.0);
    assert_eq!(error(client.sign("nobody", SECRET, 1, "Balance", "")), "EAPI:Invalid key");
    assert_eq!(error(client.sign(KEY, OTHER_SECRET, 1, "Balance", "")), "EAPI:Invalid signature");
    let unsigned = client.rig.call("POST", "/0/private/Balance", &[("api-key", KEY)], "nonce=5");
    assert_eq!(error(unsigned), "EAPI:Invalid signature");
    client.rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(error(client.sign(KEY, SECRET, 2, "Balance", "")), "EAPI:Invalid key");
}

#[test]
fn a_refused_nonce_does_not_move_the_highest_one() {
    let mut client = Client::new(1.0);
    assert_eq!(error(client.sign(KEY, OTHER_SECRET, 1_000_000, "Balance", "")), "EAPI:Invalid signature");
    assert_eq!(error(client.sign(KEY, SECRET, 1, "Balance", "")), "");
}

#[test]
fn repeated_bad_attempts_lock_the_key_out_for_a_quarter_of_an_hour() {
    let mut client = Client::new(0.1);
    client.knob("lockout_after", "3");
    client.sign(KEY, SECRET, 10, "Balance", "");
    for _ in 0..2 {
        assert_eq!(error(client.sign(KEY, SECRET, 10, "Balance", "")), "EAPI:Invalid nonce");
    }
    assert_eq!(error(client.sign(KEY, SECRET, 11, "Balance", "")), "", "a good one forgives");
    for _ in 0..3 {
        assert_eq!(error(client.sign(KEY, SECRET, 10, "Balance", "")), "EAPI:Invalid nonce");
    }
    assert_eq!(error(client.sign(KEY, SECRET, 12, "Balance", "")), "EGeneral:Temporary lockout");
    assert_eq!(error(client.sign(OTHER_KEY, OTHER_SECRET, 1, "Balance", "")), "", "only that key");
    client.rig.run_ms(89_999);
    assert_eq!(error(client.sign(KEY, SECRET, 13, "Balance", "")), "EGeneral:Temporary lockout");
    client.rig.run_ms(1);
    assert_eq!(error(client.sign(KEY, SECRET, 14, "Balance", "")), "");
}

#[test]
fn the_counter_of_a_key_fills_and_order_calls_are_exempt() {
    let mut client = Client::new(1.0);
    let codes: Vec<String> = (0..21).map(|n| error(client.sign(KEY, SECRET, n + 1, "Balance", ""))).collect();
    assert!(codes[..20].iter().all(String::is_empty));
    assert_eq!(codes[20], "EAPI:Rate limit exceeded");
    assert_eq!(error(client.sign(KEY, SECRET, 30, "CancelOrder", "txid=x")), "EOrder:Invalid order");
    client.rig.run_ms(2_000);
    assert_eq!(error(client.sign(KEY, SECRET, 31, "Balance", "")), "");
}

#[test]
fn unknown_calls_are_404_and_private_calls_want_post() {
    let mut client = Client::new(1.0);
    let answer = client.rig.call("POST", "/0/private/Dance", &[], "").unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (404, r#"{"error":["EGeneral:Unknown method"]}"#));
    assert_eq!(client.rig.call("GET", "/1/public/Time", &[], "").unwrap().status, 404);
    assert_eq!(error(client.rig.call("GET", "/0/private/Balance", &[], "")), "EGeneral:Unknown method");
}

#[test]
fn public_calls_need_no_signature() {
    let mut client = Client::new(1.0);
    let mut get = |target: &str| {
        let answer = client.rig.call("GET", target, &[], "").unwrap();
        assert!(answer.headers.iter().any(|(name, _)| name == "date"));
        serde_json::from_str::<Value>(&answer.body).unwrap()["result"].clone()
    };
    assert_eq!(get("/0/public/Time")["unixtime"], 1_700_000_000);
    assert_eq!(get("/0/public/SystemStatus")["status"], "online");
    let pairs = get("/0/public/AssetPairs?pair=XBTUSD,ETH/USD");
    assert_eq!(pairs["XXBTZUSD"]["wsname"], "XBT/USD");
    assert_eq!(pairs.as_object().unwrap().len(), 2);
    assert_eq!(get("/0/public/Assets?asset=XBT")["XXBT"]["altname"], "XBT");
}

#[test]
fn a_key_shows_what_it_may() {
    let mut client = Client::new(1.0);
    client.lacks(&["modify-trades"]);
    let info = client.post("GetApiKeyInfo", "")["result"].clone();
    let permissions: Vec<&str> = info["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(permissions.contains(&"close-trades") && !permissions.contains(&"modify-trades"));
    let refused = client.post("AddOrder", "ordertype=limit&pair=XBTUSD&price=1&type=buy&volume=1");
    assert_eq!(refused["error"][0], "EGeneral:Permission denied");
    assert_eq!(client.post("CancelAll", "")["result"]["count"], 0, "either permission cancels");
}

#[test]
fn a_json_body_is_signed_and_read_like_a_form() {
    let answer = post_json(&mut Client::new(1.0), "CancelAllOrdersAfter", &json!({"nonce": "5", "timeout": 60}));
    assert!(answer["result"]["triggerTime"].is_string(), "{answer}");
}

#[test]
fn a_batch_stands_but_for_the_rows_that_are_refused() {
    let mut client = Client::new(1.0);
    let row = |volume: &str| json!({"ordertype": "limit", "type": "buy", "volume": volume, "price": "100"});
    let orders = json!([row("1"), row("-1"), row("2"), "no order"]);
    let answer = post_json(&mut client, "AddOrderBatch", &json!({"nonce": "5", "pair": "XBTUSD", "orders": orders}));
    let rows = &answer["result"]["orders"];
    assert_eq!(rows[0]["descr"]["order"], "buy 1 XBTUSD @ limit 100", "{answer}");
    assert_eq!(rows[1]["error"], "EGeneral:Invalid arguments:volume");
    assert!(rows[2]["txid"].is_string() && rows[3]["error"].is_string(), "{answer}");
    assert_eq!(client.open_orders(), 2);
    let one = json!({"nonce": "6", "pair": "XBTUSD", "orders": [row("1")]});
    assert_eq!(post_json(&mut client, "AddOrderBatch", &one)["error"][0], "EGeneral:Invalid arguments:orders");
}

/// A signed call whose body is JSON.
fn post_json(client: &mut Client, call: &str, body: &Value) -> Value {
    let (path, text) = (format!("/0/private/{call}"), body.to_string());
    let nonce = body["nonce"].as_str().unwrap();
    let message = [path.as_bytes(), &sha256(format!("{nonce}{text}").as_bytes())].concat();
    let signature = hmac_sha512_base64(&from_base64(SECRET).unwrap(), &message);
    let answer = client.rig.call("POST", &path, &[("api-key", KEY), ("api-sign", &signature)], &text).unwrap();
    serde_json::from_str(&answer.body).unwrap()
}
