//! From an address to a link, stage by stage: resolve, connect, TLS, upgrade. Each stage has its own deadline, so that a
//! failed dial says where it stuck. HTTP uses the first three.

use super::alarm::Wishes;
use super::clock;
use super::gates::Gates;
use super::link::Websocket;
use super::resolve::Resolver;
use super::socket::{self, Ending, Socket};
use super::spec::StageDeadlines;
use super::stream::Stream;
use super::tls;
use crate::model::{Endpoint, LossCause, Moment};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, http};

/// What every dial of one guard has in common.
#[derive(Clone)]
pub(super) struct Dialler {
    pub(super) resolver: Resolver,
    pub(super) gates: Gates,
    pub(super) wishes: Wishes,
    /// `None` where every endpoint is plaintext.
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) stages: StageDeadlines,
    pub(super) user_timeout: Duration,
    /// Longest message, and longest frame, that is read. [`MESSAGE_MAX`] for every guard.
    pub(super) message_max: usize,
}

impl Dialler {
    /// A websocket, upgraded and ready.
    pub(super) async fn websocket(&self, to: &Endpoint) -> Result<Websocket, LossCause> {
        let turn = self.gates.turn(to).await;
        let stream = self.stream(to, Ending::Reset).await?;
        let request = upgrade_request(to)?;
        let upgrade =
            tokio_tungstenite::client_async_with_config(request, stream, Some(websocket_config(self.message_max)));
        let upgraded = self.within("upgrade", self.stages.upgrade, upgrade).await?;
        let (websocket, answer) = upgraded.map_err(upgrade_loss)?;
        turn.end();
        // RFC 6455, 4.1: an extension nobody asked for fails the connection. The library does not look.
        let extended = answer.headers().get_all("Sec-WebSocket-Extensions").iter().any(|value| !value.is_empty());
        if extended { Err(LossCause::NotWebsocket) } else { Ok(websocket) }
    }

    /// A byte stream, verified where it must be.
    pub(super) async fn stream(&self, to: &Endpoint, ending: Ending) -> Result<Stream, LossCause> {
        let resolving = self.resolver.addresses(&to.host, to.port, &self.wishes);
        let addresses = self.within("resolve", self.stages.resolve, resolving).await?;
        if addresses.is_empty() {
            return Err(LossCause::Resolve { host: to.host.clone() });
        }
        let connecting = self.race(alternating(addresses), ending);
        let (socket, address) = self.within("connect", self.stages.connect, connecting).await??;
        self.resolver.prefer(&to.host, address);
        if !to.scheme.is_tls() {
            return Ok(Stream::plain(socket));
        }
        let config =
            self.tls.as_ref().ok_or(LossCause::Certificate { why: "not verifiable: no authorities loaded" })?;
        let handshake = tls::handshake(config, &to.host, socket);
        let stream = self.within("tls", self.stages.tls, handshake).await??;
        Ok(Stream::tls(stream))
    }

    async fn within<T>(
        &self,
        stage: &'static str,
        length: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, LossCause> {
        let deadline = clock::now().at + length;
        self.wishes.within(deadline, work).await.ok_or(LossCause::StageTimeout { stage })
    }

    /// Connects to the first address that answers. The next one starts when the ones before have failed or have had
    /// [`HEAD_START`] (RFC 8305, section 5).
    async fn race(&self, addresses: Vec<SocketAddr>, ending: Ending) -> Result<(Socket, SocketAddr), LossCause> {
        let mut waiting = addresses.into_iter();
        let mut running = FuturesUnordered::new();
        let mut next_start = Moment::default();
        let mut first_loss = None;
        std::future::poll_fn(move |cx| {
            loop {
                while let Poll::Ready(Some((result, address))) = running.poll_next_unpin(cx) {
                    match result {
                        Ok(socket) => return Poll::Ready(Ok((socket, address))),
                        Err(error) => first_loss.get_or_insert(connect_loss(&error)),
                    };
                }
                let now = clock::now().at;
                if !running.is_empty() && now < next_start {
                    break;
                }
                let Some(address) = waiting.next() else { break };
                next_start = now + HEAD_START;
                let connecting = Socket::connect(address, self.user_timeout, ending);
                running.push(async move { (connecting.await, address) });
            }
            if running.is_empty() {
                return Poll::Ready(Err(first_loss.take().unwrap_or(LossCause::Unreachable)));
            }
            if waiting.len() > 0 {
                self.wishes.wish(next_start);
            }
            Poll::Pending
        })
        .await
    }
}

/// Both families take turns, beginning with that of the best address (RFC 8305, section 4).
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

fn connect_loss(error: &io::Error) -> LossCause {
    match socket::loss_of(error) {
        // While connecting it means that no answer came, not that data stayed unacknowledged.
        LossCause::UserTimeout => LossCause::Unreachable,
        LossCause::Reset => LossCause::ConnectionRefused,
        other => other,
    }
}

pub(super) fn websocket_config(message_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(message_max))
        .max_frame_size(Some(message_max))
}

