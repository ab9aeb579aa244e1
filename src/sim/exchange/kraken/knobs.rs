//! What the embedded Kraken leaves open: one knob for everything the specification calls unknown, with the default it
//! suggests, and what a test may want to vary. Times are venue time; the floor's factor shortens them.

use super::system::System;
use crate::sim::exchange::knob::{Millis, MillisOrNever, choice, knobs};

choice! {
    /// What happens to a timer request of a day or more.
    pub enum TooLong {
        /// It is refused (the text is invented).
        Refuse = "refuse",
        /// It counts as the longest allowed one.
        Clamp = "clamp",
        /// It is taken as it is.
        Accept = "accept",
    }
}

choice! {
    /// How the acknowledgement of a disarm names the trigger time.
    pub enum DisarmedTrigger {
        /// `"0"`, as documented for v1.
        Zero = "zero",
        /// Not at all.
        Absent = "absent",
    }
}

choice! {
    /// Which permission the timer needs; Kraken's pages disagree.
    pub enum TimerPermission {
        /// Either of the two.
        Either = "either",
        /// Cancel and close orders.
        Close = "close-trades",
        /// Create and modify orders.
        Modify = "modify-trades",
    }
}

choice! {
    /// The account's tier, which sets its limits.
    pub enum Tier {
        /// 15 points, 0.33 a second; engine 60, 1 a second.
        Starter = "starter",
        /// 20 points, 0.5 a second; engine 125, 2.34 a second.
        Intermediate = "intermediate",
        /// 20 points, 1 a second; engine 180, 3.75 a second.
        Pro = "pro",
    }
}

knobs! {
    /// The knobs.
    pub struct Knobs {
        system: System = System::Online, "state of the engine: online, cancel_only, post_only or maintenance";
        deadline_from_current_time: bool = false,
            "whether the timer counts from the rounded currentTime instead of the instant of the request";
        disarmed_trigger: DisarmedTrigger = DisarmedTrigger::Zero, "triggerTime after timeout 0: zero or absent";
        too_long: TooLong = TooLong::Refuse, "timeouts of 86400 s and more: refuse, clamp or accept";
        timer_permission: TimerPermission = TimerPermission::Either,
            "what the timer needs: either, close-trades or modify-trades";
        executions_need_permission: bool = true, "whether the executions channel needs query-open-trades";
        expiry_reason: String = "Cancelled by timer".to_owned(), "reason of an order the timer cancelled (invented)";
        expiry_in_one_message: bool = true, "whether a session hears of all orders of an expiry in one message";
        gone_order_text: String = "EOrder:Invalid order".to_owned(), "error for an order that is not open any more";
        idle_close_ms: Millis = Millis(60_000),
            "how long a connection may be without a subscription, in milliseconds of venue time";
        idle_close_code: u32 = 1000, "close code for that; 0 drops the connection instead";
        ping_counts: bool = false, "whether a ping counts like a subscription for a moment";
        heartbeat_ms: Millis = Millis(1_000), "a heartbeat comes this long after the last channel message";
        status_every_ms: MillisOrNever = MillisOrNever(None), "whether status is also repeated: milliseconds or never";
        token_ms: Millis = Millis(900_000), "lifetime of an unused token, in milliseconds of venue time";
        nonce_window: u32 = 0, "how far below the highest nonce one may lie, in the client's own ticks";
        lockout_after: u32 = 10, "bad keys, signatures and nonces in a row before a key is locked out";
        lockout_ms: Millis = Millis(900_000), "how long it stays locked out, in milliseconds of venue time";
        connects_max: u32 = 150, "connection attempts allowed in 600 s of venue time before a ban of 600 s";
        tier: Tier = Tier::Intermediate, "limits of the account: starter, intermediate or pro";
        rest_limit: bool = true, "whether the HTTP counter of each key limits anything";
        engine_limit: bool = true, "whether the engine's counter per account and pair limits anything";
        reorder_private: bool = false, "whether two private requests in a row are handled in the other order";
        invalidate_tokens: bool = false, "set to true to invalidate every token at once; sets itself back";
        skip_sequence: bool = false, "set to true to leave out one sequence number everywhere; sets itself back";
        close_all: String = String::new(),
            "set to `drop` or to a code and a reason to end every connection once; sets itself back";
        say: String = String::new(), "set to a text to send it to every connection once; sets itself back";
    }
}

impl Tier {
    /// Most points of the HTTP counter, and how many decay per second.
    pub const fn rest(self) -> (f64, f64) {
        match self {
            Self::Starter => (15.0, 0.33),
            Self::Intermediate => (20.0, 0.5),
            Self::Pro => (20.0, 1.0),
        }
    }

    /// Threshold of the engine's counter, and how much decays per second.
    pub const fn engine(self) -> (f64, f64) {
        match self {
            Self::Starter => (60.0, 1.0),
            Self::Intermediate => (125.0, 2.34),
            Self::Pro => (180.0, 3.75),
        }
    }
}
