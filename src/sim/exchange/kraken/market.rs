//! The pairs and assets of the embedded Kraken: enough for clients to load their markets and trade the usual pairs.
//! Prices never move; a market order is filled at the price here.

use serde_json::{Map, Value, json};

/// One pair, in Kraken's three spellings.
#[derive(Debug)]
pub struct Pair {
    /// Key of `AssetPairs`: `XXBTZUSD`.
    pub name: &'static str,
    /// `XBTUSD`.
    pub altname: &'static str,
    /// Name on v2 websockets: `BTC/USD`.
    pub symbol: &'static str,
    /// Name on v1 websockets, `wsname`: `XBT/USD`.
    pub old_symbol: &'static str,
    base: &'static str,
    quote: &'static str,
    price_decimals: u8,
    smallest: &'static str,
    /// The price at which market orders are filled.
    pub price: &'static str,
}

/// All of them.
pub static PAIRS: [Pair; 8] = [
    pair("XXBTZUSD", "XBTUSD", "BTC/USD", "XBT/USD", "XXBT", "ZUSD", 1, "0.00005", "60000.0"),
    pair("XETHZUSD", "ETHUSD", "ETH/USD", "ETH/USD", "XETH", "ZUSD", 2, "0.001", "3000.00"),
    pair("XXBTZEUR", "XBTEUR", "BTC/EUR", "XBT/EUR", "XXBT", "ZEUR", 1, "0.00005", "55000.0"),
    pair("XETHZEUR", "ETHEUR", "ETH/EUR", "ETH/EUR", "XETH", "ZEUR", 2, "0.001", "2750.00"),
    pair("SOLUSD", "SOLUSD", "SOL/USD", "SOL/USD", "SOL", "ZUSD", 2, "0.02", "150.00"),
    pair("USDCUSD", "USDCUSD", "USDC/USD", "USDC/USD", "USDC", "ZUSD", 4, "5", "1.0000"),
    pair("XBTUSDT", "XBTUSDT", "BTC/USDT", "XBT/USDT", "XXBT", "USDT", 1, "0.00005", "60000.0"),
    pair("DOTUSD", "DOTUSD", "DOT/USD", "DOT/USD", "DOT", "ZUSD", 4, "0.6", "5.0000"),
];

/// Key of `Assets`, `altname`, decimals, decimals shown, and how much of it every account has.
static ASSETS: [(&str, &str, u8, u8, &str); 8] = [
    ("ZUSD", "USD", 4, 2, "1000000.0000"),
    ("ZEUR", "EUR", 4, 2, "1000000.0000"),
    ("XXBT", "XBT", 10, 5, "10.0000000000"),
    ("XETH", "ETH", 10, 5, "100.0000000000"),
    ("SOL", "SOL", 10, 5, "1000.0000000000"),
    ("USDC", "USDC", 8, 4, "1000000.00000000"),
    ("USDT", "USDT", 8, 4, "1000000.00000000"),
    ("DOT", "DOT", 10, 8, "1000.0000000000"),
];

/// The pair that a client means, in any spelling.
pub fn find(name: &str) -> Option<&'static Pair> {
    PAIRS.iter().find(|pair| [pair.name, pair.altname, pair.symbol, pair.old_symbol].contains(&name))
}

/// `AssetPairs`, all or those named, separated by commas; `None` when one is unknown.
pub fn asset_pairs(wanted: Option<&str>) -> Option<Value> {
    let named: Vec<&Pair> = match wanted {
        Some(names) => names.split(',').map(|name| find(name.trim())).collect::<Option<_>>()?,
        None => PAIRS.iter().collect(),
    };
    Some(named.into_iter().map(|pair| (pair.name.to_owned(), pair.row())).collect::<Map<_, _>>().into())
}

