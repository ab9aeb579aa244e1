//! One TCP socket with the options a guard needs. Unless told otherwise it ends by a reset: what was written and not
//! yet sent is thrown away, so that no keepalive arrives after the guard, or its process, is gone.

use super::inherit::Listed;
use crate::model::LossCause;
use rustix::io::Errno;
use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// A connected socket.
pub(super) struct Socket {
    /// Before the stream: its number must be off the table when it is closed.
    _listed: Listed,
    stream: TcpStream,
    ending: Ending,
}

/// What becomes of unsent bytes at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Thrown away; the peer sees a reset. What a link does unless it says farewell.
    Reset,
    /// Still delivered; the peer sees an orderly end. What HTTP does, and a farewell.
    Orderly,
}

impl Socket {
    /// Connects to one address.
    pub(super) async fn connect(to: SocketAddr, user_timeout: Duration, ending: Ending) -> io::Result<Self> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let listed = Listed::enter(&socket);
        set_options(socket.as_fd(), user_timeout)?;
        if ending == Ending::Reset {
            // Already now: it holds for a killed process too, where nobody is left to abort.
            sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        }
        let stream = socket.connect(to).await?;
        Ok(Self { _listed: listed, stream, ending })
    }

    /// From here on the end delivers what was written.
    pub(super) fn end_orderly(&mut self) {
        if sockopt::set_socket_linger(&self.stream, None).is_ok() {
            self.ending = Ending::Orderly;
        }
    }

    /// Resets the connection now. Works on the connection and not on the descriptor: no copy of it, in a forked child
    /// or elsewhere, can keep it alive.
    pub(super) fn abort(&mut self) {
        self.ending = Ending::Reset;
        if let Err(error) = rustix::net::connect_unspec(&self.stream) {
            tracing::debug!(%error, "abort: the connection was gone already");
        }
    }

    /// True when the kernel holds bytes that nobody has read yet.
    pub(super) fn has_unread(&self) -> bool {
        rustix::io::ioctl_fionread(&self.stream).is_ok_and(|bytes| bytes > 0)
    }

    /// True when reading would not wait: for bytes, for an end, for an error.
    pub(super) fn is_readable(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, poll};
        let at_once = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut sockets = [PollFd::new(&self.stream, PollFlags::IN)];
        poll(&mut sockets, Some(&at_once)) != Ok(0)
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        match self.ending {
            Ending::Reset => self.abort(),
            Ending::Orderly => {}
        }
    }
}

fn set_options(socket: BorrowedFd<'_>, user_timeout: Duration) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true)?;
    sockopt::set_tcp_user_timeout(socket, u32::try_from(user_timeout.as_millis()).unwrap_or(u32::MAX))?;
    resend_every_second(socket);
    if let Some(interval) = keepalive_interval(user_timeout) {
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, interval)?;
        sockopt::set_tcp_keepintvl(socket, interval)?;
        sockopt::set_tcp_keepcnt(socket, 3)?;
    }
    Ok(())
}

/// After an outage a link that was kept lives again when somebody sends again, and a kernel doubles its pause each time: a
/// cut of 2.2 s was found to be over up to 1.7 s after its end, and after 3 cuts of 4 s in 10 the user timeout came first and
/// reset a link whose path had healed, which on a session-bound venue is the trip. So never wait longer than a second, the
/// least that Linux takes (6.15 and later): no reset in the six such cuts that were traced. The price is paid on a path slower
/// than a second, where everything is sent twice. An older kernel refuses the option, and goes on doubling.
fn resend_every_second(socket: BorrowedFd<'_>) {
    let longest: libc::c_int = 1000;
    let length = libc::socklen_t::try_from(size_of_val(&longest)).expect("an int is a few bytes long");
    // SAFETY: the descriptor is borrowed and therefore open; the kernel reads `length` bytes, which is one `int`, through
    // the pointer to it, and keeps nothing.
    let code = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, TCP_RTO_MAX_MS, (&raw const longest).cast(), length)
    };
    if code != 0 {
        tracing::debug!(error = %io::Error::last_os_error(), "resending is left to the kernel's own rhythm");
    }
}

/// `TCP_RTO_MAX_MS` of `linux/tcp.h`.
const TCP_RTO_MAX_MS: libc::c_int = 44;

/// A user timeout that is not well above the keepalive interval kills connections whose outage has already healed
/// (measured: keepalive 1 s with 0.5 s killed every time), because one unanswered keepalive makes it count. So: more
/// than twice the interval, or no keepalive at all. The kernel counts whole seconds.
fn keepalive_interval(user_timeout: Duration) -> Option<Duration> {
    [2, 1].into_iter().map(Duration::from_secs).find(|interval| user_timeout > *interval * 2)
}

/// What an error of a socket says about the loss.
pub(super) fn loss_of(error: &io::Error) -> LossCause {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::CONNREFUSED) => LossCause::ConnectionRefused,
        Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => LossCause::Reset,
        Some(Errno::TIMEDOUT) => LossCause::UserTimeout,
        Some(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTDOWN | Errno::ACCESS) => {
            LossCause::Unreachable
        }
        Some(Errno::MFILE | Errno::NFILE) => LossCause::Local { what: "descriptors" },
        Some(Errno::NOBUFS | Errno::NOMEM) => LossCause::Local { what: "memory" },
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => LossCause::Local { what: "ports" },
        Some(errno) => LossCause::Socket { code: errno.raw_os_error() },
        None => loss_of_kind(error.kind()),
    }
}

/// Errors that libraries made without asking the system.
fn loss_of_kind(kind: io::ErrorKind) -> LossCause {
    match kind {
        io::ErrorKind::UnexpectedEof => LossCause::EndOfStream,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            LossCause::Reset
        }
        io::ErrorKind::TimedOut => LossCause::UserTimeout,
        io::ErrorKind::OutOfMemory => LossCause::Local { what: "memory" },
        _ => LossCause::Protocol,
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
