//! Runs each cycle of the pure core a thousand times, each in a function of its own, for an instruction counter to watch
//! (`counts.py`). Prints which function is which cycle. By itself it measures nothing.

use std::hint::black_box;

mod cycles;

/// One function for each place in the list. What each is given to keep differs, or the compiler would make them one.
macro_rules! counted {
    ($($name:ident $at:literal),*) => {
        $(#[inline(never)]
        fn $name(run: &mut dyn FnMut()) {
            black_box($at);
            (0..ROUNDS).for_each(|_| run());
        })*

        const COUNTED: &[(&str, fn(&mut dyn FnMut()))] = &[$((stringify!($name), $name)),*];
    };
}

counted!(
    cycle_00 0, cycle_01 1, cycle_02 2, cycle_03 3, cycle_04 4, cycle_05 5, cycle_06 6, cycle_07 7, cycle_08 8,
    cycle_09 9, cycle_10 10, cycle_11 11, cycle_12 12, cycle_13 13, cycle_14 14, cycle_15 15
);

const ROUNDS: u64 = 1000;

fn main() {
    let cycles = cycles::all();
    assert_eq!(cycles.len(), COUNTED.len(), "one function for each cycle");
    for ((function, counted), mut cycle) in COUNTED.iter().zip(cycles) {
        // Buffers grow to their size before anything is counted.
        (0..10).for_each(|_| (cycle.run)());
        counted(&mut *cycle.run);
        println!("{function} {ROUNDS} {}", cycle.name);
    }
}
