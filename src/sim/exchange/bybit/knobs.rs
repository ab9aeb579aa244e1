//! What the embedded Bybit leaves open: one knob for everything the specification calls unknown, with the default it
//! suggests, and what a test may want to vary. Times are venue time; the floor's factor shortens them.

use super::product::Product;
use crate::sim::exchange::knob::{Millis, MillisOrNever, Setting, choice, knobs};

choice! {
    /// Which client frames the idle reaper counts as activity.
    pub enum Activity {
        /// JSON pings only.
        JsonPing = "json_ping",
        /// Any text message.
        Text = "text",
        /// Any frame, protocol pings and pongs included.
        Any = "any",
    }
}

choice! {
    /// How the query answers when no product is switched on.
    pub enum EmptyShape {
        /// An empty list.
        List = "list",
        /// No `dcpInfos` at all.
        Missing = "missing",
    }
}

choice! {
    /// What the deprecated bare `dcp` topic does.
    pub enum BareTopic {
        /// It is refused like any unknown topic.
        Refused = "refused",
        /// It counts for options, as it did when it was introduced.
        Options = "options",
    }
}

/// The products that the client manager switched on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Products(Vec<Product>);

impl Products {
    /// True when this one is switched on.
    pub fn has(&self, product: Product) -> bool {
        self.0.contains(&product)
    }
}

impl Setting for Products {
    fn show(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|product| product.word()).collect();
        words.join(",")
    }

    fn read(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let products: Option<Vec<Product>> = words.map(Product::from_word).collect();
        products
            .map(Self)
            .ok_or_else(|| "must be words from DERIVATIVES, SPOT, OPTIONS, separated by commas".to_owned())
    }
}

knobs! {
    /// The knobs.
    pub struct Knobs {
        dcp_products: Products = Products(Product::ALL.to_vec()),
            "products switched on, for every account: any of DERIVATIVES, SPOT, OPTIONS; may be empty";
        dcp_denied_code: u32 = 10005, "retCode for setting the window of a product that is not switched on (invented)";
        dcp_empty: EmptyShape = EmptyShape::List, "query answer without products: list or missing";
        dishonour_readback: bool = true, "whether the query still says ON while the switch is dishonoured";
        propagation_ms: Millis = Millis(10_000), "how long a new window takes to act, in milliseconds of venue time";
        cancel_delay_ms: Millis = Millis(0), "from the window's end to the cancels, in milliseconds of venue time";
        subscribe_needs_entitlement: bool = false, "whether a dcp topic of a product that is not on is refused";
        bare_dcp: BareTopic = BareTopic::Refused, "the deprecated bare dcp topic: refused or options";
        reset_needs_ping: bool = true, "whether clearing a running window needs a JSON ping on the connection";
        reset_needs_topic: bool = true, "whether clearing a running window needs the topic on the connection";
        pool_topics: bool = false, "whether any dcp topic holds off every product";
        unsubscribe_disarms: bool = false, "whether unsubscribing the last topic leaves the window unstarted";
        clean_close_exempt: bool = false, "whether a close frame leaves the window unstarted";
        heartbeat_dead_after_ms: MillisOrNever = MillisOrNever(None),
            "without a JSON ping for this long a connection counts as dead here: milliseconds or never";
        dcp_cancels_conditional: bool = false, "whether the protection cancels untriggered conditional orders too";
        reject_reason: String = "EC_PerCancelRequest".to_owned(), "rejectReason of a tripped order (a guess)";
        cancelled_leaves_zero: bool = true, "whether a cancelled row has leavesQty 0 (the captures disagree)";
        reaper_scan_ms: Millis = Millis(30_000), "time between scans for idleness, in milliseconds of venue time";
        reaper_phase_ms: Millis = Millis(15_000), "phase of these scans, in milliseconds of venue time";
        idle_default_ms: Millis = Millis(600_000), "idle limit without max_active_time, in milliseconds of venue time";
        activity: Activity = Activity::Text, "which client frames count as activity: json_ping, text or any";
        push_is_activity: bool = true, "whether data pushed by the venue counts as activity";
        close_after_failed_auth: bool = false, "whether the venue drops a connection whose login failed";
        invalid_key_status: u32 = 200, "HTTP status of an answer about an invalid key: 200 or 401 (both were seen)";
        unauthed_code: u32 = 10005, "retCode for an order sent over the trade socket before the login (invented)";
        omit_request_id: bool = false, "whether permission errors on the trade socket come without reqId";
        trade_restarting: bool = false, "whether the trade node is restarting: new requests are refused with 10019";
        connects_max: u32 = 500, "connection attempts allowed in 300 s of venue time";
        connects_status: u32 = 403, "HTTP status of an upgrade beyond that (invented)";
        http_max: u32 = 600, "HTTP requests allowed in 5 s of venue time before the address is banned for 600 s";
        drop_all: bool = false, "set to true to drop every connection at once (a gateway restart); sets itself back";
        say: String = String::new(), "set to a text to send it to every connection once; sets itself back";
    }
}
