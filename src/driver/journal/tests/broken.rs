//! Disks that are full, pipes that are closed, and folders that cannot be written: the guard's side takes no notice,
//! and the count of what is lost is exact.

use super::super::writer::Writer;
use super::super::{Owner, Recorder, Shared};
use super::*;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_million_events_with_the_disk_full_half_way_cost_the_guard_the_same_and_are_counted_exactly() {
    const EVENTS: u64 = 1_000_000;
    let folder = Folder::new();
    let path = folder.path("journal");
    let descriptor = create(&path);
    // The number under which the writer writes stays the same; what is behind it becomes full, and well again.
    let (disk, handle) = (descriptor.try_clone().unwrap(), std::os::fd::AsRawFd::as_raw_fd(&descriptor));
    let journal = start(&path, descriptor, 8192);
    let recorder = journal.recorder(VenueName::Deribit, "desk");
    let first = produce(&recorder, 1, EVENTS / 2);
    become_of(handle, &open("/dev/full"));
    let second = produce(&recorder, EVENTS / 2 + 1, EVENTS);
    assert!(journal.flush(PATIENCE));
    assert!(journal.status().error.unwrap().contains("space"));
    become_of(handle, &disk);
    recorder.record(&event(EVENTS + 1));
    recorder.hand_over();
    assert!(journal.flush(PATIENCE));
    println!("disk with room: {first}; disk full: {second}; {:?}", journal.status());
    let JournalStatus { written, lost, error } = journal.status();
    assert_eq!((written + lost, error), (EVENTS + 1, None));
    assert!((EVENTS / 2 - 8192..=EVENTS / 2).contains(&lost));
    let lines = read(&path);
    let told: u64 =
        lines.iter().filter(|line| line["kind"] == "lost").map(|line| line["count"].as_u64().unwrap()).sum();
    assert_eq!(told, lost);
    assert_eq!(lines.iter().filter(|line| line["seq"].is_u64()).count() as u64, written);
    // Generous, because other programs share the machine; a producer that waited for the disk would be far beyond.
    assert!(second.median <= first.median * 2 + Duration::from_micros(2), "{first} then {second}");
}

#[test]
fn what_a_guard_hands_over_faster_than_it_can_be_written_is_counted_per_guard() {
    let folder = Folder::new();
    let path = folder.path("journal");
    // Without its thread: nothing is taken out of the queue.
    let (shared, _writer) = parts(&path, create(&path), 16);
    let journal = Journal { owner: Arc::new(Owner { shared }) };
    let (one, other) = (journal.recorder(VenueName::Deribit, "one"), journal.recorder(VenueName::Bybit, "other"));
    (1..=20).for_each(|seq| one.record(&event(seq)));
    (1..=3).for_each(|seq| other.record(&event(seq)));
    assert_eq!((one.desk.owed(), other.desk.owed()), ((4, 0), (3, 0)));
    assert_eq!(journal.status().lost, 7);
}

#[test]
fn a_disk_that_fills_up_and_is_freed_leaves_whole_lines_and_one_record_of_the_loss() {
    let folder = Folder::new();
    let Some(_mounted) = SmallDisk::mount(&folder.root) else {
        eprintln!("SKIPPED: a disk of 64 KiB needs the privilege to mount one");
        return;
    };
    let path = folder.path("journal");
    let ballast = folder.path("ballast");
    std::fs::write(&ballast, vec![0; 32 << 10]).unwrap();
    let journal = Journal::open(&path, JournalOptions::default()).unwrap();
    let recorder = journal.recorder(VenueName::Deribit, "desk");
    for seq in 1..=1000 {
        recorder.record(&event(seq));
    }
    assert!(journal.flush(PATIENCE));
    let full = journal.status();
    assert!(full.lost > 0 && full.error.is_some(), "{full:?}");
    std::fs::remove_file(&ballast).unwrap();
    recorder.record(&event(1001));
    assert!(journal.flush(PATIENCE));
    let status = journal.status();
    assert_eq!((status.written + status.lost, &status.error), (1001, &None));
    let lines = read(&path);
    let losses: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "lost").collect();
    assert_eq!(losses.len(), 1);
    assert_eq!(losses[0]["count"], status.lost);
    assert!(losses[0]["error"].as_str().unwrap().contains("space"));
}

