//! Errors say whose fault it is: the venue broke protocol ([`Breach`]), the network failed ([`Loss`]), the venue said no
//! ([`Refusal`]), the caller asked for something wrong ([`Misuse`]), or we have a bug ([`Fault`]).
//! Texts are built from our own words and the venue's bounded, cleaned answer; never from what we sent.

use super::LinkRole;
use std::fmt;
use std::time::Duration;

/// Longest piece of a venue's own text that is kept in an error, in characters.
const VENUE_TEXT_MAX: usize = 200;
/// How the text of a call begins that the venue did not answer.
const NO_ANSWER: &str = "no answer: ";

/// The venue broke its own protocol. The link is not to be trusted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the venue broke protocol: {what}")]
pub struct Breach {
    /// What was wrong, in our words.
    pub what: &'static str,
}

/// A link or a dial ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Which socket.
    pub role: LinkRole,
    /// How it ended.
    pub cause: LossCause,
    /// Where it led to, without query.
    pub address: String,
}

/// How a link or a dial ended. Which of these it was tells whether the venue meant it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LossCause {
    #[error("the name {host} could not be resolved")]
    Resolve { host: String },
    #[error("the address refused the connection")]
    ConnectionRefused,
    #[error("the address could not be reached")]
    Unreachable,
    #[error("no progress within the deadline of the {stage} stage")]
    StageTimeout { stage: &'static str },
    #[error("TLS: the venue's certificate was not accepted ({why})")]
    Certificate { why: &'static str },
    #[error("TLS: the peer does not speak it ({why})")]
    Tls { why: &'static str },
    #[error("the websocket upgrade was answered with HTTP status {status}")]
    UpgradeRefused { status: u16 },
    #[error("the peer is not a websocket server")]
    NotWebsocket,
    #[error("closed by the venue with code {code} ({reason})")]
    Closed { code: u16, reason: String },
    #[error("the venue ended the connection (FIN) without a close frame")]
    EndOfStream,
    #[error("the connection was reset")]
    Reset,
    #[error("the kernel gave up on unacknowledged data")]
    UserTimeout,
    #[error("a frame or message was larger than allowed")]
    TooLarge,
    #[error("the peer broke the websocket protocol")]
    Protocol,
    #[error("the link was silent for too long")]
    Silent,
    #[error("the venue broke its protocol")]
    Breach,
    #[error("a step of arming was not acknowledged in time")]
    ArmTimeout,
    #[error("ended on purpose")]
    OnPurpose,
    #[error("a local resource ran out ({what})")]
    Local { what: &'static str },
    #[error("socket error {code}")]
    Socket { code: i32 },
}

/// What a refusal means for what to do next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RefusalClass {
    /// Key, signature, permission, entitlement: a person must act. Asked again at most once a minute.
    Fatal,
    /// Our clock disagrees with the venue's; corrected from the venue's time and tried again once.
    Clock,
    /// Transient at the venue; tried again with the normal spacing.
    Retry,
    /// Too many requests; tried again after a pause.
    RateLimit,
    /// The session or token is no longer valid; logged in afresh.
    Session,
    /// The venue is down for maintenance.
    Maintenance,
}

/// What a person can do about a refusal, in one sentence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advice(pub &'static str);

/// The venue said no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which request was refused, in the venue's spelling.
    pub step: &'static str,
    /// The venue's code as text; empty when it has none.
    pub code: String,
    /// The venue's own text, cleaned of control characters and cut to 200 characters.
    pub text: String,
    /// What it means.
    pub class: RefusalClass,
    /// What to do.
    pub advice: Advice,
}

/// The caller asked for something that cannot or must not be done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Misuse {
    #[error("no order may be created now: the guard is {phase}, not armed")]
    NotProtected { phase: &'static str },
    #[error("no order may be created now: the switch tripped and rearm() has not been called")]
    Latched,
    #[error("no order may be created now: the lease {lease} was not renewed yet")]
    LeaseNotRenewed { lease: String },
    #[error("{method} would break the protection; {instead}")]
    WouldBreakProtection { method: String, instead: &'static str },
    #[error("the message is not one this venue's link can carry: {why}")]
    NotSendable { why: &'static str },
    #[error("the guard is not connected")]
    NotConnected,
    #[error("too many requests wait for an answer (limit {limit})")]
    TooManyPending { limit: usize },
    #[error("the venue's message limit is reached and a reserve is kept; there is room again in {again:?}")]
    Throttled { again: Duration },
    #[error("{call} does not apply here: {why}")]
    NotApplicable { call: &'static str, why: &'static str },
    #[error("the guard was already started")]
    AlreadyStarted,
    #[error("the guard has ended")]
    Ended,
}

/// A bug of ours. The link was aborted, so the venue's switch acts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("internal error in killcord, the link was aborted: {what}")]
pub struct Fault {
    /// What broke, in our words.
    pub what: String,
}

/// Any of the above, as kept in a snapshot and told in events.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ErrorReport {
    #[error(transparent)]
    Breach(#[from] Breach),
    #[error(transparent)]
    Loss(#[from] Loss),
    #[error("{0}")]
    Refusal(Refusal),
    #[error(transparent)]
    Misuse(#[from] Misuse),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl LossCause {
    /// What a person can do about it, in one sentence; empty where all there is to do is to dial again.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "check the host name, and this machine's name service",
            Self::ConnectionRefused => "check host and port: nothing listens there, or a firewall says so",
            Self::Unreachable => "check host and port, this machine's network and its firewall",
            Self::StageTimeout { stage: "resolve" } => "check this machine's name service",
            Self::StageTimeout { stage: "connect" } => "check host and port, this machine's network and its firewall",
            Self::StageTimeout { .. } => "the address takes connections and says nothing: check that it is the venue's",
            Self::Certificate { .. } => "check the address, the authorities (ca_pem) and this machine's clock",
            Self::Tls { .. } => "check that the address is the venue's, and that TLS is spoken there",
            Self::UpgradeRefused { status: 403 | 429 } => {
                "the venue refuses this machine for now: too many connections, or a region it does not serve"
            }
            Self::UpgradeRefused { status: 500.. } => "the venue's front door is out of order; it is tried again",
            Self::UpgradeRefused { .. } => "check the path of the address",
            Self::NotWebsocket => "check the address: something else than a websocket server listens there",
            Self::Local { what: "descriptors" } => "raise this process's limit of open files",
            Self::Closed { .. }
            | Self::EndOfStream
            | Self::Reset
            | Self::UserTimeout
            | Self::TooLarge
            | Self::Protocol
            | Self::Silent
            | Self::Breach
            | Self::ArmTimeout
            | Self::OnPurpose
            | Self::Local { .. }
            | Self::Socket { .. } => "",
        }
    }

    /// True for what can only happen before there is a link.
    const fn is_of_a_dial(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::ConnectionRefused
            | Self::Unreachable
            | Self::StageTimeout { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::UpgradeRefused { .. }
            | Self::NotWebsocket => true,
            Self::Closed { .. }
            | Self::EndOfStream
            | Self::Reset
            | Self::UserTimeout
            | Self::TooLarge
            | Self::Protocol
            | Self::Silent
            | Self::Breach
            | Self::ArmTimeout
            | Self::OnPurpose
            | Self::Local { .. }
            | Self::Socket { .. } => false,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = if self.cause.is_of_a_dial() { "could not be made" } else { "was lost" };
        write!(f, "the {} link to {} {ended}: {}", role_word(self.role), self.address, self.cause)?;
        match self.cause.advice() {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

impl std::error::Error for Loss {}

impl Refusal {
    /// A refusal with the venue's code and text cleaned and cut.
    pub fn new(
        step: &'static str,
        code: impl fmt::Display,
        text: &str,
        class: RefusalClass,
        advice: &'static str,
    ) -> Self {
        Self { step, code: venue_text(&code.to_string()), text: venue_text(text), class, advice: Advice(advice) }
    }

    /// An HTTP call that was not answered. That is no yes; `otherwise` is the advice where the cause has none.
    pub fn unanswered(step: &'static str, cause: &LossCause, otherwise: &'static str) -> Self {
        let advice = Some(cause.advice()).filter(|advice| !advice.is_empty()).unwrap_or(otherwise);
        Self::new(step, "", &format!("{NO_ANSWER}{cause}"), RefusalClass::Retry, advice)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.starts_with(NO_ANSWER) {
            return write!(f, "{}: {}: {}", self.step, self.text, self.advice.0);
        }
        write!(f, "{} was refused", self.step)?;
        if !self.code.is_empty() {
            write!(f, " with code {}", self.code)?;
        }
        if !self.text.is_empty() {
            write!(f, " ({})", self.text)?;
        }
        write!(f, ": {}", self.advice.0)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for ErrorReport {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

fn role_word(role: LinkRole) -> &'static str {
    match role {
        LinkRole::Guard => "guarding",
        LinkRole::Trade => "trade",
    }
}

/// A venue's own words as they may be shown: control characters replaced by spaces, cut to 200 characters.
pub fn venue_text(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(VENUE_TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn venue_text_is_cleaned_and_cut() {
        let text = format!("a\u{1b}[31m\n{}", "x".repeat(500));
        let refusal = Refusal::new("auth", 13004, &text, RefusalClass::Fatal, "check the key");
        assert_eq!(refusal.text.chars().count(), VENUE_TEXT_MAX);
        assert!(!refusal.text.chars().any(char::is_control));
    }

    #[test]
    fn a_loss_says_where_what_and_what_to_do() {
        let of = |cause| Loss { role: LinkRole::Guard, cause, address: "wss://127.0.0.1:4242/v2".into() }.to_string();
        assert_eq!(
            of(LossCause::ConnectionRefused),
            "the guarding link to wss://127.0.0.1:4242/v2 could not be made: the address refused the connection; \
             check host and port: nothing listens there, or a firewall says so"
        );
        assert_eq!(
            of(LossCause::Reset),
            "the guarding link to wss://127.0.0.1:4242/v2 was lost: the connection was reset"
        );
    }

    #[test]
    fn a_call_without_answer_is_not_called_refused() {
        let refusal = Refusal::unanswered("GetWebSocketsToken", &LossCause::ConnectionRefused, "wait");
        assert_eq!(
            refusal.to_string(),
            "GetWebSocketsToken: no answer: the address refused the connection: \
             check host and port: nothing listens there, or a firewall says so"
        );
        assert_eq!(Refusal::unanswered("x", &LossCause::Reset, "wait").advice, Advice("wait"));
    }

    #[test]
    fn a_refusal_reads_as_one_sentence() {
        let refusal = Refusal::new("public/auth", 40101, "UNAUTHORIZED", RefusalClass::Fatal, "check the API key");
        assert_eq!(refusal.to_string(), "public/auth was refused with code 40101 (UNAUTHORIZED): check the API key");
    }
}
