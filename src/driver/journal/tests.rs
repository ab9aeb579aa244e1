//! The journal on real files, pipes and devices. What cannot be had without privilege is skipped aloud.

mod broken;
mod lines;
mod samples;

use super::rotate::{File, aside};
use super::{Journal, JournalError, JournalOptions, JournalStatus};
use crate::driver::clock;
use crate::driver::tests::{Do, PATIENCE, Peer, Scripted, Seen, settings};
use crate::driver::{Engine, GuardHandle};
use crate::model::{Epoch, Event, EventKind, VenueName};
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn every_event_of_a_guard_is_a_line_with_its_number_down_to_the_panic_that_ended_it() {
    let folder = Folder::new();
    let journal = Journal::open(folder.path("journal"), JournalOptions::default()).unwrap();
    let engine = Engine::start().unwrap();
    let (script, _seen) = Scripted::new(Peer::listen().endpoint(), |seen| match seen {
        Seen::Start => vec![Do::Tell(EventKind::LetGo), Do::Tell(EventKind::Permit { given: false }), Do::Panic],
        _ => vec![],
    });
    let mut settings = settings();
    settings.recorder = Some(journal.recorder(VenueName::Deribit, "desk"));
    let guard: GuardHandle = engine.add_machine(script, settings, None).unwrap();
    guard.start().unwrap();
    guard.wait_ended(PATIENCE).unwrap();
    assert!(journal.flush(PATIENCE));
    let told: Vec<u64> = guard.drain_events(1000).unwrap().iter().map(|event| event.seq).collect();
    let lines = read(&folder.path("journal"));
    let seqs: Vec<u64> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(seqs, told);
    assert!(told.len() > 2);
    assert_eq!((&lines[1]["kind"], &lines.last().unwrap()["kind"]), (&"let_go".into(), &"error".into()));
}

#[test]
fn the_first_line_says_who_writes_and_the_file_is_ours_alone() {
    let folder = Folder::new();
    let path = folder.path("journal");
    let journal = Journal::open(&path, JournalOptions::default()).unwrap();
    assert!(journal.flush(PATIENCE));
    let opened = &read(&path)[0];
    assert_eq!(opened["kind"], "opened");
    assert_eq!(opened["pid"], std::process::id());
    assert_eq!(opened["boot_id"].as_str().unwrap().len(), 36);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_file_that_others_can_read_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let path = folder.path("journal");
    std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Journal::open(&path, JournalOptions::default()).unwrap_err();
        assert!(matches!(error, JournalError::Unsafe { .. }));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_file_of_another_user_is_refused() {
    let folder = Folder::new();
    let path = folder.path("journal");
    std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).unwrap();
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
        eprintln!("SKIPPED: giving a file away needs privilege");
        return;
    }
    let error = Journal::open(&path, JournalOptions::default()).unwrap_err();
    assert!(error.to_string().contains("belongs to user 12345"), "{error}");
}

#[test]
fn a_symbolic_link_a_device_and_a_folder_are_refused() {
    let folder = Folder::new();
    let link = folder.path("link");
    std::os::unix::fs::symlink(folder.path("elsewhere"), &link).unwrap();
    let error = Journal::open(&link, JournalOptions::default()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert!(!folder.path("elsewhere").exists());
    let error = Journal::open("/dev/null", JournalOptions::default()).unwrap_err();
    assert!(error.to_string().contains("neither a file nor a pipe"), "{error}");
    assert!(Journal::open(&folder.root, JournalOptions::default()).is_err());
    assert!(Journal::open(folder.path("no/such/folder"), JournalOptions::default()).is_err());
}

#[test]
fn two_journals_do_not_share_a_file_and_one_that_ended_frees_it() {
    let folder = Folder::new();
    let path = folder.path("journal");
    let first = Journal::open(&path, JournalOptions::default()).unwrap();
    let error = Journal::open(&path, JournalOptions::default()).unwrap_err();
    assert!(error.to_string().contains("another journal"), "{error}");
    drop(first);
    // The thread ends in its own time.
    let again = (0..1_000_000).find_map(|_| {
        std::thread::yield_now();
        Journal::open(&path, JournalOptions::default()).ok()
    });
    assert!(again.unwrap().flush(PATIENCE));
    let kinds: Vec<Value> = read(&path).into_iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["opened", "opened"]);
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    let folder = Folder::new();
    let standard = JournalOptions::default();
    for (field, options) in [
        ("max_bytes", JournalOptions { max_bytes: 1, ..standard }),
        ("keep", JournalOptions { keep: 0, ..standard }),
        ("queue", JournalOptions { queue: 0, ..standard }),
    ] {
        match Journal::open(folder.path("journal"), options) {
            Err(JournalError::Config(error)) => assert_eq!(error.field, field),
            other => panic!("{other:?}"),
        }
    }
    assert!(!folder.path("journal").exists());
}

