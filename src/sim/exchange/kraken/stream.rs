//! What clients say on websockets: from a message to its answers (spec sections 2 and 4). Private methods are in
//! `requests.rs`, channels in `subscriptions.rs`.

use super::KrakenExchange;
use super::requests::is_private;
use super::wire::{self, Refused, Request};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Fault, JournalKind, Output, Treatment};
use serde_json::{Map, Value};
use std::time::Duration;

/// With the knob that reorders, a private request waits this long, in real time, for one that overtakes it.
const HOLD: Duration = Duration::from_millis(50);

/// The answers to one request, in order: what stands in each, or its error.
pub type Answers = Vec<Result<Map<String, Value>, Refused>>;

impl KrakenExchange {
    /// A text message.
    pub(super) fn hear(&mut self, now: Now, id: ConnId, text: &str, out: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Some(request) = Request::read(text) else {
            let request = Request { method: String::new(), params: Value::Null, id: None };
            let answer = wire::refused(&request, "", "Malformed request", now.wall);
            self.floor.note(now, "", Some(id), JournalKind::Refused, "malformed request");
            out.push(Output::Text(id, answer));
            return;
        };
        if self.knobs.reorder_private && is_private(&request.method) {
            match conn.held.take() {
                None => conn.held = Some((now.at + HOLD, text.to_owned())),
                Some((_, earlier)) => {
                    self.handle_request(now, id, &request, out);
                    self.hear_again(now, id, &earlier, out);
                }
            }
            return;
        }
        self.handle_request(now, id, &request, out);
    }

    /// Nothing overtook the request that was held back.
    pub(super) fn hear_held(&mut self, now: Now, id: ConnId, out: &mut Vec<Output>) {
        let held = self.conns.get_mut(&id).and_then(|conn| conn.held.take());
        if let Some((_, text)) = held {
            self.hear_again(now, id, &text, out);
        }
    }

    /// Writes down that something was refused on a connection.
    pub(super) fn note_refused(&mut self, now: Now, id: ConnId, detail: &str) {
        let account = self.conns.get(&id).and_then(|conn| conn.account.clone()).unwrap_or_default();
        self.floor.note(now, &account, Some(id), JournalKind::Refused, detail);
    }

    fn hear_again(&mut self, now: Now, id: ConnId, text: &str, out: &mut Vec<Output>) {
        if let Some(request) = Request::read(text) {
            self.handle_request(now, id, &request, out);
        }
    }

    fn handle_request(&mut self, now: Now, id: ConnId, request: &Request, out: &mut Vec<Output>) {
        let treatment = self.stream_treatment(request);
        if treatment == Treatment::LoseRequest {
            return;
        }
        if request.method == "ping" {
            return self.ping(now, id, request, &treatment, out);
        }
        let mut effects = Vec::new();
        let (method, answers) = match &treatment {
            Treatment::Refuse(code) => {
                let error = code.clone().unwrap_or_else(|| "EService:Unavailable".to_owned());
                (request.method.as_str(), vec![Err(error)])
            }
            Treatment::Normal | Treatment::LoseAnswer | Treatment::LoseRequest | Treatment::Late(_) => {
                self.run(now, id, request, &mut effects)
            }
        };
        for answer in answers {
            let text = match answer {
                Ok(content) => wire::done(request, content, now.wall),
                Err(error) => {
                    self.note_refused(now, id, &format!("{}: {error}", request.method));
                    wire::refused(request, method, &error, now.wall)
                }
            };
            self.answer(now, &treatment, Output::Text(id, text), out);
        }
        out.append(&mut effects);
    }

    /// The method the answers carry, and the answers.
    fn run<'a>(&mut self, now: Now, id: ConnId, request: &'a Request, effects: &mut Vec<Output>) -> (&'a str, Answers) {
        match request.method.as_str() {
            "subscribe" => ("subscribe", self.subscribe(now, id, request, effects)),
            // A refused unsubscription is answered as if it had been a subscription (spec 8.1).
            "unsubscribe" => {
                let answers = self.unsubscribe(now, id, request);
                let method = if answers.iter().all(Result::is_ok) { "unsubscribe" } else { "subscribe" };
                (method, answers)
            }
            method if is_private(method) => (method, self.private_request(now, id, request, effects)),
            method => (method, vec![Err("Unsupported event".to_owned())]),
        }
    }

    fn ping(&mut self, now: Now, id: ConnId, request: &Request, treatment: &Treatment, out: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if self.knobs.ping_counts {
            conn.bare_since = now.at;
        }
        let account = conn.account.clone().unwrap_or_default();
        let text = if let Treatment::Refuse(code) = treatment {
            let error = code.as_deref().unwrap_or("EService:Unavailable");
            self.note_refused(now, id, &format!("ping: {error}"));
            wire::refused(request, "ping", error, now.wall)
        } else if request.params.is_null() {
            self.floor.note(now, &account, Some(id), JournalKind::LifeSign, "ping");
            wire::pong(request, now.wall)
        } else {
            let error = "Unsupported field: 'params' for the given msg type: ping";
            self.note_refused(now, id, error);
            wire::refused(request, "ping", error, now.wall)
        };
        if !self.floor.has(&Fault::SilentPings) {
            self.answer(now, treatment, Output::Text(id, text), out);
        }
    }

    /// A subscription can be treated by its method alone or with its channel.
    fn stream_treatment(&mut self, request: &Request) -> Treatment {
        let treatment = self.floor.treatment(&request.method);
        match request.params.get("channel").and_then(Value::as_str) {
            Some(channel) if treatment == Treatment::Normal => {
                self.floor.treatment(&format!("{}:{channel}", request.method))
            }
            Some(_) | None => treatment,
        }
    }
}
