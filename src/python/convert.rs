//! From the model's values to those of `killcord.model`, one exhaustive match per enum. Each enum is written in Python
//! once; a member that is missing there is an `AttributeError` the first time it is needed, and a test needs them all.

use super::departure::calling;
use crate::model::{
    Coverage, Evidence, Exposure, Layer, LeaseState, LinkRole, LossCause, Moment, Notice, PageFault, Phase,
    ReadBackVerdict, RefusalClass, Step, SwitchKind, Trip, TripBounds, VenueName,
};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple, PyType};

/// One function per enum: looks the class up once, then finds the member that the match names.
macro_rules! enums {
    ($($(#[$about:meta])* $function:ident($type:ty) -> $class:literal { $($pattern:pat => $member:literal),* $(,)? })*) => { $(
        $(#[$about])*
        pub fn $function<'py>(py: Python<'py>, value: $type) -> PyResult<Bound<'py, PyAny>> {
            static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            let member: &Bound<'py, PyString> = match value {
                $($pattern => intern!(py, $member),)*
            };
            let _calling = calling(py);
            CLASS.import(py, MODULE, $class)?.getattr(member)
        }
    )* };
}

enums! {
    /// `killcord.VenueName`.
    venue_name(VenueName) -> "VenueName" {
        VenueName::CryptoCom => "CRYPTO_COM",
        VenueName::Deribit => "DERIBIT",
        VenueName::Bybit => "BYBIT",
        VenueName::Kraken => "KRAKEN",
    }
    /// `killcord.SwitchKind`.
    switch_kind(SwitchKind) -> "SwitchKind" {
        SwitchKind::SessionBound => "SESSION_BOUND",
        SwitchKind::GraceAfterDrop => "GRACE_AFTER_DROP",
        SwitchKind::Countdown => "COUNTDOWN",
    }
    /// `killcord.Phase`.
    phase(Phase) -> "Phase" {
        Phase::Stopped => "STOPPED",
        Phase::Connecting => "CONNECTING",
        Phase::Authenticating => "AUTHENTICATING",
        Phase::Arming => "ARMING",
        Phase::Armed => "ARMED",
        Phase::Suspect => "SUSPECT",
        Phase::Degraded => "DEGRADED",
        Phase::Tripped => "TRIPPED",
        Phase::Refused => "REFUSED",
        Phase::Fenced => "FENCED",
        Phase::Faulted => "FAULTED",
    }
    /// `killcord.PageFault`.
    page_fault(PageFault) -> "PageFault" {
        PageFault::OwnerDied => "OWNER_DIED",
        PageFault::PidReused => "PID_REUSED",
        PageFault::EarlierBoot => "EARLIER_BOOT",
        PageFault::TwoOwners => "TWO_OWNERS",
        PageFault::Released => "RELEASED",
        PageFault::Damaged => "DAMAGED",
        PageFault::Removed => "REMOVED",
    }
    /// `killcord.Evidence`.
    evidence(Evidence) -> "Evidence" {
        Evidence::None => "NONE",
        Evidence::Asked => "ASKED",
        Evidence::Acknowledged => "ACKNOWLEDGED",
        Evidence::ReadBack => "READ_BACK",
    }
    /// `killcord.LinkRole`.
    link_role(LinkRole) -> "LinkRole" {
        LinkRole::Guard => "GUARD",
        LinkRole::Trade => "TRADE",
    }
    /// `killcord.Step`.
    step(Step) -> "Step" {
        Step::Login => "LOGIN",
        Step::Heartbeat => "HEARTBEAT",
        Step::Window => "WINDOW",
        Step::Subscription => "SUBSCRIPTION",
        Step::Switch => "SWITCH",
        Step::ReadBack => "READ_BACK",
        Step::Ping => "PING",
        Step::Token => "TOKEN",
    }
    /// `killcord.Layer`.
    layer(Layer) -> "Layer" {
        Layer::SendQueue => "SEND_QUEUE",
        Layer::ProtocolPing => "PROTOCOL_PING",
        Layer::VenueRequest => "VENUE_REQUEST",
        Layer::VenueSilence => "VENUE_SILENCE",
    }
    /// `killcord.ReadBackVerdict`.
    read_back_verdict(ReadBackVerdict) -> "ReadBackVerdict" {
        ReadBackVerdict::Agrees => "AGREES",
        ReadBackVerdict::Disagrees => "DISAGREES",
    }
    /// `killcord.RefusalClass`.
    refusal_class(RefusalClass) -> "RefusalClass" {
        RefusalClass::Fatal => "FATAL",
        RefusalClass::Clock => "CLOCK",
        RefusalClass::Retry => "RETRY",
        RefusalClass::RateLimit => "RATE_LIMIT",
        RefusalClass::Session => "SESSION",
        RefusalClass::Maintenance => "MAINTENANCE",
    }
    /// `killcord.LossCause`. What a cause carries beside its kind is in the sentence and the code of the exception.
    loss_cause(&LossCause) -> "LossCause" {
        LossCause::Resolve { .. } => "RESOLVE",
        LossCause::ConnectionRefused => "CONNECTION_REFUSED",
        LossCause::Unreachable => "UNREACHABLE",
        LossCause::StageTimeout { .. } => "STAGE_TIMEOUT",
        LossCause::Certificate { .. } => "CERTIFICATE",
        LossCause::Tls { .. } => "TLS",
        LossCause::UpgradeRefused { .. } => "UPGRADE_REFUSED",
        LossCause::NotWebsocket => "NOT_WEBSOCKET",
        LossCause::Closed { .. } => "CLOSED",
        LossCause::EndOfStream => "END_OF_STREAM",
        LossCause::Reset => "RESET",
        LossCause::UserTimeout => "USER_TIMEOUT",
        LossCause::TooLarge => "TOO_LARGE",
        LossCause::Protocol => "PROTOCOL",
        LossCause::Silent => "SILENT",
        LossCause::Breach => "BREACH",
        LossCause::ArmTimeout => "ARM_TIMEOUT",
        LossCause::OnPurpose => "ON_PURPOSE",
        LossCause::Local { .. } => "LOCAL",
        LossCause::Socket { .. } => "SOCKET",
    }
    /// The kind of a `killcord.Coverage`.
    coverage_scope(&Coverage) -> "CoverageScope" {
        Coverage::Nothing => "NOTHING",
        Coverage::Connection => "CONNECTION",
        Coverage::Account => "ACCOUNT",
        Coverage::Products(_) => "PRODUCTS",
    }
}

