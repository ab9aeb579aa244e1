//! The four venues as simulated worlds: the dialect, the embedded venue it talks to, and how an order is placed there.

use killcord::model::{Access, Credentials, Endpoint, Moment, Now, Policy, Secret, TimeFactor, WallTime};
use killcord::session::Session;
use killcord::sim::chaos::{Cast, PlaceOrder};
use killcord::sim::clock::GuardClock;
use killcord::sim::exchange::Exchange;
use killcord::sim::exchange::bybit::BybitExchange;
use killcord::sim::exchange::crypto_com::CryptoComExchange;
use killcord::sim::exchange::deribit::DeribitExchange;
use killcord::sim::exchange::kraken::KrakenExchange;
use killcord::sim::network::Network;
use killcord::sim::plan::Plan;
use killcord::sim::world::World;
use killcord::venue::Venue;
use killcord::venue::bybit::{Bybit, BybitConfig, BybitProduct};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use killcord::venue::kraken::{Kraken, KrakenConfig};
use std::time::Duration;

const KEY: &str = "KILLCORDSIMULATION01";
/// Base64, because Kraken wants it; the others take any text.
const SECRET: &str = "a2lsbGNvcmQtc2ltdWxhdGlvbi1zZWNyZXQtMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw";

/// One venue, both sides of it.
pub struct Side<V> {
    /// As it is called in reports.
    pub name: &'static str,
    /// A fresh dialect.
    pub dialect: fn() -> V,
    /// A fresh venue without accounts.
    pub exchange: fn() -> Box<dyn Exchange>,
    /// Places an order, far from any market.
    pub order: PlaceOrder<V>,
}

impl<V: Venue> Side<V> {
    /// A world that has not started. `seed` decides the jitter of dials.
    pub fn world(&self, delay: Duration, seed: u64) -> World<V> {
        self.world_with(delay, seed, Policy::default())
    }

    /// The world in which this plan is carried out.
    pub fn world_for(&self, plan: &Plan) -> World<V> {
        let mut world = self.world_with(plan.delay, plan.seed, plan.policy);
        world.clock = GuardClock::new(world.now(), plan.ppm);
        world.machine.purges = plan.purges;
        world.machine.leaks = plan.leaks;
        world
    }

    /// Who plays in it.
    pub fn cast(&self) -> Cast<V> {
        Cast { dialect: self.dialect, order: self.order }
    }

    fn world_with(&self, delay: Duration, seed: u64, policy: Policy) -> World<V> {
        let start = Now { at: Moment::from_nanos(1_000_000_000_000), wall: WallTime::from_millis(1_780_000_000_000) };
        let mut exchange = (self.exchange)();
        exchange.floor_mut().add_account(KEY, SECRET, "simulated");
        let session = Session::new((self.dialect)(), policy, seed, start);
        World::new(session, exchange, Network::new(delay), start, policy.user_timeout)
    }
}

pub const CRYPTO_COM: Side<CryptoCom> = Side {
    name: "crypto_com",
    dialect: || CryptoCom::new(CryptoComConfig { access: access("/exchange/v1/user", None) }).unwrap(),
    exchange: || Box::new(CryptoComExchange::new(TimeFactor::REAL)),
    order: |world, number| {
        let params = format!(
            r#"{{"instrument_name":"BTC_USD","side":"BUY","type":"LIMIT","price":"1000","quantity":"0.001","client_oid":"kc{}"}}"#,
            number % 1_000_000_000
        );
        world.request("private/create-order", &params);
    },
};

pub const DERIBIT: Side<Deribit> = Side {
    name: "deribit",
    dialect: || {
        let access = access("/ws/api/v2", None);
        Deribit::new(DeribitConfig {
            access,
            heartbeat_s: 10,
            scope: DeribitScope::Connection,
            matching: MatchingCredits::default(),
        })
        .unwrap()
    },
    exchange: || Box::new(DeribitExchange::new(TimeFactor::REAL)),
    order: |world, number| {
        let params = format!(
            r#"{{"instrument_name":"BTC-PERPETUAL","amount":10,"type":"limit","price":1000,"label":"kc{}"}}"#,
            number % 1_000_000_000
        );
        world.request("private/buy", &params);
    },
};

pub const BYBIT: Side<Bybit> = Side {
    name: "bybit",
    dialect: || {
        let access = access("/v5/private", Some("/v5/trade"));
        let products = vec![BybitProduct::Derivatives, BybitProduct::Spot];
        Bybit::new(BybitConfig { access, products, window_s: 10, max_active_time_s: 30, trade_link: true }).unwrap()
    },
    exchange: || Box::new(BybitExchange::new(TimeFactor::REAL)),
    order: |world, number| {
        let params = format!(
            r#"{{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01","price":"1000","orderLinkId":"kc{}"}}"#,
            number % 1_000_000_000
        );
        world.request("order.create", &params);
    },
};

pub const KRAKEN: Side<Kraken> = Side {
    name: "kraken",
    dialect: || Kraken::new(KrakenConfig::advised(access("/v2", None))).unwrap(),
    exchange: || Box::new(KrakenExchange::new(TimeFactor::REAL)),
    order: |world, _| {
        let params = r#"{"order_type":"limit","side":"buy","symbol":"BTC/USD","limit_price":1000.0,"order_qty":0.001}"#;
        world.request("add_order", params);
    },
};

fn access(guard: &str, trade: Option<&str>) -> Access {
    let url = |path: &str| Endpoint::parse("url", &format!("wss://localhost{path}")).unwrap();
    let http = Endpoint::parse("url", "https://localhost").unwrap();
    let credentials = Credentials::new(KEY, Secret::new(SECRET.into()), None).unwrap();
    Access::custom("simulated", url(guard), trade.map(url), http, credentials, TimeFactor::REAL)
}
