//! What the session learns of orders from a dialect: which ones a line of the application creates or cancels, and what a
//! message of the venue says became of some. Names only.

use crate::model::{Attribution, OrderRef};

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
    /// A line that creates orders in a way that cannot be told from outside.
    pub fn unnamed(id: String) -> Self {
        Self { id, unnamed: 1, ..Self::default() }
    }
}