/// `Assets`, all or those named; `None` when one is unknown.
pub fn assets(wanted: Option<&str>) -> Option<Value> {
    let names = wanted.map(|names| names.split(',').map(str::trim).collect::<Vec<_>>());
    let known = |name: &&str| ASSETS.iter().any(|asset| asset.0 == *name || asset.1 == *name);
    if names.as_ref().is_some_and(|names| !names.iter().all(known)) {
        return None;
    }
    let shown = ASSETS.iter().filter(|asset| {
        names.as_ref().is_none_or(|names| names.iter().any(|name| *name == asset.0 || *name == asset.1))
    });
    let row = |asset: &(&str, &str, u8, u8, &str)| {
        json!({"aclass": "currency", "altname": asset.1, "decimals": asset.2, "display_decimals": asset.3,
            "status": "enabled"})
    };
    Some(shown.map(|asset| (asset.0.to_owned(), row(asset))).collect::<Map<_, _>>().into())
}

/// `Ticker`, all or those named; `None` when one is unknown.
pub fn ticker(wanted: Option<&str>) -> Option<Value> {
    let named: Vec<&Pair> = match wanted {
        Some(names) => names.split(',').map(|name| find(name.trim())).collect::<Option<_>>()?,
        None => PAIRS.iter().collect(),
    };
    let row = |pair: &Pair| {
        let price = pair.price;
        json!({"a": [price, "1", "1.000"], "b": [price, "1", "1.000"], "c": [price, "0.1"], "v": ["0", "0"],
            "p": [price, price], "t": [0, 0], "l": [price, price], "h": [price, price], "o": price})
    };
    Some(named.into_iter().map(|pair| (pair.name.to_owned(), row(pair))).collect::<Map<_, _>>().into())
}

/// What every account has: asset key and amount.
pub fn balances() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    ASSETS.iter().map(|asset| (asset.0, asset.1, asset.4))
}

/// The snapshot of the `instrument` channel.
pub fn instruments() -> Value {
    let assets: Vec<Value> = ASSETS
        .iter()
        .map(|asset| {
            json!({"id": asset.1, "status": "enabled", "precision": asset.2, "precision_display": asset.3,
                "borrowable": false, "collateral_value": 1.0})
        })
        .collect();
    let pairs: Vec<Value> = PAIRS
        .iter()
        .map(|pair| {
            let increment = 10f64.powi(-i32::from(pair.price_decimals));
            let (base, quote) = pair.symbol.split_once('/').unwrap_or((pair.symbol, ""));
            json!({"symbol": pair.symbol, "base": base, "quote": quote,
                "status": "online", "qty_precision": 8, "qty_increment": 1e-8, "price_precision": pair.price_decimals,
                "cost_precision": 5, "marginable": false, "has_index": true, "cost_min": 0.5,
                "price_increment": increment, "tick_size": increment, "qty_min": super::wire::number(pair.smallest)})
        })
        .collect();
    json!({"assets": assets, "pairs": pairs})
}

impl Pair {
    fn row(&self) -> Value {
        json!({"altname": self.altname, "wsname": self.old_symbol, "aclass_base": "currency", "base": self.base,
            "aclass_quote": "currency", "quote": self.quote, "lot": "unit", "cost_decimals": 5,
            "pair_decimals": self.price_decimals, "lot_decimals": 8, "lot_multiplier": 1, "leverage_buy": [],
            "leverage_sell": [], "fees": [[0, 0.4], [10000, 0.35]], "fees_maker": [[0, 0.25], [10000, 0.2]],
            "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": self.smallest,
            "costmin": "0.5", "tick_size": tick(self.price_decimals), "status": "online"})
    }
}

fn tick(decimals: u8) -> String {
    format!("{:.*}", usize::from(decimals), 10f64.powi(-i32::from(decimals)))
}

#[expect(clippy::too_many_arguments, reason = "a row of a table, read beside its neighbours")]
const fn pair(
    name: &'static str,
    altname: &'static str,
    symbol: &'static str,
    old_symbol: &'static str,
    base: &'static str,
    quote: &'static str,
    price_decimals: u8,
    smallest: &'static str,
    price: &'static str,
) -> Pair {
    Pair { name, altname, symbol, old_symbol, base, quote, price_decimals, smallest, price }
}
