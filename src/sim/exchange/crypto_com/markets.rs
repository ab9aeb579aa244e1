//! The instruments the embedded Crypto.com lists, with a fixed last price each: enough for client libraries to load
//! their markets and for market orders to have a price. There is no market data here.

use crate::model::Now;
use serde_json::{Value, json};

/// One instrument.
pub struct Instrument {
    /// The name, as in orders.
    pub symbol: &'static str,
    /// What is bought.
    pub base: &'static str,
    /// What is paid.
    pub quote: &'static str,
    /// The price of every market order.
    pub last: f64,
    quote_decimals: u32,
    quantity_decimals: u32,
}

const INSTRUMENTS: [Instrument; 5] = [
    Instrument {
        symbol: "BTC_USD",
        base: "BTC",
        quote: "USD",
        last: 60_000.0,
        quote_decimals: 2,
        quantity_decimals: 5,
    },
    Instrument {
        symbol: "BTC_USDT",
        base: "BTC",
        quote: "USDT",
        last: 60_000.0,
        quote_decimals: 2,
        quantity_decimals: 5,
    },
    Instrument { symbol: "ETH_USD", base: "ETH", quote: "USD", last: 3_000.0, quote_decimals: 2, quantity_decimals: 4 },
    Instrument {
        symbol: "CRO_USD",
        base: "CRO",
        quote: "USD",
        last: 0.054_75,
        quote_decimals: 5,
        quantity_decimals: 0,
    },
    Instrument {
        symbol: "BTCUSD-PERP",
        base: "BTC",
        quote: "USD",
        last: 60_000.0,
        quote_decimals: 1,
        quantity_decimals: 4,
    },
];

/// The instrument of this name.
pub fn find(symbol: &str) -> Option<&'static Instrument> {
    INSTRUMENTS.iter().find(|instrument| instrument.symbol == symbol)
}

/// The result of `public/get-instruments`.
pub fn instruments() -> Value {
    json!({ "data": INSTRUMENTS.iter().map(Instrument::listing).collect::<Vec<_>>() })
}

/// The result of `public/get-tickers`, for one instrument or for all.
pub fn tickers(now: Now, wanted: Option<&str>) -> Value {
    let chosen = INSTRUMENTS.iter().filter(|instrument| wanted.is_none_or(|name| name == instrument.symbol));
    json!({ "data": chosen.map(|instrument| instrument.ticker(now)).collect::<Vec<_>>() })
}

/// The result of `private/get-currency-networks`.
pub fn networks(now: Now) -> Value {
    let network = |id: &str| {
        json!({
            "network_id": id, "withdrawal_fee": "1", "withdraw_enabled": true, "min_withdrawal_amount": "2",
            "deposit_enabled": true, "confirmation_required": "15"
        })
    };
    let currency =
        |name: &str, id: &str| json!({ "full_name": name, "default_network": id, "network_list": [network(id)] });
    json!({
        "update_time": now.wall.millis(),
        "currency_map": {
            "BTC": currency("Bitcoin", "BTC"), "ETH": currency("Ethereum", "ETH"), "CRO": currency("Cronos", "CRONOS"),
            "USD": currency("US Dollar", "USD"), "USDT": currency("Tether USD", "ETH"),
        }
    })
}

impl Instrument {
    /// True for a perpetual.
    fn perpetual(&self) -> bool {
        self.symbol.ends_with("-PERP")
    }

    fn listing(&self) -> Value {
        let display =
            if self.perpetual() { "BTCUSD Perpetual".into() } else { format!("{}/{}", self.base, self.quote) };
        let mut listing = json!({
            "symbol": self.symbol, "display_name": display, "base_ccy": self.base, "quote_ccy": self.quote,
            "inst_type": if self.perpetual() { "PERPETUAL_SWAP" } else { "CCY_PAIR" },
            "quote_decimals": self.quote_decimals, "quantity_decimals": self.quantity_decimals,
            "price_tick_size": tick(self.quote_decimals), "qty_tick_size": tick(self.quantity_decimals),
            "max_leverage": "50", "tradable": true, "expiry_timestamp_ms": 0, "beta_product": false,
            "margin_buy_enabled": false, "margin_sell_enabled": false
        });
        if self.perpetual() {
            listing["underlying_symbol"] = json!("BTCUSD-INDEX");
            listing["contract_size"] = json!("1");
        }
        listing
    }

    fn ticker(&self, now: Now) -> Value {
        let last = self.last.to_string();
        json!({
            "i": self.symbol, "h": last, "l": last, "a": last, "v": "0", "vv": "0", "c": "0", "b": last, "k": last,
            "t": now.wall.millis()
        })
    }
}

fn tick(decimals: u32) -> String {
    match decimals {
        0 => "1".to_owned(),
        _ => format!("0.{}1", "0".repeat(decimals as usize - 1)),
    }
}
