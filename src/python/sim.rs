//! An embedded venue as Python drives it. `killcord.sim.Exchange` is its face; enums and records are made there, and
//! cross here as words, numbers and tuples. Every call releases the GIL.

use super::departure::detach;
use super::{config, errors};
use crate::driver::serve::{
    CancelCause, ConnId, ConnectionInfo, Fault, HostFault, JournalEntry, JournalKind, Order, OrderState, Selector,
    ServeError, ServeOptions, Server, Urls, WireFault, embedded,
};
use crate::model::{self, TimeFactor, VenueName};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use std::net::IpAddr;
use std::time::Duration;

/// A running embedded venue. `killcord.sim.Exchange` is its face.
#[pyclass(frozen, module = "killcord._killcord")]
pub struct Exchange {
    server: Server,
    urls: Urls,
}

/// Number, deciding clock, wall clock, account, connection, kind, detail.
type EntryTuple = (u64, u64, u64, String, Option<u64>, &'static str, String);

/// Number, id, account, connection, client id, instrument; category, side, price, quantity; state and, if cancelled, by
/// whom; created, updated.
type OrderTuple = (
    (u64, String, String, Option<u64>, String, String),
    (String, String, String, String),
    (&'static str, Option<&'static str>),
    (u64, u64),
);

/// Number, path, account, opened, reads, writes.
type ConnectionTuple = (u64, String, Option<String>, u64, bool, bool);

/// A word for many sockets, or the number of one, or the name of an account.
type On = (String, Option<u64>, Option<String>);

#[pymethods]
impl Exchange {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "keyword-only in the face")]
    fn new(
        py: Python<'_>,
        venue: &str,
        factor: f64,
        host: &str,
        port: u16,
        certificate_hosts: Vec<String>,
        certificate_expired: bool,
        plaintext: bool,
    ) -> PyResult<Self> {
        let named = VenueName::ALL.into_iter().find(|name| name.as_str() == venue);
        let rule = "must be crypto_com, deribit, bybit or kraken";
        let venue = named.ok_or_else(|| errors::config_refusal(py, "venue", venue, rule))?;
        let factor =
            TimeFactor::new(factor).map_err(|error| errors::config_refusal(py, "factor", &error.value, &error.rule))?;
        let address: IpAddr = host
            .parse()
            .map_err(|_| errors::config_refusal(py, "host", host, "must be an IP address, such as 127.0.0.1"))?;
        let exchange = embedded(venue, factor);
        let options = ServeOptions { exchange, host: address, port, certificate_hosts, certificate_expired, plaintext };
        let server = detach(py, || Server::start(options)).map_err(|error| raise(py, error))?;
        let urls = server.urls(venue);
        Ok(Self { server, urls })
    }

    #[getter]
    fn guard_url(&self) -> &str {
        &self.urls.guard
    }

    #[getter]
    fn trade_url(&self) -> Option<&str> {
        self.urls.trade.as_deref()
    }

    #[getter]
    fn http_url(&self) -> &str {
        &self.urls.http
    }

    #[getter]
    fn ca_pem(&self) -> Option<&str> {
        self.server.ca_pem()
    }

    fn stop(&self, py: Python<'_>) {
        detach(py, || self.server.stop());
    }

    fn add_account(&self, py: Python<'_>, key: &str, secret: &str, name: &str) -> PyResult<()> {
        self.call(py, |server| server.add_account(key, secret, name))
    }

    fn revoke(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        self.call(py, |server| server.revoke_key(key))
    }

    fn restrict(&self, py: Python<'_>, key: &str, lacks: Vec<String>) -> PyResult<()> {
        self.call(py, |server| server.restrict_key(key, lacks))
    }

    fn knobs(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, String, &'static str)>> {
        let knobs = self.call(py, Server::knobs)?;
        Ok(knobs.into_iter().map(|knob| (knob.name, knob.value, knob.doc)).collect())
    }

    fn set_knob(&self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        self.call(py, |server| server.set_knob(name, value))
    }

    fn journal(&self, py: Python<'_>, since: u64) -> PyResult<Vec<EntryTuple>> {
        let page = self.call(py, |server| server.journal(since))?;
        Ok((page.first..).zip(page.entries).map(entry).collect())
    }

    /// Waits in short turns, so that an interrupt is noticed.
    fn wait_journal(
        &self,
        py: Python<'_>,
        since: u64,
        kind: Option<&str>,
        account: Option<&str>,
        detail: Option<&str>,
        patience_s: f64,
    ) -> PyResult<Option<EntryTuple>> {
        let wanted = |entry: &JournalEntry| {
            kind.is_none_or(|kind| kind == kind_word(entry.kind))
                && account.is_none_or(|account| account == entry.account)
                && detail.is_none_or(|detail| entry.detail.contains(detail))
        };
        let mut left = config::seconds(py, "timeout_s", patience_s)?;
        loop {
            py.check_signals()?;
            let turn = left.min(WAIT_TURN);
            if let Some(found) = self.call(py, |server| server.wait_journal(since, turn, wanted))? {
                return Ok(Some(entry(found)));
            }
            left -= turn;
            if left.is_zero() {
                return Ok(None);
            }
        }
    }

    fn orders(&self, py: Python<'_>) -> PyResult<Vec<OrderTuple>> {
        Ok(self.call(py, Server::orders)?.into_iter().map(order).collect())
    }

    fn open_order_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.call(py, Server::open_order_count)
    }

    fn connections(&self, py: Python<'_>) -> PyResult<Vec<ConnectionTuple>> {
        Ok(self.call(py, Server::connections)?.into_iter().map(connection).collect())
    }

    fn would_trip_by(&self, py: Python<'_>, account: &str) -> PyResult<Option<u64>> {
        Ok(self.call(py, |server| server.would_trip_by(account))?.map(model::Moment::nanos))
    }

    fn now(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let now = self.call(py, Server::now)?;
        Ok((now.at.nanos(), now.wall.nanos()))
    }

    fn refuse(&self, py: Python<'_>, step: String, code: Option<String>, times: Option<u32>) -> PyResult<()> {
        self.apply(py, Fault::Refuse { step, code, times: times.unwrap_or(u32::MAX) })
    }

    fn lose_request(&self, py: Python<'_>, step: String, times: Option<u32>) -> PyResult<()> {
        self.apply(py, Fault::LoseRequest { step, times: times.unwrap_or(u32::MAX) })
    }

    fn lose_answer(&self, py: Python<'_>, step: String, times: Option<u32>) -> PyResult<()> {
        self.apply(py, Fault::LoseAnswer { step, times: times.unwrap_or(u32::MAX) })
    }

    fn late(&self, py: Python<'_>, step: String, by_s: f64, times: Option<u32>) -> PyResult<()> {
        let by = config::seconds(py, "by_s", by_s)?;
        self.apply(py, Fault::Late { step, by, times: times.unwrap_or(u32::MAX) })
    }

    fn silence_pings(&self, py: Python<'_>) -> PyResult<()> {
        self.apply(py, Fault::SilentPings)
    }

    fn stop_heartbeats(&self, py: Python<'_>) -> PyResult<()> {
        self.apply(py, Fault::NoHeartbeats)
    }

    fn dishonour(&self, py: Python<'_>) -> PyResult<()> {
        self.apply(py, Fault::Dishonour)
    }

    fn maintenance(&self, py: Python<'_>) -> PyResult<()> {
        self.apply(py, Fault::Maintenance)
    }

    fn stop_reading(&self, py: Python<'_>, on: On) -> PyResult<()> {
        self.wire(py, WireFault::StopReading, on)
    }

    fn cut(&self, py: Python<'_>, on: On) -> PyResult<()> {
        self.wire(py, WireFault::BlackHole, on)
    }

    fn drip(&self, py: Python<'_>, on: On, pause_s: f64) -> PyResult<()> {
        let pause = config::seconds(py, "pause_s", pause_s)?;
        self.wire(py, WireFault::Drip(pause), on)
    }

    fn inject(&self, py: Python<'_>, on: On, data: Vec<u8>) -> PyResult<()> {
        self.wire(py, WireFault::Inject(data), on)
    }

    fn reset(&self, py: Python<'_>, on: On) -> PyResult<()> {
        self.wire(py, WireFault::Reset, on)
    }

    fn fin(&self, py: Python<'_>, on: On) -> PyResult<()> {
        self.wire(py, WireFault::Fin, on)
    }

    fn close(&self, py: Python<'_>, on: On, code: u16, reason: String) -> PyResult<()> {
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            let rule = "must be one that may be sent (RFC 6455, 7.4): 1000 to 1003, 1007 to 1014, 3000 to 4999";
            return Err(errors::config_refusal(py, "code", &code.to_string(), rule));
        }
        self.wire(py, WireFault::Close { code, reason }, on)
    }

    fn freeze(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |server| server.host(HostFault::Freeze))
    }

    fn refuse_dials(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, |server| server.host(HostFault::RefuseDials))
    }

    fn slow_accept(&self, py: Python<'_>, by_s: f64) -> PyResult<()> {
        let by = config::seconds(py, "by_s", by_s)?;
        self.call(py, |server| server.host(HostFault::SlowAccept(by)))
    }

    fn heal(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, Server::heal)
    }

    fn set_clock_skew(&self, py: Python<'_>, skew_ms: i64) -> PyResult<()> {
        self.call(py, |server| server.set_clock_skew(skew_ms))
    }
}

