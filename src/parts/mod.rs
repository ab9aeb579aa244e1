//! Floor 1: small pure machines, one concept each. None knows another, a venue or a socket; each takes the time as an
//! input. `session` joins them.

mod cadence;
mod deadlines;
mod lease;
mod lease_page;
mod liveness;
mod pace;
mod ratelimit;
mod redial;
mod switch;

pub use cadence::Cadence;
pub use deadlines::{Deadline, Deadlines};
pub use lease::{Lease, LeaseNews};
pub use lease_page::{PageNews, PageRenewal, PageWatch};
pub use liveness::{Liveness, LivenessRules, Verdict};
pub use pace::{Pace, Standstill};
pub use ratelimit::RateLimit;
pub use redial::Redial;
pub use switch::Switch;