/// The other way: a member of `killcord.LinkRole`.
pub fn link_role_from(member: &Bound<'_, PyAny>) -> PyResult<LinkRole> {
    let py = member.py();
    for role in [LinkRole::Guard, LinkRole::Trade] {
        if member.is(&link_role(py, role)?) {
            return Ok(role);
        }
    }
    Err(PyTypeError::new_err("role must be a member of killcord.LinkRole"))
}

/// The phase that a word stands for, as `Phase::as_str` writes it.
pub fn phase_named<'py>(py: Python<'py>, word: &str) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    class(py, "Phase")?.call1((word,))
}

/// `killcord.Coverage`.
pub fn coverage<'py>(py: Python<'py>, value: &Coverage) -> PyResult<Bound<'py, PyAny>> {
    let products: &[&'static str] = match value {
        Coverage::Products(products) => products,
        Coverage::Nothing | Coverage::Connection | Coverage::Account => &[],
    };
    let _calling = calling(py);
    class(py, "Coverage")?.call1((coverage_scope(py, value)?, PyTuple::new(py, products)?))
}

/// `killcord.Exposure`.
pub fn exposure<'py>(py: Python<'py>, value: &Exposure) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    class(py, "Exposure")?.call1((value.bound.as_secs_f64(), value.because))
}

/// `killcord.TripBounds`.
pub fn trip_bounds<'py>(py: Python<'py>, value: &TripBounds) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    class(py, "TripBounds")?.call1((value.earliest.nanos(), value.latest.nanos()))
}

/// `killcord.TripBounds`, or None.
pub fn trip_bounds_if_any<'py>(py: Python<'py>, value: Option<&TripBounds>) -> PyResult<Option<Bound<'py, PyAny>>> {
    value.map(|bounds| trip_bounds(py, bounds)).transpose()
}

/// `killcord.LeaseState`.
pub fn lease_state<'py>(py: Python<'py>, value: &LeaseState) -> PyResult<Bound<'py, PyAny>> {
    let LeaseState { id: _, terms, renewed_at, due, lapsed, doubt } = value;
    let budget_s = terms.budget().as_secs_f64();
    let doubt = doubt.map(|fault| page_fault(py, fault)).transpose()?;
    class(py, "LeaseState")?.call1((terms.name(), budget_s, nanos(*renewed_at), nanos(*due), *lapsed, doubt))
}

/// `killcord.Told` or `killcord.Presumed`.
pub fn trip<'py>(py: Python<'py>, value: &Trip) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    match value {
        Trip::Told { venue_time } => class(py, "Told")?.call1((venue_time.map(|time| time.nanos()),)),
        Trip::Presumed => class(py, "Presumed")?.call0(),
    }
}

/// One of the four notices.
pub fn notice<'py>(py: Python<'py>, value: &Notice) -> PyResult<Bound<'py, PyAny>> {
    let _calling = calling(py);
    match value {
        Notice::Maintenance { active, text } => class(py, "MaintenanceNotice")?.call1((*active, text)),
        Notice::Online => class(py, "OnlineNotice")?.call0(),
        Notice::Limited { mode } => class(py, "LimitedNotice")?.call1((mode,)),
        Notice::DisconnectWarning { text } => class(py, "DisconnectWarning")?.call1((text,)),
    }
}

/// Nanoseconds on the guard's clock, or None.
pub fn nanos(moment: Option<Moment>) -> Option<u64> {
    moment.map(Moment::nanos)
}

const MODULE: &str = "killcord.model";

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODEL: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    MODEL.get_or_try_init(py, || py.import(MODULE).map(Bound::unbind))?.bind(py).getattr(name)
}
