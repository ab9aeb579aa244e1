//! What renewing a lease costs: in the process of the guard, and through a shared page. Reads the clock, writes the words;
//! no system call. Run with `cargo bench --features driver --bench renew`; the last figures are in `benches/README.md`.

#![allow(missing_docs, reason = "criterion's macros write public functions without")]

use criterion::{Criterion, criterion_group, criterion_main};
use killcord::driver::{Engine, GuardSpec, SharedLease};
use killcord::model::{Access, Credentials, Endpoint, LeaseTerms, Policy, Secret, TimeFactor};
use killcord::venue::deribit::{Deribit, DeribitConfig, DeribitScope, MatchingCredits};
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

criterion_group!(benches, in_process, through_a_page);
criterion_main!(benches);

fn in_process(criterion: &mut Criterion) {
    let guard = Engine::start().and_then(|engine| engine.add(unreachable_guard())).expect("a guard");
    guard.start().expect("starts once");
    let lease = guard.lease(LeaseTerms::new("quoter", Duration::from_secs(3600)).expect("possible")).expect("a lease");
    let mut progress = 0;
    criterion.bench_function("renew in the process of the guard", |bencher| {
        bencher.iter(|| {
            progress += 1;
            lease.renew(black_box(progress))
        });
    });
}

fn through_a_page(criterion: &mut Criterion) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("killcord-bench-{}", std::process::id()));
    let owner = SharedLease::open(&path, "quoter").and_then(|page| page.claim()).expect("a page");
    let mut progress = 0;
    criterion.bench_function("renew through a shared page", |bencher| {
        bencher.iter(|| {
            progress += 1;
            assert!(owner.renew(black_box(progress)));
        });
    });
    std::fs::remove_file(path).expect("it was made above");
}

/// Takes leases, and finds nobody at the address it dials.
fn unreachable_guard() -> GuardSpec {
    let at = |url: &str| Endpoint::parse("url", url).expect("an address");
    let credentials = Credentials::new("key", Secret::new("secret".into()), None).expect("possible");
    let (link, http) = (at("ws://127.0.0.1:9/ws/api/v2"), at("http://127.0.0.1:9"));
    let access = Access::custom("desk", link, None, http, credentials, TimeFactor::REAL);
    let config = DeribitConfig {
        access,
        heartbeat_s: 10,
        scope: DeribitScope::Connection,
        matching: MatchingCredits::default(),
    };
    GuardSpec::new(Box::new(Deribit::new(config).expect("possible")), Policy::default())
}
