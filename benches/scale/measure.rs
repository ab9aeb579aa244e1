//! What this process uses, by the kernel's accounts, and percentiles.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// At one moment.
pub struct Usage {
    pub at: Instant,
    /// Bytes of memory that are in use and not shared with files.
    pub memory: u64,
    pub descriptors: usize,
    /// Processor time of all threads, in the kernel and outside.
    pub processor: Duration,
}

impl Usage {
    pub fn now() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or(io::ErrorKind::NotFound)?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|_| io::ErrorKind::InvalidData)?;
        let descriptors = fs::read_dir("/proc/self/fd")?.count();
        Ok(Self { at: Instant::now(), memory: kib * 1024, descriptors, processor: processor()? })
    }
}

/// Nanoseconds that each thread ran, from its schedstat: finer than the ticks of `stat`.
fn processor() -> io::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// p50, p99, p99.9 and the largest of a sorted list; zeros of an empty one.
pub fn percentiles(sorted: &[f64]) -> (f64, f64, f64, f64) {
    let at = |share: f64| {
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
    };
    (at(0.5), at(0.99), at(0.999), at(1.0))
}
