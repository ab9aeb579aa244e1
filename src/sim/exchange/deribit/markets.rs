//! The instruments and currencies the embedded Deribit lists, with a fixed last price each: enough for client libraries
//! to load their markets and for market orders to have a price. There is no market data here.

use serde_json::{Value, json};

/// One instrument.
pub struct Instrument {
    /// The name, as in orders.
    pub name: &'static str,
    /// `future` or `spot`.
    pub kind: &'static str,
    /// The currency it belongs to; order ids begin with it.
    pub currency: &'static str,
    /// The price of every market order.
    pub last: f64,
    /// What one contract is worth.
    pub contract_size: f64,
    base: &'static str,
    counter: &'static str,
    tick: f64,
    min_amount: f64,
}

const CURRENCIES: [(&str, &str); 4] =
    [("BTC", "Bitcoin"), ("ETH", "Ethereum"), ("USDC", "USD Coin"), ("USDT", "Tether USD")];

const INSTRUMENTS: [Instrument; 4] = [
    Instrument {
        name: "BTC-PERPETUAL",
        kind: "future",
        currency: "BTC",
        last: 60_000.0,
        contract_size: 10.0,
        base: "BTC",
        counter: "USD",
        tick: 0.5,
        min_amount: 10.0,
    },
    Instrument {
        name: "ETH-PERPETUAL",
        kind: "future",
        currency: "ETH",
        last: 3_000.0,
        contract_size: 1.0,
        base: "ETH",
        counter: "USD",
        tick: 0.05,
        min_amount: 1.0,
    },
    Instrument {
        name: "ETH_USDC-PERPETUAL",
        kind: "future",
        currency: "USDC",
        last: 3_000.0,
        contract_size: 0.001,
        base: "ETH",
        counter: "USDC",
        tick: 0.01,
        min_amount: 0.001,
    },
    Instrument {
        name: "BTC_USDC",
        kind: "spot",
        currency: "USDC",
        last: 60_000.0,
        contract_size: 0.0001,
        base: "BTC",
        counter: "USDC",
        tick: 1.0,
        min_amount: 0.0001,
    },
];

/// The instrument of this name.
pub fn find(name: &str) -> Option<&'static Instrument> {
    INSTRUMENTS.iter().find(|instrument| instrument.name == name)
}

/// Whether a currency is known; `any` is.
pub fn knows_currency(currency: &str) -> bool {
    currency == "any" || CURRENCIES.iter().any(|(name, _)| *name == currency)
}

/// The result of `public/get_instruments`.
pub fn instruments(currency: Option<&str>, kind: Option<&str>) -> Value {
    let wanted = |i: &&Instrument| {
        currency.is_none_or(|currency| i.belongs_to(currency))
            && kind.is_none_or(|kind| kind == "any" || kind == i.kind)
    };
    INSTRUMENTS.iter().filter(wanted).map(Instrument::listing).collect()
}

/// The result of `public/get_currencies`.
pub fn currencies() -> Value {
    let listing = |(currency, long): &(&str, &str)| {
        json!({
            "currency": currency, "currency_long": long, "coin_type": currency, "fee_precision": 4,
            "min_confirmations": 1, "min_withdrawal_fee": 0.0001, "withdrawal_fee": 0.0001,
            "withdrawal_priorities": [], "in_cross_collateral_pool": true
        })
    };
    CURRENCIES.iter().map(listing).collect()
}

/// The result of `public/ticker`.
pub fn ticker(instrument: &Instrument, wall_ms: u64) -> Value {
    let last = instrument.last;
    json!({
        "instrument_name": instrument.name, "state": "open", "timestamp": wall_ms, "last_price": last,
        "mark_price": last, "index_price": last, "best_bid_price": last, "best_bid_amount": 0.0,
        "best_ask_price": last, "best_ask_amount": 0.0, "open_interest": 0.0, "min_price": last / 2.0,
        "max_price": last * 2.0, "settlement_price": last,
        "stats": { "high": last, "low": last, "volume": 0.0, "price_change": 0.0 }
    })
}

impl Instrument {
    /// Whether it belongs to this currency, or to any.
    pub fn belongs_to(&self, currency: &str) -> bool {
        currency == "any" || currency == self.currency
    }

    fn listing(&self) -> Value {
        let mut listing = json!({
            "instrument_name": self.name, "kind": self.kind, "is_active": true, "state": "open",
            "base_currency": self.base, "counter_currency": self.counter, "quote_currency": self.counter,
            "settlement_currency": self.currency, "price_index": format!("{}_{}", self.base, self.counter).to_lowercase(),
            "tick_size": self.tick, "tick_size_steps": [], "min_trade_amount": self.min_amount,
            "contract_size": self.contract_size, "taker_commission": 0.0005, "maker_commission": 0.0,
            "creation_timestamp": 1_534_242_287_000_u64, "expiration_timestamp": 32_503_708_800_000_u64,
            "rfq": false
        });
        if self.kind == "future" {
            listing["settlement_period"] = json!("perpetual");
            listing["instrument_type"] = json!(if self.counter == "USD" { "reversed" } else { "linear" });
            listing["future_type"] = listing["instrument_type"].clone();
            listing["max_leverage"] = json!(50);
            listing["block_trade_commission"] = json!(0.0001);
            listing["max_liquidation_commission"] = json!(0.0075);
        }
        listing
    }
}
