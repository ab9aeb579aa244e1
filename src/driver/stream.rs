//! A byte stream to a venue: a socket, with TLS or (on loopback) without, and in front of it the rest of a frame that the
//! socket did not take at once. Whoever writes, the rest goes first, so that frames never mix.

use super::socket::Socket;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// A byte stream to a venue.
pub(super) struct Stream {
    wire: Wire,
    /// Frames of ours that are not written yet; kept for its memory when it is empty.
    front: Vec<u8>,
    /// How much of them is.
    written: usize,
    /// Takes no more bytes, and never will.
    closed_outward: bool,
}

enum Wire {
    /// Loopback only; `Endpoint` sees to that.
    Plain(Socket),
    /// Everything else.
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    /// Without TLS.
    pub(super) fn plain(socket: Socket) -> Self {
        Self { wire: Wire::Plain(socket), front: Vec::new(), written: 0, closed_outward: false }
    }

    /// With TLS.
    pub(super) fn tls(stream: TlsStream<Socket>) -> Self {
        Self { wire: Wire::Tls(Box::new(stream)), front: Vec::new(), written: 0, closed_outward: false }
    }

    /// True when the TLS session was resumed, so that the handshake cost one round trip and no signature.
    pub(super) fn is_resumed(&self) -> bool {
        match &self.wire {
            Wire::Plain(_) => false,
            Wire::Tls(stream) => stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }

    /// From now on it takes no bytes of whoever writes: they wait until the stream is dropped. Reading goes on.
    pub(super) fn close_outward(&mut self) {
        self.closed_outward = true;
    }

    /// The socket underneath.
    pub(super) fn socket(&self) -> &Socket {
        match &self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => stream.get_ref().0,
        }
    }

    /// The socket underneath.
    pub(super) fn socket_mut(&mut self) -> &mut Socket {
        match &mut self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Puts a whole frame in front of whatever is written later. [`AsyncWrite::poll_flush`] sends it.
    pub(super) fn queue_frame(&mut self, encode: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let before = self.front.len();
        let encoded = encode(&mut self.front);
        if encoded.is_err() {
            self.front.truncate(before);
        }
        encoded
    }

    fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.front.len() {
            let count = ready!(self.wire.poll_write(cx, &self.front[self.written..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        self.front.clear();
        self.front.shrink_to(FRONT_KEPT);
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl Wire {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_front(cx))?;
        if self.closed_outward {
            // Nobody wakes the writer, because nothing changes any more.
            return Poll::Pending;
        }
        self.wire.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_front(cx))?;
        self.wire.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_front(cx))?;
        match &mut self.wire {
            Wire::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// One large order must not hold its memory for as long as the link lives.
const FRONT_KEPT: usize = 16 << 10;
