//! The same with the driver, sockets and the kernel: a guard on its own thread, a venue of a few lines on this one.

use killcord::driver::{Engine, GuardSpec};
use killcord::model::{Access, Credentials, Endpoint, Phase, Policy, Secret, TimeFactor};
use killcord::venue::crypto_com::{CryptoCom, CryptoComConfig};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

/// The thread whose allocations are counted; none at 0.
static WATCHED: AtomicI32 = AtomicI32::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Called by the allocator for every allocation there is.
pub fn allocated() {
    let watched = WATCHED.load(Ordering::Relaxed);
    // SAFETY: the call has no preconditions.
    if watched != 0 && watched == unsafe { libc::gettid() } {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is published afterwards (a snapshot, at most a hundred a second) does allocate, and may fall between an answer
/// and the next heartbeat. An allocation on the way to the answer would be in every one of them.
#[test]
fn an_engine_answers_a_heartbeat_on_a_real_socket_without_allocating() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = Engine::start().unwrap();
    let guard = engine.add(GuardSpec::new(Box::new(dialect(&listener)), Policy::default())).unwrap();
    guard.start().unwrap();
    let mut venue = accept(listener.accept().unwrap().0).unwrap();
    (0..3).for_each(|_| acknowledge(&mut venue));
    guard.wait_phase(|phase| phase == Phase::Armed, Duration::from_secs(10)).unwrap();
    (0..200).for_each(|n| beat(&mut venue, n));
    WATCHED.store(engine_thread(), Ordering::SeqCst);
    let silent = (0..1000).filter(|n| allocations_of(|| beat(&mut venue, 200 + n)) == 0).count();
    assert!(silent >= 900, "{silent} of 1000 heartbeats were answered without an allocation");
    let ending = allocations_of(|| {
        guard.let_go().unwrap();
        guard.wait_ended(Duration::from_secs(10)).unwrap();
    });
    WATCHED.store(0, Ordering::SeqCst);
    assert!(ending > 0, "the counter watches the right thread: an end is told with events");
}

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = COUNT.load(Ordering::SeqCst);
    work();
    COUNT.load(Ordering::SeqCst) - before
}

fn beat(venue: &mut WebSocket<TcpStream>, n: u64) {
    let id = 1_587_523_073_344 + n;
    venue.send(Message::text(format!(r#"{{"id":{id},"method":"public/heartbeat","code":0}}"#))).unwrap();
    while !line(venue).contains(&format!(r#"{{"id":{id},"method":"public/respond-heartbeat"}}"#)) {}
}

/// Login, the switch, its read-back: whatever it is, the answer says that it is on.
fn acknowledge(venue: &mut WebSocket<TcpStream>) {
    let asked = line(venue);
    let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
    let answer = serde_json::json!({
        "id": asked["id"], "method": asked["method"], "code": 0, "result": {"scope": "CONNECTION"}
    });
    venue.send(Message::text(answer.to_string())).unwrap();
}

fn line(venue: &mut WebSocket<TcpStream>) -> String {
    loop {
        if let Message::Text(text) = venue.read().unwrap() {
            return text.as_str().to_owned();
        }
    }
}

fn dialect(listener: &TcpListener) -> CryptoCom {
    let guard = Endpoint::parse("guard_url", &format!("ws://{}/", listener.local_addr().unwrap())).unwrap();
    let http = Endpoint::parse("http_url", "http://127.0.0.1:1").unwrap();
    let credentials = Credentials::new("KEY", Secret::new("secret".into()), None).unwrap();
    let factor = TimeFactor::new(0.1).unwrap();
    CryptoCom::new(CryptoComConfig { access: Access::custom("desk", guard, None, http, credentials, factor) }).unwrap()
}

/// The kernel's number for the thread that is called so.
fn engine_thread() -> i32 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let ours = threads.filter(|path| std::fs::read_to_string(path.join("comm")).unwrap().trim() == "killcord-engine");
    ours.last().and_then(|path| path.file_name()?.to_str()?.parse().ok()).expect("an engine was started")
}
