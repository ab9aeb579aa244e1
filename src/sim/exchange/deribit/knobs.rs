//! What the specification of Deribit leaves unknown or contradictory (its sections 5, 6, 17, 19 and 20), with the
//! suggested defaults. Times are the venue's own and shrink with the floor's factor, except where the description says
//! real time.

use crate::sim::exchange::knob::{Millis, MillisOrNever, choice, knobs};

choice! {
    /// How long after an unanswered `test_request` the connection is closed.
    pub enum CloseAfter {
        /// The heartbeat interval.
        Interval = "interval",
        /// The knob `close_after_fixed_ms`.
        Fixed = "fixed",
    }
}

choice! {
    /// What happens to a connection whose token expired.
    pub enum TokenExpiry {
        /// Nothing.
        Ignore = "ignore",
        /// Private requests are refused with 13009.
        Refuse = "refuse",
        /// The connection is closed.
        Close = "close",
    }
}

choice! {
    /// The methods of the switch over HTTP.
    pub enum SwitchOverHttp {
        /// Refused with 10030.
        Refuse = "refuse",
        /// Understood with scope `account`.
        Account = "account",
    }
}

choice! {
    /// Which session goes when a key has too many.
    pub enum Eviction {
        /// The oldest.
        Oldest = "oldest",
        /// The one that would expire first.
        Shortest = "shortest",
    }
}

choice! {
    /// The `cancel_reason` of orders the switch cancelled.
    pub enum CodReason {
        /// As documented.
        Documented = "cancel_on_disconnect",
        /// One nobody has heard of: the documented list is not closed (section 9.4).
        Unheard = "unheard",
        /// None at all.
        Absent = "absent",
    }
}

choice! {
    /// The result of a cancel-all with `detailed`.
    pub enum Detailed {
        /// One report for each currency and type.
        Reports = "reports",
        /// A list of `{"order": …}`.
        Orders = "orders",
    }
}

knobs! {
    /// The knobs of the embedded Deribit.
    pub struct Knobs {
        first_test_request_extra_ms: Millis = Millis(2_600), "beyond the interval, until the first test_request of a connection; 2000 to 2600 was measured";
        test_request_extra_ms: Millis = Millis(700), "beyond the interval, until each later test_request; 600 to 700 was measured";
        close_after: CloseAfter = CloseAfter::Interval, "how long an unanswered test_request is waited for: interval or fixed";
        close_after_fixed_ms: Millis = Millis(10_000), "that wait when it is fixed";
        any_frame_counts: bool = true, "whether any frame of the client puts the next test_request off; otherwise only public/test";
        any_frame_answers: bool = false, "whether any frame answers a test_request; otherwise only public/test";
        also_heartbeat_when_busy: bool = false, "whether a heartbeat comes with every test_request";
        interval_max_s: u32 = 3_600, "longest heartbeat interval in seconds";
        first_message_timeout_ms: MillisOrNever = MillisOrNever(Some(60_000)), "drop a connection that has never said anything after this long";
        inactivity_timeout_ms: MillisOrNever = MillisOrNever(Some(600_000)), "close a connection that has said nothing for this long";
        pings_count_as_activity: bool = false, "whether a client's protocol pings are activity";
        answers_pings: bool = true, "whether a client's protocol pings are answered";
        cancel_delay_ms: MillisOrNever = MillisOrNever(Some(50)), "from the end of a connection to the cancelling, real time; never: it does not happen";
        cod_partial_failure: u32 = 0, "how many of the covered orders a trip forgets, newest first";
        cod_covers_pre_enable_orders: bool = true, "whether orders created on the connection before the switch was on are covered";
        cod_covers_trigger_orders: bool = true, "whether untriggered orders are covered";
        cod_reason: CodReason = CodReason::Documented, "cancel_reason of orders the switch cancelled: cancel_on_disconnect, unheard or absent";
        cod_on_maintenance: bool = true, "whether an end of the connection during maintenance fires the switch";
        cod_on_rate_limit: bool = true, "whether a close for exhausted credits fires the switch";
        account_reaches_open_connections: bool = false, "whether enabling with scope account also reaches connections that are already open";
        account_disable_includes_this: bool = true, "whether disabling with scope account also takes the switch off this connection";
        reauth_keeps_switch: bool = true, "whether a second login on a connection keeps its switch";
        edit_moves_owner: bool = false, "whether an edited order belongs to the connection that edited it from then on";
        dishonour_reads_back: bool = true, "whether get_cancel_on_disconnect still says enabled while the switch is dishonoured";
        switch_over_http: SwitchOverHttp = SwitchOverHttp::Refuse, "the switch over HTTP: refuse or account";
        bad_signature_code: u32 = 13_009, "the error code for a signature that does not match";
        nonce_reuse_refused: bool = true, "whether a nonce can be used once only";
        token_lifetime_s: u32 = 31_536_000, "lifetime of access tokens in seconds, real time";
        token_expiry: TokenExpiry = TokenExpiry::Refuse, "a connection whose token expired: ignore, refuse or close";
        invalidate_tokens: bool = false, "set to true to let every access token given out so far expire at once; sets itself back";
        session_eviction: Eviction = Eviction::Oldest, "which session goes when a key has more than 16: oldest or shortest";
        revoked_key_closes: bool = false, "whether connections of a revoked key are closed";
        logout_close_code: u32 = 1_000, "close code after private/logout";
        rate_close_code: u32 = 1_000, "close code after exhausted credits";
        rate_limits: bool = true, "whether credits are counted";
        platform_state_every_ms: MillisOrNever = MillisOrNever(Some(385)), "between messages on platform_state, real time, one index each; production has about 2.6 per second";
        subscribe_drops: bool = false, "whether a subscription silently loses the last of its channels";
        matching_rate: u32 = 5, "matching-engine requests per second";
        matching_burst: u32 = 20, "matching-engine requests at once";
        connections_max: u32 = 32, "most websockets at once, more are rejected with 429; 0: any number";
        maintenance_closes: bool = false, "whether maintenance closes connections, with 1001";
        detailed: Detailed = Detailed::Reports, "the result of cancel-all with detailed: reports or orders";
        testnet: bool = false, "what the field testnet says";
    }
}
