//! The kraken dialect.