#[test]
fn rotation_keeps_as_many_files_as_asked_and_loses_no_line_among_them() {
    let folder = Folder::new();
    let path = folder.path("journal");
    let options = JournalOptions { max_bytes: 64 << 10, keep: 2, queue: 4096 };
    let journal = Journal::open(&path, options).unwrap();
    let recorder = journal.recorder(VenueName::Kraken, "desk");
    for seq in 1..=2000 {
        recorder.record(&event(seq));
    }
    recorder.hand_over();
    assert!(journal.flush(PATIENCE));
    assert_eq!(journal.status(), JournalStatus { written: 2000, lost: 0, error: None });
    assert!(!aside(&path, 3).exists());
    let files = [aside(&path, 2), aside(&path, 1), path.clone()];
    for file in &files {
        assert!(std::fs::metadata(file).unwrap().len() <= options.max_bytes);
        assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(read(file)[0]["kind"], "rotated");
    }
    let numbers: Vec<u64> = files.iter().flat_map(|file| read(file)).map(|line| line["n"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(read(&path).last().unwrap()["seq"], 2000);
}

#[test]
fn a_line_torn_by_a_kill_is_ended_and_told_with_its_place() {
    let folder = Folder::new();
    let path = folder.path("journal");
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).unwrap();
    file.write_all(b"{\"v\":1,\"n\":1}\n{\"v\":1,\"n\":2,\"wa").unwrap();
    let journal = Journal::open(&path, JournalOptions::default()).unwrap();
    assert!(journal.flush(PATIENCE));
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1], "{\"v\":1,\"n\":2,\"wa");
    let (opened, torn): (Value, Value) =
        (serde_json::from_str(lines[2]).unwrap(), serde_json::from_str(lines[3]).unwrap());
    assert_eq!(opened["kind"], "opened");
    assert_eq!((&torn["kind"], &torn["offset"], &torn["bytes"]), (&"torn".into(), &14.into(), &16.into()));
}

#[test]
fn after_a_kill_every_finished_line_is_there_and_at_most_the_last_is_torn() {
    const CHILD: &str = "KILLCORD_TEST_JOURNAL_CHILD";
    if let Ok(path) = std::env::var(CHILD) {
        let journal = Journal::open(path, JournalOptions { queue: 256, ..JournalOptions::default() }).unwrap();
        let recorder = journal.recorder(VenueName::Bybit, "desk");
        for seq in 1.. {
            recorder.record(&event(seq));
            recorder.hand_over();
        }
    }
    let folder = Folder::new();
    let path = folder.path("journal");
    let name = std::thread::current().name().unwrap().to_owned();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(CHILD, &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while std::fs::metadata(&path).map_or(0, |about| about.len()) < 100_000 {
        assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    for line in bytes[..end].split_inclusive(|&byte| byte == b'\n') {
        serde_json::from_slice::<Value>(line).unwrap();
    }
    assert!(Journal::open(&path, JournalOptions::default()).unwrap().flush(PATIENCE));
    let torn = std::fs::read_to_string(&path).unwrap().lines().any(|line| line.contains("\"kind\":\"torn\""));
    assert_eq!(torn, end < bytes.len());
}

/// An event whose line has a length as most have.
fn event(seq: u64) -> Event {
    let now = clock::now();
    Event { seq, at: now.at, wall: now.wall, epoch: Epoch(3), kind: EventKind::GapOpened { why: "the link was lost" } }
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder of the test's own, removed with everything in it.
struct Folder {
    root: PathBuf,
}

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("killcord-journal-{}-{number}", std::process::id()));
        std::fs::create_dir(&root).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
