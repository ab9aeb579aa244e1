//! What every guarded socket is set to, and who may hold it.

use super::peer::{ending, send, text_of};
use super::*;
use crate::driver::CallError;
use crate::venue::Lane;
use rustix::net::sockopt;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

#[test]
fn a_guarded_socket_has_the_options_that_bound_late_delivery() {
    let link = linked(|_| vec![]);
    let ours = our_end_of(link.theirs.get_ref().peer_addr().unwrap());
    assert!(sockopt::tcp_nodelay(ours).unwrap());
    assert_eq!(sockopt::tcp_user_timeout(ours).unwrap(), 5000);
    assert!(sockopt::socket_keepalive(ours).unwrap());
    assert_eq!(sockopt::tcp_keepidle(ours).unwrap(), Duration::from_secs(2));
    assert_eq!(sockopt::tcp_keepintvl(ours).unwrap(), Duration::from_secs(2));
    assert_eq!(sockopt::tcp_keepcnt(ours).unwrap(), 3);
    assert_eq!(sockopt::socket_linger(ours).unwrap(), Some(Duration::ZERO));
    assert!(rustix::io::fcntl_getfd(ours).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
}

/// Where the kernel can be told so at all; one that cannot is left to its own rhythm.
#[test]
fn a_guarded_socket_sends_again_at_least_every_second() {
    const TCP_RTO_MAX_MS: libc::c_int = 44;
    let longest = |socket: BorrowedFd<'_>| {
        let mut millis: libc::c_int = 0;
        let mut length = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap();
        let to = (&raw mut millis).cast();
        // SAFETY: the kernel writes at most `length` bytes through the pointer, which is one int, and the number it wrote.
        let code =
            unsafe { libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, TCP_RTO_MAX_MS, to, &raw mut length) };
        (code == 0).then_some(millis)
    };
    let link = linked(|_| vec![]);
    let theirs = longest(link.theirs.get_ref().as_fd());
    let ours = longest(our_end_of(link.theirs.get_ref().peer_addr().unwrap()));
    match theirs {
        Some(theirs) => assert!(theirs > 1000 && ours == Some(1000), "{theirs} {ours:?}"),
        None => assert_eq!(ours, None),
    }
}

#[test]
fn a_user_timeout_near_the_keepalive_interval_leaves_no_keepalive_to_misfire() {
    let peer = Peer::listen();
    let (script, _seen) = Scripted::new(peer.endpoint(), dialling_first(|_| vec![]));
    let mut settings = settings();
    settings.policy.user_timeout = Duration::from_secs(1);
    let guard = run_with(script, settings);
    guard.start().unwrap();
    let theirs = peer.accept();
    let ours = our_end_of(theirs.peer_addr().unwrap());
    assert_eq!(sockopt::tcp_user_timeout(ours).unwrap(), 1000);
    assert!(!sockopt::socket_keepalive(ours).unwrap());
}

#[test]
fn a_forked_child_can_neither_use_the_guard_nor_keep_its_socket_open() {
    let mut link = linked(|seen| match seen {
        Seen::Line(epoch, text) => vec![Do::Say(*epoch, text.clone(), Lane::Order)],
        _ => vec![],
    });
    let ours = our_end_of(link.theirs.get_ref().peer_addr().unwrap()).as_raw_fd();
    // SAFETY: the child calls only what is documented to work there: refused handle calls, `fcntl`, `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = matches!(link.guard.snapshot(), Err(CallError::Forked))
            && matches!(link.guard.let_go(), Err(CallError::Forked))
            && matches!(link.guard.request("private/buy", "{}", false), Err(CallError::Forked));
        // SAFETY: asks about a number and ends the child without running anything of the parent's.
        unsafe {
            let open = libc::fcntl(ours, libc::F_GETFD) != -1;
            libc::_exit(i32::from(!refused) + 2 * i32::from(open));
        }
    }
    let mut status = 0;
    // SAFETY: waits for our own child and writes one int.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(libc::WEXITSTATUS(status), 0, "1: a call was not refused, 2: the socket was open");
    send(&mut link.theirs, "the parent's link lives on");
    assert_eq!(text_of(&mut link.theirs), "the parent's link lives on");
}

#[test]
fn a_dial_that_is_given_up_leaves_no_socket_behind() {
    let peer = Peer::listen();
    let (script, _seen) = Scripted::new(
        peer.endpoint(),
        dialling_first(|seen| match seen {
            Seen::LetGo => vec![Do::HangUp(FIRST, crate::session::HangUp::Abort)],
            _ => vec![],
        }),
    );
    let guard = run(script);
    guard.start().unwrap();
    let mut theirs = peer.accept();
    guard.let_go().unwrap();
    assert_eq!(ending(&mut theirs), Err(std::io::ErrorKind::ConnectionReset));
}

/// Our end of the connection whose far end is `address`: the socket of this process bound to that address.
pub(super) fn our_end_of(address: SocketAddr) -> BorrowedFd<'static> {
    let sockets = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let number: RawFd = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // SAFETY: the number was just listed; a wrong guess is only asked for its name.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let name: SocketAddrV4 = rustix::net::getsockname(fd).ok()?.try_into().ok()?;
        (SocketAddr::V4(name) == address).then_some(fd)
    });
    let mut found: Vec<_> = sockets.collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
