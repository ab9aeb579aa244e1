//! The crypto_com dialect.