impl Exchange {
    fn call<R: Send>(&self, py: Python<'_>, call: impl FnOnce(&Server) -> Result<R, ServeError> + Send) -> PyResult<R> {
        detach(py, || call(&self.server)).map_err(|error| raise(py, error))
    }

    fn apply(&self, py: Python<'_>, fault: Fault) -> PyResult<()> {
        self.call(py, |server| server.apply(fault))
    }

    fn wire(&self, py: Python<'_>, fault: WireFault, on: On) -> PyResult<()> {
        let selector = match on {
            (_, Some(number), _) => Selector::Connection(ConnId(number)),
            (_, None, Some(account)) => Selector::Account(account),
            (word, None, None) => config::named(py, "on", &word, &SOCKETS)?.selector(),
        };
        self.call(py, |server| server.wire(fault, selector))
    }
}

/// The words of `killcord.sim.Sockets`.
#[derive(Clone, Copy)]
enum Sockets {
    All,
    Websockets,
    Http,
}

const SOCKETS: [(&str, Sockets); 3] =
    [("all", Sockets::All), ("websockets", Sockets::Websockets), ("http", Sockets::Http)];

impl Sockets {
    const fn selector(self) -> Selector {
        match self {
            Self::All => Selector::All,
            Self::Websockets => Selector::Websockets,
            Self::Http => Selector::Http,
        }
    }
}

