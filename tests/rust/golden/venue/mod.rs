//! Every promise of a session, at every venue it applies to: a guard and an embedded venue in a simulated world.

mod promises;
mod stage;
mod wire;
mod words;

use super::files::Told;
use super::script::{self, Promise};
use super::worlds::Side;
use killcord::venue::Venue;
use stage::VenueStage;

/// How one venue spells what scripts speak of.
pub struct VenueWords {
    /// The folder.
    pub name: &'static str,
    /// `{login}`, `{switch}`, `{read back}`, `{cancel all}`, `{list}`, `{order}` and so on in scripts: steps as the embedded
    /// venue calls them.
    steps: [(&'static str, &'static str); 9],
    /// A subscription that no switch hangs on.
    subscription: (&'static str, &'static str),
    /// What would break the protection.
    breaks: (&'static str, &'static str),
    /// Instrument and category of somebody else's order.
    market: (&'static str, &'static str),
}

pub const CRYPTO_COM: VenueWords = VenueWords {
    name: "crypto_com",
    steps: [
        ("{login}", "public/auth"),
        ("{switch}", "private/set-cancel-on-disconnect"),
        ("{read back}", "private/get-cancel-on-disconnect"),
        ("{cancel all}", "private/cancel-all-orders"),
        ("{list}", "private/get-open-orders"),
        ("{order}", "private/create-order"),
        ("{beat}", "public/respond-heartbeat"),
        ("{disarm}", "nothing"),
        ("{cancel all over HTTP}", "private/cancel-all-orders"),
    ],
    subscription: ("subscribe", r#"{"channels":["user.order"]}"#),
    breaks: ("unsubscribe", r#"{"channels":["user.order"]}"#),
    market: ("BTC_USD", ""),
};

pub const DERIBIT: VenueWords = VenueWords {
    name: "deribit",
    steps: [
        ("{login}", "public/auth"),
        ("{switch}", "private/enable_cancel_on_disconnect"),
        ("{read back}", "private/get_cancel_on_disconnect"),
        ("{cancel all}", "private/cancel_all"),
        ("{list}", "private/get_open_orders"),
        ("{order}", "private/buy"),
        ("{beat}", "public/test"),
        ("{disarm}", "private/disable_cancel_on_disconnect"),
        ("{cancel all over HTTP}", "private/cancel_all"),
    ],
    subscription: ("private/subscribe", r#"{"channels":["user.orders.any.any.raw"]}"#),
    breaks: ("private/disable_cancel_on_disconnect", r#"{"scope":"connection"}"#),
    market: ("BTC-PERPETUAL", ""),
};

pub const BYBIT: VenueWords = VenueWords {
    name: "bybit",
    steps: [
        ("{login}", "auth"),
        ("{switch}", "subscribe:dcp.future"),
        ("{read back}", "GET /v5/account/query-dcp-info"),
        ("{cancel all}", "POST /v5/order/cancel-all"),
        ("{list}", "GET /v5/order/realtime"),
        ("{order}", "order.create"),
        ("{beat}", "ping"),
        ("{disarm}", "nothing"),
        ("{cancel all over HTTP}", "POST /v5/order/cancel-all"),
    ],
    subscription: ("subscribe", r#"["order"]"#),
    breaks: ("unsubscribe", r#"["dcp.future"]"#),
    market: ("BTCUSDT", "linear"),
};

pub const KRAKEN: VenueWords = VenueWords {
    name: "kraken",
    steps: [
        ("{login}", "GetWebSocketsToken"),
        ("{switch}", "cancel_all_orders_after"),
        ("{read back}", ""),
        ("{cancel all}", "cancel_all"),
        ("{list}", "OpenOrders"),
        ("{order}", "add_order"),
        ("{beat}", "cancel_all_orders_after"),
        ("{disarm}", "cancel_all_orders_after"),
        ("{cancel all over HTTP}", "CancelAll"),
    ],
    subscription: ("subscribe", r#"{"channel":"balances"}"#),
    breaks: ("cancel_all_orders_after", r#"{"timeout":0}"#),
    market: ("BTC/USD", ""),
};

/// Every promise of one venue, as it is kept now.
pub fn tell<V: Venue>(side: &Side<V>, words: &VenueWords) -> Vec<Told> {
    let bound = (side.dialect)().facts().exposure.bound.as_secs_f64();
    let tell = |mut promise: Promise| {
        for (name, step) in words.steps {
            promise.script = promise.script.replace(name, step);
        }
        promise.script = promise.script.replace("{bound}", &format!("{bound}s"));
        script::tell(words.name, &promise, &mut VenueStage::new(side, words))
    };
    promises::of(words.name).into_iter().map(tell).collect()
}

/// Folder and name of every promise of every venue.
pub fn names() -> Vec<(String, String)> {
    let venues = [CRYPTO_COM, DERIBIT, BYBIT, KRAKEN].map(|words| words.name);
    let of = |venue: &'static str| promises::of(venue).into_iter().map(move |p| (venue.to_owned(), p.name.to_owned()));
    venues.into_iter().flat_map(of).collect()
}
