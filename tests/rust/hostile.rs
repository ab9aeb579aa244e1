//! Every input that fuzzing kept, and the seeds it began with, through the functions the fuzzer calls. Frames are replayed
//! in `src/driver/tests/frames.rs`.

use std::path::Path;

#[path = "../../fuzz/targets.rs"]
mod targets;

#[test]
fn configuration_files_that_fuzzing_kept_are_read_or_refused() {
    replay("settings", targets::settings);
}

#[test]
fn lease_pages_that_fuzzing_kept_prove_nothing_they_should_not() {
    replay("lease_page", targets::lease_page);
}

#[test]
fn what_fuzzing_said_to_every_dialect_is_heard() {
    replay("bybit", targets::bybit);
    replay("crypto_com", targets::crypto_com);
    replay("deribit", targets::deribit);
    replay("kraken", targets::kraken);
}

fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let kept: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!kept.is_empty(), "no corpus in {}", corpus.display());
    for file in kept {
        println!("{}", file.display());
        run(&std::fs::read(&file).unwrap());
    }
}
