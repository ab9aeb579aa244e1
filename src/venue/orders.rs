//! What the session learns of orders from a dialect: which ones a line of the application creates or cancels, and what a
//! message of the venue says became of some. Names only.

use super::json::{Raw, clean, read_object};
use crate::model::{Attribution, OrderRef};
use serde::Deserialize;

/// What an outgoing line of the application does to orders.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrdersIn {
    /// The id its answer will carry, as text; empty when it has none.
    pub id: String,
    /// The orders it creates, in the order the answer names them.
    pub created: Vec<OrderRef>,
    /// Orders it creates that cannot be named.
    pub unnamed: u64,
    /// What it cancels: ids of the venue or of the client.
    pub cancelled: Vec<String>,
    /// It cancels more than it names.
    pub cancels_all: bool,
}

/// Which order of which request an answer is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OrderKey {
    /// The id of the request, as text.
    pub id: String,
    /// Which of its orders.
    pub index: usize,
}

/// What a message of the venue says about an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderNews {
    /// The venue took it.
    Accepted {
        /// Which.
        key: OrderKey,
        /// Its names, as far as the answer has them.
        order: OrderRef,
    },
    /// The venue refused it.
    Refused {
        /// Which.
        key: OrderKey,
    },
    /// The venue refused the whole request.
    AllRefused {
        /// The id of the request, as text.
        id: String,
    },
    /// It does not rest any more.
    Ended {
        /// Its names, as far as the message has them.
        order: OrderRef,
        /// How.
        how: Ending,
    },
}

/// How an order ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Filled, rejected or expired: not a cancellation.
    Done,
    /// Cancelled.
    Cancelled(Attribution),
}

impl OrdersIn {
    /// A line that creates these.
    pub fn creating(id: String, created: Vec<OrderRef>) -> Self {
        Self { id, created, ..Self::default() }
    }

    /// A line that cancels these, named by ids of the venue or of the client.
    pub fn cancelling(id: String, cancelled: Vec<String>) -> Self {
        Self { id, cancelled, ..Self::default() }
    }

    /// A line that cancels more than it names.
    pub fn cancelling_all(id: String) -> Self {
        Self { id, cancels_all: true, ..Self::default() }
    }

    /// A line that creates orders in a way that cannot be told from outside.
    pub fn unnamed(id: String) -> Self {
        Self { id, unnamed: 1, ..Self::default() }
    }
}

/// Why the venue says no in an answer to a request of the application; `None` when it does not. Where the venues differ
/// they do not contradict each other: an `error`, `success` false, or a code that is not 0.
pub fn refusal_in(answer: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default)]
        error: Option<Raw<'a>>,
        #[serde(borrow, default)]
        success: Option<Raw<'a>>,
        #[serde(borrow, default)]
        code: Option<Raw<'a>>,
        #[serde(borrow, rename = "retCode", default)]
        ret_code: Option<Raw<'a>>,
    }
    let Some(answer_read) = read_object::<Answer<'_>>(answer) else { return Some("not understood".to_owned()) };
    let is_no = answer_read.error.is_some_and(|error| error.token() != "null")
        || answer_read.success.and_then(Raw::as_bool) == Some(false)
        || [answer_read.code, answer_read.ret_code].into_iter().flatten().any(|code| code.bare() != "0");
    is_no.then(|| clean(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_venues_no_is_a_no_and_its_yes_is_none() {
        for no in [
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":11050,"message":"bad_request"}}"#,
            r#"{"id":1,"method":"subscribe","code":40003,"message":"Unknown symbol"}"#,
            r#"{"method":"subscribe","req_id":1,"success":false,"error":"Currency pair not supported"}"#,
            r#"{"success":false,"ret_msg":"error:handler not found","op":"subscribe"}"#,
            "[]",
        ] {
            assert!(refusal_in(no).is_some(), "{no}");
        }
        for yes in [
            r#"{"jsonrpc":"2.0","id":1,"result":["user.trades.any.any.raw"]}"#,
            r#"{"id":1,"method":"subscribe","code":0,"channel":"user.balance"}"#,
            r#"{"method":"subscribe","req_id":1,"success":true,"result":{"channel":"balances"}}"#,
            r#"{"success":true,"ret_msg":"","op":"subscribe"}"#,
        ] {
            assert_eq!(refusal_in(yes), None, "{yes}");
        }
    }
}
