//! The four embedded venues by name, and the addresses at which their clients expect them.

use crate::model::{TimeFactor, VenueName};
use crate::sim::exchange::{Exchange, bybit, crypto_com, deribit, kraken};
use std::net::SocketAddr;

/// A venue without accounts, whose own periods run at this factor.
pub fn embedded(venue: VenueName, factor: TimeFactor) -> Box<dyn Exchange> {
    match venue {
        VenueName::CryptoCom => Box::new(crypto_com::CryptoComExchange::new(factor)),
        VenueName::Deribit => Box::new(deribit::DeribitExchange::new(factor)),
        VenueName::Bybit => Box::new(bybit::BybitExchange::new(factor)),
        VenueName::Kraken => Box::new(kraken::KrakenExchange::new(factor)),
    }
}

/// Where a client goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// The websocket whose life the venue watches.
    pub guard: String,
    /// The order-entry websocket, where the venue has a separate one.
    pub trade: Option<String>,
    /// Prefix of HTTP calls.
    pub http: String,
}

impl Urls {
    /// The paths are the venues' own: Crypto.com's user stream, Deribit's JSON-RPC, Bybit's private and trade streams,
    /// Kraken's authenticated websocket v2.
    pub(super) fn new(venue: VenueName, address: SocketAddr, tls: bool) -> Self {
        let (guard, trade) = match venue {
            VenueName::CryptoCom => ("/exchange/v1/user", None),
            VenueName::Deribit => ("/ws/api/v2", None),
            VenueName::Bybit => ("/v5/private", Some("/v5/trade")),
            VenueName::Kraken => ("/v2", None),
        };
        let (ws, http) = if tls { ("wss", "https") } else { ("ws", "http") };
        Self {
            guard: format!("{ws}://{address}{guard}"),
            trade: trade.map(|path| format!("{ws}://{address}{path}")),
            http: format!("{http}://{address}"),
        }
    }
}
