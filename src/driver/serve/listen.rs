//! The port and the two tasks that never end: accepting dials and letting the venue's time pass.

use super::shared::Shared;
use super::{ServeError, http};
use crate::driver::clock;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A bound socket that never listens. It keeps the port ours while dials are refused.
pub(super) struct Reservation {
    pub address: SocketAddr,
    _socket: Socket,
}

/// Sharing a port is how the reservation and the listener both hold it; nobody else may, so a port that was asked for
/// is first tried without sharing.
pub(super) fn listen(address: SocketAddr) -> Result<(Reservation, std::net::TcpListener), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    if address.port() != 0 {
        std::net::TcpListener::bind(address).map_err(failed)?;
    }
    let socket = bind(address).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?.as_socket().unwrap_or(address);
    let listener = listener_on(bound).map_err(failed)?;
    Ok((Reservation { address: bound, _socket: socket }, listener))
}

fn listener_on(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = bind(address)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Connections the kernel may complete before they are accepted.
const BACKLOG: i32 = 1024;

/// Accepts until the venue is gone.
pub(super) async fn accept(
    shared: &Arc<Shared>,
    tls: Option<TlsAcceptor>,
    reservation: &Reservation,
    first: std::net::TcpListener,
) {
    let mut listener = TcpListener::from_std(first).ok();
    loop {
        let changed = shared.host.notified();
        let Ok(refusing) = shared.hold().map(|hub| hub.refusing()) else { return };
        if refusing {
            listener = None;
            changed.await;
            continue;
        }
        if listener.is_none() {
            listener = listener_on(reservation.address).and_then(TcpListener::from_std).ok();
        }
        let accepted = tokio::select! {
            () = changed => continue,
            accepted = next_dial(listener.as_ref()) => accepted,
        };
        if let Ok(stream) = accepted {
            admit(shared, tls.clone(), stream);
        }
    }
}

/// The next dial. Without a listener, or out of descriptors, there is none for a while.
async fn next_dial(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    let accepted = match listener {
        Some(listener) => listener.accept().await,
        None => Err(io::ErrorKind::AddrInUse.into()),
    };
    if accepted.is_err() {
        tokio::time::sleep(ACCEPT_AGAIN).await;
    }
    accepted.map(|(stream, _)| stream)
}

/// Wait before accepting again after the kernel would not let us.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Serves a dial, or resets it when dials are refused since it was made.
fn admit(shared: &Arc<Shared>, tls: Option<TlsAcceptor>, stream: TcpStream) {
    if shared.hold().is_ok_and(|hub| hub.refusing()) {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return;
    }
    let _ = stream.set_nodelay(true);
    tokio::spawn(http::run(shared.clone(), tls, stream));
}

/// Lets the venue's time pass until the venue is gone.
pub(super) async fn tick(shared: &Shared) {
    loop {
        let moved = shared.tick.notified();
        let Ok(deadline) = shared.hold().map(|mut hub| hub.tick()) else { return };
        let Some(deadline) = deadline else {
            moved.await;
            continue;
        };
        let wait = deadline.since(clock::now().at).max(TICK_MIN);
        tokio::select! {
            () = moved => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// A venue whose deadline has passed is not asked more often than this.
const TICK_MIN: Duration = Duration::from_millis(1);
