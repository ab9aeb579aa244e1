//! Faults of the wire, below TLS: what a client's socket sees when a network, a venue's host or a venue's process fails.
//! Nothing here knows a message; what an exchange does wrong by itself is [`Fault`](crate::sim::exchange::Fault).

use crate::sim::exchange::ConnId;
use socket2::SockRef;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Sleep;

/// What goes wrong with sockets. The first three last until healed and also befall sockets that come later; the others
/// happen once, to the sockets there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// The venue stops reading and goes on sending.
    StopReading,
    /// Nothing passes either way and nothing ends: no FIN, no reset. What a client sent meanwhile waits in the kernel.
    BlackHole,
    /// One byte leaves the venue, then none for this long, and so on.
    Drip(Duration),
    /// These bytes are sent as they are, inside TLS but outside any message: whatever a broken or hostile peer might
    /// say. Touches websockets only.
    Inject(Vec<u8>),
    /// The connection is reset (RST).
    Reset,
    /// The stream ends (FIN) without a close frame and without TLS close_notify.
    Fin,
    /// The venue's front end closes with a close frame; touches websockets only.
    Close {
        /// Close code.
        code: u16,
        /// Reason; may be empty.
        reason: String,
    },
}

/// What goes wrong with the venue's host. Each lasts until healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFault {
    /// The whole venue stops as if its process were stopped: it neither reads nor sends, and its timers do not run.
    Freeze,
    /// New connections are refused.
    RefuseDials,
    /// A new connection is opened by the kernel, but the venue says nothing on it for this long.
    SlowAccept(Duration),
}

/// Which sockets a wire fault befalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every socket.
    All,
    /// Those that are or become websockets; plain HTTP goes on.
    Websockets,
    /// Those that carry plain HTTP; websockets go on.
    Http,
    /// One websocket.
    Connection(ConnId),
    /// The websockets that were logged in by this account.
    Account(String),
}

/// What a socket is known to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Nothing was said on it yet.
    Unknown,
    Http,
    Websocket(ConnId),
}

/// The tap of one socket. Whoever holds it decides what passes.
#[derive(Debug, Default)]
pub(super) struct Tap {
    state: Mutex<TapState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct TapState {
    passage: Passage,
    end: Option<End>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What may pass a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// Whether bytes come in.
    pub reads: bool,
    /// Whether bytes go out.
    pub writes: bool,
    /// The pause after each byte that goes out; zero for none.
    pub drip: Duration,
}

/// How a socket was ended on command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Reset,
    Fin,
}

/// A TCP stream behind a tap.
#[derive(Debug)]
pub(super) struct Tapped {
    stream: TcpStream,
    tap: Arc<Tap>,
    fin_sent: bool,
    /// The pause after the last byte that dripped.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Selector {
    /// Whether this socket is meant. `account` is that of its websocket.
    pub(super) fn covers(&self, carries: Carries, account: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Websockets => matches!(carries, Carries::Websocket(_)),
            Self::Http => carries == Carries::Http,
            Self::Connection(conn) => carries == Carries::Websocket(*conn),
            Self::Account(name) => account == Some(name),
        }
    }
}

impl Default for Passage {
    fn default() -> Self {
        Self { reads: true, writes: true, drip: Duration::ZERO }
    }
}

impl Tap {
    /// Lets bytes in and out, or holds them.
    pub fn set(&self, passage: Passage) {
        let mut state = self.state();
        state.passage = passage;
        state.wake();
        self.changed.notify_waiters();
    }

    /// Ends the socket this way, whatever is held. The first end stands.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        state.end.get_or_insert(end);
        state.wake();
        self.changed.notify_waiters();
    }

    /// What may pass now.
    pub fn passage(&self) -> Passage {
        self.state().passage
    }

    /// Returns when the socket was reset.
    pub async fn until_reset(&self) {
        self.until(|state| state.end == Some(End::Reset)).await;
    }

    /// Returns when bytes may come in.
    pub async fn until_reads(&self) {
        self.until(|state| state.passage.reads).await;
    }

    async fn until(&self, reached: impl Fn(&TapState) -> bool) {
        loop {
            let changed = self.changed.notified();
            if reached(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// No code runs while this lock is held that could leave it half done.
    fn state(&self) -> MutexGuard<'_, TapState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TapState {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// What a tap says about one attempt to move bytes.
enum Gate {
    Open,
    Held,
    Ended(End),
}

#[derive(Clone, Copy)]
enum Direction {
    In,
    Out,
}

impl Tapped {
    pub fn new(stream: TcpStream, tap: Arc<Tap>) -> Self {
        Self { stream, tap, fin_sent: false, pause: None }
    }

    /// The waker is kept even when the gate is open: a fault must reach a task that waits for the kernel.
    fn gate(&self, context: &Context<'_>, direction: Direction) -> Gate {
        let mut state = self.tap.state();
        let (open, slot) = match direction {
            Direction::In => (state.passage.reads, &mut state.reader),
            Direction::Out => (state.passage.writes, &mut state.writer),
        };
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *slot = Some(context.waker().clone());
        }
        match state.end {
            Some(end) => Gate::Ended(end),
            None if open => Gate::Open,
            None => Gate::Held,
        }
    }

    /// Sends one byte, unless the pause after the last one is not over.
    fn drip(&mut self, context: &mut Context<'_>, bytes: &[u8], length: Duration) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
        }
        let sent = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..bytes.len().min(1)]));
        self.pause = Some(Box::pin(tokio::time::sleep(length)));
        Poll::Ready(sent)
    }

    /// After a bare FIN what the client still sends is thrown away until it ends too. Closing with unread bytes would
    /// turn the FIN into a reset.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.fin_sent {
            self.fin_sent = true;
            SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write)?;
        }
        let mut waste = [0; 4096];
        for _ in 0..DRAIN_READS {
            let mut buffer = ReadBuf::new(&mut waste);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.gate(context, Direction::In) {
            Gate::Open => Pin::new(&mut self.stream).poll_read(context, buffer),
            Gate::Held => Poll::Pending,
            Gate::Ended(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Gate::Ended(End::Fin) => self.drain(context),
        }
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let drip = self.tap.passage().drip;
        match self.gate(context, Direction::Out) {
            Gate::Open if drip.is_zero() => Pin::new(&mut self.stream).poll_write(context, bytes),
            Gate::Open => self.drip(context, bytes, drip),
            Gate::Held => Poll::Pending,
            Gate::Ended(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Gate::Ended(End::Fin) => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.gate(context, Direction::Out) {
            Gate::Open => Pin::new(&mut self.stream).poll_shutdown(context),
            Gate::Held => Poll::Pending,
            Gate::Ended(_) => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for Tapped {
    /// Lingering for no time is what makes the kernel send a reset.
    fn drop(&mut self) {
        if self.tap.state().end == Some(End::Reset) {
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Reads thrown away at a time before others get their turn.
const DRAIN_READS: usize = 16;
