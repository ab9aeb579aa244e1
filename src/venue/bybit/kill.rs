//! Cancelling everything and reading the open orders back, both over HTTP: Bybit's order-entry socket has no cancel-all
//! operation (v5/websocket/trade/guideline). Bybit wants both asked part by part: v5/order/cancel-all, v5/order/open-order.

use super::calls::{Answer, Purpose};
use super::config::BybitProduct;
use super::{Bybit, errors};
use crate::model::{Moment, Now, Refusal, RefusalClass};
use crate::venue::json::{Raw, push_string, text_or_empty};
use crate::venue::{OpenOrder, Outbox, Path, Report};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What linear contracts settle in.
const LINEAR_COINS: [&str; 2] = ["USDT", "USDC"];
/// What the widely traded inverse contracts settle in. Inverse contracts settle in their base coin and there is no "all":
/// others are cancelled by symbol once a listing has shown them. Eight, so that one kill stays inside 10 requests a second.
const INVERSE_COINS: [&str; 8] = ["BTC", "ETH", "XRP", "SOL", "ADA", "DOT", "LTC", "EOS"];
/// Spot cancels only plain orders unless told which kind.
const SPOT_FILTERS: [&str; 5] = ["Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder"];
/// Inverse symbols with open orders that are remembered between a listing and the next cancel-all.
const SYMBOLS_MAX: usize = 64;
/// Orders in a page: the most Bybit gives.
const PAGE_LIMIT: u32 = 50;
/// Pages of one part after which a listing is given up: 20,000 orders.
const PAGES_MAX: u32 = 400;

const MANY_ORDERS: &str = "more open orders than can be listed; cancel some";

/// One cancel-all request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sweep {
    category: &'static str,
    scope: Option<(&'static str, String)>,
}

/// One page of one part of the open orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listing {
    /// Which reading this belongs to; an older one is ignored.
    reading: u64,
    /// When that reading began.
    asked: Moment,
    category: &'static str,
    settle_coin: Option<&'static str>,
    cursor: Option<String>,
    page: u32,
}

/// Reading the open orders, and what it showed.
#[derive(Default)]
pub(super) struct Readings {
    last: u64,
    /// Parts of the newest reading that are not complete.
    parts_left: usize,
    /// Symbols of open inverse orders that settle in none of [`INVERSE_COINS`], or are not known to.
    inverse_symbols: BTreeSet<String>,
}

impl Bybit {
    /// Cancels everything of the configured products, the likeliest first.
    pub(super) fn sweep(&mut self, now: Now, out: &mut Outbox) {
        for sweep in self.sweeps() {
            self.call(now, Purpose::CancelAll(sweep), out);
        }
    }

    pub(super) fn hear_swept(&mut self, answer: &Answer<'_>, step: &'static str, out: &mut Outbox) {
        #[derive(Deserialize)]
        struct Swept<'a> {
            #[serde(borrow)]
            list: Option<Vec<Raw<'a>>>,
            #[serde(borrow)]
            success: Option<Raw<'a>>,
        }
        let swept = answer.result.and_then(Raw::read_object::<Swept<'_>>);
        if swept.as_ref().and_then(|swept| swept.success).is_some_and(|success| success.bare() == "0") {
            out.report(Report::Refused(errors::unreadable(step)));
            return;
        }
        let count = swept.and_then(|swept| swept.list).and_then(|list| u64::try_from(list.len()).ok());
        out.report(Report::CancelledAll { path: Path::Http, count });
    }

    /// Reads every part of the open orders anew; a reading under way is given up.
    pub(super) fn read_open_orders(&mut self, now: Now, out: &mut Outbox) {
        self.readings.last += 1;
        let reading = self.readings.last;
        let parts = self.listing_parts();
        self.readings.parts_left = parts.len();
        for (category, settle_coin) in parts {
            let listing = Listing { reading, asked: now.at, category, settle_coin, cursor: None, page: 1 };
            self.call(now, Purpose::OpenOrders(listing), out);
        }
    }

    /// True while this page belongs to the newest reading.
    pub(super) fn is_current(&self, listing: &Listing) -> bool {
        listing.reading == self.readings.last && self.readings.parts_left > 0
    }

    pub(super) fn hear_unlisted(&mut self, listing: &Listing, refusal: Refusal, out: &mut Outbox) {
        if self.is_current(listing) {
            self.give_up_reading();
            out.report(Report::Unlisted { asked: listing.asked, refusal });
        }
    }

    /// The reading cannot be complete any more; what comes later of it is ignored.
    pub(super) fn give_up_reading(&mut self) {
        self.readings.parts_left = 0;
    }

    pub(super) fn hear_page(&mut self, now: Now, listing: &Listing, answer: &Answer<'_>, out: &mut Outbox) {
        if !self.is_current(listing) {
            return;
        }
        let step = Purpose::OpenOrders(listing.clone()).step();
        let Some((orders, cursor)) = answer.result.and_then(read_page) else {
            self.give_up_reading();
            return out.report(Report::Unlisted { asked: listing.asked, refusal: errors::unreadable(step) });
        };
        self.readings.remember(listing.category, &orders);
        let next = cursor.filter(|cursor| !cursor.is_empty() && !orders.is_empty());
        if next.is_some() && listing.page >= PAGES_MAX {
            self.give_up_reading();
            let refusal = Refusal::new(step, "", "", RefusalClass::Retry, MANY_ORDERS);
            return out.report(Report::Unlisted { asked: listing.asked, refusal });
        }
        if next.is_none() {
            self.readings.parts_left -= 1;
        }
        out.report(Report::OpenOrders {
            path: Path::Http,
            asked: listing.asked,
            orders,
            complete: self.readings.parts_left == 0,
        });
        if next.is_some() {
            let listing = Listing { cursor: next, page: listing.page + 1, ..listing.clone() };
            self.call(now, Purpose::OpenOrders(listing), out);
        }
    }

