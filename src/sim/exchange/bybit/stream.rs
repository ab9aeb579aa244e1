//! What clients say on the private and public sockets: login, ping, subscribe, unsubscribe (spec sections 4 to 7), and
//! the bookkeeping of activity for every socket.

use super::BybitExchange;
use super::auth;
use super::conn::{Conn, Login, Public, Socket};
use super::dcp::{BARE_TOPIC, Leaving, has_topic, holds_off};
use super::knobs::{Activity, BareTopic};
use super::product::Product;
use super::wire::{self, Failure, Request};
use crate::model::Now;
use crate::sim::exchange::{ConnId, Fault, JournalKind, Output, Treatment};
use serde_json::Value;

/// Topics of the private socket besides the protection's.
const PRIVATE_TOPICS: [&str; 17] = [
    "order",
    "order.spot",
    "order.linear",
    "order.inverse",
    "order.option",
    "execution",
    "execution.spot",
    "execution.linear",
    "execution.inverse",
    "execution.option",
    "execution.fast",
    "position",
    "position.linear",
    "position.inverse",
    "position.option",
    "wallet",
    "greeks",
];
/// First words of topics on public sockets.
const PUBLIC_TOPICS: [&str; 10] = [
    "orderbook",
    "publicTrade",
    "tickers",
    "kline",
    "liquidation",
    "allLiquidation",
    "kline_lt",
    "tickers_lt",
    "lt",
    "priceLimit",
];

impl BybitExchange {
    /// A frame that is not text.
    pub(super) fn frame(&mut self, now: Now, id: ConnId) {
        if self.knobs.activity == Activity::Any
            && let Some(conn) = self.conns.get_mut(&id)
        {
            conn.active = now.at;
        }
    }