#[test]
fn a_file_that_cannot_be_put_aside_goes_on_and_says_so() {
    let folder = Folder::new();
    let path = folder.path("journal");
    let options = JournalOptions { max_bytes: 64 << 10, keep: 2, queue: 4096 };
    let journal = Journal::open(&path, options).unwrap();
    // Where its files would be put aside stands something that cannot be replaced, whoever we are.
    std::fs::create_dir_all(aside(&path, 1).join("in the way")).unwrap();
    let recorder = journal.recorder(VenueName::Deribit, "desk");
    for seq in 1..=1000 {
        recorder.record(&event(seq));
    }
    assert!(journal.flush(PATIENCE));
    assert_eq!(journal.status(), JournalStatus { written: 1000, lost: 0, error: None });
    assert!(read(&path).iter().any(|line| line["kind"] == "not_rotated"));
}

#[test]
fn a_pipe_whose_reader_goes_away_is_counted_and_goes_on_when_one_comes_back() {
    let folder = Folder::new();
    let path = folder.path("pipe");
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    let error = Journal::open(&path, JournalOptions::default()).unwrap_err();
    assert!(error.to_string().contains("nobody reads"), "{error}");
    let reader = open_reader(&path);
    let journal = Journal::open(&path, JournalOptions::default()).unwrap();
    assert!(journal.flush(PATIENCE));
    drop(reader);
    let recorder = journal.recorder(VenueName::Deribit, "desk");
    (1..=3).for_each(|seq| recorder.record(&event(seq)));
    assert!(journal.flush(PATIENCE));
    assert_eq!(journal.status().lost, 3);
    let mut reader = BufReader::new(std::fs::File::from(open_reader(&path)));
    recorder.record(&event(4));
    assert!(journal.flush(PATIENCE));
    let mut next = || -> Value {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    // What was written before the reader left still lies in the pipe.
    assert_eq!(next()["kind"], "opened");
    let (lost, event) = (next(), next());
    assert_eq!((&lost["kind"], &lost["count"], &event["seq"]), (&"lost".into(), &3.into(), &4.into()));
}

/// How long one event takes the producer.
struct Cost {
    median: Duration,
    slowest_in_a_thousand: Duration,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "median {:?}, 99.9 % within {:?}", self.median, self.slowest_in_a_thousand)
    }
}

fn produce(recorder: &Recorder, from: u64, to: u64) -> Cost {
    let mut template = event(from);
    let mut lengths = Vec::new();
    for seq in from..=to {
        template.seq = seq;
        while recorder.owner.shared.queue.len() > 4096 {
            // The writer gets the time it needs; what is measured is a guard with room in the queue.
            std::thread::yield_now();
        }
        let before = clock::now().at;
        recorder.record(&template);
        recorder.hand_over();
        lengths.push(clock::now().at.since(before));
    }
    lengths.sort_unstable();
    Cost { median: lengths[lengths.len() / 2], slowest_in_a_thousand: lengths[lengths.len() * 999 / 1000] }
}

fn start(path: &Path, descriptor: OwnedFd, queue: usize) -> Journal {
    let (shared, writer) = parts(path, descriptor, queue);
    std::thread::Builder::new().spawn(move || writer.run()).unwrap();
    Journal { owner: Arc::new(Owner { shared }) }
}

fn parts(path: &Path, descriptor: OwnedFd, queue: usize) -> (Arc<Shared>, Writer) {
    let options = JournalOptions { max_bytes: 1 << 40, keep: 1, queue };
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let shared = Arc::new(Shared::new(path, queue, bell));
    let writer = Writer::new(shared.clone(), File::over(path, options, descriptor, 0, true), None);
    (shared, writer)
}

fn create(path: &Path) -> OwnedFd {
    rustix::fs::open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, Mode::RUSR | Mode::WUSR).unwrap()
}

fn open(path: &str) -> OwnedFd {
    rustix::fs::open(path, OFlags::WRONLY | OFlags::APPEND, Mode::empty()).unwrap()
}

fn open_reader(path: &Path) -> OwnedFd {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap()
}

fn become_of(handle: i32, what: &OwnedFd) {
    // SAFETY: both are open; the number belongs to a descriptor that the writer keeps for as long as it runs.
    assert!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&what.as_fd()), handle) } >= 0);
}

/// A file system that is soon full.
struct SmallDisk<'a> {
    at: &'a Path,
}

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(at).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self { at })
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.at).status();
    }
}
