//! Floor 5: sockets, clock, threads, HTTP.

pub mod clock;
