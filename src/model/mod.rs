//! Floor 0: the words everything else is written in. Units, ids, configuration, secrets, events, errors.
//! Nothing here acts; nothing here knows a venue's wire format.

mod acknowledgement;
mod config;
mod endpoint;
mod error;
mod event;
mod ids;
mod kill;
mod lease;
mod lease_page;
mod orders;
mod protection;
mod secret;
mod snapshot;
mod time;

pub use acknowledgement::Acknowledgement;
pub use config::{Access, ConfigError, Credentials, Environment, Policy, PolicyBuilder, Target, TimeFactor};
pub use endpoint::{Endpoint, Scheme};
pub use error::{Advice, Breach, ErrorReport, Fault, Loss, LossCause, Misuse, Refusal, RefusalClass, venue_text};
pub use event::{Event, EventKind, Layer, Notice, ReadBackVerdict, Step};
pub use ids::{CallTag, Epoch, LinkRole, RequestId, VenueName};
pub use kill::{KillPath, KillReport, LeftOrder};
pub use lease::{LeaseId, LeaseState, LeaseTerms};
pub use lease_page::{LeasePage, PageClaim, PageFault};
pub use orders::{
    Attribution, CancelledBy, CancelledOrder, ForeignOrder, GoneOrder, KeptOrder, Occasion, OrderRef, Reconciliation,
    Resolution, Tally, UnknownOrder,
};
pub use protection::{Coverage, Evidence, Exposure, SwitchKind, Trip, TripBounds};
pub use secret::Secret;
pub use snapshot::{Phase, Snapshot};
pub use time::{Moment, Now, WallTime};
