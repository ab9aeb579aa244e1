//! Layer L2 of liveness: what the kernel knows about bytes the peer has not acknowledged. It needs no answer from the
//! venue's program and sees faults of the path that retransmit counters are blind to. Where the kernel does not tell,
//! there is no L2 and nothing else changes.

use crate::model::Moment;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// How often the queue is looked at while a probe is out.
pub(super) const SAMPLE_EVERY: Duration = Duration::from_millis(50);

/// What the kernel said at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// Bytes written and not yet acknowledged.
    pub(super) waiting: u32,
    /// Bytes ever acknowledged.
    pub(super) acked: u64,
}

/// Turns samples into "stuck for this long".
#[derive(Default)]
pub(super) struct Watch {
    acked: u64,
    /// Since when bytes have been waiting without any progress; `None` when nothing waits.
    stuck_since: Option<Moment>,
    told: bool,
}

impl Watch {
    /// Bytes were written.
    pub(super) fn written(&mut self, now: Moment) {
        self.stuck_since.get_or_insert(now);
    }

    /// What to report, if anything: every age above zero, and one zero afterwards.
    pub(super) fn sampled(&mut self, now: Moment, sample: Sample) -> Option<Duration> {
        let progress = sample.acked != self.acked;
        self.acked = sample.acked;
        self.stuck_since = match self.stuck_since {
            _ if sample.waiting == 0 => None,
            Some(since) if !progress => Some(since),
            Some(_) | None => Some(now),
        };
        let age = self.stuck_since.map_or(Duration::ZERO, |since| now.since(since));
        let tell = !age.is_zero() || self.told;
        self.told = !age.is_zero();
        tell.then_some(age)
    }

    /// True while the last report was above zero: the return to zero must be reported too.
    pub(super) const fn is_told(&self) -> bool {
        self.told
    }
}

/// Asks the kernel about one TCP socket.
pub(super) fn sample(socket: BorrowedFd<'_>) -> Option<Sample> {
    Some(Sample { waiting: unacknowledged(socket)?, acked: acknowledged(socket)? })
}

fn unacknowledged(socket: BorrowedFd<'_>) -> Option<u32> {
    let mut waiting: libc::c_int = 0;
    // SAFETY: the descriptor is borrowed and therefore open; for this request the kernel writes one `int` through the
    // pointer, which is valid for it and for the length of the call.
    let code = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut waiting) };
    if code == 0 { u32::try_from(waiting).ok() } else { None }
}

fn acknowledged(socket: BorrowedFd<'_>) -> Option<u64> {
    // SAFETY: `tcp_info` is plain integers, for which all zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes through the pointer, which is valid for that many, and the
    // number it wrote through the other; both live for the length of the call.
    let code = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut length)
    };
    // An old kernel writes a shorter structure, which may not reach this field.
    let needed = std::mem::offset_of!(libc::tcp_info, tcpi_bytes_acked) + size_of::<u64>();
    (code == 0 && usize::try_from(length).is_ok_and(|length| length >= needed)).then_some(info.tcpi_bytes_acked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_queue_is_not_reported() {
        let mut watch = Watch::default();
        assert_eq!(watch.sampled(at(100), Sample { waiting: 0, acked: 5 }), None);
    }

    #[test]
    fn waiting_bytes_age_from_the_write_until_something_is_acknowledged() {
        let mut watch = Watch::default();
        assert_eq!(watch.sampled(at(0), Sample { waiting: 0, acked: 5 }), None);
        watch.written(at(10));
        assert_eq!(watch.sampled(at(60), Sample { waiting: 9, acked: 5 }), Some(Duration::from_millis(50)));
        watch.written(at(70));
        assert_eq!(watch.sampled(at(110), Sample { waiting: 18, acked: 5 }), Some(Duration::from_millis(100)));
        assert_eq!(watch.sampled(at(160), Sample { waiting: 9, acked: 14 }), Some(Duration::ZERO));
        assert_eq!(watch.sampled(at(210), Sample { waiting: 9, acked: 14 }), Some(Duration::from_millis(50)));
        assert_eq!(watch.sampled(at(260), Sample { waiting: 0, acked: 23 }), Some(Duration::ZERO));
        assert_eq!(watch.sampled(at(310), Sample { waiting: 0, acked: 23 }), None);
    }

    #[test]
    fn the_kernel_counts_bytes_the_peer_has_not_read_as_acknowledged() {
        use std::io::{Read, Write};
        use std::os::fd::AsFd;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        let before = sample(ours.as_fd()).unwrap();
        ours.write_all(b"twelve bytes").unwrap();
        let mut read = [0; 12];
        theirs.read_exact(&mut read).unwrap();
        theirs.write_all(b"x").unwrap();
        ours.read_exact(&mut read[..1]).unwrap();
        let after = sample(ours.as_fd()).unwrap();
        assert_eq!(after, Sample { waiting: 0, acked: before.acked + 12 });
    }

    #[test]
    fn what_is_not_a_tcp_socket_has_no_l2() {
        use std::os::fd::AsFd;
        assert_eq!(sample(std::fs::File::open("/dev/null").unwrap().as_fd()), None);
    }

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }
}
