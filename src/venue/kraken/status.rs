//! The `status` channel: engine mode, announced maintenance, emergencies. Kraken may push the same message every second,
//! so each thing is told once per link and again only after it changed.

use super::wire::Frame;
use crate::model::Notice;
use crate::venue::json::{Raw, clean};
use crate::venue::{Outbox, Report};
use serde::Deserialize;

/// Remembered announcements; with more, the oldest may be told again.
const TOLD_MAX: usize = 32;

/// What this link has already told.
#[derive(Default)]
pub(super) struct Status {
    system: Option<String>,
    told: Vec<String>,
}

impl Status {
    /// A message of the `status` channel.
    pub(super) fn hear(&mut self, frame: &Frame<'_>, out: &mut Outbox) {
        let rows = frame.data.and_then(|data| data.read::<Vec<Row<'_>>>()).unwrap_or_default();
        for row in rows {
            if let Some(system) = row.system {
                self.hear_system(&system.text(), out);
            }
            for event in row.upcoming_maintenance.unwrap_or_default().iter().filter(|event| event.concerns_us()) {
                let text = event.describe();
                self.tell_once(text, out, |text| Notice::Maintenance { active: false, text });
            }
            for event in row.emergency.unwrap_or_default().iter().filter(|event| event.concerns_us()) {
                let text = format!("emergency: {}", event.describe());
                self.tell_once(text, out, |mode| Notice::Limited { mode });
            }
        }
    }

    /// The four published modes are online, cancel_only, post_only and maintenance; whatever else comes is not normal.
    fn hear_system(&mut self, system: &str, out: &mut Outbox) {
        if self.system.as_deref() == Some(system) {
            return;
        }
        self.system = Some(system.to_owned());
        let notice = match system {
            "online" => Notice::Online,
            "maintenance" => Notice::Maintenance { active: true, text: clean(system) },
            mode => Notice::Limited { mode: clean(mode) },
        };
        out.report(Report::Notice(notice));
    }

    fn tell_once(&mut self, text: String, out: &mut Outbox, notice: impl FnOnce(String) -> Notice) {
        let text = clean(&text);
        if self.told.contains(&text) {
            return;
        }
        if self.told.len() == TOLD_MAX {
            self.told.remove(0);
        }
        self.told.push(text.clone());
        out.report(Report::Notice(notice(text)));
    }
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    system: Option<Raw<'a>>,
    #[serde(borrow)]
    upcoming_maintenance: Option<Vec<Event<'a>>>,
    #[serde(borrow)]
    emergency: Option<Vec<Event<'a>>>,
}

/// A maintenance or an emergency; the fields people need to read.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    title: Option<Raw<'a>>,
    #[serde(borrow)]
    phase: Option<Raw<'a>>,
    #[serde(borrow)]
    impact: Option<Raw<'a>>,
    #[serde(borrow)]
    expected_start_utc: Option<Raw<'a>>,
    #[serde(borrow)]
    recommended_action: Option<Raw<'a>>,
    #[serde(borrow)]
    affected_services: Option<Vec<Raw<'a>>>,
}

impl Event<'_> {
    /// Futures has an engine of its own.
    fn concerns_us(&self) -> bool {
        let spot = |service: &Raw<'_>| !service.bare().starts_with("futures_");
        self.affected_services.as_ref().is_none_or(|services| services.is_empty() || services.iter().any(spot))
    }

    fn describe(&self) -> String {
        let named = [
            ("", self.title),
            ("phase ", self.phase),
            ("impact ", self.impact),
            ("start ", self.expected_start_utc),
            ("advice ", self.recommended_action),
        ];
        let said = named.iter().filter_map(|(name, value)| Some(format!("{name}{}", (*value)?.text())));
        said.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::Item;

    fn notices(status: &mut Status, line: &str) -> Vec<Notice> {
        let mut out = Outbox::default();
        status.hear(&Frame::read(line).unwrap(), &mut out);
        let notice = |item: &Item| match item {
            Item::Report(Report::Notice(notice)) => Some(notice.clone()),
            _ => None,
        };
        out.items().iter().filter_map(notice).collect()
    }

    fn system(word: &str) -> String {
        format!(r#"{{"channel":"status","data":[{{"api_version":"v2","system":"{word}"}}],"type":"update"}}"#)
    }

    #[test]
    fn every_mode_is_told_once_until_it_changes() {
        let mut status = Status::default();
        let limited = |mode: &str| vec![Notice::Limited { mode: mode.into() }];
        assert_eq!(notices(&mut status, &system("online")), [Notice::Online]);
        assert_eq!(notices(&mut status, &system("online")), []);
        assert_eq!(notices(&mut status, &system("cancel_only")), limited("cancel_only"));
        assert_eq!(notices(&mut status, &system("post_only")), limited("post_only"));
        assert_eq!(notices(&mut status, &system("limit_only")), limited("limit_only"));
        let down = Notice::Maintenance { active: true, text: "maintenance".into() };
        assert_eq!(notices(&mut status, &system("maintenance")), [down]);
        assert_eq!(notices(&mut status, &system("online")), [Notice::Online]);
    }

    #[test]
    fn announced_maintenance_is_told_once_per_phase_and_futures_is_not_ours() {
        let mut status = Status::default();
        let frame = |phase: &str, service: &str| {
            format!(
                r#"{{"channel":"status","type":"update","data":[{{"connection_id":18266300427528990701,"upcoming_maintenance":[
                {{"event_id":7,"title":"Engine upgrade","phase":"{phase}","affected_services":["{service}"]}}],"emergency":[]}}]}}"#
            )
        };
        let told = |text: &str| vec![Notice::Maintenance { active: false, text: text.into() }];
        assert_eq!(notices(&mut status, &frame("announced", "futures_ws")), []);
        let announced = told("Engine upgrade, phase announced");
        assert_eq!(notices(&mut status, &frame("announced", "spot_trading")), announced);
        assert_eq!(notices(&mut status, &frame("announced", "spot_trading")), []);
        let imminent = told("Engine upgrade, phase imminent_5m");
        assert_eq!(notices(&mut status, &frame("imminent_5m", "spot_trading")), imminent);
    }

    #[test]
    fn an_emergency_limits_service() {
        let line = r#"{"channel":"status","type":"update","data":[{"emergency":[{"title":"Order delays","impact":"major"}]}]}"#;
        let mode = "emergency: Order delays, impact major".to_owned();
        assert_eq!(notices(&mut Status::default(), line), [Notice::Limited { mode }]);
    }
}
