//! What the pure core needs for one heartbeat: a message in, the decision, the answer out, and everything drained until
//! the session waits. No socket, no kernel. Run with `cargo bench --bench answer`; the method and the last table are in
//! `benches/README.md`.

#![allow(missing_docs, reason = "criterion's macros write public functions without")]

use criterion::{Criterion, criterion_group, criterion_main};
use killcord::model::{Epoch, Now};
use killcord::session::{Action, Command, Input, Session};
use killcord::venue::Venue;
use std::hint::black_box;
use std::time::Duration;

#[path = "../tests/rust/worlds.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared with the simulation, which uses all of it")]
mod worlds;

criterion_group!(benches, answer);
criterion_main!(benches);

fn answer(criterion: &mut Criterion) {
    let beat = r#"{"id":1587523073344,"method":"public/heartbeat","code":0}"#;
    cycle(criterion, "crypto_com heartbeat to answer", &worlds::CRYPTO_COM, beat);
    let request = r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;
    cycle(criterion, "deribit test request to answer", &worlds::DERIBIT, request);
    cycle(criterion, "kraken heartbeat, no answer due", &worlds::KRAKEN, r#"{"channel":"heartbeat"}"#);
}

fn cycle<V: Venue>(criterion: &mut Criterion, name: &str, side: &worlds::Side<V>, line: &str) {
    let (mut session, epoch, mut now) = armed(side);
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            now.at = now.at + Duration::from_nanos(1);
            session.handle(now, Input::Line { epoch, text: black_box(line) });
            while !matches!(black_box(session.poll()), Action::Wait { .. }) {}
        });
    });
}

/// A session that was armed in a simulated world.
fn armed<V: Venue>(side: &worlds::Side<V>) -> (Session<V>, Epoch, Now) {
    let mut world = side.world(Duration::from_millis(1), 1);
    world.command(Command::Start);
    let end = world.now().at + Duration::from_secs(30);
    while world.step(end) {}
    let snapshot = world.snapshot();
    assert!(snapshot.claim(), "{snapshot:?}");
    let now = world.now();
    (world.session, snapshot.epoch, now)
}
