//! Every dialect, the session and the driver together against the embedded venue of each, over TLS on loopback: armed,
//! an order rests, the guard goes, and the venue does what its switch promises. Venue time runs ten times as fast.

#![allow(clippy::unwrap_used, reason = "a test helper that cannot go on has failed the test")]

use killcord::driver::serve::{Selector, ServeOptions, Server, WireFault};
use killcord::driver::{Engine, GuardHandle, GuardSpec, Inbound};
use killcord::model::{
    Access, Acknowledgement, Credentials, Endpoint, Phase, Policy, Secret, Snapshot, TimeFactor, VenueName,
};
use killcord::sim::exchange::{CancelCause, Exchange, OrderState};
use killcord::sim::exchange::{bybit::BybitExchange, crypto_com::CryptoComExchange};
use killcord::sim::exchange::{deribit::DeribitExchange, kraken::KrakenExchange};
use killcord::venue::Venue;
use killcord::venue::bybit::{Bybit, BybitConfig, BybitProduct};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use killcord::venue::kraken::{Kraken, KrakenConfig};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "KILLCORDKEY0001";
/// Base64, because Kraken's is.
const SECRET: &str = "a2lsbGNvcmQtbG9vcGJhY2stc2VjcmV0LTAx";

#[test]
fn crypto_com_letting_go_cancels_what_rests() {
    letting_go_cancels(VenueName::CryptoCom);
}

#[test]
fn deribit_letting_go_cancels_what_rests() {
    letting_go_cancels(VenueName::Deribit);
}

#[test]
fn bybit_letting_go_cancels_what_rests() {
    letting_go_cancels(VenueName::Bybit);
}

#[test]
fn kraken_letting_go_cancels_what_rests() {
    letting_go_cancels(VenueName::Kraken);
}

#[test]
fn deribit_farewell_keeps_what_rests() {
    farewell_keeps(VenueName::Deribit);
}

#[test]
fn kraken_farewell_keeps_what_rests() {
    farewell_keeps(VenueName::Kraken);
}

#[test]
fn every_venue_is_armed_again_after_a_reset_and_nothing_is_claimed_in_between() {
    for venue in VenueName::ALL {
        let server = serve(venue);
        let (guard, _readable) = guard(venue, &server);
        guard.start().unwrap();
        let first = armed(&guard);
        server.wire(WireFault::Reset, Selector::All).unwrap();
        let lost = guard.wait_phase(|phase| !phase.claims(), PATIENCE).unwrap();
        assert!(!lost.permit, "{venue}");
        // A session-bound switch has tripped: that stays said until the application has taken note.
        guard.rearm(Acknowledgement::new("seen").unwrap()).unwrap();
        let again = armed(&guard);
        assert!(again.epoch > first.epoch, "{venue}");
    }
}

#[test]
fn a_silent_path_is_suspected_on_every_venue_within_the_published_time() {
    for venue in VenueName::ALL {
        let server = serve(venue);
        let (guard, _readable) = guard(venue, &server);
        guard.start().unwrap();
        armed(&guard);
        let cut = killcord::driver::clock::now().at;
        server.wire(WireFault::BlackHole, Selector::All).unwrap();
        guard.wait_phase(|phase| phase != Phase::Armed, PATIENCE).unwrap();
        let noticed = killcord::driver::clock::now().at.since(cut);
        assert!(noticed < Duration::from_secs(2), "{venue}: {noticed:?}");
    }
}

fn armed(guard: &GuardHandle) -> Arc<Snapshot> {
    guard.wait_phase(|phase| phase == Phase::Armed, PATIENCE).unwrap_or_else(|error| {
        panic!("{error}\n{:#?}", guard.drain_events(1000));
    })
}

fn farewell_keeps(venue: VenueName) {
    let server = serve(venue);
    let (guard, readable) = guard(venue, &server);
    guard.start().unwrap();
    armed(&guard);
    let (method, params) = order(venue);
    let request = guard.request(method, params, false).unwrap();
    let answer = answer_to(&guard, &readable, request);
    guard.farewell("end of the day").unwrap();
    assert_eq!(guard.wait_ended(PATIENCE).unwrap().phase, Phase::Stopped);
    wait_until(|| server.connections().unwrap().is_empty());
    assert_eq!(server.would_trip_by("main").unwrap(), None);
    assert_eq!(server.open_order_count().unwrap(), 1, "{answer}");
}