fn upgrade_request(to: &Endpoint) -> Result<Request, LossCause> {
    let path = if to.path.is_empty() { "/" } else { &to.path };
    let scheme = if to.scheme.is_tls() { "wss" } else { "ws" };
    let host = host_header(to);
    http::Request::builder()
        .uri(format!("{scheme}://{host}{path}"))
        .header("Host", host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", generate_key())
        .header("User-Agent", USER_AGENT)
        .body(())
        .map_err(|_| LossCause::Local { what: "address: it cannot be written as a request" })
}

/// Host and port as HTTP wants them: no port when it is the scheme's own, brackets around IPv6.
pub(super) fn host_header(to: &Endpoint) -> String {
    let host = if to.host.contains(':') { format!("[{}]", to.host) } else { to.host.clone() };
    let usual = if to.scheme.is_tls() { 443 } else { 80 };
    if to.port == usual { host } else { format!("{host}:{}", to.port) }
}

fn upgrade_loss(error: tungstenite::Error) -> LossCause {
    match error {
        // Redirects too: they are never followed, whoever says so.
        tungstenite::Error::Http(answer) => LossCause::UpgradeRefused { status: answer.status().as_u16() },
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => LossCause::EndOfStream,
        tungstenite::Error::Capacity(CapacityError::TooManyHeaders) | tungstenite::Error::AttackAttempt => {
            LossCause::TooLarge
        }
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) | tungstenite::Error::HttpFormat(_) => {
            LossCause::NotWebsocket
        }
        other => super::link::loss_of(other),
    }
}

/// How we introduce ourselves.
pub(super) const USER_AGENT: &str = concat!("killcord/", env!("CARGO_PKG_VERSION"));

/// The next address starts this long after the one before (RFC 8305, section 5, recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);
/// Heartbeats are small, and a small buffer stays in the cache (measured: 80 instead of 112 microseconds per answer).
const READ_BUFFER: usize = 4 << 10;
/// The largest line a session says plus a pong; what we queue ourselves is bounded in `lanes`.
const WRITE_BUFFER_MAX: usize = 4 << 20;
/// No venue's private stream sends more in one message. One frame may be as long: a venue sends a message as one frame,
/// and a smaller limit for it would end a healthy link over a long list of open orders.
pub(super) const MESSAGE_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_best() {
        let all: Vec<SocketAddr> = ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "[2001:db8::3]:1"]
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        assert_eq!(alternating(all.clone()), [all[0], all[2], all[1], all[3]]);
        assert_eq!(alternating(vec![]), []);
    }

    #[test]
    fn the_host_header_has_a_port_only_when_it_is_unusual() {
        let of = |url| host_header(&Endpoint::parse("url", url).unwrap());
        assert_eq!(of("wss://ws.example.com/v2"), "ws.example.com");
        assert_eq!(of("https://api.example.com:8443"), "api.example.com:8443");
        assert_eq!(of("ws://[::1]:8080/"), "[::1]:8080");
    }
}
