//! How the journal spells our enums: one exhaustive match each, the same words as in Python. A word that was ever written
//! is never given another meaning.

use crate::model::{Coverage, Evidence, Layer, LinkRole, LossCause, ReadBackVerdict, RefusalClass, Step, WallTime};

pub(super) fn role(role: LinkRole) -> &'static str {
    match role {
        LinkRole::Guard => "guard",
        LinkRole::Trade => "trade",
    }
}

pub(super) fn step(step: Step) -> &'static str {
    match step {
        Step::Login => "login",
        Step::Heartbeat => "heartbeat",
        Step::Window => "window",
        Step::Subscription => "subscription",
        Step::Switch => "switch",
        Step::ReadBack => "read_back",
        Step::Ping => "ping",
        Step::Token => "token",
    }
}

pub(super) fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::SendQueue => "send_queue",
        Layer::ProtocolPing => "protocol_ping",
        Layer::VenueRequest => "venue_request",
        Layer::VenueSilence => "venue_silence",
    }
}

pub(super) fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::None => "none",
        Evidence::Asked => "asked",
        Evidence::Acknowledged => "acknowledged",
        Evidence::ReadBack => "read_back",
    }
}

/// The word, and the product lines where it is they that are covered.
pub(super) fn coverage(coverage: &Coverage) -> (&'static str, &[&'static str]) {
    match coverage {
        Coverage::Nothing => ("nothing", &[]),
        Coverage::Connection => ("connection", &[]),
        Coverage::Account => ("account", &[]),
        Coverage::Products(products) => ("products", products),
    }
}

pub(super) fn verdict(verdict: ReadBackVerdict) -> &'static str {
    match verdict {
        ReadBackVerdict::Agrees => "agrees",
        ReadBackVerdict::Disagrees => "disagrees",
    }
}

pub(super) fn refusal_class(class: RefusalClass) -> &'static str {
    match class {
        RefusalClass::Fatal => "fatal",
        RefusalClass::Clock => "clock",
        RefusalClass::Retry => "retry",
        RefusalClass::RateLimit => "rate_limit",
        RefusalClass::Session => "session",
        RefusalClass::Maintenance => "maintenance",
    }
}

pub(super) fn cause(cause: &LossCause) -> &'static str {
    match cause {
        LossCause::Resolve { .. } => "resolve",
        LossCause::ConnectionRefused => "connection_refused",
        LossCause::Unreachable => "unreachable",
        LossCause::StageTimeout { .. } => "stage_timeout",
        LossCause::Certificate { .. } => "certificate",
        LossCause::Tls { .. } => "tls",
        LossCause::UpgradeRefused { .. } => "upgrade_refused",
        LossCause::NotWebsocket => "not_websocket",
        LossCause::Closed { .. } => "closed",
        LossCause::EndOfStream => "end_of_stream",
        LossCause::Reset => "reset",
        LossCause::UserTimeout => "user_timeout",
        LossCause::TooLarge => "too_large",
        LossCause::Protocol => "protocol",
        LossCause::Silent => "silent",
        LossCause::Breach => "breach",
        LossCause::ArmTimeout => "arm_timeout",
        LossCause::OnPurpose => "on_purpose",
        LossCause::Local { .. } => "local",
        LossCause::Socket { .. } => "socket",
    }
}

/// RFC 3339 in UTC, to the nanosecond. The calendar is Howard Hinnant's `civil_from_days`.
pub(super) fn rfc3339(wall: WallTime) -> String {
    let (seconds, nanos) = (wall.nanos() / 1_000_000_000, wall.nanos() % 1_000_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}
