//! Tests of the embedded Bybit as a whole.
