//! One websocket at the venue: its subscriptions, its sequence, and when it was last used. It holds no rules about
//! time.

use crate::model::Moment;
use crate::sim::exchange::spelling::mix;
use std::collections::BTreeMap;

/// One connection.
#[derive(Debug)]
pub struct Conn {
    /// `connection_id`: often above what a signed number holds, as at the venue.
    pub number: u64,
    /// Subscriptions by channel and symbol; the symbol is empty on private channels.
    pub subscriptions: BTreeMap<(String, String), Subscription>,
    /// The account of the last accepted private request; `None` until there was one.
    pub account: Option<String>,
    /// Number of the last message of a private channel.
    pub sequence: u64,
    /// Last message of any channel.
    pub last_channel_message: Moment,
    /// Since when it has no subscription; means nothing while it has one.
    pub bare_since: Moment,
    /// Last status message.
    pub last_status: Moment,
    /// A private request held back so that the next one overtakes it; only with the knob.
    pub held: Option<(Moment, String)>,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The token it was made with; keeps the token alive. `None` on public channels.
    pub token: Option<String>,
    /// Whose orders it shows; empty on public channels.
    pub account: String,
    /// Executions: whether every transition is shown.
    pub all_transitions: bool,
}

impl Conn {
    /// A connection that was just accepted.
    pub fn open(number: u64, now: Moment) -> Self {
        Self {
            number: mix(number) | 1 << 63,
            subscriptions: BTreeMap::new(),
            account: None,
            sequence: 0,
            last_channel_message: now,
            bare_since: now,
            last_status: now,
            held: None,
        }
    }

    /// The subscription to a private channel of this account.
    pub fn private(&self, channel: &str, account: &str) -> Option<&Subscription> {
        let found = self.subscriptions.get(&(channel.to_owned(), String::new()))?;
        (found.account == account && found.token.is_some()).then_some(found)
    }

    /// Counts a message of a private channel and returns its number.
    pub fn count(&mut self, now: Moment) -> u64 {
        self.sequence += 1;
        self.last_channel_message = now;
        self.sequence
    }
}
