//! The three product groups of the protection, and which order categories and topics belong to them.

/// One product group; the protection is switched on and timed for each on its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Product {
    /// USDT, USDC and inverse perpetuals and futures.
    Derivatives,
    /// Spot.
    Spot,
    /// Options.
    Options,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Derivatives, Self::Spot, Self::Options];

    /// The venue's word in requests and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Derivatives => "DERIVATIVES",
            Self::Spot => "SPOT",
            Self::Options => "OPTIONS",
        }
    }

    /// The product of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.word() == word)
    }

    /// The topic that keeps it from firing.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Derivatives => "dcp.future",
            Self::Spot => "dcp.spot",
            Self::Options => "dcp.option",
        }
    }

    /// True for the order categories it covers.
    pub fn covers(self, category: &str) -> bool {
        match self {
            Self::Derivatives => category == "linear" || category == "inverse",
            Self::Spot => category == "spot",
            Self::Options => category == "option",
        }
    }
}
