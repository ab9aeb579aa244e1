//! Which process is meant: a number alone is not enough, because the system gives it to another process later, and after
//! the next boot. A number, the time its process was started and the boot are.
//!
//! Linux only, like the rest of the driver's way to tell what happens on this machine.

use crate::model::{PageClaim, PageFault};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

/// This process, as a page would name it.
pub(super) fn this_process() -> io::Result<PageClaim> {
    let pid = std::process::id();
    let start_time = start_time(pid)?.ok_or(io::ErrorKind::NotFound)?;
    Ok(PageClaim { generation: 0, pid, start_time, boot_id: boot_id()? })
}

/// Watches the owner of a page. The descriptor stands for the process itself, so its number may be given away meanwhile.
#[derive(Debug, Default)]
pub(super) struct OwnerWatch {
    known: Option<(PageClaim, Found)>,
}

#[derive(Debug)]
enum Found {
    Gone(PageFault),
    Alive(OwnedFd),
    /// There was no descriptor to be had: looked for by number and start time, every time.
    ByNumber,
}

impl OwnerWatch {
    /// What is known against the process that made this claim; nothing while it lives.
    pub(super) fn against(&mut self, claim: PageClaim) -> Option<PageFault> {
        if self.known.as_ref().is_none_or(|(known, _)| *known != claim) {
            self.known = Some((claim, find(&claim)));
        }
        let (_, found) = self.known.as_mut()?;
        let gone = match found {
            Found::Gone(fault) => Some(*fault),
            Found::Alive(descriptor) => has_ended(descriptor).then_some(PageFault::OwnerDied),
            Found::ByNumber => by_number(&claim),
        };
        if let Some(fault) = gone {
            *found = Found::Gone(fault);
        }
        gone
    }
}

fn find(claim: &PageClaim) -> Found {
    let descriptor = i32::try_from(claim.pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    let descriptor = descriptor.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    // In this order: once there is a descriptor, its number belongs to that process until it is seen to have ended.
    match (by_number(claim), descriptor) {
        (Some(fault), _) => Found::Gone(fault),
        (None, Ok(descriptor)) => Found::Alive(descriptor),
        (None, Err(_)) => Found::ByNumber,
    }
}

/// Unknown is not gone: where the system does not say, the progress alone decides.
fn by_number(claim: &PageClaim) -> Option<PageFault> {
    if boot_id().is_ok_and(|ours| ours != claim.boot_id) {
        return Some(PageFault::EarlierBoot);
    }
    match start_time(claim.pid) {
        Ok(None) => Some(PageFault::OwnerDied),
        Ok(Some(started)) if started != claim.start_time => Some(PageFault::PidReused),
        Ok(Some(_)) | Err(_) => None,
    }
}

fn has_ended(descriptor: &OwnedFd) -> bool {
    let mut waited = [PollFd::new(descriptor, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut waited, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// None when there is no such process, or only what is left of it until its parent asks.
fn start_time(pid: u32) -> io::Result<Option<u64>> {
    match fs::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse_stat(&String::from_utf8_lossy(&stat)).ok_or_else(|| io::ErrorKind::InvalidData.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // It ended while it was being read.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Field 2 is the program's name in brackets and may hold anything, brackets included; field 3 is the state, 22 the start.
fn parse_stat(stat: &str) -> Option<Option<u64>> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((!matches!(state, "Z" | "X")).then_some(started))
}

fn boot_id() -> io::Result<[u8; 16]> {
    static BOOT_ID: OnceLock<[u8; 16]> = OnceLock::new();
    if let Some(known) = BOOT_ID.get() {
        return Ok(*known);
    }
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let read = parse_boot_id(&text).ok_or(io::ErrorKind::InvalidData)?;
    Ok(*BOOT_ID.get_or_init(|| read))
}

fn parse_boot_id(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let rest = "S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 2";
        assert_eq!(parse_stat(&format!("42 (a) b) ({rest}) {rest}")), Some(Some(123_456)));
        assert_eq!(parse_stat(&format!("42 (x) {}", rest.replacen('S', "Z", 1))), Some(None));
        assert_eq!(parse_stat("42 (x) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_boot_id_is_its_sixteen_bytes_in_the_order_in_which_they_are_written() {
        let read = parse_boot_id("00112233-4455-6677-8899-aabbccddeeff\n").unwrap();
        assert_eq!((read[0], read[1], read[15]), (0, 0x11, 0xff));
        assert_eq!(parse_boot_id("0011"), None);
        assert_eq!(parse_boot_id("zz112233-4455-6677-8899-aabbccddeeff"), None);
    }

    #[test]
    fn this_process_lives_and_is_not_another_start_nor_another_boot() {
        let us = this_process().unwrap();
        let mut watch = OwnerWatch::default();
        assert_eq!(watch.against(us), None);
        assert_eq!(watch.against(PageClaim { start_time: us.start_time + 1, ..us }), Some(PageFault::PidReused));
        assert_eq!(watch.against(PageClaim { boot_id: [7; 16], ..us }), Some(PageFault::EarlierBoot));
        assert_eq!(watch.against(PageClaim { pid: u32::MAX, ..us }), Some(PageFault::OwnerDied));
        assert_eq!(watch.against(us), None);
    }

    #[test]
    fn a_child_that_ended_is_dead_before_and_after_its_parent_asks() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let started = start_time(child.id()).unwrap().unwrap();
        let claim = PageClaim { pid: child.id(), start_time: started, ..this_process().unwrap() };
        let mut watch = OwnerWatch::default();
        assert_eq!(watch.against(claim), None);
        child.kill().unwrap();
        let descriptor = pidfd_open(Pid::from_raw(i32::try_from(claim.pid).unwrap()).unwrap(), PidfdFlags::empty());
        poll(&mut [PollFd::new(&descriptor.unwrap(), PollFlags::IN)], None).unwrap();
        assert_eq!(watch.against(claim), Some(PageFault::OwnerDied));
        assert_eq!(OwnerWatch::default().against(claim), Some(PageFault::OwnerDied));
        child.wait().unwrap();
        assert_eq!(OwnerWatch::default().against(claim), Some(PageFault::OwnerDied));
    }
}
