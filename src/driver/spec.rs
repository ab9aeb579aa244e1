//! What a guard needs to run: a dialect, a policy, and how its sockets and queues are made.

use super::call::{WARM_PAUSE, WarmUp};
use super::journal::{Journal, Recorder};
use crate::model::{ConfigError, Policy};
use crate::venue::Venue;
use std::time::Duration;

/// One guard, as given to `Engine::add`. `GuardSpec::new` fills in the defaults.
pub struct GuardSpec {
    /// The dialect, configured for one account.
    pub venue: Box<dyn Venue + Send>,
    /// How quickly to suspect, give up and try again.
    pub policy: Policy,
    /// Certificate authorities to accept besides the machine's own, as PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// How long each stage of a dial may take.
    pub stages: StageDeadlines,
    /// How long an HTTP call may take in all. Default 5 s.
    pub call_deadline: Duration,
    /// How many events wait for the reader before they are counted instead. Default 4096.
    pub event_capacity: usize,
    /// How many messages wait for the reader before they are counted instead. Default 4096.
    pub message_capacity: usize,
    /// Where every event is written as well. Default nowhere.
    pub journal: Option<Journal>,
    /// Keep two HTTP connections open ahead of any call, one of them for a kill alone. Default true. Without, a guard holds
    /// one descriptor in place of three, and a kill pays for a handshake.
    pub http_ahead: bool,
}

/// How long each stage of a dial may take. Default 2 s each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageDeadlines {
    /// Name to addresses.
    pub resolve: Duration,
    /// TCP, all addresses together.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// Websocket upgrade.
    pub upgrade: Duration,
}

impl GuardSpec {
    /// A guard with the default deadlines and queues.
    pub fn new(venue: Box<dyn Venue + Send>, policy: Policy) -> Self {
        Self {
            venue,
            policy,
            extra_ca_pem: None,
            stages: StageDeadlines::default(),
            call_deadline: Duration::from_secs(5),
            event_capacity: QUEUE_CAPACITY,
            message_capacity: QUEUE_CAPACITY,
            journal: None,
            http_ahead: true,
        }
    }
}

impl Default for StageDeadlines {
    fn default() -> Self {
        let stage = Duration::from_secs(2);
        Self { resolve: stage, connect: stage, tls: stage, upgrade: stage }
    }
}

/// The specification without its dialect, checked.
pub(super) struct Settings {
    pub(super) policy: Policy,
    pub(super) extra_ca_pem: Option<Vec<u8>>,
    pub(super) stages: StageDeadlines,
    pub(super) call_deadline: Duration,
    pub(super) event_capacity: usize,
    pub(super) message_capacity: usize,
    pub(super) recorder: Option<Recorder>,
    /// Whether an HTTP connection is kept for the next call.
    pub(super) keep_http: bool,
    /// Where HTTP connections are opened ahead.
    pub(super) warm: Option<WarmUp>,
}

impl GuardSpec {
    /// Takes the dialect out and checks the rest.
    pub(super) fn split(self) -> Result<(Box<dyn Venue + Send>, Settings), ConfigError> {
        let stages = self.stages;
        within("stages.resolve", stages.resolve)?;
        within("stages.connect", stages.connect)?;
        within("stages.tls", stages.tls)?;
        within("stages.upgrade", stages.upgrade)?;
        within("call_deadline", self.call_deadline)?;
        holds_something("event_capacity", self.event_capacity)?;
        holds_something("message_capacity", self.message_capacity)?;
        let target = self.venue.target();
        let recorder = self.journal.as_ref().map(|journal| journal.recorder(target.venue, &target.account));
        let warm = WarmUp { to: self.venue.http_endpoint().clone(), pause: WARM_PAUSE };
        let settings = Settings {
            policy: self.policy,
            extra_ca_pem: self.extra_ca_pem,
            stages,
            call_deadline: self.call_deadline,
            event_capacity: self.event_capacity,
            message_capacity: self.message_capacity,
            recorder,
            keep_http: self.http_ahead,
            warm: self.http_ahead.then_some(warm),
        };
        Ok((self.venue, settings))
    }
}

/// Long enough for a distant venue, short enough that a stuck stage does not eat a window.
fn within(field: &'static str, length: Duration) -> Result<(), ConfigError> {
    if (Duration::from_millis(50)..=Duration::from_secs(30)).contains(&length) {
        return Ok(());
    }
    let value = format_args!("{} s", length.as_secs_f64()).to_string();
    Err(ConfigError::new(field, value, "must be between 0.05 s and 30 s"))
}

fn holds_something(field: &'static str, capacity: usize) -> Result<(), ConfigError> {
    if (1..=QUEUE_CAPACITY_MAX).contains(&capacity) {
        return Ok(());
    }
    Err(ConfigError::new(field, capacity, format!("must be between 1 and {QUEUE_CAPACITY_MAX}")))
}

/// Several minutes of a busy guard's events.
const QUEUE_CAPACITY: usize = 4096;
/// What a process can hold for a reader that stopped reading without becoming a memory problem.
const QUEUE_CAPACITY_MAX: usize = 1 << 20;
