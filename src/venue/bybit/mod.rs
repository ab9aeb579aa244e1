//! The bybit dialect.
