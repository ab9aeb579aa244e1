//! The far end: a listener on loopback and the synchronous side of the websocket library.

use super::PATIENCE;
use crate::model::Endpoint;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

pub(super) type Theirs = WebSocket<TcpStream>;

pub(in crate::driver) struct Peer {
    listener: TcpListener,
}

impl Peer {
    pub(in crate::driver) fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Plaintext; the same address serves HTTP.
    pub(in crate::driver) fn endpoint(&self) -> Endpoint {
        Endpoint::parse("url", &format!("ws://{}/private?token=abc", self.address())).unwrap()
    }

    pub(super) fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    pub(super) fn accept_websocket(&self) -> Theirs {
        accept(self.accept()).unwrap()
    }

    /// True when nobody connects for a moment.
    pub(super) fn nobody_comes(&self) -> bool {
        self.listener.set_nonblocking(true).unwrap();
        let nobody = self.listener.accept().is_err();
        self.listener.set_nonblocking(false).unwrap();
        nobody
    }
}

/// The next text, with control frames passed over.
pub(super) fn text_of(theirs: &mut WebSocket<impl Read + Write>) -> String {
    loop {
        match theirs.read().unwrap() {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?} instead of text"),
        }
    }
}

pub(super) fn send(theirs: &mut WebSocket<impl Read + Write>, text: &str) {
    theirs.send(Message::text(text)).unwrap();
}

/// Reads what is left and tells how it ended: `Ok` for an orderly end, the error for anything else.
pub(super) fn ending(stream: &mut impl Read) -> Result<Vec<u8>, std::io::ErrorKind> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(|_| rest).map_err(|error| error.kind())
}

/// Ends the peer's side with a reset.
pub(super) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}
