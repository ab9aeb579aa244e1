//! The HTTP paths of the embedded Bybit and what each does, apart from orders. One line of the table per path; a path
//! that is not here is answered with 404.

use super::BybitExchange;
use super::knobs::EmptyShape;
use super::limits::Standing;
use super::market::{self, INSTRUMENTS};
use super::orders::{Call, category};
use super::product::Product;
use super::wire::{Done, Failure, text, whole};
use crate::sim::exchange::{Fault, JournalKind};
use serde_json::{Value, json};

/// Shortest window a client may set, in seconds.
const WINDOW_LOW: u64 = 3;
/// Longest window.
const WINDOW_HIGH: u64 = 300;

/// What a path needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Nothing; answered in maintenance too.
    Always,
    /// Nothing.
    Public,
    /// A signature.
    Private,
}

/// What a path does.
type Act = fn(&mut BybitExchange, &Call<'_>, &mut Option<Standing>, &mut Vec<u64>) -> Result<Done, Failure>;

/// One path.
pub struct Route {
    method: &'static str,
    path: &'static str,
    /// What it needs.
    pub access: Access,
    /// What it does.
    pub act: Act,
}

/// The route of this method and path.
pub fn find(method: &str, path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method == method && route.path == path)
}

static ROUTES: [Route; 23] = [
    get("/v5/market/time", Access::Always, |_, call, _, _| Ok(time(call))),
    get("/v5/system/status", Access::Always, |_, _, _, _| Ok(json!({"list": []}).into())),
    get("/v5/market/instruments-info", Access::Public, |_, call, _, _| instruments(call)),
    get("/v5/market/tickers", Access::Public, |_, call, _, _| tickers(call)),
    get("/v5/user/query-api", Access::Private, |venue, call, _, _| Ok(venue.key_info(call))),
    get("/v5/account/info", Access::Private, |_, call, _, _| Ok(account_info(call))),
    get("/v5/account/wallet-balance", Access::Private, |_, _, _, _| Ok(wallet())),
    get("/v5/asset/coin/query-info", Access::Private, |_, _, _, _| Ok(coins())),
    get("/v5/position/list", Access::Private, |_, call, _, _| Ok(empty_list(category(call.params)?))),
    get("/v5/account/query-dcp-info", Access::Private, BybitExchange::dcp_info),
    post("/v5/order/disconnected-cancel-all", BybitExchange::set_dcp),
    get("/v5/order/realtime", Access::Private, |venue, call, standing, _| {
        venue.count_use(call, "realtime", "", 1, standing)?;
        venue.realtime(call)
    }),
    get("/v5/order/history", Access::Private, |venue, call, standing, _| {
        venue.count_use(call, "history", "", 1, standing)?;
        venue.history(call)
    }),
    get("/v5/execution/list", Access::Private, |venue, call, standing, _| {
        venue.count_use(call, "list", "", 1, standing)?;
        venue.executions(call)
    }),
    post("/v5/order/create", |v, call, standing, changed| v.order_operation("create", call, standing, changed)),
    post("/v5/order/amend", |v, call, standing, changed| v.order_operation("amend", call, standing, changed)),
    post("/v5/order/cancel", |v, call, standing, changed| v.order_operation("cancel", call, standing, changed)),
    post("/v5/order/cancel-all", |v, call, standing, changed| v.order_operation("cancel-all", call, standing, changed)),
    post("/v5/order/create-batch", |v, call, standing, changed| {
        v.order_operation("create-batch", call, standing, changed)
    }),
    post("/v5/order/amend-batch", |v, call, standing, changed| {
        v.order_operation("amend-batch", call, standing, changed)
    }),
    post("/v5/order/cancel-batch", |v, call, standing, changed| {
        v.order_operation("cancel-batch", call, standing, changed)
    }),
    get("/v5/account/fee-rate", Access::Private, |_, call, _, _| Ok(empty_list(category(call.params)?))),
    post("/v5/position/set-leverage", |_, _, _, _| Ok(json!({}).into())),
];

const fn get(path: &'static str, access: Access, act: Act) -> Route {
    Route { method: "GET", path, access, act }
}

