//! One test binary: everything that needs more than one floor, or none.

mod promises;
mod simulation;
mod tidy;
