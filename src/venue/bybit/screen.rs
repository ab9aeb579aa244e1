//! What an application's own request would do on Bybit's links, and how it becomes a line. Decided on decoded JSON, so
//! key order, white space and escapes change nothing; an order operation nobody has heard of counts as an order.
//!
//! Data pushed on the guarding link counts as its activity (v5/websocket/wss-authentication) and so puts off the moment
//! at which the venue notices that we are gone. Subscribing anything there would make the published bound untrue, so it
//! is refused unless asked for by name.

use super::facts;
use super::wire::{self, Id, Spelling};
use crate::model::{LinkRole, Misuse, WallTime};
use crate::venue::json::{Raw, clean, push_u64, read_object};
use crate::venue::{Screened, Screening};
use serde::Deserialize;

const NOT_AN_OBJECT: &str = "it is not one JSON object with an op, every key once";
const RESERVED: &str = "its id has the form killcord keeps for itself (kc-1-1)";
const TOPICS: &str = "args must be a list of topics";
const NO_TRADE_LINK: &str = "orders need the order-entry link, and trade_link is off";
const UNKNOWN: &str = "it is not an operation of Bybit's private or order-entry link";
const LOGIN: &str = "the guard logs its links in by itself";
const OWN_TOPIC: &str = "the guard subscribes the dcp topics itself; name the product in the configuration";
const KEEP_TOPIC: &str =
    "the guard needs it: without it Bybit counts this link as gone and cancels when the window ends";
const QUIET: &str =
    "use a connection of your own for streams: data pushed on the guarding link keeps a dead link alive";

/// Screens a whole line.
pub(super) fn line(line: &str, has_trade_link: bool) -> Screened {
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        op: Raw<'a>,
        #[serde(borrow)]
        args: Option<Raw<'a>>,
        #[serde(borrow)]
        req_id: Option<Raw<'a>>,
        #[serde(borrow, rename = "reqId")]
        trade_id: Option<Raw<'a>>,
    }
    let refused = |why| Screened::new(LinkRole::Guard, Screening::NotSendable { why });
    // Duplicate keys are refused by the decoder: which of them the venue would take is anybody's guess.
    let Some(request) = read_object::<Request<'_>>(line) else { return refused(NOT_AN_OBJECT) };
    let reserved = |id: Option<Raw<'_>>| id.is_some_and(|id| Id::read(id.text().trim()).is_some());
    if reserved(request.req_id) || reserved(request.trade_id) {
        return refused(RESERVED);
    }
    let screened = classify(&request.op.text(), request.args, has_trade_link);
    // A ping may go on either link; its id is spelled as that link wants it.
    match request.trade_id {
        Some(_) if has_trade_link && screened.kind == Screening::Harmless => {
            Screened { role: LinkRole::Trade, ..screened }
        }
        Some(_) | None => screened,
    }
}

/// Screens a request that is still to become a line. Letter case is ignored: whether Bybit does is unknown.
pub(super) fn classify(op: &str, args: Option<Raw<'_>>, has_trade_link: bool) -> Screened {
    let plain = op.trim().to_ascii_lowercase();
    if let Some(order) = plain.strip_prefix("order.") {
        let kind = match (has_trade_link, order.starts_with("cancel")) {
            (false, _) => Screening::NotSendable { why: NO_TRADE_LINK },
            (true, true) => Screening::Cancel,
            (true, false) => Screening::Order,
        };
        return Screened::new(LinkRole::Trade, kind);
    }
    let kind = match plain.as_str() {
        wire::PING => Screening::Harmless,
        wire::SUBSCRIBE | wire::UNSUBSCRIBE => match args.and_then(Raw::read::<Vec<String>>) {
            Some(topics) => topics_kind(&plain, &topics),
            None => Screening::NotSendable { why: TOPICS },
        },
        wire::AUTH => Screening::NotSendable { why: LOGIN },
        _ => Screening::NotSendable { why: UNKNOWN },
    };
    Screened::new(LinkRole::Guard, kind)
}

fn topics_kind(op: &str, topics: &[String]) -> Screening {
    let is_dcp = |topic: &String| topic.trim().to_ascii_lowercase().starts_with("dcp");
    let breaks =
        |instead| Screening::BreaksProtection { method: clean(&format!("{op} {}", topics.join(", "))), instead };
    match (op, topics.iter().any(is_dcp)) {
        (wire::UNSUBSCRIBE, true) => breaks(KEEP_TOPIC),
        (wire::UNSUBSCRIBE, false) => Screening::Harmless,
        (_, true) => Screening::NotSendable { why: OWN_TOPIC },
        (_, false) => breaks(QUIET),
    }
}

/// Writes a request. Orders carry the venue's time in a header and their parameters in a list of one; on the private
/// link the parameters are a list already.
pub(super) fn write(role: LinkRole, id: Id, op: &str, params: &str, stamp: WallTime) -> Result<String, Misuse> {
    const ENVELOPE_LENGTH: usize = 160;
    let params = match (role, params.trim()) {
        (LinkRole::Guard, "{}" | "null") => "",
        (LinkRole::Guard | LinkRole::Trade, params) => params,
    };
    let is_valid = serde_json::from_str::<Raw<'_>>(params).is_ok();
    let (open, close) = match (role, params.chars().next()) {
        (LinkRole::Trade, Some('{')) if is_valid => ("[", "]"),
        (LinkRole::Trade | LinkRole::Guard, Some('[')) if is_valid => ("", ""),
        (LinkRole::Guard, None) => ("", ""),
        _ => return Err(Misuse::NotSendable { why: PARAMS }),
    };
    let mut line = String::with_capacity(params.len() + op.len() + ENVELOPE_LENGTH);
    wire::open(&mut line, spelling(role), id, op);
    if role == LinkRole::Trade {
        line.push_str(r#","header":{"X-BAPI-TIMESTAMP":""#);
        push_u64(&mut line, stamp.millis());
        line.push_str(r#"","X-BAPI-RECV-WINDOW":""#);
        line.push_str(facts::RECV_WINDOW_MS);
        line.push_str("\"}");
    }
    if !params.is_empty() {
        line.push_str(r#","args":"#);
        for part in [open, params, close] {
            line.push_str(part);
        }
    }
    line.push('}');
    Ok(line)
}

const PARAMS: &str = "the parameters must be one JSON object or list for an order, a list of topics otherwise";

const fn spelling(role: LinkRole) -> Spelling {
    match role {
        LinkRole::Guard => Spelling::Private,
        LinkRole::Trade => Spelling::Trade,
    }
}
