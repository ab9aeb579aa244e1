//! Identities. An [`Epoch`] names one dial; nothing that belongs to it outlives it.

use std::fmt;

/// The number of one dial of one guard. Every dial, of any role, gets the next number, so an epoch names one socket for
/// ever. Epoch 0 means "no link yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub u64);

/// Names one HTTP call of one guard, for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CallTag(pub u64);

/// Names one application request (`guard.request`), for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RequestId(pub u64);

/// Which of a guard's sockets is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LinkRole {
    /// The link whose life the venue watches. Every guard has it.
    Guard,
    /// A second link that only carries orders (Bybit's `/v5/trade`). Its loss trips nothing.
    Trade,
}

/// The venues killcord has a dialect for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum VenueName {
    /// Crypto.com Exchange v1.
    CryptoCom,
    /// Deribit JSON-RPC v2.
    Deribit,
    /// Bybit v5.
    Bybit,
    /// Kraken Spot websocket v2.
    Kraken,
}

impl Epoch {
    /// The epoch of the dial after this one.
    pub const fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl VenueName {
    /// Every venue, in the order documents list them.
    pub const ALL: [VenueName; 4] = [Self::CryptoCom, Self::Deribit, Self::Bybit, Self::Kraken];

    /// The name used on the command line, in events and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CryptoCom => "crypto_com",
            Self::Deribit => "deribit",
            Self::Bybit => "bybit",
            Self::Kraken => "kraken",
        }
    }
}

impl fmt::Display for VenueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
