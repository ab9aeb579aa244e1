//! The embedded bybit.
