//! What Deribit announces on `platform_state` and `user.lock`, reduced to changes. Production sends two or three
//! `platform_state` frames a second, one index each; only what differs from the frame before is news.

use super::wire::Notification;
use crate::model::{Notice, venue_text};
use crate::venue::json::Raw;
use crate::venue::{Outbox, Report};
use serde::Deserialize;
use std::collections::BTreeSet;

/// How many locked names are remembered; Deribit has far fewer indices and currencies.
const LOCKED_MAX: usize = 256;

/// What is locked, as far as was told on this link.
#[derive(Default)]
pub(super) struct Notices {
    locked: BTreeSet<String>,
    maintenance: Maintenance,
}

/// How far maintenance has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Maintenance {
    #[default]
    Over,
    Announced,
    /// Requests are refused because of it.
    Active,
}

impl Notices {
    /// Takes one message of any channel; only the two of the platform mean anything here.
    pub fn hear(&mut self, message: &Notification<'_>, out: &mut Outbox) {
        #[derive(Deserialize, Default)]
        struct State<'a> {
            #[serde(borrow, default)]
            locked: Option<Raw<'a>>,
            #[serde(borrow, default)]
            price_index: Option<Raw<'a>>,
            #[serde(borrow, default)]
            currency: Option<Raw<'a>>,
            #[serde(borrow, default)]
            maintenance: Option<Raw<'a>>,
        }
        let (prefix, of_platform) = match message.channel.text().as_ref() {
            "platform_state" => ("index", true),
            "user.lock" => ("account", false),
            _ => return,
        };
        let state = message.data.read_object::<State<'_>>().unwrap_or_default();
        match state.maintenance.and_then(Raw::as_bool).filter(|_| of_platform) {
            Some(true) => self.maintenance(Maintenance::Announced, "announced on platform_state", out),
            Some(false) => self.maintenance(Maintenance::Over, "", out),
            None => {}
        }
        if let Some(locked) = state.locked.and_then(Raw::as_bool) {
            let name = state.price_index.or(state.currency).map_or(Default::default(), Raw::text);
            self.lock(locked, venue_text(&format!("{prefix} locked: {name}")), out);
        }
    }

    /// Takes how far maintenance has come; tells what is news.
    pub fn maintenance(&mut self, now: Maintenance, text: &str, out: &mut Outbox) {
        let before = std::mem::replace(&mut self.maintenance, now);
        match now {
            Maintenance::Over if before > now => out.report(Report::Notice(Notice::Online)),
            Maintenance::Announced | Maintenance::Active if now > before => {
                let active = now == Maintenance::Active;
                out.report(Report::Notice(Notice::Maintenance { active, text: venue_text(text) }));
            }
            Maintenance::Over | Maintenance::Announced | Maintenance::Active => {}
        }
        // An announcement repeated while it is already active changes nothing.
        if now == Maintenance::Announced {
            self.maintenance = before.max(now);
        }
    }

    fn lock(&mut self, locked: bool, name: String, out: &mut Outbox) {
        if locked && self.locked.len() < LOCKED_MAX && self.locked.insert(name.clone()) {
            out.report(Report::Notice(Notice::Limited { mode: name }));
        } else if !locked && self.locked.remove(&name) && self.locked.is_empty() {
            out.report(Report::Notice(Notice::Online));
        }
    }
}
