//! The instruments of the embedded Bybit: enough of each category for clients to load their markets and trade the usual
//! symbols. Prices never move; a market order is filled at the price here.

use serde_json::{Value, json};

/// When the options below are delivered: 29 December 2028, 08:00 UTC.
const OPTION_DELIVERY: &str = "1861689600000";

/// One instrument.
#[derive(Debug)]
pub struct Instrument {
    /// `spot`, `linear`, `inverse` or `option`.
    pub category: &'static str,
    /// Its name.
    pub symbol: &'static str,
    /// What is traded.
    pub base: &'static str,
    /// What it is priced in.
    pub quote: &'static str,
    /// What it is settled in; empty on spot.
    pub settle: &'static str,
    /// Price step.
    pub tick: &'static str,
    /// Quantity step and smallest order.
    pub step: &'static str,
    /// The price at which market orders are filled.
    pub price: &'static str,
}

/// All of them.
pub static INSTRUMENTS: [Instrument; 17] = [
    spot("BTCUSDT", "BTC", "USDT", "0.01", "0.000001", "60000"),
    spot("ETHUSDT", "ETH", "USDT", "0.01", "0.00001", "3000"),
    spot("SOLUSDT", "SOL", "USDT", "0.01", "0.001", "150"),
    spot("BTCUSDC", "BTC", "USDC", "0.01", "0.000001", "60000"),
    spot("ETHUSDC", "ETH", "USDC", "0.01", "0.00001", "3000"),
    contract("linear", "BTCUSDT", "BTC", "USDT", "USDT", "0.10", "0.001", "60000"),
    contract("linear", "ETHUSDT", "ETH", "USDT", "USDT", "0.01", "0.01", "3000"),
    contract("linear", "SOLUSDT", "SOL", "USDT", "USDT", "0.010", "0.1", "150"),
    contract("linear", "BTCPERP", "BTC", "USDC", "USDC", "0.10", "0.001", "60000"),
    contract("linear", "ETHPERP", "ETH", "USDC", "USDC", "0.01", "0.01", "3000"),
    contract("inverse", "BTCUSD", "BTC", "USD", "BTC", "0.10", "1", "60000"),
    contract("inverse", "ETHUSD", "ETH", "USD", "ETH", "0.01", "1", "3000"),
    contract("option", "BTC-29DEC28-100000-C", "BTC", "USD", "USDC", "5", "0.01", "9000"),
    contract("option", "BTC-29DEC28-100000-P", "BTC", "USD", "USDC", "5", "0.01", "42000"),
    contract("option", "ETH-29DEC28-5000-C", "ETH", "USD", "USDC", "0.1", "0.1", "500"),
    contract("option", "ETH-29DEC28-5000-P", "ETH", "USD", "USDC", "0.1", "0.1", "2300"),
    contract("option", "SOL-29DEC28-200-C", "SOL", "USD", "USDC", "0.01", "1", "40"),
];

/// The instrument of this name in this category.
pub fn find(category: &str, symbol: &str) -> Option<&'static Instrument> {
    INSTRUMENTS.iter().find(|instrument| instrument.category == category && instrument.symbol == symbol)
}

/// True for the four categories.
pub fn is_category(category: &str) -> bool {
    ["spot", "linear", "inverse", "option"].contains(&category)
}

impl Instrument {
    /// The row of `/v5/market/instruments-info`.
    pub fn row(&self) -> Value {
        match self.category {
            "spot" => self.spot_row(),
            "option" => self.option_row(),
            _ => self.futures_row(),
        }
    }

    /// The row of `/v5/market/tickers`.
    pub fn ticker(&self) -> Value {
        json!({"symbol": self.symbol, "lastPrice": self.price, "bid1Price": self.price, "bid1Size": "1",
            "ask1Price": self.price, "ask1Size": "1", "prevPrice24h": self.price, "price24hPcnt": "0",
            "highPrice24h": self.price, "lowPrice24h": self.price, "turnover24h": "0", "volume24h": "0",
            "markPrice": self.price, "indexPrice": self.price})
    }

    fn spot_row(&self) -> Value {
        json!({"symbol": self.symbol, "baseCoin": self.base, "quoteCoin": self.quote, "innovation": "0",
            "status": "Trading", "marginTrading": "utaOnly", "stTag": "0",
            "lotSizeFilter": {"basePrecision": self.step, "quotePrecision": "0.0000001", "minOrderQty": self.step,
                "maxOrderQty": "100000", "minOrderAmt": "5", "maxOrderAmt": "10000000",
                "maxLimitOrderQty": "100000", "maxMarketOrderQty": "50000", "postOnlyMaxLimitOrderSize": "100000"},
            "priceFilter": {"tickSize": self.tick},
            "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"}})
    }

    fn futures_row(&self) -> Value {
        let kind = if self.category == "linear" { "LinearPerpetual" } else { "InversePerpetual" };
        json!({"symbol": self.symbol, "contractType": kind, "status": "Trading", "baseCoin": self.base,
            "quoteCoin": self.quote, "launchTime": "1585526400000", "deliveryTime": "0", "deliveryFeeRate": "",
            "priceScale": "2", "settleCoin": self.settle, "unifiedMarginTrade": true, "fundingInterval": 480,
            "copyTrading": "none", "upperFundingRate": "0.00375", "lowerFundingRate": "-0.00375",
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": self.tick, "maxPrice": "1999999.80", "tickSize": self.tick},
            "lotSizeFilter": {"maxOrderQty": "1190.000", "minOrderQty": self.step, "qtyStep": self.step,
                "postOnlyMaxOrderQty": "1190.000", "maxMktOrderQty": "500.000", "minNotionalValue": "5"}})
    }

    fn option_row(&self) -> Value {
        let kind = if self.symbol.ends_with('C') { "Call" } else { "Put" };
        json!({"symbol": self.symbol, "status": "Trading", "baseCoin": self.base, "quoteCoin": self.quote,
            "settleCoin": self.settle, "optionsType": kind, "launchTime": "1703836800000",
            "deliveryTime": OPTION_DELIVERY, "deliveryFeeRate": "0.00015",
            "priceFilter": {"minPrice": self.tick, "maxPrice": "10000000", "tickSize": self.tick},
            "lotSizeFilter": {"maxOrderQty": "500", "minOrderQty": self.step, "qtyStep": self.step}})
    }
}

const fn spot(
    symbol: &'static str,
    base: &'static str,
    quote: &'static str,
    tick: &'static str,
    step: &'static str,
    price: &'static str,
) -> Instrument {
    Instrument { category: "spot", symbol, base, quote, settle: "", tick, step, price }
}

#[expect(clippy::too_many_arguments, reason = "a row of a table, read beside its neighbours")]
const fn contract(
    category: &'static str,
    symbol: &'static str,
    base: &'static str,
    quote: &'static str,
    settle: &'static str,
    tick: &'static str,
    step: &'static str,
    price: &'static str,
) -> Instrument {
    Instrument { category, symbol, base, quote, settle, tick, step, price }
}
