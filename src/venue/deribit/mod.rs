//! The deribit dialect.