const fn post(path: &'static str, act: Act) -> Route {
    Route { method: "POST", path, access: Access::Private, act }
}

impl BybitExchange {
    /// Sets the window of one product; it acts only after it has propagated (spec 7.2).
    fn set_dcp(&mut self, call: &Call<'_>, standing: &mut Option<Standing>, _: &mut Vec<u64>) -> Result<Done, Failure> {
        self.permitted(call.key, &["ReadWrite"])?;
        self.count_use(call, "disconnected-cancel-all", "", 1, standing)?;
        let word = text(call.params, "product").unwrap_or_else(|| "OPTIONS".into());
        let product = Product::from_word(&word).ok_or_else(|| Failure::params("product invalid"))?;
        let window = whole(call.params, "timeWindow").filter(|window| (WINDOW_LOW..=WINDOW_HIGH).contains(window));
        let window = window.ok_or_else(|| Failure::params("timeWindow must be from 3 to 300"))?;
        if !self.knobs.dcp_products.has(product) {
            return Err(Failure::new(i64::from(self.knobs.dcp_denied_code), "Permission denied"));
        }
        let from = call.now.at + self.floor.scaled(self.knobs.propagation_ms.length());
        self.dcp.set_window(call.account, product, call.now.at, from, window);
        let detail = format!("{word} window {window} s");
        self.floor.note(call.now, call.account, None, JournalKind::SwitchSet, &detail);
        Ok(Done { text: "success", ..Value::Null.into() })
    }

    /// Which products are on, with the windows in force (spec 7.3). Products that are not on are absent.
    fn dcp_info(
        &mut self,
        call: &Call<'_>,
        standing: &mut Option<Standing>,
        _: &mut Vec<u64>,
    ) -> Result<Done, Failure> {
        self.count_use(call, "query-dcp-info", "", 1, standing)?;
        let hidden = self.floor.has(&Fault::Dishonour) && !self.knobs.dishonour_readback;
        let infos: Vec<Value> = [Product::Spot, Product::Derivatives, Product::Options]
            .into_iter()
            .filter(|product| !hidden && self.knobs.dcp_products.has(*product))
            .map(|product| {
                let window = self.dcp.window(call.account, product, call.now.at);
                json!({"product": product.word(), "dcpStatus": "ON", "timeWindow": window.to_string()})
            })
            .collect();
        let result = match (infos.is_empty(), self.knobs.dcp_empty) {
            (true, EmptyShape::Missing) => json!({}),
            (true, EmptyShape::List) | (false, _) => json!({"dcpInfos": infos}),
        };
        Ok(Done { text: "success", ..result.into() })
    }

    /// What the key may do.
    fn key_info(&self, call: &Call<'_>) -> Done {
        let lacks = |permission: &str| {
            let account = self.floor.accounts.get(call.key);
            account.is_some_and(|account| account.lacks.iter().any(|lack| lack == permission))
        };
        let granted = |permission: &str, words: &[&str]| if lacks(permission) { json!([]) } else { json!(words) };
        json!({
            "id": "13770661", "note": "embedded", "apiKey": call.key, "readOnly": i32::from(lacks("ReadWrite")),
            "secret": "", "type": 1, "deadlineDay": 90, "expiredAt": "2099-01-01T00:00:00Z",
            "createdAt": "2022-10-16T02:24:40Z", "unified": 0, "uta": 1, "userID": 24_600_000, "inviterID": 0,
            "vipLevel": "No VIP", "mktMakerLevel": "0", "affiliateID": 0, "rsaPublicKey": "", "isMaster": true,
            "parentUid": "0", "kycLevel": "LEVEL_DEFAULT", "kycRegion": "", "ips": ["*"],
            "permissions": {
                "ContractTrade": granted("ContractTrade", &["Order", "Position"]),
                "Spot": granted("Spot", &["SpotTrade"]),
                "Options": granted("Options", &["OptionsTrade"]),
                "Derivatives": granted("ContractTrade", &["DerivativesTrade"]),
                "Wallet": ["AccountTransfer"], "CopyTrading": [], "BlockTrade": [], "Exchange": [], "NFT": [],
                "Affiliate": [], "Earn": [],
            },
        })
        .into()
    }
}