    fn sweeps(&self) -> Vec<Sweep> {
        let mut sweeps = Vec::new();
        for product in &self.products {
            match product {
                BybitProduct::Derivatives => {
                    sweeps.extend(LINEAR_COINS.map(Sweep::linear));
                    sweeps.extend(INVERSE_COINS.map(|coin| Sweep::new("inverse", "settleCoin", coin)));
                    let symbols = &self.readings.inverse_symbols;
                    sweeps.extend(symbols.iter().map(|symbol| Sweep::new("inverse", "symbol", symbol)));
                }
                BybitProduct::Spot => {
                    sweeps.extend(SPOT_FILTERS.map(|filter| Sweep::new("spot", "orderFilter", filter)));
                }
                BybitProduct::Options => sweeps.push(Sweep { category: "option", scope: None }),
            }
        }
        sweeps
    }

    fn listing_parts(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let mut parts = Vec::new();
        for product in &self.products {
            match product {
                BybitProduct::Derivatives => {
                    parts.extend(LINEAR_COINS.map(|coin| ("linear", Some(coin))));
                    parts.push(("inverse", None));
                }
                BybitProduct::Spot => parts.push(("spot", None)),
                BybitProduct::Options => parts.push(("option", None)),
            }
        }
        parts
    }
}

impl Readings {
    fn remember(&mut self, category: &str, orders: &[OpenOrder]) {
        if category != "inverse" {
            return;
        }
        let uncommon = |order: &&OpenOrder| !INVERSE_COINS.iter().any(|coin| order.instrument.starts_with(coin));
        for order in orders.iter().filter(uncommon) {
            if self.inverse_symbols.len() < SYMBOLS_MAX {
                self.inverse_symbols.insert(order.instrument.clone());
            }
        }
    }
}

impl Sweep {
    /// Every linear contract that settles in this coin.
    pub(super) fn linear(coin: &str) -> Self {
        Self::new("linear", "settleCoin", coin)
    }

    fn new(category: &'static str, key: &'static str, value: &str) -> Self {
        Self { category, scope: Some((key, value.to_owned())) }
    }

    pub(super) fn body(&self) -> String {
        let mut body = format!(r#"{{"category":"{}""#, self.category);
        if let Some((key, value)) = &self.scope {
            // Writing to a String cannot fail.
            let _ = write!(body, r#","{key}":"#);
            push_string(&mut body, value);
        }
        body.push('}');
        body
    }
}

impl Listing {
    /// The first page of linear contracts that settle in this coin.
    #[cfg(test)]
    pub(super) const fn linear(coin: &'static str) -> Self {
        Self {
            reading: 0,
            asked: Moment::from_nanos(0),
            category: "linear",
            settle_coin: Some(coin),
            cursor: None,
            page: 1,
        }
    }

    pub(super) fn query(&self) -> String {
        let mut query = format!("category={}", self.category);
        if let Some(coin) = self.settle_coin {
            let _ = write!(query, "&settleCoin={coin}");
        }
        let _ = write!(query, "&limit={PAGE_LIMIT}");
        if let Some(cursor) = &self.cursor {
            query.push_str("&cursor=");
            push_query_value(&mut query, cursor);
        }
        query
    }
}

/// Cursors arrive with their percent escapes and go back as they came. Whatever would end the value is escaped.
fn push_query_value(query: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~%:,=".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
    }
}

fn read_page(result: Raw<'_>) -> Option<(Vec<OpenOrder>, Option<String>)> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        list: Vec<Row<'a>>,
        #[serde(borrow, rename = "nextPageCursor")]
        cursor: Option<Raw<'a>>,
    }
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow, rename = "orderId")]
        id: Raw<'a>,
        #[serde(borrow, rename = "orderLinkId")]
        client_id: Option<Raw<'a>>,
        #[serde(borrow)]
        symbol: Option<Raw<'a>>,
    }
    let page = result.read_object::<Page<'_>>()?;
    let order = |row: Row<'_>| OpenOrder {
        order_id: row.id.text().into_owned(),
        client_id: text_or_empty(row.client_id),
        instrument: text_or_empty(row.symbol),
    };
    let cursor = page.cursor.map(|cursor| cursor.text().into_owned());
    Some((page.list.into_iter().map(order).collect(), cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_back_as_it_came_and_cannot_end_the_query() {
        let cursor = |text: &str| Listing { cursor: Some(text.to_owned()), ..Listing::linear("USDC") }.query();
        let start = "category=linear&settleCoin=USDC&limit=50&cursor=";
        assert_eq!(cursor("a%3A1%2Cb%3D"), format!("{start}a%3A1%2Cb%3D"));
        assert_eq!(cursor("a&b #\r\n"), format!("{start}a%26b%20%23%0D%0A"));
    }

    #[test]
    fn bodies_are_what_was_signed_in_the_vectors() {
        assert_eq!(Sweep::linear("USDT").body(), r#"{"category":"linear","settleCoin":"USDT"}"#);
        assert_eq!(Sweep { category: "option", scope: None }.body(), r#"{"category":"option"}"#);
    }
}