fn letting_go_cancels(venue: VenueName) {
    let server = serve(venue);
    let (guard, readable) = guard(venue, &server);
    guard.start().unwrap();
    let armed = armed(&guard);
    assert!(armed.claim() && armed.permit);
    let (method, params) = order(venue);
    let request = guard.request(method, params, false).unwrap();
    let answer = answer_to(&guard, &readable, request);
    assert_eq!(server.open_order_count().unwrap(), 1, "{answer}");
    guard.let_go().unwrap();
    assert_eq!(guard.wait_ended(PATIENCE).unwrap().phase, Phase::Stopped);
    wait_until(|| server.open_order_count().unwrap() == 0);
    assert_eq!(server.orders().unwrap()[0].state, OrderState::Cancelled(CancelCause::Switch));
}

fn order(venue: VenueName) -> (&'static str, &'static str) {
    match venue {
        VenueName::CryptoCom => (
            "private/create-order",
            r#"{"instrument_name":"BTCUSD-PERP","side":"BUY","type":"LIMIT","price":"1000","quantity":"1"}"#,
        ),
        VenueName::Deribit => {
            ("private/buy", r#"{"instrument_name":"BTC-PERPETUAL","amount":10,"type":"limit","price":1000}"#)
        }
        VenueName::Bybit => (
            "order.create",
            r#"[{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"1","price":"1000","timeInForce":"GTC"}]"#,
        ),
        VenueName::Kraken => {
            ("add_order", r#"{"order_type":"limit","side":"buy","symbol":"BTC/USD","limit_price":1000,"order_qty":1}"#)
        }
    }
}

fn factor() -> TimeFactor {
    TimeFactor::new(0.1).unwrap()
}

fn serve(venue: VenueName) -> Server {
    let exchange: Box<dyn Exchange> = match venue {
        VenueName::CryptoCom => Box::new(CryptoComExchange::new(factor())),
        VenueName::Deribit => Box::new(DeribitExchange::new(factor())),
        VenueName::Bybit => Box::new(BybitExchange::new(factor())),
        VenueName::Kraken => Box::new(KrakenExchange::new(factor())),
    };
    let server = Server::start(ServeOptions::new(exchange)).unwrap();
    server.add_account(KEY, SECRET, "main").unwrap();
    server
}

/// A guard for the served venue, and a channel that says when something can be read.
fn guard(venue: VenueName, server: &Server) -> (GuardHandle, Receiver<()>) {
    let mut spec = GuardSpec::new(dialect(venue, server), Policy::default());
    spec.extra_ca_pem = server.ca_pem().map(|pem| pem.as_bytes().to_vec());
    let guard = Engine::shared().unwrap().add(spec).unwrap();
    let (tell, readable) = channel();
    // Nobody listens any more when the test is over.
    let wake = move || {
        let _ = tell.send(());
    };
    guard.set_waker(Arc::new(wake)).unwrap();
    (guard, readable)
}

fn dialect(venue: VenueName, server: &Server) -> Box<dyn Venue + Send> {
    let urls = server.urls(venue);
    let at = |url: &str| Endpoint::parse("url", url).unwrap();
    let credentials = Credentials::new(KEY, Secret::new(SECRET.into()), None).unwrap();
    let trade = urls.trade.as_deref().map(at);
    let access = Access::custom("main", at(&urls.guard), trade, at(&urls.http), credentials, factor());
    match venue {
        VenueName::CryptoCom => Box::new(CryptoCom::new(CryptoComConfig { access }).unwrap()),
        VenueName::Deribit => {
            let config = DeribitConfig {
                access,
                heartbeat_s: 10,
                scope: DeribitScope::Connection,
                matching: MatchingCredits::default(),
            };
            Box::new(Deribit::new(config).unwrap())
        }
        VenueName::Bybit => {
            let config = BybitConfig {
                access,
                products: vec![BybitProduct::Derivatives],
                window_s: BybitConfig::WINDOW_S_DEFAULT,
                max_active_time_s: BybitConfig::MAX_ACTIVE_TIME_S_DEFAULT,
                trade_link: true,
            };
            Box::new(Bybit::new(config).unwrap())
        }
        VenueName::Kraken => Box::new(Kraken::new(KrakenConfig::advised(access)).unwrap()),
    }
}

fn answer_to(guard: &GuardHandle, readable: &Receiver<()>, request: killcord::model::RequestId) -> String {
    loop {
        for inbound in guard.drain_messages(1000).unwrap() {
            match inbound {
                Inbound::Answer { request: to, text } if to == request => return text,
                Inbound::Fate { request: to, fate } if to == request => panic!("{fate:?}"),
                Inbound::Answer { .. }
                | Inbound::Fate { .. }
                | Inbound::Message { .. }
                | Inbound::Sent { .. }
                | Inbound::Overflow { .. } => {}
            }
        }
        readable.recv_timeout(PATIENCE).unwrap();
    }
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let give_up = killcord::driver::clock::now().at + PATIENCE;
    while !done() {
        assert!(killcord::driver::clock::now().at < give_up, "it did not happen");
        std::thread::yield_now();
    }
}
