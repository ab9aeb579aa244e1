//! Tokens (spec section 3): how long they live and what a bad one leads to.

use super::*;

fn error(client: &mut Client, conn: ConnId, token: &str) -> Value {
    client.timer(conn, token, 60)["error"].clone()
}

#[test]
fn a_token_is_good_for_fifteen_minutes_of_venue_time() {
    let mut client = Client::new(0.1);
    assert_eq!(client.post("GetWebSocketsToken", "")["result"]["expires"], 900);
    let token = client.token();
    let conn = client.rig.open("/v2");
    client.rig.say(conn, &json!({"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"]}}));
    client.rig.run_ms(89_999);
    assert_eq!(error(&mut client, conn, &token), Value::Null);
    client.rig.run_ms(1);
    assert_eq!(error(&mut client, conn, &token), "EAPI:Invalid token");
    assert_eq!(client.rig.closed(conn), None, "a bad token closes nothing");
}

#[test]
fn a_live_private_subscription_keeps_its_token_alive() {
    let mut client = Client::new(0.1);
    let (conn, token) = client.session();
    client.rig.run_ms(1_000_000);
    assert_eq!(error(&mut client, conn, &token), Value::Null);
    client.rig.drop_client(conn);
    let conn = client.rig.open("/v2");
    assert_eq!(error(&mut client, conn, &token), "EAPI:Invalid token", "nothing holds it any more");
}

#[test]
fn tokens_can_be_invalidated_in_the_middle_of_a_session() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.knob("invalidate_tokens", "true");
    assert_eq!(error(&mut client, conn, &token), "EAPI:Invalid token");
    client.rig.run_ms(5_000);
    assert_eq!(client.rig.closed(conn), None);
    let fresh = client.token();
    assert_eq!(error(&mut client, conn, &fresh), Value::Null);
}

#[test]
fn missing_unknown_and_revoked_tokens_have_their_own_errors() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    let message = json!({"method": "cancel_all_orders_after", "params": {"timeout": 5}, "req_id": 42});
    assert_eq!(client.rig.ask(conn, &message)["error"], "Token(s) not found");
    let answer = client.timer(conn, "nonsense", 5);
    assert_eq!((&answer["error"], &answer["status"]), (&json!("ESession:Invalid session"), &json!("error")));
    client.rig.venue.floor_mut().accounts.get_mut(KEY).unwrap().valid = false;
    assert_eq!(error(&mut client, conn, &token), "EAPI:Invalid token");
}

#[test]
fn a_key_without_the_permission_gets_no_token() {
    let mut client = Client::new(1.0);
    client.lacks(&["create-ws-token"]);
    let answer = client.post("GetWebSocketsToken", "");
    assert_eq!(answer["error"], json!(["EGeneral:Permission denied"]));
    assert!(answer.get("result").is_none());
}

#[test]
fn the_first_private_request_of_a_connection_is_its_login() {
    let mut client = Client::new(1.0);
    let (conn, token) = client.session();
    client.timer(conn, &token, 60);
    let logins = client.rig.journal(JournalKind::LoggedIn);
    assert_eq!(
        logins.iter().map(|entry| (entry.conn, entry.account.as_str())).collect::<Vec<_>>(),
        [(Some(conn), "main")]
    );
}
