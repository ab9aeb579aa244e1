//! The embedded crypto_com.