/// The longest time without looking for an interrupt.
const WAIT_TURN: Duration = Duration::from_millis(100);

fn entry((number, entry): (u64, JournalEntry)) -> EntryTuple {
    let conn = entry.conn.map(|ConnId(number)| number);
    (number, entry.at.nanos(), entry.wall.nanos(), entry.account, conn, kind_word(entry.kind), entry.detail)
}

/// The values of `killcord.sim.JournalKind`.
const fn kind_word(kind: JournalKind) -> &'static str {
    match kind {
        JournalKind::Opened => "opened",
        JournalKind::Ended => "ended",
        JournalKind::LoggedIn => "logged_in",
        JournalKind::Refused => "refused",
        JournalKind::SwitchSet => "switch_set",
        JournalKind::SwitchOff => "switch_off",
        JournalKind::LifeSign => "life_sign",
        JournalKind::Heartbeat => "heartbeat",
        JournalKind::Tripped => "tripped",
        JournalKind::OrderOpened => "order_opened",
        JournalKind::OrderCancelled => "order_cancelled",
        JournalKind::FaultApplied => "fault_applied",
    }
}

fn order(order: Order) -> OrderTuple {
    let conn = order.conn.map(|ConnId(number)| number);
    (
        (order.number, order.id, order.account, conn, order.client_id, order.instrument),
        (order.category, order.side, order.price, order.quantity),
        state_words(order.state),
        (order.created.at.nanos(), order.updated.at.nanos()),
    )
}

/// The values of `killcord.sim.OrderState` and `killcord.sim.CancelCause`.
const fn state_words(state: OrderState) -> (&'static str, Option<&'static str>) {
    match state {
        OrderState::Open => ("open", None),
        OrderState::Filled => ("filled", None),
        OrderState::Cancelled(CancelCause::User) => ("cancelled", Some("user")),
        OrderState::Cancelled(CancelCause::Switch) => ("cancelled", Some("switch")),
        OrderState::Cancelled(CancelCause::Venue) => ("cancelled", Some("venue")),
    }
}

fn connection(info: ConnectionInfo) -> ConnectionTuple {
    let ConnId(number) = info.conn;
    (number, info.path, info.account, info.opened.nanos(), info.reads, info.writes)
}

fn raise(py: Python<'_>, error: ServeError) -> PyErr {
    match error {
        ServeError::Listen { ref source, .. } => {
            let told = error.to_string();
            source
                .raw_os_error()
                .map_or_else(|| PyOSError::new_err(told.clone()), |code| PyOSError::new_err((code, told.clone())))
        }
        ServeError::Certificate(why) => errors::config_refusal(py, "certificate_hosts", "[names]", &why),
        ServeError::Thread(_) => PyOSError::new_err(error.to_string()),
        ServeError::Panicked => errors::fault(py, &model::Fault { what: error.to_string() }),
        ServeError::Knob(knob) => {
            errors::config_refusal(py, &format!("knobs[{:?}]", knob.name), &knob.value, &knob.rule)
        }
        ServeError::UnknownKey(_) => errors::config_refusal(py, "key", "[hidden]", &error.to_string()),
    }
}
