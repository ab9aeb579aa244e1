//! What the specification of Crypto.com leaves unknown (its section 18), with the suggested defaults. Times are the
//! venue's own and shrink with the floor's factor, except where the description says real time.

use crate::sim::exchange::knob::{Millis, MillisOrNever, choice, knobs};

choice! {
    /// What `private/get-cancel-on-disconnect` answers before `set`.
    pub enum GetBeforeSet {
        /// `{"scope": null}`.
        Null = "null",
        /// An empty result.
        Empty = "empty",
        /// No result at all.
        Absent = "absent",
        /// Error 40401.
        Error = "error",
    }
}

choice! {
    /// Whether something is answered with success or with an error.
    pub enum Verdict {
        /// Success.
        Accept = "accept",
        /// An error.
        Refuse = "refuse",
    }
}

choice! {
    /// How a request with several orders is answered on the websocket.
    pub enum ListReplies {
        /// One reply for each order, all with the request's id.
        Separate = "separate",
        /// One reply whose result is an array.
        Array = "array",
        /// One reply whose result holds `result_list`.
        ResultList = "result_list",
    }
}

choice! {
    /// The status of orders the switch cancelled.
    pub enum CodStatus {
        /// As for every cancel.
        Cancelled = "CANCELED",
        /// As for what ran out of time.
        Expired = "EXPIRED",
    }
}

choice! {
    /// What requests are counted by.
    pub enum LimitBy {
        /// The connection.
        Connection = "connection",
        /// The API key, once logged in.
        Key = "key",
    }
}

choice! {
    /// The `subscription` field of updates for all instruments.
    pub enum AllName {
        /// `user.order`.
        Plain = "plain",
        /// `user.order.BTC_USD`.
        Instrument = "instrument",
    }
}

knobs! {
    /// The knobs of the embedded Crypto.com.
    pub struct Knobs {
        first_heartbeat_ms: Millis = Millis(31_000), "from connect to the first heartbeat; 30000 to 33500 was captured";
        heartbeat_every_ms: Millis = Millis(30_000), "between heartbeats";
        heartbeat_code: bool = true, "whether heartbeats carry \"code\":0";
        heartbeat_warns: bool = false, "whether a heartbeat carries a warning while the one before is unanswered";
        cut_after_ms: Millis = Millis(12_000), "from an unanswered heartbeat to the close with code 1000; 5000 to 20000";
        answer_counts_ms: MillisOrNever = MillisOrNever(None), "an answer later than this after its heartbeat does not count; never: any before the cut counts";
        misses_tolerated: u32 = 0, "how many heartbeats in a row may stay unanswered";
        any_heartbeat_id: bool = false, "whether an answer with a wrong id counts";
        ping_after_ms: MillisOrNever = MillisOrNever(Some(5_300)), "a protocol ping after this long without an inbound text frame";
        pong_cut_ms: MillisOrNever = MillisOrNever(None), "close when a protocol ping stays unanswered for this long";
        answers_pings: bool = true, "whether a client's protocol pings are answered";
        session_lifetime_ms: MillisOrNever = MillisOrNever(None), "close a connection of this age with code 1000";
        cancel_delay_ms: MillisOrNever = MillisOrNever(Some(50)), "from the loss of a connection to the cancelling, real time; never: it does not happen";
        cancel_leaves: u32 = 0, "how many of the covered orders a trip forgets, newest first";
        cod_status: CodStatus = CodStatus::Cancelled, "status of orders the switch cancelled: CANCELED or EXPIRED";
        cod_reason: u32 = 0, "reason code of orders the switch cancelled";
        covers_before_set: bool = true, "whether orders created on the connection before the switch was set are covered";
        amend_moves_owner: bool = false, "whether an amended order belongs to the connection that amended it from then on";
        get_before_set: GetBeforeSet = GetBeforeSet::Null, "what get-cancel-on-disconnect answers before set: null, empty, absent or error";
        repeated_set: Verdict = Verdict::Accept, "a second set with the same scope: accept or refuse";
        account_scope_code: u32 = 40_004, "the error code for set with scope ACCOUNT";
        dishonour_reads_back: bool = true, "whether get-cancel-on-disconnect still says CONNECTION while the switch is dishonoured";
        unsubscribe_closes: bool = false, "whether a user.* unsubscribe that fired the switch also closes the connection";
        unsubscribe_disarms: bool = false, "whether a user.* unsubscribe that fired the switch also takes it off";
        auth_failure_closes: bool = false, "whether a failed public/auth closes the connection";
        repeated_auth: Verdict = Verdict::Accept, "a second public/auth on a connection: accept or refuse";
        revoked_key_closes: bool = false, "whether connections of a revoked key are closed";
        requests_per_s: u32 = 150, "requests per second on the user websocket";
        market_requests_per_s: u32 = 100, "requests per second on the market websocket";
        opening_second_prorated: bool = true, "whether the second of the connect has only its remaining part of the quota";
        heartbeat_answers_count: bool = true, "whether heartbeat answers count as requests";
        limit_by: LimitBy = LimitBy::Connection, "what requests are counted by: connection or key";
        limit_closes_after: u32 = 0, "close after this many refusals for the rate limit; 0: never";
        connections_max: u32 = 0, "most connections at once, more are rejected with 429; 0: any number";
        http_limits: bool = true, "whether the limits on HTTP requests apply";
        websocket_queries: bool = true, "whether queries such as get-open-orders are understood on the websocket";
        all_name: AllName = AllName::Plain, "the subscription field of updates for all instruments: plain or instrument";
        snapshot_size: u32 = 1000, "most orders in one frame of the first answer to a user.order subscription; more take several frames";
        list_replies: ListReplies = ListReplies::Separate, "answers to order lists on the websocket: separate, array or result_list";
        notional_ends_cancelled: bool = true, "whether a market buy by notional ends as CANCELED although filled";
        maintenance_closes: bool = true, "whether maintenance closes connections with 1013; otherwise requests are refused with 50001";
    }
}
