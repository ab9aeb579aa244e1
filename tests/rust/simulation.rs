//! Randomised worlds over all four venues: whatever goes wrong, armed is never said while the venue would not cancel
//! within the published exposure, and once everything is healthy the guard is armed again in time.
//!
//! `KILLCORD_SEED=n` replays one schedule of every venue; `KILLCORD_SCHEDULES=n` says how many to run.

use killcord::model::{Access, Credentials, Endpoint, Moment, Now, Policy, Secret, TimeFactor, WallTime};
use killcord::session::Session;
use killcord::sim::chaos;
use killcord::sim::exchange::Exchange;
use killcord::sim::network::Network;
use killcord::sim::noise::Noise;
use killcord::sim::world::World;
use killcord::venue::Venue;
use std::time::Duration;

const KEY: &str = "KILLCORDSIMULATION01";
/// Base64, because Kraken wants it; the others take any text.
const SECRET: &str = "a2lsbGNvcmQtc2ltdWxhdGlvbi1zZWNyZXQtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw";
const SCHEDULES: u64 = 150;

fn access(guard: &str, trade: Option<&str>, http: &str) -> Access {
    let url = |path: &str| Endpoint::parse("url", &format!("wss://localhost{path}")).unwrap();
    let http = Endpoint::parse("url", &format!("https://localhost{http}")).unwrap();
    let credentials = Credentials::new(KEY, Secret::new(SECRET.into()), None).unwrap();
    Access::custom("simulated", url(guard), trade.map(url), http, credentials, TimeFactor::REAL)
}

fn schedules() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("KILLCORD_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KILLCORD_SCHEDULES").unwrap_or(SCHEDULES),
    }
}

/// Runs every schedule of one venue and demands that the interesting states were reached.
fn run<V: Venue>(
    name: &str,
    venue: impl Fn() -> V,
    exchange: impl Fn() -> Box<dyn Exchange>,
    order: chaos::PlaceOrder<V>,
) {
    let (mut claims, mut armed, mut trips, mut steps) = (0, 0, 0, 0);
    for seed in schedules() {
        let mut noise = Noise::new(seed.wrapping_mul(0x1234_5678_9abc_def1) ^ name.len() as u64);
        let delay = noise.millis(1..120);
        let troubles = noise.within(1..6);
        let start = Now { at: Moment::from_nanos(1_000_000_000_000), wall: WallTime::from_millis(1_780_000_000_000) };
        let mut exchange = exchange();
        exchange.floor_mut().add_account(KEY, SECRET, "simulated");
        let session = Session::new(venue(), Policy::default(), seed, start);
        let mut world = World::new(session, exchange, Network::new(delay), start, Duration::from_secs(5));
        match chaos::run(&mut world, &mut noise, troubles, order) {
            Ok(tally) => {
                claims += tally.claims_checked;
                armed += tally.armed;
                trips += tally.trips;
                steps += world.steps;
            }
            Err(violation) => fail(name, seed, delay, troubles, &world, &violation.0),
        }
    }
    eprintln!("{name}: {steps} steps, {claims} claims checked, {armed} times armed, {trips} trips at the venue");
    if schedules().count() > 50 {
        assert!(claims > 10_000 && armed > 100 && trips > 10, "{name}: the interesting states were not reached");
    }
}

fn fail<V: Venue>(name: &str, seed: u64, delay: Duration, troubles: u64, world: &World<V>, violation: &str) -> ! {
    let skip = world.events.len().saturating_sub(40);
    for event in world.events.iter().skip(skip) {
        eprintln!("guard {:?} epoch {}: {:?}", event.at, event.epoch.0, event.kind);
    }
    let journal = world.exchange.floor().journal();
    for entry in &journal[journal.len().saturating_sub(40)..] {
        eprintln!("venue {:?} {:?} {:?} {}", entry.at, entry.conn, entry.kind, entry.detail);
    }
    panic!("{name}, KILLCORD_SEED={seed} (delay {delay:?}, {troubles} troubles) at {:?}: {violation}", world.now().at);
}

mod crypto_com {
    use super::*;
    use killcord::sim::exchange::crypto_com::CryptoComExchange;
    use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};

    #[test]
    fn armed_is_never_claimed_in_vain_and_always_claimed_again() {
        let venue = || {
            let access = access("/exchange/v1/user", None, "/exchange/v1");
            CryptoCom::new(CryptoComConfig { access }).unwrap()
        };
        run(
            "crypto_com",
            venue,
            || Box::new(CryptoComExchange::new(TimeFactor::REAL)),
            |world, number| {
                let params = format!(
                    r#"{{"instrument_name":"BTC_USD","side":"BUY","type":"LIMIT","price":"1000","quantity":"0.001","client_oid":"kc{}"}}"#,
                    number % 1_000_000_000
                );
                world.request("private/create-order", &params);
            },
        );
    }
}

mod deribit {
    use super::*;
    use killcord::sim::exchange::deribit::DeribitExchange;
    use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope};

    #[test]
    fn armed_is_never_claimed_in_vain_and_always_claimed_again() {
        let venue = || {
            let access = access("/ws/api/v2", None, "");
            Deribit::new(DeribitConfig { access, heartbeat_s: 10, scope: DeribitScope::Connection }).unwrap()
        };
        run(
            "deribit",
            venue,
            || Box::new(DeribitExchange::new(TimeFactor::REAL)),
            |world, number| {
                let params = format!(
                    r#"{{"instrument_name":"BTC-PERPETUAL","amount":10,"type":"limit","price":1000,"label":"kc{}"}}"#,
                    number % 1_000_000_000
                );
                world.request("private/buy", &params);
            },
        );
    }
}

mod bybit {
    use super::*;
    use killcord::sim::exchange::bybit::BybitExchange;
    use killcord::venue::bybit::{Bybit, BybitConfig, BybitProduct};

    #[test]
    fn armed_is_never_claimed_in_vain_and_always_claimed_again() {
        let venue = || {
            let access = access("/v5/private", Some("/v5/trade"), "");
            let products = vec![BybitProduct::Derivatives, BybitProduct::Spot];
            Bybit::new(BybitConfig { access, products, window_s: 10, max_active_time_s: 30, trade_link: true }).unwrap()
        };
        run(
            "bybit",
            venue,
            || Box::new(BybitExchange::new(TimeFactor::REAL)),
            |world, number| {
                let params = format!(
                    r#"{{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01","price":"1000","orderLinkId":"kc{}"}}"#,
                    number % 1_000_000_000
                );
                world.request("order.create", &params);
            },
        );
    }
}

mod kraken {
    use super::*;
    use killcord::sim::exchange::kraken::KrakenExchange;
    use killcord::venue::kraken::{Kraken, KrakenConfig};

    #[test]
    fn armed_is_never_claimed_in_vain_and_always_claimed_again() {
        let venue = || Kraken::new(KrakenConfig::advised(access("/v2", None, ""))).unwrap();
        run(
            "kraken",
            venue,
            || Box::new(KrakenExchange::new(TimeFactor::REAL)),
            |world, _| {
                let params =
                    r#"{"order_type":"limit","side":"buy","symbol":"BTC/USD","limit_price":1000.0,"order_qty":0.001}"#;
                world.request("add_order", params);
            },
        );
    }
}
