//! A path that swallows everything in silence. The peer's kernel drops whatever arrives before TCP sees it, so that
//! nothing is acknowledged and nobody says anything.

use super::peer::send;
use super::*;
use crate::model::LossCause;
use crate::venue::Lane;
use std::os::fd::AsRawFd;

#[test]
fn bytes_nobody_acknowledges_show_as_stuck_within_a_quarter_of_a_second_and_grow_older() {
    let link = pinging(Duration::from_secs(30));
    swallow_everything(&link);
    let mut ages = Vec::new();
    while ages.last().is_none_or(|age| *age < Duration::from_millis(400)) {
        if let Seen::SendQueue(_, age) = link.seen.wait_for(|seen| matches!(seen, Seen::SendQueue(..))) {
            ages.push(age);
        }
    }
    let grown: Vec<_> = ages.iter().skip_while(|age| age.is_zero()).collect();
    assert!(grown.is_sorted(), "{ages:?}");
    assert!(grown.len() >= 4, "sampled too rarely: {ages:?}");
}

#[test]
fn the_kernel_gives_up_at_the_user_timeout_and_says_so() {
    let link = pinging(Duration::from_secs(1));
    swallow_everything(&link);
    assert_eq!(link.seen.lost(), LossCause::UserTimeout);
}

/// A linked guard that pings every 50 ms once the peer has said "go".
fn pinging(user_timeout: Duration) -> Linked {
    let peer = Peer::listen();
    let mut nonce = 0;
    let (script, seen) = Scripted::new(
        peer.endpoint(),
        dialling_first(move |seen| match seen {
            Seen::Line(..) | Seen::Tick => {
                nonce += 1;
                vec![Do::Ping(FIRST, nonce), Do::WaitFor(Duration::from_millis(50))]
            }
            _ => vec![],
        }),
    );
    let mut settings = settings();
    settings.policy.user_timeout = user_timeout;
    let guard = run_with(script, settings);
    guard.start().unwrap();
    let mut theirs = peer.accept_websocket();
    send(&mut theirs, "go");
    seen.wait_for(|seen| *seen == Seen::Tick);
    Linked { guard, seen, theirs }
}

/// Attaches a filter that accepts zero bytes of every packet.
fn swallow_everything(link: &Linked) {
    let mut drop_all = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut drop_all };
    // SAFETY: the kernel copies the program, which lives for the length of the call.
    let code = unsafe {
        libc::setsockopt(
            link.theirs.get_ref().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            libc::socklen_t::try_from(size_of_val(&program)).unwrap(),
        )
    };
    assert_eq!(code, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn an_aborted_link_is_gone_at_once_even_when_nothing_gets_through() {
    let peer = Peer::listen();
    let (script, seen) = Scripted::new(
        peer.endpoint(),
        dialling_first(|seen| match seen {
            Seen::Line(..) => vec![Do::Say(FIRST, "x".repeat(100_000), Lane::Order)],
            Seen::LetGo => vec![
                Do::HangUp(FIRST, crate::session::HangUp::Abort),
                Do::Phase(crate::model::Phase::Connecting),
                Do::Phase(crate::model::Phase::Stopped),
            ],
            _ => vec![],
        }),
    );
    let guard = run(script);
    guard.start().unwrap();
    let mut theirs = peer.accept_websocket();
    send(&mut theirs, "go");
    seen.wait_for(|seen| matches!(seen, Seen::Line(..)));
    let link = Linked { guard, seen, theirs };
    swallow_everything(&link);
    let ours = link.theirs.get_ref().peer_addr().unwrap().port();
    assert!(is_kept_by_the_kernel(ours));
    link.guard.let_go().unwrap();
    link.guard.wait_ended(PATIENCE).unwrap();
    assert!(!is_kept_by_the_kernel(ours), "it could still be delivered");
}

/// True while the kernel has a connection with this port at its near end, closed or not.
fn is_kept_by_the_kernel(port: u16) -> bool {
    let near = format!(":{port:04X}");
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    connections.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|address| address.ends_with(&near)))
}
