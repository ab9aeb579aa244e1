//! The HTTP API: signatures, limits, what clients read before they trade (spec sections 8, 9, 14 to 16).

use super::*;

#[test]
fn a_signed_request_is_served_and_a_wrong_one_is_refused_with_its_code() {
    let mut rig = rig(1.0);
    assert_eq!(get(&mut rig, "/v5/order/realtime?category=linear&settleCoin=USDT&limit=50")["retCode"], 0);
    let target = "/v5/account/query-dcp-info";
    let code = |rig: &mut Rig<BybitExchange>, change: fn(&mut Vec<(String, String)>)| {
        let mut headers = headers(rig, "", 0);
        change(&mut headers);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = rig.call("GET", target, &headers, "").unwrap();
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap()["retCode"].clone())
    };
    assert_eq!(code(&mut rig, |headers| headers[3].1 = "00".into()), (200, json!(10004)));
    assert_eq!(code(&mut rig, |headers| headers[0].1 = "nobody".into()), (200, json!(10003)));
    assert_eq!(code(&mut rig, |headers| headers.clear()), (200, json!(10003)));
    knob(&mut rig, "invalid_key_status", "401");
    assert_eq!(code(&mut rig, |headers| headers.clear()).0, 401);
}

#[test]
fn a_skewed_clock_is_10002_with_the_captured_text() {
    let mut rig = rig(1.0);
    let mut code = |skew_ms| {
        let answer = request(&mut rig, "GET", "/v5/account/query-dcp-info", "", skew_ms).unwrap();
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    assert_eq!(code(-5_000)["retCode"], 0);
    assert_eq!(code(999)["retCode"], 0);
    assert_eq!(code(-5_001)["retCode"], 10002);
    let ahead = code(1_002);
    assert_eq!(ahead["retCode"], 10002);
    let text = ahead["retMsg"].as_str().unwrap();
    assert!(text.contains("req_timestamp[1700000001002],server_timestamp[1700000000000],recv_window[5000]"), "{text}");
}

#[test]
fn setting_and_querying_the_protection_is_limited_to_five_a_second() {
    let mut rig = rig(1.0);
    let codes: Vec<Value> = (0..6).map(|_| get(&mut rig, "/v5/account/query-dcp-info")["retCode"].clone()).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 10006]);
    let set = json!({"product": "SPOT", "timeWindow": 10});
    let codes: Vec<Value> =
        (0..6).map(|_| post(&mut rig, "/v5/order/disconnected-cancel-all", &set)["retCode"].clone()).collect();
    assert_eq!(codes, [0, 0, 0, 0, 0, 10006], "a pool of its own");
    rig.run_ms(1_000);
    let answer = request(&mut rig, "GET", "/v5/account/query-dcp-info", "", 0).unwrap();
    let header = |name: &str| answer.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    assert_eq!((header("X-Bapi-Limit").as_deref(), header("X-Bapi-Limit-Status").as_deref()), (Some("5"), Some("4")));
    assert!(header("date").is_some_and(|date| date.ends_with("GMT")));
}

#[test]
fn an_address_that_asks_too_often_and_a_get_with_a_body_are_403() {
    let mut rig = rig(0.1);
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "{}").unwrap().status, 403);
    knob(&mut rig, "http_max", "2");
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "").unwrap().status, 200);
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "").unwrap().status, 403);
    rig.run_ms(59_999);
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "").unwrap().status, 403, "banned for 600 s of venue time");
    rig.run_ms(1);
    assert_eq!(rig.call("GET", "/v5/market/time", &[], "").unwrap().status, 200);
}

#[test]
fn unknown_paths_are_404() {
    let mut rig = rig(1.0);
    assert_eq!(rig.call("GET", "/v5/nothing", &[], "").unwrap().status, 404);
    assert_eq!(rig.call("POST", "/v5/market/time", &[], "").unwrap().status, 404);
}

#[test]
fn public_calls_need_no_signature() {
    let mut rig = rig(1.0);
    let mut public =
        |target: &str| serde_json::from_str::<Value>(&rig.call("GET", target, &[], "").unwrap().body).unwrap();
    let time = public("/v5/market/time");
    assert_eq!((&time["time"], &time["result"]["timeSecond"]), (&json!(1_700_000_000_000_u64), &json!("1700000000")));
    for category in ["spot", "linear", "inverse", "option"] {
        let list = public(&format!("/v5/market/instruments-info?category={category}"))["result"]["list"].clone();
        assert!(list.as_array().unwrap().len() >= 2, "{category}");
    }
    let eth = public("/v5/market/instruments-info?category=option&baseCoin=ETH")["result"]["list"].clone();
    assert!(eth.as_array().unwrap().iter().all(|row| row["baseCoin"] == "ETH"));
    let none = public("/v5/market/instruments-info?category=linear&status=PreLaunch")["result"]["list"].clone();
    assert_eq!(none, json!([]));
    assert_eq!(public("/v5/market/instruments-info?category=nothing")["retCode"], 10001);
}

#[test]
fn a_key_shows_and_feels_what_it_lacks() {
    let mut rig = rig(1.0);
    assert_eq!(get(&mut rig, "/v5/user/query-api")["result"]["readOnly"], 0);
    rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().lacks = vec!["ReadWrite".into(), "Spot".into()];
    let info = get(&mut rig, "/v5/user/query-api")["result"].clone();
    assert_eq!((&info["readOnly"], &info["permissions"]["Spot"]), (&json!(1), &json!([])));
    let set = json!({"product": "SPOT", "timeWindow": 10});
    assert_eq!(post(&mut rig, "/v5/order/disconnected-cancel-all", &set)["retCode"], 10005);
    let cancel = json!({"category": "linear", "settleCoin": "USDT"});
    assert_eq!(post(&mut rig, "/v5/order/cancel-all", &cancel)["retCode"], 10005);
    assert_eq!(get(&mut rig, "/v5/account/query-dcp-info")["retCode"], 0, "reading still works");
}

#[test]
fn the_deprecated_fields_of_the_account_say_off_although_the_protection_is_on() {
    let mut rig = rig(1.0);
    assert_eq!(get(&mut rig, "/v5/account/info")["result"]["dcpStatus"], "OFF");
}
