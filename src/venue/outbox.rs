//! Where a dialect puts what it wants said, called and reported. Lines share one reusable buffer, so that an answer to a
//! heartbeat allocates nothing once the buffers have grown.

use super::Report;
use crate::model::{CallTag, LinkRole, Moment};
use std::fmt;
use std::ops::Range;

/// In which order lines leave when several wait. A keepalive never queues behind an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// What keeps the switch from firing: heartbeat answers, feeds, pings.
    Keepalive,
    /// Login, arming, read-back, kill.
    Control,
    /// The application's traffic.
    Order,
}

/// HTTP method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum HttpMethod {
    Get,
    Post,
}

/// On which HTTP connection a call goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CallLine {
    /// The ordinary one.
    Normal,
    /// One of its own that nothing else may occupy.
    Kill,
}

/// A signed HTTP request. Printing it shows neither headers nor body: both may carry secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: HttpMethod,
    /// Path with query, appended to the venue's HTTP endpoint.
    pub path: String,
    /// Extra headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body, byte for byte what was signed; empty for GET.
    pub body: String,
    /// Which connection.
    pub line: CallLine,
}

/// One thing a dialect wants done, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// Say this line; the text is `Outbox::text(range)`.
    Say {
        /// On which link.
        role: LinkRole,
        /// In which lane.
        lane: Lane,
        /// Where the text is.
        text: Range<usize>,
    },
    /// Make this HTTP call.
    Call {
        /// Its name.
        tag: CallTag,
        /// What.
        request: HttpRequest,
    },
    /// Take note of this.
    Report(Report),
}

/// The venue's own time, as one message of it states it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// What its clock showed, in milliseconds since the Unix epoch.
    pub millis: u64,
    /// When the request was said that this message answers, where that is known. Otherwise the message is known to be
    /// younger than what was heard before it on the guarding link.
    pub asked: Option<Moment>,
}

/// Collects what a dialect wants. The session drains it after every call.
#[derive(Default)]
pub struct Outbox {
    items: Vec<Item>,
    text: String,
    stamp: Option<Stamp>,
    last_tag: u64,
}

impl Outbox {
    /// Says a line that `build` writes into the shared buffer.
    pub fn say(&mut self, role: LinkRole, lane: Lane, build: impl FnOnce(&mut String)) {
        let start = self.text.len();
        build(&mut self.text);
        self.items.push(Item::Say { role, lane, text: start..self.text.len() });
    }

    /// Passes a line of the application on. Returns where it stays until [`Outbox::clear`], for [`Outbox::text`].
    pub fn pass(&mut self, role: LinkRole, line: &str) -> Range<usize> {
        let start = self.text.len();
        self.say(role, Lane::Order, |text| text.push_str(line));
        start..self.text.len()
    }

    /// Makes an HTTP call and names it.
    pub fn call(&mut self, request: HttpRequest) -> CallTag {
        self.last_tag += 1;
        let tag = CallTag(self.last_tag);
        self.items.push(Item::Call { tag, request });
        tag
    }

    /// Reports something understood.
    pub fn report(&mut self, report: Report) {
        self.items.push(Item::Report(report));
    }

    /// Notes the venue's time. It is looked at before anything else that the same message means.
    pub fn stamp(&mut self, stamp: Stamp) {
        self.stamp = Some(stamp);
    }

    /// Takes the venue's time out.
    pub fn take_stamp(&mut self) -> Option<Stamp> {
        self.stamp.take()
    }

    /// What is waiting, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The text of a `Say`.
    pub fn text(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// Takes the oldest item out; its text stays until [`Outbox::clear`].
    pub fn pop(&mut self) -> Option<Item> {
        (!self.items.is_empty()).then(|| self.items.remove(0))
    }

    /// Takes the items out, leaving the text in place until [`Outbox::clear`].
    pub fn take_items(&mut self) -> std::vec::Drain<'_, Item> {
        self.items.drain(..)
    }

    /// Forgets items and text; keeps the buffers and the tag counter.
    pub fn clear(&mut self) {
        self.items.clear();
        self.text.clear();
        self.stamp = None;
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{:?} {path} on {:?}", self.method, self.line)
    }
}

impl fmt::Debug for Outbox {
    /// Shows items without their text, which may carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_and_text() {
        let mut out = Outbox::default();
        out.say(LinkRole::Guard, Lane::Keepalive, |line| line.push_str("one"));
        out.say(LinkRole::Trade, Lane::Order, |line| line.push_str("two"));
        let texts: Vec<&str> = out
            .items()
            .iter()
            .filter_map(|item| match item {
                Item::Say { text, .. } => Some(out.text(text)),
                Item::Call { .. } | Item::Report(_) => None,
            })
            .collect();
        assert_eq!(texts, ["one", "two"]);
    }

    #[test]
    fn tags_are_never_reused_and_requests_never_printed() {
        let mut out = Outbox::default();
        let request = HttpRequest {
            method: HttpMethod::Post,
            path: "/x?sig=abc".into(),
            headers: vec![("API-Sign", "topsecret".into())],
            body: "nonce=1".into(),
            line: CallLine::Normal,
        };
        let first = out.call(request.clone());
        out.clear();
        assert_ne!(first, out.call(request.clone()));
        assert_eq!(format!("{request:?}"), "Post /x on Normal");
    }
}
