//! The state of the engine and what it lets through (spec 2.1).

use crate::sim::exchange::knob::choice;

choice! {
    /// The state of the engine.
    pub enum System {
        /// Everything works.
        Online = "online",
        /// Only cancels.
        CancelOnly = "cancel_only",
        /// Only post-only orders and cancels.
        PostOnly = "post_only",
        /// Nothing: no orders, no cancels, no timer.
        Maintenance = "maintenance",
    }
}

impl System {
    /// The word in status messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::CancelOnly => "cancel_only",
            Self::PostOnly => "post_only",
            Self::Maintenance => "maintenance",
        }
    }

    /// Why nothing at all gets through.
    pub const fn refuses_all(self) -> Option<&'static str> {
        match self {
            Self::Maintenance => Some("EService:Unavailable"),
            Self::Online | Self::CancelOnly | Self::PostOnly => None,
        }
    }

    /// Why a new order does not get through.
    pub const fn refuses_order(self, post_only: bool) -> Option<&'static str> {
        match self {
            Self::Online => None,
            Self::CancelOnly => Some("EService:Market in cancel_only mode"),
            Self::PostOnly if post_only => None,
            Self::PostOnly => Some("EService:Market in post_only mode"),
            Self::Maintenance => Some("EService:Unavailable"),
        }
    }
}
