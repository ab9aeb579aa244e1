//! The embedded deribit.
