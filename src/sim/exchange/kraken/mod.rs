//! The embedded kraken.
