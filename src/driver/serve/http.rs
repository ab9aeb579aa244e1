//! One TCP socket: TLS, then HTTP/1.1, one request after the other, any of which may turn into a websocket.

use super::connection;
use super::hub::SocketId;
use super::queue::Outbound;
use super::shared::Shared;
use super::wire_fault::{Tap, Tapped};
use crate::model::WallTime;
use crate::sim::exchange::{ConnId, HttpId, HttpIn, HttpOut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Longest request body.
const BODY_MAX: usize = 1 << 20;

type Answer = Response<Full<Bytes>>;

/// Why a request gets no answer: its socket is closed without one.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

/// Serves one socket until it is over. A websocket goes on in a task of its own.
pub(super) async fn run(shared: Arc<Shared>, tls: Option<TlsAcceptor>, stream: TcpStream) {
    let Ok((socket, tap, slow)) = shared.hold().map(|mut hub| {
        let (socket, tap) = hub.add_socket();
        (socket, tap, hub.slow_accept())
    }) else {
        return;
    };
    let caller = Caller { shared: shared.clone(), socket, tap: tap.clone() };
    let stream = Tapped::new(stream, tap.clone());
    let served = async {
        tokio::time::sleep(slow).await;
        match tls {
            None => caller.serve(stream).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    caller.serve(stream).await;
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = tap.until_reset() => {}
    }
    if let Ok(mut hub) = shared.hold() {
        hub.leave(socket);
    }
}

/// Who asks, and over which socket.
#[derive(Clone)]
struct Caller {
    shared: Arc<Shared>,
    socket: SocketId,
    tap: Arc<Tap>,
}

impl Caller {
    async fn serve(self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = hyper::service::service_fn(|request| self.clone().answer(request));
        let _ = hyper::server::conn::http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades()
            .await;
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Answer, NoAnswer> {
        if asks_for_websocket(&request) { self.upgrade(request).await } else { self.call(request).await }
    }

    async fn call(self, request: Request<Incoming>) -> Result<Answer, NoAnswer> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
            return Ok(empty(StatusCode::PAYLOAD_TOO_LARGE));
        };
        self.shared.hold().map_err(|_| NoAnswer)?.carries_http(self.socket);
        self.tap.until_reads().await;
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = body.to_bytes();
        let (id, answer) = self.shared.hold_thawed().await.map_err(|_| NoAnswer)?.call(HttpIn {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            body: &String::from_utf8_lossy(&body),
        });
        let _awaited = AwaitedCall { shared: &self.shared, id };
        let answer = answer.await.map_err(|_| NoAnswer)?;
        let wall = self.shared.hold().map_err(|_| NoAnswer)?.now().wall;
        spell(answer, wall)
    }

    async fn upgrade(self, mut request: Request<Incoming>) -> Result<Answer, NoAnswer> {
        let Some(key) = websocket_key(&request) else { return Ok(empty(StatusCode::BAD_REQUEST)) };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let conn = self.shared.hold().map_err(|_| NoAnswer)?.carries_websocket(self.socket);
        self.tap.until_reads().await;
        let decision = self.shared.hold_thawed().await.map_err(|_| NoAnswer)?.upgrade(self.socket, conn, &path);
        let mut opening = Opening { shared: &self.shared, conn, open: false };
        match decision.await.map_err(|_| NoAnswer)? {
            Ok(outbound) => {
                opening.open = true;
                self.shared.hold().map_err(|_| NoAnswer)?.stay(self.socket);
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(self.clone().websocket(conn, upgrade, outbound));
                Ok(switching(&key))
            }
            Err(status) => Ok(empty(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE))),
        }
    }

    async fn websocket(self, conn: ConnId, upgrade: hyper::upgrade::OnUpgrade, outbound: Outbound) {
        let Self { shared, socket, tap } = self;
        let served = async {
            if let Ok(upgraded) = upgrade.await {
                connection::run(&shared, conn, TokioIo::new(upgraded), outbound).await;
            }
        };
        tokio::select! {
            () = served => {}
            () = tap.until_reset() => {}
        }
        if let Ok(mut hub) = shared.hold() {
            hub.ended(conn);
            hub.leave(socket);
        }
    }
}

/// Takes the call off the venue's list when its client stops waiting.
struct AwaitedCall<'a> {
    shared: &'a Shared,
    id: HttpId,
}

impl Drop for AwaitedCall<'_> {
    fn drop(&mut self) {
        if let Ok(mut hub) = self.shared.hold() {
            hub.call_abandoned(self.id);
        }
    }
}

/// Ends the websocket when its client leaves before the venue has decided.
struct Opening<'a> {
    shared: &'a Shared,
    conn: ConnId,
    open: bool,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if self.open {
            return;
        }
        if let Ok(mut hub) = self.shared.hold() {
            hub.ended(self.conn);
        }
    }
}

fn asks_for_websocket(request: &Request<Incoming>) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    request.method() == Method::GET && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// The key of a well-formed opening handshake (RFC 6455, 4.2.1).
fn websocket_key(request: &Request<Incoming>) -> Option<HeaderValue> {
    let version = request.headers().get(header::SEC_WEBSOCKET_VERSION)?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    (version == "13").then(|| key.clone())
}

fn switching(key: &HeaderValue) -> Answer {
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// The venue's answer as hyper wants it, dated by the venue's own clock unless the venue dated it.
fn spell(answer: HttpOut, wall: WallTime) -> Result<Answer, NoAnswer> {
    let mut spelled = Response::builder().status(answer.status);
    let dated = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
    if !dated {
        spelled = spelled.header(header::DATE, http_date(wall));
    }
    for (name, value) in &answer.headers {
        spelled = spelled.header(name.as_str(), value.as_str());
    }
    spelled.body(Full::new(Bytes::from(answer.body))).map_err(|_| NoAnswer)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). Days to date by the civil-calendar arithmetic of eras of 400 years.
fn http_date(wall: WallTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let seconds = wall.millis() / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + u64::from(month >= 10);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month as usize],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_as_http_wants_them() {
        let cases = [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ];
        for (seconds, spelled) in cases {
            assert_eq!(http_date(WallTime::from_millis(seconds * 1000)), spelled);
        }
    }
}
