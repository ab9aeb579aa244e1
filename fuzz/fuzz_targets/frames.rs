//! Frames as a venue delivers them. Neither the size of the pieces they arrive in nor anything else makes a difference
//! or a panic, and what is delivered is never more than what came.
#![no_main]

use killcord::driver::hostile::read_frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = read_frames(bytes, usize::MAX);
    let piece = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    assert_eq!(read_frames(bytes, piece), whole);
    assert!(whole.said.iter().map(|(_, payload)| payload.len()).sum::<usize>() <= bytes.len());
    for (_, text) in whole.said.iter().filter(|(kind, _)| *kind == 't') {
        std::str::from_utf8(text).expect("delivered text is UTF-8");
    }
});
