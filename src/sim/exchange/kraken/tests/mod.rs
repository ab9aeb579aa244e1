//! Tests of the embedded Kraken as a whole.
