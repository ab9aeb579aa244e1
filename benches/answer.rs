//! What the pure core needs for one input: a message in, the decision, the answer out, and everything drained until the
//! session waits. Run with `cargo bench --bench answer`; the method and the last table are in `benches/README.md`.
//! How many instructions the same cycles take is counted by `counts.rs`.

#![allow(missing_docs, reason = "criterion's macros write public functions without")]

use criterion::{Criterion, criterion_group, criterion_main};

mod cycles;

criterion_group!(benches, answer);
criterion_main!(benches);

fn answer(criterion: &mut Criterion) {
    for mut cycle in cycles::all() {
        criterion.bench_function(cycle.name, |bencher| bencher.iter(&mut cycle.run));
    }
}