    /// A text message on any socket.
    pub(super) fn hear(&mut self, now: Now, id: ConnId, text: &str, out: &mut Vec<Output>) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let request = Request::read(text);
        let ping = request.as_ref().is_some_and(|request| request.op == "ping");
        if ping || self.knobs.activity != Activity::JsonPing {
            conn.active = now.at;
        }
        let socket = conn.socket;
        let request = request.unwrap_or_default();
        if ping {
            return self.ping(now, id, &request, out);
        }
        match socket {
            Socket::Trade => self.trade(now, id, request, out),
            Socket::Private | Socket::Public(_) => self.stream(now, id, socket, &request, out),
        }
    }

    /// The name of a connection in answers.
    pub(super) fn conn_name(&self, id: ConnId) -> String {
        self.conns.get(&id).map(|conn| conn.name.clone()).unwrap_or_default()
    }

    /// Writes down that something was refused on a connection.
    pub(super) fn note_refused(&mut self, now: Now, id: ConnId, detail: &str) {
        let account = self.conns.get(&id).and_then(Conn::account).unwrap_or_default().to_owned();
        self.floor.note(now, &account, Some(id), JournalKind::Refused, detail);
    }

    /// A login on the private or the trade socket; the caller words the outcome.
    pub(super) fn log_in(&mut self, now: Now, id: ConnId, request: &Request) -> Result<(), auth::LoginError> {
        let before = self.conns.get(&id).and_then(|conn| conn.login.clone());
        let outcome = auth::login(&self.floor, request, now.wall)
            .map(|account| Login { key: account.key.clone(), account: account.name.clone() })
            .and_then(|login| match before {
                Some(before) if before != login => Err(auth::LoginError::Malformed),
                Some(_) | None => Ok(login),
            });
        let login = outcome?;
        self.floor.note(now, &login.account, Some(id), JournalKind::LoggedIn, "auth");
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.login = Some(login);
        }
        self.resume(id);
        Ok(())
    }

    /// After a failed login the connection may be dropped, by a knob.
    pub(super) fn drop_after_failed_login(&mut self, now: Now, id: ConnId, out: &mut Vec<Output>) {
        if self.knobs.close_after_failed_auth {
            out.push(Output::Drop(id));
            self.end(now, now.at, id, Leaving::Ended { clean: false }, "venue: failed login");
        }
    }

    fn ping(&mut self, now: Now, id: ConnId, request: &Request, out: &mut Vec<Output>) {
        let treatment = self.floor.treatment("ping");
        if treatment == Treatment::LoseRequest {
            return;
        }
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let account = conn.account().unwrap_or_default().to_owned();
        conn.pinged = Some(now.at);
        conn.watched = now.at;
        conn.silent = false;
        let (socket, name) = (conn.socket, conn.name.clone());
        self.floor.note(now, &account, Some(id), JournalKind::LifeSign, "ping");
        self.resume(id);
        if !self.floor.has(&Fault::SilentPings) && !matches!(treatment, Treatment::Refuse(_)) {
            let pong = wire::pong(socket, request, &name, now.wall);
            self.answer(now, &treatment, Output::Text(id, pong), out);
        }
    }

    fn stream(&mut self, now: Now, id: ConnId, socket: Socket, request: &Request, out: &mut Vec<Output>) {
        let name = self.conn_name(id);
        let treatment = self.stream_treatment(request);
        let (success, text) = match &treatment {
            Treatment::LoseRequest => return,
            Treatment::Refuse(code) => {
                let detail = format!("{}: refused on command", request.op);
                self.note_refused(now, id, &detail);
                (false, code.clone().unwrap_or_else(|| "Params Error".to_owned()))
            }
            Treatment::Normal | Treatment::LoseAnswer | Treatment::Late(_) => {
                match self.act(now, id, socket, request) {
                    Ok(()) => (true, String::new()),
                    Err(text) => {
                        self.note_refused(now, id, &format!("{} {}: {text}", request.op, topics_text(request)));
                        (false, text)
                    }
                }
            }
        };
        let answer = match socket {
            Socket::Public(public) if success && request.op == "subscribe" => {
                wire::public_subscribed(public, request, &name)
            }
            Socket::Public(_) | Socket::Private | Socket::Trade => wire::stream_answer(request, &name, success, &text),
        };
        self.answer(now, &treatment, Output::Text(id, answer), out);
        if request.op == "auth" && !success {
            self.drop_after_failed_login(now, id, out);
        }
    }

    /// A message with several topics is one step per topic; the first that is treated decides for all.
    fn stream_treatment(&mut self, request: &Request) -> Treatment {
        if request.op != "subscribe" && request.op != "unsubscribe" {
            return self.floor.treatment(&request.op);
        }
        let topics: Vec<String> = topics(request).map(|topic| format!("{}:{topic}", request.op)).collect();
        let mut treatments = topics.iter().map(|step| self.floor.treatment(step));
        treatments.find(|treatment| *treatment != Treatment::Normal).unwrap_or(Treatment::Normal)
    }

    fn act(&mut self, now: Now, id: ConnId, socket: Socket, request: &Request) -> Result<(), String> {
        match (request.op.as_str(), socket) {
            ("auth", Socket::Private) => self.log_in(now, id, request).map_err(|error| error.private_text().to_owned()),
            ("subscribe", Socket::Private) => self.subscribe(now, id, request),
            ("unsubscribe", Socket::Private) => self.unsubscribe(now, id, request),
            ("subscribe", Socket::Public(public)) => Self::subscribe_public(public, request),
            ("unsubscribe", Socket::Public(_)) => Ok(()),
            _ => Err("error:invalid op".to_owned()),
        }
    }

    fn subscribe(&mut self, now: Now, id: ConnId, request: &Request) -> Result<(), String> {
        let Some(account) = self.conns.get(&id).and_then(Conn::account).map(str::to_owned) else {
            return Err("Request not authorized".to_owned());
        };
        if let Some(unknown) = topics(request).find(|topic| !self.private_topic(topic)) {
            return Err(format!("error:handler not found,topic:{unknown}"));
        }
        if mixes_orders(request) {
            return Err("Params Error".to_owned());
        }
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        for topic in topics(request) {
            conn.topics.insert(topic.to_owned());
            if is_protection(topic) {
                conn.watched = now.at;
                conn.silent = false;
                self.floor.note(now, &account, Some(id), JournalKind::SwitchSet, &format!("subscribe {topic}"));
            }
        }
        self.resume(id);
        Ok(())
    }

    fn unsubscribe(&mut self, now: Now, id: ConnId, request: &Request) -> Result<(), String> {
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        let Some(account) = conn.account().map(str::to_owned) else {
            return Err("Request not authorized".to_owned());
        };
        let knobs = &self.knobs;
        let held: Vec<Product> = Product::ALL.into_iter().filter(|product| holds_off(conn, *product, knobs)).collect();
        for topic in topics(request) {
            if conn.topics.remove(topic) && is_protection(topic) {
                self.floor.note(now, &account, Some(id), JournalKind::SwitchOff, &format!("unsubscribe {topic}"));
            }
        }
        let left: Vec<Product> = held.into_iter().filter(|product| !has_topic(conn, *product, knobs)).collect();
        self.leave(now.at, id, &account, &left, Leaving::Unsubscribed);
        Ok(())
    }

    fn subscribe_public(public: Public, request: &Request) -> Result<(), String> {
        let known = |topic: &str| match public {
            Public::Status => topic == "system.status",
            Public::Spot | Public::Futures | Public::Option => {
                topic.split_once('.').is_some_and(|(first, _)| PUBLIC_TOPICS.contains(&first))
            }
        };
        if let Some(unknown) = topics(request).find(|topic| !known(topic)) {
            return Err(format!("error:handler not found,topic:{unknown}"));
        }
        Ok(())
    }

    fn private_topic(&self, topic: &str) -> bool {
        if let Some(product) = Product::ALL.into_iter().find(|product| product.topic() == topic) {
            return !self.knobs.subscribe_needs_entitlement || self.knobs.dcp_products.has(product);
        }
        match topic {
            BARE_TOPIC => self.knobs.bare_dcp == BareTopic::Options,
            _ => PRIVATE_TOPICS.contains(&topic),
        }
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.text
    }
}

fn topics(request: &Request) -> impl Iterator<Item = &str> {
    request.args.iter().filter_map(Value::as_str)
}

fn topics_text(request: &Request) -> String {
    topics(request).collect::<Vec<_>>().join(" ")
}

fn is_protection(topic: &str) -> bool {
    topic == BARE_TOPIC || topic.starts_with("dcp.")
}

/// `order` and `order.<category>` may not be in one request (spec section 6).
fn mixes_orders(request: &Request) -> bool {
    topics(request).any(|topic| topic == "order") && topics(request).any(|topic| topic.starts_with("order."))
}