fn time(call: &Call<'_>) -> Done {
    let nanos = call.now.wall.nanos();
    json!({"timeSecond": (nanos / 1_000_000_000).to_string(), "timeNano": nanos.to_string()}).into()
}

fn instruments(call: &Call<'_>) -> Result<Done, Failure> {
    let category = category(call.params)?;
    let base = text(call.params, "baseCoin");
    let symbol = text(call.params, "symbol");
    let trading = text(call.params, "status").is_none_or(|status| status == "Trading");
    let list: Vec<Value> = INSTRUMENTS
        .iter()
        .filter(|instrument| trading && instrument.category == category)
        .filter(|instrument| base.as_deref().is_none_or(|base| base == instrument.base))
        .filter(|instrument| symbol.as_deref().is_none_or(|symbol| symbol == instrument.symbol))
        .map(market::Instrument::row)
        .collect();
    Ok(json!({"category": category, "list": list, "nextPageCursor": ""}).into())
}

fn tickers(call: &Call<'_>) -> Result<Done, Failure> {
    let category = category(call.params)?;
    let symbol = text(call.params, "symbol");
    let list: Vec<Value> = INSTRUMENTS
        .iter()
        .filter(|instrument| instrument.category == category)
        .filter(|instrument| symbol.as_deref().is_none_or(|symbol| symbol == instrument.symbol))
        .map(market::Instrument::ticker)
        .collect();
    Ok(json!({"category": category, "list": list}).into())
}

/// The deprecated constants `dcpStatus` and `timeWindow` say nothing about the protection (spec 7.3).
fn account_info(call: &Call<'_>) -> Done {
    json!({"marginMode": "REGULAR_MARGIN", "updatedTime": call.now.wall.millis().to_string(), "unifiedMarginStatus": 6,
        "dcpStatus": "OFF", "timeWindow": 0, "smpGroup": 0, "isMasterTrader": false, "spotHedgingStatus": "OFF"})
    .into()
}

fn wallet() -> Done {
    let coin = |name: &str, amount: &str| {
        json!({"coin": name, "equity": amount, "usdValue": amount, "walletBalance": amount, "free": "", "locked": "0",
            "borrowAmount": "0", "availableToWithdraw": "", "accruedInterest": "0", "totalOrderIM": "0",
            "totalPositionIM": "0", "totalPositionMM": "0", "unrealisedPnl": "0", "cumRealisedPnl": "0", "bonus": "0",
            "collateralSwitch": true, "marginCollateral": true, "spotHedgingQty": "0"})
    };
    json!({"list": [{"accountType": "UNIFIED", "accountLTV": "0", "accountIMRate": "0", "accountMMRate": "0",
        "totalEquity": "1100000", "totalWalletBalance": "1100000", "totalMarginBalance": "1100000",
        "totalAvailableBalance": "1100000", "totalPerpUPL": "0", "totalInitialMargin": "0",
        "totalMaintenanceMargin": "0",
        "coin": [coin("USDT", "1000000"), coin("USDC", "1000000"), coin("BTC", "10"), coin("ETH", "100")]}]})
    .into()
}

fn coins() -> Done {
    let row = |name: &str, chain: &str| {
        json!({"name": name, "coin": name, "remainAmount": "1000000", "chains": [{"chain": chain, "chainType": chain,
            "confirmation": "10", "withdrawFee": "1", "depositMin": "0", "withdrawMin": "1", "minAccuracy": "8",
            "chainDeposit": "1", "chainWithdraw": "1", "withdrawPercentageFee": "0", "contractAddress": ""}]})
    };
    json!({"rows": [row("BTC", "BTC"), row("ETH", "ETH"), row("SOL", "SOL"), row("USDT", "ETH"), row("USDC", "ETH")]})
        .into()
}

fn empty_list(category: String) -> Done {
    json!({"category": category, "nextPageCursor": "", "list": []}).into()
}
